// Package atomicfile makes files appear whole or not at all: the bytes go to a
// temporary name in the same directory, are synced, and are then renamed over
// the final name. A kill at any moment leaves the old file or the new one.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// TempPrefix starts the name of every unfinished file, so that a sweep after a
// kill can tell them from finished ones.
const TempPrefix = ".respin-tmp-"

// File is an unfinished file. Write to it, then Commit; Abort (safe to defer,
// does nothing after Commit) removes it.
type File struct {
	*os.File
	path string
	mode fs.FileMode
	done bool
}

// Create starts a file that Commit will put at path with the given mode.
func Create(path string, mode fs.FileMode) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), TempPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("create temporary file for %s: %w", path, err)
	}
	return &File{File: f, path: path, mode: mode}, nil
}

// Commit syncs the file, gives it its name and syncs the directory.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("commit %s: %w", f.path, fs.ErrClosed)
	}
	if err := errors.Join(f.Chmod(f.mode), f.Sync(), f.Close()); err != nil {
		f.done = true
		return fmt.Errorf("write %s: %w", f.path, errors.Join(err, os.Remove(f.Name())))
	}
	f.done = true
	if err := os.Rename(f.Name(), f.path); err != nil {
		return fmt.Errorf("rename to %s: %w", f.path, errors.Join(err, os.Remove(f.Name())))
	}
	return SyncDir(filepath.Dir(f.path))
}

// CommitAs is Commit under another name in the same directory, for files that
// are named by their content.
func (f *File) CommitAs(path string) error {
	f.path = path
	return f.Commit()
}

// Abort removes the unfinished file.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	_ = f.Close()
	_ = os.Remove(f.Name())
}

// Write puts data at path.
func Write(path string, data []byte, mode fs.FileMode) error {
	return WriteFunc(path, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteFunc puts at path what fill writes; when fill fails nothing appears.
func WriteFunc(path string, mode fs.FileMode, fill func(io.Writer) error) error {
	f, err := Create(path, mode)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := fill(f); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Commit()
}

// SyncDir makes the names in dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
