package fetch

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrUnreachable is what errors.Is finds in an error when at least one mirror
// failed in a way that may pass: no route, no name, a timeout, a broken
// transfer, or an answer of 429 or 5xx.
var ErrUnreachable = errors.New("server unreachable")

// ErrClosed is returned by a Fetcher after Close.
var ErrClosed = errors.New("fetcher is closed")

// StatusError is an HTTP answer other than the file.
type StatusError struct {
	URL        string // without credentials
	Code       int
	Excerpt    string        // start of the body as one line, at most 200 bytes
	RetryAfter time.Duration // 0 when the server named none
}

func (e *StatusError) Error() string {
	if e.Excerpt == "" {
		return fmt.Sprintf("get %s: HTTP status %d", e.URL, e.Code)
	}
	return fmt.Sprintf("get %s: HTTP status %d: %s", e.URL, e.Code, e.Excerpt)
}

// Is reports 408, 425, 429 and 5xx as ErrUnreachable.
func (e *StatusError) Is(target error) bool { return target == ErrUnreachable && e.temporary() }

func (e *StatusError) temporary() bool {
	return e.Code == 408 || e.Code == 425 || e.Code == 429 || e.Code >= 500
}

// MismatchError says that a server gave other bytes than wanted.
type MismatchError struct {
	URL       string
	What      string // "size" or "sha256"
	Want, Got string // decimal bytes, or lower-case hex
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("verify %s: %s is %s, wanted %s", e.URL, e.What, e.Got, e.Want)
}

// RefusedError says that the policy or a limit forbids a download.
type RefusedError struct {
	URL    string
	Reason string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("refuse %s: %s", e.URL, e.Reason) }

// HTMLError says that a web page came where a file was asked for, as happens
// with log-in pages, mirror error pages and redirects to an explanation.
type HTMLError struct {
	URL   string // as asked
	Final string // after redirects
	Title string // of the page, may be empty
}

func (e *HTMLError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "get %s: the server answered with an HTML page", e.URL)
	if e.Title != "" {
		fmt.Fprintf(&b, " (%q)", e.Title)
	}
	if e.Final != e.URL {
		fmt.Fprintf(&b, " at %s", e.Final)
	}
	b.WriteString(" instead of the file")
	return b.String()
}

// CheckError says that the caller's own Judge, or the check of a document,
// turned the file down.
type CheckError struct {
	URL string
	Err error
}

func (e *CheckError) Error() string { return fmt.Sprintf("check %s: %v", e.URL, e.Err) }

// Unwrap gives what the Judge returned.
func (e *CheckError) Unwrap() error { return e.Err }

// DiskFullError says that the cache's file system lacks room. Need is what has
// to be free there, the floor Options.MinFree included; Free is what is.
type DiskFullError struct {
	Path       string
	Need, Free int64 // bytes
}

func (e *DiskFullError) Error() string {
	return fmt.Sprintf("not enough disk space for %s: %d bytes needed, %d free", e.Path, e.Need, e.Free)
}

// transferError is a failure of the network rather than an answer.
type transferError struct {
	url string
	err error
}

func (e *transferError) Error() string        { return fmt.Sprintf("get %s: %v", e.url, e.err) }
func (e *transferError) Unwrap() error        { return e.err }
func (e *transferError) Is(target error) bool { return target == ErrUnreachable }

// verdict says what a failed try means for the tries that follow.
type verdict int

const (
	retryable verdict = iota // this mirror may do better later
	dead                     // this mirror will not do better
	fatal                    // no mirror will
)

func judge(err error) verdict {
	var (
		transfer *transferError
		status   *StatusError
		again    *restartError
		mismatch *MismatchError
		refused  *RefusedError
		html     *HTMLError
		check    *CheckError
	)
	switch {
	case errors.As(err, &refused): // before transferError: a refused dial is wrapped in one
		return dead
	case errors.As(err, &again), errors.As(err, &transfer):
		return retryable
	case errors.As(err, &status):
		if status.temporary() {
			return retryable
		}
		return dead
	case errors.As(err, &mismatch), errors.As(err, &html), errors.As(err, &check):
		return dead
	}
	return fatal
}

// restartError says that bytes kept from an earlier try turned out useless;
// they are gone and the next try starts from nothing.
type restartError struct{ err error }

func (e *restartError) Error() string { return e.err.Error() }
func (e *restartError) Unwrap() error { return e.err }
