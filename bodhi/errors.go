package bodhi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

var (
	// ErrNotFound is matched by every error that says: Bodhi answered, and
	// there is no such thing.
	ErrNotFound = errors.New("not found in Bodhi")
	// ErrUnreachable is matched by every error that says nothing about what was
	// asked, because Bodhi itself did not answer: the network, a proxy in front
	// of it, a page of some other site. Asking again later may help.
	ErrUnreachable = errors.New("no answer from Bodhi")
)

// APIError is an answer with a status that is not a success.
//
// It matches ErrNotFound for 404, and ErrUnreachable for the 5xx and 429 of the
// proxies in front of Bodhi, which answer in HTML or plain text. A 5xx in
// JSON comes from Bodhi itself, such as the 504 of TestResults when Greenwave
// is silent, and matches neither.
type APIError struct {
	StatusCode int
	Method     string
	URL        string      // without credentials
	Errors     []ErrorItem // empty unless JSON is true
	JSON       bool        // the body had Bodhi's own shape
	Title      string      // of an HTML page, or the start of a text
	RetryAfter time.Duration
	Location   string // of a redirect that was not followed
}

// ErrorItem is one complaint of Bodhi.
type ErrorItem struct {
	Location    string `json:"location"` // querystring, body, url, path, header, cookies
	Name        string `json:"name"`     // of the parameter; elements as status.0
	Description string `json:"description"`
}

func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %d %s", e.Method, e.URL, e.StatusCode, http.StatusText(e.StatusCode))
	for i, item := range e.Errors {
		if i == 3 {
			fmt.Fprintf(&b, "; %d more", len(e.Errors)-i)
			break
		}
		fmt.Fprintf(&b, "; %s", item.Description)
		if item.Name != "" {
			fmt.Fprintf(&b, " (%s)", item.Name)
		}
	}
	if !e.JSON && e.Title != "" {
		fmt.Fprintf(&b, "; not Bodhi's JSON but a page %q", e.Title)
	}
	if e.Location != "" {
		fmt.Fprintf(&b, "; redirect to %s", e.Location)
	}
	return b.String()
}

// Is makes errors.Is work with ErrNotFound and ErrUnreachable.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound
	case ErrUnreachable:
		return !e.JSON && (e.StatusCode >= 500 || e.StatusCode == http.StatusTooManyRequests)
	}
	return false
}

// Temporary reports whether the same request may succeed later.
func (e *APIError) Temporary() bool {
	switch e.StatusCode {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// TransportError says that no complete answer arrived. It matches
// ErrUnreachable and unwraps to the cause. A canceled or expired context of the
// caller is no TransportError: it comes back as such.
type TransportError struct {
	Method string
	URL    string // without credentials
	Err    error
}

func (e *TransportError) Error() string { return fmt.Sprintf("%s %s: %v", e.Method, e.URL, e.Err) }

// Unwrap gives the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// Is makes errors.Is work with ErrUnreachable.
func (e *TransportError) Is(target error) bool { return target == ErrUnreachable }

// FormatError is a success that is not what Bodhi answers: a login page, JSON
// without the expected members. It matches ErrUnreachable when the answer was
// no JSON at all, because then it was not Bodhi that gave it.
type FormatError struct {
	URL         string
	ContentType string
	Title       string // of an HTML page
	Reason      string
	NotJSON     bool
}

func (e *FormatError) Error() string {
	msg := fmt.Sprintf("read answer of %s: %s", e.URL, e.Reason)
	if e.Title != "" {
		msg += fmt.Sprintf(" (page %q)", e.Title)
	}
	return msg
}

// Is makes errors.Is work with ErrUnreachable.
func (e *FormatError) Is(target error) bool { return target == ErrUnreachable && e.NotJSON }

// PackageNameError says that an update was asked for by the name of a package.
// Bodhi redirects such a request to the list of that package's updates:
//
//	client.Updates(ctx, bodhi.UpdateQuery{Packages: []string{e.Name}})
//
// It matches ErrNotFound.
type PackageNameError struct{ Name string }

func (e *PackageNameError) Error() string {
	return fmt.Sprintf("%q is the name of a package, not the alias of an update (FEDORA-2024-f39890a065)", clean(e.Name, 80))
}

// Is makes errors.Is work with ErrNotFound.
func (e *PackageNameError) Is(target error) bool { return target == ErrNotFound }

// ArgumentError says that an argument cannot be sent; nothing was.
type ArgumentError struct {
	Name   string // of the argument or of the field of the query
	Value  string
	Reason string
}

func (e *ArgumentError) Error() string {
	return fmt.Sprintf("argument %s %q: %s", e.Name, clean(e.Value, 80), e.Reason)
}
