package updates_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose/updates"
	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// raw is an archive, not compressed, of one file and its folder.
func raw(tb testing.TB) ([]byte, []updates.Input) {
	tb.Helper()
	inputs := packages(tb, rpmtest.Spec{Name: "p", Files: []rpmtest.File{
		{Path: "/usr/file", Data: []byte("content")},
		{Path: "/usr/link", Linkto: "file"},
		{Path: "/usr/one", Data: []byte("linked")},
		{Path: "/usr/two", Hardlink: "/usr/one"},
	}})
	image, _ := build(tb, updates.Options{}, inputs...)
	return unzip(tb, image), inputs
}

func TestCheckFindsEveryDifference(t *testing.T) {
	t.Parallel()
	image, inputs := raw(t)
	replace := func(old, other string) []byte {
		if bytes.Count(image, []byte(old)) != 1 {
			t.Fatalf("%q is not there once", old)
		}
		return bytes.Replace(image, []byte(old), []byte(other), 1)
	}
	at := bytes.Index(image, []byte("usr/file\x00")) - 110
	entry := string(image[at:][:110])
	for name, tc := range map[string]struct {
		image []byte
		want  string
	}{
		"content":     {replace("content", "contenT"), "/usr/file in the updates image: its content"},
		"linked":      {replace("linked", "linkeD"), "its content"},
		"target":      {replace("usr/link\x00\x00file", "usr/link\x00\x00fire"), `the target is "fire"`},
		"mode":        {replace(entry, strings.Replace(entry, "000081a4", "000089a4", 1)), "the mode is 104644"},
		"owner":       {replace(entry, entry[:22]+"00000001"+entry[30:]), "the owner is 1:0"},
		"time":        {replace(entry, entry[:46]+"00000001"+entry[54:]), "the time is 1"},
		"extra":       {replace("usr/file\x00", "usr/fils\x00"), "no package brings it"},
		"twice":       {replace("usr/link\x00", "usr/file\x00"), "it comes twice"},
		"data gone":   {replace("usr/two\x00", "usr/one\x00"), "it comes twice"},
		"cut in half": {image[:len(image)/2], "ends"},
	} {
		_, err := updates.Check(t.Context(), bytes.NewReader(tc.image), inputs, updates.Options{})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := updates.Check(t.Context(), bytes.NewReader(image[:at]), inputs, updates.Options{})
	if _, ok := errors.AsType[*updates.ImageError](err); !ok {
		t.Errorf("without its trailer: %v", err)
	}
	short := append(bytes.Clone(image[:at]), image[bytes.LastIndex(image, []byte("070701")):]...)
	_, err = updates.Check(t.Context(), bytes.NewReader(short), inputs, updates.Options{})
	if e, ok := errors.AsType[*updates.MismatchError](err); !ok || e.Path != "usr/file" || e.Reason != "it is missing" {
		t.Errorf("without its files: %v", err)
	}
}

func TestWalkRefusesWhatIsNoImage(t *testing.T) {
	t.Parallel()
	image, _ := raw(t)
	// number replaces one of the thirteen numbers of the entry at at.
	number := func(at, which int, text string) []byte {
		out := bytes.Clone(image)
		copy(out[at+6+8*which:], text)
		return out
	}
	link := bytes.Index(image, []byte("0000a1ff")) - 14
	visit := func(*updates.Entry, io.Reader) error { return nil }
	for name, data := range map[string][]byte{
		"nothing":      nil,
		"text":         []byte("<html>no image</html>" + strings.Repeat(" ", 200)),
		"broken gzip":  {0x1f, 0x8b, 8, 0, 0},
		"old cpio":     append([]byte("070707"), image[6:]...),
		"number":       number(0, 0, "000000zz"),
		"no name":      number(0, 11, "00000000"),
		"long name":    number(0, 11, "ffffffff"),
		"endless name": number(0, 11, "00000003"),
		"long target":  number(link, 6, "00010000"),
		"data cut off": image[:len(image)-600],
	} {
		err := updates.Walk(bytes.NewReader(data), updates.Options{}, visit)
		if _, ok := errors.AsType[*updates.ImageError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := updates.Walk(bytes.NewReader(image), updates.Options{MaxFiles: 2}, visit); err == nil {
		t.Error("more files than allowed are walked")
	}
	err := updates.Walk(bytes.NewReader(image), updates.Options{MaxSize: 300}, visit)
	if _, ok := errors.AsType[*limitio.TooLargeError](err); !ok {
		t.Errorf("more bytes than allowed: %v", err)
	}
	stop := errors.New("stop")
	if err := updates.Walk(bytes.NewReader(image), updates.Options{}, func(*updates.Entry, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("visit's error: %v", err)
	}
}

func FuzzWalk(f *testing.F) {
	image, _ := raw(f)
	f.Add(image)
	f.Add(bytes.ReplaceAll(image, []byte("usr/"), []byte("../x")))
	f.Fuzz(func(t *testing.T, data []byte) {
		total := 0
		_ = updates.Walk(bytes.NewReader(data), updates.Options{MaxSize: 1 << 20, MaxFiles: 1000}, func(e *updates.Entry, r io.Reader) error {
			n, err := io.Copy(io.Discard, r)
			if n > e.Size || len(e.Name) > 4096 || len(e.Linkto) > 4096 {
				t.Errorf("%d bytes of %+v", n, e)
			}
			if total += int(n); total > 1<<20 {
				t.Error("more was read than is allowed")
			}
			return err
		})
	})
}

func ExampleWalk() {
	header := func(mode, size, name int) string {
		return fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name, 0)
	}
	image := header(0o100644, 4, 8) + "etc/new\x00\x00\x00text" + header(0, 0, 11) + "TRAILER!!!\x00"
	err := updates.Walk(strings.NewReader(image+"\x00\x00\x00"), updates.Options{}, func(e *updates.Entry, data io.Reader) error {
		text, err := io.ReadAll(data)
		fmt.Printf("%o %s: %s\n", e.Mode, e.Name, text)
		return err
	})
	fmt.Println(err)
	// Output:
	// 100644 etc/new: text
	// <nil>
}
