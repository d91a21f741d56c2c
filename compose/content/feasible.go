package content

import (
	"slices"
	"strings"

	"github.com/fedora-respin/respin/repo/index"
)

// feasible tells whether all that a package requires is there, in packages of
// which the same holds. dnf leaves a recommended
// package out when it cannot be installed, and takes an older version, or another
// provider, of what is required.
func (s *selection) feasible(p index.Package) bool {
	if ok, known := s.able[p]; known {
		return ok
	}
	if s.anyChosen([]index.Package{p}) {
		return true // and what it lacks is said of it
	}
	if s.ctx.Err() != nil {
		return false // whoever chooses hears of it; hostile metadata can make this long
	}
	from := len(s.tried)
	s.tried = append(s.tried, p)
	s.able[p] = true // packages may require each other
	for r := range p.Relations(index.Requires) {
		if s.meetable(r) {
			continue
		}
		// What was found to be feasible meanwhile may have counted on p.
		for _, other := range s.tried[from:] {
			if s.able[other] {
				delete(s.able, other)
			}
		}
		s.tried = s.tried[:from]
		s.able[p] = false
		return false
	}
	return true
}

// meetable tells whether a dependency could be met by packages that are not kept
// out.
func (s *selection) meetable(r index.Relation) bool {
	if strings.HasPrefix(r.Name, "rpmlib(") {
		return true
	}
	if r.IsRich() {
		rich := s.parse(r.Name)
		return rich == nil || s.can(rich)
	}
	return slices.ContainsFunc(s.candidates(r), s.usable) || s.blind(r)
}

func (s *selection) usable(p index.Package) bool { return !s.out(p) && s.feasible(p) }

// conflicts tells whether a package and one that was chosen conflict. It only
// steers choices: what is named stays, with whatever it conflicts.
func (s *selection) conflicts(p index.Package) bool {
	if s.unfit[p] {
		return true
	}
	for r := range p.Relations(index.Conflicts) {
		list := slices.DeleteFunc(s.providers(r), func(other index.Package) bool { return other.Name() == p.Name() })
		if s.anyChosen(list) {
			return true
		}
	}
	return false
}
