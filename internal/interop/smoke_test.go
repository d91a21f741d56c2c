//go:build interop

package interop_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji"
)

// smokeBuild remasters base with an update and boots the result, all by the
// library: what options.smoke_boot does on a build node.
func smokeBuild(t *testing.T, base string) (*compose.Result, string, error) {
	t.Helper()
	return buildHere(t, filepath.Dir(base), nil, func(f *composetest.Fedora, url string) compose.Request {
		return compose.Request{
			Kind: compose.KindRemaster, Release: "44", Arch: "x86_64", Sources: []string{f.Update}, BootArgs: []string{"console=ttyS0,115200"},
			Base: &compose.Base{URL: url + "/" + filepath.Base(base)}, Options: compose.Options{SmokeBoot: true},
		}
	})
}

// buildHere resolves a request and builds its Plan with every back end of the
// daemon. url is where dir is served. Without a runner the tools are the host's.
func buildHere(t *testing.T, dir string, runner compose.Runner, request func(f *composetest.Fedora, url string) compose.Request) (*compose.Result, string, error) {
	t.Helper()
	if err := (&smoke.QEMU{}).Find(); err != nil {
		shareddata.Missing(t, err.Error())
	}
	f, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	files := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(files.Close)
	hub, err := koji.New(f.HubURL, koji.Options{TopURL: f.TopURL})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := bodhi.New(f.BodhiURL, bodhi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	network := compose.Network{CacheDir: t.TempDir(), AllowLoopback: true}
	backends := daemon.Backends()
	r, err := compose.NewResolver(hub, updates, network, compose.ResolverOptions{Backends: backends})
	if err != nil {
		t.Fatal(err)
	}
	b, err := compose.NewBuilder(network, compose.BuilderOptions{Backends: backends, Runner: runner})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(r.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	})
	plan, err := r.Resolve(t.Context(), request(f, files.URL))
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	var log bytes.Buffer
	result, err := b.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: work, Log: &log})
	t.Log(log.String())
	return result, filepath.Join(work, compose.OutDir), err
}

// An image whose initrd holds nothing is remastered without complaint, and does
// not start.
func TestSmokeBootOfAnImageThatPanics(t *testing.T) {
	t.Parallel()
	base := baseISO(t)
	data, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	image, err := iso.Open(base)
	if err != nil {
		t.Fatal(err)
	}
	initrd, err := image.ReadFile("/images/pxeboot/initrd.img", 256<<20)
	if err := errors.Join(err, image.Close()); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, initrd)
	if at < 0 {
		t.Fatal("the initrd is not in the image in one piece")
	}
	clear(data[at : at+len(initrd)])
	broken := filepath.Join(t.TempDir(), "broken.iso")
	put(t, broken, data)
	result, out, err := smokeBuild(t, broken)
	failed, ok := errors.AsType[*compose.FailedError](err)
	if !ok || failed.Failure.Code != compose.CodeSmokeFailed || result.Smoke == nil || result.Smoke.OK {
		t.Fatalf("got %v, smoke %+v", err, result.Smoke)
	}
	t.Logf("%+v", failed.Failure)
	if n := len(failed.Failure.Evidence); n == 0 || n > 3 {
		t.Errorf("evidence %q", failed.Failure.Evidence)
	}
	if _, err := os.Stat(filepath.Join(out, result.Smoke.Log)); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(out, "*.iso")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
