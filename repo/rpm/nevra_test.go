package rpm_test

import (
	"errors"
	"testing"

	"github.com/fedora-respin/respin/repo/rpm"
)

func TestParseNEVRA(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, name, evr, arch, out string
	}{
		{"bash-5.2.37-1.fc44.x86_64", "bash", "5.2.37-1.fc44", "x86_64", ""},
		{"bash-5.2.37-1.fc44.x86_64.rpm", "bash", "5.2.37-1.fc44", "x86_64", "bash-5.2.37-1.fc44.x86_64"},
		{"python3-dnf-plugin-1:4.0~rc^git1-1.noarch", "python3-dnf-plugin", "1:4.0~rc^git1-1", "noarch", ""},
		{"a-0:1-1.src", "a", "1-1", "src", "a-1-1.src"},
		{"1:bash-5.2-1.fc44.x86_64", "bash", "1:5.2-1.fc44", "x86_64", "bash-1:5.2-1.fc44.x86_64"},
		{"0:bash-5.2-1.fc44.x86_64.rpm", "bash", "5.2-1.fc44", "x86_64", "bash-5.2-1.fc44.x86_64"},
		{"libstdc++-14-1.i686", "libstdc++", "14-1", "i686", ""},
		{"x-1.fc42,draft_123-1.noarch", "x", "1.fc42,draft_123-1", "noarch", ""},
	} {
		got, err := rpm.ParseNEVRA(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if c.out == "" {
			c.out = c.in
		}
		if got.Name != c.name || got.EVR.String() != c.evr || got.Arch != c.arch || got.String() != c.out {
			t.Errorf("%s: %+v, prints as %s", c.in, got, got)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	parse := map[string]func(string) error{
		"NEVRA": func(s string) error { _, err := rpm.ParseNEVRA(s); return err },
		"NVR":   func(s string) error { _, err := rpm.ParseNVR(s); return err },
		"EVR":   func(s string) error { _, err := rpm.ParseEVR(s); return err },
	}
	for what, inputs := range map[string][]string{
		"NEVRA": {"", ".", "bash", "bash.x86_64", "bash-1.x86_64", "a-1-1", "-1-1.noarch", "a--1.noarch", "a-1-.noarch", "a-1-1.", "../a-1-1.noarch", "a-x:1-1.noarch", "a-4294967296:1-1.noarch", "a-1-1 b.noarch", "a-1-1.no\x00arch", ".rpm", "1:a-2:1-1.noarch", ":a-1-1.noarch", "x:a-1-1.noarch", "4294967296:a-1-1.noarch"},
		"NVR":   {"", "a", "a-1", "a-1:1-1", "-1-1", "a-1-", "a/b-1-1", "a--1"},
		"EVR":   {"", ":", "1:", "-1", "1-", "x:1", "-1:1", "1:2:3", "1 2"},
	} {
		for _, in := range inputs {
			var pe *rpm.ParseError
			if err := parse[what](in); !errors.As(err, &pe) || pe.What != what || pe.Input != in {
				t.Errorf("%s %q: %v", what, in, err)
			}
		}
	}
}

func TestNVR(t *testing.T) {
	t.Parallel()
	got, err := rpm.ParseNVR("anaconda-44.12-1.fc44")
	if want := (rpm.NVR{Name: "anaconda", Version: "44.12", Release: "1.fc44"}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	n := rpm.NEVRA{Name: "a", EVR: rpm.EVR{Epoch: 3, Version: "1", Release: "2"}, Arch: "noarch"}
	if n.FileName() != "a-1-2.noarch.rpm" || n.NVR().String() != "a-1-2" || n.String() != "a-3:1-2.noarch" {
		t.Errorf("%s %s %s", n.FileName(), n.NVR(), n)
	}
}
