package kojitest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// method is a method of the hub with Python's view of its parameters.
type method struct {
	python   string // name of the function, which faults mention
	params   []param
	variadic bool // *args
	keyword  bool // **kwargs
	writes   bool // changes the hub
	run      func(*Hub, args) (any, error)
}

// param is a parameter. A default is written in Python: None, True, -1.
type param struct {
	name     string
	optional bool
	value    string
}

// args are the arguments of a call by name; what is missing has its default.
// The name of no parameter is userArg, under which the caller is found.
type args map[string]any

const userArg = " user"

// user is the account that calls, nil for anonymous.
func (a args) user() *account {
	u, _ := a[userArg].(*account)
	return u
}

// signature reads the parameters of a function as Python's inspect writes them:
// "buildInfo, strict=False".
func signature(python, params string, run func(*Hub, args) (any, error)) method {
	m := method{python: python, run: run}
	for text := range strings.SplitSeq(params, ", ") {
		name, value, optional := strings.Cut(text, "=")
		switch {
		case text == "":
		case strings.HasPrefix(text, "**"):
			m.keyword = true
		case strings.HasPrefix(text, "*"):
			m.variadic = true
		default:
			m.params = append(m.params, param{name: name, optional: optional, value: value})
		}
	}
	return m
}

// writing marks a method that changes the hub.
func (m method) writing() method {
	m.writes = true
	return m
}

func (m method) has(name string) bool {
	return slices.ContainsFunc(m.params, func(p param) bool { return p.name == name })
}

func (m method) required() int {
	n := 0
	for _, p := range m.params {
		if !p.optional {
			n++
		}
	}
	return n
}

// bind does what Python does to call a function, after koji.decode_args has
// taken the named arguments out of the last one.
func (m method) bind(params []any) (args, error) {
	bound := args{}
	positional, keywords := params, map[string]any{}
	if n := len(params); n > 0 {
		if last, ok := params[n-1].(map[string]any); ok && truthy(last["__starstar"]) {
			positional, keywords = params[:n-1], last
		}
	}
	if len(positional) > len(m.params) {
		if !m.variadic {
			return nil, raise(1019, "%s() takes %s but %s given", m.python, m.takes(), plural(len(positional)))
		}
		bound["*"] = positional[len(m.params):]
		positional = positional[:len(m.params)]
	} else if m.variadic {
		bound["*"] = []any{}
	}
	for i, v := range positional {
		bound[m.params[i].name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(keywords)) {
		if name == "__starstar" {
			continue
		}
		if !m.has(name) && !m.keyword {
			return nil, raise(1019, "%s() got an unexpected keyword argument '%s'", m.python, name)
		}
		if _, twice := bound[name]; twice {
			return nil, raise(1019, "%s() got multiple values for argument '%s'", m.python, name)
		}
		bound[name] = keywords[name]
	}
	var missing []string
	for _, p := range m.params {
		if _, ok := bound[p.name]; !ok && !p.optional {
			missing = append(missing, "'"+p.name+"'")
		}
	}
	if len(missing) > 0 {
		noun := "argument"
		if len(missing) > 1 {
			noun = "arguments"
		}
		return nil, raise(1019, "%s() missing %d required positional %s: %s", m.python, len(missing), noun, strings.Join(missing, " and "))
	}
	return bound, nil
}

func (m method) takes() string {
	noun := "positional arguments"
	if len(m.params) == 1 {
		noun = "positional argument"
	}
	if required := m.required(); required != len(m.params) {
		return fmt.Sprintf("from %d to %d %s", required, len(m.params), noun)
	}
	return fmt.Sprintf("%d %s", len(m.params), noun)
}

func plural(n int) string {
	if n == 1 {
		return "1 was"
	}
	return fmt.Sprintf("%d were", n)
}

// truthy is Python's bool() for what the wire carries.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	default:
		return true
	}
}

func (a args) bool(name string) bool { return truthy(a[name]) }

// unless is the same for a parameter whose default is True.
func (a args) unless(name string) bool {
	v, ok := a[name]
	return !ok || truthy(v)
}

// int reads an integer; nil and nothing are 0.
func (a args) int(name string) (int, error) {
	switch v := a[name].(type) {
	case nil:
		return 0, nil
	case int64:
		return int(v), nil
	case string: // kojihub.convert_value
		if n, err := strconv.Atoi(v); err == nil {
			return n, nil
		}
	}
	return 0, raise(1019, "Invalid type for value '%s': %T", python(a[name]), a[name])
}

// list reads a string or an array of them; nil is none.
func (a args) list(name string) []string {
	switch v := a[name].(type) {
	case string:
		return []string{v}
	case []any:
		out := make([]string, 0, len(v))
		for _, item := range v {
			s, _ := item.(string)
			out = append(out, s)
		}
		return out
	default:
		return nil
	}
}

// text reads a string; everything else is "".
func (a args) text(name string) string {
	s, _ := a[name].(string)
	return s
}

// flag reads a parameter that may be None, True or False.
func (a args) flag(name string) *bool {
	if a[name] == nil {
		return nil
	}
	v := truthy(a[name])
	return &v
}
