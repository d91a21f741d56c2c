package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/client"
	"github.com/fedora-respin/respin/repo"
)

// usageError is wrong usage. node is the verb, nil before one was recognized.
type usageError struct {
	text string
	node *kong.Node
}

func (e *usageError) Error() string { return e.text }

// usagef is wrong usage that only the verb itself can see.
func usagef(format string, args ...any) error { return &usageError{text: fmt.Sprintf(format, args...)} }

// internalError is a fault of this program.
type internalError struct{ err error }

func (e *internalError) Error() string { return "internal error: " + e.err.Error() }
func (e *internalError) Unwrap() error { return e.err }

// configError is a configuration that cannot be read or is not valid.
type configError struct{ err error }

func (e *configError) Error() string { return e.err.Error() }
func (e *configError) Unwrap() error { return e.err }

// saidError ends with a code after everything was said already.
type saidError struct{ code int }

func (e *saidError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// endedError is a compose that ended without success.
type endedError struct {
	compose api.Compose
}

func (e *endedError) Error() string { return "compose " + e.compose.ID + " " + string(e.compose.State) }

// detachedError says that following ended before the compose did.
type detachedError struct{ id string }

func (e *detachedError) Error() string { return "following compose " + e.id + " was broken off" }

// exitCode is the one place that maps errors to exit codes.
func exitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	if e, ok := errors.AsType[*saidError](err); ok {
		return e.code
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return ExitUsage
	}
	if _, ok := errors.AsType[*configError](err); ok {
		return ExitUsage
	}
	if _, ok := errors.AsType[*daemon.ConfigError](err); ok {
		return ExitUsage
	}
	if e, ok := errors.AsType[*endedError](err); ok {
		if e.compose.State == compose.StateCanceled {
			return ExitCanceled
		}
		return ExitFailed
	}
	if e, ok := errors.AsType[*compose.FailedError](err); ok {
		if e.Failure.Code == compose.CodeCanceled {
			return ExitCanceled
		}
		return ExitFailed
	}
	if e, ok := errors.AsType[*compose.RefusedError](err); ok {
		return problemCode(&api.Problem{Status: e.Status(), Problems: e.Problems})
	}
	if e, ok := errors.AsType[*client.ProblemError](err); ok {
		return problemCode(&e.Problem)
	}
	if errors.Is(err, client.ErrUnreachable) || errors.Is(err, repo.ErrUnreachable) {
		return ExitUnreachable
	}
	if _, ok := errors.AsType[*url.Error](err); ok && !errors.Is(err, context.Canceled) {
		return ExitUnreachable
	}
	return ExitOther
}

// problemCode maps an error answer, or a refusal in this process.
func problemCode(p *api.Problem) int {
	unreachable := p.Code == compose.CodeKojiUnreachable || p.Code == compose.CodeBodhiUnreachable
	for i := range p.Problems {
		c := p.Problems[i].Code
		unreachable = unreachable || c == compose.CodeKojiUnreachable || c == compose.CodeBodhiUnreachable
	}
	switch {
	case unreachable:
		return ExitUnreachable
	case p.Status == http.StatusUnauthorized, p.Status == http.StatusForbidden:
		return ExitNotAllowed
	case p.Status == http.StatusNotFound:
		return ExitNotFound
	case len(p.Problems) > 0,
		p.Status == http.StatusUnprocessableEntity, p.Status == http.StatusTooManyRequests,
		p.Status == http.StatusInsufficientStorage, p.Status == http.StatusRequestEntityTooLarge:
		return ExitRefused
	case p.Status == http.StatusBadGateway, p.Status == http.StatusServiceUnavailable, p.Status == http.StatusGatewayTimeout:
		return ExitUnreachable // a proxy speaks for a server that is not there
	}
	return ExitOther
}

// report tells the user about err and returns the exit code.
func (a *app) report(err error) int {
	code := exitCode(err)
	if err == nil {
		return code
	}
	if _, said := errors.AsType[*saidError](err); said {
		return code
	}
	if e, ok := errors.AsType[*usageError](err); ok {
		a.reportUsage(e)
		return code
	}
	if e, ok := errors.AsType[*endedError](err); ok {
		a.reportEnd(&e.compose)
		return code
	}
	if e, ok := errors.AsType[*detachedError](err); ok {
		a.say("respin: stopped following; the compose %s goes on.\nFollow it: respin log -f %s\nCancel it: respin cancel %s\n", e.id, e.id, e.id)
		return code
	}
	if e, ok := errors.AsType[*compose.FailedError](err); ok {
		a.reportFailure(&e.Failure)
		return code
	}
	if e, ok := errors.AsType[*compose.RefusedError](err); ok {
		a.reportProblem(&api.Problem{Title: "Request refused", Status: e.Status(), Code: e.Problems[0].Code, Problems: e.Problems})
		return code
	}
	if e, ok := errors.AsType[*client.ProblemError](err); ok {
		a.reportProblem(&e.Problem)
		return code
	}
	if errors.Is(err, syscall.EPIPE) {
		return code // the reader of stdout has seen enough
	}
	a.say("respin: %s\n", clean(err.Error()))
	if errors.Is(err, client.ErrUnreachable) {
		a.say("Is the daemon running (respin serve)? --server and RESPIN_SERVER name another.\n")
	}
	return code
}

func (a *app) reportUsage(e *usageError) {
	if e.node == nil {
		e.node = a.node
	}
	if e.node == nil {
		a.say("respin: %s\nrespin alone lists the verbs.\n", clean(e.text))
		return
	}
	path := e.node.FullPath()
	a.say("%s: %s\n", path, clean(e.text))
	if e.node.Leaf() {
		a.say("usage: %s\n", usageLine(e.node))
	} else {
		for _, child := range e.node.Children {
			a.say("usage: %s\n", usageLine(child))
		}
	}
	a.say("%s --help says more, with examples.\n", path)
}

// reportProblem prints one line for each problem: where, what, what to do, code.
func (a *app) reportProblem(p *api.Problem) {
	if a.global.JSON {
		a.printJSON(p)
	}
	if len(p.Problems) == 0 {
		line := p.Detail
		if p.Remedy != "" {
			line += " " + p.Remedy
		}
		if p.Code != "" {
			line += " [" + string(p.Code) + "]"
		}
		a.say("respin: %s\n", clean(line))
		return
	}
	for i := range p.Problems {
		a.say("%s\n", clean(a.problemLine(&p.Problems[i])))
	}
}

func (a *app) problemLine(p *compose.Problem) string {
	var b strings.Builder
	switch {
	case p.Line > 0:
		file := p.File
		if a.kickstart != "" && (file == "" || file == "kickstart") { // what the server calls a text without a name
			file = a.kickstart
		}
		fmt.Fprintf(&b, "%s:%d: ", file, p.Line)
	case p.Field != "":
		b.WriteString(p.Field + ": ")
	default:
		b.WriteString("respin: ")
	}
	b.WriteString(p.Sentence)
	if p.Remedy != "" {
		b.WriteString(" " + p.Remedy)
	}
	return b.String() + " [" + string(p.Code) + "]"
}

// reportEnd says why a compose did not succeed.
func (a *app) reportEnd(c *api.Compose) {
	if a.global.JSON {
		a.printJSON(c)
	}
	a.say("compose %s %s\n", c.ID, a.state(c.State))
	if c.Failure != nil {
		a.reportFailure(c.Failure)
	}
	if c.Links.Log != "" {
		a.say("log: %s\n", clean(c.Links.Log))
	}
}

func (a *app) reportFailure(f *compose.Failure) {
	line := clean(f.Sentence)
	if f.Remedy != "" {
		line += " " + clean(f.Remedy)
	}
	a.say("%s [%s]\n", line, f.Code)
	if f.Stage != "" {
		a.say("stage: %s\n", f.Stage)
	}
	for _, e := range f.Evidence {
		a.say("  | %s\n", clean(e))
	}
}
