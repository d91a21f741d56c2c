package content

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/repo/index"
)

// match finds the packages that a line of %packages means: by name or glob, by
// name.arch, by name-version and longer forms, by a capability or path. Of each
// name there is the newest one, of the own architecture before others.
func (c *Content) match(spec string) []index.Package {
	if strings.ContainsAny(spec, "*?[") {
		return c.glob(spec)
	}
	if list := c.best(c.named(spec)); len(list) > 0 {
		return list
	}
	if i := strings.LastIndexByte(spec, '.'); i > 0 && c.runs(spec[i+1:]) {
		if list := c.best(ofArch(c.named(spec[:i]), spec[i+1:])); len(list) > 0 {
			return list
		}
	}
	if list := c.best(c.versioned(spec)); len(list) > 0 {
		return list
	}
	if list := c.best(c.providers(index.Relation{Name: spec})); len(list) > 0 {
		return list[:1]
	}
	return nil
}

// named lists the packages of a name.
func (c *Content) named(name string) []index.Package {
	var out []index.Package
	c.all(func(s *source) func(func(index.Package) bool) { return s.Index.Named(name) }, func(p index.Package) bool {
		out = append(out, p)
		return true
	})
	return out
}

// providers lists the packages that provide a capability or have a primary
// file.
func (c *Content) providers(r index.Relation) []index.Package {
	var out []index.Package
	c.all(func(s *source) func(func(index.Package) bool) { return s.Index.Providers(r) }, func(p index.Package) bool {
		out = append(out, p)
		return true
	})
	return out
}

// versioned finds name-version, name-version-release and those with an epoch
// or an architecture.
func (c *Content) versioned(spec string) []index.Package {
	var out []index.Package
	for i := strings.LastIndexByte(spec, '-'); i > 0; i = strings.LastIndexByte(spec[:i], '-') {
		rest := spec[i+1:]
		for _, p := range c.named(spec[:i]) {
			evr := p.EVR()
			forms := []string{evr.Version, evr.Version + "-" + evr.Release, evr.Version + "-" + evr.Release + "." + p.Arch()}
			epoch, after, hasEpoch := strings.Cut(rest, ":")
			if hasEpoch && epoch == strconv.FormatUint(uint64(evr.Epoch), 10) {
				rest = after
			}
			if slices.Contains(forms, rest) {
				out = append(out, p)
			}
		}
		if strings.Count(spec[i:], "-") >= 2 {
			break
		}
	}
	return out
}

// glob finds packages by a pattern on the name, or on name.arch.
func (c *Content) glob(pattern string) []index.Package {
	var out []index.Package
	for _, name := range c.names {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			out = append(out, c.best(c.named(name))...)
		}
	}
	i := strings.LastIndexByte(pattern, '.')
	if len(out) > 0 || i < 0 || !c.runs(pattern[i+1:]) {
		return out
	}
	for _, name := range c.names {
		if ok, err := path.Match(pattern[:i], name); err == nil && ok {
			out = append(out, c.best(ofArch(c.named(name), pattern[i+1:]))...)
		}
	}
	return out
}

func ofArch(list []index.Package, arch string) []index.Package {
	return slices.DeleteFunc(list, func(p index.Package) bool { return p.Arch() != arch })
}

// best keeps of each name the newest package, of the own architecture before
// others.
func (c *Content) best(list []index.Package) []index.Package {
	var out []index.Package
	for _, p := range list {
		i := slices.IndexFunc(out, func(o index.Package) bool { return o.Name() == p.Name() })
		switch {
		case i < 0:
			out = append(out, p)
		case c.better(p, out[i]):
			out[i] = p
		}
	}
	return out
}

// better tells whether p is taken before o, a package of the same name.
func (c *Content) better(p, o index.Package) bool {
	if c.native(p) != c.native(o) {
		return c.native(p)
	}
	return p.EVR().Compare(o.EVR()) > 0
}
