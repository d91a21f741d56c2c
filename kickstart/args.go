package kickstart

import (
	"slices"
	"strings"
)

// Arguments are the words of a command line, or of a section's header, read by
// the option table of a version. Options are named as they are written, with
// their dashes ("--name"), and other arguments as pykickstart's documentation
// calls them ("mntpoint"). It is how to look at commands that have no view of
// their own.
type Arguments struct {
	specs  []*optionSpec
	values map[string]value // by destination; options may share one
	extra  []string         // words that the table has no place for
}

// value is what a line gave to one destination.
type value struct {
	text string
	list []string
	n    int64
	flag bool // the value of a switch
	typ  valueType
}

type valueType uint8

const (
	valueText valueType = iota
	valueList
	valueInt
	valueFlag
)

// Arguments reads the arguments of a command by the option table of the
// document's version. The error is a *ParseError: the command is unknown,
// removed or deprecated, or its words do not fit the table.
func (d *Document) Arguments(c *Command) (*Arguments, error) {
	if c.problem != nil {
		return nil, c.problem.Err()
	}
	ch := newChecker(d.tableVersion())
	spec, ok := ch.active(c)
	if ok {
		if ownSyntax(spec.class) {
			return &Arguments{extra: c.texts()}, nil
		}
		if a, ok := ch.parse(c, spec); ok {
			return a, nil
		}
	}
	return nil, ch.diags[len(ch.diags)-1].Err()
}

// tableVersion is the document's version, or the newest one where that has no
// option table.
func (d *Document) tableVersion() Version {
	if _, ok := d.version.table(); ok {
		return d.version
	}
	return Devel
}

// read is Arguments without the reason.
func (d *Document) read(c *Command) (*Arguments, bool) {
	a, err := d.Arguments(c)
	return a, err == nil
}

// Has tells whether the line gave the option: for switches that it is on.
func (a *Arguments) Has(option string) bool {
	o, v, ok := a.find(option)
	if !ok {
		return false
	}
	name := strings.TrimLeft(option, "-")
	switch o.kind {
	case kindTrue:
		return v.flag
	case kindFalse:
		return v.typ == valueFlag && !v.flag
	case kindConst:
		return v.text == name
	case kindAppendConst:
		return slices.Contains(v.list, name)
	default:
		return !v.absent()
	}
}

// Text is the value of an option as text, "" when it was not given. Of a list
// it is the items with commas between them.
func (a *Arguments) Text(option string) string {
	_, v, _ := a.find(option)
	if v.typ == valueList {
		return strings.Join(v.list, ",")
	}
	return v.text
}

// List is the value of an option that takes several, or that may stand several
// times.
func (a *Arguments) List(option string) []string {
	_, v, ok := a.find(option)
	if ok && v.typ != valueList && v.text != "" {
		return []string{v.text}
	}
	return slices.Clone(v.list)
}

// Int is the value of an option that is a number, 0 when it was not given.
// Numbers beyond 2^40 are cut off there.
func (a *Arguments) Int(option string) int {
	_, v, _ := a.find(option)
	return int(v.n)
}

// Names lists the options and other arguments that the line gave, in the order
// of the table.
func (a *Arguments) Names() []string {
	var out []string
	for _, o := range a.specs {
		for name := range strings.SplitSeq(o.names, " ") {
			if a.Has(name) {
				out = append(out, name)
				break
			}
		}
	}
	return out
}

// Rest gives the words that the table has no place for; a few commands, as
// volgroup and btrfs, take their members there.
func (a *Arguments) Rest() []string { return slices.Clone(a.extra) }

// find looks an option up by the name it is written with.
func (a *Arguments) find(option string) (*optionSpec, value, bool) {
	for _, o := range a.specs {
		for name := range strings.SplitSeq(o.names, " ") {
			if name == option {
				v, ok := a.values[o.dest]
				return o, v, ok
			}
		}
	}
	return nil, value{}, false
}

// truthy is Python's truth of the value.
func (v value) truthy() bool {
	switch v.typ {
	case valueList:
		return len(v.list) > 0
	case valueInt:
		return v.n != 0
	case valueFlag:
		return v.flag
	default:
		return v.text != ""
	}
}

// absent tells the empty list of a positional that got no words: it changes
// nothing.
func (v value) absent() bool { return v.typ == valueList && len(v.list) == 0 }

// has tells whether the line, or for accumulated arguments an earlier one, set
// dest to something that counts as true.
func (a *Arguments) has(dest string) bool { return a.values[dest].truthy() }

// given tells whether dest was set at all.
func (a *Arguments) given(dest string) bool { _, ok := a.values[dest]; return ok }

// noFormat tells whether --noformat was given: format is on by default.
func (a *Arguments) noFormat() bool { return a.given("format") && !a.has("format") }

// text is the string value of dest.
func (a *Arguments) text(dest string) string {
	v := a.values[dest]
	if v.typ == valueList && len(v.list) > 0 {
		return v.list[0]
	}
	return v.text
}

// list is the list value of dest.
func (a *Arguments) list(dest string) []string { return slices.Clone(a.values[dest].list) }

// int is the number in dest, 0 when absent.
func (a *Arguments) int(dest string) int { return int(a.values[dest].n) }

// merge takes over what a later line of the same command says; options with a
// default fall back to it on every line.
func (a *Arguments) merge(later *Arguments) {
	a.specs, a.extra = later.specs, later.extra
	for _, o := range later.specs {
		switch v, ok := later.values[o.dest]; {
		case ok && !v.absent():
			a.values[o.dest] = v
		case o.resets || o.dest == "timezone": // a line without a zone forgets it
			delete(a.values, o.dest)
		}
	}
}
