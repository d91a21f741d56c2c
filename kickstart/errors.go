package kickstart

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/fedora-respin/respin/internal/typo"
)

// Position is a place in a kickstart. Line and Col count from 1; Col counts
// bytes. Line 0 stands for the whole file.
type Position struct {
	File string
	Line int
	Col  int
}

// String gives "file:line:col" as editors understand it.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Severity ranks a Diagnostic.
type Severity int

// A kickstart with an Error is refused by pykickstart and anaconda; one with a
// Warning works, but ksvalidator refuses it too.
const (
	SeverityWarning Severity = iota + 1
	SeverityError
)

// String gives "warning" or "error".
func (s Severity) String() string {
	switch s {
	case SeverityError:
		return "error"
	case SeverityWarning:
		return "warning"
	}
	return "unknown"
}

// Code names the kind of a problem; it is stable and meant for scripts.
type Code string

// The codes of diagnostics and parse errors.
const (
	CodeLimit             Code = "limit"               // a bound of Limits was passed
	CodeEncoding          Code = "encoding"            // the text is not UTF-8
	CodeQuote             Code = "quote"               // unterminated quote or escape
	CodeMissingEnd        Code = "missing-end"         // a section without %end
	CodeUnknownSection    Code = "unknown-section"     // %something that nobody knows
	CodeUnknownCommand    Code = "unknown-command"     // no such command in this version
	CodeRemovedCommand    Code = "removed-command"     // gone in this version
	CodeDeprecatedCommand Code = "deprecated-command"  // without effect in this version
	CodeUnknownOption     Code = "unknown-option"      // unknown option or too many arguments
	CodeDeprecatedOption  Code = "deprecated-option"   // going away
	CodeMissingOption     Code = "missing-option"      // a required option or argument is absent
	CodeBadValue          Code = "bad-value"           // a value of the wrong form
	CodeConflict          Code = "conflict"            // options or commands that exclude each other
	CodeDuplicate         Code = "duplicate"           // the same thing defined twice
	CodeInclude           Code = "include"             // an include that cannot be followed
	CodeMissingInclude    Code = "missing-include"     // an included file that does not exist
	CodeVersion           Code = "unsupported-version" // a syntax version we have no table for
	CodeDeprecatedSection Code = "deprecated-section"  // %traceback
)

// Diagnostic is one problem that Validate or Check found.
type Diagnostic struct {
	Severity Severity
	Pos      Position
	Code     Code
	Message  string
	Remedy   string // what to do about it; may be empty
}

// String gives "file:line:col: severity: message".
func (d Diagnostic) String() string {
	return fmt.Sprintf("%s: %s: %s", d.Pos, d.Severity, d.Message)
}

// Err turns the diagnostic into the error that Parse returns for it.
func (d Diagnostic) Err() *ParseError {
	return &ParseError{File: d.Pos.File, Line: d.Pos.Line, Col: d.Pos.Col, Code: d.Code, Msg: d.Message, Remedy: d.Remedy}
}

// ParseError says where and why a kickstart was refused.
type ParseError struct {
	File   string
	Line   int // from 1; 0 when the whole file is meant
	Col    int // from 1, in bytes
	Code   Code
	Msg    string
	Remedy string // what to do about it; may be empty
}

// Error gives "file:line:col: message; remedy".
func (e *ParseError) Error() string {
	s := Position{e.File, e.Line, e.Col}.String() + ": " + e.Msg
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// ValueError says that a value cannot be written into a kickstart.
type ValueError struct {
	Field  string // the Go field or argument, for example "Name"
	Reason string
}

// Error gives "kickstart value FIELD: REASON".
func (e *ValueError) Error() string { return "kickstart value " + e.Field + ": " + e.Reason }

// didYouMean is the remedy for a word that was probably mistyped.
func didYouMean(word string, candidates []string) string {
	if c := typo.Closest(word, candidates); c != "" {
		return "did you mean " + c + "?"
	}
	return ""
}

// reprList prints strings as the reference implementation prints a list.
func reprList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = repr(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// repr quotes a value for a message as Python does, which also keeps the
// message on one line.
func repr(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}
