package comps_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/comps"
	"github.com/fedora-respin/respin/repo/mdxml"
)

const sample = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>
  <group>
    <id>core</id><name>Core</name><name xml:lang="de">Kern</name><description>Smallest possible installation.</description>
    <default>true</default><uservisible>false</uservisible><biarchonly>false</biarchonly><langonly>de</langonly><display_order>7</display_order>
    <packagelist>
      <packagereq type="mandatory">bash</packagereq>
      <packagereq>systemd</packagereq>
      <packagereq type="default" arch="x86_64,aarch64">dracut</packagereq>
      <packagereq type="conditional" requires="gtk3">ibus-gtk3</packagereq>
      <packagereq type="optional" basearchonly="true">dnf</packagereq>
    </packagelist>
  </group>
  <group><id>bare</id></group>
  <environment><id>ws</id><name>Workstation</name><display_order>1</display_order>
    <grouplist><groupid>core</groupid></grouplist>
    <optionlist><groupid default="true">bare</groupid><groupid arch="s390x">odd</groupid></optionlist>
  </environment>
  <category><id>base</id><name>Base</name><grouplist><groupid>core</groupid></grouplist></category>
  <langpacks><match name="hunspell" install="hunspell-%s"/></langpacks>
  <blacklist><package name="x"/></blacklist>
</comps>`

func TestRead(t *testing.T) {
	t.Parallel()
	c, err := comps.Read(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := &comps.Comps{
		Groups: []comps.Group{
			{
				ID: "core", Name: comps.Text{"": "Core", "de": "Kern"}, Description: comps.Text{"": "Smallest possible installation."},
				Default: true, LangOnly: "de", DisplayOrder: 7,
				Packages: []comps.Package{
					{Name: "bash", Type: comps.Mandatory},
					{Name: "systemd", Type: comps.Mandatory},
					{Name: "dracut", Type: comps.Default, Arches: []string{"x86_64", "aarch64"}},
					{Name: "ibus-gtk3", Type: comps.Conditional, Requires: "gtk3"},
					{Name: "dnf", Type: comps.Optional, BasearchOnly: true},
				},
			},
			{ID: "bare", UserVisible: true},
		},
		Environments: []comps.Environment{{
			ID: "ws", Name: comps.Text{"": "Workstation"}, DisplayOrder: 1,
			Groups:  []comps.GroupRef{{ID: "core"}},
			Options: []comps.GroupRef{{ID: "bare", Default: true}, {ID: "odd", Arches: []string{"s390x"}}},
		}},
		Categories: []comps.Category{{ID: "base", Name: comps.Text{"": "Base"}, Groups: []comps.GroupRef{{ID: "core"}}}},
		Langpacks:  []comps.Langpack{{Name: "hunspell", Install: "hunspell-%s"}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.Group("core").Name.String() != "Core" || c.Group("none") != nil || c.Environment("ws") == nil || c.Environment("none") != nil {
		t.Error("look-up by id")
	}
}

func TestMalformedIsRefused(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"cut":           sample[:800],
		"another root":  "<metadata/>",
		"no id":         "<comps><group><name>x</name></group></comps>",
		"no name":       "<comps><group><id>a</id><packagelist><packagereq/></packagelist></group></comps>",
		"bad order":     "<comps><group><id>a</id><display_order>first</display_order></group></comps>",
		"huge order":    "<comps><group><id>a</id><display_order>99999999999</display_order></group></comps>",
		"own entities":  `<!DOCTYPE comps [<!ENTITY a "b">]><comps/>`,
		"empty groupid": "<comps><environment><id>a</id><grouplist><groupid/></grouplist></environment></comps>",
	} {
		_, err := comps.Read(strings.NewReader(doc))
		if _, ok := errors.AsType[*mdxml.FormatError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadsCompsOfOthers(t *testing.T) {
	t.Parallel()
	for name, group := range map[string]string{"cs9-baseos": "core", "cs9-appstream": "additional-devel"} {
		r, err := repo.OpenDir(filepath.Join(shareddata.Dir(t, "repodata"), name))
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.Comps(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if g := c.Group(group); g == nil || len(g.Packages) < 20 || len(c.Groups) < 5 {
			t.Errorf("%s: %d groups, %+v", name, len(c.Groups), g)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(sample))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if _, err := comps.Read(strings.NewReader(string(doc))); err != nil {
			return
		}
		for dec := xml.NewDecoder(strings.NewReader(string(doc))); ; {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("accepted, but encoding/xml refuses %q: %v", doc, err)
			}
		}
	})
}

func ExampleRead() {
	c, err := comps.Read(strings.NewReader(`<comps><group><id>core</id><name>Core</name>
<packagelist><packagereq type="mandatory">bash</packagereq></packagelist></group></comps>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range c.Group("core").Packages {
		fmt.Println(p.Name, p.Type)
	}
	// Output:
	// bash mandatory
}
