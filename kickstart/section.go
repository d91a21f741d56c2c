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

// placement says where the lines of a section's body stand.
type placement uint8

const (
	inFile     placement = iota // in the file of the header
	inIncluded                  // in a file that a %include names
	inAppended                  // in a file that a %ksappend names
)

// body reads the lines of sec up to its %end. In another file the section
// belongs to the including one and must not end.
func (p *parser) body(s *source, sec *Section, where placement) error {
	leading := where == inIncluded
	for {
		before, lineno := s.rest, s.line
		line, pos, ok, err := p.next(s)
		if err != nil {
			return err
		}
		if !ok {
			if where == inFile {
				sec.unended = missingEnd(sec, pos)
			}
			return nil
		}
		l := Line{Text: line, pos: pos}
		var words []Word
		if leading {
			words, leading = p.leading(sec, &l)
		} else {
			words = p.tag(sec, &l)
		}
		if len(words) == 0 {
			sec.Lines = append(sec.Lines, l)
			continue
		}
		switch tag := words[0].Text; {
		case tag == "%include" || tag == "%ksappend":
			if l.Include, err = p.include(words, line, pos, sec); err != nil {
				return err
			}
			sec.Lines = append(sec.Lines, l)
		case where != inFile:
			// The reference implementation would end the outer section and go
			// on reading its lines into it; nobody can mean that.
			l.problem = &Diagnostic{
				SeverityError, pos, CodeInclude,
				fmt.Sprintf("an included file must not hold %s: it stands inside a %s section", tag, sec.Name), "",
			}
			sec.Lines = append(sec.Lines, l)
			return nil
		case tag == "%end":
			sec.end, sec.endPos = line, pos
			return nil
		default: // another section starts
			sec.unended = missingEnd(sec, pos)
			s.rest, s.line = before, lineno
			p.lines--
			return nil
		}
	}
}

// leading looks at a line at the start of an included file. The reference
// implementation reads such files as commands until it sees something that is
// neither blank, comment nor include, and only then remembers that it is in a
// section: a comment up here never reaches the script, and the first line of
// text must be free of open quotes.
func (p *parser) leading(sec *Section, l *Line) (words []Word, still bool) {
	if blankOrComment(l.Text) != 1 {
		l.skipped = true
		return nil, true
	}
	words, err := split(l.Text, true)
	switch {
	case err != nil:
		l.problem = lexProblem(l.pos, err)
		return nil, false
	case words[0].Text == "%include":
		return words, true
	}
	return p.tag(sec, l), false
}

// tag tells whether a line of a section's body is %end, %include or the start
// of another section, and gives its words then; everything else that starts
// with a percent sign is text.
func (p *parser) tag(sec *Section, l *Line) []Word {
	s := strings.TrimLeftFunc(l.Text, isSpace)
	if !strings.HasPrefix(s, "%") {
		return nil
	}
	first := s
	if i := strings.IndexFunc(s, isSpace); i >= 0 {
		first = s[:i]
	}
	// %ksappend is done before anything else is read, so it works everywhere;
	// where no file is opened it is text, as for the reference implementation.
	appends := first == "%ksappend" && p.opts.Includes != nil
	if !isTag(first) && first != sec.Name && !slices.Contains(p.extra, first) && !appends {
		return nil
	}
	words, err := split(l.Text, false)
	if err != nil {
		l.problem = lexProblem(l.pos, err)
		return nil
	}
	if words[0].Text != first {
		// A blank that only one of the two ways to split knows, as behind
		// "%end": such a line is neither tag nor text and is lost.
		l.skipped = true
		return nil
	}
	return words
}

// isTag tells what ends or interrupts the text of a section.
func isTag(word string) bool { return word == "%end" || word == "%include" || knownSection(word) }

// missingEnd is the problem of a section that another section or the end of
// the file cuts off.
func missingEnd(sec *Section, pos Position) *Diagnostic {
	return &Diagnostic{
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
