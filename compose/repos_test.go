package compose_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// indexed makes a folder of RPMs a repository: name, version, arch of each.
func indexed(t *testing.T, dir string, packages ...[3]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		file := filepath.Join(dir, p[0]+"-"+p[1]+"-1.fc44."+p[2]+".rpm")
		if err := os.WriteFile(file, simple(p[0], p[1], p[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := repo.Create(t.Context(), dir, repo.Options{Compression: repo.Gzip}); err != nil {
		t.Fatal(err)
	}
}

// served serves a folder; its URL ends without a slash.
func served(t *testing.T, dir string) string {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(s.Close)
	return s.URL
}

func TestRepositoryIsASourceWholeOrByNames(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	dir := t.TempDir()
	indexed(t, filepath.Join(dir, "44", "x86_64"), [3]string{"vim", "9.1", "x86_64"}, [3]string{"vim", "9.1", "aarch64"}, [3]string{"vim", "9.1", "i686"}, [3]string{"vim-data", "9.1", "noarch"},
		[3]string{"vim-debuginfo", "9.1", "x86_64"}, [3]string{"vim", "9.1", "src"}, [3]string{"nano", "8.0", "x86_64"}, [3]string{"arm", "1.0", "aarch64"})
	url := served(t, dir)
	r := resolver(t, f)
	for name, tc := range map[string]struct {
		source string
		o      compose.Options
		want   []string
	}{
		"whole":     {"repo:" + url + "/44/x86_64/", compose.Options{}, []string{"nano-8.0-1.fc44.x86_64", "vim-9.1-1.fc44.x86_64", "vim-data-9.1-1.fc44.noarch"}},
		"variables": {"repo:" + url + "/$releasever/$basearch", compose.Options{}, []string{"nano-8.0-1.fc44.x86_64", "vim-9.1-1.fc44.x86_64", "vim-data-9.1-1.fc44.noarch"}},
		"by names":  {"repo:" + url + "/44/x86_64/#vim,vim-data", compose.Options{}, []string{"vim-9.1-1.fc44.x86_64", "vim-data-9.1-1.fc44.noarch"}},
		"all of it": {
			"repo:" + url + "/44/x86_64#vim,vim-debuginfo",
			compose.Options{Multilib: true, Debuginfo: true, IncludeSource: true},
			[]string{"vim-9.1-1.fc44.i686", "vim-9.1-1.fc44.src", "vim-9.1-1.fc44.x86_64", "vim-debuginfo-9.1-1.fc44.x86_64"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := repoOf(tc.source)
			req.Options = tc.o
			plan, err := r.Resolve(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, nevras(plan)); diff != "" {
				t.Error(diff)
			}
			for _, p := range plan.RPMs {
				if len(p.SHA256) != 64 || p.Size == 0 || p.SigMD5 == "" || p.Signature != compose.SignatureUnsigned || p.BuildTime == 0 {
					t.Errorf("%+v is not pinned", p)
				}
			}
			if s := plan.Sources[0]; s.Repo == nil || len(s.Repo.RepomdSHA256) != 64 || s.Repo.Revision == "" || s.RPMs != len(tc.want) {
				t.Errorf("%+v", s)
			}
			if files, _, err := built(t, plan, compose.Keys{}); err != nil || len(files) != len(tc.want) {
				t.Errorf("built %d files, %v", len(files), err)
			}
		})
	}
}

func TestRepositoryThatCannotBeTakenIsOneSentence(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	dir := t.TempDir()
	indexed(t, filepath.Join(dir, "good"), [3]string{"vim", "9.1", "x86_64"}, [3]string{"arm", "1.0", "aarch64"})
	indexed(t, filepath.Join(dir, "arm"), [3]string{"arm", "1.0", "aarch64"})
	indexed(t, filepath.Join(dir, "altered"), [3]string{"vim", "9.2", "x86_64"}) // another, or the cache has it
	damagePrimary(t, filepath.Join(dir, "altered"))
	indexed(t, filepath.Join(dir, "swapped"), [3]string{"vim", "9.1", "x86_64"})
	if err := os.WriteFile(filepath.Join(dir, "swapped", "vim-9.1-1.fc44.x86_64.rpm"), simple("emacs", "9.1", "x86_64"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := served(t, dir)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><title>Log in</title></html>"))
	}))
	t.Cleanup(page.Close)
	r := resolver(t, f)
	for name, tc := range map[string]struct {
		source string
		code   compose.Code
		says   string
	}{
		"none there":      {"repo:" + url + "/none", compose.CodeRepoNotFound, "repomd.xml"},
		"no such name":    {"repo:" + url + "/good#vmi", compose.CodePackageNotFound, "no package vmi"},
		"wrong arch":      {"repo:" + url + "/good#arm", compose.CodeNoRPMsForArch, "aarch64"},
		"nothing for it":  {"repo:" + url + "/arm", compose.CodeNoRPMsForArch, "x86_64"},
		"altered primary": {"repo:" + url + "/altered", compose.CodeRepoInvalid, "primary"},
		"other RPM":       {"repo:" + url + "/swapped", compose.CodeRPMUnreadable, "vim"},
		"web page":        {"repo:" + page.URL + "/x", compose.CodeRepoInvalid, "web page"},
		"nobody answers":  {"repo:http://127.0.0.1:1/x", compose.CodeRepoUnreachable, "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := r.Resolve(t.Context(), repoOf(tc.source))
			p := refusedWith(t, err, tc.code)
			if !strings.Contains(p.Sentence, tc.says) || p.Field != "sources[0]" || p.Remedy == "" {
				t.Errorf("%+v", p)
			}
		})
	}
	_, err := r.Resolve(t.Context(), repoOf("repo:"+url+"/good#vmi"))
	if p := refusedWith(t, err, compose.CodePackageNotFound); !strings.Contains(p.Remedy, "vim") {
		t.Errorf("no suggestion: %+v", p)
	}
}

func damagePrimary(t *testing.T, dir string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "repodata", "*-primary.xml.gz"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 0xff
	if err := os.WriteFile(found[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCOPRProjectIsTheRepositoryOfItsChroot(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	dir := t.TempDir()
	indexed(t, filepath.Join(dir, "owner", "project", "fedora-44-x86_64"), [3]string{"tool", "2.0", "x86_64"}, [3]string{"other", "1.0", "noarch"})
	indexed(t, filepath.Join(dir, "@group", "project:pr:7", "fedora-44-x86_64"), [3]string{"tool", "3.0", "x86_64"})
	if err := os.MkdirAll(filepath.Join(dir, "owner", "project", "fedora-43-aarch64"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := resolverWith(t, f, compose.ResolverOptions{COPR: served(t, dir) + "/"})
	for source, want := range map[string][]string{
		"copr:owner/project":       {"other-1.0-1.fc44.noarch", "tool-2.0-1.fc44.x86_64"},
		"copr:owner/project#tool":  {"tool-2.0-1.fc44.x86_64"},
		"copr:@group/project:pr:7": {"tool-3.0-1.fc44.x86_64"},
	} {
		plan, err := r.Resolve(t.Context(), repoOf(source))
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if diff := cmp.Diff(want, nevras(plan)); diff != "" {
			t.Errorf("%s: %s", source, diff)
		}
	}
	req := repoOf("copr:owner/project")
	req.Arch = "aarch64"
	_, err := r.Resolve(t.Context(), req)
	if p := refusedWith(t, err, compose.CodeChrootNotFound); !strings.Contains(p.Sentence, "fedora-43-aarch64, fedora-44-x86_64") {
		t.Errorf("%+v", p)
	}
	_, err = r.Resolve(t.Context(), repoOf("copr:owner/nothing"))
	refusedWith(t, err, compose.CodeCOPRNotFound)
	req = repoOf("copr:owner/project")
	req.Release = ""
	_, err = r.Resolve(t.Context(), req)
	refusedWith(t, err, compose.CodeBadRelease)
	// The release of another source serves.
	req = repoOf("copr:owner/project", f.Update)
	req.Release = ""
	if plan, err := r.Resolve(t.Context(), req); err != nil || plan.Request.Release != "44" {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestOneRPMFromTwoPlacesIsTakenOnceUnlessTheyDiffer(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	dir := t.TempDir()
	indexed(t, filepath.Join(dir, "a"), [3]string{"same", "1.0", "x86_64"})
	indexed(t, filepath.Join(dir, "b"), [3]string{"same", "1.0", "x86_64"})
	url := served(t, dir)
	r := resolver(t, f)
	plan, err := r.Resolve(t.Context(), repoOf("repo:"+url+"/a", "repo:"+url+"/b"))
	if err != nil || len(plan.RPMs) != 1 {
		t.Fatalf("%+v, %v", plan, err)
	}
	indexed(t, filepath.Join(dir, "c"), [3]string{"same", "1.0", "x86_64"})
	other := rpmtest.Build(rpmtest.Spec{Name: "same", Version: "1.0", Release: "1.fc44", Arch: "x86_64", Summary: "Built again", BuildTime: 1793000001})
	if err := os.WriteFile(filepath.Join(dir, "c", "same-1.0-1.fc44.x86_64.rpm"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Create(t.Context(), filepath.Join(dir, "c"), repo.Options{}); err != nil {
		t.Fatal(err)
	}
	_, err = r.Resolve(t.Context(), repoOf("repo:"+url+"/a", "repo:"+url+"/c"))
	if p := refusedWith(t, err, compose.CodeRPMConflict); !strings.Contains(p.Sentence, url+"/a") || !strings.Contains(p.Sentence, url+"/c") || p.Field != "sources[1]" {
		t.Errorf("%+v", p)
	}
}
