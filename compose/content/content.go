package content

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/typo"
	"github.com/fedora-respin/respin/kickstart/lint"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/comps"
	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Content is what some repositories hold for one architecture. It is not safe
// for concurrent use.
type Content struct {
	arch  string
	repos []*source
	names []string // of packages that can be installed, sorted
	rich  map[string]*rpm.Rich
}

var _ lint.Universe = (*Content)(nil)

// source is one repository.
type source struct {
	check.Repo
	comps *comps.Comps // nil: it has no groups
	paths *index.Paths // once they were asked for
	asked bool
	blind error // why they cannot be read
}

// New puts repositories together. groups are the comps of them all, in any
// order; nil ones are passed over.
func New(arch string, repos []check.Repo, groups ...*comps.Comps) *Content {
	c := &Content{arch: arch, rich: map[string]*rpm.Rich{}}
	for _, r := range repos {
		c.repos = append(c.repos, &source{Repo: r})
	}
	for _, g := range groups {
		if g != nil {
			c.AddGroups(g)
		}
	}
	seen := map[string]bool{}
	for _, s := range c.repos {
		for p := range s.Index.Packages() {
			if name := p.Name(); !seen[name] && c.installable(s, p) {
				seen[name] = true
				c.names = append(c.names, name)
			}
		}
	}
	slices.Sort(c.names)
	return c
}

// Load indexes the repositories, from the cache where it has them, and reads
// their groups.
func Load(ctx context.Context, cache index.Cache, arch string, sources ...check.Source) (*Content, error) {
	repos, err := check.Load(ctx, cache, sources...)
	if err != nil {
		return nil, fmt.Errorf("load content: %w", err)
	}
	var groups []*comps.Comps
	for _, s := range sources {
		g, err := s.Repo.Comps(ctx)
		if err != nil && !errors.Is(err, repo.ErrNoData) {
			return nil, fmt.Errorf("load content: %s: %w", s.Name, err)
		}
		groups = append(groups, g)
	}
	return New(arch, repos, groups...), nil
}

// HasGroups tells whether any repository has groups: without, nothing can be
// said about them.
func (c *Content) HasGroups() bool {
	return slices.ContainsFunc(c.repos, func(s *source) bool { return s.comps != nil })
}

// installable tells whether a package of the repository can be installed on the
// architecture, or beside it.
func (c *Content) installable(s *source, p index.Package) bool {
	return c.runs(p.Arch()) && (s.Hidden == nil || !s.Hidden(p))
}

// runs tells which packages the architecture can run (rpm's arch_compat, as far
// as Fedora builds).
func (c *Content) runs(arch string) bool {
	switch {
	case arch == c.arch || arch == "noarch":
		return true
	case c.arch == "x86_64":
		return arch == "i686" || arch == "x86_64_v2"
	}
	return false
}

// native tells whether a package is taken without being asked for by its
// architecture.
func (c *Content) native(p index.Package) bool { return p.Arch() != "i686" || c.arch == "i686" }

// all yields what find gives for each repository, as far as it is installable.
func (c *Content) all(find func(*source) func(yield func(index.Package) bool), yield func(index.Package) bool) {
	for _, s := range c.repos {
		for p := range find(s) {
			if c.installable(s, p) && !yield(p) {
				return
			}
		}
	}
}

// HasPackage implements lint.Universe.
func (c *Content) HasPackage(spec string) (found bool, near string) {
	if len(c.match(spec)) > 0 {
		return true, ""
	}
	if strings.ContainsAny(spec, "*?[/") {
		return false, ""
	}
	return false, typo.Closest(spec, c.names)
}

// HasGroup implements lint.Universe. Where no repository has groups, every
// group is taken to exist.
func (c *Content) HasGroup(id string) (found bool, near string) {
	var ids []string
	for _, s := range c.repos {
		if s.comps == nil {
			continue
		}
		for i := range s.comps.Groups {
			g := &s.comps.Groups[i]
			if g.ID == id || g.Name.String() == id {
				return true, ""
			}
			ids = append(ids, g.ID)
		}
	}
	return !c.HasGroups(), typo.Closest(id, ids)
}

// HasEnvironment implements lint.Universe. Where no repository has groups,
// every environment is taken to exist.
func (c *Content) HasEnvironment(id string) (found bool, near string) {
	var ids []string
	for _, s := range c.repos {
		if s.comps == nil {
			continue
		}
		for i := range s.comps.Environments {
			e := &s.comps.Environments[i]
			if e.ID == id || e.Name.String() == id {
				return true, ""
			}
			ids = append(ids, e.ID)
		}
	}
	near = typo.Closest(id, ids)
	if near == "" {
		near = typo.Closest(id+"-environment", ids)
	}
	return !c.HasGroups(), near
}

// UnitOwners implements lint.Universe. An instance, as getty@tty1.service, is
// of its template.
func (c *Content) UnitOwners(ctx context.Context, unit string) (owners []string, known bool, err error) {
	names := []string{unit}
	if name, instance, ok := strings.Cut(unit, "@"); ok {
		if i := strings.LastIndexByte(instance, '.'); i > 0 {
			names = append(names, name+"@"+instance[i:])
		}
	}
	for _, s := range c.repos {
		paths, err := s.files(ctx)
		if err != nil {
			return nil, false, fmt.Errorf("find unit %s: %w", unit, err)
		}
		if paths == nil || paths.Len() == 0 {
			continue
		}
		known = true
		for _, name := range names {
			for p := range paths.Owners(s.Index, "/usr/lib/systemd/system/"+name) {
				if c.installable(s, p) && !slices.Contains(owners, p.Name()) {
					owners = append(owners, p.Name())
				}
			}
		}
	}
	slices.Sort(owners)
	return owners, known && (len(owners) > 0 || len(c.Unread()) == 0), nil
}

// files reads the file lists of a repository once; nil when it has none or they
// cannot be read, which Unread tells then.
func (s *source) files(ctx context.Context) (*index.Paths, error) {
	if s.asked || s.Paths == nil {
		return s.paths, nil
	}
	paths, err := s.Paths(ctx)
	if ctx.Err() != nil {
		return nil, err
	}
	s.paths, s.blind, s.asked = paths, err, true
	return paths, nil
}

// Unread tells why the file lists of repositories could not be read, as far as
// they were needed. Requirements of paths and units of services are not judged
// then; everything else is.
func (c *Content) Unread() []error {
	var list []error
	for _, s := range c.repos {
		if s.blind != nil {
			list = append(list, fmt.Errorf("file lists of %s: %w", s.Name, s.blind))
		}
	}
	return list
}

// AddGroups adds the comps of another source, for repositories that have none.
func (c *Content) AddGroups(groups *comps.Comps) {
	c.repos = append(c.repos, &source{Repo: check.Repo{Index: &index.Index{}}, comps: groups})
}
