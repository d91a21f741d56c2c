package kickstart

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrIncluded says that what should be edited stands in an included file, of
// which the document only has the %include line; Flatten first.
var ErrIncluded = errors.New("it stands in an included file")

// SetOption gives an option of a command of the file a value, or with no value
// switches it on. Where the option is there already, it is replaced in its
// place, and further ones of the same name are removed; else it is added behind
// the last argument. All else of the line stays as it is written, the comment
// too. Values that a kickstart cannot carry give a *ValueError, a line that
// Arguments cannot read its *ParseError.
func (d *Document) SetOption(c *Command, option string, value ...string) error {
	text := option
	switch {
	case !strings.HasPrefix(option, "--") || quote(option) != option || strings.Contains(option, "="):
		return &ValueError{"option", "is no option: " + repr(option)}
	case len(value) > 1:
		return &ValueError{"value", "an option has one value"}
	case len(value) == 1:
		if err := checkText("value", value[0]); err != nil {
			return err
		}
		if value[0] == "--" {
			return &ValueError{"value", `the value "--" cannot be written`}
		}
		text = quoteOption(option, value[0])
	}
	if err := d.editable(c); err != nil {
		return fmt.Errorf("set option %s: %w", option, err)
	}
	edited, err := d.withOption(c, option, text)
	if err == nil {
		*c = *edited
	}
	return err
}

// RemoveOption removes an option, with its value, from a command of the file,
// and tells whether it was there.
func (d *Document) RemoveOption(c *Command, option string) (bool, error) {
	if err := d.editable(c); err != nil {
		return false, fmt.Errorf("remove option %s: %w", option, err)
	}
	if len(d.optionSpans(c, option)) == 0 {
		return false, nil
	}
	edited, err := d.withOption(c, option, "")
	if err == nil {
		*c = *edited
	}
	return err == nil, err
}

// editable tells why the options of a command cannot be edited: it is not of
// the file itself, or its options cannot be told from their values.
func (d *Document) editable(c *Command) error {
	if !slices.Contains(d.nodes, Node(c)) {
		return ErrIncluded
	}
	_, err := d.Arguments(c)
	return err
}

// span is a part of a line.
type span struct{ from, to int }

// optionSpans finds the places of an option and its value.
func (d *Document) optionSpans(c *Command, option string) []span {
	takesValue := false
	if t, ok := d.tableVersion().table(); ok {
		if spec, ok := t.lookup(c.Name); ok {
			for _, o := range spec.specs() {
				if slices.Contains(strings.Fields(o.names), option) {
					takesValue = o.arity != arityFlag
				}
			}
		}
	}
	var out []span
	for i, w := range c.Args {
		name, _, inline := strings.Cut(w.Text, "=")
		if name != option {
			continue
		}
		s := span{w.Col - 1, wordEnd(c.raw, w)}
		if takesValue && !inline && i+1 < len(c.Args) && !strings.HasPrefix(c.Args[i+1].Text, "--") {
			s.to = wordEnd(c.raw, c.Args[i+1])
		}
		out = append(out, s)
	}
	return out
}

// wordEnd is where a word of a line ends.
func wordEnd(line string, w Word) int {
	_, end, err := lexWord(line, w.Col-1, true)
	if err != nil {
		return len(line) // cannot be: the line was read before
	}
	return end
}

// withOption makes a copy of a command in which the first place of an option
// holds text and the others are gone. Empty text removes the option.
func (d *Document) withOption(c *Command, option, text string) (*Command, error) {
	raw := c.raw
	spans := d.optionSpans(c, option)
	for i, s := range slices.Backward(spans) {
		if i == 0 && text != "" {
			raw = raw[:s.from] + text + raw[s.to:]
			continue
		}
		raw = strings.TrimRight(raw[:s.from], " \t") + raw[s.to:]
	}
	if len(spans) == 0 && text != "" {
		at := wordEnd(raw, Word{Col: len(raw) - len(strings.TrimLeftFunc(raw, isSpace)) + 1})
		if len(c.Args) > 0 {
			at = wordEnd(raw, c.Args[len(c.Args)-1])
		}
		raw = raw[:at] + " " + text + raw[at:]
	}
	words, err := split(raw, true)
	_, rest := nextLine(raw)
	if err != nil || len(words) == 0 || words[0].Text != c.Name || rest != "" {
		return nil, fmt.Errorf("edit command %s: %w", c.Name, &ValueError{option, "cannot be read back"})
	}
	edited := *c
	edited.raw, edited.Args = raw, words[1:]
	return &edited, nil
}

// Remove removes a node of the file itself and tells whether it was there.
func (d *Document) Remove(n Node) bool {
	i := slices.Index(d.nodes, n)
	if i < 0 {
		return false
	}
	d.nodes = slices.Delete(slices.Clone(d.nodes), i, i+1)
	return true
}

// RemovePackages removes the lines of %packages that name exactly these
// packages, groups ("@core") or environments, wanted or excluded, and returns
// how many there were. Lines of included files are not touched.
func (d *Document) RemovePackages(names ...string) int {
	removed := 0
	for i, n := range d.nodes {
		sec, ok := n.(*Section)
		if !ok || sec.Name != "%packages" {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(sec.Lines), func(l Line) bool {
			p, err := packageLine(l.Text)
			if l.Include != nil || err != nil || p.Name == "" {
				return false
			}
			prefix := map[PackageKind]string{PackageGroup: "@", PackageEnvironment: "@^"}[p.Kind]
			return slices.Contains(names, prefix+p.Name)
		})
		removed += len(sec.Lines) - len(kept)
		edited := *sec
		edited.Lines = kept
		d.nodes[i] = &edited
	}
	return removed
}
