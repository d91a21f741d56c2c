package kickstart

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrDuplicateRepo says that a repo of the name is there already.
var ErrDuplicateRepo = errors.New("a repo of this name is in the kickstart already")

// AddRepo adds a repo command: after the last repo or url command of the file,
// else before its first section. Values that a kickstart cannot carry give a
// *ValueError, a name that is in use ErrDuplicateRepo; then nothing changes.
// InjectRepos does more: it finds name and cost by which a side repo wins.
func (d *Document) AddRepo(r Repo) error {
	if err := r.check(); err != nil {
		return err
	}
	for _, old := range d.Repos() {
		if old.Name == r.Name {
			return fmt.Errorf("add repo %s: %w", r.Name, ErrDuplicateRepo)
		}
	}
	line, err := commandLine("repo", r.args())
	if err != nil {
		return err
	}
	at := -1
	for i, n := range d.nodes {
		if c, ok := n.(*Command); ok && (c.Name == "repo" || c.Name == "url") {
			at = i + 1
		}
	}
	if at < 0 {
		at = d.commandSlot()
	}
	return d.insert(at, line)
}

// RemoveRepo removes the repo commands of that name from the file and returns
// how many there were. Commands of included files are not touched.
func (d *Document) RemoveRepo(name string) int {
	return d.removeCommands(func(c *Command) bool {
		a, ok := d.read(c)
		return c.Name == "repo" && ok && a.text("name") == name
	})
}

// SetURL makes u the one url command of the file. A *ValueError names a value
// that a kickstart cannot carry.
func (d *Document) SetURL(u URL) error {
	if err := u.check(); err != nil {
		return err
	}
	return d.SetCommand("url", u.args()...)
}

// commandSlot is where a new command goes: behind the last command before the
// first section, so that comments of the section stay with it.
func (d *Document) commandSlot() int {
	first := slices.IndexFunc(d.nodes, func(n Node) bool { _, ok := n.(*Section); return ok })
	if first < 0 {
		return len(d.nodes)
	}
	for i := first; i > 0; i-- {
		switch d.nodes[i-1].(type) {
		case *Command, *Include:
			return i
		}
	}
	return first
}

// insert puts a line in front of node at.
func (d *Document) insert(at int, line string) error {
	n, err := d.newCommand(line)
	if err != nil {
		return err
	}
	d.endLine(at)
	d.nodes = slices.Insert(d.nodes, at, Node(n))
	return nil
}

// newCommand makes the node of a line that we wrote.
func (d *Document) newCommand(line string) (*Command, error) {
	words, err := split(line, true)
	if err != nil || len(words) == 0 {
		return nil, fmt.Errorf("write command %q: %w", line, &ValueError{"line", "cannot be read back"})
	}
	return &Command{Name: words[0].Text, Args: words[1:], pos: Position{File: d.Name}, raw: line + d.eol}, nil
}

// endLine makes sure that the node before at ends its line: the last line of a
// file may come without a line end.
func (d *Document) endLine(at int) {
	if at == 0 || at != len(d.nodes) {
		return
	}
	switch n := d.nodes[at-1].(type) {
	case *Blank:
		n.raw = d.terminated(n.raw)
	case *Comment:
		n.raw = d.terminated(n.raw)
	case *Command:
		n.raw = d.terminated(n.raw)
	case *Include:
		n.raw = d.terminated(n.raw)
	case *Section:
		last := len(n.Lines) - 1
		switch {
		case n.end != "":
			n.end = d.terminated(n.end)
		case last >= 0: // the %end is missing
			n.Lines[last].Text = d.terminated(n.Lines[last].Text)
		default:
			n.header = d.terminated(n.header)
		}
	}
}

func (d *Document) terminated(raw string) string {
	if line, rest := nextLine(raw + "x"); rest == "x" && line == raw {
		return raw
	}
	return raw + d.eol
}

// SetCommand makes name with args the one command of that name in the file:
// the last one is replaced in its place and the others are removed; where
// there is none, the command is added before the first section. Every argument
// is quoted as needed. Commands of included files are not touched.
func (d *Document) SetCommand(name string, args ...string) error {
	line, err := commandLine(name, args)
	if err != nil {
		return err
	}
	n, err := d.newCommand(line)
	if err != nil {
		return err
	}
	last := -1
	for i, node := range d.nodes {
		if c, ok := node.(*Command); ok && c.Name == name {
			last = i
		}
	}
	if last < 0 {
		return d.insert(d.commandSlot(), line)
	}
	n.pos = d.nodes[last].Pos()
	d.nodes[last] = n
	d.removeCommands(func(c *Command) bool { return c.Name == name && c != n })
	return nil
}

// AddCommand adds a command that may stand several times, such as user or
// part: after the last one of that name, else before the first section.
func (d *Document) AddCommand(name string, args ...string) error {
	line, err := commandLine(name, args)
	if err != nil {
		return err
	}
	at := d.commandSlot()
	for i, node := range d.nodes {
		if c, ok := node.(*Command); ok && c.Name == name {
			at = i + 1
		}
	}
	return d.insert(at, line)
}

// RemoveCommand removes all commands of that name from the file and returns
// how many there were. Commands of included files are not touched.
func (d *Document) RemoveCommand(name string) int {
	return d.removeCommands(func(c *Command) bool { return c.Name == name })
}

func (d *Document) removeCommands(drop func(*Command) bool) int {
	before := len(d.nodes)
	d.nodes = slices.DeleteFunc(d.nodes, func(n Node) bool {
		c, ok := n.(*Command)
		return ok && drop(c)
	})
	return before - len(d.nodes)
}

// commandLine quotes a command.
func commandLine(name string, args []string) (string, error) {
	if name == "" || strings.IndexFunc(name, func(r rune) bool { return r < 'a' || r > 'z' }) >= 0 {
		return "", &ValueError{"name", "is no command: only lower-case letters"}
	}
	var b strings.Builder
	b.WriteString(name)
	for i, a := range args {
		if err := checkText(fmt.Sprintf("args[%d]", i), a); err != nil {
			return "", err
		}
		option, val, isOption := strings.Cut(a, "=")
		if isOption && strings.HasPrefix(option, "--") && quote(option) == option {
			if val == "--" {
				// The installer's Python takes this value for a marker and drops it.
				return "", &ValueError{fmt.Sprintf("args[%d]", i), `the value "--" cannot be written`}
			}
			b.WriteString(" " + quoteOption(option, val))
			continue
		}
		b.WriteString(" " + quote(a))
	}
	return b.String(), nil
}
