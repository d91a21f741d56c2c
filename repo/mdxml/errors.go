package mdxml

import (
	"errors"
	"fmt"

	"github.com/fedora-respin/respin/internal/xmlscan"
)

// FormatError says that a metadata file is not what it should be.
type FormatError struct {
	File   string // "repomd.xml", "primary.xml", "metalink" ...
	Offset int64  // bytes into the plain content
	Line   int    // counted from 1; 0 when it is not known
	Reason string
	Err    error // what a lower layer said, may be nil
}

func (e *FormatError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s, line %d (byte %d): %s", e.File, e.Line, e.Offset, e.Reason)
}

// Unwrap returns what a lower layer said.
func (e *FormatError) Unwrap() error { return e.Err }

// CountError says that a metadata file announces another number of packages
// than it holds: it was cut, or put together carelessly.
type CountError struct {
	File            string
	Announced, Held int
}

func (e *CountError) Error() string {
	return fmt.Sprintf("%s announces %d packages and holds %d", e.File, e.Announced, e.Held)
}

// Located gives an error of the XML layer the name of its file. What the
// underlying reader said is passed on with the name in front.
func Located(file string, err error) error {
	if err == nil {
		return nil
	}
	if syntax, ok := errors.AsType[*xmlscan.SyntaxError](err); ok {
		return &FormatError{File: file, Offset: syntax.Offset, Line: syntax.Line, Reason: syntax.Reason, Err: syntax.Err}
	}
	if _, ok := errors.AsType[*FormatError](err); ok {
		return err
	}
	return fmt.Errorf("read %s: %w", file, err)
}
