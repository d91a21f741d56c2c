package main

import (
	"crypto/sha256"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/repo/rpm"
)

func digestOf(t *testing.T, dir string) (files int, size int64, sum [32]byte) {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".rpm") {
			return err
		}
		if _, err := rpm.Open(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		data, err := os.ReadFile(path)
		files, size = files+1, size+int64(len(data))
		h.Write([]byte(filepath.Base(path)))
		h.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Sum(sum[:0])
	return files, size, sum
}

func TestCorpusIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	c := corpus{Seed: 7, Packages: 40, Bytes: 4 << 20}
	one, err := c.ensure(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.ensure(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	n, size, a := digestOf(t, one)
	_, _, b := digestOf(t, two)
	if n != c.Packages || a != b {
		t.Errorf("%d packages, same bytes: %v", n, a == b)
	}
	// Headers come on top of the payload.
	if size < c.Bytes || size > 2*c.Bytes {
		t.Errorf("%d bytes, %d asked for", size, c.Bytes)
	}
	if again, err := c.ensure(t.Context(), filepath.Dir(one)); err != nil || again != one {
		t.Errorf("made again: %s %v", again, err)
	}
	c.Seed++
	three, err := c.ensure(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, d := digestOf(t, three); d == a {
		t.Error("another seed gives the same packages")
	}
}

func TestSizesAddUp(t *testing.T) {
	t.Parallel()
	c := corpus{Seed: 1, Packages: 2000, Bytes: 1600 << 20}
	var sum int64
	for _, s := range c.sizes() {
		sum += s
		if s < 0 || s > maxPackage {
			t.Fatalf("size %d", s)
		}
	}
	if off := math.Abs(float64(sum-c.Bytes)) / float64(c.Bytes); off > 0.01 {
		t.Errorf("%d bytes, %d asked for", sum, c.Bytes)
	}
}
