//go:build interop

package interop_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/image/imagetest"
	"github.com/fedora-respin/respin/compose/proof"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/rpm"
)

// ranTool runs a program that the test cannot do without.
func ranTool(t *testing.T, name string, args ...string) string {
	t.Helper()
	bin, err := exec.LookPath(name)
	if err != nil {
		shareddata.Missing(t, name)
	}
	out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

// TestProofOfRealImages has rpm install every real package, puts the database
// into images as lorax and kiwi build them, and asks for every package.
func TestProofOfRealImages(t *testing.T) {
	t.Parallel()
	db := realDB(t)
	root := t.TempDir()
	sysimage := filepath.Join(root, "usr/lib/sysimage/rpm")
	for _, dir := range []string{sysimage, filepath.Join(root, "var/lib"), filepath.Join(root, "root")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ranTool(t, "cp", filepath.Join(db, "rpmdb.sqlite"), sysimage)
	if err := os.Symlink("../../usr/lib/sysimage/rpm", filepath.Join(root, "var/lib/rpm")); err != nil {
		t.Fatal(err)
	}
	list, err := rpmTool(t, "--dbpath", db, "-qa", "--nodigest", "--nosignature")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "root/lorax-packages.log"), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	at := func(name string) string { return filepath.Join(work, name) }
	ranTool(t, "mkfs.ext4", "-q", "-F", "-d", root, at("rootfs.img"), "64M")
	ranTool(t, "mkdir", "-p", at("squash/LiveOS"), at("iso/images"), at("live/LiveOS"), at("flat/images"))
	ranTool(t, "cp", "--sparse=always", at("rootfs.img"), at("squash/LiveOS/rootfs.img"))
	ranTool(t, "mksquashfs", at("squash"), at("iso/images/install.img"), "-quiet", "-no-progress", "-comp", "xz", "-Xbcj", "x86")
	ranTool(t, "mksquashfs", root, at("flat/images/install.img"), "-quiet", "-no-progress", "-comp", "zstd")
	ranTool(t, "mkfs.erofs", "-zlz4hc", "-C65536", at("live/LiveOS/squashfs.img"), root)
	for _, name := range []string{"iso", "live", "flat"} {
		ranTool(t, "xorrisofs", "-quiet", "-R", "-J", "-V", "TEST", "-o", at(name+".iso"), at(name))
	}
	for image, system := range map[string]string{
		"iso.iso": "images/install.img:LiveOS/rootfs.img ext4", "live.iso": "LiveOS/squashfs.img erofs", "flat.iso": "images/install.img squashfs", "rootfs.img": " ext4",
	} {
		c, err := proof.Read(t.Context(), at(image), proof.Options{})
		if err != nil {
			t.Fatal(err)
		}
		judgeReal(t, image, c, system)
	}
	c, err := proof.Read(t.Context(), root, proof.Options{})
	if err != nil {
		t.Fatal(err)
	}
	judgeReal(t, "folder", c, " tree")
}

func judgeReal(t *testing.T, image string, c *proof.Contents, system string) {
	t.Helper()
	if len(c.Systems) != 1 || c.Systems[0].Path+" "+string(c.Systems[0].Format) != system || len(c.Notes) > 0 {
		t.Fatalf("%s: %d systems, notes %q", image, len(c.Systems), c.Notes)
	}
	s := c.Systems[0]
	if len(s.Packages) < 150 {
		t.Errorf("%s: %d packages", image, len(s.Packages))
	}
	// rpm prints "(none)" where an old package has no arch.
	odd := slices.DeleteFunc(slices.Clone(s.Disagreements), func(d proof.Disagreement) bool {
		return strings.HasSuffix(d.Package, ".(none)") || strings.HasSuffix(d.Package, ".") || strings.HasSuffix(d.Package, ".src")
	})
	if len(odd) > 0 {
		t.Errorf("%s: database and list disagree: %+v", image, odd)
	}
	var wants []proof.Want
	for _, f := range sharedRPMs(t) {
		if p, err := rpm.Open(f); err == nil && !p.Source {
			wants = append(wants, proof.Want{NEVRA: p.NEVRA(), SigMD5: p.Digests.SigMD5, HeaderSHA256: p.Digests.HeaderSHA256})
		}
	}
	byDigest := 0
	for _, e := range c.Judge(wants, proof.JudgeOptions{}) {
		if e.Verdict == proof.Included && e.Evidence == proof.ByDigest {
			byDigest++
		}
	}
	t.Logf("%s: %d packages, %d of %d files included by digest", image, len(s.Packages), byDigest, len(wants))
	if byDigest < 120 {
		t.Errorf("%s: only %d of %d files are included by their digest", image, byDigest, len(wants))
	}
}

// TestSBOMIsValidSPDX has the SPDX project's own tools judge an SBOM of every
// real package.
func TestSBOMIsValidSPDX(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "usr/lib/sysimage/rpm")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ranTool(t, "cp", filepath.Join(realDB(t), "rpmdb.sqlite"), dir)
	c, err := proof.Read(t.Context(), root, proof.Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sbom.spdx.json")
	var b bytes.Buffer
	if err := c.SBOM(&b, proof.SBOMOptions{Name: "test", SHA256: strings.Repeat("0", 64)}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	validator := filepath.Join(shareddata.Root(t), ".cache/spdx/bin/pyspdxtools")
	if _, err := os.Stat(validator); err != nil {
		shareddata.Missing(t, "spdx-tools in .cache/spdx (internal/setup/setup.sh test)")
	}
	if out := ranTool(t, validator, "-i", path); strings.Contains(out, "ERROR") {
		t.Errorf("%.3000s", out)
	}
}

// TestUnsquashfsReadsImagetest has unsquashfs read what imagetest writes, so
// that tests without it stand on real images.
func TestUnsquashfsReadsImagetest(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"a/b/c": {Data: []byte("deep")}, "empty": {}, "large": {Data: bytes.Repeat([]byte("0123456789abcdef"), 30000)}}
	for i := range 600 {
		files["many/"+strings.Repeat("n", i%40+1)+string(rune('a'+i%26))+strings.Repeat("x", i/26)] = &fstest.MapFile{Data: []byte{byte(i)}}
	}
	path, out := filepath.Join(t.TempDir(), "image"), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, imagetest.Squashfs(files), 0o644); err != nil {
		t.Fatal(err)
	}
	ranTool(t, "unsquashfs", "-quiet", "-no-progress", "-d", out, path)
	got := map[string]string{}
	for name := range files {
		data, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(data)
	}
	want := map[string]string{}
	for name, f := range files {
		want[name] = string(f.Data)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
