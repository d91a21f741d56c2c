package publish

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// Scan reads every file below dir, writes their sizes and digests to
// dir/CHECKSUM (unless it says so already) and returns the set, for the caller
// to give it ID and Attempt. The same files give the same CHECKSUM. Anything
// that is no regular file or directory, and any name that CheckPath refuses,
// is a *RefusedError; unfinished files of package atomicfile are passed over.
func Scan(ctx context.Context, dir string) (Set, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Set{}, fmt.Errorf("scan set: %w", err)
	}
	defer root.Close() //nolint:errcheck // only read
	set := Set{Dir: dir}
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case d.IsDir() || path == ChecksumName || strings.HasPrefix(d.Name(), atomicfile.TempPrefix):
			return nil
		case len(set.Files) >= MaxFiles:
			return &RefusedError{Name: dir, Reason: fmt.Sprintf("it has more than %d files", MaxFiles)}
		}
		f, err := scanFile(ctx, root, path)
		if err != nil {
			return err
		}
		set.Files = append(set.Files, f)
		return nil
	})
	if err != nil {
		return Set{}, fmt.Errorf("scan set: %w", err)
	}
	// WalkDir sorts within each directory; the set sorts by whole path.
	slices.SortFunc(set.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	if err := writeChecksumFile(root, set.Files); err != nil {
		return Set{}, fmt.Errorf("scan set: %w", err)
	}
	f, err := scanFile(ctx, root, ChecksumName)
	if err != nil {
		return Set{}, fmt.Errorf("scan set: %w", err)
	}
	at, _ := slices.BinarySearchFunc(set.Files, f, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	set.Files = slices.Insert(set.Files, at, f)
	return set, nil
}

func scanFile(ctx context.Context, root *os.Root, path string) (File, error) {
	if err := CheckPath(path); err != nil {
		return File{}, err
	}
	file, info, err := openRegular(root, path)
	if err != nil {
		return File{}, err
	}
	defer file.Close() //nolint:errcheck // only read
	h := sha256.New()
	n, err := io.CopyBuffer(h, ctxReader{ctx, file}, make([]byte, 256<<10))
	if err != nil {
		return File{}, fmt.Errorf("read %s: %w", path, err)
	}
	return File{Path: path, Size: n, SHA256: hex.EncodeToString(h.Sum(nil)), ModTime: info.ModTime()}, nil
}

// openRegular opens a file that is neither a symbolic link nor a device.
func openRegular(root *os.Root, path string) (*os.File, fs.FileInfo, error) {
	named, err := root.Lstat(filepath.FromSlash(path))
	if err != nil {
		return nil, nil, err
	}
	if !named.Mode().IsRegular() {
		return nil, nil, &RefusedError{Name: path, Reason: "it is no regular file but " + kindOf(named.Mode())}
	}
	file, err := root.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, nil, err
	}
	// Between the two calls somebody may have put another file there.
	info, err := file.Stat()
	if err != nil || !os.SameFile(named, info) {
		_ = file.Close()
		return nil, nil, &RefusedError{Name: path, Reason: "it was replaced while being opened"}
	}
	return file, info, nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m.IsDir():
		return "a directory"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "something else"
}

func writeChecksumFile(root *os.Root, files []File) error {
	var want bytes.Buffer
	if err := WriteChecksum(&want, files); err != nil {
		return err
	}
	if info, err := root.Lstat(ChecksumName); err == nil && info.Mode().IsRegular() && info.Size() == int64(want.Len()) {
		if have, err := root.ReadFile(ChecksumName); err == nil && bytes.Equal(have, want.Bytes()) {
			return nil
		}
	}
	return atomicfile.Write(filepath.Join(root.Name(), ChecksumName), want.Bytes(), 0o644)
}

// ctxReader ends with the context.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // a reader has no other way to be called off
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
