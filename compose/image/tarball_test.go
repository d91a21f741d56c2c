package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/fedora-respin/respin/compose/image"
	"github.com/fedora-respin/respin/compose/image/vfs"
)

// archive packs files in their order; a content that begins with "->" is a link.
func archive(tb testing.TB, files ...[2]string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f[0], Mode: 0o644, Size: int64(len(f[1])), Typeflag: tar.TypeReg}
		if target, ok := strings.CutPrefix(f[1], "->"); ok {
			h.Typeflag, h.Linkname, h.Size, f[1] = tar.TypeSymlink, target, 0, ""
		}
		if strings.HasSuffix(f[0], "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(w, f[1]); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func packed(tb testing.TB, how string, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch how {
	case "xz":
		w, err = xz.NewWriter(&b)
	case "gz":
		w = gzip.NewWriter(&b)
	case "zst":
		w, err = zstd.NewWriter(&b)
	default:
		return data
	}
	if err == nil {
		_, err = w.Write(data)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func openAs(tb testing.TB, name string, data []byte) (*image.Image, error) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	return image.Open(path)
}

func TestTarArchives(t *testing.T) {
	t.Parallel()
	const db = "usr/lib/sysimage/rpm/rpmdb.sqlite"
	for name, files := range map[string][][2]string{
		"tar":  {{"./", ""}, {"./usr/bin/true", "x"}, {"./etc/os-release", "->../usr/lib/os-release"}, {"./usr/lib/os-release", "ID=fedora\n"}, {"./" + db, "old"}, {"./" + db, "database"}},
		"oci":  {{"config.json", "{}"}, {"rootfs/etc/os-release", "->../usr/lib/os-release"}, {"rootfs/usr/lib/os-release", "ID=fedora\n"}, {"rootfs/" + db, "database"}, {"rootfs/var/lib/rpm", "->../../usr/lib/sysimage/rpm"}},
		"root": {{"/usr/lib/os-release", "ID=fedora\n"}, {"../" + db, "database"}, {"etc/os-release", "->../usr/lib/os-release"}},
	} {
		for _, how := range []string{"", "xz", "gz", "zst"} {
			img, err := openAs(t, name, packed(t, how, archive(t, files...)))
			if err != nil {
				t.Fatalf("%s %s: %v", name, how, err)
			}
			systems := img.Systems()
			if len(systems) != 1 || systems[0].Format != image.Tar || (systems[0].Path == "rootfs") != (name == "oci") {
				t.Fatalf("%s %s: %+v", name, how, systems)
			}
			fsys := systems[0].FS
			for path, want := range map[string]string{db: "database", "etc/os-release": "ID=fedora\n"} {
				if got, err := fs.ReadFile(fsys, path); err != nil || string(got) != want {
					t.Errorf("%s %s: %s is %q, %v", name, how, path, got, err)
				}
			}
			f, err := fsys.Open(db)
			if err != nil {
				t.Fatal(err)
			}
			var b [4]byte
			if _, err := f.(io.ReaderAt).ReadAt(b[:], 4); err != nil || string(b[:]) != "base" {
				t.Errorf("%s %s: %q, %v", name, how, b, err)
			}
			if _, err := fs.Stat(fsys, "usr/bin/true"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a file that tells nothing is kept: %v", err)
			}
			if err := errors.Join(f.Close(), img.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTarArchivesThatAreNone(t *testing.T) {
	t.Parallel()
	whole := archive(t, [2]string{"usr/lib/os-release", strings.Repeat("ID=fedora\n", 200)})
	_, err := openAs(t, "cut.tar", whole[:1024])
	if bad, ok := errors.AsType[*vfs.FormatError](err); !ok || !strings.Contains(bad.Error(), "usr/lib/os-release") {
		t.Errorf("cut: %v", err)
	}
	x := packed(t, "xz", whole)
	if _, err := openAs(t, "cut.tar.xz", x[:len(x)-40]); err == nil {
		t.Error("a damaged end is not seen")
	}
	// A disk that is packed stays what it was: refused by name.
	_, err = openAs(t, "disk.raw.xz", packed(t, "xz", disk([]byte("hsqs"), true)[:8192]))
	if named, ok := errors.AsType[*vfs.UnsupportedError](err); !ok || named.System != "xz" {
		t.Errorf("disk: %v", err)
	}
	var many [][2]string
	for i := range 1100 {
		many = append(many, [2]string{"var/lib/rpm/" + strings.Repeat("a", 1+i%50) + string(rune('a'+i%26)) + strings.Repeat("b", i/50), "x"})
	}
	if _, err := openAs(t, "many.tar", archive(t, many...)); err == nil || !strings.Contains(err.Error(), "more than 1000 files") {
		t.Errorf("many: %v", err)
	}
	img, err := openAs(t, "empty.tar", archive(t, [2]string{"a", "b"}))
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if s := img.Systems(); len(s) != 0 {
		t.Errorf("%+v", s)
	}
}

func FuzzTar(f *testing.F) {
	f.Add(archive(f, [2]string{"rootfs/var/lib/rpm/Packages", "x"}, [2]string{"rootfs/var/lib/rpm", "->/"}, [2]string{"rootfs/var/lib", "y"}))
	f.Add(packed(f, "gz", archive(f, [2]string{"./usr/lib/os-release", "ID=fedora\n"})))
	f.Add(packed(f, "xz", archive(f, [2]string{"etc/os-release", "->os-release"})))
	f.Fuzz(func(t *testing.T, data []byte) {
		if img, err := openAs(t, "a", data); err == nil {
			img.Systems()
			for _, l := range img.Layers {
				_ = fs.WalkDir(l.FS, ".", func(p string, _ fs.DirEntry, err error) error {
					if strings.Count(p, "/") > 20 {
						return fs.SkipDir
					}
					return err
				})
			}
			img.Close()
		}
	})
}
