package rpm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/repo/rpm"
)

func TestParseRich(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"(a)":                            "a",
		"((a))":                          "a",
		"(a and b)":                      "(a and b)",
		"( a  or\tb or c )":              "(a or b or c)",
		"(a >= 1:2-3 with a < 4)":        "(a >= 1:2-3 with a < 4)",
		"(a if b)":                       "(a if b)",
		"(a if b else c)":                "(a if b else c)",
		"(a unless (b or c) else d)":     "(a unless (b or c) else d)",
		"(a without b)":                  "(a without b)",
		"(x.so()(64bit) or y(z) = 1 )":   "(x.so()(64bit) or y(z) = 1)",
		"((a or b) and (c or (d if e)))": "((a or b) and (c or (d if e)))",
		"(a => 1 and b =< 2 and c == 3)": "(a >= 1 and b <= 2 and c = 3)",
		"(/bin/sh if else)":              "(/bin/sh if else)",
	} {
		r, err := rpm.ParseRich(in)
		if err != nil || r.String() != want {
			t.Errorf("%s: %v %v", in, r, err)
		}
	}
	for _, in := range []string{
		"", "a", "(", "()", "(a", "(a b)", "(a and)", "(and)x", "(a) b", "(a and b or c)", "(a if b if c)", "(a if b else c else d)",
		"(a without b without c)", "(a xor b)", "(a >)", "(a <> 1)", "(a else b)", "(a and b else c)", "(a, b)", "((a)", "(a and (b)",
		strings.Repeat("(", 1000), strings.Repeat("(", 1000) + "a" + strings.Repeat(")", 1000), "(a" + strings.Repeat(" or a", 5000) + ")",
		"(" + strings.Repeat("a", 1<<19) + ")",
	} {
		r, err := rpm.ParseRich(in)
		if _, ok := errors.AsType[*rpm.ParseError](err); !ok {
			t.Errorf("%.40q: %v %v", in, r, err)
		}
	}
}

// FuzzParseRich: what is accepted, printed and parsed again is the same.
func FuzzParseRich(f *testing.F) {
	f.Add("((a >= 1:2-3 or b()(64bit)) and (c unless d else e))")
	f.Fuzz(func(t *testing.T, in string) {
		r, err := rpm.ParseRich(in)
		if err != nil {
			return
		}
		out := r.String()
		if r.Op == rpm.RichNone {
			out = "(" + out + ")"
		}
		again, err := rpm.ParseRich(out)
		if err != nil || again.String() != r.String() {
			t.Fatalf("%q -> %q -> %v %v", in, out, again, err)
		}
	})
}
