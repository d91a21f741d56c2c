package siderepo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// swapInTwo is swap for file systems that cannot exchange names: for a moment
// nothing stands at dir. A kill in that moment leaves the old directory at old,
// from where the next run puts it back.
func swapInTwo(work, dir, old string) error {
	err := os.Rename(dir, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("swap directories: %w", err)
	}
	moved := err == nil
	if err := os.Rename(work, dir); err != nil {
		if moved {
			err = errors.Join(err, os.Rename(old, dir))
		}
		return fmt.Errorf("swap directories: %w", err)
	}
	if moved {
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("remove replaced directory: %w", err)
		}
	}
	return nil
}
