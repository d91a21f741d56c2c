package check

import (
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
)

// checkBase looks at what the side repo does to the packages of another one.
func (c *checker) checkBase(i int) {
	v := c.repos[i]
	lost := c.lostNames(v)
	broken := map[index.Rel]bool{} // by requirement, for those that look at p alone
	for p := range v.Index.Packages() {
		if !c.spend(1) {
			return
		}
		if v.state[p.Number()] != visible {
			continue
		}
		q := ref{i, p}
		c.checkTowardSide(q)
		if len(lost) == 0 {
			continue
		}
		for _, rel := range p.Rels(index.Requires) {
			bad, known := broken[rel]
			if !known {
				var odd bool
				if bad, odd = c.breaks(v, rel, lost, q); !odd {
					broken[rel] = bad
				}
			}
			if bad {
				r := v.Index.Relation(rel)
				c.add(Problem{
					Severity: Warning, Code: Breaks, Package: p.String(), Repo: v.Name, Requirement: r.String(),
					Text: fmt.Sprintf("nothing provides %s needed by %s from %s any more: only packages that the side repo replaces did", r, p, v.Name),
				})
			}
		}
	}
}

// checkTowardSide looks whether q conflicts with a package of the side repo or
// obsoletes it, where it did neither to the version that this replaces.
func (c *checker) checkTowardSide(q ref) {
	side := c.repos[0]
	for rel := range q.pkg.Relations(index.Obsoletes) {
		for s := range side.Index.Named(rel.Name) {
			if !c.spend(1) {
				return
			}
			if side.state[s.Number()] == visible && s.Name() != q.pkg.Name() && obsoletes(rel, s) && c.room(Obsoleted) {
				c.add(Problem{
					Severity: Warning, Code: Obsoleted, Package: s.String(), Repo: side.Name, Requirement: rel.String(),
					Other: q.pkg.String(), OtherRepo: c.nameOf(q),
					Text: fmt.Sprintf("package %s obsoletes %s provided by %s", q.pkg, rel, s),
				})
			}
		}
	}
	for rel := range q.pkg.Relations(index.Conflicts) {
		if rel.IsRich() {
			continue
		}
		if !c.spend(side.Index.Offered(rel.Name)) {
			return
		}
		for s := range side.Index.Providers(rel) {
			if side.state[s.Number()] != visible || s.Name() == q.pkg.Name() || c.didBefore(s, rel) || !c.room(ConflictsBase) {
				continue
			}
			c.add(Problem{
				Severity: Warning, Code: ConflictsBase, Package: s.String(), Repo: side.Name, Requirement: rel.String(),
				Other: q.pkg.String(), OtherRepo: c.nameOf(q),
				Text: fmt.Sprintf("package %s conflicts with %s provided by %s", q.pkg, rel, s),
			})
		}
	}
}

// didBefore tells whether a version that s replaces provides the same.
func (c *checker) didBefore(s index.Package, rel index.Relation) bool {
	for _, v := range c.repos[1:] {
		for old := range v.Index.Named(s.Name()) {
			if v.state[old.Number()] == replaced && c.spend(provideCount(old)) && provides(old, rel) {
				return true
			}
		}
	}
	return false
}

// lostNames lists, in the numbers of v, the names of what replaced packages
// provide: only requirements of these can break.
func (c *checker) lostNames(v *view) map[index.Str]bool {
	lost := map[index.Str]bool{}
	add := func(name string) {
		if s, ok := v.Index.Find(name); ok {
			lost[s] = true
		}
	}
	for _, other := range c.repos[1:] {
		for p := range other.Index.Packages() {
			if other.state[p.Number()] != replaced {
				continue
			}
			for rel := range p.Relations(index.Provides) {
				add(rel.Name)
			}
			for f := range p.Files() {
				add(f)
			}
		}
	}
	return lost
}

// breaks tells whether a requirement of q was met by replaced packages alone.
// odd: the answer holds for q only.
func (c *checker) breaks(v *view, rel index.Rel, lost map[index.Str]bool, q ref) (bad, odd bool) {
	r := v.Index.Relation(rel)
	if !r.IsRich() {
		if !lost[v.Index.RelationName(rel)] {
			return false, false
		}
		return !c.primaryMeets(r, false) && c.primaryMeets(r, true), false
	}
	rich, err := c.parseRich(r.Name)
	if err != nil || !c.anyLost(rich, v, lost) {
		return false, false
	}
	return !c.met(rich, asker{ref: q}) && c.met(rich, asker{ref: q, withReplaced: true}), conditional(rich)
}

func (c *checker) primaryMeets(r index.Relation, withReplaced bool) bool {
	found := false
	c.providers(r, withReplaced, func(ref) bool {
		found = true
		return false
	})
	return found
}

// anyLost tells whether a name in a rich dependency is among those lost. Paths
// count only when they are primary files: nobody reads file lists for this.
func (c *checker) anyLost(r *rpm.Rich, v *view, lost map[index.Str]bool) bool {
	if r.Op == rpm.RichNone {
		s, ok := v.Index.Find(r.Dep.Name)
		return ok && lost[s] && (!strings.HasPrefix(r.Dep.Name, "/") || c.primaryMeets(index.RelationOf(r.Dep), true))
	}
	for i := range r.Parts {
		if c.anyLost(&r.Parts[i], v, lost) {
			return true
		}
	}
	return false
}
