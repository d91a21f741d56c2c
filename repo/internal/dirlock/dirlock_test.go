package dirlock_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fedora-respin/respin/repo/internal/dirlock"
)

func TestSecondWriterIsRefusedUntilTheFirstLeaves(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	release, err := dirlock.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dirlock.Lock(path); !errors.Is(err, dirlock.ErrLocked) {
		t.Fatalf("second lock: %v", err)
	}
	release()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("lock file after release: %v", err)
	}
	release, err = dirlock.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

func TestOneHolderAtATimeWhileWritersComeAndGo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	var holders, wins atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				release, err := dirlock.Lock(path)
				if err != nil {
					if !errors.Is(err, dirlock.ErrLocked) {
						t.Errorf("lock: %v", err)
					}
					continue
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d holders", n)
				}
				wins.Add(1)
				holders.Add(-1)
				release()
			}
		})
	}
	wg.Wait()
	if wins.Load() == 0 {
		t.Fatal("nobody ever got the lock")
	}
}
