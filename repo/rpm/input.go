package rpm

import (
	"errors"
	"fmt"
	"io"
	"unsafe"
)

const (
	// firstRead is how much is allocated on the word of a length field alone;
	// beyond it memory grows with what has really been read, by growth, and by
	// twice that to the end.
	firstRead = 256 << 10
	growth    = 16
)

// input reads an RPM from its start in a few large pieces and knows where it
// is. It reads nothing ahead, so that no buffer stands beside the header.
type input struct {
	r   io.Reader
	pos int64
}

// piece is a stretch of the file that a FormatError can name.
type piece struct {
	part string
	size int64
}

// take reads the pieces in one go. When the file ends too early it returns
// what there is, and the error names the piece in which it ends.
func (in *input) take(pieces ...piece) (string, error) {
	var n int64
	for _, p := range pieces {
		n += p.size
	}
	b, err := readExactly(in.r, n)
	start := in.pos
	in.pos += int64(len(b))
	// The bytes are ours alone and never change again. A conversion would hold a
	// header twice.
	s := unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // see above
	if err == nil {
		return s, nil
	}
	got := int64(len(b))
	for _, p := range pieces[:len(pieces)-1] {
		if got < p.size {
			return s, readError(err, p, start, got)
		}
		start += p.size
		got -= p.size
	}
	return s, readError(err, pieces[len(pieces)-1], start, got)
}

// readExactly reads n bytes, or as many as there are and an error.
func readExactly(r io.Reader, n int64) ([]byte, error) {
	b := make([]byte, min(n, firstRead))
	got := 0
	for {
		m, err := io.ReadFull(r, b[got:])
		if got += m; err != nil {
			return b[:got], err
		}
		if int64(got) == n {
			return b, nil
		}
		size := growth * int64(got)
		if n <= 2*size {
			size = n
		}
		more := make([]byte, size)
		copy(more, b)
		b = more
	}
}

// readError tells a file that ends too early from a reader that fails.
func readError(err error, p piece, start, got int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &FormatError{
			Part: p.part, Offset: start + got,
			Reason: fmt.Sprintf("ends after %d of %d bytes", got, p.size), Err: io.ErrUnexpectedEOF,
		}
	}
	return fmt.Errorf("read rpm %s: %w", p.part, err)
}
