package dvd

import "fmt"

// TooLargeError says that the packages do not fit on the medium.
type TooLargeError struct {
	Medium           string // name of the medium
	Room             int64  // bytes on it
	Base             int64  // bytes of the base image
	Packages         int64  // bytes of the packages
	NumberOfPackages int
	Need             int64 // bytes, with what files cost on a medium besides their content
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%d packages of %s and the base image of %s do not fit on a %s, which has room for %s",
		e.NumberOfPackages, size(e.Packages), size(e.Base), e.Medium, size(e.Room))
}

// size writes bytes in the unit that media are sold in.
func size(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}

// BaseError says that an image cannot be the base of a DVD.
type BaseError struct{ Reason string }

func (e *BaseError) Error() string { return "base image: " + e.Reason }

// PackageError says that a package cannot be put on the medium.
type PackageError struct {
	Path string
	Err  error
}

func (e *PackageError) Error() string { return fmt.Sprintf("package %s: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *PackageError) Unwrap() error { return e.Err }

// CheckError says that a medium does not hold what it should.
type CheckError struct {
	Path   string // on the medium
	Reason string
	Err    error // may be nil
}

func (e *CheckError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s on the medium: %s: %v", e.Path, e.Reason, e.Err)
	}
	return e.Path + " on the medium: " + e.Reason
}

// Unwrap returns the cause.
func (e *CheckError) Unwrap() error { return e.Err }
