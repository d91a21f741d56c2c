package backendtest

import (
	"errors"
	"testing"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/koji"
)

// World is a small Fedora with a Resolver and a Builder for it.
type World struct {
	*compose.Resolver
	*compose.Builder
	Fedora *composetest.Fedora
}

// NewWorld starts one for back ends, which the options do not name; it ends with
// the test.
func NewWorld(t *testing.T, backends []compose.Backend, ro compose.ResolverOptions, bo compose.BuilderOptions) *World {
	t.Helper()
	if compose.HostArch() != "x86_64" {
		t.Skip("the small Fedora's images are for x86_64, and are made on it only")
	}
	f, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	hub, err := koji.New(f.HubURL, koji.Options{TopURL: f.TopURL})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := bodhi.New(f.BodhiURL, bodhi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	network := compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MinFree: 1 << 20}
	ro.Backends, bo.Backends = backends, backends
	w := &World{Fedora: f}
	if w.Resolver, err = compose.NewResolver(hub, updates, network, ro); err != nil {
		t.Fatal(err)
	}
	if w.Builder, err = compose.NewBuilder(network, bo); err != nil {
		t.Fatal(errors.Join(err, w.Resolver.Close()))
	}
	t.Cleanup(func() {
		if err := errors.Join(w.Resolver.Close(), w.Builder.Close()); err != nil {
			t.Error(err)
		}
	})
	return w
}
