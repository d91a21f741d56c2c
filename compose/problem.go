package compose

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Problem is one reason why a request is refused.
type Problem struct {
	Code     Code   `json:"code"`
	Field    string `json:"field,omitempty"` // JSON path of the request's field, as sources[1]
	File     string `json:"file,omitempty"`  // for kickstarts: the file the position is in
	Line     int    `json:"line,omitempty"`  // 1-based
	Sentence string `json:"sentence"`
	Remedy   string `json:"remedy,omitempty"` // what to do about it
}

func (p Problem) String() string {
	var b strings.Builder
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	if p.Line > 0 {
		fmt.Fprintf(&b, "%s:%d: ", p.File, p.Line)
	}
	b.WriteString(p.Sentence)
	if p.Remedy != "" {
		b.WriteString(" " + p.Remedy)
	}
	return b.String()
}

// RefusedError says why a request was not turned into a Plan: all reasons at once.
type RefusedError struct {
	Problems []Problem
}

// Refuse returns a *RefusedError of the given problems.
func Refuse(problems ...Problem) error { return &RefusedError{Problems: problems} }

func (e *RefusedError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return "request refused: " + strings.Join(lines, "; ")
}

// Has tells whether one of the problems has the code.
func (e *RefusedError) Has(code Code) bool {
	return slices.ContainsFunc(e.Problems, func(p Problem) bool { return p.Code == code })
}

// Status is the HTTP status that stands for the whole refusal: the one of the
// problems when they agree, 422 otherwise.
func (e *RefusedError) Status() int {
	status := 0
	for _, p := range e.Problems {
		s := p.Code.Status()
		if status != 0 && s != status {
			return http.StatusUnprocessableEntity
		}
		status = s
	}
	if status == 0 {
		return http.StatusUnprocessableEntity
	}
	return status
}
