package squashfs_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fedora-respin/respin/compose/image/imagetest"
	"github.com/fedora-respin/respin/compose/image/squashfs"
	"github.com/fedora-respin/respin/compose/image/vfs"
)

func image() []byte {
	return imagetest.Squashfs(fstest.MapFS{
		"etc/os-release": {Data: []byte("ID=fedora\n")}, "large": {Data: []byte(strings.Repeat("0123456789", 40000))}, "empty": {},
	})
}

func TestFilesOfImagetestComeBack(t *testing.T) {
	t.Parallel()
	data := image()
	fsys, err := squashfs.New(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(fsys, "etc/os-release", "large", "empty"); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotReadIsRefusedByName(t *testing.T) {
	t.Parallel()
	for feature, change := range map[string]func([]byte){
		"compression lzma": func(b []byte) { b[20] = 2 },
		"compression lzo":  func(b []byte) { b[20] = 3 },
		"version 3.1":      func(b []byte) { b[28], b[30] = 3, 1 },
	} {
		data := image()
		change(data)
		_, err := squashfs.New(bytes.NewReader(data), int64(len(data)))
		if no, ok := errors.AsType[*vfs.UnsupportedError](err); !ok || no.Feature != feature {
			t.Errorf("%s: %v", feature, err)
		}
	}
}

// A file may claim any size; what is not in its list of blocks costs nothing.
func TestAHugeFileIsRefusedBeforeMemoryIsSpent(t *testing.T) {
	t.Parallel()
	data := image()
	at := bytes.Index(data, binary.LittleEndian.AppendUint32(nil, 400000))
	if at < 0 {
		t.Fatal("the size of the file is not where it was thought")
	}
	binary.LittleEndian.PutUint32(data[at:], 0xfffffff0)
	fsys, err := squashfs.New(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fsys.Open("large"); err == nil {
		t.Error("a file whose blocks are not there is opened")
	}
}

func FuzzSquashfs(f *testing.F) {
	f.Add(image())
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys, err := squashfs.New(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			_, broken := errors.AsType[*vfs.FormatError](err)
			if _, unread := errors.AsType[*vfs.UnsupportedError](err); !broken && !unread {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		for _, name := range []string{"etc/os-release", "large"} {
			if file, err := fsys.Open(name); err == nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(file.(io.Reader), 1<<20))
			}
		}
		_, _ = fsys.ReadDir("etc")
	})
}

func Example() {
	data := imagetest.Squashfs(fstest.MapFS{"etc/os-release": {Data: []byte("ID=fedora\n")}})
	fsys, err := squashfs.New(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := fs.ReadFile(fsys, "etc/os-release")
	fmt.Printf("%q %v\n", text, err)
	// Output: "ID=fedora\n" <nil>
}
