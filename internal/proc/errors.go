package proc

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Error says that a tool ran and did not succeed.
type Error struct {
	Tool     string         // as it was given in Cmd.Name
	Args     []string       // as given
	ExitCode int            // -1 when a signal ended the tool
	Signal   syscall.Signal // 0 unless a signal ended the tool
	Tail     []string       // the last lines of both streams, oldest first
	Cause    error          // ctx's error when the run was cut short by it
}

// Error names the tool, how it ended and its last words.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("run " + filepath.Base(e.Tool) + ": ")
	switch {
	case e.Cause != nil:
		b.WriteString(e.Cause.Error())
	case e.Signal != 0:
		b.WriteString("killed by signal: " + e.Signal.String())
	default:
		fmt.Fprintf(&b, "exit code %d", e.ExitCode)
	}
	if last := e.lastLine(); last != "" && e.Cause == nil {
		b.WriteString(": " + last)
	}
	return b.String()
}

func (e *Error) lastLine() string {
	for _, line := range slices.Backward(e.Tail) {
		if s := strings.TrimSpace(line); s != "" {
			return s
		}
	}
	return ""
}

// Unwrap returns the context's error, if that ended the run.
func (e *Error) Unwrap() error { return e.Cause }

// NotFoundError says that a tool is not installed.
type NotFoundError struct {
	Tool    string
	Package string // what to install; "" when the caller did not say
	Where   string // the root that was looked in, as "image NAME"; "": this host
}

// Error names the tool and what to install.
func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("the tool %s is not installed", e.Tool)
	if e.Where != "" {
		text += " in " + e.Where
	}
	if e.Package != "" {
		text += "; install " + e.Package
	}
	return text
}
