package kickstart

import (
	"bytes"
	"io"
	"iter"
	"slices"
	"strings"
)

// Document is a parsed kickstart. Printing it gives the bytes that were read,
// except for what was edited. A Document is not safe for concurrent edits.
type Document struct {
	// Name is the file name that was given to Parse.
	Name string

	nodes   []Node
	version Version
	eol     string
}

// New makes an empty kickstart; the empty Version stands for Devel.
func New(name string, v Version) *Document {
	if v == "" {
		v = Devel
	}
	return &Document{Name: name, version: v, eol: "\n"}
}

// Version is the syntax by which the typed views read commands: the one given
// to Parse, else the one of the "#version=" comment, else Devel.
func (d *Document) Version() Version { return d.version }

// Nodes gives the items of the file itself in order; includes are single nodes.
func (d *Document) Nodes() []Node { return slices.Clone(d.nodes) }

// Walk yields all nodes in the order in which an installer meets them: what an
// include holds follows the *Include.
func (d *Document) Walk() iter.Seq[Node] {
	return func(yield func(Node) bool) { eachNode(d.nodes, yield) }
}

// Commands yields the commands, those of included files too. With names, only
// commands of these names.
func (d *Document) Commands(names ...string) iter.Seq[*Command] {
	return func(yield func(*Command) bool) {
		for n := range d.Walk() {
			c, ok := n.(*Command)
			if ok && (len(names) == 0 || slices.Contains(names, c.Name)) && !yield(c) {
				return
			}
		}
	}
}

// Sections yields the sections, those of included files too. With names, only
// sections of these names ("%post").
func (d *Document) Sections(names ...string) iter.Seq[*Section] {
	return func(yield func(*Section) bool) {
		for n := range d.Walk() {
			s, ok := n.(*Section)
			if ok && (len(names) == 0 || slices.Contains(names, s.Name)) && !yield(s) {
				return
			}
		}
	}
}

// Includes yields all %include and %ksappend lines, those in sections and in
// included files too.
func (d *Document) Includes() iter.Seq[*Include] {
	return func(yield func(*Include) bool) {
		for n := range d.Walk() {
			switch n := n.(type) {
			case *Include:
				if !yield(n) {
					return
				}
			case *Section:
				if !eachInclude(n.Lines, yield) {
					return
				}
			}
		}
	}
}

func eachInclude(lines []Line, yield func(*Include) bool) bool {
	for _, l := range lines {
		if l.Include != nil && (!yield(l.Include) || !eachInclude(l.Include.lines, yield)) {
			return false
		}
	}
	return true
}

// Bytes prints the kickstart; included files stay %include lines.
func (d *Document) Bytes() []byte {
	var b bytes.Buffer
	for _, n := range d.nodes {
		b.WriteString(n.Source())
	}
	return b.Bytes()
}

// String is Bytes as a string.
func (d *Document) String() string { return string(d.Bytes()) }

// WriteTo prints the kickstart to w.
func (d *Document) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(d.Bytes())
	return int64(n), err
}

// HeaderVersion reads the "#version=" comment that some tools put on top; the
// first one of the file counts, wherever it stands. A version without a table
// is given as it is written, with false; no comment gives "".
func HeaderVersion(src []byte) (Version, bool) {
	rest := string(src)
	var line string
	for rest != "" {
		line, rest = nextLine(rest)
		if text, ok := strings.CutPrefix(line, "#version="); ok {
			if v, ok := ParseVersion(text); ok {
				return v, true
			}
			return Version(trim(text)), false
		}
	}
	return "", false
}
