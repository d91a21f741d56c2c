package index

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/fedora-respin/respin/repo/mdxml"
	"github.com/fedora-respin/respin/repo/rpm"
)

// FromHeaders makes an Index of packages that no repository describes, as far as
// their headers tell: there are no checksums, the location is the file name, and
// all files count as primary ones.
func FromHeaders(ctx context.Context, packages iter.Seq[*rpm.Package]) (*Index, error) {
	seed := rand.Uint64() //nolint:gosec // against collisions made on purpose
	b := &builder{ix: &Index{}, texts: newTextBuilder(seed), evrs: newTable(seed), rels: newTable(seed)}
	b.ix.depStart, b.ix.fileStart = push(b.ix.depStart, 0), push(b.ix.fileStart, 0)
	for p := range packages {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("index packages: %w", err)
		}
		if err := b.add(described(p)); err != nil {
			return nil, fmt.Errorf("index %s: %w", p.NEVRA(), err)
		}
	}
	return b.finish(), nil
}

// described is what primary.xml would say, without createrepo_c's filters.
func described(p *rpm.Package) *mdxml.Package {
	out := &mdxml.Package{
		Name: []byte(p.Name), Arch: []byte(p.Arch), EVR: mdxml.EVR{Epoch: p.EVR.Epoch, Version: []byte(p.EVR.Version), Release: []byte(p.EVR.Release)},
		Summary: []byte(p.Summary), SourceRPM: []byte(p.SourceRPM), BuildTime: p.BuildTime, Size: p.FileSize,
		InstalledSize: int64(min(p.InstalledSize, 1<<62)), HeaderStart: p.HeaderStart, HeaderEnd: p.HeaderEnd, Location: []byte(p.NEVRA().FileName()),
	}
	for kind, of := range map[Kind]rpm.DepKind{
		Provides: rpm.Provides, Requires: rpm.Requires, Conflicts: rpm.Conflicts, Obsoletes: rpm.Obsoletes, Suggests: rpm.Suggests,
		Enhances: rpm.Enhances, Recommends: rpm.Recommends, Supplements: rpm.Supplements,
	} {
		for d := range p.Dependencies(of) {
			r := mdxml.Relation{Name: []byte(d.Name)}
			if evr, err := rpm.ParseEVR(d.EVR); err == nil && d.EVR != "" {
				r.Flags = d.Flags & sense
				r.EVR = mdxml.EVR{Epoch: evr.Epoch, Version: []byte(evr.Version), Release: []byte(evr.Release)}
			}
			out.Relations[kind] = append(out.Relations[kind], r)
		}
	}
	for f := range p.Paths() {
		out.Files = append(out.Files, mdxml.File{Path: []byte(f.Path())})
	}
	return out
}
