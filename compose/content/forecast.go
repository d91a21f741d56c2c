package content

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/kickstart/lint"
	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Forecast implements lint.Universe: the packages of the kickstart, its groups
// and its environment (core among them unless --nocore), what they require and,
// unless --exclude-weakdeps, recommend and supplement.
func (c *Content) Forecast(ctx context.Context, p kickstart.Packages) (lint.Forecast, error) {
	s, err := c.choose(ctx, p)
	if err != nil {
		return lint.Forecast{}, fmt.Errorf("forecast packages: %w", err)
	}
	out := lint.Forecast{Missing: s.missing}
	for _, versions := range s.chosen {
		pkg := versions[0] // of several one will be installed
		out.Packages = append(out.Packages, pkg.Name())
		out.Download += pkg.Size()
		out.Installed += pkg.InstalledSize()
	}
	slices.Sort(out.Packages)
	out.Packages = slices.Compact(out.Packages)
	return out, nil
}

// choose follows what the kickstart names to its end.
func (c *Content) choose(ctx context.Context, p kickstart.Packages) (*selection, error) {
	s := &selection{
		Content: c, ctx: ctx, weak: !p.ExcludeWeakDeps, excluded: p.Excluded,
		chosen: map[string][]index.Package{}, able: map[index.Package]bool{}, unfit: map[index.Package]bool{}, hints: map[string]bool{}, met: map[string]bool{}, missed: map[string]bool{},
	}
	for _, name := range c.groupPackages(p) {
		s.ask(name)
	}
	for _, name := range p.Packages {
		s.ask(name)
	}
	return s, s.close()
}

// selection is a set of packages that grows until nothing is required further.
type selection struct {
	*Content
	ctx      context.Context //nolint:containedctx // lives for one Forecast
	weak     bool
	excluded []string // names and globs

	// chosen is by name, or name.arch for those beside the own architecture. There
	// is more than one version of a name where something requires just that one.
	chosen  map[string][]index.Package
	able    map[index.Package]bool // see feasible
	tried   []index.Package        // keys of able, in the order they came
	unfit   map[index.Package]bool // chosen packages conflict with these
	queue   []index.Package
	later   []conditional
	hints   map[string]bool // names that chosen packages suggest
	met     map[string]bool // requirements, as text, that are met
	missed  map[string]bool
	missing []lint.Missing
	err     error
}

// conditional is a rich dependency whose condition may still come true.
type conditional struct {
	rich *rpm.Rich
	by   index.Package
	must bool
}

// ask takes what a line of %packages names; lines that name nothing are the
// business of other rules.
func (s *selection) ask(spec string) {
	for _, p := range s.match(spec) {
		if !s.out(p) {
			s.take(p)
		}
	}
}

// take adds a package.
func (s *selection) take(p index.Package) {
	key := p.Name()
	if !s.native(p) {
		key += "." + p.Arch()
	}
	if s.anyChosen([]index.Package{p}) {
		return
	}
	s.chosen[key] = append(s.chosen[key], p)
	s.queue = append(s.queue, p)
	for r := range p.Relations(index.Suggests) {
		s.hints[r.Name] = true
	}
	for r := range p.Relations(index.Conflicts) {
		for _, other := range s.providers(r) {
			if other.Name() != p.Name() {
				s.unfit[other] = true
			}
		}
	}
}

// out tells whether the kickstart keeps a package out.
func (s *selection) out(p index.Package) bool {
	name := p.Name()
	return slices.ContainsFunc(s.excluded, func(e string) bool {
		if e == name || e == name+"."+p.Arch() {
			return true
		}
		ok, err := path.Match(e, name)
		return err == nil && ok
	})
}

// close follows requirements first, then what is only recommended, and again
// until nothing new comes.
func (s *selection) close() error {
	var taken []index.Package
	for {
		for len(s.queue) > 0 && s.err == nil {
			p := s.queue[0]
			s.queue = s.queue[1:]
			taken = append(taken, p)
			for r := range p.Relations(index.Requires) {
				s.require(r, p, true)
			}
		}
		if err := s.ctx.Err(); err != nil || s.err != nil {
			return firstError(s.err, err)
		}
		s.conditions()
		if len(s.queue) > 0 {
			continue
		}
		if s.weak {
			for _, p := range taken {
				for r := range p.Relations(index.Recommends) {
					s.require(r, p, false)
				}
			}
			taken = nil
			if len(s.queue) == 0 {
				s.supplements()
			}
		}
		if len(s.queue) == 0 {
			return nil
		}
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// conditions looks at the rich dependencies again whose condition did not hold
// before.
func (s *selection) conditions() {
	again := s.later
	s.later = nil
	for _, c := range again {
		s.requireRich(c.rich, c.by, c.must)
	}
}

// supplements takes the packages that want to be there because of others that
// are.
func (s *selection) supplements() {
	for _, src := range s.repos {
		for p := range src.Index.Packages() {
			if len(p.Rels(index.Supplements)) == 0 || !s.installable(src, p) || !s.native(p) || s.out(p) {
				continue
			}
			if _, ok := s.chosen[p.Name()]; ok {
				continue
			}
			for r := range p.Relations(index.Supplements) {
				if s.holds(r) {
					for _, best := range s.best(s.named(p.Name())) {
						if s.feasible(best) {
							s.take(best)
						}
					}
					break
				}
			}
		}
	}
}

// require makes sure that a dependency is met. Without must it may stay unmet.
func (s *selection) require(r index.Relation, by index.Package, must bool) {
	if strings.HasPrefix(r.Name, "rpmlib(") {
		return
	}
	text := r.String()
	if s.met[text] || must && s.missed[text] {
		return
	}
	if r.IsRich() {
		if rich := s.parse(r.Name); rich != nil {
			s.requireRich(rich, by, must)
		}
		return
	}
	list := s.candidates(r)
	if s.anyChosen(list) {
		s.met[text] = true
		return
	}
	if p, ok := s.pick(list, r.Name, must); ok {
		s.met[text] = true
		s.take(p)
		return
	}
	if must && !s.blind(r) {
		s.miss(text, by, list)
	}
}

// miss records a requirement that nothing meets.
func (s *selection) miss(text string, by index.Package, list []index.Package) {
	s.missed[text] = true
	m := lint.Missing{Requirement: text, By: by.Name()}
	for _, p := range list {
		if s.out(p) {
			m.Excluded = p.Name()
			break
		}
	}
	s.missing = append(s.missing, m)
}

// candidates lists the packages that meet a plain dependency.
func (s *selection) candidates(r index.Relation) []index.Package {
	list := s.providers(r)
	if len(list) > 0 || !strings.HasPrefix(r.Name, "/") {
		return list
	}
	for _, src := range s.repos {
		paths, err := src.files(s.ctx)
		if err != nil {
			s.err = err
			return nil
		}
		if paths == nil {
			continue
		}
		for p := range paths.Owners(src.Index, r.Name) {
			if s.installable(src, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// blind tells whether a dependency is on a path where not all paths are known.
func (s *selection) blind(r index.Relation) bool {
	return strings.HasPrefix(r.Name, "/") && len(s.Unread()) > 0
}

func (s *selection) anyChosen(list []index.Package) bool {
	return slices.ContainsFunc(list, func(p index.Package) bool {
		same := func(have index.Package) bool { return have.Arch() == p.Arch() && have.EVR().Compare(p.EVR()) == 0 }
		return slices.ContainsFunc(s.chosen[p.Name()], same) || slices.ContainsFunc(s.chosen[p.Name()+"."+p.Arch()], same)
	})
}

// pick takes one of several providers as dnf mostly would: of the own
// architecture, one that a chosen package suggests, the one that is called like
// the capability, else the one with the shortest name; of one name the newest.
// Those that cannot be installed are passed over; where that leaves none, only
// what must be there is taken all the same, and what it lacks is said then. One
// that chosen packages conflict with comes after those that they do not.
func (s *selection) pick(list []index.Package, capability string, must bool) (index.Package, bool) {
	list = slices.DeleteFunc(slices.Clone(list), s.out)
	slices.SortStableFunc(list, func(a, b index.Package) int {
		rank := func(p index.Package) int {
			r := len(p.Name())
			switch {
			case s.hints[p.Name()]:
				r = -1
			case p.Name() == capability:
				r = 0
			}
			if !s.native(p) {
				r += 1 << 10
			}
			if s.conflicts(p) {
				r += 1 << 11
			}
			return r
		}
		return cmp.Or(rank(a)-rank(b), strings.Compare(a.Name(), b.Name()), b.EVR().Compare(a.EVR()))
	})
	if i := slices.IndexFunc(list, s.feasible); i >= 0 {
		return list[i], true
	}
	if must && len(list) > 0 {
		return list[0], true
	}
	return index.Package{}, false
}
