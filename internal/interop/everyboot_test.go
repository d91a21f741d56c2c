//go:build interop

package interop_test

import (
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/internal/shareddata"
)

// Images whose menus say nothing on the serial console, as those of lorax and
// livemedia-creator, are booted in two steps, others in one.
func TestEveryImageIsBootedByTheDaemon(t *testing.T) {
	t.Parallel()
	if err := (&smoke.QEMU{}).Find(); err != nil {
		shareddata.Missing(t, err.Error())
	}
	p := newPlant(t, respinBinary(t), standInsBuilt(t), composetest.Settings{Bootable: filepath.Dir(baseISO(t))})
	p.start(t)
	for _, tc := range []struct {
		kind    string
		boots   []string
		says    []string // on the console
		not     string   // on the kernel's command line
		same    string   // an artifact whose checksum is said too
		carries bool     // the packages, whose checksums are said
	}{
		{kind: "boot-iso", boots: []string{"bios", "kernel"}, says: []string{"stage2: /images/install.img sha256=", "Starting installer"}, same: "os/images/install.img"},
		{kind: "live", boots: []string{"bios", "kernel"}, says: []string{"rd.live.image", "live: /LiveOS/squashfs.img sha256=", "localhost-live login:"}},
		{kind: "dvd", boots: []string{"bios"}, says: []string{"repo:  packages=", "Starting installer"}, carries: true},
		{kind: "remaster --remove-arg quiet --remove-arg console", boots: []string{"bios"}, says: []string{"console=ttyS0,115200", "Starting installer"}, not: "quiet", carries: true},
	} {
		code, stdout, stderr := p.respin(t, slices.Concat([]string{"build", "--wait", "--json", "--smoke-boot"}, p.order(tc.kind))...)
		var c api.Compose
		if err := json.Unmarshal([]byte(stdout), &c); code != 0 || err != nil || c.Smoke == nil || !c.Smoke.OK {
			t.Errorf("%s: exit code %d, %v: %+v %+v\n%s", tc.kind, code, err, c.Failure, c.Smoke, stderr)
			continue
		}
		dir := filepath.Join(p.dir, "data/images", c.ID)
		var boots []string
		for _, b := range c.Smoke.Boots {
			boots = append(boots, b.How)
			if !b.OK || b.Seconds <= 0 || b.Screenshot == "" {
				t.Errorf("%s: %+v", tc.kind, b)
				continue
			}
			screen(t, filepath.Join(dir, b.Screenshot))
		}
		if diff := cmp.Diff(tc.boots, boots); diff != "" {
			t.Errorf("%s: boots (-want +got):\n%s", tc.kind, diff)
		}
		log, err := os.ReadFile(filepath.Join(dir, c.Smoke.Log))
		for _, text := range tc.says {
			if !strings.Contains(string(log), text) {
				t.Errorf("%s: the console does not say %q, %v:\n%s", tc.kind, text, err, log)
			}
		}
		for _, a := range c.Artifacts {
			if a.Path == tc.same && !strings.Contains(string(log), "sha256="+a.SHA256) {
				t.Errorf("%s: the booted machine does not find %s:\n%s", tc.kind, a.Path, log)
			}
		}
		if tc.carries {
			rep, err := p.api.Report(t.Context(), c.ID)
			for _, e := range rep.Packages {
				if want := "rpm: " + e.Path + " sha256=" + e.SHA256 + " primary=ok\n"; !strings.Contains(string(log), want) {
					t.Errorf("%s: the console does not say %q:\n%s", tc.kind, want, log)
				}
			}
			if err != nil || len(rep.Packages) == 0 {
				t.Errorf("%s: report of %d packages, %v", tc.kind, len(rep.Packages), err)
			}
		}
		cmdline, _, _ := strings.Cut(string(log[max(0, strings.Index(string(log), "cmdline:")):]), "\n")
		if tc.not != "" && strings.Contains(cmdline, tc.not) {
			t.Errorf("%s: %s", tc.kind, cmdline)
		}
		p.checkPublished(t, &c)
		if tc.kind == "boot-iso" {
			p.bootAlone(t, filepath.Join(dir, "Fedora-44-boot-iso-x86_64.iso"))
		}
	}
	p.checkTidy(t)
}

// screen reads a screenshot.
func screen(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer func() { _ = f.Close() }()
	img, err := png.Decode(f)
	if err != nil || img.Bounds().Dx() < 320 || img.Bounds().Dy() < 200 {
		t.Errorf("%s: %v", path, err)
	}
	return img
}

// bootAlone boots an image with respin iso boot.
func (p *plant) bootAlone(t *testing.T, iso string) {
	t.Helper()
	out := t.TempDir()
	shot := filepath.Join(out, "boot.png")
	code, stdout, stderr := p.respin(t, "iso", "boot", iso, "--uefi", "--expect", "installer", "--screenshot", shot, "--serial", filepath.Join(out, "log"), "--json", "--quiet")
	var rep struct {
		OK         bool
		Line       string
		Screenshot string
		Boots      []compose.SmokeBoot
	}
	err := json.Unmarshal([]byte(stdout), &rep)
	if code != 0 || err != nil || !rep.OK || !strings.HasPrefix(rep.Line, "Starting installer") || rep.Screenshot != shot || len(rep.Boots) != 2 || rep.Boots[0].How != "uefi" {
		t.Errorf("by UEFI: exit code %d, %v: %+v\n%s", code, err, rep, stderr)
		return
	}
	screen(t, shot)
	screen(t, rep.Boots[0].Screenshot)
	// A medium without boot loader stops in the first step.
	data, err := os.ReadFile(iso)
	if err := errors.Join(err, os.WriteFile(filepath.Join(out, "dead.iso"), dead(data), 0o600)); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = p.respin(t, "iso", "boot", filepath.Join(out, "dead.iso"), "--expect", "installer", "--quiet")
	if code != 1 || !strings.Contains(stderr, "No bootable device") {
		t.Errorf("without a boot loader: exit code %d\n%s%s", code, stdout, stderr)
	}
}

// dead is an image whose El Torito record is gone, and with it what firmware boots.
func dead(image []byte) []byte {
	const at = 17 * 2048
	image = slices.Clone(image)
	clear(image[at : at+2048])
	copy(image[at:], "\x02CD001\x01") // a supplementary descriptor that says nothing
	return image
}
