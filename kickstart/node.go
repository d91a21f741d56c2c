package kickstart

import (
	"iter"
	"slices"
	"strings"
)

// Node is one item of a kickstart in source order: *Blank, *Comment, *Command,
// *Include or *Section. The sources of all nodes of a file, one after the
// other, are the file.
type Node interface {
	// Pos is where the node starts.
	Pos() Position
	// Source is the text of the node, line ends included.
	Source() string
}

// Blank is a line of blanks.
type Blank struct {
	pos Position
	raw string
}

// Pos is where the line starts.
func (n *Blank) Pos() Position { return n.pos }

// Source is the line.
func (n *Blank) Source() string { return n.raw }

// Comment is a line that starts with '#'.
type Comment struct {
	pos Position
	raw string
}

// Pos is where the line starts.
func (n *Comment) Pos() Position { return n.pos }

// Source is the line.
func (n *Comment) Source() string { return n.raw }

// Command is one line of the command part, such as "lang en_US.UTF-8".
type Command struct {
	Name string // as written: part and partition differ here
	Args []Word // after Name, quotes taken away

	pos     Position
	raw     string
	problem *Diagnostic // the line could not be lexed
}

// Pos is where the line starts.
func (n *Command) Pos() Position { return n.pos }

// Source is the line.
func (n *Command) Source() string { return n.raw }

// texts gives the arguments as plain strings.
func (n *Command) texts() []string { return wordTexts(n.Args) }

func wordTexts(words []Word) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.Text
	}
	return out
}

// argPos is the position of argument i, or of the command when there is none.
func (n *Command) argPos(i int) Position {
	p := n.pos
	if i >= 0 && i < len(n.Args) {
		p.Col = n.Args[i].Col
	}
	return p
}

// Include is a %include or %ksappend line.
type Include struct {
	Path    string // as written
	Append  bool   // %ksappend
	File    string // the file that was read; empty when includes are not followed
	Missing bool   // the file does not exist and Options.IgnoreMissing let it pass

	pos     Position
	raw     string
	nodes   []Node // what it holds, when it stands among commands
	lines   []Line // what it holds, when it stands in a section
	problem *Diagnostic
}

// Pos is where the line starts.
func (n *Include) Pos() Position { return n.pos }

// Source is the %include line itself, not what it stands for.
func (n *Include) Source() string { return n.raw }

// Line is one line of a section's body.
type Line struct {
	Text    string // line end included
	Include *Include
	pos     Position
	skipped bool        // a comment or blank that the installer never sees
	problem *Diagnostic // the line could not be understood
}

// Pos is where the line starts.
func (l Line) Pos() Position { return l.pos }

// Section is everything from a line such as "%packages --nocore" to its %end.
type Section struct {
	Name  string // with the percent sign: "%packages"
	Args  []Word // the options of the header
	Lines []Line // the body, without the %end

	pos     Position
	header  string
	end     string // the %end line; empty when it is missing
	endPos  Position
	unknown *Diagnostic // nobody knows a section of this name
	unended *Diagnostic // the %end is missing
}

// Pos is where the header stands.
func (n *Section) Pos() Position { return n.pos }

// Source is the whole section.
func (n *Section) Source() string {
	var b strings.Builder
	b.WriteString(n.header)
	for _, l := range n.Lines {
		b.WriteString(l.Text)
	}
	b.WriteString(n.end)
	return b.String()
}

// Body is the text of the section with its includes put in, as a script gets it.
func (n *Section) Body() string {
	var b strings.Builder
	for l := range n.body() {
		b.WriteString(l.Text)
	}
	return b.String()
}

// body yields the lines with includes followed; an include that was not
// followed yields nothing.
func (n *Section) body() iter.Seq[Line] {
	return func(yield func(Line) bool) { eachLine(n.Lines, yield) }
}

func eachLine(lines []Line, yield func(Line) bool) bool {
	for _, l := range lines {
		switch {
		case l.Include != nil:
			if !eachLine(l.Include.lines, yield) {
				return false
			}
		case l.skipped:
		case !yield(l):
			return false
		}
	}
	return true
}

// eachNode yields nodes with includes followed: the *Include first, then what
// it holds.
func eachNode(nodes []Node, yield func(Node) bool) bool {
	for _, n := range nodes {
		if !yield(n) {
			return false
		}
		if inc, ok := n.(*Include); ok && !eachNode(inc.nodes, yield) {
			return false
		}
	}
	return true
}

// Nodes gives what an include among commands stands for; nil when it was not
// followed.
func (n *Include) Nodes() []Node { return slices.Clone(n.nodes) }

// Lines gives what an include in a section stands for; nil when it was not
// followed.
func (n *Include) Lines() []Line { return slices.Clone(n.lines) }
