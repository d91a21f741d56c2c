package kickstart

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Options says how to read a kickstart. The zero value reads the structure,
// follows no include and checks no command.
type Options struct {
	// Version asks Parse to refuse what Document.Validate calls an error in
	// this version. Empty: only the structure is checked.
	Version Version
	// Includes opens what %include and %ksappend name. Nil: they are kept as
	// lines and not followed.
	Includes Includer
	// IgnoreMissing lets included files that do not exist pass; otherwise they
	// are errors.
	IgnoreMissing bool
	// UnknownSections lets sections of unknown names pass.
	UnknownSections bool
	// Limits bounds the work; zero fields have the defaults of Limits.
	Limits Limits
}

// Limits bounds what a kickstart may cost. Zero fields mean the default.
type Limits struct {
	FileBytes    int // of one file; default 4 MiB
	TotalBytes   int // of all files together, an include counted each time; default 8 MiB
	LineBytes    int // of one line; default 128 KiB
	Lines        int // of all files together; default 200,000
	Sections     int // of all files together; default 1,000
	Includes     int // of all files together; default 256
	IncludeDepth int // default 16
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, def int) {
		if *field <= 0 {
			*field = def
		}
	}
	set(&l.FileBytes, 4<<20)
	set(&l.TotalBytes, 8<<20)
	set(&l.LineBytes, 128<<10)
	set(&l.Lines, 200_000)
	set(&l.Sections, 1_000)
	set(&l.Includes, 256)
	set(&l.IncludeDepth, 16)
	return l
}

// Parse reads a kickstart. name is used in messages and, with an Includer, is
// where relative includes start. The error is a *ParseError: the first problem
// in the order of the file.
func Parse(name string, src []byte, opts Options) (*Document, error) {
	doc, diags, err := Check(name, src, opts)
	if err != nil {
		return nil, err
	}
	for _, d := range diags {
		if d.Severity == SeverityError {
			return nil, d.Err()
		}
	}
	return doc, nil
}

// Check reads a kickstart and lists every problem instead of stopping at the
// first: the ones of the structure, and with Options.Version those that
// Validate finds. The error is a *ParseError and is reserved for input that
// cannot be read at all: over a limit, or not text.
func Check(name string, src []byte, opts Options) (*Document, []Diagnostic, error) {
	p := &parser{opts: opts, limits: opts.Limits.withDefaults()}
	doc := &Document{Name: name, version: opts.Version, eol: "\n"}
	if doc.version == "" {
		doc.version = Devel
		if v, ok := HeaderVersion(src[:min(len(src), p.limits.LineBytes)]); ok {
			doc.version = v
		}
	}
	if first, _ := nextLine(string(src[:min(len(src), p.limits.LineBytes)])); strings.HasSuffix(first, "\r\n") {
		doc.eol = "\r\n"
	}
	s, err := p.open(name, src)
	if err != nil {
		return nil, nil, err
	}
	p.stack = []string{name}
	if doc.nodes, err = p.commands(s); err != nil {
		return nil, nil, err
	}
	return doc, diagnose(doc, opts.Version), nil
}

// parser is the state of one Check over all files.
type parser struct {
	opts     Options
	limits   Limits
	total    int
	lines    int
	sections int
	includes int
	stack    []string // files being read, outermost first
	extra    []string // names of unknown sections that were let pass
}

// source is one file being read line by line.
type source struct {
	name string
	rest string
	line int
}

// limitError is the error of a passed bound.
func limitError(pos Position, what string, limit int) *ParseError {
	return &ParseError{
		File: pos.File, Line: pos.Line, Col: pos.Col, Code: CodeLimit,
		Msg: fmt.Sprintf("too large: more than %d %s", limit, what),
	}
}

// open checks the bounds of a file.
func (p *parser) open(name string, src []byte) (*source, error) {
	pos := Position{File: name}
	if len(src) > p.limits.FileBytes {
		return nil, limitError(pos, "bytes in one file", p.limits.FileBytes)
	}
	if p.total += len(src); p.total > p.limits.TotalBytes {
		return nil, limitError(pos, "bytes in all files", p.limits.TotalBytes)
	}
	if !utf8.Valid(src) {
		return nil, encodingError(name, src)
	}
	return &source{name: name, rest: string(src)}, nil
}

// encodingError finds the line of the first byte that is not UTF-8.
func encodingError(name string, src []byte) *ParseError {
	s, line := string(src), 0
	var l string
	for s != "" {
		l, s = nextLine(s)
		line++
		if !utf8.ValidString(l) {
			break
		}
	}
	col := 0
	for i, r := range l {
		if _, n := utf8.DecodeRuneInString(l[i:]); r == utf8.RuneError && n == 1 {
			col = i + 1
			break
		}
	}
	return &ParseError{File: name, Line: line, Col: col, Code: CodeEncoding, Msg: "the text is not UTF-8", Remedy: "save the file as UTF-8"}
}

// next reads a line; ok is false at the end of the file.
func (p *parser) next(s *source) (line string, pos Position, ok bool, err error) {
	if s.rest == "" {
		return "", Position{s.name, s.line, 1}, false, nil
	}
	line, s.rest = nextLine(s.rest)
	s.line++
	pos = Position{s.name, s.line, 1}
	if len(line) > p.limits.LineBytes {
		return "", pos, false, limitError(pos, "bytes in one line", p.limits.LineBytes)
	}
	if p.lines++; p.lines > p.limits.Lines {
		return "", pos, false, limitError(pos, "lines", p.limits.Lines)
	}
	return line, pos, true, nil
}

// commands reads a file, or the part of a document that an include among
// commands stands for.
func (p *parser) commands(s *source) ([]Node, error) {
	var nodes []Node
	for {
		line, pos, ok, err := p.next(s)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nodes, nil
		}
		n, err := p.node(s, line, pos)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
}

// node turns a line of the command part into a node; a section takes the lines
// up to its end too.
func (p *parser) node(s *source, line string, pos Position) (Node, error) {
	switch blankOrComment(line) {
	case 0:
		return &Blank{pos, line}, nil
	case '#':
		return &Comment{pos, line}, nil
	}
	words, err := split(line, true)
	if err != nil {
		return &Command{pos: pos, raw: line, problem: lexProblem(pos, err)}, nil
	}
	switch name := words[0].Text; {
	case name == "%include" || name == "%ksappend":
		return p.include(words, line, pos, nil)
	case strings.HasPrefix(name, "%"):
		return p.section(s, words, line, pos)
	default:
		return &Command{Name: name, Args: words[1:], pos: pos, raw: line}, nil
	}
}

// lexProblem is the diagnostic of an unterminated quote.
func lexProblem(pos Position, err error) *Diagnostic {
	pos, msg := lexErrorPosition(pos, err)
	return &Diagnostic{SeverityError, pos, CodeQuote, msg, "close the quote, or put the quote character itself in quotes"}
}

// include reads a %include or %ksappend line and what it stands for. In a
// section, in names it.
func (p *parser) include(words []Word, line string, pos Position, in *Section) (*Include, error) {
	inc := &Include{pos: pos, raw: line, Append: words[0].Text == "%ksappend"}
	problem := func(code Code, msg, remedy string) {
		inc.problem = &Diagnostic{SeverityError, pos, code, msg, remedy}
	}
	if len(words) > 1 {
		inc.Path = words[1].Text
	}
	switch {
	case inc.Path == "" && inc.Append && p.opts.Includes == nil:
		return inc, nil // the reference implementation skips these lines
	case inc.Path == "":
		problem(CodeInclude, words[0].Text+" does not name a file", "")
		return inc, nil
	case p.opts.Includes == nil:
		return inc, nil
	}
	if p.includes++; p.includes > p.limits.Includes {
		return nil, limitError(pos, "includes", p.limits.Includes)
	}
	if len(p.stack) > p.limits.IncludeDepth {
		return nil, limitError(pos, "includes inside each other", p.limits.IncludeDepth)
	}
	src, err := p.fetch(inc, pos)
	if src == nil || err != nil {
		return inc, err
	}
	p.stack = append(p.stack, inc.File)
	defer func() { p.stack = p.stack[:len(p.stack)-1] }()
	if in == nil {
		inc.nodes, err = p.commands(src)
		return inc, err
	}
	part := &Section{Name: in.Name, pos: pos}
	where := inIncluded
	if inc.Append {
		where = inAppended
	}
	err = p.body(src, part, where)
	inc.lines = part.Lines
	return inc, err
}

// section reads a section whose header is line.
func (p *parser) section(s *source, words []Word, line string, pos Position) (*Section, error) {
	if p.sections++; p.sections > p.limits.Sections {
		return nil, limitError(pos, "sections", p.limits.Sections)
	}
	sec := &Section{Name: words[0].Text, Args: words[1:], header: line, pos: pos}
	switch {
	case sec.Name == "%end":
		sec.unknown = unknownSection(sec, "remove it: no section is open here")
		return sec, nil
	case !knownSection(sec.Name) && !p.opts.UnknownSections:
		sec.unknown = unknownSection(sec, didYouMean(sec.Name, sectionNames()))
	case !knownSection(sec.Name) && !slices.Contains(p.extra, sec.Name):
		p.extra = append(p.extra, sec.Name)
	}
	return sec, p.body(s, sec, inFile)
}

func unknownSection(sec *Section, remedy string) *Diagnostic {
	return &Diagnostic{SeverityError, sec.pos, CodeUnknownSection, "Unknown kickstart section: " + sec.Name, remedy}
}

// read takes at most limit bytes.
func (p *parser) read(body io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(body, int64(p.limits.FileBytes)+1))
}
