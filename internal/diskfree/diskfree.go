// Package diskfree tells how much room a file system has for this user.
package diskfree

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// At returns the free bytes of the file system that holds path, or would hold
// it: the nearest directory that exists is asked.
func At(path string) (int64, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return 0, fmt.Errorf("find free disk space: %w", err)
	}
	for {
		var st unix.Statfs_t
		err := unix.Statfs(path, &st)
		if err == nil {
			return int64(st.Bavail) * st.Bsize, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return 0, fmt.Errorf("find free disk space of %s: %w", path, err)
		}
		path = filepath.Dir(path)
	}
}
