// Package comps reads comps.xml, which says what package groups such as
// @core and environments such as Workstation are made of.
//
//	in, err := r.Stream(ctx, "group")
//	...
//	c, err := comps.Read(in)
//	...
//	for _, p := range c.Group("core").Packages {
//		if p.Type == comps.Mandatory || p.Type == comps.Default {
//			fmt.Println(p.Name)
//		}
//	}
//
// The format is that of Fedora's comps (fedora-comps, comps.rng), which libcomps
// and dnf read. Elements that are not known are passed over.
package comps

import (
	"fmt"
	"io"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/internal/xmlscan"
	"github.com/fedora-respin/respin/repo/mdxml"
)

// Comps is one comps.xml.
type Comps struct {
	Groups       []Group
	Environments []Environment
	Categories   []Category
	Langpacks    []Langpack
}

// Group is a set of packages, "@core" in kickstarts.
type Group struct {
	ID           string
	Name         Text
	Description  Text
	Default      bool   // installed unless asked otherwise
	UserVisible  bool   // shown to people who choose; the default is true
	BiarchOnly   bool   // only for hosts that run two architectures
	LangOnly     string // language code the group is for
	DisplayOrder int
	Packages     []Package
}

// Type says when a package of a group is installed.
type Type string

// The types. Conditional packages are installed when Package.Requires is.
const (
	Mandatory   Type = "mandatory"
	Default     Type = "default"
	Optional    Type = "optional"
	Conditional Type = "conditional"
)

// Package is one package of a group.
type Package struct {
	Name         string
	Type         Type   // Mandatory when the file does not say
	Requires     string // package that a conditional one waits for
	BasearchOnly bool
	Arches       []string // only on these; nil: on all
}

// Environment is a set of groups, "@^workstation-product-environment" in
// kickstarts.
type Environment struct {
	ID           string
	Name         Text
	Description  Text
	DisplayOrder int
	Groups       []GroupRef // always
	Options      []GroupRef // offered
}

// GroupRef names a group of an environment or a category.
type GroupRef struct {
	ID      string
	Default bool     // an option that is taken unless asked otherwise
	Arches  []string // only on these; nil: on all
}

// Category sorts groups for people.
type Category struct {
	ID           string
	Name         Text
	Description  Text
	DisplayOrder int
	Groups       []GroupRef
}

// Langpack says which package brings the language support of another.
type Langpack struct {
	Name    string // package that is installed
	Install string // package for a language, %s stands for its code
}

// Text is a text with its translations, by language code; "" is the original.
type Text map[string]string

// String returns the original.
func (t Text) String() string { return t[""] }

// Group returns the group of the id, nil without one.
func (c *Comps) Group(id string) *Group {
	for i := range c.Groups {
		if c.Groups[i].ID == id {
			return &c.Groups[i]
		}
	}
	return nil
}

// Environment returns the environment of the id, nil without one.
func (c *Comps) Environment(id string) *Environment {
	for i := range c.Environments {
		if c.Environments[i].ID == id {
			return &c.Environments[i]
		}
	}
	return nil
}

const (
	maxSize    = 256 << 20
	maxEntries = 1 << 20 // of groups, packages of all groups ...
)

// Read reads comps.xml, 256 MiB of it at most. Errors are *mdxml.FormatError or
// what r says.
func Read(r io.Reader) (*Comps, error) {
	x := &reader{Scanner: xmlscan.New(limitio.Reader(r, maxSize, "comps.xml"), xmlscan.Limits{Depth: 32, Token: 1 << 20})}
	if err := x.read(); err != nil {
		return nil, mdxml.Located("comps.xml", err)
	}
	return &x.c, nil
}

type reader struct {
	*xmlscan.Scanner
	c       Comps
	entries int
}

func (x *reader) read() error {
	if err := x.Root("", "comps"); err != nil {
		return err
	}
	err := x.Children(func(name string) error {
		if x.entries++; x.entries > maxEntries {
			return x.Fail("too many entries")
		}
		switch name {
		case "group":
			return x.readGroup()
		case "environment":
			return x.readEnvironment()
		case "category":
			return x.readCategory()
		case "langpacks":
			return x.Children(x.readLangpack)
		}
		return x.Skip()
	})
	if err != nil {
		return err
	}
	return x.Finish()
}

func (x *reader) readGroup() error {
	g := Group{UserVisible: true}
	err := x.Children(func(name string) (err error) {
		switch name {
		case "id":
			g.ID, err = x.ReadText()
		case "name":
			err = x.readTranslated(&g.Name)
		case "description":
			err = x.readTranslated(&g.Description)
		case "default":
			err = x.readBool(&g.Default)
		case "uservisible":
			err = x.readBool(&g.UserVisible)
		case "biarchonly":
			err = x.readBool(&g.BiarchOnly)
		case "langonly":
			g.LangOnly, err = x.ReadText()
		case "display_order":
			err = x.readInt(&g.DisplayOrder)
		case "packagelist":
			err = x.Children(func(name string) error { return x.readPackage(&g, name) })
		default:
			err = x.Skip()
		}
		return err
	})
	if err == nil && g.ID == "" {
		err = x.Fail("group without id")
	}
	x.c.Groups = append(x.c.Groups, g)
	return err
}

func (x *reader) readPackage(g *Group, name string) (err error) {
	if name != "packagereq" {
		return x.Skip()
	}
	if x.entries++; x.entries > maxEntries {
		return x.Fail("too many entries")
	}
	p := Package{
		Type: Type(x.AttrText("type")), Requires: x.AttrText("requires"),
		BasearchOnly: isTrue(x.AttrText("basearchonly")), Arches: list(x.AttrText("arch")),
	}
	if p.Type == "" {
		p.Type = Mandatory
	}
	if p.Name, err = x.ReadText(); err == nil && p.Name == "" {
		err = x.Fail("package without name in group " + g.ID)
	}
	g.Packages = append(g.Packages, p)
	return err
}

func (x *reader) readEnvironment() error {
	var e Environment
	err := x.Children(func(name string) (err error) {
		switch name {
		case "id":
			e.ID, err = x.ReadText()
		case "name":
			err = x.readTranslated(&e.Name)
		case "description":
			err = x.readTranslated(&e.Description)
		case "display_order":
			err = x.readInt(&e.DisplayOrder)
		case "grouplist":
			err = x.Children(func(name string) error { return x.readGroupRef(&e.Groups, name) })
		case "optionlist":
			err = x.Children(func(name string) error { return x.readGroupRef(&e.Options, name) })
		default:
			err = x.Skip()
		}
		return err
	})
	if err == nil && e.ID == "" {
		err = x.Fail("environment without id")
	}
	x.c.Environments = append(x.c.Environments, e)
	return err
}

func (x *reader) readCategory() error {
	var k Category
	err := x.Children(func(name string) (err error) {
		switch name {
		case "id":
			k.ID, err = x.ReadText()
		case "name":
			err = x.readTranslated(&k.Name)
		case "description":
			err = x.readTranslated(&k.Description)
		case "display_order":
			err = x.readInt(&k.DisplayOrder)
		case "grouplist":
			err = x.Children(func(name string) error { return x.readGroupRef(&k.Groups, name) })
		default:
			err = x.Skip()
		}
		return err
	})
	if err == nil && k.ID == "" {
		err = x.Fail("category without id")
	}
	x.c.Categories = append(x.c.Categories, k)
	return err
}

func (x *reader) readGroupRef(refs *[]GroupRef, name string) (err error) {
	if name != "groupid" {
		return x.Skip()
	}
	if x.entries++; x.entries > maxEntries {
		return x.Fail("too many entries")
	}
	ref := GroupRef{Default: isTrue(x.AttrText("default")), Arches: list(x.AttrText("arch"))}
	if ref.ID, err = x.ReadText(); err == nil && ref.ID == "" {
		err = x.Fail("groupid without text")
	}
	*refs = append(*refs, ref)
	return err
}

func (x *reader) readLangpack(name string) error {
	if name == "match" {
		if x.entries++; x.entries > maxEntries {
			return x.Fail("too many entries")
		}
		x.c.Langpacks = append(x.c.Langpacks, Langpack{Name: x.AttrText("name"), Install: x.AttrText("install")})
	}
	return x.Skip()
}

// readTranslated adds a text in the language of its xml:lang.
func (x *reader) readTranslated(t *Text) error {
	lang := x.AttrText("xml:lang")
	text, err := x.ReadText()
	if *t == nil {
		*t = Text{}
	}
	(*t)[lang] = text
	return err
}

// readBool reads true or false; anything else leaves what was there.
func (x *reader) readBool(b *bool) error {
	text, err := x.ReadText()
	switch {
	case isTrue(text):
		*b = true
	case strings.EqualFold(text, "false"), text == "0":
		*b = false
	}
	return err
}

func (x *reader) readInt(dst *int) error {
	n, err := x.ReadNumber()
	if err == nil && int64(int32(n)) != n {
		err = x.Fail(fmt.Sprintf("display_order %d is out of range", n))
	}
	*dst = int(n)
	return err
}

func isTrue(text string) bool { return strings.EqualFold(text, "true") || text == "1" }

// list cuts "x86_64,aarch64 s390x" apart.
func list(text string) []string {
	out := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	if len(out) == 0 {
		return nil
	}
	return out
}
