package compose

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/fedora-respin/respin/compose/diagnose"
	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/internal/proc"
)

// ErrCanceled as the cause of a build's context says that somebody canceled it.
var ErrCanceled = errors.New("compose canceled")

// FailedError is the error of a build: the Failure for users, and the cause for
// operators.
type FailedError struct {
	Failure Failure
	Err     error
	// facts are those of a tool that failed, for explain; nil for other errors.
	facts *diagnose.Facts
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("build compose: stage %s: %s: %v", e.Failure.Stage, e.Failure.Code, e.Err)
}

// Unwrap returns the cause.
func (e *FailedError) Unwrap() error { return e.Err }

// maxEvidence is how many lines of a log a Failure shows.
const maxEvidence = 3

// Diagnose turns the error that ended a stage into what a user needs to know.
// Every reason has its own code; what nobody foresaw is CodeInternal.
func Diagnose(ctx context.Context, stage Stage, err error) *FailedError {
	if limit, ok := errors.AsType[*LimitError](err); ok && !errors.Is(context.Cause(ctx), ErrCanceled) {
		// No facts: the logs of a tool that was killed tell only that.
		return &FailedError{Failure: limit.failure(stage), Err: err}
	}
	if failed, ok := errors.AsType[*FailedError](err); ok {
		if failed.Failure.Code == CodeToolFailed && failed.facts == nil {
			return &FailedError{Failure: failed.Failure, Err: failed.Err, facts: toolFacts(ctx, stage, failed.Err)}
		}
		return failed
	}
	f := Failure{Stage: stage}
	facts := toolFacts(ctx, stage, err)
	switch {
	case errors.Is(context.Cause(ctx), ErrCanceled):
		f.Code, f.Sentence = CodeCanceled, "The compose was canceled."
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		f.Code, f.Sentence = CodeTimeLimit, "The compose took longer than this server allows."
	case diagnoseRoot(&f, err), diagnoseDisk(&f, err), diagnoseTool(&f, err, facts), diagnoseFetch(&f, err):
	default:
		f.Code, f.Sentence = CodeInternal, "respin could not go on: "+strings.TrimSuffix(firstLine(err), ".")+"."
	}
	if _, noRoot := errors.AsType[*RootError](err); noRoot || f.Code == CodeCanceled {
		facts = nil // there are no logs that would know better
	}
	return &FailedError{Failure: f, Err: err, facts: facts}
}

func diagnoseRoot(f *Failure, err error) bool {
	root, ok := errors.AsType[*RootError](err)
	if ok {
		*f = root.failure(f.Stage)
	}
	return ok
}

func diagnoseDisk(f *Failure, err error) bool {
	if full, ok := errors.AsType[*fetch.DiskFullError](err); ok {
		f.Code = CodeDiskFull
		f.Sentence = fmt.Sprintf("The disk of the build node is full: %s are free where %s are needed.", bytesText(full.Free), bytesText(full.Need))
		f.Remedy = "Free space on the build node, or delete old composes."
		return true
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		f.Code, f.Sentence = CodeDiskFull, "The disk of the build node is full."
		f.Remedy = "Free space on the build node, or delete old composes."
		return true
	}
	return false
}

func diagnoseTool(f *Failure, err error, facts *diagnose.Facts) bool {
	if missing, ok := errors.AsType[*proc.NotFoundError](err); ok {
		f.Code = CodeToolMissing
		f.Sentence = fmt.Sprintf("The build node has no %s.", missing.Tool)
		f.Remedy = fmt.Sprintf("Install the package %s on the node.", missing.Package)
		if missing.Where != "" {
			f.Sentence = fmt.Sprintf("There is no %s in the %s of the build node.", missing.Tool, missing.Where)
			f.Remedy = fmt.Sprintf("Install the package %s there.", missing.Package)
		}
		return true
	}
	if old, ok := errors.AsType[*VersionError](err); ok {
		f.Code = CodeToolMissing
		f.Sentence = fmt.Sprintf("%s %s of %s is too old: %s or newer is needed.", old.Tool, old.Version, old.where(), old.Oldest)
		f.Remedy = fmt.Sprintf("Update the package %s there.", old.Package)
		return true
	}
	failed, ok := errors.AsType[*proc.Error](err)
	if !ok {
		return false
	}
	tool, said := errors.AsType[*ToolError](err)
	lines := failed.Tail
	if said {
		lines = slices.Concat(tool.Lines, lines)
	}
	f.Code = CodeToolFailed
	f.Sentence = fmt.Sprintf("%s ended with exit status %d.", facts.Tool, failed.ExitCode)
	if failed.Signal != 0 {
		f.Sentence = fmt.Sprintf("%s was ended by the signal %s.", facts.Tool, failed.Signal)
	}
	words := diagnose.Log{Name: facts.Tool, Reader: strings.NewReader(strings.Join(lines, "\n"))}
	// What comes from memory cannot break off.
	verdict, _ := diagnose.New(diagnose.Options{}).Read(context.Background(), []diagnose.Log{words}, *facts)
	take(f, verdict)
	switch {
	case verdict.Code != diagnose.Unknown:
	case said && failed.Signal == 0:
		f.Evidence = tool.evidence()
		f.Sentence = fmt.Sprintf("%s failed: %s.", tool.Tool, strings.TrimRight(clipTo(tool.Lines[0], 300), ".:"))
	case len(f.Evidence) > 0:
		f.Sentence = strings.TrimSuffix(f.Sentence, ".") + ": " + strings.TrimSuffix(verdict.Evidence[len(verdict.Evidence)-1].Text, ".") + "."
	}
	return true
}

func diagnoseFetch(f *Failure, err error) bool {
	f.Code = CodeFetchFailed
	if bad, ok := errors.AsType[*spliceError](err); ok && notThere(bad.err) {
		f.Code = CodeSignedCopyGone
		f.Sentence = fmt.Sprintf("Koji has removed the signed copy of %s, and it cannot be made again: %s.", bad.file, firstLine(bad.err))
		f.Remedy = "Take the unsigned copies with the signature policy prefer, or choose another build."
		return true
	}
	if bad, ok := errors.AsType[*AlteredError](err); ok {
		f.Code = CodeRPMAltered
		f.Sentence = fmt.Sprintf("%s is not the RPM that was asked for: %s.", bad.File, bad.Reason)
		f.Remedy = "Retry; if it stays, the server's copy is damaged."
		return true
	}
	if bad, ok := errors.AsType[*UntrustedError](err); ok {
		f.Code = CodeRPMUntrusted
		f.Sentence = fmt.Sprintf("The signature of %s does not count: %s.", bad.File, bad.Reason)
		f.Remedy = "Ask the operator for the key, or ask for the signature policy prefer."
		return true
	}
	if altered, ok := errors.AsType[*fileAlteredError](err); ok {
		f.Code = CodeFileAltered
		f.Sentence = fmt.Sprintf("The file for %s is not the one that was asked for: its %s is %s where %s was expected.", altered.place, altered.err.What, altered.err.Got, altered.err.Want)
		f.Remedy = "Submit again, with the right sum if one was given."
		return true
	}
	if mismatch, ok := errors.AsType[*fetch.MismatchError](err); ok {
		f.Code = CodeRPMAltered
		if !strings.HasSuffix(mismatch.URL, ".rpm") {
			f.Code = CodeBaseAltered
		}
		f.Sentence = fmt.Sprintf("%s is not the file that was asked for: its %s is %s where %s was expected.", mismatch.URL, mismatch.What, mismatch.Got, mismatch.Want)
		f.Remedy = "Submit the request again, with an address whose content stays."
		return true
	}
	if html, ok := errors.AsType[*fetch.HTMLError](err); ok {
		f.Code = CodeWebPage
		f.Sentence, f.Remedy = describePage(path.Base(html.URL), html)
		return true
	}
	if status, ok := errors.AsType[*fetch.StatusError](err); ok {
		f.Sentence = fmt.Sprintf("%s was answered with HTTP status %d.", status.URL, status.Code)
		return true
	}
	if refused, ok := errors.AsType[*fetch.RefusedError](err); ok {
		f.Sentence = fmt.Sprintf("The node does not fetch from %s: %s.", refused.URL, refused.Reason)
		return true
	}
	if errors.Is(err, fetch.ErrUnreachable) {
		f.Sentence = "A server could not be reached: " + strings.TrimSuffix(firstLine(err), ".") + "."
		f.Remedy = "Retry the compose later."
		return true
	}
	return false
}

// evidence picks the last lines that say something.
func evidence(tail []string) []string {
	var lines []string
	for _, l := range tail {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, clip(l))
		}
	}
	return lines[max(0, len(lines)-maxEvidence):]
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// bytesText writes a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}
