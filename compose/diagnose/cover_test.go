package diagnose

import (
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// other stands in the texts of spell for what is not written out.
const other = "\x00"

// spell writes out what a pattern matches, as far as it says it in letters.
func spell(n *syntax.Regexp, most int) []string {
	join := func(a, b []string) []string {
		var out []string
		for _, x := range a {
			for _, y := range b {
				out = append(out, x+y)
			}
		}
		return out
	}
	switch n.Op { //nolint:exhaustive // the others match what cannot be spelled
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(n.Rune))}
	case syntax.OpCharClass:
		var out []string
		for i := 0; i+1 < len(n.Rune); i += 2 {
			if n.Rune[i+1]-n.Rune[i] > 3 || len(out) > 8 {
				return []string{other}
			}
			for r := n.Rune[i]; r <= n.Rune[i+1]; r++ {
				if s := string(unicode.ToLower(r)); !slices.Contains(out, s) {
					out = append(out, s)
				}
			}
		}
		return out
	case syntax.OpCapture, syntax.OpPlus:
		return spell(n.Sub[0], most)
	case syntax.OpQuest:
		return append(spell(n.Sub[0], most), "")
	case syntax.OpAlternate:
		var out []string
		for _, sub := range n.Sub {
			out = append(out, spell(sub, most)...)
		}
		return out
	case syntax.OpConcat:
		out := []string{""}
		for _, sub := range n.Sub {
			part := spell(sub, most)
			if len(out)*len(part) > most {
				part = []string{other}
			}
			out = join(out, part)
		}
		return out
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}
	}
	return []string{other}
}

// A pattern is tried only on lines that hold one of the rule's keys. So whatever
// it matches has to hold one.
func TestKeysAreInWhatPatternsMatch(t *testing.T) {
	for _, r := range rules() {
		re, err := syntax.Parse(r.pattern, syntax.Perl)
		if err != nil {
			t.Fatal(r.name, err)
		}
		var without []string
		for _, text := range spell(re, 20000) {
			if !slices.ContainsFunc(r.words(), func(key string) bool { return strings.Contains(text, key) }) {
				without = append(without, strings.ReplaceAll(text, other, "…"))
			}
		}
		slices.Sort(without)
		if without = slices.Compact(without); len(without) > 0 {
			t.Errorf("%s: no key is in %q (%d)", r.name, without[:min(len(without), 8)], len(without))
		}
	}
}
