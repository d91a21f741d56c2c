package publish_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/publish"
)

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"images/boot.iso": "iso", "a-b": "", "a/b": "x", "CHECKSUM": "stale",
		"images/" + atomicfile.TempPrefix + "1": "unfinished", ".treeinfo": "[general]\n",
	})
	set, err := publish.Scan(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range set.Files {
		got = append(got, fmt.Sprintf("%s %d", f.Path, f.Size))
	}
	if diff := cmp.Diff([]string{".treeinfo 10", "CHECKSUM 417", "a-b 0", "a/b 1", "images/boot.iso 3"}, got); diff != "" {
		t.Error(diff)
	}
	again, err := publish.Scan(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(set, again); diff != "" {
		t.Errorf("a second scan differs, times included:\n%s", diff)
	}
	list, err := os.Open(filepath.Join(dir, publish.ChecksumName))
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	files, err := publish.ReadChecksum(list)
	if err != nil || len(files) != 4 || files[3].SHA256 != set.Files[4].SHA256 {
		t.Errorf("list %+v, error %v", files, err)
	}
	set.ID, set.Attempt = "x", 1
	if err := set.Validate(); err != nil {
		t.Error(err)
	}
	if order := set.UploadOrder(); order[len(order)-1].Path != publish.ChecksumName || len(order) != 5 {
		t.Errorf("order %v", order)
	}
	st := set.Staged()
	if st.Digest != set.Files[1].SHA256 || st.Files != 5 || st.Bytes != 431 {
		t.Errorf("staged %+v", st)
	}
}

func TestScanRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(dir string) error{
		"link":          func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "x")) },
		"linked dir":    func(dir string) error { return os.Symlink("/etc", filepath.Join(dir, "x")) },
		"dangling link": func(dir string) error { return os.Symlink("nowhere", filepath.Join(dir, "x")) },
		"pipe":          func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "x"), 0o644) },
		"line end":      func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\nb"), nil, 0o644) },
		"not UTF-8":     func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\xff"), nil, 0o644) },
		"list is a link": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "CHECKSUM")), os.Mkdir(filepath.Join(dir, "CHECKSUM"), 0o755))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, map[string]string{"ok": "ok", "CHECKSUM": ""})
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := publish.Scan(t.Context(), dir); err == nil {
				t.Fatal("no error")
			} else if _, ok := errors.AsType[*publish.RefusedError](err); !ok && name != "list is a link" {
				t.Errorf("error %v, want *RefusedError", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"ok": "ok"})
	if _, err := publish.Scan(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestReadChecksumRefuses(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("ab", 32)
	good := "# a: 3 bytes\nSHA256 (a) = " + sum + "\n"
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"no form":      {"hello\n", "read CHECKSUM: line 1: it is not of the form SHA256 (name) = digest"},
		"no size":      {"SHA256 (a) = " + sum, "read CHECKSUM: line 1: the comment with the size is missing above it"},
		"other's size": {"# b: 3 bytes\nSHA256 (a) = " + sum, "read CHECKSUM: line 2: the comment with the size is missing above it"},
		"twice":        {good + good, "read CHECKSUM: line 4: the file cannot be listed (again)"},
		"itself":       {strings.ReplaceAll(good, "a:", "CHECKSUM:") + strings.ReplaceAll(good, "(a)", "(CHECKSUM)"), "missing above it"},
		"outside":      {strings.NewReplacer("a:", "../a:", "(a)", "(../a)").Replace(good), `refuse "../a": the path leads elsewhere`},
		"short digest": {good[:len(good)-3], "its size or SHA-256 is missing"},
		"long line":    {"# " + strings.Repeat("x", 5000), "read CHECKSUM: line 1: it is too long"},
	} {
		_, err := publish.ReadChecksum(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	files, err := publish.ReadChecksum(strings.NewReader("# a comment\n\n" + good))
	if err != nil || len(files) != 1 || files[0].Size != 3 {
		t.Errorf("%+v, error %v", files, err)
	}
}

func FuzzReadChecksum(f *testing.F) {
	sum := strings.Repeat("0f", 32)
	f.Add("# a: 3 bytes\nSHA256 (a) = " + sum + "\n")
	f.Add("# a) = b: 3: 4 bytes\nSHA256 (a) = b: 3) = " + sum + "\n")
	f.Add("#\n\nSHA256 () = ")
	f.Fuzz(func(t *testing.T, text string) {
		files, err := publish.ReadChecksum(strings.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := publish.WriteChecksum(&b, files); err != nil {
			t.Fatal(err)
		}
		again, err := publish.ReadChecksum(&b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(files, again); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzCheckPath(f *testing.F) {
	for _, s := range []string{"a", "a/b", "../a", "a/../b", "/a", "a//b", ".a", "a ", "a\\b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if publish.CheckPath(path) == nil && (!filepath.IsLocal(path) || filepath.Clean(path) != path || strings.ContainsAny(path, "\r\n\x00")) {
			t.Errorf("%q passed", path)
		}
	})
}

func TestStagingNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"x.1": "x 1", "a.b.12": "a.b 12", "x": "", "x.0": "", "x.01": "", "x.-1": "", ".1": "", "x.1.digest": "", "a/b.1": "",
	} {
		got := ""
		if id, attempt, err := publish.ParseStagingName(name); err == nil {
			got = fmt.Sprint(id, " ", attempt)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestLocation(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://h/images":  "https://h/images/x/a%20b/g++%25%23.rpm",
		"https://h/images/": "https://h/images/x/a%20b/g++%25%23.rpm",
		"":                  "x/a%20b/g++%25%23.rpm",
	} {
		if got := publish.At(base, "x").File("a b/g++%#.rpm"); got != want {
			t.Errorf("%q: %s, want %s", base, got, want)
		}
	}
}

func TestSecretStaysHidden(t *testing.T) {
	t.Parallel()
	v := struct{ Password publish.Secret }{"sesame"}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s %q %s", v, v, v, v.Password, v.Password, data); strings.Contains(shown, "sesame") {
		t.Error(shown)
	}
}

// A reader never hands out the last bytes of a file that is not the right one.
func TestSourceWithholdsWrongFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "0123456789"})
	set, err := publish.Scan(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	f := set.Files[1]
	src, err := set.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	r, err := src.Open(t.Context(), f, 4)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if string(got) != "456789" || err != nil || r.Offset() != 10 {
		t.Errorf("%q, error %v", got, err)
	}
	_ = r.Close()
	write(t, dir, map[string]string{"a": "X123456789"})
	if r, err = src.Open(t.Context(), f, 4); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err = io.ReadAll(r)
	if _, ok := errors.AsType[*publish.MismatchError](err); !ok || len(got) == 6 {
		t.Errorf("%q, error %v, want *MismatchError", got, err)
	}
}

func ExampleWriteChecksum() {
	err := publish.WriteChecksum(os.Stdout, []publish.File{{
		Path: "images/boot.iso", Size: 6, SHA256: "254eddf15d9534e3b20c55469077aa2f24f167aa4b897a36381d3e251e4829c2",
	}})
	if err != nil {
		panic(err)
	}
	// Output:
	// # images/boot.iso: 6 bytes
	// SHA256 (images/boot.iso) = 254eddf15d9534e3b20c55469077aa2f24f167aa4b897a36381d3e251e4829c2
}
