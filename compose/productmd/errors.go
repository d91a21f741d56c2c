package productmd

import "fmt"

// FieldError says that a value breaks a rule of the format.
type FieldError struct {
	File   string // ".treeinfo", ".discinfo", "media.repo", "composeinfo.json", "images.json" or "rpms.json"
	Field  string // such as "tree.arch"
	Reason string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s: %s %s", e.File, e.Field, e.Reason)
}

// SyntaxError says where a file stops being one of its kind.
type SyntaxError struct {
	File   string
	Line   int // 0 when it is not about a line
	Reason string
	Err    error // may be nil
}

func (e *SyntaxError) Error() string {
	s := e.File
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, e.Line)
	}
	if s += ": " + e.Reason; e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }
