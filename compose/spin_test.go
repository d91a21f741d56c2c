package compose_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/shareddata"
)

// spins serves files as a forge does; a request below them is answered with their text.
func spins(t *testing.T, files map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := files[strings.TrimPrefix(r.URL.Path, "/ks/raw/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/ks/raw/{branch}/f/{file}"
}

func spinRequest(f string, release string) compose.Request {
	return compose.Request{Kind: compose.KindRepo, Release: release, Arch: "x86_64", Sources: []string{f}, Kickstart: &compose.Kickstart{Spin: "fedora-live-tiny"}}
}

func TestASpinsKickstartIsFrozenWithItsIncludes(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	r := resolverWith(t, f, compose.ResolverOptions{Kickstarts: spins(t, map[string]string{
		"f44/f/fedora-live-tiny.ks": "%include base.ks\n%packages\nvim\n%end\n",
		"f44/f/base.ks":             "lang en_US.UTF-8\n%include repo.ks\n%post\necho base\n%end\n",
		"f44/f/repo.ks":             "repo --name=fedora --mirrorlist=https://example.org/mirrorlist?repo=fedora-$releasever\n",
	})})
	p, err := r.Resolve(t.Context(), spinRequest(f.Update, "44"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"lang en_US.UTF-8\n", "repo --name=fedora", "echo base\n", "vim\n"} {
		if !strings.Contains(p.Kickstart, want) {
			t.Errorf("no %q in\n%s", want, p.Kickstart)
		}
	}
	if strings.Contains(p.Kickstart, "%include") {
		t.Errorf("an include is left:\n%s", p.Kickstart)
	}
	if len(p.KickstartFiles) != 3 || !strings.HasSuffix(p.KickstartFiles[0].URL, "/f44/f/base.ks") || len(p.KickstartFiles[2].SHA256) != 64 {
		t.Errorf("files %+v", p.KickstartFiles)
	}
	again, err := r.Resolve(t.Context(), spinRequest(f.Update, "44"))
	if err != nil || again.Digest != p.Digest {
		t.Errorf("another Plan of the same files: %v", err)
	}
}

func TestSpinsThatCannotBeTaken(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	url := spins(t, map[string]string{
		"f44/f/fedora-live-tiny.ks": "%include gone.ks\n", "main/f/fedora-live-tiny.ks": "lang en_US.UTF-8\nnonsense\n",
	})
	r := resolverWith(t, f, compose.ResolverOptions{Kickstarts: url})
	for name, tc := range map[string]struct {
		release, spin string
		code          compose.Code
		says          string
	}{
		"not there":       {"44", "fedora-live-huge.ks", compose.CodeBadKickstart, "fedora-kickstarts has no fedora-live-huge for release 44."},
		"another release": {"43", "fedora-live-tiny", compose.CodeBadKickstart, "has no fedora-live-tiny for release 43"},
		"gone include":    {"44", "fedora-live-tiny", compose.CodeBadKickstart, "gone.ks"},
		"of rawhide":      {"rawhide", "fedora-live-tiny", compose.CodeBadKickstart, "nonsense"},
		"of EL":           {"10", "fedora-live-tiny", compose.CodeBadKickstart, "no kickstarts of Fedora's spins for release 10"},
		"out of the tree": {"44", "../../etc/passwd", compose.CodeInvalidRequest, "is no name of a spin's kickstart"},
		"a URL":           {"44", "https://example.org/a.ks", compose.CodeInvalidRequest, "is no name of a spin's kickstart"},
	} {
		req := spinRequest(f.Update, tc.release)
		req.Kickstart.Spin = tc.spin
		_, err := r.Resolve(t.Context(), req)
		if p := refusedWith(t, err, tc.code); !strings.Contains(p.Sentence, tc.says) {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// The real ones, with the real structure of includes.
func TestRealSpinsAreFlattened(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shareddata.Dir(t, "kickstart"), "ks", "fedora-f43")
	server := httptest.NewServer(http.StripPrefix("/f44/", http.FileServer(http.Dir(dir))))
	t.Cleanup(server.Close)
	f := fedora(t)
	r := resolverWith(t, f, compose.ResolverOptions{Kickstarts: server.URL + "/{branch}/{file}"})
	list, err := filepath.Glob(filepath.Join(dir, "fedora-live-*.ks"))
	if err != nil || len(list) < 10 {
		t.Fatalf("%d kickstarts, %v", len(list), err)
	}
	for _, path := range list {
		req := spinRequest(f.Update, "44")
		req.Kickstart.Spin = strings.TrimSuffix(filepath.Base(path), ".ks")
		p, err := r.Resolve(t.Context(), req)
		if err != nil {
			t.Errorf("%s: %v", req.Kickstart.Spin, err)
			continue
		}
		data, _ := os.ReadFile(path)
		if strings.Contains(string(data), "%include") != (len(p.KickstartFiles) > 1) || strings.Contains(p.Kickstart, "\n%include") {
			t.Errorf("%s: of %d files:\n%.300s", req.Kickstart.Spin, len(p.KickstartFiles), p.Kickstart)
		}
	}
}

func TestAWebPageIsNoKickstart(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	r := resolverWith(t, f, compose.ResolverOptions{})
	for _, page := range []string{"\n<!doctype html>\n<html>lang en_US</html>\n", "<pre>\n<a href=\"x.ks\">x.ks</a>\n</pre>\n"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(page)) }))
		t.Cleanup(server.Close)
		req := spinRequest(f.Update, "44")
		req.Kickstart = &compose.Kickstart{URL: server.URL + "/test.ks"}
		_, err := r.Resolve(t.Context(), req)
		if p := refusedWith(t, err, compose.CodeWebPage); !strings.Contains(p.Sentence, "is a web page, not a kickstart") {
			t.Errorf("%+v", p)
		}
	}
}
