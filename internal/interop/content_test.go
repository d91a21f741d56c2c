//go:build interop

package interop_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose/content"
	"github.com/fedora-respin/respin/internal/shareddata"
	ks "github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/index"
)

// TestForecastIsNearWhatDNFInstalls: the packages that a kickstart is expected to
// come to are, but for a few, those that dnf would install.
func TestForecastIsNearWhatDNFInstalls(t *testing.T) {
	dnf, err := exec.LookPath("dnf")
	if err != nil {
		shareddata.Missing(t, "dnf")
	}
	dir := filepath.Join(shareddata.Dir(t, "repodata"), "cs9-baseos")
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := content.Load(t.Context(), index.Cache{}, "x86_64", check.Source{Name: "baseos", Repo: r})
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^ ([A-Za-z0-9][^ \n]*)\s+(?:x86_64|noarch|i686) `)
	for _, tt := range []struct {
		section string
		install []string
		least   int
	}{
		{"%packages\nkernel\n%end\n", []string{"@core", "kernel"}, 280},
		{"%packages --exclude-weakdeps\n@^minimal-environment\nkernel\n%end\n", []string{"--setopt=install_weak_deps=0", "@core", "@minimal-environment", "kernel"}, 200},
		{"%packages\n@^server-product-environment\nkernel\n%end\n", []string{"@core", "@server-product-environment", "kernel"}, 380},
		{"%packages\n@anaconda-tools\n@standard\n@hardware-support\nsamba\n%end\n", []string{"@core", "@anaconda-tools", "@standard", "@hardware-support", "samba"}, 420},
		{"%packages --nocore --exclude-weakdeps\n@file-server\n@mail-server\n%end\n", []string{"--setopt=install_weak_deps=0", "@file-server", "@mail-server"}, 120},
	} {
		doc, err := ks.Parse("x.ks", []byte(tt.section), ks.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f, err := c.Forecast(t.Context(), doc.Packages())
		if err != nil {
			t.Fatal(err)
		}
		args := append([]string{
			"--installroot=" + t.TempDir(), "--setopt=reposdir=/nonexistent", "--setopt=cachedir=" + filepath.Join(t.TempDir(), "cache"), "--releasever=9", "--forcearch=x86_64",
			"--setopt=module_platform_id=platform:el9", "--repofrompath=baseos,file://" + dir, "--nogpgcheck", "--assumeno",
			// This plugin offers whatever was ever installed on the host.
			"--disableplugin=local", "install",
		}, tt.install...)
		out, _ := exec.CommandContext(t.Context(), dnf, args...).CombinedOutput() // --assumeno ends with 1
		var theirs []string
		for _, m := range row.FindAllSubmatch(out, -1) {
			theirs = append(theirs, string(m[1]))
		}
		slices.Sort(theirs)
		theirs = slices.Compact(theirs)
		if len(theirs) < tt.least {
			t.Fatalf("dnf lists only %d packages:\n%s", len(theirs), out)
		}
		var differ []string
		for _, p := range f.Packages {
			if _, ok := slices.BinarySearch(theirs, p); !ok {
				differ = append(differ, "+"+p)
			}
		}
		for _, p := range theirs {
			if _, ok := slices.BinarySearch(f.Packages, p); !ok {
				differ = append(differ, "-"+p)
			}
		}
		t.Logf("%q: %d packages, dnf %d, differing: %s", tt.section, len(f.Packages), len(theirs), strings.Join(differ, " "))
		if len(differ)*100 > 2*len(theirs) || len(f.Missing) > 0 {
			t.Errorf("%q: %d of %d packages differ, missing %v", tt.section, len(differ), len(theirs), f.Missing)
		}
	}
}
