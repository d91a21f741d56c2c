//go:build interop

package interop_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose/image/erofs"
	"github.com/fedora-respin/respin/compose/image/ext4"
	"github.com/fedora-respin/respin/compose/image/squashfs"
	"github.com/fedora-respin/respin/compose/image/vfs"
	"github.com/fedora-respin/respin/internal/shareddata"
)

// imageTree is a folder with what file systems store in different ways.
func imageTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 2))
	write := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	text := func(n int) []byte {
		var b bytes.Buffer
		for b.Len() < n {
			fmt.Fprintf(&b, "line %d of a file, %d\n", b.Len(), rnd.IntN(50))
		}
		return b.Bytes()[:n]
	}
	for _, n := range []int{0, 1, 60, 100, 4095, 4096, 4097, 131071, 131072, 131073, 1 << 20, 3<<20 + 17} {
		write(fmt.Sprintf("sizes/noise-%d", n), noise(n))
		write(fmt.Sprintf("sizes/text-%d", n), text(n))
	}
	write("mixed", bytes.Join([][]byte{text(50000), noise(70000), make([]byte, 300000), text(9000)}, nil))
	sparse := make([]byte, 5<<20)
	copy(sparse[3<<20:], "in the middle")
	sparse[len(sparse)-1] = 1 // mke2fs with inline_data forgets a hole at the end
	write("sparse", sparse)
	for i := range 1500 {
		write(fmt.Sprintf("many/a rather long name of a file, as there are in some packages, %d", i), []byte(fmt.Sprint(i)))
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	write("program", program[:min(len(program), 4<<20)])
	for name, target := range map[string]string{
		"short": "sizes/text-100", "absolute": "/sizes/text-100", "out": "../../../sizes/text-100", "loop": "loop", "folder": "many",
		"long": strings.Repeat("x/../", 30) + "sizes/text-100", "nowhere": "not/there",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sameTree compares every file, folder and link of got with those in dir.
func sameTree(t *testing.T, dir string, got *vfs.FS) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		want, err := d.Info()
		if err != nil {
			return err
		}
		have, err := got.Lstat(rel)
		if err != nil {
			return err
		}
		if have.Mode() != want.Mode() || have.Name() != d.Name() && rel != "." {
			return fmt.Errorf("%s has mode %s, wants %s", rel, have.Mode(), want.Mode())
		}
		n++
		switch {
		case d.IsDir():
			a, err := os.ReadDir(path)
			if err != nil {
				return err
			}
			b, err := got.ReadDir(rel)
			if err != nil {
				return err
			}
			names := func(list []fs.DirEntry) (s []string) {
				for _, e := range list {
					if e.Name() != "lost+found" {
						s = append(s, e.Name()+e.Type().String())
					}
				}
				return s
			}
			if x, y := strings.Join(names(a), "\n"), strings.Join(names(b), "\n"); x != y {
				return fmt.Errorf("folder %s: wants %.300q, has %.300q", rel, x, y)
			}
		case d.Type()&fs.ModeSymlink != 0:
			a, _ := os.Readlink(path)
			if b, err := got.ReadLink(rel); err != nil || a != b {
				return fmt.Errorf("link %s: %q, wants %q: %w", rel, b, a, err)
			}
		default:
			return sameContent(path, rel, got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 1500 {
		t.Fatalf("only %d files", n)
	}
	for _, link := range []string{"short", "absolute", "out", "long"} {
		if b, err := fs.ReadFile(got, link); err != nil || len(b) != 100 {
			t.Errorf("through the link %s: %d bytes, %v", link, len(b), err)
		}
	}
	if _, err := got.Stat("loop"); err == nil {
		t.Error("a link to itself is followed to an end")
	}
	if _, err := got.Stat("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a link to nowhere: %v", err)
	}
}

func sameContent(path, rel string, got *vfs.FS) error {
	want, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	f, err := got.Open(rel)
	if err != nil {
		return err
	}
	defer f.Close()
	have, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	if !bytes.Equal(want, have) {
		i := 0
		for i < len(want) && i < len(have) && want[i] == have[i] {
			i++
		}
		return fmt.Errorf("%s: %d bytes, wants %d; they differ from byte %d", rel, len(have), len(want), i)
	}
	piece := make([]byte, min(5000, len(want)))
	off := int64(len(want)-len(piece)) / 2
	if n, err := f.(io.ReaderAt).ReadAt(piece, off); n < len(piece) || !bytes.Equal(piece, want[off:off+int64(len(piece))]) {
		return fmt.Errorf("%s: bytes from %d differ: %w", rel, off, err)
	}
	return nil
}

// madeBy runs a maker of file systems and opens what it made.
func madeBy(t *testing.T, path, tool string, args ...string) (*os.File, int64) {
	t.Helper()
	bin, err := exec.LookPath(tool)
	if err != nil {
		shareddata.Missing(t, tool)
	}
	if out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", tool, err, out)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return f, info.Size()
}

func TestSquashfsOfMksquashfs(t *testing.T) {
	t.Parallel()
	dir := imageTree(t)
	for name, args := range map[string][]string{
		"gzip": {"-comp", "gzip"}, "xz": {"-comp", "xz", "-b", "1M", "-Xbcj", "x86"}, "zstd": {"-comp", "zstd", "-b", "256K"}, "lz4": {"-comp", "lz4"},
		"plain": {"-noI", "-noD", "-noF"}, "no fragments": {"-no-fragments", "-no-exports"}, "always": {"-always-use-fragments", "-b", "4096"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "image")
			f, size := madeBy(t, path, "mksquashfs", append([]string{dir, path, "-quiet", "-no-progress", "-processors", "1"}, args...)...)
			got, err := squashfs.New(f, size)
			if err != nil {
				t.Fatal(err)
			}
			sameTree(t, dir, got)
		})
	}
	t.Run("lzo is refused by name", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "image")
		f, size := madeBy(t, path, "mksquashfs", dir, path, "-quiet", "-no-progress", "-comp", "lzo")
		_, err := squashfs.New(f, size)
		if no, ok := errors.AsType[*vfs.UnsupportedError](err); !ok || no.Feature != "compression lzo" {
			t.Errorf("%v", err)
		}
	})
}

func TestExt4OfMkfs(t *testing.T) {
	t.Parallel()
	dir := imageTree(t)
	for name, args := range map[string][]string{
		"ext4": {"-t", "ext4"}, "ext2": {"-t", "ext2"}, "ext3": {"-t", "ext3", "-b", "1024"}, "inline": {"-t", "ext4", "-O", "inline_data", "-I", "512"},
		"small blocks": {"-t", "ext4", "-b", "1024", "-O", "^64bit,^flex_bg"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "image")
			f, size := madeBy(t, path, "mkfs.ext4", append(args, "-q", "-F", "-d", dir, path, "100M")...)
			got, err := ext4.New(f, size)
			if err != nil {
				t.Fatal(err)
			}
			sameTree(t, dir, got)
		})
	}
}

func TestErofsOfMkfs(t *testing.T) {
	t.Parallel()
	dir := imageTree(t)
	for name, args := range map[string][]string{
		"plain": nil, "lz4": {"-zlz4"}, "lz4hc": {"-zlz4hc,12"}, "big": {"-zlz4hc", "-C65536"},
		"tails": {"-zlz4hc", "-Eztailpacking"}, "full": {"-zlz4", "-Elegacy-compress"}, "big tails": {"-zlz4", "-C16384", "-Eztailpacking"},
		"chunks": {"--chunksize=65536"}, "extended": {"-zlz4", "-Eforce-inode-extended"}, "no tails": {"-Enoinline_data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "image")
			f, size := madeBy(t, path, "mkfs.erofs", append(args, path, dir)...)
			got, err := erofs.New(f, size)
			if err != nil {
				t.Fatal(err)
			}
			sameTree(t, dir, got)
		})
	}
}
