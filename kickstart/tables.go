package kickstart

import (
	"slices"
	"strings"
)

//go:generate go run ./internal/gentables -in ../../shared/data/kickstart/ks-options.json -add internal/gentables/additions.json -out tables_gen.go

// optionArity is how many values an option or positional takes.
type optionArity uint8

const (
	arityOne   optionArity = iota // exactly one value
	arityFlag                     // none
	arityList1                    // exactly one, kept as a list
	arityMaybe                    // none or one
	arityAny                      // any number
)

// optionKind is what happens to the value.
type optionKind uint8

const (
	kindStore optionKind = iota
	kindTrue
	kindFalse
	kindConst
	kindAppend
	kindAppendConst
	kindExtend
)

// optionType is the check that a value must pass.
type optionType uint8

const (
	typeString optionType = iota
	typeInt
	typeBool
	typeComma
	typeMountpoint
	typePart
	typeRaidLevel
	typeBtrfsLevel
	typeAutopart
	typeWhen
)

// optionSpec is one option ("--name --alias") or positional ("name").
type optionSpec struct {
	names      string
	dest       string
	arity      optionArity
	kind       optionKind
	typ        optionType
	choices    string
	required   bool
	deprecated bool
	resets     bool // an absent option goes back to its default instead of keeping what an earlier line said
}

// positional tells whether the spec is an argument without dashes.
func (o *optionSpec) positional() bool { return !strings.HasPrefix(o.names, "-") }

// label is the name that error messages use.
func (o *optionSpec) label() string {
	if !o.positional() {
		return strings.ReplaceAll(o.names, " ", "/")
	}
	switch o.dest {
	case "lang", "iqn", "mntpoint", "device", "password", "name", "timezone":
		return "<" + o.dest + ">"
	case "partitions", "blockdevs":
		return "<" + o.dest + "*>"
	case "origin":
		return "<originVG/originLV>"
	case "sshkey":
		return `"ssh key"`
	case "url":
		return "[URL]"
	}
	return o.dest
}

// commandState says what a version does with a command.
type commandState uint8

const (
	stateActive commandState = iota
	stateDeprecated
	stateRemoved
)

// commandSpec is one command as some versions know it. Commands of the same
// class are one thing by several names (part and partition).
type commandSpec struct {
	class   string
	state   commandState
	options []uint16
}

// specs resolves the option indexes.
func (c *commandSpec) specs() []*optionSpec {
	out := make([]*optionSpec, len(c.options))
	for i, idx := range c.options {
		out[i] = &optionSpecs[idx]
	}
	return out
}

// commandRef names a command of a version.
type commandRef struct {
	name string
	spec uint16
}

// versionTable holds the commands of a version, sorted by name.
type versionTable struct {
	version  Version
	commands []commandRef
}

// table finds the table of v.
func (v Version) table() (*versionTable, bool) {
	if v == Devel || v == F46 {
		v = F45
	}
	for i := range versionTables {
		if versionTables[i].version == v {
			return &versionTables[i], true
		}
	}
	return nil, false
}

// lookup finds a command.
func (t *versionTable) lookup(name string) (*commandSpec, bool) {
	i, ok := slices.BinarySearchFunc(t.commands, name, func(r commandRef, n string) int { return strings.Compare(r.name, n) })
	if !ok {
		return nil, false
	}
	return &commandSpecs[t.commands[i].spec], true
}

// names lists the commands that are worth suggesting.
func (t *versionTable) names() []string {
	var out []string
	for _, r := range t.commands {
		if commandSpecs[r.spec].state == stateActive {
			out = append(out, r.name)
		}
	}
	return out
}
