package kickstart

import (
	"path"
	"slices"
	"strings"
	"unicode"
)

// store converts and keeps the values of an option or positional.
func (p *argParser) store(o *optionSpec, words []string, at int) bool {
	p.seen[o] = true
	old := p.out.values[o.dest]
	var v value
	switch {
	case o.kind == kindTrue, o.kind == kindFalse:
		v = value{typ: valueFlag, flag: o.kind == kindTrue}
	case o.kind == kindConst:
		v = value{text: strings.TrimLeft(o.names, "-")}
	case o.kind == kindAppendConst:
		v = value{typ: valueList, list: append(old.list, strings.TrimLeft(o.names, "-"))}
	case o.arity == arityMaybe && len(words) == 0:
		if o.positional() {
			return true // the default: nothing
		}
		v = value{typ: valueFlag, flag: true}
	case len(words) == 0 && !o.positional():
		v = value{typ: valueList, list: []string{}}
	case o.arity == arityAny || o.arity == arityList1:
		v = value{typ: valueList, list: []string{}}
		for _, w := range words {
			c, ok := p.convert(o, w, at)
			if !ok {
				return false
			}
			v.list = append(v.list, c.text)
		}
	case len(words) == 0:
		return p.fail(CodeMissingOption, at, "the following arguments are required: "+o.label())
	default:
		c, ok := p.convert(o, words[0], at)
		if !ok {
			return false
		}
		v = c
		switch o.kind {
		case kindAppend:
			v = value{typ: valueList, list: append(old.list, c.text)}
		case kindExtend:
			old.list = append(old.list, c.list...)
			v.list = old.list
		default:
		}
	}
	p.out.values[o.dest] = v
	return true
}

// convert checks a value by the type of its option.
func (p *argParser) convert(o *optionSpec, w string, at int) (value, bool) {
	v := value{text: w}
	bad := func(msg string) (value, bool) { return v, p.fail(CodeBadValue, at, msg) }
	switch o.typ {
	case typeInt:
		n, ok := pythonInt(w)
		if !ok {
			return bad("argument " + o.label() + ": invalid int value: " + repr(w))
		}
		v.typ, v.n = valueInt, n
	case typeBool:
		switch strings.ToLower(w) {
		case "on", "yes", "true", "1":
			v = value{typ: valueFlag, flag: true}
		case "off", "no", "false", "0":
			v = value{typ: valueFlag}
		default:
			return bad("argument " + o.label() + ": invalid boolean value: " + repr(w))
		}
	case typeComma:
		v.typ, v.list = valueList, commaSplit(w)
	case typeMountpoint:
		v.text = mountpoint(w)
	case typePart:
		v.text = strings.TrimPrefix(w, "/dev/")
	case typeRaidLevel:
		if !slices.Contains([]string{"0", "1", "4", "5", "6", "10"}, strings.TrimPrefix(strings.ToUpper(w), "RAID")) {
			return bad("Invalid raid level: " + w)
		}
	case typeBtrfsLevel:
		if !slices.Contains([]string{"0", "1", "10", "single"}, strings.TrimPrefix(strings.ToLower(w), "raid")) {
			return bad("Invalid btrfs level: " + w)
		}
	case typeAutopart:
		v.text = strings.ToLower(w)
		if v.text == "partition" {
			v.text = "plain"
		}
		if !slices.Contains([]string{"lvm", "btrfs", "plain", "thinp", "stratis"}, v.text) {
			return bad("Invalid autopart type: " + w)
		}
	case typeWhen:
		if v.text = strings.ToLower(w); v.text != "post-install" && v.text != "pre-install" {
			return bad("Invalid parameter to --when= argument: " + w)
		}
	case typeString:
	}
	if choices := strings.Fields(o.choices); len(choices) > 0 && !slices.Contains(choices, v.text) {
		for i, c := range choices {
			choices[i] = "'" + c + "'"
		}
		return bad("argument " + o.label() + ": invalid choice: " + repr(w) + " (choose from " + strings.Join(choices, ", ") + ")")
	}
	return v, true
}

// commaSplit cuts a list value; empty items fall away.
func commaSplit(s string) []string {
	out := []string{}
	for item := range strings.SplitSeq(s, ",") {
		if item = trim(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// mountpoint cleans an absolute path; names such as swap and pv.01 stay.
func mountpoint(s string) string {
	if !strings.HasPrefix(s, "/") {
		return s
	}
	clean := path.Clean(s)
	if strings.HasPrefix(s, "//") && !strings.HasPrefix(s, "///") {
		clean = "/" + clean // POSIX keeps two leading slashes apart
	}
	return clean
}

// pythonInt reads a number as Python's int does: blanks around it, a sign,
// single underscores between digits and the digits of all scripts are allowed.
// Huge numbers are clamped.
func pythonInt(s string) (int64, bool) {
	s = strings.Trim(asciiDigits(s), " \t\n\v\f\r")
	neg := strings.HasPrefix(s, "-")
	if neg || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if s == "" || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return 0, false
	}
	s = strings.ReplaceAll(s, "_", "")
	if !allDigits(s) {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if n = n*10 + int64(s[i]-'0'); n > 1<<40 {
			n = 1 << 40
			break
		}
	}
	if neg {
		n = -n
	}
	return n, true
}

// asciiDigits writes the decimal digits of other scripts as ASCII, and their
// blanks as blanks. Text that is all ASCII stays as it is.
func asciiDigits(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r < 0x80 && !isSpace(r):
			return r
		case isSpace(r):
			return ' '
		case unicode.IsDigit(r):
			zero := r // digits come in runs of ten, so the first of a run is a zero
			for unicode.IsDigit(zero - 1) {
				zero--
			}
			return '0' + (r-zero)%10
		}
		return '?'
	}, s)
}
