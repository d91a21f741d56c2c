package repo

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// exchange swaps the names of two directories in one step, where the file system
// can (ext4, xfs, btrfs, tmpfs).
func exchange(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	for _, e := range []error{unix.EINVAL, unix.ENOSYS, unix.EXDEV, unix.EBUSY, unix.EOPNOTSUPP} {
		if errors.Is(err, e) {
			return errNoExchange
		}
	}
	if err != nil {
		return fmt.Errorf("exchange repodata: %w", err)
	}
	return nil
}
