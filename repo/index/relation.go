package index

import (
	"iter"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Rel is the number of a dependency in an Index: equal dependencies of any
// packages have equal numbers, so what was found out about one holds for all.
type Rel = uint32

// Relation is one dependency.
type Relation struct {
	Name  string       // capability, path, or a rich dependency as it stands
	Flags rpm.DepFlags // comparison bits; 0 when unversioned
	EVR   rpm.EVR
}

// RelationOf is a dependency as package rpm reads it, a part of a rich one for
// example. A version that is none is met by nothing.
func RelationOf(d rpm.Dependency) Relation {
	r := Relation{Name: d.Name, Flags: d.Flags}
	if d.EVR != "" {
		evr, err := rpm.ParseEVR(d.EVR)
		if err != nil {
			evr = rpm.EVR{Version: d.EVR}
		}
		r.EVR = evr
	}
	return r
}

// String writes the dependency as rpm and libsolv do: "name >= 1:2.0-3".
func (r Relation) String() string {
	if r.Flags&sense == 0 {
		return r.Name
	}
	evr := r.EVR.String()
	return r.Name + " " + operator(r.Flags) + " " + evr
}

func operator(f rpm.DepFlags) string {
	var b strings.Builder
	for _, o := range []struct {
		bit  rpm.DepFlags
		sign byte
	}{{rpm.DepLess, '<'}, {rpm.DepGreater, '>'}, {rpm.DepEqual, '='}} {
		if f&o.bit != 0 {
			b.WriteByte(o.sign)
		}
	}
	return b.String()
}

// IsRich tells whether the dependency is a boolean one, "(a or b)".
func (r Relation) IsRich() bool { return strings.HasPrefix(r.Name, "(") }

const sense = rpm.DepLess | rpm.DepGreater | rpm.DepEqual

// Meets tells whether two dependencies of one name have a version in common.
// As for rpm and libsolv, a side without a version meets everything, and
// releases count only when both sides have one.
func (r Relation) Meets(o Relation) bool {
	return r.Name == o.Name && meets(r.Flags, r.EVR, o.Flags, o.EVR)
}

func meets(fa rpm.DepFlags, a rpm.EVR, fb rpm.DepFlags, b rpm.EVR) bool {
	fa, fb = fa&sense, fb&sense
	if fa == 0 || fb == 0 || a.Version == "" || b.Version == "" {
		return true
	}
	if a.Release == "" || b.Release == "" {
		a.Release, b.Release = "", ""
	}
	switch d := a.Compare(b); {
	case d < 0: // a is older: a must reach up, or b reach down
		return fa&rpm.DepGreater != 0 || fb&rpm.DepLess != 0
	case d > 0:
		return fa&rpm.DepLess != 0 || fb&rpm.DepGreater != 0
	}
	return fa&fb != 0
}

// Relation returns the dependency of a number.
func (ix *Index) Relation(r Rel) Relation {
	row := ix.rels[r]
	return Relation{Name: ix.texts.get(row[0]), Flags: rpm.DepFlags(row[2]), EVR: ix.evr(row[1])}
}

// RelationName returns the number of the name of a dependency.
func (ix *Index) RelationName(r Rel) Str { return ix.rels[r][0] }

// Find returns the number of a text that the index holds.
func (ix *Index) Find(text string) (Str, bool) { return ix.find(text) }

// RelationCount is how many different dependencies there are: their numbers
// are below it.
func (ix *Index) RelationCount() int { return len(ix.rels) }

func (ix *Index) evr(i uint32) rpm.EVR {
	row := ix.evrs[i]
	return rpm.EVR{Epoch: row[0], HasEpoch: row[0] != 0, Version: ix.texts.get(row[1]), Release: ix.texts.get(row[2])}
}

// Providers yields the packages that meet the dependency: by a capability that
// they provide, or, where it is a path, by one of their primary files. A
// package that provides it twice comes twice. Rich dependencies have none.
func (ix *Index) Providers(r Relation) iter.Seq[Package] {
	return func(yield func(Package) bool) {
		name, ok := ix.find(r.Name)
		if !ok {
			return
		}
		first := ix.provided.first(name)
		for i, p := range ix.provided.of(name) {
			row := ix.rels[ix.providedBy[first+i]]
			if meets(rpm.DepFlags(row[2]), ix.evr(row[1]), r.Flags, r.EVR) && !yield(Package{ix, p}) {
				return
			}
		}
		if !strings.HasPrefix(r.Name, "/") {
			return
		}
		for _, p := range ix.byFile.of(name) {
			if !yield(Package{ix, p}) {
				return
			}
		}
	}
}

// Offered is how many packages and versions Providers looks at for a dependency
// of the name: the cost of the question.
func (ix *Index) Offered(name string) int {
	s, ok := ix.find(name)
	if !ok {
		return 0
	}
	n := len(ix.provided.of(s))
	if strings.HasPrefix(name, "/") {
		n += len(ix.byFile.of(s))
	}
	return n
}

// Offers yields the packages that provide the name in any version, each with
// what it provides: the near misses of a dependency.
func (ix *Index) Offers(name string) iter.Seq2[Package, Relation] {
	return func(yield func(Package, Relation) bool) {
		s, ok := ix.find(name)
		if !ok {
			return
		}
		first := ix.provided.first(s)
		for i, p := range ix.provided.of(s) {
			if !yield(Package{ix, p}, ix.Relation(ix.providedBy[first+i])) {
				return
			}
		}
	}
}

// Name returns the name of a dependency.
func (ix *Index) Name(r Rel) string { return ix.texts.get(ix.rels[r][0]) }
