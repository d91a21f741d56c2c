package repo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockName is the lock file inside repodata; it exists while a writer works.
const lockName = ".respin-lock"

// lock takes the writer's lock of the repodata directory. The kernel frees it
// when the process dies, however it dies. The returned function removes the
// file and lets go.
func lock(repodata string) (func(), error) {
	path := filepath.Join(repodata, lockName)
	for range 100 {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("lock repository: %w", err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			_ = f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, fmt.Errorf("lock %s: %w", path, ErrLocked)
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		// The writer before us removes its file as it leaves: the lock counts
		// only if the name still leads to the file that we hold.
		mine, err1 := f.Stat()
		there, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return func() {
				_ = os.Remove(path)
				_ = f.Close()
			}, nil
		}
		_ = f.Close()
	}
	return nil, fmt.Errorf("lock %s: %w", path, ErrLocked)
}
