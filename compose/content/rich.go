package content

import (
	"slices"
	"strings"

	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
)

// parse reads a rich dependency once; nil for one that is none.
func (c *Content) parse(text string) *rpm.Rich {
	r, ok := c.rich[text]
	if !ok {
		r, _ = rpm.ParseRich(text)
		c.rich[text] = r
	}
	return r
}

// holds tells whether the packages that were chosen meet a dependency.
func (s *selection) holds(r index.Relation) bool {
	if !r.IsRich() {
		return s.anyChosen(s.providers(r))
	}
	rich := s.parse(r.Name)
	return rich != nil && s.richHolds(rich)
}

func (s *selection) richHolds(r *rpm.Rich) bool {
	part := func(i int) bool { return i < len(r.Parts) && s.richHolds(&r.Parts[i]) }
	switch r.Op {
	case rpm.RichNone:
		return s.anyChosen(s.providers(index.RelationOf(r.Dep)))
	case rpm.RichAnd:
		return !slices.ContainsFunc(r.Parts, func(p rpm.Rich) bool { return !s.richHolds(&p) })
	case rpm.RichOr:
		return slices.ContainsFunc(r.Parts, func(p rpm.Rich) bool { return s.richHolds(&p) })
	case rpm.RichWith, rpm.RichWithout:
		return s.anyChosen(s.together(r))
	case rpm.RichIf:
		if part(1) {
			return part(0)
		}
		return len(r.Parts) < 3 || part(2)
	case rpm.RichUnless:
		if part(1) {
			return part(2)
		}
		return part(0)
	}
	return false
}

// requireRich makes sure that a rich dependency is met.
func (s *selection) requireRich(r *rpm.Rich, by index.Package, must bool) {
	if s.richHolds(r) && r.Op != rpm.RichIf && r.Op != rpm.RichUnless {
		return
	}
	switch r.Op {
	case rpm.RichNone:
		s.require(index.RelationOf(r.Dep), by, must)
	case rpm.RichAnd:
		for i := range r.Parts {
			s.requireRich(&r.Parts[i], by, must)
		}
	case rpm.RichOr:
		for i := range r.Parts {
			if s.can(&r.Parts[i]) {
				s.requireRich(&r.Parts[i], by, must)
				return
			}
		}
		if must {
			s.requireRich(&r.Parts[0], by, must)
		}
	case rpm.RichWith, rpm.RichWithout:
		if p, ok := s.pick(s.together(r), "", must); ok {
			s.take(p)
		} else if must && !s.missed[by.Name()+" "+describe(r)] {
			s.missed[by.Name()+" "+describe(r)] = true
			s.miss(describe(r), by, nil)
		}
	case rpm.RichIf, rpm.RichUnless:
		s.requireIf(r, by, must)
	}
}

// requireIf meets the branch whose condition holds now, and remembers the other
// for when that changes.
func (s *selection) requireIf(r *rpm.Rich, by index.Package, must bool) {
	on, off := &r.Parts[0], (*rpm.Rich)(nil)
	if len(r.Parts) == 3 {
		off = &r.Parts[2]
	}
	if r.Op == rpm.RichUnless {
		on, off = off, on
	}
	if s.richHolds(&r.Parts[1]) {
		if on != nil {
			s.requireRich(on, by, must)
		}
		return
	}
	if off != nil {
		s.requireRich(off, by, must)
	}
	s.later = append(s.later, conditional{r, by, must})
}

// can tells whether a part could be met by packages that are not kept out.
func (s *selection) can(r *rpm.Rich) bool {
	switch r.Op {
	case rpm.RichNone:
		return s.meetable(index.RelationOf(r.Dep))
	case rpm.RichAnd:
		return !slices.ContainsFunc(r.Parts, func(p rpm.Rich) bool { return !s.can(&p) })
	case rpm.RichOr:
		return slices.ContainsFunc(r.Parts, func(p rpm.Rich) bool { return s.can(&p) })
	case rpm.RichWith, rpm.RichWithout:
		return slices.ContainsFunc(s.together(r), s.usable)
	default:
		return true
	}
}

// together lists the packages that meet all parts of a with, or the first and
// not the second of a without.
func (s *selection) together(r *rpm.Rich) []index.Package {
	if r.Op == rpm.RichNone {
		return s.candidates(index.RelationOf(r.Dep))
	}
	if r.Op == rpm.RichOr {
		var out []index.Package
		for i := range r.Parts {
			out = append(out, s.together(&r.Parts[i])...)
		}
		return out
	}
	out := s.together(&r.Parts[0])
	for i := range r.Parts[1:] {
		other := s.together(&r.Parts[i+1])
		out = slices.DeleteFunc(slices.Clone(out), func(p index.Package) bool {
			return slices.Contains(other, p) == (r.Op == rpm.RichWithout)
		})
	}
	return out
}

// describe writes a rich dependency.
func describe(r *rpm.Rich) string {
	if r.Op == rpm.RichNone {
		return index.RelationOf(r.Dep).String()
	}
	parts := make([]string, len(r.Parts))
	for i := range r.Parts {
		parts[i] = describe(&r.Parts[i])
	}
	return "(" + strings.Join(parts, " "+r.Op.String()+" ") + ")"
}
