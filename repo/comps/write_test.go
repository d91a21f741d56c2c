package comps_test

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo/comps"
)

func read(t *testing.T, text string) *comps.Comps {
	t.Helper()
	c, err := comps.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWriteIsReadAgain(t *testing.T) {
	t.Parallel()
	c := read(t, sample)
	c.Groups[0].Name[""] = `A & B <"C">`
	c.Groups[0].BiarchOnly = true
	var b, again bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	got := read(t, b.String())
	if diff := cmp.Diff(c, got); diff != "" {
		t.Errorf("(-written +read)\n%s\n%s", diff, b.String())
	}
	if err := got.Write(&again); err != nil || again.String() != b.String() {
		t.Errorf("written again: %v\n%s", err, again.String())
	}
	r, w := io.Pipe()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(w); err == nil {
		t.Error("the error of the writer is lost")
	}
}

func TestOnlyKeepsWhatCanBeServed(t *testing.T) {
	t.Parallel()
	group := func(id string, packages ...comps.Package) comps.Group { return comps.Group{ID: id, Packages: packages} }
	ref := func(id string) comps.GroupRef { return comps.GroupRef{ID: id} }
	c := &comps.Comps{
		Groups: []comps.Group{
			group("core", comps.Package{Name: "bash", Type: comps.Mandatory}, comps.Package{Name: "vim", Type: comps.Default}),
			group("lacks", comps.Package{Name: "bash", Type: comps.Mandatory}, comps.Package{Name: "gone", Type: comps.Mandatory}),
			group("other-arch", comps.Package{Name: "bash", Type: comps.Default}, comps.Package{Name: "gone", Type: comps.Mandatory, Arches: []string{"s390x"}}),
			group("empty", comps.Package{Name: "gone", Type: comps.Optional}),
		},
		Environments: []comps.Environment{
			{ID: "whole", Groups: []comps.GroupRef{ref("core"), {ID: "empty", Arches: []string{"s390x"}}}, Options: []comps.GroupRef{ref("lacks"), ref("other-arch")}},
			{ID: "broken", Groups: []comps.GroupRef{ref("core"), ref("lacks")}},
			{ID: "none"},
		},
		Categories: []comps.Category{{ID: "base", Groups: []comps.GroupRef{ref("core"), ref("lacks")}}, {ID: "void", Groups: []comps.GroupRef{ref("lacks")}}},
		Langpacks:  []comps.Langpack{{Name: "bash"}, {Name: "gone"}},
	}
	got := c.Only("x86_64", func(name string) bool { return name == "bash" })
	want := &comps.Comps{
		Groups: []comps.Group{
			group("core", comps.Package{Name: "bash", Type: comps.Mandatory}), group("other-arch", comps.Package{Name: "bash", Type: comps.Default}),
		},
		Environments: []comps.Environment{{ID: "whole", Groups: []comps.GroupRef{ref("core")}, Options: []comps.GroupRef{ref("other-arch")}}},
		Categories:   []comps.Category{{ID: "base", Groups: []comps.GroupRef{ref("core")}}},
		Langpacks:    []comps.Langpack{{Name: "bash"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestMergeAddsWhatIsNew(t *testing.T) {
	t.Parallel()
	a := read(t, sample)
	more := `<comps><group><id>core</id><packagelist><packagereq>bash</packagereq><packagereq>new</packagereq></packagelist></group>
		<group><id>second</id></group><environment><id>ws</id><grouplist><groupid>core</groupid><groupid>second</groupid></grouplist></environment>
		<environment><id>e2</id></environment><category><id>base</id><grouplist><groupid>second</groupid></grouplist></category><category><id>c2</id></category>
		<langpacks><match name="hunspell" install="hunspell-%s"/><match name="x" install="y"/></langpacks></comps>`
	got := comps.Merge(nil, a, read(t, more))
	var names []string
	for _, p := range got.Group("core").Packages {
		names = append(names, p.Name)
	}
	if want := []string{"bash", "systemd", "dracut", "ibus-gtk3", "dnf", "new"}; !slices.Equal(names, want) {
		t.Errorf("core has %v", names)
	}
	if got.Group("core").Name.String() != "Core" || len(got.Groups) != 3 || len(got.Environments) != 2 || len(got.Environment("ws").Groups) != 2 ||
		len(got.Categories) != 2 || len(got.Categories[0].Groups) != 2 || len(got.Langpacks) != 2 {
		t.Errorf("%+v", got)
	}
	if len(a.Group("core").Packages) != 5 {
		t.Error("an argument was changed")
	}
}

func ExampleComps_Write() {
	c := &comps.Comps{Groups: []comps.Group{{ID: "core", Name: comps.Text{"": "Core"}, UserVisible: true, Packages: []comps.Package{{Name: "bash", Type: comps.Mandatory}}}}}
	_ = c.Write(os.Stdout)
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
	// <comps>
	//   <group>
	//     <id>core</id>
	//     <name>Core</name>
	//     <default>false</default>
	//     <uservisible>true</uservisible>
	//     <packagelist>
	//       <packagereq type="mandatory">bash</packagereq>
	//     </packagelist>
	//   </group>
	// </comps>
}
