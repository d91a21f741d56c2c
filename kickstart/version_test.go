package kickstart_test

import (
	"testing"

	"github.com/fedora-respin/respin/kickstart"
)

func TestVersionsAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]kickstart.Version{
		"F44": kickstart.F44, "f44": kickstart.F44, " 44 ": kickstart.F44, "Fedora44": kickstart.F44, "fedora 44": kickstart.F44, "rawhide": kickstart.Devel,
		"RHEL9": kickstart.RHEL9, "rhel10": kickstart.RHEL10, "Red Hat Enterprise Linux 9.4": kickstart.RHEL9, "devel": kickstart.Devel,
		"F12": "", "RHEL8": "", "": "", "F": "", "44.5": "", "F4": "", "F440": "",
	} {
		got, ok := kickstart.ParseVersion(text)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s, %v", text, got, ok)
		}
	}
	for _, v := range kickstart.Versions() {
		if got, ok := kickstart.ParseVersion(string(v)); !ok || got != v {
			t.Errorf("%s is read as %s, %v", v, got, ok)
		}
	}
}

func TestVersionComment(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]struct {
		v  kickstart.Version
		ok bool
	}{
		"#version=F43\nlang en\n":                {kickstart.F43, true},
		"# Generated\n\nlang en\n#version=F41\n": {kickstart.F41, true},
		"#version=RHEL8\n#version=F43\n":         {"RHEL8", false},
		" #version=F43\n# version=F43\n":         {"", false},
		"#version=fedora 40 \r\n":                {kickstart.F40, true},
		"":                                       {"", false},
	} {
		if v, ok := kickstart.HeaderVersion([]byte(src)); v != want.v || ok != want.ok {
			t.Errorf("%q: %q, %v", src, v, ok)
		}
	}
	// The typed views go by it: module is a command of F39, not of F45.
	doc := parse(t, "#version=F39\nmodule --name=a\n", kickstart.Options{})
	for c := range doc.Commands("module") {
		if _, err := doc.Arguments(c); err != nil || doc.Version() != kickstart.F39 {
			t.Errorf("version %s: %v", doc.Version(), err)
		}
	}
}
