//go:build interop

package interop_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/productmd"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/rpm"
)

// again has productmd read a file and write it again.
const again = `
import sys, productmd.treeinfo, productmd.discinfo, productmd.composeinfo, productmd.images, productmd.rpms
kind, source, target = sys.argv[1:]
x = {
    "treeinfo": productmd.treeinfo.TreeInfo, "discinfo": productmd.discinfo.DiscInfo, "composeinfo": productmd.composeinfo.ComposeInfo,
    "images": productmd.images.Images, "rpms": productmd.rpms.Rpms,
}[kind]()
x.load(source)
x.dump(target)
`

func productmdAgain(t *testing.T, kind string, data []byte) ([]byte, error) {
	t.Helper()
	python := filepath.Join(shareddata.Root(t), ".cache", "venv", "bin", "python")
	if err := exec.CommandContext(t.Context(), python, "-c", "import productmd").Run(); err != nil {
		shareddata.Missing(t, "productmd in .cache/venv (internal/setup/setup.sh)")
	}
	dir := t.TempDir()
	source, target := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(source, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), python, "-c", again, kind, source, target).CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return nil, fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	data, err = os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	return data, nil
}

// sameAgain writes a file and has productmd read and write it: the bytes stay.
func sameAgain(t *testing.T, kind string, write func(io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := productmdAgain(t, kind, b.Bytes())
	if err != nil {
		t.Fatalf("productmd does not read %s: %v\n%s", kind, err, b.String())
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("%s: (-respin +productmd)\n%s", kind, diff)
	}
}

func TestProductmdWritesTheSame(t *testing.T) {
	t.Parallel()
	md5, volid, key := strings.Repeat("0a", 16), "Fedora-S-dvd-x86_64-44", "0123456789abcdef"
	release := productmd.Release{Name: "Fedora", Short: "Fedora", Version: "44", Type: productmd.ReleaseGA}
	compose := productmd.Compose{Date: "20260101", Type: productmd.TypeDevelopment, Label: "RC-1.2"}
	compose.ComposeID(&release)
	trees := map[string]*productmd.TreeInfo{
		"dvd": {
			Release: productmd.Product{Name: "Fedora", Version: "44"}, Arch: "x86_64", Platforms: []string{"xen"}, BuildTime: 1767225600,
			Variants: []productmd.TreeVariant{{ID: "Server", Packages: "Packages", Repository: "."}},
			Images: map[string]map[string]string{
				"x86_64": {"kernel": "images/pxeboot/vmlinuz", "initrd": "images/pxeboot/initrd.img"}, "xen": {"kernel": "images/pxeboot/vmlinuz"},
			},
			MainImage: "images/install.img", Checksums: map[string]productmd.Checksum{"images/install.img": {Type: "sha256", Value: strings.Repeat("ab", 32)}},
			Disc: 1, Discs: 1,
		},
		"rawhide with addons": {
			Release: productmd.Product{Name: "Fedora ü", Short: "F", Version: "Rawhide"}, BaseProduct: &productmd.Product{Name: "Base", Short: "b", Version: "7"},
			Arch: "ppc64le", BuildTime: 5, Variants: []productmd.TreeVariant{
				{ID: "Everything", Packages: "p", Repository: "r", SourcePackages: "sp", SourceRepository: "sr", DebugPackages: "dp", DebugRepository: "dr", Identity: "i.pem"},
				{ID: "optional", UID: "Server-optional", Name: "Optional", Type: productmd.VariantOptional, Packages: "o", Repository: "o"},
				{ID: "Server", Packages: "Packages", Repository: "."},
			},
		},
		"source": {
			Release: productmd.Product{Name: "Fedora", Version: "44.1"}, Arch: "src", BuildTime: 5,
			Variants: []productmd.TreeVariant{{ID: "Server", SourcePackages: "Packages", SourceRepository: "."}},
		},
	}
	for name, tree := range trees {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sameAgain(t, "treeinfo", tree.Write)
		})
	}
	disc := &productmd.DiscInfo{Timestamp: "1767225600.5", Description: "Fedora 44", Arch: "x86_64", Discs: []int{1, 2}}
	sameAgain(t, "discinfo", disc.Write)
	disc.Discs = nil
	sameAgain(t, "discinfo", disc.Write)
	info := &productmd.ComposeInfo{Compose: compose, Release: release, Variants: map[string]productmd.Variant{
		"Server": {
			ID: "Server", UID: "Server", Name: "Fedora – 🙂 <44>", Type: "variant", Arches: []string{"x86_64", "aarch64"}, Variants: []string{"optional"},
			Paths: map[string]map[string]string{"isos": {"x86_64": "iso", "aarch64": "iso2"}, "os_tree": {"x86_64": "os"}},
		},
		"Server-optional": {ID: "optional", UID: "Server-optional", Name: "Optional", Type: "optional", Arches: []string{"x86_64"}},
	}}
	sameAgain(t, "composeinfo", info.Write)
	images := &productmd.Images{Compose: compose, Images: map[string]map[string][]productmd.Image{"Server": {"x86_64": {
		{
			Arch: "x86_64", Bootable: true, Checksums: map[string]string{"sha256": strings.Repeat("ab", 32)}, DiscCount: 1, DiscNumber: 1, Format: "iso",
			ImplantMD5: &md5, MTime: 5, Path: "b.iso", Size: 7, Subvariant: "Server", Type: "dvd", VolumeID: &volid,
		},
		{
			Arch: "x86_64", Checksums: map[string]string{"sha256": strings.Repeat("cd", 32)}, DiscCount: 1, DiscNumber: 1, Format: "raw.xz",
			Path: "a.raw.xz", Size: 7, Subvariant: "Server", Type: "raw-xz", Unified: true, AdditionalVariants: []string{"X"},
		},
	}}}}
	sameAgain(t, "images", images.Write)
	rpms := &productmd.RPMs{Compose: compose}
	parse := func(text string) rpm.NEVRA {
		n, err := rpm.ParseNEVRA(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	source := parse("bash-5.2-1.fc44.src")
	rpms.Add("Server", "x86_64", source, parse("bash-1:5.2-1.fc44.x86_64"), productmd.RPM{Category: productmd.CategoryBinary, Path: "b.rpm", SigKey: &key})
	rpms.Add("Server", "x86_64", source, source, productmd.RPM{Category: productmd.CategorySource, Path: "s.rpm"})
	sameAgain(t, "rpms", rpms.Write)
}

// TestProductmdRefusesTheSame holds files that break a rule against productmd.
func TestProductmdRefusesTheSame(t *testing.T) {
	t.Parallel()
	good := "[general]\nfamily = Fedora\nversion = 44\narch = x86_64\ntimestamp = 5.5\nvariant = Server\npackagedir = \n"
	now := "[header]\ntype = productmd.treeinfo\nversion = 1.2\n[release]\nname = Fedora\nversion = 44\nshort = F\n" +
		"[tree]\narch = x86_64\nbuild_timestamp = 5\nplatforms = x86_64\nvariants = Server\n[variant-Server]\nid = Server\nuid = Server\nname = S\ntype = variant\n"
	for name, text := range map[string]string{
		"lorax": good, "current": now,
		"absolute image":   now + "[images-x86_64]\nkernel = /boot/vmlinuz\n",
		"other platform":   now + "[images-ppc64le]\nkernel = vmlinuz\n",
		"lorax's platform": good + "[images-xen]\nkernel = vmlinuz\n",
		"absolute stage2":  now + "[stage2]\nmainimage = /x\n",
		"version":          strings.Replace(now, "version = 44", "version = 44-1", 1),
		"no variant":       strings.Replace(now, "[variant-Server]", "[variant-Other]", 1),
		"type":             strings.Replace(now, "type = variant", "type = other", 1),
		"other file":       strings.Replace(now, "productmd.treeinfo", "productmd.images", 1),
		"time":             strings.Replace(now, "build_timestamp = 5", "build_timestamp = soon", 1),
		"no section":       "a = b\n" + now,
		"twice":            now + "[tree]\narch = x86_64\n",
		"percent":          now + "[checksums]\na = md5:%(x)s\n",
		"media":            now + "[media]\ndiscnum = one\ntotaldiscs = 1\n",
		"continued":        strings.Replace(now, "name = Fedora", "name =\n  Fedora", 1),
		"colon":            strings.Replace(now, "name = Fedora", "name: Fedora", 1),
	} {
		_, theirs := productmdAgain(t, "treeinfo", []byte(text))
		tree, ours := productmd.ReadTreeInfo(strings.NewReader(text))
		if (ours == nil) != (theirs == nil) {
			t.Errorf("%s: productmd says %v, we say %v", name, theirs, ours)
		}
		if ours == nil && theirs == nil && name != "continued" {
			want, _ := productmdAgain(t, "treeinfo", []byte(text))
			var got bytes.Buffer
			if err := tree.Write(&got); err != nil || got.String() != string(want) {
				t.Errorf("%s: %v\n%s", name, err, cmp.Diff(string(want), got.String()))
			}
		}
	}
}
