package fetch

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// diskFree is the room that the file system of path has for this process.
func diskFree(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, fmt.Errorf("read free space of %s: %w", path, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // the field types differ between systems
}

// room returns a *DiskFullError unless need bytes and the floor are free.
func (f *Fetcher) room(need int64) error {
	need = max(need, 0) + f.opt.MinFree
	if need == 0 {
		return nil
	}
	free, err := f.free(f.dir)
	if err != nil {
		return err
	}
	if free < need {
		return &DiskFullError{Path: f.dir, Need: need, Free: free}
	}
	return nil
}

// diskError turns "no space" from a write into a *DiskFullError.
func (f *Fetcher) diskError(err error, need int64) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	free, _ := f.free(f.dir)
	return &DiskFullError{Path: f.dir, Need: max(need, 0) + f.opt.MinFree, Free: free}
}
