package kojitest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// method is a method of the hub with Python's view of its parameters.
type method struct {
	python   string   // name of the function, which faults mention
	required int      // how many of params have no default
	params   []string // in order
	variadic bool
	run      func(*Hub, args) (any, error)
}

// args are the arguments of a call by name; what is missing has its default.
type args map[string]any

// signature reads "a b c=": a and b are required, c is not.
func signature(python, params string, run func(*Hub, args) (any, error)) method {
	m := method{python: python, run: run}
	for p := range strings.FieldsSeq(params) {
		if p == "*" {
			m.variadic = true
			continue
		}
		name, optional := strings.CutSuffix(p, "=")
		m.params = append(m.params, name)
		if !optional {
			m.required++
		}
	}
	return m
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
	if m.variadic {
		bound["*"] = positional
		return bound, nil
	}
	if len(positional) > len(m.params) {
		return nil, raise(1019, "%s() takes %s but %s given", m.python, m.takes(), plural(len(positional)))
	}
	for i, v := range positional {
		bound[m.params[i]] = v
	}
	for _, name := range slices.Sorted(maps.Keys(keywords)) {
		if name == "__starstar" {
			continue
		}
		if !slices.Contains(m.params, name) {
			return nil, raise(1019, "%s() got an unexpected keyword argument '%s'", m.python, name)
		}
		if _, twice := bound[name]; twice {
			return nil, raise(1019, "%s() got multiple values for argument '%s'", m.python, name)
		}
		bound[name] = keywords[name]
	}
	var missing []string
	for _, name := range m.params[:m.required] {
		if _, ok := bound[name]; !ok {
			missing = append(missing, "'"+name+"'")
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
	if m.required == len(m.params) {
		return fmt.Sprintf("%d %s", m.required, noun)
	}
	return fmt.Sprintf("from %d to %d %s", m.required, len(m.params), noun)
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

// strict is a parameter strict=True.
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
	default:
		return 0, raise(1019, "Invalid type for %s: %T", name, v)
	}
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
