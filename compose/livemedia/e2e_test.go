package livemedia_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/backendtest"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/internal/shareddata"
)

// live resolves a live image with an update, and builds it.
func live(ctx context.Context, t *testing.T, set composetest.Settings, hung func()) (*compose.Result, string) {
	t.Helper()
	runner, tools := built.Runner(t, set)
	w := backendtest.NewWorld(t, []compose.Backend{backend(t)}, compose.ResolverOptions{}, compose.BuilderOptions{Runner: runner})
	plan, err := w.Resolve(t.Context(), compose.Request{
		Kind: compose.KindLive, Release: "44", Arch: "x86_64", Sources: []string{w.Fedora.Update}, Packages: []string{"greeter"},
		Require: []string{"greeter>=2.3"}, Kickstart: &compose.Kickstart{Text: ks(release(t))},
	})
	if err != nil {
		t.Fatal(err)
	}
	if hung != nil {
		go func() {
			for len(composetest.Hanging(tools)) == 0 && ctx.Err() == nil {
				time.Sleep(20 * time.Millisecond)
			}
			hung()
		}()
	}
	dir := t.TempDir()
	result, err := w.Build(ctx, plan, compose.Work{ID: "c1", Dir: dir})
	if hung == nil && err != nil {
		t.Fatal(err)
	}
	for _, pid := range composetest.Hanging(tools) {
		if composetest.Alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	return result, filepath.Join(dir, compose.OutDir)
}

func TestUpdateGoesIntoALiveImage(t *testing.T) {
	t.Parallel()
	result, out := live(t.Context(), t, composetest.Settings{}, nil)
	if a := result.Artifacts; len(a) == 0 {
		t.Fatal("no artifacts")
	}
	for _, name := range []string{"Fedora-44-live-x86_64.iso", "respin.ks", "packages.txt", "logs/livemedia.log", "logs/anaconda/packaging.log"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	for _, e := range result.Packages {
		if e.Name == "greeter" && e.Verdict != compose.VerdictIncluded {
			t.Errorf("%+v", e)
		}
	}
}

func TestCanceledLiveImageLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	result, out := live(ctx, t, composetest.Settings{Fail: "hang"}, func() { cancel(compose.ErrCanceled) })
	if result.Failure == nil || result.Failure.Code != compose.CodeCanceled {
		t.Fatalf("failure %+v", result.Failure)
	}
	if images, _ := filepath.Glob(filepath.Join(out, "*.iso")); len(images) != 0 {
		t.Errorf("left: %v", images)
	}
	if entries, err := os.ReadDir(filepath.Dir(out)); err != nil || len(entries) != 1 {
		t.Errorf("left: %v %v", entries, err)
	}
}

// Fedora's own kickstarts of live images are ones that livemedia-creator takes.
func TestRealSpinsMakePlans(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shareddata.Dir(t, "kickstart"), "ks", "fedora-f43")
	server := httptest.NewServer(http.StripPrefix("/f44/", http.FileServer(http.Dir(dir))))
	t.Cleanup(server.Close)
	w := backendtest.NewWorld(t, []compose.Backend{backend(t)}, compose.ResolverOptions{Kickstarts: server.URL + "/{branch}/{file}"}, compose.BuilderOptions{})
	for _, spin := range []string{"fedora-live-workstation", "fedora-live-kde", "fedora-live-xfce"} {
		p, err := w.Resolve(t.Context(), compose.Request{
			Kind: compose.KindLive, Release: "44", Arch: "x86_64", Sources: []string{w.Fedora.Update}, Kickstart: &compose.Kickstart{Spin: spin},
		})
		if err != nil {
			t.Errorf("%s: %v", spin, err)
			continue
		}
		if len(p.KickstartFiles) < 3 || !strings.Contains(p.Kickstart, "%packages") {
			t.Errorf("%s: %d files:\n%.200s", spin, len(p.KickstartFiles), p.Kickstart)
		}
	}
}
