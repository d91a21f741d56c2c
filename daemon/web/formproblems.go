package web

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// formProblem is one problem as the form shows it, beside the control that it is about.
type formProblem struct {
	Control  string // id of the control
	Where    string // line of the sources or position in the kickstart
	Sentence string
	Remedy   string
	Code     compose.Code
}

// controlOf finds the control for the field of a problem, as sources[1] or
// base.url. Fields without one of their own are those of "more".
func controlOf(field string) string {
	name, _, _ := strings.Cut(field, "[")
	switch name {
	case "kind", "release", "arch", "sources", "packages", "volid", "boot_args", "title", "ttl":
		return name
	case "notify":
		return "notify"
	case "base", "base.url":
		return "base_url"
	case "base.sha256":
		return "base_sha256"
	case "base.compose":
		return "base_compose"
	case "base.upload":
		return "base_file"
	case "kickstart", "kickstart.text":
		return "kickstart"
	case "kickstart.url":
		return "kickstart_url"
	case "options.multilib", "options.debuginfo", "options.include_source", "options.smoke_boot":
		return strings.TrimPrefix(name, "options.")
	}
	// A field of the form itself that was too long to take.
	if _, ok := (&form{}).fields()[name]; ok {
		return name
	}
	return "more"
}

// formProblems gives what the service answered to the controls. One without a
// field is about the request as a whole and stands in the summary alone.
func (f *form) formProblems(problems []compose.Problem) []formProblem {
	sources := sourceLines(f.Sources)
	problems = slices.Clone(problems)
	slices.SortStableFunc(problems, func(a, b compose.Problem) int {
		i, _ := index(a.Field)
		j, _ := index(b.Field)
		return cmp.Or(cmp.Compare(place(a.Field), place(b.Field)), cmp.Compare(i, j))
	})
	var list []formProblem
	for _, p := range problems {
		fp := formProblem{Sentence: p.Sentence, Remedy: p.Remedy, Code: p.Code}
		if p.Field != "" {
			fp.Control = controlOf(p.Field)
		}
		switch {
		case p.Line > 0 && p.File != "":
			fp.Where = fmt.Sprintf("%s:%d", p.File, p.Line)
		case p.Line > 0:
			fp.Where = fmt.Sprintf("line %d", p.Line)
		}
		if i, ok := index(p.Field); ok && fp.Control == "sources" && i < len(sources) {
			fp.Where = fmt.Sprintf("line %d, %s", sources[i].Line, clip(sources[i].Text, 60))
		}
		list = append(list, fp)
	}
	return list
}

// place is where the control of a field stands on the page: the summary goes
// through the form from top to bottom.
func place(field string) int {
	if field == "" {
		return -1
	}
	return slices.Index([]string{
		"kind", "release", "arch", "title", "sources", "multilib", "debuginfo", "include_source",
		"base_url", "base_sha256", "base_file", "base_compose", "kickstart_url", "kickstart",
		"boot_args", "volid", "packages", "smoke_boot", "notify", "ttl", "more",
	}, controlOf(field))
}

// index is the number in sources[1].
func index(field string) (int, bool) {
	_, rest, ok := strings.Cut(field, "[")
	if !ok {
		return 0, false
	}
	number, _, _ := strings.Cut(rest, "]")
	n, err := strconv.Atoi(number)
	return n, err == nil && n >= 0
}

// reasonOf is a refusal in one sentence, or what the error says.
func reasonOf(err error) string {
	if refused, ok := errors.AsType[*compose.RefusedError](err); ok && len(refused.Problems) > 0 {
		return refused.Problems[0].Sentence
	}
	return err.Error() + "."
}

// newPage is the page of the form.
type newPage struct {
	Form        form
	Recognized  []sourceLine
	Available   []api.KindInfo
	Unavailable []api.KindInfo
	Arches      []string
	Problem     *api.Problem // when the request was refused
	Problems    []formProblem
	Cloned      string // the compose whose request fills the form
	MaxKS       int64  // bytes
}

// At returns the problems of one control.
func (n newPage) At(control string) []formProblem {
	var list []formProblem
	for _, p := range n.Problems {
		if p.Control == control {
			list = append(list, p)
		}
	}
	return list
}

// Wrong tells whether one of the controls has a problem.
func (n newPage) Wrong(controls ...string) bool {
	for _, c := range controls {
		if len(n.At(c)) > 0 {
			return true
		}
	}
	return false
}
