package check

import (
	"strings"

	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
)

// conditional tells whether the answer depends on who asks.
func conditional(r *rpm.Rich) bool {
	if r.Op == rpm.RichIf || r.Op == rpm.RichUnless {
		return true
	}
	for i := range r.Parts {
		if conditional(&r.Parts[i]) {
			return true
		}
	}
	return false
}

// asker is who has a rich dependency, and how it is judged.
type asker struct {
	ref
	withReplaced bool // packages that the side repo replaces count too
	// whenever takes every condition that can be met for met; otherwise only one
	// that the asker itself meets is.
	whenever bool
}

// met tells whether packages can be chosen, the asker among them, that meet the
// dependency. So (a if b) asks for nothing unless the asker is or provides b, or
// whenever is set and there is a b.
func (c *checker) met(r *rpm.Rich, by asker) bool {
	each := func(part int) bool { return c.met(&r.Parts[part], by) }
	switch r.Op {
	case rpm.RichNone:
		return c.anyone(index.RelationOf(r.Dep), by.withReplaced)
	case rpm.RichAnd:
		for i := range r.Parts {
			if !each(i) {
				return false
			}
		}
		return true
	case rpm.RichOr:
		for i := range r.Parts {
			if each(i) {
				return true
			}
		}
		return false
	case rpm.RichWith, rpm.RichWithout:
		return len(c.set(r, by.withReplaced)) > 0
	case rpm.RichIf, rpm.RichUnless:
		return c.metIf(r, by)
	}
	return false
}

// metIf judges (a if b else c) and (a unless b else c), which is (c if b else a)
// where nothing stands for a missing c.
func (c *checker) metIf(r *rpm.Rich, by asker) bool {
	on, off := &r.Parts[0], (*rpm.Rich)(nil)
	if len(r.Parts) == 3 {
		off = &r.Parts[2]
	}
	if r.Op == rpm.RichUnless {
		on, off = off, on
	}
	branch := func(part *rpm.Rich) bool { return part == nil || c.met(part, by) }
	can := c.met(&r.Parts[1], by)
	must := c.forced(&r.Parts[1], by.ref) || by.whenever && can
	return can && branch(on) || !must && branch(off)
}

// anyone tells whether some package meets a plain dependency.
func (c *checker) anyone(r index.Relation, withReplaced bool) bool {
	found := false
	stop := func(ref) bool {
		found = true
		return false
	}
	c.providers(r, withReplaced, stop)
	if !found && strings.HasPrefix(r.Name, "/") {
		c.pathOwners(r.Name, withReplaced, stop)
	}
	return found
}

// forced tells whether p alone meets the dependency.
func (c *checker) forced(r *rpm.Rich, p ref) bool {
	switch r.Op {
	case rpm.RichNone:
		return c.spend(provideCount(p.pkg)) && provides(p.pkg, index.RelationOf(r.Dep))
	case rpm.RichAnd, rpm.RichWith:
		for i := range r.Parts {
			if !c.forced(&r.Parts[i], p) {
				return false
			}
		}
		return true
	case rpm.RichOr:
		for i := range r.Parts {
			if c.forced(&r.Parts[i], p) {
				return true
			}
		}
		return false
	case rpm.RichWithout:
		return c.forced(&r.Parts[0], p) && !c.forced(&r.Parts[1], p)
	case rpm.RichIf, rpm.RichUnless:
		on := c.forced(&r.Parts[1], p)
		if on == (r.Op == rpm.RichIf) {
			return c.forced(&r.Parts[0], p)
		}
		return len(r.Parts) == 3 && c.forced(&r.Parts[2], p)
	}
	return false
}

// provideCount is how many comparisons provides makes at most.
func provideCount(p index.Package) int { return len(p.Rels(index.Provides)) + 1 }

// provides tells whether a package meets a plain dependency.
func provides(p index.Package, r index.Relation) bool {
	for o := range p.Relations(index.Provides) {
		if o.Meets(r) {
			return true
		}
	}
	if strings.HasPrefix(r.Name, "/") {
		for f := range p.Files() {
			if f == r.Name {
				return true
			}
		}
	}
	return false
}

// set lists the packages that meet a part of a with or without by themselves.
func (c *checker) set(r *rpm.Rich, withReplaced bool) map[ref]bool {
	out := map[ref]bool{}
	if r.Op == rpm.RichNone {
		rel := index.RelationOf(r.Dep)
		add := func(by ref) bool {
			out[by] = true
			return true
		}
		c.providers(rel, withReplaced, add)
		if len(out) == 0 && strings.HasPrefix(rel.Name, "/") {
			c.pathOwners(rel.Name, withReplaced, add)
		}
		return out
	}
	for i := range r.Parts {
		part := c.set(&r.Parts[i], withReplaced)
		if !c.spend(4 * (len(out) + len(part))) { // sets cost more than lists
			return nil
		}
		switch {
		case i == 0:
			out = part
		case r.Op == rpm.RichOr:
			for p := range part {
				out[p] = true
			}
		default:
			for p := range out {
				if part[p] == (r.Op == rpm.RichWithout) {
					delete(out, p)
				}
			}
		}
	}
	return out
}
