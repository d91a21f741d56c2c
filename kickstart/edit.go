package kickstart

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrDuplicateRepo says that a repo of the name is there already.
var ErrDuplicateRepo = errors.New("a repo of this name is in the kickstart already")

// reservedRepo is a name that anaconda keeps for itself
// (livemedia-creator's documentation); a repo command of this name may be lost.
const reservedRepo = "updates"

func costText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// check refuses what would not reach the installer as it is meant.
func (r Repo) check() error {
	if err := checkRepoName(r.Name); err != nil {
		return err
	}
	sources := 0
	for _, u := range []struct{ field, value string }{
		{"BaseURL", r.BaseURL},
		{"MirrorList", r.MirrorList},
		{"Metalink", r.Metalink},
		{"Proxy", r.Proxy},
	} {
		if u.value == "" {
			continue
		}
		if u.field != "Proxy" {
			sources++
		}
		if err := checkURL(u.field, u.value); err != nil {
			return err
		}
	}
	if sources != 1 {
		return &ValueError{"BaseURL", "exactly one of BaseURL, MirrorList and Metalink must be set"}
	}
	if r.Cost < 0 || r.Cost > 1<<30 {
		return &ValueError{"Cost", "is not between 0 and 2^30"}
	}
	for _, l := range []struct {
		field string
		list  []string
	}{{"IncludePkgs", r.IncludePkgs}, {"ExcludePkgs", r.ExcludePkgs}} {
		for _, name := range l.list {
			if err := checkWord(l.field, name); err != nil {
				return err
			}
			if strings.Contains(name, ",") || strings.HasPrefix(name, "-") {
				return &ValueError{l.field, "holds a comma or starts with a dash: give one name or glob per item"}
			}
		}
	}
	for _, p := range []struct{ field, value string }{
		{"SSLCACert", r.SSLCACert},
		{"SSLClientCert", r.SSLClientCert},
		{"SSLClientKey", r.SSLClientKey},
	} {
		if err := checkText(p.field, p.value); err != nil {
			return err
		}
		if p.value != "" && !strings.HasPrefix(p.value, "/") {
			return &ValueError{p.field, "is no absolute path"}
		}
	}
	return nil
}

// checkRepoName takes what libdnf takes as the id of a repository.
func checkRepoName(name string) error {
	if err := checkWord("Name", name); err != nil {
		return err
	}
	if i := strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:", r)
	}); i >= 0 {
		return &ValueError{"Name", fmt.Sprintf("holds %q: only letters, digits and - _ . : make a repository id", name[i:i+1])}
	}
	if strings.HasPrefix(name, "-") {
		return &ValueError{"Name", "starts with a dash"}
	}
	if name == reservedRepo {
		return &ValueError{"Name", `"updates" is reserved by anaconda: choose another name`}
	}
	return nil
}

// checkURL wants a scheme, so that no address is taken for an option or path.
func checkURL(field, s string) error {
	if err := checkWord(field, s); err != nil {
		return err
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || scheme == "" || strings.IndexFunc(scheme, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) >= 0 {
		return &ValueError{field, "is no URL: it does not start with a scheme such as https:"}
	}
	return nil
}

// AddRepo adds a repo command: after the last repo or url command of the file,
// else before its first section. Values that a kickstart cannot carry give a
// *ValueError, a name that is in use ErrDuplicateRepo; then nothing changes.
func (d *Document) AddRepo(r Repo) error {
	if err := r.check(); err != nil {
		return err
	}
	for _, old := range d.Repos() {
		if old.Name == r.Name {
			return fmt.Errorf("add repo %s: %w", r.Name, ErrDuplicateRepo)
		}
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
	return d.insert(at, r.line())
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
		n.end = d.terminated(n.end)
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
