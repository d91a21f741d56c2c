package xmlscan

import (
	"fmt"
	"io"

	"github.com/fedora-respin/respin/internal/limitio"
)

// SyntaxError says where a document stops being one.
type SyntaxError struct {
	Offset int64 // bytes into the document
	Line   int   // counted from 1
	Reason string
	Err    error // io.ErrUnexpectedEOF for a document that was cut, *limitio.TooLargeError, or nil
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("malformed XML in line %d, byte %d: %s", e.Line, e.Offset, e.Reason)
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

func (s *Scanner) fail(format string, args ...any) error {
	return &SyntaxError{Offset: s.Offset(), Line: s.Line(), Reason: fmt.Sprintf(format, args...)}
}

// clip shortens a name for a message.
func clip(name []byte) []byte { return name[:min(len(name), 80)] }

func (s *Scanner) tooLong() error {
	err := &limitio.TooLargeError{What: "a tag or text", Limit: int64(s.limits.Token)}
	return &SyntaxError{Offset: s.Offset(), Line: s.Line(), Reason: err.Error(), Err: err}
}

func (s *Scanner) truncated(reason string) error {
	s.pos = s.end
	return &SyntaxError{Offset: s.Offset(), Line: s.Line(), Reason: reason, Err: io.ErrUnexpectedEOF}
}
