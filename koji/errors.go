package koji

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/kolo/xmlrpc"
)

// ErrNotFound is matched by every *NotFoundError.
var ErrNotFound = errors.New("not found in Koji")

// ErrUnreachable is matched by every error that says the hub cannot serve at
// the moment, whatever was asked: no connection, a broken connection, a
// gateway's 502, 503 or 504, or the hub's own ServerOffline.
var ErrUnreachable = errors.New("koji hub unreachable")

// The classes of faults, to be tested with errors.Is. They form the hierarchy
// of koji/__init__.py: ErrAuthExpired is also ErrAuth, and every one of them
// is ErrGeneric. A fault of code 1, any other exception of the hub, is none.
var (
	ErrGeneric            error = faultClassError(1000)
	ErrLock               error = faultClassError(1001)
	ErrAuth               error = faultClassError(1002)
	ErrTag                error = faultClassError(1003)
	ErrActionNotAllowed   error = faultClassError(1004)
	ErrBuild              error = faultClassError(1005)
	ErrAuthLock           error = faultClassError(1006)
	ErrAuthExpired        error = faultClassError(1007)
	ErrSequence           error = faultClassError(1008)
	ErrRetry              error = faultClassError(1009)
	ErrPreBuild           error = faultClassError(1010)
	ErrPostBuild          error = faultClassError(1011)
	ErrBuildroot          error = faultClassError(1012)
	ErrFunctionDeprecated error = faultClassError(1013)
	ErrServerOffline      error = faultClassError(1014)
	ErrLiveCD             error = faultClassError(1015)
	ErrPlugin             error = faultClassError(1016)
	ErrCallback           error = faultClassError(1017)
	ErrAppliance          error = faultClassError(1018)
	ErrParameter          error = faultClassError(1019)
	ErrImport             error = faultClassError(1020)
	ErrConfiguration      error = faultClassError(1021)
	ErrLiveMedia          error = faultClassError(1022)
	ErrGSSAPIAuth         error = faultClassError(1023)
	ErrNameValidation     error = faultClassError(1024)
)

// The codes that the client itself acts on.
const (
	codeGeneric = 1000
	codeOffline = 1014
)

// faultClassError is a fault code as something to compare with.
type faultClassError int

func (c faultClassError) Error() string { return "koji " + c.name() }

func (c faultClassError) name() string {
	names := [...]string{
		"GenericError", "LockError", "AuthError", "TagError", "ActionNotAllowed", "BuildError", "AuthLockError",
		"AuthExpired", "SequenceError", "RetryError", "PreBuildError", "PostBuildError", "BuildrootError",
		"FunctionDeprecated", "ServerOffline", "LiveCDError", "PluginError", "CallbackError", "ApplianceError",
		"ParameterError", "ImportError", "ConfigurationError", "LiveMediaError", "GSSAPIAuthError", "NameValidationError",
	}
	if i := int(c) - 1000; i >= 0 && i < len(names) {
		return names[i]
	}
	return "fault " + strconv.Itoa(int(c))
}

// parent returns the class that c belongs to, 0 at the top.
func (c faultClassError) parent() faultClassError {
	switch c {
	case 1006, 1007, 1008, 1009, 1023:
		return 1002
	case 1010, 1011, 1012:
		return 1005
	case 1017:
		return 1016
	case 1000:
		return 0
	}
	if c > 1000 && c <= 1024 {
		return 1000
	}
	return 0
}

// Fault is the hub's refusal of a call. Code and String are the hub's own; the
// embedded error of kolo/xmlrpc can be had with errors.As too.
type Fault struct { //nolint:errname // the protocol's word
	xmlrpc.FaultError
	Method    string   // that was called
	Traceback []string // of the hub, only inside a batch and only sometimes
}

func (f *Fault) Error() string {
	return fmt.Sprintf("call koji %s: %s: %s", f.Method, faultClassError(f.Code).name(), f.String)
}

// Unwrap returns the embedded fault.
func (f *Fault) Unwrap() error { return f.FaultError }

// Is reports whether the fault belongs to the class target.
func (f *Fault) Is(target error) bool {
	if target == ErrUnreachable {
		return f.Code == codeOffline
	}
	class, ok := target.(faultClassError)
	if !ok {
		return false
	}
	for c := faultClassError(f.Code); c != 0; c = c.parent() {
		if c == class {
			return true
		}
	}
	return false
}

// NotFoundError says that the hub knows no such thing. Err is the fault that
// said so, nil where the hub answered with nil.
type NotFoundError struct {
	What string // "build", "tag", "task", "RPM", "target"
	Ref  string // what was asked for
	Err  error
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("no %s %q in Koji", e.What, e.Ref) }

// Is matches ErrNotFound.
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// Unwrap returns the fault, if any.
func (e *NotFoundError) Unwrap() error { return e.Err }

// HTTPError is an answer whose status is not 200. Faults are none: they come
// with status 200.
type HTTPError struct {
	Method     string // of Koji, that was called
	URL        string // of the hub, without credentials
	StatusCode int
	Location   string        // where a redirect leads to; redirects are not followed
	Body       string        // the beginning of the answer, as text
	RetryAfter time.Duration // as the answer asked for, 0 if it did not
}

func (e *HTTPError) Error() string {
	msg := fmt.Sprintf("call koji %s at %s: HTTP %d %s", e.Method, e.URL, e.StatusCode, http.StatusText(e.StatusCode))
	if e.Location != "" {
		msg += " to " + e.Location
	}
	if e.Body != "" {
		msg += ": " + e.Body
	}
	return msg
}

// Is matches ErrUnreachable for what gateways answer when the hub is away.
func (e *HTTPError) Is(target error) bool {
	return target == ErrUnreachable &&
		(e.StatusCode == http.StatusBadGateway || e.StatusCode == http.StatusServiceUnavailable || e.StatusCode == http.StatusGatewayTimeout)
}

// temporary reports whether the same request may go through later.
func (e *HTTPError) temporary() bool {
	switch e.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return e.StatusCode >= http.StatusInternalServerError && e.StatusCode != http.StatusNotImplemented
}

// TransportError says that no complete answer came: the connection could not
// be made, broke, or took longer than Options.Timeout.
type TransportError struct {
	Method   string // of Koji
	URL      string // of the hub, without credentials
	Attempts int
	Err      error
}

func (e *TransportError) Error() string {
	return fmt.Sprintf("call koji %s at %s (attempt %d): %v", e.Method, e.URL, e.Attempts, e.Err)
}

// Is matches ErrUnreachable.
func (e *TransportError) Is(target error) bool { return target == ErrUnreachable }

// Unwrap returns the error of net/http.
func (e *TransportError) Unwrap() error { return e.Err }

// DecodeError says that the answer is no XML-RPC, is beyond a limit, or does
// not fit the type it was asked into. Err tells which.
type DecodeError struct {
	Method string // of Koji
	Err    error
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("read answer of koji %s: %v", e.Method, e.Err)
}

// Unwrap returns what was wrong.
func (e *DecodeError) Unwrap() error { return e.Err }
