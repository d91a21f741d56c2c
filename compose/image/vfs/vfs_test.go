package vfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fedora-respin/respin/compose/image/vfs"
)

// memory is a driver whose files are in a slice: 0 is the root.
type memory []struct {
	mode    fs.FileMode
	text    string // content, or target of a link
	entries []vfs.Dirent
}

func (m memory) Root() (vfs.Node, error) { return m.Node(0) }

func (m memory) Node(ref uint64) (vfs.Node, error) {
	return vfs.Node{Ref: ref, Mode: m[ref].mode, Size: int64(len(m[ref].text))}, nil
}
func (m memory) ReadDir(n vfs.Node) ([]vfs.Dirent, error) { return m[n.Ref].entries, nil }
func (m memory) ReadLink(n vfs.Node) (string, error)      { return m[n.Ref].text, nil }
func (m memory) Content(n vfs.Node) (io.ReaderAt, error) {
	return strings.NewReader(m[n.Ref].text), nil
}

// system has /usr/lib/release, links to it of every kind, and a folder that
// contains itself.
func system() memory {
	return memory{
		{mode: fs.ModeDir | 0o755, entries: []vfs.Dirent{
			{Name: "usr", Type: fs.ModeDir, Ref: 1},
			{Name: "relative", Type: fs.ModeSymlink, Ref: 4},
			{Name: "absolute", Type: fs.ModeSymlink, Ref: 5},
			{Name: "above", Type: fs.ModeSymlink, Ref: 6},
			{Name: "circle", Type: fs.ModeSymlink, Ref: 7},
			{Name: "growing", Type: fs.ModeSymlink, Ref: 8},
		}},
		{mode: fs.ModeDir | 0o755, entries: []vfs.Dirent{{Name: "lib", Type: fs.ModeDir, Ref: 2}}},
		{mode: fs.ModeDir | 0o755, entries: []vfs.Dirent{{Name: "release", Ref: 3}, {Name: "self", Type: fs.ModeDir, Ref: 2}}},
		{mode: 0o644, text: "44"},
		{mode: fs.ModeSymlink, text: "usr/lib/release"},
		{mode: fs.ModeSymlink, text: "/usr/./lib//release"},
		{mode: fs.ModeSymlink, text: "../../../usr/lib/../lib/release"},
		{mode: fs.ModeSymlink, text: "circle"},
		{mode: fs.ModeSymlink, text: "growing/growing"},
	}
}

func TestLinksStayInsideAndEnd(t *testing.T) {
	t.Parallel()
	fsys := vfs.New(system())
	for _, name := range []string{"usr/lib/release", "relative", "absolute", "above"} {
		if b, err := fs.ReadFile(fsys, name); string(b) != "44" || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for _, name := range []string{"circle", "growing", "circle/x", "../etc/passwd", "/usr", "usr/lib/" + strings.Repeat("self/", 300) + "release"} {
		if _, err := fsys.Open(name); err == nil {
			t.Errorf("%s is opened", name)
		}
	}
}

func TestNamesThatNoFileHasAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a/b", "..", ".", "", "x\x00"} {
		m := memory{{mode: fs.ModeDir | 0o755, entries: []vfs.Dirent{{Name: name, Ref: 0}}}}
		if _, err := vfs.New(m).ReadDir("."); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
	twice := memory{{mode: fs.ModeDir | 0o755, entries: []vfs.Dirent{{Name: "a"}, {Name: "a"}}}}
	if _, err := vfs.New(twice).Stat("a"); err == nil {
		t.Error("two files have one name")
	}
}

func TestItIsAProperFS(t *testing.T) {
	t.Parallel()
	m := system()
	m[0].entries = m[0].entries[:1]
	m[2].entries = m[2].entries[:1]
	if err := fstest.TestFS(vfs.New(m), "usr/lib/release"); err != nil {
		t.Error(err)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("usr/lib/release", "../x")
	f.Add("relative/..", "circle")
	f.Fuzz(func(t *testing.T, name, target string) {
		m := system()
		m[4].text = target
		_, err := vfs.New(m).Stat(name)
		if _, ok := errors.AsType[*fs.PathError](err); err != nil && !ok {
			t.Fatalf("%T %v", err, err)
		}
	})
}

func Example() {
	fsys := vfs.New(system()) // a driver, as of squashfs
	data, err := fs.ReadFile(fsys, "absolute")
	target, _ := fsys.ReadLink("absolute")
	fmt.Println(string(data), err, target)
	// Output: 44 <nil> /usr/./lib//release
}
