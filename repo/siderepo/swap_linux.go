package siderepo

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// swap puts work at dir and leaves at work what stood at dir, in one step
// where the file system can exchange two names (ext4, xfs, btrfs, tmpfs do).
func swap(work, dir, old string) error {
	err := unix.Renameat2(unix.AT_FDCWD, work, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return swapInTwo(work, dir, old)
	}
	if errors.Is(err, unix.ENOENT) {
		err = os.Rename(work, dir)
	}
	if err != nil {
		return fmt.Errorf("swap directories: %w", err)
	}
	return nil
}
