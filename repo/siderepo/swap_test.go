package siderepo

import (
	"os"
	"path/filepath"
	"testing"
)

func mark(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func marked(t *testing.T, dir, want string) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(got) != want {
		t.Errorf("%s: %q %v, want %q", dir, got, err, want)
	}
}

func TestSwapBothWays(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(work, dir, old string) error{"exchange": swap, "in two": swapInTwo} {
		parent := t.TempDir()
		work, dir, old := filepath.Join(parent, "w"), filepath.Join(parent, "d"), filepath.Join(parent, "o")
		for _, text := range []string{"one", "two"} {
			mark(t, work, text)
			if err := do(work, dir, old); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			marked(t, dir, text)
			if err := os.RemoveAll(work); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestKilledSwapIsUndone: a kill between the two renames left nothing at the
// path; the next run puts back what stood there.
func TestKilledSwapIsUndone(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	prefix, dir := filepath.Join(parent, "tmp-"), filepath.Join(parent, "d")
	mark(t, prefix+oldSuffix, "old")
	mark(t, prefix+"123", "half")
	if err := sweep(prefix, dir); err != nil {
		t.Fatal(err)
	}
	marked(t, dir, "old")
	names, err := os.ReadDir(parent)
	if err != nil || len(names) != 1 {
		t.Errorf("%v %v", names, err)
	}
	// With the new one in place the old one is only in the way.
	mark(t, prefix+oldSuffix, "older")
	if err := sweep(prefix, dir); err != nil {
		t.Fatal(err)
	}
	marked(t, dir, "old")
}
