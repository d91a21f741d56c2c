package index

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
)

// ChangeKind says what became of a package.
type ChangeKind string

// The kinds of changes.
const (
	Added      ChangeKind = "added"
	Removed    ChangeKind = "removed"
	Upgraded   ChangeKind = "upgraded"
	Downgraded ChangeKind = "downgraded"
	Rebuilt    ChangeKind = "rebuilt" // other content under the same version
)

// Change is one difference between two repositories.
type Change struct {
	Kind     ChangeKind
	Name     string
	Arch     string
	Old, New rpm.EVR // zero where there is none
	OldSize  int64   // bytes of the RPM
	NewSize  int64
}

// Compare lists what changed from one repository to another, by name and
// architecture. Where a repository has several versions of a package, the
// newest ones are compared; further versions that only one of the two has are
// added or removed.
func Compare(before, after *Index) []Change {
	type key struct{ name, arch string }
	old, now := map[key][]Package{}, map[key][]Package{}
	for _, side := range []struct {
		ix  *Index
		all map[key][]Package
	}{{before, old}, {after, now}} {
		for p := range side.ix.Packages() {
			k := key{p.Name(), p.Arch()}
			side.all[k] = append(side.all[k], p)
		}
		for _, list := range side.all {
			slices.SortStableFunc(list, func(a, b Package) int { return b.EVR().Compare(a.EVR()) })
		}
	}
	var out []Change
	for k, list := range old {
		out = append(out, compareVersions(k.name, k.arch, list, now[k])...)
	}
	for k, list := range now {
		if _, both := old[k]; !both {
			out = append(out, compareVersions(k.name, k.arch, nil, list)...)
		}
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch), b.Old.Compare(a.Old), b.New.Compare(a.New), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return out
}

// compareVersions compares the versions of one package, newest first.
func compareVersions(name, arch string, old, now []Package) []Change {
	var out []Change
	add := func(kind ChangeKind, a, b *Package) {
		c := Change{Kind: kind, Name: name, Arch: arch}
		if a != nil {
			c.Old, c.OldSize = a.EVR(), a.Size()
		}
		if b != nil {
			c.New, c.NewSize = b.EVR(), b.Size()
		}
		out = append(out, c)
	}
	if len(old) > 0 && len(now) > 0 {
		a, b := &old[0], &now[0]
		switch d := a.EVR().Compare(b.EVR()); {
		case d < 0:
			add(Upgraded, a, b)
		case d > 0:
			add(Downgraded, a, b)
		case differ(a.Checksum(), b.Checksum()):
			add(Rebuilt, a, b)
		}
	}
	has := func(list []Package, p *Package) bool {
		return slices.ContainsFunc(list, func(q Package) bool { return q.EVR().Compare(p.EVR()) == 0 })
	}
	for i := range old {
		if !has(now, &old[i]) && (i > 0 || len(now) == 0) {
			add(Removed, &old[i], nil)
		}
	}
	for i := range now {
		if !has(old, &now[i]) && (i > 0 || len(old) == 0) {
			add(Added, nil, &now[i])
		}
	}
	return out
}

// differ tells whether two checksums are of different files, as far as they can
// be compared.
func differ(a, b repo.Checksum) bool { return a.Type == b.Type && a.Value != b.Value }
