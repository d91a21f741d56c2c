package compose_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/fetch"
)

// pruneAll lets every file of the cache look unused for a day and removes what
// may be removed, as another process would.
func pruneAll(t *testing.T, cache string) (removed int) {
	t.Helper()
	old := time.Now().Add(-24 * time.Hour)
	err := filepath.WalkDir(filepath.Join(cache, "cas"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return os.Chtimes(path, old, time.Time{})
	})
	f, newErr := fetch.New(cache, fetch.Options{MaxCache: 1})
	if err := errors.Join(err, newErr); err != nil {
		t.Fatal(err)
	}
	removed, _, err = f.Prune(t.Context())
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return removed
}

func TestBuildKeepsItsFilesUntilItEnds(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	p := plan(t, f, compose.Request{Sources: []string{f.Update}})
	network := compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MaxCache: 1}
	dir, looked := t.TempDir(), false
	_, err := builder(t, network, compose.BuilderOptions{}).Build(t.Context(), p, compose.Work{
		ID: "c1", Dir: dir, Progress: func(step compose.Progress) {
			if step.Stage == compose.StageSideRepo && !looked { // fetched, and linked nowhere yet
				looked = true
				if n := pruneAll(t, network.CacheDir); n != 0 {
					t.Errorf("%d files of a running build were removed", n)
				}
			}
		},
	})
	if err != nil || !looked {
		t.Fatal(err, looked)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if n := pruneAll(t, network.CacheDir); n != len(p.RPMs) {
		t.Errorf("%d files were removed after the build, want all %d", n, len(p.RPMs))
	}
}
