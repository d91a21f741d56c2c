package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/internal/limitio"
)

// ErrUnreachable says that no server answered, or that the connection broke
// before the answer was complete.
var ErrUnreachable = errors.New("server unreachable")

// UnreachableError is an ErrUnreachable with its address and cause.
type UnreachableError struct {
	URL string
	Err error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no answer from %s: %v", e.URL, e.Err)
}

// Is makes errors.Is(err, ErrUnreachable) hold.
func (e *UnreachableError) Is(target error) bool { return target == ErrUnreachable }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// unreachable wraps what a connection gave, unless the caller ended it.
func (c *Client) unreachable(ctx context.Context, u *url.URL, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("call %s: %w", u.Host, context.Cause(ctx))
	}
	// url.Error repeats method and address.
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err
	}
	return &UnreachableError{URL: u.Scheme + "://" + u.Host, Err: err}
}

// ProblemError is an error answer of the server.
type ProblemError struct {
	api.Problem
	// RetryAfter is how long the server asks to wait; 0 when it does not say.
	RetryAfter time.Duration
}

func (e *ProblemError) Error() string {
	text := e.Detail
	if text == "" {
		text = fmt.Sprintf("the server answers with HTTP status %d", e.Status)
	}
	if e.Code != "" {
		text += " [" + string(e.Code) + "]"
	}
	return text
}

// FormatError says that an answer is none of respin's: another program may be
// listening there.
type FormatError struct {
	URL    string
	Reason string
}

func (e *FormatError) Error() string { return e.URL + ": " + e.Reason }

// maxProblem bounds an error document, in bytes.
const maxProblem = 1 << 20

// problemOf reads an error answer. What is no problem document, as the page of
// a proxy, becomes one without a code.
func problemOf(resp *http.Response) error {
	e := &ProblemError{}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if strings.HasSuffix(kind, "json") {
		if data, err := limitio.ReadAll(resp.Body, maxProblem, "the server's answer"); err == nil {
			_ = json.Unmarshal(data, &e.Problem) // what it does not say stays empty
		}
	}
	e.Status = resp.StatusCode
	if e.Title == "" {
		e.Title = http.StatusText(resp.StatusCode)
	}
	if e.Detail == "" {
		e.Detail = fmt.Sprintf("%s answers with HTTP status %d %s.", resp.Request.URL.Redacted(), resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		e.RetryAfter = time.Duration(min(n, 86400)) * time.Second
	}
	return e
}
