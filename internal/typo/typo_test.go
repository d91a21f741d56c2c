package typo_test

import (
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/typo"
)

func TestClosest(t *testing.T) {
	t.Parallel()
	words := []string{"lang", "keyboard", "part", "repo", "url", "a", "--baseurl"}
	for word, want := range map[string]string{
		"keybord": "keyboard", "lnag": "lang", "prat": "part", "--baseul": "--baseurl", "reop": "repo", "repo": "repo",
		"firewall": "", "b": "", "": "", "xyz": "", strings.Repeat("a", 100): "",
	} {
		if got := typo.Closest(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"ab", "ba", 1}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}, {"same", "same", 0}} {
		if got := typo.Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q to %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
