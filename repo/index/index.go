package index

import (
	"iter"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/mdxml"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Kind is a kind of dependency.
type Kind = mdxml.Kind

// The kinds of dependencies.
const (
	Provides    = mdxml.Provides
	Requires    = mdxml.Requires
	Conflicts   = mdxml.Conflicts
	Obsoletes   = mdxml.Obsoletes
	Suggests    = mdxml.Suggests
	Enhances    = mdxml.Enhances
	Recommends  = mdxml.Recommends
	Supplements = mdxml.Supplements

	kinds = mdxml.Kinds
)

// Index is the primary metadata of one repository. Everything in it is a
// number: packages count from 0 in the order of primary.xml, texts, versions
// and dependencies are numbered and kept once. The zero value is an empty
// repository.
type Index struct {
	texts texts
	evrs  []triple // versions: epoch, text, text
	rels  []triple // dependencies: text, number of the version, flags
	pkgs  packages

	deps, depStart []uint32 // of package p and kind k: deps[depStart[p*kinds+k]:depStart[p*kinds+k+1]]
	files          []Str
	fileStart      []uint32 // of package p: files[fileStart[p]:fileStart[p+1]]

	byName     group // names -> packages
	byFile     group // primary files -> packages
	provided   group // capabilities -> packages
	providedBy []Rel // beside provided.items: by which dependency
}

// packages are the columns that each package has.
type packages struct {
	name, arch, location, base, summary, source []Str
	evr                                         []uint32
	sumType, sum                                []Str
	size, installed, built                      []uint64
}

// group lists numbers by text.
type group struct {
	start []uint32 // of text t: items[start[t]:start[t+1]]
	items []uint32
}

func (g *group) of(s Str) []uint32 { return g.items[g.start[s]:g.start[s+1]] }

// first is where the items of s begin.
func (g *group) first(s Str) int { return int(g.start[s]) }

// Len is the number of packages.
func (ix *Index) Len() int { return len(ix.pkgs.name) }

// Packages yields every package, in the order of primary.xml.
func (ix *Index) Packages() iter.Seq[Package] {
	return func(yield func(Package) bool) {
		for i := range ix.Len() {
			if !yield(Package{ix, uint32(i)}) {
				return
			}
		}
	}
}

// Named yields the packages of the name.
func (ix *Index) Named(name string) iter.Seq[Package] { return ix.listed(&ix.byName, name) }

// WithFile yields the packages that have the path among their primary files;
// see Paths for all the others.
func (ix *Index) WithFile(path string) iter.Seq[Package] { return ix.listed(&ix.byFile, path) }

func (ix *Index) listed(g *group, text string) iter.Seq[Package] {
	return func(yield func(Package) bool) {
		s, ok := ix.find(text)
		if !ok {
			return
		}
		for _, p := range g.of(s) {
			if !yield(Package{ix, p}) {
				return
			}
		}
	}
}

func (ix *Index) find(text string) (Str, bool) {
	if len(ix.texts.slots) == 0 {
		return 0, false
	}
	return ix.texts.find(text)
}

// Package is one package of an Index: a small value to be passed around.
type Package struct {
	ix *Index
	i  uint32
}

// Index returns the index that the package is from, nil for the zero Package.
func (p Package) Index() *Index { return p.ix }

// Number is the place of the package in primary.xml, counted from 0.
func (p Package) Number() int { return int(p.i) }

// Name returns the name.
func (p Package) Name() string { return p.ix.texts.get(p.ix.pkgs.name[p.i]) }

// Arch returns the architecture, "src" for source packages.
func (p Package) Arch() string { return p.ix.texts.get(p.ix.pkgs.arch[p.i]) }

// EVR returns epoch, version and release.
func (p Package) EVR() rpm.EVR { return p.ix.evr(p.ix.pkgs.evr[p.i]) }

// NEVRA returns the package's identity.
func (p Package) NEVRA() rpm.NEVRA { return rpm.NEVRA{Name: p.Name(), EVR: p.EVR(), Arch: p.Arch()} }

// String returns the NEVRA as text.
func (p Package) String() string { return p.NEVRA().String() }

// Summary returns the one line that says what the package is.
func (p Package) Summary() string { return p.ix.texts.get(p.ix.pkgs.summary[p.i]) }

// SourceRPM returns the file name of the source package, empty in one.
func (p Package) SourceRPM() string { return p.ix.texts.get(p.ix.pkgs.source[p.i]) }

// Location returns the RPM's path below the repository, or below Base.
func (p Package) Location() string { return p.ix.texts.get(p.ix.pkgs.location[p.i]) }

// Base returns the xml:base of the location, mostly empty.
func (p Package) Base() string { return p.ix.texts.get(p.ix.pkgs.base[p.i]) }

// Checksum returns that of the RPM file.
func (p Package) Checksum() repo.Checksum {
	return repo.Checksum{Type: p.ix.texts.get(p.ix.pkgs.sumType[p.i]), Value: p.ix.texts.get(p.ix.pkgs.sum[p.i])}
}

// Size returns the bytes of the RPM file.
func (p Package) Size() int64 { return int64(p.ix.pkgs.size[p.i]) }

// InstalledSize returns the bytes of the installed files.
func (p Package) InstalledSize() int64 { return int64(p.ix.pkgs.installed[p.i]) }

// BuildTime returns seconds since 1970.
func (p Package) BuildTime() int64 { return int64(p.ix.pkgs.built[p.i]) }

// Files yields the primary files.
func (p Package) Files() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range p.ix.files[p.ix.fileStart[p.i]:p.ix.fileStart[p.i+1]] {
			if !yield(p.ix.texts.get(s)) {
				return
			}
		}
	}
}

// Rels returns the numbers of the package's dependencies of one kind. The
// slice belongs to the index.
func (p Package) Rels(k Kind) []Rel {
	at := int(p.i)*kinds + int(k)
	return p.ix.deps[p.ix.depStart[at]:p.ix.depStart[at+1]]
}

// Relations yields the package's dependencies of one kind.
func (p Package) Relations(k Kind) iter.Seq[Relation] {
	return func(yield func(Relation) bool) {
		for _, r := range p.Rels(k) {
			if !yield(p.ix.Relation(r)) {
				return
			}
		}
	}
}
