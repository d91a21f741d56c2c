package kickstart

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// sectionNames lists the sections that every version knows.
func sectionNames() []string {
	return []string{"%addon", "%anaconda", "%certificate", "%onerror", "%packages", "%post", "%pre", "%pre-install", "%traceback"}
}

func knownSection(name string) bool { return slices.Contains(sectionNames(), name) }

// scriptSection tells which sections are scripts.
func scriptSection(name string) bool {
	switch name {
	case "%pre", "%pre-install", "%post", "%onerror", "%traceback":
		return true
	}
	return false
}

// body reads the lines of sec up to its %end. In an included file the section
// belongs to the including one and must not end.
func (p *parser) body(s *source, sec *Section, included bool) error {
	for {
		before, lineno := s.rest, s.line
		line, pos, ok, err := p.next(s)
		if err != nil {
			return err
		}
		if !ok {
			if !included {
				sec.problems = append(sec.problems, missingEnd(sec, pos))
			}
			return nil
		}
		words, problem := p.tag(sec, line, pos)
		if problem != nil {
			sec.problems = append(sec.problems, *problem)
		}
		if len(words) == 0 {
			sec.Lines = append(sec.Lines, Line{Text: line, pos: pos})
			continue
		}
		switch tag := words[0].Text; {
		case tag == "%include":
			inc, err := p.include(words, line, pos, sec)
			if err != nil {
				return err
			}
			sec.Lines = append(sec.Lines, Line{Text: line, Include: inc, pos: pos})
		case included:
			// The reference implementation would end the outer section and go
			// on reading its lines into it; nobody can mean that.
			sec.problems = append(sec.problems, Diagnostic{
				SeverityError, pos, CodeInclude,
				fmt.Sprintf("an included file must not hold %s: it stands inside a %s section", tag, sec.Name), "",
			})
			return nil
		case tag == "%end":
			sec.end, sec.endPos = line, pos
			return nil
		default: // another section starts
			sec.problems = append(sec.problems, missingEnd(sec, pos))
			s.rest, s.line = before, lineno
			p.lines--
			return nil
		}
	}
}

// tag tells whether a line of a section's body is %end, %include or the start
// of another section; everything else that starts with a percent sign is text.
func (p *parser) tag(sec *Section, line string, pos Position) ([]Word, *Diagnostic) {
	s := strings.TrimLeftFunc(line, isSpace)
	if !strings.HasPrefix(s, "%") {
		return nil, nil
	}
	first := s
	if i := strings.IndexFunc(s, isSpace); i >= 0 {
		first = s[:i]
	}
	isTag := first == "%end" || first == "%include" || knownSection(first) || first == sec.Name
	if !isTag {
		return nil, nil
	}
	words, err := split(line, false)
	if err != nil {
		return nil, lexProblem(pos, err)
	}
	if words[0].Text != first {
		return nil, nil
	}
	return words, nil
}

// missingEnd is the problem of a section that another section or the end of
// the file cuts off.
func missingEnd(sec *Section, pos Position) Diagnostic {
	return Diagnostic{
		SeverityError, pos, CodeMissingEnd, fmt.Sprintf("Section %s does not end with %%end.", sec.Name),
		fmt.Sprintf("put %%end after the section that starts on line %d", sec.pos.Line),
	}
}

// fetch reads the file of an include; it returns nil when there is nothing to
// read, and then inc says why.
func (p *parser) fetch(inc *Include, pos Position) (*source, error) {
	problem := func(code Code, msg, remedy string) (*source, error) {
		inc.problem = &Diagnostic{SeverityError, pos, code, msg, remedy}
		return nil, nil
	}
	file, body, err := p.opts.Includes.Open(p.stack[len(p.stack)-1], inc.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.opts.IgnoreMissing:
		inc.Missing = true
		return nil, nil
	case errors.Is(err, fs.ErrNotExist):
		return problem(CodeMissingInclude, "Unable to open the included file "+repr(inc.Path)+": it does not exist",
			"give the file along, or allow missing includes")
	case err != nil:
		return problem(CodeInclude, err.Error(), "")
	}
	defer body.Close() //nolint:errcheck // the file was only read
	inc.File = file
	if slices.Contains(p.stack, file) {
		return problem(CodeInclude, "the file includes itself: "+strings.Join(append(slices.Clone(p.stack), file), " > "), "")
	}
	src, err := p.read(body)
	if err != nil {
		return problem(CodeInclude, fmt.Sprintf("read included file %s: %v", file, err), "")
	}
	return p.open(file, src)
}
