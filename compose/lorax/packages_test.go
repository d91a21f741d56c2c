package lorax

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
)

func TestPackagesAreReadFromTheLog(t *testing.T) {
	t.Parallel()
	const at = "2026-11-26 00:00:00,000 INFO pylorax.dnfhelper: "
	got, err := readLog(strings.NewReader(at + "Install vim-2:9.1-1.fc44.x86_64\n" + at + "Install bash-5.3-1.fc44.x86_64\n" + at + "(3/4) zlib-1-1.el10.noarch\n" +
		at + "Install bash-5.3-1.fc44.x86_64\n" + at + "Running %post for bash-5.3-1.fc44.x86_64\n" + at + "Install nothing\nInstall a-1-1.noarch\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []compose.Shipped{
		{NEVRA: "a-1-1.noarch", From: "lorax"}, {NEVRA: "bash-5.3-1.fc44.x86_64", From: "lorax"}, {NEVRA: "vim-2:9.1-1.fc44.x86_64", From: "lorax"}, {NEVRA: "zlib-1-1.el10.noarch", From: "lorax"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzLog(f *testing.F) {
	f.Add("2026-11-26 00:00:00,000 INFO a: Install vim-2:9.1-1.fc44.x86_64\n(1/2) bash-5.3-1.fc44.x86_64\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := readLog(strings.NewReader(text))
		if err == nil && !slices.IsSortedFunc(list, func(a, b compose.Shipped) int { return strings.Compare(a.NEVRA, b.NEVRA) }) {
			t.Error("not sorted")
		}
	})
}

func TestLaterStagesComeLater(t *testing.T) {
	t.Parallel()
	last := 0
	for _, s := range stages() {
		if s.At < last || s.At > 100 {
			t.Errorf("%+v after %d", s, last)
		}
		last = s.At
	}
}
