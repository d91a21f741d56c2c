package diskfree_test

import (
	"path/filepath"
	"testing"

	"github.com/fedora-respin/respin/internal/diskfree"
)

func TestMissingDirectoryIsJudgedByItsParent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	free, err := diskfree.At(filepath.Join(dir, "not", "there"))
	if err != nil || free <= 0 {
		t.Fatalf("%d, %v", free, err)
	}
	if _, err := diskfree.At(filepath.Join(dir, "nul\x00")); err == nil {
		t.Fatal("a path with NUL has a size")
	}
}
