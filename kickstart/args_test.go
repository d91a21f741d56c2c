package kickstart_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

// command parses the one command of src.
func command(t *testing.T, src string, v kickstart.Version) (*kickstart.Arguments, error) {
	t.Helper()
	doc := parse(t, src, kickstart.Options{})
	doc, _, err := kickstart.Check("test.ks", doc.Bytes(), kickstart.Options{Version: v})
	if err != nil {
		t.Fatal(err)
	}
	for c := range doc.Commands() {
		return doc.Arguments(c)
	}
	t.Fatal("no command")
	return nil, nil
}

func TestAnyCommandIsReadByItsTable(t *testing.T) {
	t.Parallel()
	a, err := command(t, "logvol /var --vgname vg --name=v --size=500 --noformat --cachepvs=pv.1,pv.2 --thinp # x\n", kickstart.F44)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"mntpoint", "--name", "--noformat", "--size", "--vgname", "--thinpool", "--cachepvs"}, a.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	switch {
	case a.Text("mntpoint") != "/var" || a.Text("--vgname") != "vg" || a.Text("--size") != "500" || a.Text("--cachepvs") != "pv.1,pv.2":
		t.Errorf("texts of %+v", a)
	case a.Int("--size") != 500 || a.Int("--maxsize") != 0:
		t.Errorf("numbers of %+v", a)
	case !a.Has("--noformat") || a.Has("--grow") || a.Has("--nosuch") || a.Has("name"):
		t.Errorf("switches of %+v", a)
	case !cmp.Equal(a.List("--cachepvs"), []string{"pv.1", "pv.2"}) || !cmp.Equal(a.List("--name"), []string{"v"}) || a.List("--label") != nil:
		t.Errorf("lists of %+v", a)
	}
}

func TestSwitchesThatShareAPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		src      string
		on, off  string
		commands []string
	}{
		{"selinux --permissive\n", "--permissive", "--enforcing", nil},
		{"network --device=a --no-activate\n", "--no-activate", "--activate", nil},
		{"network --device=a --activate\n", "--activate", "--no-activate", nil},
		{"firewall --ssh --service=a\n", "--ssh", "--http", nil},
		{"firewall --disable\n", "--disabled", "--enabled", nil},
		{"user --name=a --plaintext\n", "--plaintext", "--iscrypted", nil},
	} {
		a, err := command(t, tt.src, kickstart.F44)
		if err != nil || !a.Has(tt.on) || a.Has(tt.off) {
			t.Errorf("%q: %v, %+v", tt.src, err, a)
		}
	}
}

func TestCommandsWithTheirOwnSyntax(t *testing.T) {
	t.Parallel()
	a, err := command(t, "authselect select sssd --force with-mkhomedir\n", kickstart.F44)
	if err != nil || !cmp.Equal(a.Rest(), []string{"select", "sssd", "--force", "with-mkhomedir"}) {
		t.Errorf("got %+v, %v", a, err)
	}
	if a, err = command(t, "volgroup vg --pesize=4 pv.1 pv.2\n", kickstart.F44); err != nil || !cmp.Equal(a.Rest(), []string{"pv.1", "pv.2"}) {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestArgumentsSayWhyNot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		src  string
		code kickstart.Code
	}{
		{"lnag en\n", kickstart.CodeUnknownCommand},
		{"install\n", kickstart.CodeRemovedCommand},
		{"vnc --password=x\n", kickstart.CodeDeprecatedCommand},
		{"part / --sise=1\n", kickstart.CodeUnknownOption},
		{"part / --size=x\n", kickstart.CodeBadValue},
		{"user --name=\"a\n", kickstart.CodeQuote},
	} {
		doc, _, err := kickstart.Check("test.ks", []byte(tt.src), kickstart.Options{Version: kickstart.F44})
		if err != nil {
			t.Fatal(err)
		}
		for c := range doc.Commands() {
			_, err = doc.Arguments(c)
		}
		if pe, ok := errors.AsType[*kickstart.ParseError](err); !ok || pe.Code != tt.code || pe.Line != 1 {
			t.Errorf("%q: got %v, want %s", tt.src, err, tt.code)
		}
	}
}
