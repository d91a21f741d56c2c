package kiwidesc

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"

	"github.com/fedora-respin/respin/internal/limitio"
)

// Bounds of an archive. Fedora's descriptions are 50 kB packed, 240 kB unpacked,
// in about a hundred files.
const (
	MaxArchive  = 32 << 20  // bytes
	MaxUnpacked = 128 << 20 // bytes
	MaxEntries  = 5000
	maxName     = 1024     // bytes of a path
	maxWindow   = 32 << 20 // bytes that a decompressor remembers
	maxKept     = 1 << 20  // bytes of a file that is kept for reading
	maxKeptAll  = 16 << 20 // and of all of them
)

// ArchiveError says why an archive is not taken.
type ArchiveError struct {
	Entry  string // path in the archive, "" for the archive itself
	Reason string
	Err    error // may be nil
}

func (e *ArchiveError) Error() string {
	text := e.Reason
	if e.Entry != "" {
		text = fmt.Sprintf("%q %s", e.Entry, e.Reason)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *ArchiveError) Unwrap() error { return e.Err }

// sink takes the entries of an archive, whose paths are clean and stay inside.
type sink interface {
	dir(name string) error
	file(name string, mode fs.FileMode, size int64, r io.Reader) error
	symlink(name, target string) error
	link(name, target string) error
}

// walk reads a whole archive into s. What cannot be a part of a description ends it.
func walk(r io.Reader, s sink) error {
	in, done, err := decompress(limitio.Reader(r, MaxArchive, "the archive"))
	if err != nil {
		return err
	}
	defer done()
	archive := tar.NewReader(limitio.Reader(in, MaxUnpacked, "the unpacked archive"))
	left := int64(MaxUnpacked)
	for n := 0; ; n++ {
		h, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			if n == 0 {
				return &ArchiveError{Reason: "the archive is empty"}
			}
			return nil
		case err != nil:
			return readError(err)
		case n >= MaxEntries:
			return &ArchiveError{Reason: fmt.Sprintf("the archive has more than %d entries", MaxEntries)}
		case h.Typeflag == tar.TypeXGlobalHeader: // git archive names the commit in one
			continue
		}
		// A sparse file is longer than what the archive spends on it.
		if left -= max(h.Size, 0); left < 0 {
			return &limitio.TooLargeError{What: "the unpacked archive", Limit: MaxUnpacked}
		}
		if err := entry(h, archive, s); err != nil {
			return err
		}
	}
}

// readError tells limits from damage.
func readError(err error) error {
	if _, limit := errors.AsType[*limitio.TooLargeError](err); limit {
		return err
	}
	return &ArchiveError{Reason: "the archive cannot be read", Err: err}
}

func entry(h *tar.Header, r io.Reader, s sink) error {
	name, err := inside(h.Name)
	if err != nil {
		return err
	}
	if name == "." {
		return nil
	}
	refuse := func(reason string) error { return &ArchiveError{Entry: h.Name, Reason: reason} }
	switch h.Typeflag {
	case tar.TypeDir:
		err = s.dir(name)
	case tar.TypeReg:
		err = s.file(name, h.FileInfo().Mode().Perm(), h.Size, r)
	case tar.TypeSymlink:
		if !stays(name, h.Linkname) {
			return refuse("is a link that leads out of the description")
		}
		err = s.symlink(name, h.Linkname)
	case tar.TypeLink:
		target, badTarget := inside(h.Linkname)
		if badTarget != nil {
			return refuse("is a link that leads out of the description")
		}
		err = s.link(name, target)
	default:
		return refuse("is no file, directory or link")
	}
	if err == nil {
		return nil
	}
	if _, ours := errors.AsType[*ArchiveError](err); ours {
		return err
	}
	if _, limit := errors.AsType[*limitio.TooLargeError](err); limit {
		return err
	}
	return &ArchiveError{Entry: h.Name, Reason: "cannot be unpacked", Err: err}
}

// inside cleans a path of an archive, and refuses one that leads out.
func inside(name string) (string, error) {
	clean := path.Clean(name)
	if name == "" || len(name) > maxName || path.IsAbs(name) || !fs.ValidPath(clean) || slices.Contains(strings.Split(name, "/"), "..") || strings.ContainsRune(name, 0) {
		return "", &ArchiveError{Entry: name, Reason: "is no path inside the description"}
	}
	return clean, nil
}

// stays tells whether a symbolic link stays inside. In an overlay of the image's
// root (a directory "root") links are those of the image, and lead anywhere in it.
func stays(name, target string) bool {
	if target == "" || len(target) > maxName || strings.ContainsRune(target, 0) {
		return false
	}
	if slices.Contains(strings.Split(path.Dir(name), "/"), "root") {
		return true
	}
	return !path.IsAbs(target) && fs.ValidPath(path.Join(path.Dir(name), target))
}

// decompress finds out how the archive is packed.
func decompress(r io.Reader) (in io.Reader, done func(), err error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(6)
	if err != nil && len(head) < 2 {
		if errors.Is(err, io.EOF) {
			return nil, nil, &ArchiveError{Reason: "the archive is empty"}
		}
		return nil, nil, readError(err)
	}
	nothing := func() {}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, readError(err)
		}
		return z, nothing, nil
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		z, err := xz.NewReader(b, maxWindow)
		if err != nil {
			return nil, nil, readError(err)
		}
		return z, nothing, nil
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nil, readError(err)
		}
		return z, z.Close, nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(b), nothing, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, nil, &ArchiveError{Reason: "a zip is no tar archive"}
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")):
		return nil, nil, &ArchiveError{Reason: "a web page or an XML file is no tar archive"}
	}
	return b, nothing, nil
}
