package ext4_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fedora-respin/respin/compose/image/ext4"
	"github.com/fedora-respin/respin/compose/image/vfs"
)

// image is one that mke2fs made; see compose/image/testdata/make.sh.
func image(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := unpack(name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func unpack(name string) ([]byte, error) {
	f, err := os.Open("../testdata/" + name + ".img.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func TestItIsAProperFS(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ext4", "ext2"} {
		data := image(t, name)
		fsys, err := ext4.New(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if err := fstest.TestFS(fsys, "numbers", "etc/os-release", "many/file-7"); err != nil {
			t.Error(name, err)
		}
	}
}

func TestWhatIsNotReadIsRefusedOrNoted(t *testing.T) {
	t.Parallel()
	const incompat = 1024 + 96
	for bit, feature := range map[uint32]string{0x1: "compression", 0x8: "a journal device", 0x10: "META_BG", 0x1000000: "feature 0x1000000"} {
		data := image(t, "ext4")
		binary.LittleEndian.PutUint32(data[incompat:], binary.LittleEndian.Uint32(data[incompat:])|bit)
		_, err := ext4.New(bytes.NewReader(data), int64(len(data)))
		if no, ok := errors.AsType[*vfs.UnsupportedError](err); !ok || no.Feature != feature {
			t.Errorf("%s: %v", feature, err)
		}
	}
	data := image(t, "ext4")
	data[incompat] |= 0x4 // not unmounted
	fsys, err := ext4.New(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(fsys.Notes) != 1 || !strings.Contains(fsys.Notes[0], "journal") {
		t.Errorf("%v", err)
	}
}

func FuzzExt4(f *testing.F) {
	f.Add([]byte("short"))
	data := image(f, "ext4")
	f.Fuzz(func(t *testing.T, patch []byte) {
		// The fuzzer changes superblock, descriptors and inodes of an image that is
		// too large for it as a whole.
		img := bytes.Clone(data)
		for i := 0; i+3 <= len(patch); i += 3 {
			img[1024+int(binary.LittleEndian.Uint16(patch[i:]))] = patch[i+2]
		}
		fsys, err := ext4.New(bytes.NewReader(img), int64(len(img)))
		if err != nil {
			return
		}
		for _, name := range []string{"etc/os-release", "numbers"} {
			if file, err := fsys.Open(name); err == nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(file.(io.Reader), 1<<20))
			}
		}
		_, _ = fsys.ReadDir("many")
	})
}

func Example() {
	data, err := unpack("ext4") // most often an *os.File
	if err != nil {
		fmt.Println(err)
		return
	}
	fsys, err := ext4.New(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := fs.ReadFile(fsys, "etc/os-release")
	fmt.Printf("%q %v\n", text, err)
	// Output: "ID=fedora\nVERSION_ID=44\n" <nil>
}
