//go:build interop

package interop_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/internal/shareddata"
)

const standInVolume = "Fedora-standin-x86_64-44"

// tool skips when name is missing, and runs it otherwise; the error is that of
// the tool.
func tool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	var r proc.Runner
	if _, err := r.Look(name, ""); err != nil {
		shareddata.Missing(t, err.Error())
	}
	var out bytes.Buffer
	err := r.Run(t.Context(), proc.Cmd{Name: name, Args: args, Log: &out})
	return out.String(), err
}

// standIn builds the base image once for all tests, in a folder that is kept
// (RESPIN_CACHE, or the user's cache).
var standIn = sync.OnceValues(func() (string, error) {
	dir, err := standInDir()
	if err != nil {
		return "", err
	}
	return composetest.BaseISO(context.Background(), composetest.Options{Dir: dir})
})

func standInDir() (string, error) {
	dir := os.Getenv("RESPIN_CACHE")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(cache, "respin")
	}
	return filepath.Join(dir, "standin"), nil
}

func baseISO(t *testing.T) string {
	t.Helper()
	path, err := standIn()
	if _, ok := errors.AsType[*proc.NotFoundError](err); ok {
		shareddata.Missing(t, err.Error())
	}
	if _, ok := errors.AsType[*composetest.NoKernelError](err); ok {
		shareddata.Missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// sideRepo writes a repository with n packages and returns the digests by path
// below the folder.
func sideRepo(t *testing.T, dir string, n int, plain bool) map[string]string {
	t.Helper()
	digests := map[string]string{}
	var primary bytes.Buffer
	primary.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\">\n")
	for i := range n {
		data := bytes.Repeat([]byte{byte(i), 'r', 'p', 'm'}, 5000*(i+1))
		name := fmt.Sprintf("Packages/%c/%c-pkg-1^%d-1.fc44.noarch.rpm", 'a'+i, 'a'+i, i)
		put(t, filepath.Join(dir, name), data)
		digests[name] = sha(data)
		fmt.Fprintf(&primary, "<package type=\"rpm\">\n  <name>p</name>\n  <checksum type=\"sha256\" pkgid=\"YES\">%s</checksum>\n  <location href=\"%s\"/>\n</package>\n", digests[name], name)
	}
	primary.WriteString("</metadata>\n")
	name, data := "repodata/primary.xml", primary.Bytes()
	if !plain {
		var gz bytes.Buffer
		w := gzip.NewWriter(&gz)
		_, _ = w.Write(data)
		_ = w.Close()
		name, data = "repodata/"+sha(gz.Bytes())+"-primary.xml.gz", gz.Bytes()
	}
	put(t, filepath.Join(dir, name), data)
	put(t, filepath.Join(dir, "repodata/repomd.xml"), fmt.Appendf(nil,
		"<repomd><revision>1</revision><data type=\"primary\"><checksum type=\"sha256\">%s</checksum><open-checksum type=\"sha256\">0</open-checksum><location href=\"%s\"/></data></repomd>", sha(data), name))
	return digests
}

func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
		t.Fatal(err)
	}
}

func sha(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

var kickstart = []byte("text\nurl --url=https://example.org/f44/\nrepo --name=side --baseurl=file:///run/install/repo/respin-repo\n%packages\n@core\n%end\n")

func TestChecksumAgreesWithIsomd5sum(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		sectors   int
		supported bool
		same      bool // byte for byte; below 672 KiB isomd5sum refuses its own work
	}{{sectors: 30}, {sectors: 400, same: true}, {sectors: 401, supported: true, same: true}, {sectors: 5003, same: true}} {
		data := isotest.Build(isotest.Options{VolumeID: "T", Pad: tc.sectors, BIOS: true, Files: map[string]string{"a": strings.Repeat("x", 99999)}})
		ours, theirs := filepath.Join(t.TempDir(), "ours.iso"), filepath.Join(t.TempDir(), "theirs.iso")
		put(t, ours, data)
		put(t, theirs, data)
		sum, err := iso.ImplantMD5(t.Context(), ours, iso.ImplantOptions{Supported: tc.supported})
		if err != nil {
			t.Fatal(err)
		}
		args := []string{theirs}
		if tc.supported {
			args = []string{"--supported-iso", theirs}
		}
		if out, err := tool(t, "implantisomd5", args...); err != nil {
			t.Fatal(err, out)
		}
		a, _ := os.ReadFile(ours)
		b, _ := os.ReadFile(theirs)
		if tc.same && !bytes.Equal(a, b) {
			t.Errorf("%d sectors: implanted bytes differ", tc.sectors)
		}
		if out, err := tool(t, "checkisomd5", ours); err != nil || !strings.Contains(out, "PASS") {
			t.Errorf("%d sectors: checkisomd5 refuses ours: %v %s", tc.sectors, err, out)
		}
		if out, _ := tool(t, "checkisomd5", "--md5sumonly", ours); !strings.Contains(out, sum.MD5) {
			t.Errorf("%d sectors: checkisomd5 reads %s, not %s", tc.sectors, out, sum.MD5)
		}
		if err := iso.CheckMD5(t.Context(), theirs, nil); err != nil {
			t.Errorf("%d sectors: we refuse theirs: %v", tc.sectors, err)
		}
		a[len(a)/2] ^= 1
		put(t, ours, a)
		if _, err := tool(t, "checkisomd5", ours); err == nil {
			t.Errorf("%d sectors: checkisomd5 passes a damaged image", tc.sectors)
		}
		if err := iso.CheckMD5(t.Context(), ours, nil); err == nil {
			t.Errorf("%d sectors: we pass a damaged image", tc.sectors)
		}
	}
}

func TestReaderAgreesWithXorriso(t *testing.T) {
	t.Parallel()
	base := baseISO(t)
	out, err := tool(t, "xorriso", "-no_rc", "-indev", base, "-find", "/", "-type", "f")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "'/") {
			want = append(want, strings.Trim(strings.TrimSpace(line), "'"))
		}
	}
	img, err := iso.Open(base)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if err := img.Walk(func(name string, e iso.Entry) error {
		if e.Mode.IsRegular() {
			got = append(got, name)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Fatalf("files of %s (-xorriso +ours):\n%s", base, diff)
	}
	info, err := img.Info()
	if err != nil || info.VolumeID != standInVolume || info.Arch != "x86_64" || !info.Joliet || !info.RockRidge {
		t.Fatalf("got %+v, %v", info, err)
	}
	if !info.BIOS || !info.BIOSDisk || !info.UEFI || !info.UEFIDisk || !strings.Contains(info.DiscInfo.Description, "stand-in") {
		t.Errorf("got %+v", info)
	}
}

// remastered makes the image that the other tests look at and boot.
func remastered(t *testing.T, side string, at time.Time) *remaster.Result {
	t.Helper()
	updates := filepath.Join(t.TempDir(), "updates.img")
	put(t, updates, []byte("updates"))
	res, err := remaster.Run(t.Context(), remaster.Job{
		BaseISO: baseISO(t), Output: filepath.Join(t.TempDir(), "out.iso"), Arch: "x86_64", VolID: "F44-respin_test",
		Kickstart: kickstart, UpdatesImg: updates, Add: []remaster.Graft{{Local: side, ISOPath: "/respin-repo"}},
		BootArgs: []string{"inst.text", "respin.words=one two"}, RemoveArgs: []string{"rd.live.check"}, Time: at,
	})
	if _, ok := errors.AsType[*proc.NotFoundError](err); ok {
		shareddata.Missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestRemasterIsReproducible(t *testing.T) {
	t.Parallel()
	one, two := t.TempDir(), t.TempDir()
	sideRepo(t, one, 4, false)
	// The second copy is made in another order, by another hand, at another time.
	var names []string
	if err := filepath.WalkDir(one, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(names)
	for i, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(one, name)
		put(t, filepath.Join(two, rel), data)
		old := time.Now().Add(-time.Duration(i+1) * 1000 * time.Hour)
		if err := errors.Join(os.Chmod(filepath.Join(two, rel), 0o600), os.Chtimes(filepath.Join(two, rel), old, old)); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Unix(1_750_000_000, 0)
	a := remastered(t, one, at)
	time.Sleep(2100 * time.Millisecond) // FAT counts in steps of two seconds
	b := remastered(t, two, at)
	sameFile(t, a.Path, b.Path)
	if at := clock(t, a.Path); len(at) > 0 {
		t.Errorf("the EFI boot image has files of today: %v", at)
	}
	if err := os.Remove(b.Path); err != nil {
		t.Fatal(err)
	}
	for i, dir := range []string{one, two} {
		res, err := remaster.MakeRepoISO(t.Context(), remaster.RepoJob{Dir: dir, Output: b.Path + fmt.Sprint(i), VolID: "side", Time: at})
		if err != nil {
			t.Fatal(err)
		}
		if err := iso.CheckMD5(t.Context(), res.Path, nil); err != nil || res.Info.VolumeID != "side" || !res.Info.Joliet || res.Info.BIOS {
			t.Errorf("repository image: %v, %+v", err, res.Info)
		}
		time.Sleep(1100 * time.Millisecond)
	}
	sameFile(t, b.Path+"0", b.Path+"1")
}

// clock looks for FAT directory entries of grub.cfg that were made today.
func clock(t *testing.T, path string) []int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	today := uint16(now.Year()-1980)<<9 | uint16(now.Month())<<5 | uint16(now.Day())
	var found []int
	for at := 0; ; at++ {
		i := bytes.Index(data[at:], []byte("GRUB    CFG"))
		if i < 0 {
			return found
		}
		at += i
		for _, field := range []int{16, 18, 24} { // created, read, written
			if uint16(data[at+field])|uint16(data[at+field+1])<<8 == today {
				found = append(found, at)
			}
		}
	}
}

func sameFile(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(x) != len(y) {
		t.Fatalf("%d and %d bytes", len(x), len(y))
	}
	for i := range x {
		if x[i] != y[i] {
			t.Fatalf("the images differ at byte %d (sector %d)", i, i/2048)
		}
	}
}

func TestRemasterRenamesVolumeEverywhere(t *testing.T) {
	t.Parallel()
	side := t.TempDir()
	sideRepo(t, side, 1, true)
	res := remastered(t, side, time.Time{})
	want := []string{
		"/EFI/BOOT/grub.cfg", "/boot/grub2/grub.cfg", "/images/efiboot.img",
		"/images/efiboot.img::/EFI/BOOT/grub.cfg", "partition 2::/EFI/BOOT/grub.cfg",
	}
	if diff := cmp.Diff(want, res.Edited); diff != "" {
		t.Errorf("edited: %s", diff)
	}
	data, err := os.ReadFile(res.Path)
	if err != nil {
		t.Fatal(err)
	}
	var joliet []byte
	for _, u := range utf16.Encode([]rune(standInVolume[:16])) {
		joliet = append(joliet, byte(u>>8), byte(u))
	}
	if bytes.Contains(data, []byte(standInVolume)) || bytes.Contains(data, joliet) {
		t.Error("the old volume id is still in the image")
	}
	if n := bytes.Count(data, []byte("inst.ks=hd:LABEL=F44-respin_test:/respin.ks inst.updates=hd:LABEL=F44-respin_test:/updates.img")); n != 8 {
		t.Errorf("%d kernel lines have the arguments, want 2 in each of 4 copies", n)
	}
	if out, err := tool(t, "checkisomd5", res.Path); err != nil {
		t.Errorf("checkisomd5: %v %s", err, out)
	}
	got, err := iso.ReadFile(res.Path, "/respin.ks", 1<<20)
	if err != nil || !bytes.Equal(got, kickstart) {
		t.Errorf("kickstart: %q, %v", got, err)
	}
	out, err := tool(t, "xorriso", "-no_rc", "-indev", res.Path, "-report_el_torito", "plain", "-report_system_area", "plain")
	if err != nil {
		t.Fatal(err)
	}
	for _, mark := range []string{"boot-info-table grub2-boot-info", "grub2-mbr", "GPT partition name :   2  41007000700065006e00640065006400", "BIOS  y", "UEFI  y"} {
		if !strings.Contains(out, mark) {
			t.Errorf("xorriso does not report %q", mark)
		}
	}
}

// boot returns the lines of the stand-in's report.
func boot(t *testing.T, image string, fw smoke.Firmware, as smoke.Medium, end string) []string {
	t.Helper()
	other := composetest.MarkFailed
	if end == other {
		other = composetest.MarkOK
	}
	rep, err := smoke.Boot(t.Context(), smoke.Options{
		ISO: image, Firmware: fw, As: as, Timeout: 4 * time.Minute,
		Until: regexp.MustCompile("^" + regexp.QuoteMeta(end)), Fail: regexp.MustCompile(other + "|Kernel panic"),
	})
	if _, ok := errors.AsType[*proc.NotFoundError](err); ok {
		shareddata.Missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(rep.Serial), "\n")
	at := max(0, slices.Index(lines, composetest.MarkBegin))
	if !rep.OK {
		t.Fatalf("%s as %s: %s after %v\n%s", fw, as, rep.Reason, rep.Duration, strings.Join(lines[at:], "\n"))
	}
	t.Logf("%s as %s with %s: %v", fw, as, rep.Accel, rep.Duration)
	return lines[at:]
}

func TestRemasteredImageBoots(t *testing.T) {
	side := t.TempDir()
	digests := sideRepo(t, side, 3, false)
	res := remastered(t, side, time.Time{})
	want := []string{
		"ks: /respin.ks sha256=" + sha(kickstart),
		"ks-repo: url --url=https://example.org/f44/",
		"ks-repo: repo --name=side --baseurl=file:///run/install/repo/respin-repo",
		"updates: /updates.img sha256=" + sha([]byte("updates")),
		"repo: /respin-repo packages=3 primary=ok",
	}
	for _, name := range slices.Sorted(maps.Keys(digests)) {
		want = append(want, "rpm: /respin-repo/"+name+" sha256="+digests[name]+" primary=ok")
	}
	for _, m := range []struct {
		fw  smoke.Firmware
		as  smoke.Medium
		dev string
	}{{smoke.BIOS, smoke.CDROM, "sr0"}, {smoke.UEFI, smoke.Disk, "vda"}} {
		lines := boot(t, res.Path, m.fw, m.as, composetest.MarkOK)
		for _, line := range append(want, "medium: /dev/"+m.dev+" label=F44-respin_test") {
			if !slices.Contains(lines, line) {
				t.Errorf("%s as %s: no line %q in\n%s", m.fw, m.as, line, strings.Join(lines, "\n"))
			}
		}
		if cmdline := strings.Join(lines, "\n"); !strings.Contains(cmdline, `"respin.words=one two"`) && !strings.Contains(cmdline, `respin.words="one two"`) {
			t.Errorf("%s as %s: the argument with a blank did not arrive:\n%s", m.fw, m.as, cmdline)
		}
	}
}

// An altered package, a missing one and one that nobody listed are seen by the
// machine that boots. The two other ways to boot are covered here.
func TestStandInReportsDamagedRepository(t *testing.T) {
	side := t.TempDir()
	names := slices.Sorted(maps.Keys(sideRepo(t, side, 3, true)))
	put(t, filepath.Join(side, names[0]), []byte("altered"))
	put(t, filepath.Join(side, "extra.rpm"), []byte("extra"))
	if err := os.Remove(filepath.Join(side, names[1])); err != nil {
		t.Fatal(err)
	}
	res := remastered(t, side, time.Time{})
	for _, m := range []struct {
		fw smoke.Firmware
		as smoke.Medium
	}{{smoke.BIOS, smoke.Disk}, {smoke.UEFI, smoke.CDROM}} {
		lines := boot(t, res.Path, m.fw, m.as, composetest.MarkFailed)
		for _, line := range []string{
			"rpm: /respin-repo/" + names[0] + " sha256=" + sha([]byte("altered")) + " primary=MISMATCH",
			"rpm: /respin-repo/" + names[1] + " primary=MISSING",
			"rpm: /respin-repo/extra.rpm sha256=" + sha([]byte("extra")) + " primary=UNLISTED",
		} {
			if !slices.Contains(lines, line) {
				t.Errorf("%s as %s: no line %q in\n%s", m.fw, m.as, line, strings.Join(lines, "\n"))
			}
		}
	}
}

func TestProbeMachineRuns(t *testing.T) {
	t.Parallel()
	var r proc.Runner
	if _, err := r.Look("qemu-system-x86_64", ""); err != nil {
		shareddata.Missing(t, err.Error())
	}
	if ok, err := smoke.Probe(t.Context(), nil, smoke.TCG); !ok || err != nil {
		t.Fatalf("the probe machine does not run in software: %v", err)
	}
}

func TestRemasterToolsAreProbed(t *testing.T) {
	t.Parallel()
	list, err := remaster.Tools(t.Context(), nil)
	if err != nil {
		shareddata.Missing(t, err.Error())
	}
	for _, tool := range list {
		if tool.Version == "" || tool.Path == "" {
			t.Errorf("got %+v", tool)
		}
	}
}
