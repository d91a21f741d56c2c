// Package dirlock keeps two writers from working on one directory. The lock is
// the kernel's (flock), so it goes when the process does, however it dies.
//
//	release, err := dirlock.Lock(filepath.Join(dir, ".lock"))
//	if err != nil {
//		return err // errors.Is(err, dirlock.ErrLocked): another writer is at work
//	}
//	defer release()
package dirlock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another writer, in this process or another one, holds
// the lock.
var ErrLocked = errors.New("locked by another writer")

// attempts bounds the race with writers that come and go at the same moment.
const attempts = 100

// Lock takes the lock that the file at path stands for, without waiting. The
// returned function removes the file and lets go.
func Lock(path string) (release func(), err error) {
	for range attempts {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("open lock file: %w", err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			_ = f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = ErrLocked
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		// The writer before us removes its file as it leaves: the lock counts
		// only if the name still leads to the file that we hold.
		mine, errMine := f.Stat()
		there, errThere := os.Stat(path)
		if errMine == nil && errThere == nil && os.SameFile(mine, there) {
			return func() {
				_ = os.Remove(path)
				_ = f.Close()
			}, nil
		}
		_ = f.Close()
	}
	return nil, fmt.Errorf("lock %s: %w", path, ErrLocked)
}
