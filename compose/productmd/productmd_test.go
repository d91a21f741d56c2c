package productmd_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/productmd"
	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/repo/rpm"
)

func tree() *productmd.TreeInfo {
	return &productmd.TreeInfo{
		Release: productmd.Product{Name: "Fedora", Short: "Fedora", Version: "44"},
		Arch:    "x86_64", Platforms: []string{"xen"}, BuildTime: 1767225600,
		Variants: []productmd.TreeVariant{{
			ID: "Server", UID: "Server", Name: "Fedora Server", Type: productmd.VariantPlain, Packages: "Packages", Repository: ".",
			Addons: []productmd.TreeVariant{{ID: "HA", UID: "Server-HA", Name: "HA", Type: productmd.VariantAddon, Packages: "ha/50%", Repository: "ha"}},
		}},
		Images:    map[string]map[string]string{"x86_64": {"kernel": "images/pxeboot/vmlinuz", "initrd": "images/pxeboot/initrd.img"}},
		MainImage: "images/install.img",
		Checksums: map[string]productmd.Checksum{"images/install.img": {Type: "sha256", Value: strings.Repeat("ab", 32)}},
		Disc:      1, Discs: 1,
	}
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTreeInfoIsWrittenSortedAndReadAgain(t *testing.T) {
	t.Parallel()
	text := written(t, tree().Write)
	want := `[addon-Server-HA]
id = HA
name = HA
packages = ha/50%%
parent = Server
repository = ha
type = addon
uid = Server-HA

[checksums]
images/install.img = sha256:` + strings.Repeat("ab", 32) + `

[general]
; WARNING.0 = This section provides compatibility with pre-productmd treeinfos.
; WARNING.1 = Read productmd documentation for details about new format.
arch = x86_64
family = Fedora
name = Fedora 44
packagedir = Packages
platforms = x86_64,xen
repository = .
timestamp = 1767225600
variant = Server
variants = Server
version = 44

[header]
type = productmd.treeinfo
version = 1.2

[images-x86_64]
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz

[media]
discnum = 1
totaldiscs = 1

[release]
name = Fedora
short = Fedora
version = 44

[stage2]
mainimage = images/install.img

[tree]
arch = x86_64
build_timestamp = 1767225600
platforms = x86_64,xen
variants = Server

[variant-Server]
addons = Server-HA
id = Server
name = Fedora Server
packages = Packages
repository = .
type = variant
uid = Server

`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	again, err := productmd.ReadTreeInfo(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(), again); diff != "" {
		t.Errorf("read again: (-want +got)\n%s", diff)
	}
}

// lorax writes the format before productmd.
const lorax = `[general]
timestamp = 1767225600.123456
family = Fedora
version = 44
name = Fedora-44
variant = Server
arch = x86_64
packagedir = 

[stage2]
mainimage = images/install.img

[images-x86_64]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
boot.iso = images/boot.iso

[images-xen]
kernel = images/pxeboot/vmlinuz

[checksums]
images/boot.iso = sha256:aa
`

func TestTreeInfoOfLorax(t *testing.T) {
	t.Parallel()
	got, err := productmd.ReadTreeInfo(strings.NewReader(lorax))
	if err != nil {
		t.Fatal(err)
	}
	want := &productmd.TreeInfo{
		Release: productmd.Product{Name: "Fedora", Short: "Fedora", Version: "44"}, Arch: "x86_64", Platforms: []string{"xen"}, BuildTime: 1767225600,
		Variants: []productmd.TreeVariant{{ID: "Server", UID: "Server", Name: "Server", Type: "variant", Packages: "Packages", Repository: "."}},
		Images: map[string]map[string]string{
			"x86_64": {"kernel": "images/pxeboot/vmlinuz", "initrd": "images/pxeboot/initrd.img", "boot.iso": "images/boot.iso"},
			"xen":    {"kernel": "images/pxeboot/vmlinuz"},
		},
		MainImage: "images/install.img", Checksums: map[string]productmd.Checksum{"images/boot.iso": {Type: "sha256", Value: "aa"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTreeInfoRules(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*productmd.TreeInfo){
		"release.name":         func(x *productmd.TreeInfo) { x.Release.Name = "" },
		"release.version":      func(x *productmd.TreeInfo) { x.Release.Version = "44-beta" },
		"tree.arch":            func(x *productmd.TreeInfo) { x.Arch = "" },
		"tree.build_timestamp": func(x *productmd.TreeInfo) { x.BuildTime = 0 },
		"tree.variants":        func(x *productmd.TreeInfo) { x.Variants = nil },
		"variant A-B":          func(x *productmd.TreeInfo) { x.Variants = []productmd.TreeVariant{{ID: "A-B"}} },
		"variant A":            func(x *productmd.TreeInfo) { x.Variants = []productmd.TreeVariant{{ID: "A"}, {ID: "A"}} },
		"variant X-B": func(x *productmd.TreeInfo) {
			x.Variants = []productmd.TreeVariant{{ID: "A", Addons: []productmd.TreeVariant{{ID: "B", UID: "X-B"}}}}
		},
		"images-x86_64.kernel": func(x *productmd.TreeInfo) { x.Images["x86_64"]["kernel"] = "/boot/vmlinuz" },
		"images-ppc64le":       func(x *productmd.TreeInfo) { x.Images["ppc64le"] = map[string]string{"kernel": "k"} },
		"checksums":            func(x *productmd.TreeInfo) { x.Checksums["/x"] = productmd.Checksum{Type: "md5", Value: "x"} },
		"checksums.x":          func(x *productmd.TreeInfo) { x.Checksums["x"] = productmd.Checksum{} },
		"checksums.a=b":        func(x *productmd.TreeInfo) { x.Checksums["a=b"] = productmd.Checksum{Type: "md5", Value: "x"} },
		"stage2":               func(x *productmd.TreeInfo) { x.MainImage = "/x" },
		"media":                func(x *productmd.TreeInfo) { x.Disc = 2 },
		"variant-Server.name":  func(x *productmd.TreeInfo) { x.Variants[0].Name = "two\nlines" },
	} {
		x := tree()
		spoil(x)
		err := x.Write(io.Discard)
		if e, ok := errors.AsType[*productmd.FieldError](err); !ok || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestTreeInfoThatIsNone(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":         "",
		"no section":      "a = b\n",
		"nameless":        "[]\n",
		"section twice":   "[a]\n[a]\n",
		"key twice":       "[a]\nx = 1\nx = 2\n",
		"no value":        "[a]\nx\n",
		"interpolation":   "[a]\nx = %(y)s\n",
		"variant missing": "[header]\nversion = 1.2\n[release]\nname = F\nversion = 1\n[tree]\narch = x\nbuild_timestamp = 1\nvariants = A\n",
		"time":            "[header]\nversion = 1.2\n[release]\nname = F\nversion = 1\n[tree]\narch = x\nbuild_timestamp = nan\nvariants = A\n",
		"other kind":      "[header]\nversion = 1.2\ntype = productmd.images\n",
		"general without": "[general]\nfamily = Fedora\n",
	} {
		if got, err := productmd.ReadTreeInfo(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
	_, err := productmd.ReadTreeInfo(io.LimitReader(zeros{}, 1<<30))
	if _, ok := errors.AsType[*limitio.TooLargeError](err); !ok {
		t.Errorf("endless: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func TestContinuedValuesAndComments(t *testing.T) {
	t.Parallel()
	text := strings.Replace(lorax, "name = Fedora-44", "# comment\n; and another\nname : Fedora-44\n   and more", 1)
	if _, err := productmd.ReadTreeInfo(strings.NewReader(text)); err != nil {
		t.Error(err)
	}
}

func TestDiscInfo(t *testing.T) {
	t.Parallel()
	d := &productmd.DiscInfo{Timestamp: productmd.Stamp(1767225600), Description: "Fedora 44", Arch: "x86_64", Discs: []int{1}}
	if got := written(t, d.Write); got != "1767225600.0\nFedora 44\nx86_64\n1" {
		t.Errorf("%q", got)
	}
	for text, want := range map[string]*productmd.DiscInfo{
		"1767225600.5\n44\naarch64\n":            {Timestamp: "1767225600.5", Description: "44", Arch: "aarch64"},
		"1.0\n'Fedora 44'\nx86_64\nALL\n":        {Timestamp: "1.0", Description: "Fedora 44", Arch: "x86_64"},
		"1.0\r\nFedora 44\r\nx86_64\r\n1, 2\r\n": {Timestamp: "1.0", Description: "Fedora 44", Arch: "x86_64", Discs: []int{1, 2}},
	} {
		got, err := productmd.ReadDiscInfo(strings.NewReader(text))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"", "1.0\nFedora", "now\nF\nx\n", "nan\nF\nx\n", "1.0\n\nx\n", "1.0\nF\n\n", "1.0\nF\nx\nfirst\n"} {
		if got, err := productmd.ReadDiscInfo(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}

func TestMediaRepo(t *testing.T) {
	t.Parallel()
	m := &productmd.MediaRepo{Name: "Fedora 44", MediaID: "1767225600.0"}
	text := written(t, m.Write)
	want := "[InstallMedia]\ncost = 500\ngpgcheck = 0\nmediaid = 1767225600.0\nmetadata_expire = -1\nname = Fedora 44\n\n"
	if text != want {
		t.Errorf("%q", text)
	}
	again, err := productmd.ReadMediaRepo(strings.NewReader(text))
	if diff := cmp.Diff(m, again); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := (&productmd.MediaRepo{Name: "a\n[b]", MediaID: "x"}).Write(io.Discard); err == nil {
		t.Error("a name of two lines was written")
	}
	if _, err := productmd.ReadMediaRepo(strings.NewReader("[other]\n")); err == nil {
		t.Error("another file was read")
	}
}

func compose() productmd.Compose {
	c := productmd.Compose{Date: "20260101", Respin: 3, Type: productmd.TypeTest}
	c.ComposeID(&productmd.Release{Short: "Fedora", Version: "44", Type: productmd.ReleaseGA})
	return c
}

func TestComposeInfo(t *testing.T) {
	t.Parallel()
	c := &productmd.ComposeInfo{
		Compose: compose(), Release: productmd.Release{Name: "Fedora", Short: "Fedora", Version: "44", Type: "ga"},
		Variants: map[string]productmd.Variant{"Server": {
			ID: "Server", UID: "Server", Name: "Fedora Server – 44 🙂", Type: "variant", Arches: []string{"x86_64"},
			Paths: map[string]map[string]string{"isos": {"x86_64": "."}},
		}},
	}
	text := written(t, c.Write)
	for _, part := range []string{`"id": "Fedora-44-20260101.t.3"`, `Server \u2013 44 \ud83d\ude42"`, "\n    \"header\": {\n        \"type\""} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in\n%s", part, text)
		}
	}
	again, err := productmd.ReadComposeInfo(strings.NewReader(text))
	if diff := cmp.Diff(c, again); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for field, spoil := range map[string]func(*productmd.ComposeInfo){
		"compose.id":      func(c *productmd.ComposeInfo) { c.Compose.ID = "Fedora" },
		"compose.date":    func(c *productmd.ComposeInfo) { c.Compose.Date = "2026-01-01" },
		"compose.type":    func(c *productmd.ComposeInfo) { c.Compose.Type = "other" },
		"compose.label":   func(c *productmd.ComposeInfo) { c.Compose.Label = "RC" },
		"compose.respin":  func(c *productmd.ComposeInfo) { c.Compose.Respin = -1 },
		"release.version": func(c *productmd.ComposeInfo) { c.Release.Version = "4 4" },
		"release.type":    func(c *productmd.ComposeInfo) { c.Release.Type = "other" },
		"base_product":    func(c *productmd.ComposeInfo) { c.Release.IsLayered = true },
		"variants.A B": func(c *productmd.ComposeInfo) {
			c.Variants = map[string]productmd.Variant{"A B": {UID: "A B", ID: "A B"}}
		},
		"variants.A": func(c *productmd.ComposeInfo) { c.Variants = map[string]productmd.Variant{"A": {UID: "B"}} },
		"variants.C": func(c *productmd.ComposeInfo) {
			c.Variants = map[string]productmd.Variant{"C": {
				UID: "C", ID: "C", Name: "C", Type: "variant", Arches: []string{"x"},
				Paths: map[string]map[string]string{"isos": {"x": "/"}},
			}}
		},
	} {
		x := *c
		spoil(&x)
		err := x.Write(io.Discard)
		if e, ok := errors.AsType[*productmd.FieldError](err); !ok || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func image() productmd.Image {
	md5, volid := strings.Repeat("0a", 16), "Fedora-44"
	return productmd.Image{
		Arch: "x86_64", Bootable: true, Checksums: map[string]string{"sha256": strings.Repeat("ab", 32)}, DiscCount: 1, DiscNumber: 1,
		Format: "iso", ImplantMD5: &md5, MTime: 1767225600, Path: "F.iso", Size: 1, Subvariant: "Server", Type: "dvd", VolumeID: &volid,
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	boot := image()
	boot.Path, boot.Type, boot.ImplantMD5, boot.VolumeID = "A.iso", "boot", nil, nil
	m := &productmd.Images{Compose: compose(), Images: map[string]map[string][]productmd.Image{"Server": {"x86_64": {image(), boot}}}}
	text := written(t, m.Write)
	if strings.Index(text, "A.iso") > strings.Index(text, "F.iso") || !strings.Contains(text, `"implant_md5": null`) {
		t.Error(text)
	}
	again, err := productmd.ReadImages(strings.NewReader(text))
	m.Images["Server"]["x86_64"] = []productmd.Image{boot, image()}
	if diff := cmp.Diff(m, again); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for name, spoil := range map[string]func(*productmd.Image){
		"has no path":      func(i *productmd.Image) { i.Path = "" },
		"has the size 0":   func(i *productmd.Image) { i.Size = 0 },
		"unknown type":     func(i *productmd.Image) { i.Type = "floppy" },
		"unknown format":   func(i *productmd.Image) { i.Format = "img" },
		"no arch":          func(i *productmd.Image) { i.Arch = "" },
		"no checksum":      func(i *productmd.Image) { i.Checksums = nil },
		"implanted sum":    func(i *productmd.Image) { i.ImplantMD5 = new(string) },
		"empty volume id":  func(i *productmd.Image) { i.VolumeID = new(string) },
		"not unified":      func(i *productmd.Image) { i.AdditionalVariants = []string{"X"} },
		"in common with A": func(i *productmd.Image) { i.Type, i.Checksums = "boot", map[string]string{"sha256": "other"} },
	} {
		i := image()
		spoil(&i)
		m.Images["Server"]["x86_64"] = []productmd.Image{boot, i}
		if err := m.Write(io.Discard); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m.Images = map[string]map[string][]productmd.Image{"Server": {"src": {image()}}}
	if err := m.Write(io.Discard); err == nil {
		t.Error("images of source were written")
	}
}

func nevra(t *testing.T, text string) rpm.NEVRA {
	t.Helper()
	n, err := rpm.ParseNEVRA(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRPMs(t *testing.T) {
	t.Parallel()
	key := "0123456789abcdef"
	m := &productmd.RPMs{Compose: compose()}
	source := nevra(t, "bash-5.2-1.fc44.src")
	m.Add("Server", "x86_64", source, nevra(t, "bash-5.2-1.fc44.x86_64"), productmd.RPM{Category: productmd.CategoryBinary, Path: "b.rpm", SigKey: &key})
	m.Add("Server", "x86_64", source, nevra(t, "bash-debuginfo-2:5.2-1.fc44.x86_64"), productmd.RPM{Category: productmd.CategoryDebug, Path: "d.rpm"})
	m.Add("Server", "x86_64", rpm.NEVRA{}, source, productmd.RPM{Category: productmd.CategorySource, Path: "s.rpm"})
	text := written(t, m.Write)
	for _, part := range []string{`"bash-0:5.2-1.fc44.src": {`, `"bash-debuginfo-2:5.2-1.fc44.x86_64": {`, `"sigkey": null`} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in\n%s", part, text)
		}
	}
	again, err := productmd.ReadRPMs(strings.NewReader(text))
	if diff := cmp.Diff(m, again); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	upper := "ABCDEF"
	for name, r := range map[string]productmd.RPM{
		"unknown category": {Category: "other", Path: "x"},
		"go with its arch": {Category: productmd.CategorySource, Path: "x"},
		"not relative":     {Category: productmd.CategoryBinary, Path: "/x"},
		"lower case":       {Category: productmd.CategoryBinary, Path: "x", SigKey: &upper},
	} {
		m := &productmd.RPMs{Compose: compose()}
		m.Add("Server", "x86_64", source, nevra(t, "a-1-1.x86_64"), r)
		if err := m.Write(io.Discard); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJSONThatIsNone(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing": "", "text": "<html>", "empty": "{}", "no payload": `{"header":{"type":"productmd.rpms","version":"1.2"}}`,
		"other kind":  `{"header":{"type":"productmd.images","version":"1.2"},"payload":{}}`,
		"newer":       `{"header":{"type":"productmd.rpms","version":"2.0"},"payload":{}}`,
		"wrong types": `{"header":{"type":"productmd.rpms","version":"1.2"},"payload":{"rpms":[]}}`,
	} {
		if got, err := productmd.ReadRPMs(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}

func FuzzReadTreeInfo(f *testing.F) {
	f.Add(lorax)
	var b bytes.Buffer
	if err := tree().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Fuzz(func(t *testing.T, text string) {
		x, err := productmd.ReadTreeInfo(strings.NewReader(text))
		if err != nil {
			return
		}
		// What cannot be written again names the field; what can is the same.
		var b bytes.Buffer
		if err := x.Write(&b); err != nil {
			if _, ok := errors.AsType[*productmd.FieldError](err); !ok {
				t.Fatal(err)
			}
			return
		}
		again, err := productmd.ReadTreeInfo(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		var c bytes.Buffer
		if err := again.Write(&c); err != nil || !bytes.Equal(b.Bytes(), c.Bytes()) {
			t.Fatalf("%v\n%s\n%s", err, b.String(), c.String())
		}
	})
}

func FuzzReadJSON(f *testing.F) {
	f.Add(`{"header":{"type":"productmd.images","version":"1.2"},"payload":{"compose":{"id":"F-44-20260101.0","date":"20260101","type":"test","respin":0},"images":{}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := productmd.ReadComposeInfo(strings.NewReader(text)); err == nil && c.Write(io.Discard) != nil {
			t.Error("composeinfo.json cannot be written again")
		}
		if c, err := productmd.ReadImages(strings.NewReader(text)); err == nil && c.Write(io.Discard) != nil {
			t.Error("images.json cannot be written again")
		}
		if c, err := productmd.ReadRPMs(strings.NewReader(text)); err == nil && c.Write(io.Discard) != nil {
			t.Error("rpms.json cannot be written again")
		}
	})
}

func FuzzReadDiscInfo(f *testing.F) {
	f.Add("1767225600.0\nFedora 44\nx86_64\n1\n")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := productmd.ReadDiscInfo(strings.NewReader(text)); err == nil && d.Write(io.Discard) != nil {
			t.Error("cannot be written again")
		}
		_, _ = productmd.ReadMediaRepo(strings.NewReader(text))
	})
}

func ExampleDiscInfo_Write() {
	d := productmd.DiscInfo{Timestamp: productmd.Stamp(1767225600), Description: "Fedora 44", Arch: "x86_64", Discs: []int{1}}
	if err := d.Write(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1767225600.0
	// Fedora 44
	// x86_64
	// 1
}

func ExampleReadTreeInfo() {
	tree, err := productmd.ReadTreeInfo(strings.NewReader(lorax))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tree.Release.Name, tree.Release.Version, tree.Arch, tree.Images["x86_64"]["kernel"])
	// Output: Fedora 44 x86_64 images/pxeboot/vmlinuz
}
