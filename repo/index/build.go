package index

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/mdxml"
)

// builder fills an Index package by package. Nothing in it is copied as it
// grows but the columns, so that the peak of memory stays near the end result.
type builder struct {
	ix    *Index
	texts *textBuilder
	evrs  *table
	rels  *table
}

// Build reads primary.xml from r into an Index. size is how many bytes it has,
// about, 0 when that is not known: with it columns get their room at once, and
// what they would outgrow is never made. Errors are those of mdxml.ReadPrimary.
func Build(ctx context.Context, r io.Reader, size int64) (*Index, error) {
	seed := rand.Uint64() //nolint:gosec // against collisions made on purpose
	b := &builder{ix: &Index{}, texts: newTextBuilder(seed), evrs: newTable(seed), rels: newTable(seed)}
	b.makeRoom(int(min(max(size, 0), maxHint)))
	b.ix.depStart, b.ix.fileStart = push(b.ix.depStart, 0), push(b.ix.fileStart, 0)
	err := mdxml.ReadPrimary(r, func(p *mdxml.Package) error {
		if b.ix.Len()&0xff == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return b.add(p)
	})
	if err != nil {
		return nil, fmt.Errorf("index repository: %w", err)
	}
	return b.finish(), nil
}

// maxHint bounds the room that is made on the word of a file's size.
const maxHint = 1 << 30

// makeRoom is for a primary.xml of size bytes. The divisors are those of Fedora
// and CentOS Stream: bytes for each text, dependency and package.
func (b *builder) makeRoom(size int) {
	b.texts.makeRoom(size / 300)
	b.rels.makeRoom(size / 420)
	b.ix.deps = make([]uint32, 0, size/130)
	packages := size / 2300
	b.ix.depStart = make([]uint32, 0, packages*kinds)
}

// FromRepo reads the primary metadata of r into an Index.
func FromRepo(ctx context.Context, r *repo.Repo) (*Index, error) {
	return fromStream(ctx, r, "primary", func(in io.Reader) (*Index, error) {
		return Build(ctx, in, r.Repomd.Find("primary").OpenSize)
	})
}

func (b *builder) add(p *mdxml.Package) error {
	c := &b.ix.pkgs
	for _, f := range []struct {
		column *[]Str
		text   []byte
	}{
		{&c.name, p.Name},
		{&c.arch, p.Arch},
		{&c.source, p.SourceRPM},
		{&c.base, p.Base},
		{&c.sumType, p.ChecksumType},
	} {
		s, err := b.texts.intern(f.text)
		if err != nil {
			return err
		}
		*f.column = push(*f.column, s)
	}
	for _, f := range []struct { // hardly ever the same twice
		column *[]Str
		text   []byte
	}{{&c.location, p.Location}, {&c.summary, p.Summary}, {&c.sum, p.Checksum}} {
		s, err := b.texts.add(f.text)
		if err != nil {
			return err
		}
		*f.column = push(*f.column, s)
	}
	evr, err := b.evr(&p.EVR)
	if err != nil {
		return err
	}
	c.evr = push(c.evr, evr)
	c.size = push(c.size, uint64(p.Size))
	c.installed = push(c.installed, uint64(p.InstalledSize))
	c.built = push(c.built, uint64(p.BuildTime))
	for _, list := range p.Relations {
		for i := range list {
			rel, err := b.rel(&list[i])
			if err != nil {
				return err
			}
			b.ix.deps = push(b.ix.deps, rel)
		}
		b.ix.depStart = push(b.ix.depStart, uint32(len(b.ix.deps)))
	}
	for i := range p.Files {
		s, err := b.texts.intern(p.Files[i].Path)
		if err != nil {
			return err
		}
		b.ix.files = push(b.ix.files, s)
	}
	b.ix.fileStart = push(b.ix.fileStart, uint32(len(b.ix.files)))
	return nil
}

// push appends to a column. It doubles the room where append adds a quarter: each
// copy that a column outgrows is garbage until it is collected, and memory that
// was never written to costs nothing.
func push[T any](column []T, v T) []T {
	if len(column) == cap(column) {
		column = append(make([]T, 0, max(1<<10, 2*cap(column))), column...)
	}
	return append(column, v)
}

// evr returns the number of a version; 0 is the empty one.
func (b *builder) evr(v *mdxml.EVR) (uint32, error) {
	if len(v.Version) == 0 && len(v.Release) == 0 && v.Epoch == 0 {
		return 0, nil // of most dependencies
	}
	ver, err := b.texts.intern(v.Version)
	if err != nil {
		return 0, err
	}
	rel, err := b.texts.intern(v.Release)
	if err != nil {
		return 0, err
	}
	return b.evrs.number(triple{v.Epoch, ver, rel}), nil
}

// rel returns the number of a dependency.
func (b *builder) rel(r *mdxml.Relation) (Rel, error) {
	name, err := b.texts.intern(r.Name)
	if err != nil {
		return 0, err
	}
	evr, err := b.evr(&r.EVR)
	if err != nil {
		return 0, err
	}
	return b.rels.number(triple{name, evr, uint32(r.Flags & sense)}), nil
}

// finish makes the lists that go from texts to packages.
func (b *builder) finish() *Index {
	ix := b.ix
	ix.evrs, ix.rels = b.evrs.rows, b.rels.rows
	b.evrs, b.rels = nil, nil
	ix.texts = b.texts.finish()
	n := len(ix.texts.starts)
	ix.byName = newGroup(n, func(add func(Str, uint32)) {
		for p, name := range ix.pkgs.name {
			add(name, uint32(p))
		}
	})
	ix.byFile = newGroup(n, func(add func(Str, uint32)) {
		for p := range ix.Len() {
			for _, f := range ix.files[ix.fileStart[p]:ix.fileStart[p+1]] {
				add(f, uint32(p))
			}
		}
	})
	provides := func(add func(Str, uint32), value func(p, rel uint32) uint32) {
		for p := range ix.Len() {
			for _, rel := range (Package{ix, uint32(p)}).Rels(Provides) {
				add(ix.rels[rel][0], value(uint32(p), rel))
			}
		}
	}
	ix.provided = newGroup(n, func(add func(Str, uint32)) {
		provides(add, func(p, _ uint32) uint32 { return p })
	})
	ix.providedBy = newGroup(n, func(add func(Str, uint32)) {
		provides(add, func(_, rel uint32) uint32 { return rel })
	}).items
	return ix
}

// newGroup sorts what each adds by text, keeping the order within a text. each
// runs twice, to count and to fill.
func newGroup(texts int, each func(add func(Str, uint32))) group {
	g := group{start: make([]uint32, texts+1)}
	each(func(s Str, _ uint32) { g.start[s+1]++ })
	for i := range texts {
		g.start[i+1] += g.start[i]
	}
	g.items = make([]uint32, g.start[texts])
	// While it fills, start[t] is where the next item of t goes; in the end it is
	// where t+1 begins, so that one shift brings everything back.
	each(func(s Str, v uint32) {
		g.items[g.start[s]] = v
		g.start[s]++
	})
	copy(g.start[1:], g.start)
	g.start[0] = 0
	return g
}
