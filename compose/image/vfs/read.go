package vfs

import (
	"fmt"
	"io"
	"io/fs"
)

// Source is the image that a driver reads.
type Source struct {
	io.ReaderAt
	Size   int64  // bytes
	System string // of a FormatError
}

// Read fills b from a byte of the image. What lies outside of it, or cannot be
// read, is a *FormatError that names what was wanted.
func (s Source) Read(b []byte, at int64, what string) error {
	if at < 0 || at > s.Size || int64(len(b)) > s.Size-at {
		return &FormatError{System: s.System, Reason: fmt.Sprintf("%s at byte %d lies outside of its %d bytes", what, at, s.Size), Err: io.ErrUnexpectedEOF}
	}
	if n, err := s.ReadAt(b, at); n < len(b) {
		return &FormatError{System: s.System, Reason: fmt.Sprintf("%s at byte %d cannot be read", what, at), Err: err}
	}
	return nil
}

// ReadPieces is the ReadAt of a file of size bytes that lies in pieces. piece
// reads at least one byte from an offset.
func ReadPieces(p []byte, off, size int64, piece func(p []byte, off int64) (int, error)) (n int, err error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	for n < len(p) && off < size {
		k, err := piece(p[n:n+int(min(int64(len(p)-n), size-off))], off)
		if err != nil {
			return n, err
		}
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
