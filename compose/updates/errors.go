package updates

import "fmt"

// InputError says that a package cannot be used at all.
type InputError struct {
	Name   string // Input.Name or the file's name
	Reason string
	Err    error // cause, such as *rpm.FormatError or *rpm.VerifyError; may be nil
}

func (e *InputError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Name, e.Reason, e.Err)
	}
	return e.Name + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *InputError) Unwrap() error { return e.Err }

// FileError says that a file of a package has no place in an image.
type FileError struct {
	Package string // NEVRA
	Path    string // as the package has it
	Reason  string
}

func (e *FileError) Error() string {
	return fmt.Sprintf("%q of %s: %s", e.Path, e.Package, e.Reason)
}

// ConflictError says that two packages (or one with itself) disagree about a path.
type ConflictError struct {
	Path   string // in the image, without a slash in front
	First  string // NEVRA
	Second string // NEVRA
	Reason string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s and %s conflict at /%s: %s", e.First, e.Second, e.Path, e.Reason)
}

// TooLargeError says that the packages are more than Options allow.
type TooLargeError struct {
	What  string // "packages", "files", "bytes of paths" or "bytes"
	Limit int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the image would have more than %d %s", e.Limit, e.What)
}

// ImageError says that an image is no archive of the form that Walk reads.
type ImageError struct {
	Offset int64 // in the unpacked archive
	Reason string
	Err    error // may be nil
}

func (e *ImageError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("updates image at byte %d: %s: %v", e.Offset, e.Reason, e.Err)
	}
	return fmt.Sprintf("updates image at byte %d: %s", e.Offset, e.Reason)
}

// Unwrap returns the cause.
func (e *ImageError) Unwrap() error { return e.Err }

// MismatchError says that an image does not hold what its packages do.
type MismatchError struct {
	Path   string // in the image
	Reason string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("/%s in the updates image: %s", e.Path, e.Reason)
}
