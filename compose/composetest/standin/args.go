package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// option is one option as argparse has it.
type option struct {
	names    []string
	value    bool
	number   bool
	required bool
}

// parser keeps argparse's rules as far as back ends meet them: values after "="
// or as the next argument, unknown options refused, positionals counted.
type parser struct {
	options []option
	groups  [][]string // exactly one of each must be given
	values  map[string][]string
	rest    []string
}

func (p *parser) flag(names ...string) { p.options = append(p.options, option{names: names}) }
func (p *parser) take(names ...string) {
	p.options = append(p.options, option{names: names, value: true})
}

func (p *parser) must(names ...string) {
	p.options = append(p.options, option{names: names, value: true, required: true})
}

func (p *parser) count(names ...string) {
	p.options = append(p.options, option{names: names, value: true, number: true})
}

func (o *option) key() string { return o.names[len(o.names)-1] }

func (p *parser) find(name string) *option {
	for i := range p.options {
		if slices.Contains(p.options[i].names, name) {
			return &p.options[i]
		}
	}
	return nil
}

// parse returns what argparse would say, "" when all is well.
func (p *parser) parse(args []string) string {
	p.values = map[string][]string{}
	var unknown []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			p.rest = append(p.rest, arg)
			continue
		}
		name, value, inline := strings.Cut(arg, "=")
		o := p.find(name)
		switch {
		case o == nil:
			unknown = append(unknown, arg)
			continue
		case !o.value && inline:
			return fmt.Sprintf("argument %s: ignored explicit argument '%s'", strings.Join(o.names, "/"), value)
		case o.value && !inline:
			if i+1 == len(args) || strings.HasPrefix(args[i+1], "-") {
				return fmt.Sprintf("argument %s: expected one argument", strings.Join(o.names, "/"))
			}
			i++
			value = args[i]
		}
		if o.number {
			if _, err := strconv.Atoi(value); err != nil {
				return fmt.Sprintf("argument %s: invalid int value: '%s'", strings.Join(o.names, "/"), value)
			}
		}
		p.values[o.key()] = append(p.values[o.key()], value)
	}
	return p.complete(unknown)
}

func (p *parser) complete(unknown []string) string {
	var lacking []string
	for _, o := range p.options {
		if o.required && !p.has(o.key()) {
			lacking = append(lacking, strings.Join(o.names, "/"))
		}
	}
	for _, group := range p.groups {
		var given []string
		for _, name := range group {
			if p.has(name) {
				given = append(given, name)
			}
		}
		switch {
		case len(given) == 0:
			return "one of the arguments " + strings.Join(group, " ") + " is required"
		case len(given) > 1:
			return fmt.Sprintf("argument %s: not allowed with argument %s", given[1], given[0])
		}
	}
	switch {
	case len(lacking) > 0:
		return "the following arguments are required: " + strings.Join(lacking, ", ")
	case len(unknown) > 0:
		return "unrecognized arguments: " + strings.Join(unknown, " ")
	}
	return ""
}

func (p *parser) has(key string) bool { return len(p.values[key]) > 0 }

// last is the value that counts where an option is not repeatable.
func (p *parser) last(key, otherwise string) string {
	if v := p.values[key]; len(v) > 0 {
		return v[len(v)-1]
	}
	return otherwise
}
