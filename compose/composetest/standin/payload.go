package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fedora-respin/respin/repo/rpm"
)

// unpackPayload writes the regular files of an RPM below root.
func unpackPayload(f *os.File, root string, at time.Time) error {
	p, err := rpm.Read(f)
	if err != nil {
		return err
	}
	if _, err := f.Seek(p.HeaderEnd, io.SeekStart); err != nil {
		return err
	}
	y, err := p.Payload(f, rpm.PayloadOptions{MaxSize: 1 << 30})
	if err != nil {
		return err
	}
	defer y.Close()
	for {
		file, err := y.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w", p.Name, err)
		}
		if file.File.Mode&0o170000 != 0o100000 {
			continue
		}
		data, err := io.ReadAll(y)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(root, filepath.Clean("/"+file.File.Path())), string(data), at); err != nil {
			return err
		}
	}
}
