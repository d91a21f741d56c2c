package fetch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// Link makes the file at path appear at dst: as a hard link, or as a copy of
// mode 0644 where none can be made (another file system, too many links). What
// was at dst is replaced in one step. A linked file shares its bytes with the
// cache and must not be written to.
func Link(path, dst string) error {
	tmp, err := linkTemp(path, filepath.Dir(dst))
	if err != nil {
		return copyFile(path, dst)
	}
	err = os.Rename(tmp, dst)
	// A rename between two names of one file does nothing (rename(2)).
	if rmErr := os.Remove(tmp); err == nil && !errors.Is(rmErr, os.ErrNotExist) {
		err = rmErr
	}
	if err != nil {
		return fmt.Errorf("link %s: %w", dst, err)
	}
	return nil
}

func linkTemp(path, dir string) (string, error) {
	f, err := os.CreateTemp(dir, atomicfile.TempPrefix+"*")
	if err != nil {
		return "", err
	}
	// The unique name is what was wanted: the link takes it over.
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return "", err
	}
	return f.Name(), os.Link(path, f.Name())
}

func copyFile(path, dst string) error {
	src, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("copy to %s: %w", dst, err)
	}
	defer src.Close() //nolint:errcheck // only read
	return atomicfile.WriteFunc(dst, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, src)
		return err
	})
}
