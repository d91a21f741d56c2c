package compose_test

import (
	"testing"

	"github.com/fedora-respin/respin/compose"
)

func TestRemovedArgumentsAreNames(t *testing.T) {
	t.Parallel()
	r := compose.Request{
		Kind: compose.KindRemaster, Release: "44", Base: &compose.Base{URL: "https://example.org/boot.iso"},
		RemoveArgs: []string{"quiet", "rd.live.check", "console=ttyS0", "two words", ""},
	}
	var got []string
	for _, p := range r.Check() {
		if p.Code != compose.CodeBadBootArg {
			t.Errorf("problem %+v", p)
		}
		got = append(got, p.Field)
	}
	if len(got) != 3 || got[0] != "remove_args[2]" || got[1] != "remove_args[3]" || got[2] != "remove_args[4]" {
		t.Errorf("got %v", got)
	}
}

// A remaster quotes values as boot loaders want them; other kinds hand arguments
// to tools that do not.
func TestBootArgumentsOfARemasterMayHaveBlanksInTheirValue(t *testing.T) {
	t.Parallel()
	check := func(kind compose.Kind, arg string) int {
		r := compose.Request{Kind: kind, Release: "44", BootArgs: []string{arg}, Base: &compose.Base{URL: "https://example.org/boot.iso"}}
		if kind == compose.KindLive {
			r.Base = nil
		}
		n := 0
		for _, p := range r.Check() {
			if p.Code == compose.CodeBadBootArg {
				n++
			}
		}
		return n
	}
	for arg, want := range map[string][2]int{
		"inst.text": {0, 0}, "console=ttyS0,115200": {0, 0},
		"inst.repo=http://h/a?b=1&c=$d": {0, 1}, "words=one two": {0, 1}, "empty=": {0, 0},
		"two words": {1, 1}, "a;reboot": {1, 1}, "x='1'": {1, 1}, `x="1"`: {1, 1}, `x=\20`: {1, 1}, "x=a\nb": {1, 1}, "x=\x7f": {1, 1}, "x=\xff": {1, 1}, "": {1, 1}, "=x": {0, 0},
	} {
		if got := [2]int{check(compose.KindRemaster, arg), check(compose.KindLive, arg)}; got != want {
			t.Errorf("%q: %v problems, want %v", arg, got, want)
		}
	}
}
