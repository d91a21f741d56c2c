package kickstart_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/fedora-respin/respin/kickstart"
)

// first is the first command of a document.
func first(doc *kickstart.Document) *kickstart.Command {
	for c := range doc.Commands() {
		return c
	}
	return nil
}

func TestOptionsAreSetInTheirPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		src, option string
		value       []string
		want        string
	}{
		{"part /  --size=5120   --fstype='ext4' # why\n", "--size", []string{"8192"}, "part /  --size=8192   --fstype='ext4' # why\n"},
		{"part / --size 5120 --grow # why\n", "--size", []string{"8192"}, "part / --size=8192 --grow # why\n"},
		{"part / --size=1 --grow --size=2\n", "--size", []string{"3"}, "part / --size=3 --grow\n"},
		{"  part /   # why\n", "--label", []string{"my root"}, "  part / --label=\"my root\"   # why\n"},
		{"zerombr# x\n", "--x", nil, "zerombr --x# x\n"},
		{"part / --siz=1\n", "--size", []string{"2"}, "part / --siz=1 --size=2\n"},
		{"part / --size=1\n", "--grow", nil, "part / --size=1 --grow\n"},
		{"part / --grow --size=1\n", "--grow", nil, "part / --grow --size=1\n"},
		{"bootloader --append=\"a b\"  --location=none", "--append", []string{`c "d"`}, `bootloader --append="c \"d\""  --location=none`},
		{"user --name 'a b' --gecos=x\n", "--name", []string{"c"}, "user --name=c --gecos=x\n"},
	} {
		doc := parse(t, tt.src, kickstart.Options{})
		c := first(doc)
		if err := doc.SetOption(c, tt.option, tt.value...); err != nil || doc.String() != tt.want {
			t.Errorf("%q: %v, printed %q, want %q", tt.src, err, doc, tt.want)
			continue
		}
		if len(tt.value) > 0 {
			if a, err := doc.Arguments(first(doc)); err != nil || a.Text(tt.option) != tt.value[0] {
				t.Errorf("%q: %v, read back %q", doc, err, a.Text(tt.option))
			}
		}
	}
}

func TestOptionsAreRemoved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ src, option, want string }{
		{"part / --size=5120  --grow # why\n", "--size", "part /  --grow # why\n"},
		{"part / --size 5120 --grow # why\n", "--size", "part / --grow # why\n"},
		{"part / --grow\n", "--grow", "part /\n"},
		{"part --grow /boot --size=1\n", "--grow", "part /boot --size=1\n"},
		{"part / --size=1\n", "--grow", ""},
	} {
		doc := parse(t, tt.src, kickstart.Options{})
		removed, err := doc.RemoveOption(first(doc), tt.option)
		want := tt.want
		if want == "" {
			want = tt.src
		}
		if err != nil || removed != (tt.want != "") || doc.String() != want {
			t.Errorf("%q: %v, %v, printed %q", tt.src, removed, err, doc)
		}
	}
}

func TestOptionsThatCannotBeSet(t *testing.T) {
	t.Parallel()
	const src = "part / --size=1\n"
	for _, tt := range []struct {
		option string
		value  []string
	}{{"size", []string{"1"}}, {"--size=1", nil}, {"--a b", nil}, {"--size", []string{"1\n%post"}}, {"--size", []string{"--"}}, {"--size", []string{"1", "2"}}} {
		doc := parse(t, src, kickstart.Options{})
		err := doc.SetOption(first(doc), tt.option, tt.value...)
		if _, ok := errors.AsType[*kickstart.ValueError](err); !ok || doc.String() != src {
			t.Errorf("%v: %v, printed %q", tt, err, doc)
		}
	}
	doc := parse(t, "lnag en\n", kickstart.Options{})
	if _, ok := errors.AsType[*kickstart.ParseError](doc.SetOption(first(doc), "--x", "1")); !ok {
		t.Error("an option of an unknown command was set")
	}
	tree := fstest.MapFS{"a.ks": {Data: []byte(src)}}
	doc = parse(t, "%include a.ks\n", kickstart.Options{Includes: kickstart.FSIncluder(tree)})
	if err := doc.SetOption(first(doc), "--size", "2"); !errors.Is(err, kickstart.ErrIncluded) {
		t.Errorf("got %v, want ErrIncluded", err)
	}
	if _, err := doc.RemoveOption(first(doc), "--size"); !errors.Is(err, kickstart.ErrIncluded) {
		t.Errorf("got %v, want ErrIncluded", err)
	}
}

func TestNodesAndPackagesAreRemoved(t *testing.T) {
	t.Parallel()
	doc := parse(t, "lang en\n# why\nkeyboard us\n%packages\nvim # editor\n-nano\n@core --optional\n@^env\nvim*\n%end\n%packages\nvim\n%end\n", kickstart.Options{})
	if !doc.Remove(first(doc)) || doc.Remove(&kickstart.Command{}) {
		t.Error("the first command is to be removed, another document's not")
	}
	if n := doc.RemovePackages("vim", "nano", "@core", "@^env", "@vim"); n != 5 {
		t.Errorf("removed %d lines", n)
	}
	if want := "# why\nkeyboard us\n%packages\nvim*\n%end\n%packages\n%end\n"; doc.String() != want {
		t.Errorf("printed %q, want %q", doc, want)
	}
}
