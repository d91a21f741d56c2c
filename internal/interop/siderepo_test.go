//go:build interop

package interop_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/koji"
)

// The side repo of an update, from Bodhi and Koji to dnf: createrepo_c writes
// the same metadata for its packages, and dnf installs the update from it.
func TestSideRepoOfAnUpdateInstallsWithDnf(t *testing.T) {
	t.Parallel()
	judge, dnf := repoTool(t, "createrepo_c"), repoTool(t, "dnf")
	fedora, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fedora.Close() })
	hub, err := koji.New(fedora.HubURL, koji.Options{TopURL: fedora.TopURL})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := bodhi.New(fedora.BodhiURL, bodhi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	network := compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MinFree: 1 << 20}
	resolver, err := compose.NewResolver(hub, updates, network, compose.ResolverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resolver.Close() })
	builder, err := compose.NewBuilder(network, compose.BuilderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = builder.Close() })
	plan, err := resolver.Resolve(t.Context(), compose.Request{Kind: compose.KindRepo, Arch: "x86_64", Sources: []string{fedora.Update}})
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	result, err := builder.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: work, RepoURL: "https://respin.example.org/repos/c1/"})
	if err != nil {
		t.Fatal(err)
	}
	ours := filepath.Join(work, compose.OutDir, result.SideRepo.Path)
	theirs := t.TempDir()
	runTool(t, judge, "-q", "--no-database", "--changelog-limit=10", "-o", theirs, ours)
	compareMetadata(t, theirs, ours)

	root := filepath.Join(t.TempDir(), "root")
	runTool(t, dnf, "-y", "-q", "--installroot="+root, "--repofrompath=side,file://"+ours, "--repo=side", "--setopt=reposdir=/nonexistent",
		"--setopt=side.gpgcheck=0", "--releasever=44", "--forcearch=x86_64", "--setopt=tsflags=noscripts", "--setopt=cachedir="+t.TempDir(), "install", "greeter", "clock")
	for _, file := range []string{"greeter", "greeter-libs", "hello-docs", "clock"} {
		if _, err := os.Stat(filepath.Join(root, "usr/share", file, "README")); err != nil {
			t.Errorf("dnf did not install %s: %v", file, err)
		}
	}
}
