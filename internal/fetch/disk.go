package fetch

import (
	"context"
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

// MakeRoom sees to it that need bytes, and Options.MinFree besides, are free on
// the cache's file system, removing files of the cache as Prune does. When that
// would not be enough nothing is removed and the error is a *DiskFullError.
func (f *Fetcher) MakeRoom(ctx context.Context, need int64) error { return f.room(ctx, need) }

func (f *Fetcher) room(ctx context.Context, need int64) error {
	need = max(need, 0) + f.opt.MinFree
	if need == 0 {
		return nil
	}
	for {
		free, err := f.free(f.dir)
		if err != nil || free >= need {
			return err
		}
		freed, err := f.giveWay(ctx, need)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			f.log.Warn("no room can be made in the cache", "dir", f.dir, "error", err)
		}
		if freed > 0 {
			continue
		}
		// Somebody else may have made room meanwhile.
		if free, err = f.free(f.dir); err != nil || free >= need {
			return err
		}
		return &DiskFullError{Path: f.dir, Need: need, Free: free}
	}
}

// giveWay prunes until need bytes are free on the file system.
func (f *Fetcher) giveWay(ctx context.Context, need int64) (freed int64, err error) {
	lock, err := f.pruneLock(ctx)
	if err != nil {
		return 0, err
	}
	defer lock.release()
	_, freed, err = f.prune(ctx, true, func(int64) (int64, error) {
		free, err := f.free(f.dir)
		return need - free, err
	})
	return freed, err
}

// diskError turns "no space" from a write into a *DiskFullError.
func (f *Fetcher) diskError(err error, need int64) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	free, _ := f.free(f.dir)
	return &DiskFullError{Path: f.dir, Need: max(need, 0) + f.opt.MinFree, Free: free}
}
