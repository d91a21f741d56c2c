// Package limitio bounds what is read from outside. Unlike io.LimitReader it
// answers an input that is too long with an error instead of a silent end.
package limitio

import (
	"fmt"
	"io"
)

// TooLargeError says that an input went past its limit.
type TooLargeError struct {
	What  string // what was read, for the message
	Limit int64  // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than the limit of %d bytes", e.What, e.Limit)
}

// Reader returns a reader that fails with *TooLargeError once r has given more
// than limit bytes.
func Reader(r io.Reader, limit int64, what string) io.Reader {
	return &reader{r: r, left: limit, limit: limit, what: what}
}

type reader struct {
	r           io.Reader
	left, limit int64
	what        string
}

func (l *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if l.left < 0 {
		return 0, &TooLargeError{What: l.what, Limit: l.limit}
	}
	// One byte more than is left tells "exactly at the limit" from "past it".
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return n - 1, &TooLargeError{What: l.what, Limit: l.limit}
	}
	return n, err
}

// ReadAll reads all of r, at most limit bytes.
func ReadAll(r io.Reader, limit int64, what string) ([]byte, error) {
	return io.ReadAll(Reader(r, limit, what))
}
