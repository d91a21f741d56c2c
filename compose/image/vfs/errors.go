package vfs

import "fmt"

// FormatError says that an image breaks the rules of its file system, or uses
// what is not read.
type FormatError struct {
	System string // "squashfs", "ext4", "erofs"
	Reason string // a clause without a full stop
	Err    error  // cause; may be nil
}

func (e *FormatError) Error() string {
	s := "read " + e.System + ": " + e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// UnsupportedError says that an image is sound, as far as it was read, but
// needs something by name that is not read here.
type UnsupportedError struct {
	System  string
	Feature string // such as "compression lzo"
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("read %s: %s is not read", e.System, e.Feature)
}
