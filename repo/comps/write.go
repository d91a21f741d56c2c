package comps

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Write writes the groups as comps.xml, in their order and with every text in
// the order of its language codes, so that the same Comps give the same bytes.
// Read gives them back.
func (c *Comps) Write(w io.Writer) error {
	x := &writer{}
	x.line(0, `<?xml version="1.0" encoding="UTF-8"?>`)
	x.line(0, `<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">`)
	x.line(0, "<comps>")
	for i := range c.Groups {
		x.group(&c.Groups[i])
	}
	for i := range c.Environments {
		e := &c.Environments[i]
		x.line(1, "<environment>")
		x.head(e.ID, e.Name, e.Description, e.DisplayOrder)
		x.refs("grouplist", e.Groups)
		x.refs("optionlist", e.Options)
		x.line(1, "</environment>")
	}
	for i := range c.Categories {
		k := &c.Categories[i]
		x.line(1, "<category>")
		x.head(k.ID, k.Name, k.Description, k.DisplayOrder)
		x.refs("grouplist", k.Groups)
		x.line(1, "</category>")
	}
	if len(c.Langpacks) > 0 {
		x.line(1, "<langpacks>")
		for _, l := range c.Langpacks {
			x.line(2, "<match"+attr("install", l.Install)+attr("name", l.Name)+"/>")
		}
		x.line(1, "</langpacks>")
	}
	x.line(0, "</comps>")
	if _, err := io.WriteString(w, x.b.String()); err != nil {
		return fmt.Errorf("write comps: %w", err)
	}
	return nil
}

type writer struct{ b strings.Builder }

func (x *writer) line(depth int, text string) {
	x.b.WriteString(strings.Repeat("  ", depth) + text + "\n")
}

func (x *writer) group(g *Group) {
	x.line(1, "<group>")
	x.element("id", "", g.ID)
	x.texts("name", g.Name)
	x.texts("description", g.Description)
	x.element("default", "", strconv.FormatBool(g.Default))
	x.element("uservisible", "", strconv.FormatBool(g.UserVisible))
	if g.BiarchOnly {
		x.element("biarchonly", "", "true")
	}
	if g.LangOnly != "" {
		x.element("langonly", "", g.LangOnly)
	}
	if g.DisplayOrder != 0 {
		x.element("display_order", "", strconv.Itoa(g.DisplayOrder))
	}
	x.line(2, "<packagelist>")
	for i := range g.Packages {
		p := &g.Packages[i]
		var attrs string
		if p.BasearchOnly {
			attrs = attr("basearchonly", "true")
		}
		attrs += attr("arch", strings.Join(p.Arches, ",")) + attr("requires", p.Requires) + attr("type", string(p.Type))
		x.line(3, "<packagereq"+attrs+">"+escape(p.Name)+"</packagereq>")
	}
	x.line(2, "</packagelist>")
	x.line(1, "</group>")
}

func (x *writer) head(id string, name, description Text, order int) {
	x.element("id", "", id)
	x.texts("name", name)
	x.texts("description", description)
	if order != 0 {
		x.element("display_order", "", strconv.Itoa(order))
	}
}

func (x *writer) refs(list string, refs []GroupRef) {
	x.line(2, "<"+list+">")
	for _, r := range refs {
		attrs := attr("arch", strings.Join(r.Arches, ","))
		if r.Default {
			attrs += attr("default", "true")
		}
		x.line(3, "<groupid"+attrs+">"+escape(r.ID)+"</groupid>")
	}
	x.line(2, "</"+list+">")
}

func (x *writer) texts(name string, t Text) {
	for _, lang := range slices.Sorted(maps.Keys(t)) {
		x.element(name, attr("xml:lang", lang), t[lang])
	}
}

func (x *writer) element(name, attrs, text string) {
	x.line(2, "<"+name+attrs+">"+escape(text)+"</"+name+">")
}

func attr(name, value string) string {
	if value == "" {
		return ""
	}
	return " " + name + `="` + escape(value) + `"`
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes all
	return b.String()
}

// Only returns the groups that a repository with these packages can serve: each
// group keeps the packages that are there, and is left out when one that it must
// have is not, or when nothing is left of it. Environments that lack a group that
// they must have are left out too, with categories that lack all of theirs and
// langpacks that are not there. A package without arch is meant for arch.
func (c *Comps) Only(arch string, has func(pkg string) bool) *Comps {
	out := &Comps{}
	kept := map[string]bool{}
	for _, g := range c.Groups {
		whole := true
		var list []Package
		for _, p := range g.Packages {
			switch {
			case len(p.Arches) > 0 && !slices.Contains(p.Arches, arch):
			case has(p.Name):
				list = append(list, p)
			case p.Type == Mandatory:
				whole = false
			}
		}
		if whole && len(list) > 0 {
			g.Packages = list
			out.Groups = append(out.Groups, g)
			kept[g.ID] = true
		}
	}
	there := func(r GroupRef) bool { return kept[r.ID] }
	missing := func(r GroupRef) bool {
		return !kept[r.ID] && (len(r.Arches) == 0 || slices.Contains(r.Arches, arch))
	}
	for _, e := range c.Environments {
		if len(e.Groups) == 0 || slices.ContainsFunc(e.Groups, missing) {
			continue
		}
		e.Groups, e.Options = filter(e.Groups, there), filter(e.Options, there)
		out.Environments = append(out.Environments, e)
	}
	for _, k := range c.Categories {
		if k.Groups = filter(k.Groups, there); len(k.Groups) > 0 {
			out.Categories = append(out.Categories, k)
		}
	}
	for _, l := range c.Langpacks {
		if has(l.Name) {
			out.Langpacks = append(out.Langpacks, l)
		}
	}
	return out
}

func filter(refs []GroupRef, keep func(GroupRef) bool) []GroupRef {
	var out []GroupRef
	for _, r := range refs {
		if keep(r) {
			out = append(out, r)
		}
	}
	return out
}

// Merge puts the groups of several repositories together: a group, environment
// or category that comes more than once is that of the first, with the packages
// or groups that the others add. Nil ones are passed over.
func Merge(all ...*Comps) *Comps {
	out := &Comps{}
	groups, environments, categories := map[string]int{}, map[string]int{}, map[string]int{}
	for _, c := range all {
		if c == nil {
			continue
		}
		for _, g := range c.Groups {
			if i, ok := groups[g.ID]; ok {
				old := &out.Groups[i]
				old.Packages = add(old.Packages, g.Packages, func(p Package) string { return p.Name })
			} else {
				groups[g.ID], g.Packages = len(out.Groups), slices.Clone(g.Packages)
				out.Groups = append(out.Groups, g)
			}
		}
		ref := func(r GroupRef) string { return r.ID }
		for _, e := range c.Environments {
			if i, ok := environments[e.ID]; ok {
				old := &out.Environments[i]
				old.Groups, old.Options = add(old.Groups, e.Groups, ref), add(old.Options, e.Options, ref)
			} else {
				environments[e.ID], e.Groups, e.Options = len(out.Environments), slices.Clone(e.Groups), slices.Clone(e.Options)
				out.Environments = append(out.Environments, e)
			}
		}
		for _, k := range c.Categories {
			if i, ok := categories[k.ID]; ok {
				out.Categories[i].Groups = add(out.Categories[i].Groups, k.Groups, ref)
			} else {
				categories[k.ID], k.Groups = len(out.Categories), slices.Clone(k.Groups)
				out.Categories = append(out.Categories, k)
			}
		}
		out.Langpacks = add(out.Langpacks, c.Langpacks, func(l Langpack) Langpack { return l })
	}
	return out
}

// add appends those whose key is not there.
func add[T any, K comparable](list, more []T, key func(T) K) []T {
	seen := make(map[K]bool, len(list)+len(more))
	for _, x := range list {
		seen[key(x)] = true
	}
	for _, x := range more {
		if !seen[key(x)] {
			seen[key(x)] = true
			list = append(list, x)
		}
	}
	return list
}
