package compose

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Resource is what a limit bounds.
type Resource string

// The resources whose limits end a tool.
const (
	ResourceMemory Resource = "memory" // bytes
	ResourceDisk   Resource = "disk"   // bytes
	ResourceTime   Resource = "time"
)

// LimitError says that a tool was ended because it, with all its processes,
// took more than a compose may.
type LimitError struct {
	Resource Resource
	Bytes    int64         // the limit of memory or disk
	Time     time.Duration // the limit of time
}

func (e *LimitError) Error() string {
	if e.Resource == ResourceTime {
		return fmt.Sprintf("the tool was ended at its limit of time, %s", e.Time)
	}
	return fmt.Sprintf("the tool was ended at its limit of %s, %s", e.Resource, bytesText(e.Bytes))
}

// failure is what a user needs to know.
func (e *LimitError) failure(stage Stage) Failure {
	f := Failure{Stage: stage}
	switch e.Resource {
	case ResourceMemory:
		f.Code, f.Sentence = CodeOutOfMemory, fmt.Sprintf("The tools of the compose wanted more memory than the %s that this node allows them.", bytesText(e.Bytes))
		f.Remedy = "Name fewer packages, or ask the operator for a higher runner.memory."
	case ResourceDisk:
		f.Code, f.Sentence = CodeDiskLimit, fmt.Sprintf("The tools of the compose wrote more than the %s that this node allows them.", bytesText(e.Bytes))
		f.Remedy = "Name fewer packages, or ask the operator for a higher runner.disk."
	case ResourceTime:
		f.Code, f.Sentence = CodeTimeLimit, fmt.Sprintf("A tool of the compose ran longer than the %s that this node allows it.", e.Time)
		f.Remedy = "Look for what hung in the last lines of the log, or ask the operator for a higher runner.time."
	}
	return f
}

// VersionError says that a tool is older than what is needed of it.
type VersionError struct {
	Tool, Version, Oldest string
	Package               string // what to update
	Where                 string // as "the mock chroot", "image NAME"; "": the build node
}

// Error is one sentence with what to do.
func (e *VersionError) Error() string {
	return fmt.Sprintf("%s %s of %s is too old, %s or newer is needed: update %s there", e.Tool, e.Version, e.where(), e.Oldest, e.Package)
}

func (e *VersionError) where() string {
	if e.Where == "" {
		return "the build node"
	}
	return e.Where
}

// RootError says why a root cannot be made, and what an operator does about it.
type RootError struct {
	Sentence, Remedy string // without the dot at the end
	Err              error  // what the program said that makes roots; may be nil
}

func (e *RootError) Error() string {
	text := e.Sentence + ": " + e.Remedy
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns what the program said.
func (e *RootError) Unwrap() error { return e.Err }

// failure is what a user needs to know.
func (e *RootError) failure(stage Stage) Failure {
	upper := func(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }
	return Failure{Stage: stage, Code: CodeToolMissing, Sentence: upper(e.Sentence), Remedy: upper(e.Remedy)}
}

// OlderVersion tells whether version a is before b; both are numbers with dots,
// and a missing part counts as 0.
func OlderVersion(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		m, n := number(x, i), number(y, i)
		if m != n {
			return m < n
		}
	}
	return false
}

func number(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, err := strconv.Atoi(parts[i])
	if err != nil {
		return 0
	}
	return n
}
