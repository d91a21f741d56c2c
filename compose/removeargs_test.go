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
