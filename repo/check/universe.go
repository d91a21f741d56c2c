package check

import (
	"context"

	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
)

// ref is a package and the repository it is from.
type ref struct {
	repo int // 0 is the side repo
	pkg  index.Package
}

// universe is all that can be installed together: the side repo and the
// others, in one family of architectures.
type universe struct {
	ctx    context.Context //nolint:containedctx // lives for one run
	family string
	repos  []*view
	memo   map[index.Rel]*verdict // of requirements of the side repo
	rich   map[string]*rpm.Rich   // parsed, nil for those that are not rich dependencies
	err    error                  // of the context, or ErrTooComplex
	work   int64                  // comparisons so far
	poll   int64                  // at so many the context is looked at
}

// view is one repository with what is not looked at.
type view struct {
	Repo
	state  []uint8 // of each package
	paths  *index.Paths
	asked  bool  // whether paths were asked for
	failed error // why there are none
}

// States of a package.
const (
	visible  uint8 = iota
	foreign        // of another architecture, or hidden
	source         // a source package: it provides nothing
	replaced       // the side repo has the package
)

func newUniverse(ctx context.Context, family string, side Repo, base []Repo) *universe {
	u := &universe{ctx: ctx, family: family, memo: map[index.Rel]*verdict{}, rich: map[string]*rpm.Rich{}}
	for _, r := range append([]Repo{side}, base...) {
		v := &view{Repo: r, state: make([]uint8, r.Index.Len())}
		for p := range r.Index.Packages() {
			switch f := familyOf(p.Arch()); {
			case r.Hidden != nil && r.Hidden(p):
				v.state[p.Number()] = foreign
			case f == "src" || f == "nosrc":
				v.state[p.Number()] = source
			case f != "noarch" && family != "" && f != family:
				v.state[p.Number()] = foreign
			}
		}
		u.repos = append(u.repos, v)
	}
	for _, v := range u.repos[1:] {
		u.hideReplaced(v)
	}
	return u
}

// visible lists the packages that are looked at.
func (v *view) visible(sources bool) []index.Package {
	var out []index.Package
	for p := range v.Index.Packages() {
		if s := v.state[p.Number()]; s == visible || s == source && sources {
			out = append(out, p)
		}
	}
	return out
}

// hideReplaced marks the packages that the side repo has in its own version.
// Those that it only obsoletes can still be installed where the obsoleting one
// is not: a package that was split obsoletes its other half.
func (u *universe) hideReplaced(v *view) {
	for s := range u.repos[0].Index.Packages() {
		if u.repos[0].state[s.Number()] != visible {
			continue
		}
		for p := range v.Index.Named(s.Name()) {
			if !u.spend(1) {
				return
			}
			if v.state[p.Number()] == visible && twins(s, p) && !staysBeside(p) {
				v.state[p.Number()] = replaced
			}
		}
	}
}

// obsoletes tells whether the dependency of an obsoleting package means p: it
// goes by the name, not by what p provides.
func obsoletes(rel index.Relation, p index.Package) bool {
	return rel.Meets(index.Relation{Name: p.Name(), Flags: rpm.DepEqual, EVR: p.EVR()})
}

// twins tells whether one of two packages of a name replaces the other.
func twins(a, b index.Package) bool {
	x, y := a.Arch(), b.Arch()
	return x == y || x == "noarch" || y == "noarch"
}

// staysBeside tells whether versions of the package are installed beside each
// other, as dnf does with kernels (its option installonlypkgs).
func staysBeside(p index.Package) bool {
	switch p.Name() {
	case "kernel", "kernel-core", "kernel-modules", "kernel-modules-core", "kernel-modules-extra", "kernel-modules-internal", "kernel-devel", "kernel-uki-virt":
		return true
	}
	return false
}

// providers calls each for every package that meets the dependency, replaced
// ones only if asked for, until it answers false. Paths are looked up among the
// primary files only.
func (u *universe) providers(r index.Relation, withReplaced bool, each func(ref) bool) {
	for i, v := range u.repos {
		if !u.spend(v.Index.Offered(r.Name)) {
			return
		}
		for p := range v.Index.Providers(r) {
			s := v.state[p.Number()]
			if (s == visible || s == replaced && withReplaced) && !each(ref{i, p}) {
				return
			}
		}
	}
}

// pathOwners is providers for files that primary.xml does not name.
func (u *universe) pathOwners(path string, withReplaced bool, each func(ref) bool) {
	for i, v := range u.repos {
		paths := u.pathsOf(v)
		if paths == nil {
			continue
		}
		for p := range paths.Owners(v.Index, path) {
			if !u.spend(1) {
				return
			}
			s := v.state[p.Number()]
			if (s == visible || s == replaced && withReplaced) && !each(ref{i, p}) {
				return
			}
		}
	}
}

func (u *universe) pathsOf(v *view) *index.Paths {
	if v.asked || v.Paths == nil || u.err != nil {
		return v.paths
	}
	v.asked = true
	var err error
	if v.paths, err = v.Paths(u.ctx); err != nil {
		v.paths, v.failed = nil, err
		u.err = u.ctx.Err()
	}
	return v.paths
}

func (u *universe) nameOf(r ref) string { return u.repos[r.repo].Name }
