package check

import (
	"fmt"

	"github.com/fedora-respin/respin/repo/index"
)

// checkConflicts looks for packages that p does not want beside it.
func (c *checker) checkConflicts(p ref) {
	for rel := range p.pkg.Relations(index.Conflicts) {
		if rel.IsRich() {
			continue // it depends on what else is installed
		}
		c.providers(rel, false, func(q ref) bool {
			if q == p || q.pkg.Name() == p.pkg.Name() {
				return true // of a package there is one version anyway
			}
			severity, code := Note, ConflictsBase
			if q.repo == 0 {
				severity, code = Error, Conflict
			}
			if !c.room(code) {
				return true
			}
			c.add(Problem{
				Severity: severity, Code: code, Package: p.pkg.String(), Repo: c.nameOf(p), Requirement: rel.String(),
				Other: q.pkg.String(), OtherRepo: c.nameOf(q),
				Text: fmt.Sprintf("package %s conflicts with %s provided by %s", p.pkg, rel, q.pkg),
			})
			return true
		})
	}
	for rel := range p.pkg.Relations(index.Obsoletes) {
		for s := range c.repos[0].Index.Named(rel.Name) {
			if !c.spend(1) {
				return
			}
			if q := (ref{0, s}); c.repos[0].state[s.Number()] == visible && s.Name() != p.pkg.Name() && obsoletes(rel, s) && c.room(Obsoleted) {
				c.add(Problem{
					Severity: Error, Code: Obsoleted, Package: s.String(), Repo: c.nameOf(q), Requirement: rel.String(),
					Other: p.pkg.String(), OtherRepo: c.nameOf(p),
					Text: fmt.Sprintf("package %s obsoletes %s provided by %s", p.pkg, rel, s),
				})
			}
		}
	}
}

// checkInstallable looks whether one of the packages that meet a requirement
// of p can stand beside p.
func (c *checker) checkInstallable(p ref, rel index.Rel, v *verdict) {
	if v.more || len(v.by) == 0 {
		return
	}
	var why []string
	for _, q := range v.by {
		reason := c.clash(p, q)
		if reason == "" {
			return
		}
		why = append(why, reason)
	}
	r := p.pkg.Index().Relation(rel)
	c.add(Problem{
		Severity: Error, Code: NotInstallable, Package: p.pkg.String(), Repo: c.nameOf(p), Requirement: r.String(),
		Text: fmt.Sprintf("package %s requires %s, but none of the providers can be installed", p.pkg, r), Misses: why,
	})
}

// clash says why two packages cannot be installed together, "" when they can.
func (c *checker) clash(p, q ref) string {
	if p == q {
		return ""
	}
	if p.pkg.Name() == q.pkg.Name() && p.pkg.EVR().Compare(q.pkg.EVR()) != 0 && !staysBeside(p.pkg) {
		return fmt.Sprintf("cannot install both %s and %s", p.pkg, q.pkg)
	}
	for _, pair := range [][2]ref{{p, q}, {q, p}} {
		a, b := pair[0].pkg, pair[1].pkg
		for rel := range a.Relations(index.Conflicts) {
			if !rel.IsRich() && c.spend(provideCount(b)) && provides(b, rel) {
				return fmt.Sprintf("package %s conflicts with %s provided by %s", a, rel, b)
			}
		}
		for rel := range a.Relations(index.Obsoletes) {
			if a.Name() != b.Name() && obsoletes(rel, b) {
				return fmt.Sprintf("package %s obsoletes %s provided by %s", a, rel, b)
			}
		}
	}
	return ""
}
