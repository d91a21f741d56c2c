package remaster

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// JobError holds everything that is wrong with a job, before any work was done.
type JobError struct{ Problems []error }

// Error joins the problems.
func (e *JobError) Error() string {
	list := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		list[i] = p.Error()
	}
	return "remaster: " + strings.Join(list, "; ")
}

// Unwrap returns the problems.
func (e *JobError) Unwrap() []error { return e.Problems }

// problems gathers errors for a JobError.
type problems []error

func (p *problems) add(err error) {
	if err != nil {
		*p = append(*p, err)
	}
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &JobError{Problems: p}
}

// ArchError says that the base image is of another architecture.
type ArchError struct{ Path, Want, Got string }

// Error names both; an image that does not say is called unknown.
func (e *ArchError) Error() string {
	got := e.Got
	if got == "" {
		got = "unknown"
	}
	return fmt.Sprintf("base image %s is of architecture %s, not %s", e.Path, got, e.Want)
}

// OutputExistsError says that there is a file with the image's name already. It
// is fs.ErrExist.
type OutputExistsError struct{ Path string }

// Error names the file.
func (e *OutputExistsError) Error() string { return "output " + e.Path + " exists already" }

// Is makes errors.Is(err, fs.ErrExist) hold.
func (e *OutputExistsError) Is(target error) bool { return target == fs.ErrExist }

// GraftError says why something cannot be put onto the medium.
type GraftError struct {
	ISOPath string
	Err     error
}

// Error names the place on the medium.
func (e *GraftError) Error() string { return fmt.Sprintf("add %s: %v", e.ISOPath, e.Err) }

// Unwrap returns the reason.
func (e *GraftError) Unwrap() error { return e.Err }

// ArgError says why a kernel argument is refused.
type ArgError struct{ Arg, Reason string }

// Error quotes the argument.
func (e *ArgError) Error() string { return fmt.Sprintf("kernel argument %q: %s", e.Arg, e.Reason) }

// ReplaceError says why a replacement is refused.
type ReplaceError struct{ From, Reason string }

// Error quotes what was to be replaced.
func (e *ReplaceError) Error() string { return fmt.Sprintf("replace %q: %s", e.From, e.Reason) }

// NoBootConfigError says that the base image has no boot configuration with a
// kernel line, so that nothing would lead the installer to what is added.
type NoBootConfigError struct{ Path string }

// Error names the image.
func (e *NoBootConfigError) Error() string {
	return "base image " + e.Path + " has no boot configuration with a kernel line"
}

// NoSpaceError says that the file system cannot hold the result. It is
// syscall.ENOSPC.
type NoSpaceError struct {
	Dir        string
	Need, Free int64 // bytes
}

// Error gives both numbers in MiB.
func (e *NoSpaceError) Error() string {
	return fmt.Sprintf("no space in %s: the image needs about %d MiB, %d MiB are free", e.Dir, e.Need>>20, e.Free>>20)
}

// Is makes errors.Is(err, syscall.ENOSPC) hold.
func (e *NoSpaceError) Is(target error) bool { return target == syscall.ENOSPC }

// LostBootError says that the written image lacks a way to boot that the base
// image has. It is a fault of the tools.
type LostBootError struct{ How string }

// Error says which way.
func (e *LostBootError) Error() string { return "the new image no longer boots: " + e.How }

// ErrFATFull says that the FAT image with the EFI boot loader has no room for
// its changed configuration.
var ErrFATFull = errors.New("the EFI boot image has no room for the changed configuration")
