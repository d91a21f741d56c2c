package kojitest

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// page does what queryOpts ask for with the rows of a query: rows are structs,
// and the result is a number with countOnly (kojihub/db.py QueryProcessor).
func page(rows []any, opts any) (any, error) {
	o, _ := opts.(map[string]any)
	if err := order(rows, o["order"]); err != nil {
		return nil, err
	}
	rows = cut(rows, o)
	if truthy(o["countOnly"]) {
		return len(rows), nil
	}
	if truthy(o["asList"]) {
		for i, row := range rows {
			var list []any
			s, _ := row.(wire.Struct)
			for _, m := range s {
				list = append(list, m.Value)
			}
			rows[i] = list
		}
	}
	return rows, nil
}

func cut(rows []any, o map[string]any) []any {
	if n, ok := o["offset"].(int64); ok && n > 0 {
		rows = rows[min(int(n), len(rows)):]
	}
	if n, ok := o["limit"].(int64); ok && n > 0 {
		rows = rows[:min(int(n), len(rows))]
	}
	return rows
}

// order sorts rows by the names in by. As in PostgreSQL, NULL is greater than
// everything else.
func order(rows []any, by any) error {
	text, _ := by.(string)
	if text == "" {
		return nil
	}
	terms := strings.Split(text, ",")
	for _, term := range terms {
		for _, row := range rows[:min(1, len(rows))] {
			s, _ := row.(wire.Struct)
			if name := strings.TrimPrefix(term, "-"); !has(s, name) {
				return raise(1, "<class 'Exception'>: Invalid order: %s", name)
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b any) int {
		x, _ := a.(wire.Struct)
		y, _ := b.(wire.Struct)
		for _, term := range terms {
			name, down := strings.CutPrefix(term, "-")
			p, _ := x.Get(name)
			q, _ := y.Get(name)
			if c := compare(p, q); c != 0 {
				if down {
					return -c
				}
				return c
			}
		}
		return 0
	})
	return nil
}

func has(s wire.Struct, name string) bool {
	_, ok := s.Get(name)
	return ok
}

func compare(a, b any) int {
	if a == nil || b == nil {
		return cmp.Compare(rank(a), rank(b))
	}
	if x, ok := number(a); ok {
		y, _ := number(b)
		return cmp.Compare(x, y)
	}
	x, _ := a.(string)
	y, _ := b.(string)
	return cmp.Compare(x, y)
}

func rank(v any) int {
	if v == nil {
		return 1
	}
	return 0
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	default:
		return 0, false
	}
}

// matches is ILIKE of a glob: * any run, ? any character, case does not count.
func matches(glob, text string) bool {
	pattern := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(glob))
	re, err := regexp.Compile("(?is)^" + pattern + "$")
	return err == nil && re.MatchString(text)
}

func matchesRegexp(pattern, text string) bool {
	re, err := regexp.Compile("(?i)" + pattern)
	return err == nil && re.MatchString(text)
}

// moment reads a time that a call names: seconds since 1970 or a date.
func moment(v any) (time.Time, bool) {
	switch v := v.(type) {
	case float64:
		return time.UnixMicro(int64(v * 1e6)).UTC(), true
	case int64:
		return time.Unix(v, 0).UTC(), true
	case string:
		for _, layout := range []string{"2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05.999999", "2006-01-02"} {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC(), true
			}
		}
	}
	return time.Time{}, false
}

// between reports whether t is there and between two arguments, both exclusive.
func (a args) between(after, before string, t time.Time, there bool) bool {
	if lo, ok := moment(a[after]); ok && (!there || !t.After(lo)) {
		return false
	}
	if hi, ok := moment(a[before]); ok && (!there || !t.Before(hi)) {
		return false
	}
	return true
}

// ids reads a number or an array of them, and whether the argument is given.
func (a args) ids(name string) ([]int, bool) {
	v, given := a[name]
	switch v := v.(type) {
	case int64:
		return []int{int(v)}, true
	case []any:
		out := make([]int, 0, len(v))
		for _, item := range v {
			n, _ := item.(int64)
			out = append(out, int(n))
		}
		return out, true
	}
	return nil, given
}

// filterResults sorts and cuts what another method answers (RootExports.
// countAndFilterResults), and gives the number of all rows, too.
func (h *Hub) countAndFilterResults(a args) (any, error) {
	name, _ := a["methodName"].(string)
	m, ok := h.methods[name]
	if !ok {
		return nil, generic("method %s doesn't exist", name)
	}
	inner := map[string]any{"__starstar": true}
	for key, v := range a {
		if key != "methodName" && key != "filterOpts" && key != "*" && key != userArg {
			inner[key] = v
		}
	}
	positional, _ := a["*"].([]any)
	result, err := h.invoke(m, append(slices.Clip(positional), inner), a.user())
	if err != nil {
		_, text := faultOf(err)
		return nil, generic("method %s raised an exception (%s)", name, text)
	}
	rows, ok := result.([]any)
	if !ok {
		return nil, generic("%s() did not return a list", name)
	}
	opts, _ := a["filterOpts"].(map[string]any)
	total := len(rows)
	if err := order(rows, opts["order"]); err != nil {
		return nil, err
	}
	return []any{total, cut(rows, opts)}, nil
}

func (h *Hub) filterResults(a args) (any, error) {
	both, err := h.countAndFilterResults(a)
	if err != nil {
		return nil, err
	}
	pair, _ := both.([]any)
	return pair[1], nil
}

func (h *Hub) count(a args) (any, error) {
	name, _ := a["methodName"].(string)
	m, ok := h.methods[name]
	if !ok {
		return nil, generic("method %s doesn't exist", name)
	}
	inner := map[string]any{"__starstar": true}
	for key, v := range a {
		if key != "methodName" && key != "*" && key != userArg {
			inner[key] = v
		}
	}
	positional, _ := a["*"].([]any)
	result, err := h.invoke(m, append(slices.Clip(positional), inner), a.user())
	if err != nil {
		return nil, err
	}
	switch v := result.(type) {
	case nil:
		return 0, nil
	case []any:
		return len(v), nil
	case wire.Struct:
		return len(v), nil
	default:
		return 1, nil
	}
}
