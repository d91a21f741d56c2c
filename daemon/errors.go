package daemon

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/store"
	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/queue"
)

// Codes of answers that are about the call and not about a compose.
const (
	codeNotFound     compose.Code = "not-found"
	codeNotAllowed   compose.Code = "not-allowed"
	codeUnauthorized compose.Code = "unauthorized"
	codeConflict     compose.Code = "conflict"
	codeTooLarge     compose.Code = "too-large"
	codeUnavailable  compose.Code = "unavailable"
	codeBadRequest   compose.Code = "bad-request"
)

// callCodes is the part of the catalog that compose does not know.
func callCodes() []compose.CodeInfo {
	return []compose.CodeInfo{
		{Code: codeNotFound, Status: http.StatusNotFound, Meaning: "Nothing is at that address."},
		{Code: codeNotAllowed, Status: http.StatusForbidden, Meaning: "The token does not allow that.", Remedy: "Use a token with the named scope."},
		{Code: codeUnauthorized, Status: http.StatusUnauthorized, Meaning: "The call needs a token.", Remedy: "Send Authorization: Bearer TOKEN (--token, RESPIN_TOKEN)."},
		{Code: codeConflict, Status: http.StatusConflict, Meaning: "The compose is not in a state that allows that."},
		{Code: codeTooLarge, Status: http.StatusRequestEntityTooLarge, Meaning: "The body is larger than this server takes."},
		{Code: codeUnavailable, Status: http.StatusServiceUnavailable, Meaning: "The server is starting or stopping.", Remedy: "Try again."},
		{Code: codeBadRequest, Status: http.StatusBadRequest, Meaning: "The call is not well-formed.", Remedy: "Correct the named part; GET /openapi.json describes the calls."},
	}
}

// problemOf is the one place where errors become answers. What is not known
// here is an internal error: users get no detail, the operator's log does.
func (d *Daemon) problemOf(err error) api.Problem {
	if refused, ok := errors.AsType[*compose.RefusedError](err); ok {
		return refusal(refused)
	}
	if p, ok := errors.AsType[*callError](err); ok {
		return p.problem
	}
	switch {
	case errors.Is(err, publish.ErrNoSpace), errors.Is(err, syscall.ENOSPC):
		return problem(compose.CodeDiskFull, http.StatusInsufficientStorage, "The server's disk is full.", "Delete old composes, or ask the operator for room.")
	case errors.Is(err, store.ErrNotFound), errors.Is(err, queue.ErrNotFound):
		return problem(compose.CodeComposeNotFound, http.StatusNotFound, "There is no compose of that id.", "respin list shows them.")
	case errors.Is(err, ErrNotDone):
		return problem(codeConflict, http.StatusConflict, "The compose is not in a state that allows that.", "Look at its state; cancel it first, or wait until it has ended.")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem(codeUnavailable, http.StatusServiceUnavailable, "The server did not get to an answer in time.", "Try again.")
	}
	d.log.Error("internal error", "error", err)
	return problem(compose.CodeInternal, http.StatusInternalServerError, "The server made an error; its log says more.", "Tell the operator.")
}

func refusal(e *compose.RefusedError) api.Problem {
	p := api.Problem{Title: "Request refused", Status: e.Status(), Problems: e.Problems}
	var sentences []string
	for _, one := range e.Problems {
		sentences = append(sentences, one.Sentence)
	}
	if len(e.Problems) > 0 {
		p.Code, p.Remedy = e.Problems[0].Code, e.Problems[0].Remedy
	}
	p.Detail = strings.Join(sentences, " ")
	p.Type = errorType(p.Code)
	return p
}

func problem(code compose.Code, status int, sentence, remedy string) api.Problem {
	return api.Problem{Type: errorType(code), Title: http.StatusText(status), Status: status, Detail: sentence, Code: code, Remedy: remedy}
}

// errorType is the problem's type: an address below which the catalog stands.
func errorType(code compose.Code) string { return "/api/v1/errors#" + string(code) }

// callError is an error about the call itself.
type callError struct{ problem api.Problem }

func (e *callError) Error() string { return e.problem.Detail }

func refuseCall(code compose.Code, status int, sentence, remedy string) error {
	return &callError{problem(code, status, sentence, remedy)}
}
