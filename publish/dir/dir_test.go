package dir_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/publish/dir"
	"github.com/fedora-respin/respin/publish/publishtest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, noLinks := range map[string]bool{"links": false, "copies": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			publishtest.Run(t, func(t *testing.T) publishtest.Place {
				t.Helper()
				base := t.TempDir()
				var full atomic.Bool
				return publishtest.Place{
					Root: base,
					Fill: full.Store,
					Open: func(t *testing.T) publish.Publisher {
						t.Helper()
						return open(t, dir.Config{Base: base, URL: "https://host/images", NoLinks: noLinks, Free: func(string) (int64, error) {
							if full.Load() {
								return 1000, nil
							}
							return 1 << 40, nil
						}})
					},
				}
			})
		})
	}
}

func open(t *testing.T, cfg dir.Config) *dir.Publisher {
	t.Helper()
	p, err := dir.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func scan(t *testing.T, files map[string]string) publish.Set {
	t.Helper()
	work := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set, err := publish.Scan(t.Context(), work)
	if err != nil {
		t.Fatal(err)
	}
	set.ID, set.Attempt = "x", 1
	return set
}

func TestForeignDirectoryIsNotReplaced(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(base, "x"), 0o755), os.WriteFile(filepath.Join(base, "x", "precious"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	_, err := open(t, dir.Config{Base: base}).Stage(t.Context(), scan(t, map[string]string{"a": "a"}), nil)
	if _, ok := errors.AsType[*publish.ExistsError](err); !ok {
		t.Errorf("error %v, want *ExistsError", err)
	}
}

func TestDamagedStagingIsRepaired(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	p := open(t, dir.Config{Base: base, NoLinks: true})
	set := scan(t, map[string]string{"a": "aaaa", "b": "bbbb"})
	staged, err := p.Stage(t.Context(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(base, ".staging/x.1/set/a")
	if err := os.WriteFile(path, []byte("aa"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finalize(t.Context(), staged); !errors.Is(err, publish.ErrNotStaged) || !strings.Contains(err.Error(), "a is not complete") {
		t.Errorf("error %v, want ErrNotStaged naming the file", err)
	}
	if err := os.WriteFile(path, []byte("aXaa"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stage(t.Context(), set, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finalize(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(base, "x", "a")); string(got) != "aaaa" {
		t.Errorf("published %q", got)
	}
}

func TestLinksAndPrivateModes(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	p := open(t, dir.Config{Base: base})
	set := scan(t, map[string]string{"open": "o", "private": "p"})
	private := filepath.Join(set.Dir, "private")
	if err := os.Chmod(private, 0o600); err != nil {
		t.Fatal(err)
	}
	staged, err := p.Stage(t.Context(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finalize(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	same := func(name string) bool {
		a, err1 := os.Stat(filepath.Join(set.Dir, name))
		b, err2 := os.Stat(filepath.Join(base, "x", name))
		return err1 == nil && err2 == nil && os.SameFile(a, b)
	}
	if !same("open") || same("private") {
		t.Errorf("linked: open %v, private %v; want only the first", same("open"), same("private"))
	}
	if info, _ := os.Stat(private); info.Mode().Perm() != 0o600 {
		t.Errorf("the set's own file got mode %v", info.Mode())
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	p := open(t, dir.Config{Base: base})
	set := scan(t, map[string]string{"a": "a"})
	for attempt := range 3 {
		set.Attempt = attempt + 1
		if _, err := p.Stage(t.Context(), set, nil); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"x.1", "x.1/set", "x.2"} {
		if err := os.Chtimes(filepath.Join(base, ".staging", name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(base, ".staging/.gone-y-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	n, err := p.Sweep(t.Context(), time.Minute)
	if err != nil || n != 2 {
		t.Errorf("swept %d, error %v, want 2", n, err)
	}
	left, _ := os.ReadDir(filepath.Join(base, ".staging"))
	if len(left) != 2 || left[0].Name() != "x.2" || left[1].Name() != "x.3" {
		t.Errorf("left: %v", left)
	}
}

func TestNewNeedsABase(t *testing.T) {
	t.Parallel()
	if _, err := dir.New(dir.Config{}); err == nil {
		t.Error("no error")
	}
}

func Example() {
	work, err := os.MkdirTemp("", "work")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(work)
	base := filepath.Join(work, "srv")
	out := filepath.Join(work, "out")
	if err := errors.Join(os.Mkdir(out, 0o755), os.WriteFile(filepath.Join(out, "boot.iso"), []byte("image\n"), 0o644)); err != nil {
		panic(err)
	}
	ctx := context.Background()
	set, err := publish.Scan(ctx, out)
	if err != nil {
		panic(err)
	}
	set.ID, set.Attempt = "f44-boot", 1

	p, err := dir.New(dir.Config{Base: base, URL: "https://images.example.org/"})
	if err != nil {
		panic(err)
	}
	defer p.Close()
	staged, err := p.Stage(ctx, set, nil)
	if err != nil {
		panic(err)
	}
	loc, err := p.Finalize(ctx, staged)
	fmt.Println(loc.File("boot.iso"), err)
	list, _ := os.ReadFile(filepath.Join(base, "f44-boot", "CHECKSUM"))
	fmt.Print(string(list))
	// Output:
	// https://images.example.org/f44-boot/boot.iso <nil>
	// # boot.iso: 6 bytes
	// SHA256 (boot.iso) = 254eddf15d9534e3b20c55469077aa2f24f167aa4b897a36381d3e251e4829c2
}
