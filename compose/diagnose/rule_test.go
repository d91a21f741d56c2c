package diagnose

import (
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
)

func TestTableIsSound(t *testing.T) {
	t.Parallel()
	list := rules()
	if err := check(list); err != nil {
		t.Fatal(err)
	}
	known := map[Code]bool{}
	for _, c := range Codes() {
		if known[c.Code] || c.Meaning == "" || c.Remedy == "" {
			t.Errorf("catalog: %s stands twice or says too little", c.Code)
		}
		known[c.Code] = true
	}
	used := map[Code]bool{Unknown: true}
	for i := range list {
		r := &list[i]
		used[r.code] = true
		if r.code != "" && !known[r.code] {
			t.Errorf("rule %s: the catalog has no code %s", r.name, r.code)
		}
		for _, w := range r.words() {
			if len(w) < 3 || strings.TrimSpace(w) == "" {
				t.Errorf("rule %s: the key %q is on every line", r.name, w)
			}
		}
		if _, err := syntax.Parse(r.pattern, syntax.Perl); err != nil {
			t.Errorf("rule %s: %v", r.name, err)
		}
	}
	for c := range known {
		if !used[c] {
			t.Errorf("no rule gives the code %s", c)
		}
	}
	for from, to := range explains() {
		if !known[from] || slices.ContainsFunc(to, func(c Code) bool { return !known[c] || c == from }) {
			t.Errorf("explains: %s: %v", from, to)
		}
	}
}

func TestCheckFindsSlips(t *testing.T) {
	t.Parallel()
	good := rule{name: "a", code: DiskFull, weight: fatal, keys: "x", pattern: `(?P<what>x)`, sentence: "{what}"}
	if err := check([]rule{good}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*rule){
		"value without group": func(r *rule) { r.sentence = "{who}" },
		"confirm of nobody":   func(r *rule) { r.more.confirm = "b" },
		"cause without words": func(r *rule) { r.sentence = "" },
		"symptom with weight": func(r *rule) { r.code = "" },
	} {
		bad := good
		change(&bad)
		if check([]rule{bad}) == nil {
			t.Errorf("%s: not found", name)
		}
	}
	if check([]rule{good, good}) == nil {
		t.Error("a rule that stands twice: not found")
	}
}

// TestKeysAreFoundAsByContains compares the automaton with the plain way.
func TestKeysAreFoundAsByContains(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("abAB c:"[random.IntN(7)])
		}
		return b.String()
	}
	for range 300 {
		keys := make([][]string, 1+random.IntN(8))
		for i := range keys {
			for range 1 + random.IntN(2) {
				keys[i] = append(keys[i], strings.ToLower(word(1+random.IntN(5))))
			}
		}
		set := newKeySet(keys)
		line := word(random.IntN(40))
		var got, want []int
		set.in([]byte(line), func(o int32) {
			if !slices.Contains(got, int(o)) {
				got = append(got, int(o))
			}
		})
		slices.Sort(got)
		for i, words := range keys {
			if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(strings.ToLower(line), w) }) {
				want = append(want, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("keys %q in %q: %v, want %v", keys, line, got, want)
		}
	}
}

func TestSentencesDropPartsWithoutValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sentence, want string }{
		{"Full[: {path}].", "Full: /x."},
		{"Full[: {none}].", "Full."},
		{"{path}[ and {none}][ or {path}].", "/x or /x."},
		{"open [ {path}", "open [ {path}"},
		{"{path", "{path"},
	} {
		if got := expand(c.sentence, map[string]string{"path": "/x"}); got != c.want {
			t.Errorf("%q: %q, want %q", c.sentence, got, c.want)
		}
	}
}
