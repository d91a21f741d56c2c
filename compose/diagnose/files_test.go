package diagnose_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/fedora-respin/respin/compose/diagnose"
)

const fullDisk = "copying\ntar: /x: Cannot write: No space left on device\n"

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func packed(t *testing.T, kind string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w interface {
		Write([]byte) (int, error)
		Close() error
	}
	var err error
	switch kind {
	case "gz":
		w = gzip.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	case "zst":
		w, err = zstd.NewWriter(&b)
	}
	if err == nil {
		_, err = w.Write([]byte(fullDisk))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadFilesTakesWhatLogsComeAs(t *testing.T) {
	t.Parallel()
	c := diagnose.New(diagnose.Options{})
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder")
	write(t, filepath.Join(folder, "anaconda", "packaging.log.gz"), packed(t, "gz"))
	write(t, filepath.Join(folder, "boot.iso"), []byte("Error: GPG check FAILED\n"))
	write(t, filepath.Join(folder, "catalog.json"), []byte("Error: GPG check FAILED\n"))
	for name, paths := range map[string][]string{
		"plain":  {write(t, filepath.Join(dir, "a.log"), []byte(fullDisk))},
		"gz":     {write(t, filepath.Join(dir, "b.log.gz"), packed(t, "gz"))},
		"xz":     {write(t, filepath.Join(dir, "c"), packed(t, "xz"))},
		"zst":    {write(t, filepath.Join(dir, "d.zst"), packed(t, "zst"))},
		"folder": {folder},
		"stdin":  {diagnose.Stdin},
	} {
		v, err := c.ReadFiles(t.Context(), paths, bytes.NewReader(packed(t, "gz")), diagnose.Facts{})
		if err != nil || v.Code != diagnose.DiskFull {
			t.Errorf("%s: %+v, %v", name, v, err)
			continue
		}
		want := map[string]string{"folder": filepath.Join(folder, "anaconda/packaging.log.gz"), "stdin": "stdin"}[name]
		if want == "" {
			want = paths[0]
		}
		if e := v.Evidence[len(v.Evidence)-1]; e.File != want || e.Line != 2 {
			t.Errorf("%s: %+v", name, v.Evidence)
		}
	}
}

func TestReadFilesSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	c := diagnose.New(diagnose.Options{MaxLogs: 1})
	dir := t.TempDir()
	if _, err := c.ReadFiles(t.Context(), []string{filepath.Join(dir, "none.log")}, nil, diagnose.Facts{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	_, err := c.ReadFiles(t.Context(), []string{dir}, nil, diagnose.Facts{})
	if _, none := errors.AsType[*diagnose.NoLogsError](err); !none {
		t.Errorf("%v", err)
	}
	one, two := write(t, filepath.Join(dir, "1.log"), []byte(fullDisk)), write(t, filepath.Join(dir, "2.log"), []byte(fullDisk))
	_, err = c.ReadFiles(t.Context(), []string{one, two}, nil, diagnose.Facts{})
	if _, many := errors.AsType[*diagnose.TooManyError](err); !many {
		t.Errorf("%v", err)
	}
	// A log that was cut off counts as far as it goes.
	big := packed(t, "gz")
	v, err := c.ReadFiles(t.Context(), []string{write(t, filepath.Join(dir, "3.log.gz"), big[:len(big)-6])}, nil, diagnose.Facts{})
	if err == nil || v == nil || len(v.Partial) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestLooksLikeLog(t *testing.T) {
	t.Parallel()
	for _, yes := range []string{"lorax.log", "root.log.gz", "a/dnf.librepo.log", "lorax.log.1", "anaconda-tb-x8f", "dmesg", "build_log", "x.txt", "livemedia-out.log.xz"} {
		if !diagnose.LooksLikeLog(yes) {
			t.Errorf("%s is none", yes)
		}
	}
	for _, no := range []string{"boot.iso", "catalog.json", "fedora-logos.rpm", "vmlinuz", "lorax.conf", strings.Repeat("1", 9)} {
		if diagnose.LooksLikeLog(no) {
			t.Errorf("%s is one", no)
		}
	}
}
