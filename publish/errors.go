package publish

import (
	"errors"
	"fmt"
)

var (
	// ErrNotStaged says that Finalize found neither the staged set nor the
	// same set published.
	ErrNotStaged = errors.New("the set is not staged")
	// ErrNoSpace says that the place is full or a quota is used up. What was
	// uploaded stays, so that the same attempt goes on when there is room.
	ErrNoSpace = errors.New("no space left at the place of publishing")
	// ErrDenied says that the place does not accept the credentials or does
	// not allow what was asked.
	ErrDenied = errors.New("access denied by the place of publishing")
	// ErrUnavailable says that the place cannot be reached or breaks off; the
	// same call may succeed later.
	ErrUnavailable = errors.New("the place of publishing is unavailable")
	// ErrClosed is returned by a Publisher after Close.
	ErrClosed = errors.New("publisher is closed")
)

// ExistsError says that another set already has the final name. It is never
// replaced.
type ExistsError struct{ ID string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("a different set is already published as %s", e.ID)
}

// MismatchError says that a file is not the one that was scanned: it changed
// underneath, or arrived damaged.
type MismatchError struct {
	Path      string
	What      string // "size" or "sha256"
	Want, Got string // decimal bytes, or lower-case hex
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("file %s: %s is %s, expected %s", e.Path, e.What, e.Got, e.Want)
}

// RefusedError says that a name or a file cannot be part of a set.
type RefusedError struct {
	Name   string
	Reason string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("refuse %q: %s", e.Name, e.Reason) }

// Secret is a password or token; it shows itself in no message, log or JSON.
type Secret string

const redacted = "[redacted]"

func (s Secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return redacted }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
