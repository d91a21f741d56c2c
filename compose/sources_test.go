package compose_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/koji/kojitest"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// simple is an RPM of one name, for tests of what is taken.
func simple(name, version, arch string) []byte {
	return rpmtest.Build(rpmtest.Spec{Name: name, Version: version, Release: "1.fc44", Arch: arch, BuildTime: 1793000000})
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestUpdateWithoutRPMsForTheArchIsNoErrorAndIsSaid(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	alias := must[string](t)(f.Bodhi.AddUpdate(bodhitest.Update{
		Alias: "FEDORA-2026-0a0a0a0a0a", Release: "F44", Status: bodhi.StatusTesting, Builds: []bodhi.Build{{NVR: composetest.BuildARMOnly}},
	}))
	r := resolver(t, f)
	plan, err := r.Resolve(t.Context(), repoOf(alias))
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.RPMs) != 0 || !strings.Contains(warned(plan, compose.CodeNoRPMsForArch), "aarch64") {
		t.Errorf("%v, %+v", nevras(plan), plan.Warnings)
	}
	both, err := r.Resolve(t.Context(), repoOf(alias, composetest.BuildNoarch))
	if err != nil || len(both.RPMs) != 1 || warned(both, compose.CodeNoRPMsForArch) == "" || both.Sources[0].RPMs != 0 {
		t.Errorf("with another source: %+v, %v", both, err)
	}
	dir := t.TempDir()
	b := builder(t, compose.Network{AllowLoopback: true}, compose.BuilderOptions{})
	result, err := b.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir, RepoURL: "https://respin.example.org/repos/c1/"})
	if err != nil || result.SideRepo.Packages != 0 {
		t.Errorf("an empty side repo: %+v, %v", result, err)
	}
}

func TestTaskTreesGiveEachRPMOnce(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	child := func(arch string, extra ...string) kojitest.Task {
		out := map[string][]byte{
			"tool-1.0-1.fc44." + arch + ".rpm":    simple("tool", "1.0", arch),
			"tool-data-1.0-1.fc44.noarch.rpm":     simple("tool-data", "1.0", "noarch"),
			"tool-debugsource-1.0-1.fc44.x86.rpm": []byte("no name of an architecture that is taken"),
			"root.log":                            []byte("a log"),
		}
		for _, name := range extra {
			out[name+"-1.0-1.fc44."+arch+".rpm"] = simple(name, "1.0", arch)
		}
		return kojitest.Task{Method: "buildArch", Arch: arch, Label: arch, Output: out}
	}
	parts := []kojitest.Task{child("aarch64"), child("x86_64", "tool-x86-extra"), child("i686")}
	id := must[int](t)(f.Hub.AddTask(kojitest.Task{Scratch: true, Source: "cli-build/tool.src.rpm", Target: "f44-candidate", Children: []kojitest.Task{
		{Method: "buildSRPMFromSCM", Output: map[string][]byte{"tool-1.0-1.fc44.src.rpm": simple("tool", "1.0", "src")}}, parts[0], parts[1], parts[2],
	}}))
	r := resolver(t, f)
	for name, tc := range map[string]struct {
		arch string
		o    compose.Options
		want []string
	}{
		"x86_64":   {"x86_64", compose.Options{}, []string{"tool-1.0-1.fc44.x86_64", "tool-data-1.0-1.fc44.noarch", "tool-x86-extra-1.0-1.fc44.x86_64"}},
		"aarch64":  {"aarch64", compose.Options{}, []string{"tool-1.0-1.fc44.aarch64", "tool-data-1.0-1.fc44.noarch"}},
		"ppc64le":  {"ppc64le", compose.Options{}, []string{"tool-data-1.0-1.fc44.noarch"}},
		"multilib": {"x86_64", compose.Options{Multilib: true}, []string{"tool-1.0-1.fc44.i686", "tool-1.0-1.fc44.x86_64", "tool-data-1.0-1.fc44.noarch", "tool-x86-extra-1.0-1.fc44.x86_64"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := repoOf(task(id))
			req.Arch, req.Options = tc.arch, tc.o
			plan, err := r.Resolve(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, nevras(plan)); diff != "" {
				t.Error(diff)
			}
			s := plan.Sources[0]
			if s.Task == nil || !s.Task.Scratch || s.Task.Target != "f44-candidate" || s.Task.Owner != kojitest.DefaultOwner || s.Task.Expires == nil || s.RPMs != len(tc.want) {
				t.Errorf("%+v", s)
			}
		})
	}
	arm := must[int](t)(f.Hub.AddTask(kojitest.Task{Scratch: true, Children: []kojitest.Task{
		{Method: "buildArch", Arch: "aarch64", Output: map[string][]byte{"tool-1.0-1.fc44.aarch64.rpm": simple("tool", "1.0", "aarch64")}},
	}}))
	_, err := r.Resolve(t.Context(), repoOf(task(arm)))
	if p := refusedWith(t, err, compose.CodeNoRPMsForArch); !strings.Contains(p.Sentence, "it has RPMs for aarch64") {
		t.Errorf("%+v", p)
	}
}

func TestFilesOfATaskThatAreGoneAreReportedWithTheDate(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	ended := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	old := must[int](t)(f.Hub.AddTask(kojitest.Task{
		Scratch: true, Created: ended.Add(-time.Hour), Started: ended.Add(-time.Hour), Completed: ended,
		Children: []kojitest.Task{{Method: "buildArch", Arch: "x86_64"}},
	}))
	r := resolverWith(t, f, compose.ResolverOptions{Now: func() time.Time { return ended.Add(15 * 24 * time.Hour) }})
	_, err := r.Resolve(t.Context(), repoOf(task(old)))
	p := refusedWith(t, err, compose.CodeTaskExpired)
	if !strings.Contains(p.Sentence, "2026-01-05") || !strings.Contains(p.Sentence, "14 days") || p.Remedy == "" {
		t.Errorf("%+v", p)
	}
	young := resolverWith(t, f, compose.ResolverOptions{Now: func() time.Time { return ended.Add(time.Hour) }})
	_, err = young.Resolve(t.Context(), repoOf(task(old)))
	if p := refusedWith(t, err, compose.CodeTaskExpired); strings.Contains(p.Sentence, "keeps the files") {
		t.Errorf("an hour later: %+v", p)
	}
}

func TestTheTaskOfARealBuildLeadsToTheBuild(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	id := must[int](t)(f.Hub.AddTask(kojitest.Task{Source: "git+https://example.org/real#1", Target: "f44-candidate", Children: []kojitest.Task{{Method: "buildArch", Arch: "x86_64"}}}))
	must[int](t)(f.Hub.AddBuild(kojitest.Build{NVR: "real-1.0-1.fc44", TaskID: id, RPMs: []kojitest.RPM{{Data: simple("real", "1.0", "x86_64")}}}))
	plan, err := resolver(t, f).Resolve(t.Context(), repoOf(task(id)))
	if err != nil {
		t.Fatal(err)
	}
	if got := nevras(plan); !slices.Equal(got, []string{"real-1.0-1.fc44.x86_64"}) || !strings.Contains(plan.Sources[0].Why, "real-1.0-1.fc44") {
		t.Errorf("%v, %+v", got, plan.Sources[0])
	}
}

func TestTagsOfOtherThingsAreNoBuildTasks(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	id := must[int](t)(f.Hub.AddTask(kojitest.Task{Method: "newRepo", Request: []any{"f44-build"}}))
	_, err := resolver(t, f).Resolve(t.Context(), repoOf(task(id)))
	if p := refusedWith(t, err, compose.CodeBadSource); !strings.Contains(p.Sentence, "newRepo") {
		t.Errorf("%+v", p)
	}
}

func TestSideTagGivesItsLatestBuildsAndNotInheritedOnes(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	for _, version := range []string{"1.0", "2.0"} {
		must[int](t)(f.Hub.AddBuild(kojitest.Build{NVR: "lib-" + version + "-1.fc44", Tags: []string{f.SideTag}, RPMs: []kojitest.RPM{{Data: simple("lib", version, "x86_64")}}}))
	}
	plan, err := resolver(t, f).Resolve(t.Context(), repoOf("tag:"+f.SideTag))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"lib-2.0-1.fc44.x86_64", "sidekick-1.1-1.fc44.noarch"}, nevras(plan)); diff != "" {
		t.Error(diff)
	}
	if plan.KojiEvent == 0 || plan.Sources[0].Tag != f.SideTag || plan.Request.Release != "44" {
		t.Errorf("event %d, %+v", plan.KojiEvent, plan.Sources[0])
	}
}

func TestBareNameClimbsTheLadder(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	for _, b := range []struct{ name, version, tag string }{
		{"base", "1.0", "f44"},
		{"base", "2.0", "f44-updates"},
		{"pushed", "1.0", "f44-updates"},
		{"pushed", "1.1", "f44-updates-testing"},
		{"tested", "1.0", "f44-updates-testing"},
		{"tested", "1.2", "f44-updates-candidate"},
		{"fresh", "1.0", "f44-updates-candidate"},
	} {
		rpm := kojitest.RPM{Data: simple(b.name, b.version, "x86_64")}
		must[int](t)(f.Hub.AddBuild(kojitest.Build{NVR: b.name + "-" + b.version + "-1.fc44", Tags: []string{b.tag}, RPMs: []kojitest.RPM{f.Signed(rpm)}}))
	}
	r := resolver(t, f)
	for name, tc := range map[string]struct{ nvr, tag, newer string }{
		"base":   {"base-1.0-1.fc44", "f44", "base-2.0-1.fc44"},
		"pushed": {"pushed-1.0-1.fc44", "f44-updates", "pushed-1.1-1.fc44"},
		"tested": {"tested-1.0-1.fc44", "f44-updates-testing", "tested-1.2-1.fc44"},
		"fresh":  {"fresh-1.0-1.fc44", "f44-updates-candidate", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := r.Resolve(t.Context(), repoOf(name))
			if err != nil {
				t.Fatal(err)
			}
			s := plan.Sources[0]
			if !slices.Equal(s.Builds, []string{tc.nvr}) || s.Tag != tc.tag || !strings.Contains(s.Why, tc.tag) || tc.newer != "" && !strings.Contains(s.Why, tc.newer) {
				t.Errorf("%+v", s)
			}
			want := compose.SignaturesRequire
			if strings.Contains(tc.tag, "testing") || strings.Contains(tc.tag, "candidate") {
				want = compose.SignaturesPrefer
			}
			if s.Signatures != want {
				t.Errorf("policy %s, want %s", s.Signatures, want)
			}
		})
	}
	_, err := r.Resolve(t.Context(), repoOf("nowhere"))
	if p := refusedWith(t, err, compose.CodeBuildNotFound); !strings.Contains(p.Sentence, "f44-updates-candidate") {
		t.Errorf("%+v", p)
	}
	req := repoOf("base")
	req.Release = "77"
	_, err = r.Resolve(t.Context(), req)
	if p := refusedWith(t, err, compose.CodeBadRelease); !strings.Contains(p.Sentence, "77") {
		t.Errorf("%+v", p)
	}
}

// uploads knows one upload.
func uploads(id, path string) func(context.Context, string) (compose.Uploaded, error) {
	return func(_ context.Context, asked string) (compose.Uploaded, error) {
		if asked != id {
			return compose.Uploaded{}, compose.ErrNoUpload
		}
		return compose.Uploaded{ID: id, Name: "own.rpm", Type: "rpm", Path: path, URL: "https://respin.example.org/uploads/" + id, Size: 1, SHA256: id}, nil
	}
}

func TestUploadIsTakenByItsHeader(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	path := filepath.Join(t.TempDir(), "own.rpm")
	if err := os.WriteFile(path, simple("own", "1.0", "x86_64"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := strings.Repeat("ab", 32)
	r := resolverWith(t, f, compose.ResolverOptions{Uploads: uploads(id, path)})
	plan, err := r.Resolve(t.Context(), repoOf("upload:"+id))
	if err != nil || len(plan.RPMs) != 1 || plan.RPMs[0].SHA256 != id || plan.RPMs[0].Signature != compose.SignatureUnsigned || plan.Request.Release != "44" {
		t.Fatalf("%+v, %v", plan, err)
	}
	req := repoOf("upload:" + id)
	req.Arch = "aarch64"
	_, err = r.Resolve(t.Context(), req)
	refusedWith(t, err, compose.CodeNoRPMsForArch)
	_, err = r.Resolve(t.Context(), repoOf("upload:"+strings.Repeat("cd", 32)))
	refusedWith(t, err, compose.CodeUploadNotFound)
}

func TestAWebPageInPlaceOfAnRPMIsCalledThat(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/page.html" {
			http.Redirect(w, r, "/page.html", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!DOCTYPE html><html><head><title>OpenH264 binaries</title></head></html>"))
	}))
	t.Cleanup(page.Close)
	_, err := resolver(t, f).Resolve(t.Context(), repoOf("rpm:"+page.URL+"/openh264-2.5.1-1.fc44.x86_64.rpm"))
	p := refusedWith(t, err, compose.CodeWebPage)
	if !strings.Contains(p.Sentence, "OpenH264 binaries") || !strings.Contains(p.Remedy, "Cisco") {
		t.Errorf("%+v", p)
	}
}

func TestSourcesOnlyLeadWhereRequestsMayLead(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	r := resolver(t, f)
	inner := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest/meta-data/x.rpm", http.StatusFound))
	t.Cleanup(inner.Close)
	for _, source := range []string{"rpm:http://10.0.0.1/x-1-1.fc44.noarch.rpm", "repo:http://192.168.1.1/repo/", "rpm:http://[fd00::1]/x.rpm", "rpm:" + inner.URL + "/x.rpm", "repo:" + inner.URL + "/repo/"} {
		_, err := r.Resolve(t.Context(), repoOf(source))
		p := refusedWith(t, err, compose.CodeURLRefused)
		if p.Field != "sources[0]" || p.Remedy == "" {
			t.Errorf("%s: %+v", source, p)
		}
	}
	for _, source := range []string{"rpm:file:///etc/passwd.rpm", "repo:file:///etc", "repo:ftp://example.org/x", "repo:https://u:p@example.org/x"} {
		req := repoOf(source)
		if _, err := r.Resolve(t.Context(), req); err == nil {
			t.Errorf("%s is taken", source)
		} else {
			t.Log(err)
		}
	}
}
