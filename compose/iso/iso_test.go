package iso_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/internal/limitio"
)

func write(tb testing.TB, data []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "x.iso")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func TestInspectInstallerImage(t *testing.T) {
	t.Parallel()
	info, err := iso.Inspect(write(t, isotest.Base("F44-test", "aarch64")))
	if err != nil {
		t.Fatal(err)
	}
	if info.VolumeID != "F44-test" || info.Arch != "aarch64" || !info.RockRidge || info.Checksum != nil {
		t.Errorf("got %+v", info)
	}
	if !info.BIOS || !info.UEFI || !info.BIOSDisk || !info.UEFIDisk {
		t.Errorf("boot: %+v", info)
	}
	if info.DiscInfo.Description != "44" || info.TreeInfo.Family != "Fedora" || info.TreeInfo.Version != "44" {
		t.Errorf("tree: %+v %+v", info.DiscInfo, info.TreeInfo)
	}
	if esp := info.ESP(); esp == nil || esp.Number != 2 || esp.Offset != info.VolumeSize || esp.Offset+esp.Size != info.FileSize {
		t.Errorf("ESP %+v", esp)
	}
}

func TestBootableMatrix(t *testing.T) {
	t.Parallel()
	for _, tc := range []isotest.Options{{}, {BIOS: true}, {UEFI: true}, {BIOS: true, UEFI: true}} {
		info, err := iso.Inspect(write(t, isotest.Build(tc)))
		if err != nil {
			t.Fatal(err)
		}
		got := [4]bool{info.BIOS, info.BIOSDisk, info.UEFI, info.UEFIDisk}
		if want := [4]bool{tc.BIOS, tc.BIOS, tc.UEFI, tc.UEFI}; got != want {
			t.Errorf("%+v: got %v", tc, got)
		}
	}
}

func TestNamesWithAndWithoutRockRidge(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	var want []string
	for i := range 60 { // more than one sector of records
		name := fmt.Sprintf("Packages/p/a-fairly-long-file-name-%03d.rpm", i)
		files[name] = fmt.Sprint("content ", i)
		want = append(want, "/"+name)
	}
	for _, plain := range []bool{false, true} {
		img, err := iso.Open(write(t, isotest.Build(isotest.Options{Files: files, Plain: plain})))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := img.Walk(func(name string, e iso.Entry) error {
			if e.Mode.IsRegular() {
				if plain {
					name = strings.ReplaceAll(strings.ToLower(name), "/packages", "/Packages")
				}
				got = append(got, name)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("plain %v: %s", plain, diff)
		}
		data, err := img.ReadFile(want[59], 100)
		if err != nil || string(data) != "content 59" {
			t.Errorf("plain %v: %q, %v", plain, data, err)
		}
		_ = img.Close()
	}
}

func TestReadFileErrors(t *testing.T) {
	t.Parallel()
	path := write(t, isotest.Build(isotest.Options{Files: map[string]string{"a/b": "12345"}}))
	for _, name := range []string{"/a/c", "/a/b/c", "/A/B", "../x", strings.Repeat("a/", 100)} {
		if _, err := iso.ReadFile(path, name, 10); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := iso.ReadFile(path, "/a", 10); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("folder: got %v", err)
	}
	var tooLarge *limitio.TooLargeError
	if _, err := iso.ReadFile(path, "/a/b", 4); !errors.As(err, &tooLarge) {
		t.Errorf("limit: got %v", err)
	}
	if _, err := iso.Inspect(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v", err)
	}
}

func TestHostileImagesAreRefused(t *testing.T) {
	t.Parallel()
	le := binary.LittleEndian
	const pvd, root = 16 * 2048, 21 * 2048
	for name, tc := range map[string]struct {
		reason string
		change func(b []byte) []byte
	}{
		"empty":           {"ends before", func([]byte) []byte { return nil }},
		"text":            {"no volume descriptor", func(b []byte) []byte { return bytes.Repeat([]byte("hello "), 20000) }},
		"truncated":       {"truncated", func(b []byte) []byte { return b[:len(b)-50*2048] }},
		"block size":      {"block size", func(b []byte) []byte { le.PutUint16(b[pvd+128:], 512); return b }},
		"no primary":      {"no primary", func(b []byte) []byte { b[pvd] = 2; return b }},
		"root past end":   {"past the end", func(b []byte) []byte { le.PutUint32(b[pvd+158:], 1<<31); return b }},
		"root huge":       {"the limit is", func(b []byte) []byte { le.PutUint32(b[pvd+166:], 1<<31); return b }},
		"root no folder":  {"not a directory", func(b []byte) []byte { b[pvd+156+25] = 0; return b }},
		"root empty":      {"root directory is empty", func(b []byte) []byte { le.PutUint32(b[pvd+166:], 0); return b }},
		"record length":   {"broken record", func(b []byte) []byte { b[firstRecord(b)] = 3; return b }},
		"record too long": {"broken record", func(b []byte) []byte { le.PutUint32(b[pvd+166:], 150); return b }},
		"name length":     {"longer than its record", func(b []byte) []byte { b[firstRecord(b)+32] = 250; return b }},
		"slash in name": {"a file called", func(b []byte) []byte {
			return bytes.Replace(b, []byte("NM\x0e\x01\x00.disc"), []byte("NM\x0e\x01\x00../sc"), 1)
		}},
		"boot catalog":     {"boot catalog is past", func(b []byte) []byte { le.PutUint32(b[17*2048+0x47:], 1<<30); return b }},
		"boot validation":  {"no validation entry", func(b []byte) []byte { b[19*2048+31] = 0; return b }},
		"folder loop":      {"contains itself", func(b []byte) []byte { loop(b, root); return b }},
		"file past end":    {"past the end", func(b []byte) []byte { le.PutUint32(b[firstRecord(b)+2:], 1<<30); return b }},
		"endless descript": {"do not end", endless},
	} {
		path := write(t, tc.change(isotest.Base("T", "x86_64")))
		_, err := iso.Inspect(path)
		if err == nil {
			var img *iso.Image
			if img, err = iso.Open(path); err == nil {
				err = img.Walk(func(string, iso.Entry) error { return nil })
			}
		}
		var not *iso.NotISOError
		if !errors.As(err, &not) || !strings.Contains(not.Reason, tc.reason) {
			t.Errorf("%s: got %v, want a reason with %q", name, err, tc.reason)
		}
	}
}

// firstRecord is the offset of the root's first entry, .discinfo.
func firstRecord(b []byte) int {
	i := bytes.Index(b, []byte(".DISCINFO;1"))
	return i - 33
}

// loop makes the root's folder EFI point at the root.
func loop(b []byte, root int) {
	i := bytes.Index(b[root:], []byte("\x03EFI")) + root - 32
	binary.LittleEndian.PutUint32(b[i+2:], uint32(root/2048))
}

func endless(b []byte) []byte {
	b = append(b, make([]byte, 200*2048)...)
	for i := 17; i < 200; i++ {
		copy(b[i*2048:], "\x03CD001\x01")
	}
	return b
}

func TestValidVolumeID(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"F", "Fedora-S-dvd-x86_64-44", strings.Repeat("a", 32)} {
		if err := iso.ValidVolumeID(ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("a", 33), "Fedora 44", "a/b", "é", "a\nb", "a.b"} {
		var e *iso.VolumeIDError
		if err := iso.ValidVolumeID(bad); !errors.As(err, &e) || e.VolumeID != bad {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestProductmdTreeInfo(t *testing.T) {
	t.Parallel()
	ti := iso.ParseTreeInfo([]byte("[header]\ntype = productmd.treeinfo\n; comment\nversion = 1.2\n[release]\nname = Fedora\nversion = 44\n" +
		"[tree]\narch = s390x\n[images-s390x]\nkernel = images/kernel.img\n[images-xen]\n"))
	if ti.Arch != "s390x" || ti.Family != "Fedora" || ti.Version != "44" || cmp.Diff([]string{"s390x", "xen"}, ti.Arches()) != "" {
		t.Fatalf("got %+v", ti)
	}
}

func TestImplantAndCheck(t *testing.T) {
	t.Parallel()
	for _, pad := range []int{0, 300, 2000} { // below, about at, and above one piece for each fragment
		path := write(t, isotest.Build(isotest.Options{VolumeID: "T", Pad: 20 + pad, Files: map[string]string{"a": "1"}}))
		if err := iso.CheckMD5(t.Context(), path, nil); !errors.Is(err, iso.ErrNoChecksum) {
			t.Fatalf("before: %v", err)
		}
		sum, err := iso.ImplantMD5(t.Context(), path, iso.ImplantOptions{Supported: true})
		if err != nil {
			t.Fatal(err)
		}
		calls := int64(0)
		if err := iso.CheckMD5(t.Context(), path, func(done, total int64) {
			calls++
			if done > total {
				t.Errorf("progress %d of %d", done, total)
			}
		}); err != nil || calls == 0 {
			t.Fatalf("pad %d: %v, %d calls", pad, err, calls)
		}
		info, err := iso.Inspect(path)
		if err != nil || cmp.Diff(sum, info.Checksum) != "" || len(sum.FragmentSums) != 60 || !sum.Supported {
			t.Fatalf("got %+v, %v; want %+v", info.Checksum, err, sum)
		}
		if _, err := iso.ImplantMD5(t.Context(), path, iso.ImplantOptions{}); !errors.Is(err, iso.ErrAppDataUsed) {
			t.Fatalf("second implant: %v", err)
		}
		again, err := iso.ImplantMD5(t.Context(), path, iso.ImplantOptions{Force: true})
		if err != nil || again.MD5 != sum.MD5 || again.Supported {
			t.Fatalf("forced: %+v, %v", again, err)
		}
	}
}

func TestDamageIsFoundInItsFragment(t *testing.T) {
	t.Parallel()
	path := write(t, isotest.Build(isotest.Options{Pad: 3000, Files: map[string]string{"a": "1"}}))
	if _, err := iso.ImplantMD5(t.Context(), path, iso.ImplantOptions{}); err != nil {
		t.Fatal(err)
	}
	flip := func(at int64) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		b := []byte{0}
		if _, err = f.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 1
		if _, err = f.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	const middle, tail = 1500 * 2048, 2995 * 2048
	size := int64(3025 * 2048)
	for name, tc := range map[string]struct {
		at           int64
		whole, found bool
	}{
		"middle":         {at: middle, found: true},
		"tail":           {at: tail, found: true, whole: true},
		"skipped sector": {at: size - 100},
	} {
		flip(tc.at)
		err := iso.CheckMD5(t.Context(), path, nil)
		flip(tc.at)
		var e *iso.ChecksumError
		if errors.As(err, &e) != tc.found {
			t.Errorf("%s: got %v", name, err)
		}
		if tc.found && (e.Fragment == 0) != tc.whole {
			t.Errorf("%s: fragment %d", name, e.Fragment)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := iso.CheckMD5(ctx, path, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// FuzzInspect changes bytes of a right image: three bytes of the input are a
// place, the fourth is the value.
func FuzzInspect(f *testing.F) {
	f.Add([]byte{0, 0x80, 128, 0, 0, 0xA8, 0, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := isotest.Base("T", "x86_64")
		for ; len(data) >= 4; data = data[4:] {
			b[(int(data[0])<<16|int(data[1])<<8|int(data[2]))%len(b)] = data[3]
		}
		img, err := iso.NewImage(bytes.NewReader(b), int64(len(b)), "fuzz")
		if err != nil {
			return
		}
		_, _ = img.Info()
		_ = img.Walk(func(name string, e iso.Entry) error {
			if e.Mode.IsRegular() {
				if got, err := img.ReadFile(name, 1<<20); err == nil && len(got) > len(b)*1024 {
					t.Errorf("%s has %d bytes", name, len(got))
				}
			}
			return nil
		})
	})
}

func ExampleInspect() {
	dir, err := os.MkdirTemp("", "iso")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "boot.iso")
	if err := os.WriteFile(path, isotest.Base("Fedora-E-dvd-x86_64-44", "x86_64"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	info, err := iso.Inspect(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(info.VolumeID, info.Arch, info.BIOS, info.UEFI)
	if _, err := iso.ImplantMD5(context.Background(), path, iso.ImplantOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(iso.CheckMD5(context.Background(), path, nil))
	// Output:
	// Fedora-E-dvd-x86_64-44 x86_64 true true
	// <nil>
}
