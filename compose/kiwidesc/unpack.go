package kiwidesc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// Unpack writes the archive into dir, which exists. Nothing is written outside
// of it, whatever the archive holds. Files keep their permissions (without
// set-user-id and the like) and belong to this process's user. After an error dir
// holds what came before.
func Unpack(r io.Reader, dir string) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpack description: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := walk(r, &disk{root}); err != nil {
		return fmt.Errorf("unpack description: %w", err)
	}
	return nil
}

// disk is a sink that os.Root confines: a path through a link that leads out is
// an error of its own.
type disk struct{ root *os.Root }

func (d *disk) dir(name string) error { return d.root.MkdirAll(name, 0o755) }

func (d *disk) file(name string, mode fs.FileMode, _ int64, r io.Reader) error {
	if err := d.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err //nolint:wrapcheck // the caller names the entry
	}
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // the caller names the entry
	}
	_, err = io.Copy(f, r)
	// By the open file: umask has no say, and the name cannot have changed.
	return errors.Join(err, f.Chmod(mode|0o400), f.Close())
}

func (d *disk) symlink(name, target string) error {
	if err := d.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err //nolint:wrapcheck // the caller names the entry
	}
	return d.root.Symlink(target, name)
}

func (d *disk) link(name, target string) error {
	if err := d.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err //nolint:wrapcheck // the caller names the entry
	}
	return d.root.Link(target, name)
}
