package rpm

import (
	"slices"
	"strings"
)

// RichOp is how the parts of a rich dependency belong together.
type RichOp int

// The operators (rpm's docs/manual/boolean_dependencies.md).
const (
	RichNone    RichOp = iota // a plain dependency
	RichAnd                   // all parts
	RichOr                    // any part
	RichWith                  // all parts, by one package
	RichWithout               // the first part, by a package that does not meet the second
	RichIf                    // the first part if the second is met, else the third, when there is one
	RichUnless                // the first part unless the second is met, else the third, when there is one
)

// String returns the operator as it is written.
func (o RichOp) String() string {
	return [...]string{"", "and", "or", "with", "without", "if", "unless"}[o]
}

// Rich is a rich (boolean) dependency, or a part of one.
type Rich struct {
	Op    RichOp
	Dep   Dependency // when Op is RichNone
	Parts []Rich     // otherwise two at least; three for an if or unless with else
}

// Bounds of what is parsed; rpm itself keeps to its stack.
const (
	maxRichDepth = 32
	maxRichParts = 4096
	maxRichText  = 256 << 10
)

// ParseRich parses the name of a rich dependency (see Dependency.IsRich), "(a >= 1 or (b if c))". Operators cannot
// be mixed within one pair of parentheses, as in rpm (rpmrichParse in
// lib/rpmds.c). Errors are *ParseError.
func ParseRich(s string) (*Rich, error) {
	p := &richParser{input: s, rest: s}
	if len(s) > maxRichText {
		return nil, p.fail("it is too long")
	}
	if !strings.HasPrefix(s, "(") {
		return nil, p.fail("it does not begin with (")
	}
	r, err := p.group(0)
	if err != nil {
		return nil, err
	}
	if p.rest != "" {
		return nil, p.fail("text after the last )")
	}
	return r, nil
}

type richParser struct {
	input, rest string
	parts       int
}

func (p *richParser) fail(reason string) error {
	return &ParseError{What: "rich dependency", Input: p.input[:min(len(p.input), 200)], Reason: reason}
}

func (p *richParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n\v\f") }

// group parses from "(" to ")".
func (p *richParser) group(depth int) (*Rich, error) {
	if depth == maxRichDepth {
		return nil, p.fail("nested too deeply")
	}
	p.rest = p.rest[1:]
	g := &Rich{}
	for {
		part, err := p.part(depth)
		if err != nil {
			return nil, err
		}
		if p.parts++; p.parts > maxRichParts {
			return nil, p.fail("too many parts")
		}
		g.Parts = append(g.Parts, *part)
		p.space()
		if strings.HasPrefix(p.rest, ")") {
			p.rest = p.rest[1:]
			break
		}
		if err := p.operator(g); err != nil {
			return nil, err
		}
	}
	if len(g.Parts) == 1 {
		return &g.Parts[0], nil // "(a)" is a
	}
	return g, nil
}

// operator reads the word between two parts.
func (p *richParser) operator(g *Rich) error {
	word := p.rest
	if i := strings.IndexAny(word, " \t\r\n\v\f()"); i >= 0 {
		word = word[:i]
	}
	if word == "" {
		return p.fail("it ends early")
	}
	p.rest = p.rest[len(word):]
	conditional := g.Op == RichIf || g.Op == RichUnless
	if word == "else" && conditional && len(g.Parts) == 2 {
		return nil
	}
	op := RichOp(slices.Index([]string{"", "and", "or", "with", "without", "if", "unless"}, word))
	switch {
	case op < 0 || word == "":
		return p.fail("unknown operator " + word)
	case g.Op == RichNone:
		g.Op = op
	case g.Op != op || op == RichWithout || conditional:
		return p.fail("operators " + g.Op.String() + " and " + word + " in one pair of parentheses")
	}
	return nil
}

func (p *richParser) part(depth int) (*Rich, error) {
	p.space()
	if strings.HasPrefix(p.rest, "(") {
		return p.group(depth + 1)
	}
	d := Dependency{Name: p.word()}
	if d.Name == "" {
		return nil, p.fail("a dependency is missing")
	}
	p.space()
	n := 0
	for n < len(p.rest) && strings.IndexByte("<>=", p.rest[n]) >= 0 {
		n++
	}
	if n == 0 {
		return &Rich{Dep: d}, nil
	}
	switch p.rest[:n] {
	case "<":
		d.Flags = DepLess
	case "<=", "=<":
		d.Flags = DepLess | DepEqual
	case "=", "==":
		d.Flags = DepEqual
	case ">=", "=>":
		d.Flags = DepGreater | DepEqual
	case ">":
		d.Flags = DepGreater
	default:
		return nil, p.fail("unknown comparison " + p.rest[:n])
	}
	p.rest = p.rest[n:]
	p.space()
	if d.EVR = p.word(); d.EVR == "" {
		return nil, p.fail("a version is missing")
	}
	return &Rich{Dep: d}, nil
}

// word reads a name or a version, which may hold parentheses of its own, as in
// libfoo.so.1()(64bit). It is empty when they do not match.
func (p *richParser) word() string {
	open, i := 0, 0
loop:
	for ; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '(':
			open++
			continue
		case c == ')' && open > 0:
			open--
			continue
		case c != ')' && strings.IndexByte(" \t\r\n\v\f,", c) < 0:
			continue
		}
		break loop
	}
	if open > 0 {
		return ""
	}
	w := p.rest[:i]
	p.rest = p.rest[i:]
	return w
}

// String writes the dependency in the usual form; parsed again it is the same.
func (r *Rich) String() string {
	if r.Op == RichNone {
		return r.Dep.String()
	}
	var b strings.Builder
	b.WriteByte('(')
	for i := range r.Parts {
		switch {
		case i == 0:
		case i == 2 && (r.Op == RichIf || r.Op == RichUnless):
			b.WriteString(" else ")
		default:
			b.WriteString(" " + r.Op.String() + " ")
		}
		b.WriteString(r.Parts[i].String())
	}
	b.WriteByte(')')
	return b.String()
}

// String writes the dependency as rpm does: "name >= 1:2.0-3".
func (d Dependency) String() string {
	var op strings.Builder
	for _, o := range []struct {
		bit  DepFlags
		sign byte
	}{{DepLess, '<'}, {DepGreater, '>'}, {DepEqual, '='}} {
		if d.Flags&o.bit != 0 {
			op.WriteByte(o.sign)
		}
	}
	if op.Len() == 0 || d.EVR == "" {
		return d.Name
	}
	return d.Name + " " + op.String() + " " + d.EVR
}
