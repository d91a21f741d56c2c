package content

import (
	"slices"

	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/repo/comps"
)

// groupPackages lists the packages that the groups and the environment of a
// kickstart bring.
func (c *Content) groupPackages(p kickstart.Packages) []string {
	var out []string
	levels := map[string]kickstart.GroupLevel{}
	var order []string
	add := func(id string, level kickstart.GroupLevel) {
		if _, ok := levels[id]; !ok && !slices.Contains(p.ExcludedGroups, id) {
			levels[id] = level
			order = append(order, id)
		}
	}
	for _, g := range p.Groups {
		add(g.Name, g.Level)
	}
	if !p.NoCore {
		add("core", kickstart.GroupDefault)
	}
	for _, id := range c.EnvironmentGroups(p.Environment) {
		add(id, kickstart.GroupDefault)
	}
	var waiting []comps.Package
	for _, id := range order {
		for _, g := range c.groups(id) {
			for _, pkg := range g.Packages {
				switch {
				case !c.forArch(pkg.Arches) || g.BiarchOnly && c.arch != "x86_64":
				case pkg.Type == comps.Conditional:
					waiting = append(waiting, pkg)
				case wanted(pkg.Type, levels[id]):
					out = append(out, pkg.Name)
				}
			}
		}
	}
	for _, pkg := range waiting {
		if slices.Contains(out, pkg.Requires) || slices.Contains(p.Packages, pkg.Requires) {
			out = append(out, pkg.Name)
		}
	}
	return out
}

// wanted tells whether the level of a group takes a package of the type.
func wanted(t comps.Type, level kickstart.GroupLevel) bool {
	switch t {
	case comps.Mandatory:
		return true
	case comps.Default:
		return level != kickstart.GroupMandatory
	case comps.Optional:
		return level == kickstart.GroupOptional
	default:
		return false
	}
}

// groups finds a group, by id or name, in all repositories: each may know a
// part of it.
func (c *Content) groups(id string) []*comps.Group {
	var out []*comps.Group
	for _, s := range c.repos {
		if s.comps == nil {
			continue
		}
		for i := range s.comps.Groups {
			if g := &s.comps.Groups[i]; g.ID == id || g.Name.String() == id {
				out = append(out, g)
			}
		}
	}
	return out
}

// EnvironmentGroups lists the groups that an environment, by its id or name,
// brings by itself.
func (c *Content) EnvironmentGroups(id string) []string {
	var out []string
	if id == "" {
		return nil
	}
	for _, s := range c.repos {
		if s.comps == nil {
			continue
		}
		for i := range s.comps.Environments {
			e := &s.comps.Environments[i]
			if e.ID != id && e.Name.String() != id {
				continue
			}
			for _, g := range e.Groups {
				if c.forArch(g.Arches) {
					out = append(out, g.ID)
				}
			}
			for _, g := range e.Options {
				if g.Default && c.forArch(g.Arches) {
					out = append(out, g.ID)
				}
			}
		}
	}
	return out
}

// forArch tells whether something that is only for some architectures is for
// this one.
func (c *Content) forArch(arches []string) bool {
	return arches == nil || slices.Contains(arches, c.arch)
}
