package image_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/image"
	"github.com/fedora-respin/respin/compose/image/erofs"
	"github.com/fedora-respin/respin/compose/image/ext4"
	"github.com/fedora-respin/respin/compose/image/imagetest"
	"github.com/fedora-respin/respin/compose/image/qcow2"
	"github.com/fedora-respin/respin/compose/image/squashfs"
	"github.com/fedora-respin/respin/compose/image/vfs"
	"github.com/fedora-respin/respin/compose/iso/isotest"
)

// made are the images that testdata/make.sh made, by name.
func made(tb testing.TB) map[string][]byte {
	tb.Helper()
	list, err := filepath.Glob("testdata/*.img.gz")
	if err != nil || len(list) < 10 {
		tb.Fatalf("%d images, %v", len(list), err)
	}
	images := map[string][]byte{}
	for _, path := range list {
		raw, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			tb.Fatal(err)
		}
		if images[strings.TrimSuffix(filepath.Base(path), ".img.gz")], err = io.ReadAll(z); err != nil {
			tb.Fatal(err)
		}
	}
	return images
}

// open opens an image by its content.
func open(data []byte) (*vfs.FS, error) {
	var r io.ReaderAt = bytes.NewReader(data)
	size := int64(len(data))
	if bytes.HasPrefix(data, []byte(qcow2.Magic)) {
		d, err := qcow2.New(r, size)
		if err != nil {
			return nil, err
		}
		r, size = d, d.Size()
	}
	switch {
	case bytes.HasPrefix(data, []byte(squashfs.Magic)):
		return squashfs.New(r, size)
	case erofs.Is(r):
		return erofs.New(r, size)
	default:
		return ext4.New(r, size)
	}
}

func TestImagesOfEveryFormatHoldTheSameTree(t *testing.T) {
	t.Parallel()
	var numbers strings.Builder
	for i := range 4000 {
		fmt.Fprintln(&numbers, i+1)
	}
	for name, data := range made(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys, err := open(data)
			if err != nil {
				t.Fatal(err)
			}
			for path, want := range map[string]string{"numbers": numbers.String(), "etc/os-release": "ID=fedora\nVERSION_ID=44\n", "many/file-39": "39"} {
				if got, err := fs.ReadFile(fsys, path); err != nil || string(got) != want {
					t.Errorf("%s: %d bytes, %v", path, len(got), err)
				}
			}
			if target, err := fsys.ReadLink("etc/os-release"); target != "../usr/lib/os-release" || err != nil {
				t.Errorf("the link leads to %q, %v", target, err)
			}
			if list, err := fsys.ReadDir("many"); len(list) != 40 || err != nil {
				t.Errorf("%d files, %v", len(list), err)
			}
			if _, err := fsys.Open("many/no"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a file that is not there: %v", err)
			}
		})
	}
}

// tour looks at a good part of an image; its errors are those of the packages.
func tour(t *testing.T, data []byte) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		_, broken := errors.AsType[*vfs.FormatError](err)
		_, unread := errors.AsType[*vfs.UnsupportedError](err)
		_, path := errors.AsType[*fs.PathError](err)
		if err != nil && !broken && !unread && !path {
			t.Fatalf("%T %v", err, err)
		}
	}
	fsys, err := open(data)
	check(err)
	if err != nil {
		return
	}
	list, err := fsys.ReadDir(".")
	check(err)
	for _, e := range list[:min(len(list), 20)] {
		_, err := e.Info()
		check(err)
	}
	for _, dir := range []string{"etc", "usr/lib", "many"} {
		_, err := fsys.ReadDir(dir)
		check(err)
	}
	for _, name := range []string{"numbers", "etc/os-release", "small"} {
		f, err := fsys.Open(name)
		check(err)
		if err != nil {
			continue
		}
		_, err = io.Copy(io.Discard, io.LimitReader(f, 1<<20))
		check(err)
	}
}

func TestDamageIsNamedAndNeverPanics(t *testing.T) {
	t.Parallel()
	for name, data := range made(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for cut := 0; cut < len(data); cut += max(512, len(data)/100) {
				tour(t, data[:cut])
			}
			// Everything that is not zero, up to a number of places.
			var places []int
			for at, b := range data {
				if b != 0 {
					places = append(places, at)
				}
			}
			for i := 0; i < len(places); i += 1 + len(places)/400 {
				at := places[i]
				for _, v := range []byte{0, 0x7f, 0xff} {
					old := data[at]
					data[at] = v
					tour(t, data)
					data[at] = old
				}
			}
		})
	}
}

func FuzzImage(f *testing.F) {
	for _, data := range made(f) {
		if len(data) < 64<<10 {
			f.Add(data)
		}
	}
	f.Fuzz(tour)
}

func TestSystemsAreFoundThroughTheLayers(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{"usr/lib/os-release": {Data: []byte("ID=fedora\n")}, "var/lib/rpm/rpmdb.sqlite": {Data: make([]byte, 300000)}}
	inner := imagetest.Squashfs(fstest.MapFS{"LiveOS/rootfs.img": {Data: imagetest.Squashfs(root)}})
	dir := t.TempDir()
	for name, want := range map[string][]string{
		"boot.iso":    {"images/install.img:LiveOS/rootfs.img squashfs"},
		"install.img": {"LiveOS/rootfs.img squashfs"},
		"root.img":    {" squashfs"},
		"ext4.img":    {" ext4"},
		"erofs.img":   {" erofs"},
	} {
		data := map[string][]byte{
			"boot.iso":    isotest.Build(isotest.Options{VolumeID: "T", Files: map[string]string{"images/install.img": string(inner)}}),
			"install.img": inner, "root.img": imagetest.Squashfs(root), "ext4.img": made(t)["ext4"], "erofs.img": made(t)["erofs-big"],
		}[name]
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		img, err := image.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range img.Systems() {
			got = append(got, s.Path+" "+string(s.Format))
		}
		if diff := cmp.Diff(want, got); diff != "" || len(img.Notes) > 0 {
			t.Errorf("%s: %v %s", name, img.Notes, diff)
		}
		if err := img.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatCannotBeReadIsNotedOrRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "tree/images"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"tree/images/install.img": "stage2", "text": strings.Repeat("x", 1<<17)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	img, err := image.Open(filepath.Join(dir, "tree"))
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if len(img.Notes) != 1 || !strings.Contains(img.Notes[0], "images/install.img was not looked into") {
		t.Errorf("notes %q", img.Notes)
	}
	if _, err := image.Open(filepath.Join(dir, "text")); err == nil {
		t.Error("a text is taken for an image")
	} else if _, ok := errors.AsType[*image.UnknownError](err); !ok {
		t.Errorf("%v", err)
	}
	if _, err := image.Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// disk puts an image into partition 2 of a disk with a GPT or an MBR.
func disk(data []byte, gpt bool) []byte {
	const first = 2048
	out := make([]byte, (first+40)*512+len(data)+1<<16)
	le := binary.LittleEndian
	copy(out[510:], "\x55\xaa")
	count := (len(data) + 511) / 512
	copy(out[first*512:], data)
	if !gpt {
		e := out[446+16:]
		e[4] = 0x83
		le.PutUint32(e[8:], first)
		le.PutUint32(e[12:], uint32(count))
		return out
	}
	out[446+4] = 0xEE
	copy(out[512:], "EFI PART")
	le.PutUint64(out[512+72:], 2)
	le.PutUint32(out[512+80:], 4)
	le.PutUint32(out[512+84:], 128)
	for i, start := range []uint64{100, first} { // the first is a FAT
		e := out[1024+128*i:]
		e[0] = 1
		le.PutUint64(e[32:], start)
		le.PutUint64(e[40:], start+uint64([]int{1, count}[i])-1)
	}
	copy(out[100*512+54:], "FAT16   ")
	return out
}

func TestPartitionsOfADiskAreRead(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"gpt": disk(made(t)["ext4"], true), "mbr": disk(made(t)["ext4"], false),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		img, err := image.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		s := img.Systems()
		if len(s) != 1 || s[0].Path != "partition 2" || s[0].Format != image.Ext4 || len(img.Notes) > 0 {
			t.Errorf("%s: %+v, notes %q", name, s, img.Notes)
		}
		img.Close()
	}
}

func TestKnownFormatsAreRefusedByName(t *testing.T) {
	t.Parallel()
	btrfs := make([]byte, 0x20000)
	copy(btrfs[0x10040:], "_BHRfS_M")
	for system, data := range map[string][]byte{"xz": []byte("\xfd7zXZ\x00."), "btrfs": btrfs} {
		path := filepath.Join(t.TempDir(), system)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := image.Open(path)
		if no, ok := errors.AsType[*vfs.UnsupportedError](err); !ok || no.System != system {
			t.Errorf("%s: %v", system, err)
		}
	}
	// In a partition it is noted, and the disk is no image that is read.
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, disk(btrfs, true), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := image.Open(path)
	if no, ok := errors.AsType[*vfs.UnsupportedError](err); !ok || no.System != "btrfs" {
		t.Errorf("a disk with btrfs alone: %v", err)
	}
}

func FuzzPartitions(f *testing.F) {
	f.Add(disk([]byte("hsqs"), true)[:4096])
	f.Add(disk([]byte("hsqs"), false)[:1024])
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if img, err := image.Open(path); err == nil {
			img.Systems()
			img.Close()
		}
	})
}
