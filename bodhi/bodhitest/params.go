package bodhitest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// params reads a query string the way Bodhi's colander schemas do: parameters
// that no schema names are never looked at, complaints are collected.
type params struct {
	v    url.Values
	errs []complaint
}

type complaint struct {
	Location    string `json:"location"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (p *params) bad(name, format string, args ...any) {
	p.errs = append(p.errs, complaint{"querystring", name, fmt.Sprintf(format, args...)})
}

// text reads a scalar, which must not be repeated.
func (p *params) text(name string) string {
	values := p.v[name]
	if len(values) > 1 {
		p.bad(name, "%s is not a string: {'%s': ''}", pyList(values), name)
		return ""
	}
	return p.v.Get(name)
}

// split reads a list with the preparer util.splitter: repeated keys, and within
// each commas and spaces.
func (p *params) split(name string) []string {
	var out []string
	for i, v := range p.v[name] {
		if v == "" {
			p.bad(fmt.Sprintf("%s.%d", name, i), "Required")
		}
		out = append(out, strings.Fields(strings.ReplaceAll(v, ",", " "))...)
	}
	return out
}

// oneOf reads a list whose elements are validated before the splitter runs, so
// that only repeated keys work.
func (p *params) oneOf(name string, allowed []string) []string {
	for i, v := range p.v[name] {
		if !slices.Contains(allowed, v) {
			p.bad(fmt.Sprintf("%s.%d", name, i), "%q is not one of %s", v, strings.Join(allowed, ", "))
		}
	}
	return p.v[name]
}

// choice reads a scalar of an enumeration.
func (p *params) choice(name string, allowed []string) string {
	v := p.text(name)
	if v != "" && !slices.Contains(allowed, v) {
		p.bad(name, "%q is not one of %s", v, strings.Join(allowed, ", "))
	}
	return v
}

// flag reads a boolean; nil when absent.
func (p *params) flag(name string) *bool {
	v := p.text(name)
	if v == "" {
		return nil
	}
	value := false
	switch strings.ToLower(v) {
	case "true", "1":
		value = true
	case "false", "0":
	default:
		p.bad(name, "%q is neither in ('false', '0') nor in ('true', '1')", v)
	}
	return &value
}

// number reads an integer within bounds; hi 0 stands for no upper bound.
func (p *params) number(name string, fallback, lo, hi int) int {
	v := p.text(name)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	switch {
	case err != nil:
		p.bad(name, "%q is not a number", v)
	case n < lo:
		p.bad(name, "%d is less than minimum value %d", n, lo)
	case hi > 0 && n > hi:
		p.bad(name, "%d is greater than maximum value %d", n, hi)
	}
	return n
}

// moment reads a date or a time of ISO 8601, without zone in UTC.
func (p *params) moment(name string) time.Time {
	v := p.text(name)
	if v == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t
		}
	}
	p.bad(name, "Invalid date")
	return time.Time{}
}

// pyList prints strings as Python's repr of a list does.
func pyList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = "'" + v + "'"
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// like is SQL's LIKE: % any run, _ any one character.
func like(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '%' {
		for i := 0; i <= len(s); i++ {
			if like(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	}
	return s != "" && (pattern[0] == '_' || pattern[0] == s[0]) && like(pattern[1:], s[1:])
}
