package rpmdb

import (
	"fmt"
	"strings"
)

// FormatError says where a file stops being a database of rpm.
type FormatError struct {
	File   string // as opened
	Format Format // what it was read as
	Offset int64  // byte in the file where the trouble was seen
	Reason string
	Err    error // cause, such as io.ErrUnexpectedEOF for a truncated file; may be nil
}

func (e *FormatError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "read %s database %s at byte %d: %s", e.Format, e.File, e.Offset, e.Reason)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// HeaderError says that one header of the database is damaged. The others are
// not concerned.
type HeaderError struct {
	Number uint32 // of the header in the database
	Err    error  // an *rpm.FormatError
}

func (e *HeaderError) Error() string {
	return fmt.Sprintf("read header %d of the database: %s", e.Number, e.Err)
}

// Unwrap returns the cause.
func (e *HeaderError) Unwrap() error { return e.Err }
