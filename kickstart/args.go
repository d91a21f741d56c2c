package kickstart

import (
	"slices"
)

// arguments are a command line read by the option table of a version.
type arguments struct {
	values map[string]value
	extra  []string // words that the table has no place for
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
func (a *arguments) has(dest string) bool { return a.values[dest].truthy() }

// given tells whether dest was set at all.
func (a *arguments) given(dest string) bool { _, ok := a.values[dest]; return ok }

// noFormat tells whether --noformat was given: format is on by default.
func (a *arguments) noFormat() bool { return a.given("format") && !a.has("format") }

// text is the string value of dest.
func (a *arguments) text(dest string) string {
	v := a.values[dest]
	if v.typ == valueList && len(v.list) > 0 {
		return v.list[0]
	}
	return v.text
}

// list is the list value of dest.
func (a *arguments) list(dest string) []string { return slices.Clone(a.values[dest].list) }

// int is the number in dest, 0 when absent.
func (a *arguments) int(dest string) int { return int(a.values[dest].n) }
