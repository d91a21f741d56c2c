package http

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/publish/dir"
)

const (
	headerOffset   = "Upload-Offset"
	headerComplete = "Upload-Complete"
	headerDigest   = "Repr-Digest" // RFC 9530
	maxJSON        = 1 << 20
)

// problem is an error on the wire (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	// Members of *publish.MismatchError.
	Path string `json:"path,omitempty"`
	What string `json:"what,omitempty"`
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
}

// The codes of this protocol.
const (
	codeNoSpace   = "no_space"
	codeExists    = "already_published"
	codeNotStaged = "not_staged"
	codeMismatch  = "mismatch"
	codeRefused   = "refused"
	codeTooLarge  = "too_large"
	codeOffset    = "wrong_offset"
	codeBusy      = "busy"
	codeDenied    = "denied"
	codeNotFound  = "not_found"
	codeInternal  = "internal"
)

// describe turns an error into what the client may see of it.
func describe(err error) problem {
	p := problem{Detail: err.Error()}
	var (
		exists   *publish.ExistsError
		mismatch *publish.MismatchError
		refused  *publish.RefusedError
		large    *limitio.TooLargeError
		offset   *dir.OffsetError
	)
	switch {
	case errors.Is(err, publish.ErrNoSpace):
		p.Status, p.Code = nethttp.StatusInsufficientStorage, codeNoSpace
	case errors.Is(err, publish.ErrDenied):
		p.Status, p.Code = nethttp.StatusForbidden, codeDenied
	case errors.Is(err, publish.ErrNotStaged):
		p.Status, p.Code = nethttp.StatusConflict, codeNotStaged
	case errors.As(err, &exists):
		p.Status, p.Code = nethttp.StatusConflict, codeExists
	case errors.As(err, &offset):
		p.Status, p.Code = nethttp.StatusConflict, codeOffset
	case errors.Is(err, dir.ErrBusy):
		p.Status, p.Code = nethttp.StatusConflict, codeBusy
	case errors.As(err, &mismatch):
		p.Status, p.Code = nethttp.StatusUnprocessableEntity, codeMismatch
		p.Path, p.What, p.Want, p.Got = mismatch.Path, mismatch.What, mismatch.Want, mismatch.Got
	case errors.As(err, &refused):
		p.Status, p.Code = nethttp.StatusBadRequest, codeRefused
	case errors.As(err, &large):
		p.Status, p.Code = nethttp.StatusRequestEntityTooLarge, codeTooLarge
	default:
		// Paths and system messages are the operator's, not the client's.
		p.Status, p.Code, p.Detail = nethttp.StatusInternalServerError, codeInternal, "the server could not do this; its log says why"
	}
	p.Title = nethttp.StatusText(p.Status)
	return p
}

// problemError turns an answer that is no success into an error of package
// publish.
func problemError(resp *nethttp.Response, id string) error {
	body, _ := limitio.ReadAll(resp.Body, maxJSON, "error answer")
	var p problem
	if json.Unmarshal(body, &p) != nil || p.Code == "" {
		p = problem{Detail: oneLine(string(body))}
	}
	switch p.Code {
	case codeNoSpace:
		return fmt.Errorf("%w: %s", publish.ErrNoSpace, p.Detail)
	case codeExists:
		return &publish.ExistsError{ID: id}
	case codeNotStaged:
		return fmt.Errorf("%w: %s", publish.ErrNotStaged, p.Detail)
	case codeMismatch:
		return &publish.MismatchError{Path: p.Path, What: p.What, Want: p.Want, Got: p.Got}
	case codeRefused, codeTooLarge:
		return &publish.RefusedError{Name: id, Reason: p.Detail}
	case codeOffset, codeBusy:
		return &retryError{errors.New(p.Detail)}
	}
	err := fmt.Errorf("HTTP status %d: %s", resp.StatusCode, p.Detail)
	switch {
	case resp.StatusCode == nethttp.StatusUnauthorized || resp.StatusCode == nethttp.StatusForbidden:
		return fmt.Errorf("%w: %w", publish.ErrDenied, err)
	case resp.StatusCode == nethttp.StatusInsufficientStorage: // a proxy's
		return fmt.Errorf("%w: %w", publish.ErrNoSpace, err)
	case resp.StatusCode >= 500 || resp.StatusCode == nethttp.StatusTooManyRequests || resp.StatusCode == nethttp.StatusRequestTimeout:
		return &retryError{err}
	}
	return err
}

func oneLine(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "?")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "..."
	}
	return s
}

// retryError is a failure that another try may not meet.
type retryError struct{ err error }

func (e *retryError) Error() string        { return e.err.Error() }
func (e *retryError) Unwrap() error        { return e.err }
func (e *retryError) Is(target error) bool { return target == publish.ErrUnavailable }

func formatDigest(hexSum string) string {
	raw, err := hex.DecodeString(hexSum)
	if err != nil {
		return ""
	}
	return "sha-256=:" + base64.StdEncoding.EncodeToString(raw) + ":"
}

// parseDigest reads a Repr-Digest of one SHA-256, "" when it is none.
func parseDigest(s string) string {
	s, ok1 := strings.CutPrefix(s, "sha-256=:")
	s, ok2 := strings.CutSuffix(s, ":")
	raw, err := base64.StdEncoding.DecodeString(s)
	if !ok1 || !ok2 || err != nil || len(raw) != 32 {
		return ""
	}
	return hex.EncodeToString(raw)
}

// uploadRange is what a PUT carries: bytes from first on, up to the end.
type uploadRange struct{ first, total int64 }

// parseRange reads "bytes first-last/total" of a PUT whose body has length
// bytes. Only the rest of the file up to its end is accepted.
func parseRange(header string, length int64) (uploadRange, error) {
	if header == "" {
		if length < 0 {
			return uploadRange{}, &publish.RefusedError{Name: "PUT", Reason: "it has neither Content-Length nor Content-Range"}
		}
		return uploadRange{0, length}, nil
	}
	bad := &publish.RefusedError{Name: header, Reason: "this Content-Range is not bytes FIRST-LAST/TOTAL up to the end"}
	rest, ok := strings.CutPrefix(header, "bytes ")
	span, size, ok1 := strings.Cut(rest, "/")
	from, to, ok2 := strings.Cut(span, "-")
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	total, err3 := strconv.ParseInt(size, 10, 64)
	if !ok || !ok1 || !ok2 || errors.Join(err1, err2, err3) != nil || first < 0 || last < first || last != total-1 {
		return uploadRange{}, bad
	}
	if length >= 0 && length != total-first {
		return uploadRange{}, bad
	}
	return uploadRange{first, total}, nil
}

func decodeJSON(r io.Reader, v any) error {
	dec := json.NewDecoder(limitio.Reader(r, maxJSON, "JSON"))
	if err := dec.Decode(v); err != nil {
		return &publish.RefusedError{Name: "body", Reason: "it is not the JSON expected: " + err.Error()}
	}
	return nil
}
