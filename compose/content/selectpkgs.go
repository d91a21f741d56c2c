package content

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/kickstart/lint"
	"github.com/fedora-respin/respin/repo/comps"
	"github.com/fedora-respin/respin/repo/index"
)

// Selection is a set of packages with everything that they require.
type Selection struct {
	Packages []Chosen // sorted by NEVRA
	// Missing are requirements that nothing meets.
	Missing []lint.Missing
	// Unknown are names of packages, groups and environments ("@name", "@^name")
	// that no repository has.
	Unknown []string
}

// Chosen is a package of a Selection.
type Chosen struct {
	index.Package
	Repo int // number of its repository, as they were given to New or Load
}

// Select chooses as Forecast does and says which packages these are: those to
// put on a medium. A nil error with Missing or Unknown means that the set is not
// what was asked for.
func (c *Content) Select(ctx context.Context, p kickstart.Packages) (*Selection, error) {
	out := &Selection{Unknown: c.unknown(p)}
	s, err := c.choose(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("select packages: %w", err)
	}
	out.Missing = s.missing
	for _, versions := range s.chosen {
		for _, pkg := range versions {
			at := slices.IndexFunc(c.repos, func(r *source) bool { return r.Index == pkg.Index() })
			out.Packages = append(out.Packages, Chosen{Package: pkg, Repo: at})
		}
	}
	slices.SortFunc(out.Packages, func(a, b Chosen) int { return cmp.Compare(a.String(), b.String()) })
	return out, nil
}

// unknown lists what the kickstart names and nobody has.
func (c *Content) unknown(p kickstart.Packages) []string {
	var out []string
	for _, name := range p.Packages {
		if !strings.ContainsAny(name, "*?[") && len(c.match(name)) == 0 {
			out = append(out, name)
		}
	}
	for _, g := range p.Groups {
		if len(c.groups(g.Name)) == 0 {
			out = append(out, "@"+g.Name)
		}
	}
	if p.Environment != "" && !c.hasEnvironment(p.Environment) {
		out = append(out, "@^"+p.Environment)
	}
	return out
}

func (c *Content) hasEnvironment(id string) bool {
	return slices.ContainsFunc(c.repos, func(s *source) bool {
		return s.comps != nil && slices.ContainsFunc(s.comps.Environments, func(e comps.Environment) bool { return e.ID == id || e.Name.String() == id })
	})
}

// Comps returns the groups of all repositories, put together.
func (c *Content) Comps() *comps.Comps {
	all := make([]*comps.Comps, len(c.repos))
	for i, s := range c.repos {
		all[i] = s.comps
	}
	return comps.Merge(all...)
}
