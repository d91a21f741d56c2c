package index

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"sort"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/mdxml"
)

// Paths answers which packages of an Index have a file or directory, from all
// of filelists.xml. It keeps a 64-bit hash of each path, under a seed that
// nobody outside knows, and the number of its package: 12 bytes a path instead
// of 80. It is safe for concurrent use.
type Paths struct {
	seed   uint64
	start  []uint32 // by the first bits of the hash, where its bucket begins
	hashes []uint64 // rising
	pkgs   []uint32
}

const bucketBits = 16

// Len is the number of paths.
func (p *Paths) Len() int { return len(p.hashes) }

// Owners yields the packages of ix, the index that p was made with, that have
// the path.
func (p *Paths) Owners(ix *Index, path string) iter.Seq[Package] {
	return func(yield func(Package) bool) {
		if len(p.hashes) == 0 {
			return
		}
		h := hashText(path, p.seed)
		from, to := p.start[h>>(64-bucketBits)], p.start[h>>(64-bucketBits)+1]
		bucket := p.hashes[from:to]
		for i := sort.Search(len(bucket), func(i int) bool { return bucket[i] >= h }); i < len(bucket) && bucket[i] == h; i++ {
			if !yield(Package{ix, p.pkgs[int(from)+i]}) {
				return
			}
		}
	}
}

// pathBuilder collects paths in blocks, so that what is there is never copied
// as more come.
type pathBuilder struct {
	seed   uint64
	blocks []pathBlock
	count  []uint32
	total  int
}

type pathBlock struct {
	hashes []uint64
	pkgs   []uint32
}

const pathBlockSize = 1 << 16

func (b *pathBuilder) add(path []byte, pkg uint32) {
	last := len(b.blocks) - 1
	if last < 0 || len(b.blocks[last].hashes) == pathBlockSize {
		b.blocks = append(b.blocks, pathBlock{make([]uint64, 0, pathBlockSize), make([]uint32, 0, pathBlockSize)})
		last++
	}
	h := hashText(path, b.seed)
	b.blocks[last].hashes = append(b.blocks[last].hashes, h)
	b.blocks[last].pkgs = append(b.blocks[last].pkgs, pkg)
	b.count[h>>(64-bucketBits)+1]++
	b.total++
}

// finish sorts: into buckets by the first bits, then each bucket.
func (b *pathBuilder) finish() *Paths {
	for i := range 1 << bucketBits {
		b.count[i+1] += b.count[i]
	}
	p := &Paths{seed: b.seed, start: b.count, hashes: make([]uint64, b.total), pkgs: make([]uint32, b.total)}
	next := append([]uint32(nil), p.start...)
	for i, block := range b.blocks {
		for j, h := range block.hashes {
			at := &next[h>>(64-bucketBits)]
			p.hashes[*at], p.pkgs[*at] = h, block.pkgs[j]
			*at++
		}
		b.blocks[i] = pathBlock{} // so that not both need memory
	}
	for i := range 1 << bucketBits {
		sort.Sort(&byHash{p.hashes[p.start[i]:p.start[i+1]], p.pkgs[p.start[i]:p.start[i+1]]})
	}
	return p
}

type byHash struct {
	hashes []uint64
	pkgs   []uint32
}

func (s *byHash) Len() int { return len(s.hashes) }

func (s *byHash) Less(i, j int) bool {
	return s.hashes[i] < s.hashes[j] || s.hashes[i] == s.hashes[j] && s.pkgs[i] < s.pkgs[j]
}

func (s *byHash) Swap(i, j int) {
	s.hashes[i], s.hashes[j] = s.hashes[j], s.hashes[i]
	s.pkgs[i], s.pkgs[j] = s.pkgs[j], s.pkgs[i]
}

// BuildPaths reads filelists.xml of the repository that ix is an index of.
// Packages that ix does not know are passed over. The errors are those of
// mdxml.ReadFilelists.
func BuildPaths(ctx context.Context, ix *Index, r io.Reader) (*Paths, error) {
	b := &pathBuilder{seed: rand.Uint64(), count: make([]uint32, 1<<bucketBits+1)} //nolint:gosec // against collisions made on purpose
	numbers := pkgNumbers{ix: ix}
	n := 0
	err := mdxml.ReadFilelists(r, func(f *mdxml.Files) error {
		if n&0xff == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		pkg, ok := numbers.of(n, f.PkgID)
		n++
		if !ok {
			return nil
		}
		for i := range f.Files {
			b.add(f.Files[i].Path, pkg)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("index files: %w", err)
	}
	return b.finish(), nil
}

// pkgNumbers finds packages by checksum. The files of one repository list them
// in one order, so that the first look is mostly right.
type pkgNumbers struct {
	ix   *Index
	byID map[string]uint32
}

func (k *pkgNumbers) of(place int, pkgID []byte) (uint32, bool) {
	sums := k.ix.pkgs.sum
	if place < len(sums) && k.ix.texts.get(sums[place]) == string(pkgID) {
		return uint32(place), true
	}
	if k.byID == nil {
		k.byID = make(map[string]uint32, len(sums))
		for i, s := range sums {
			k.byID[k.ix.texts.get(s)] = uint32(i)
		}
	}
	n, ok := k.byID[string(pkgID)]
	return n, ok
}

// PathsFromRepo reads the filelists of the repository that ix is an index of.
func PathsFromRepo(ctx context.Context, ix *Index, r *repo.Repo) (*Paths, error) {
	return fromStream(ctx, r, "filelists", func(in io.Reader) (*Paths, error) { return BuildPaths(ctx, ix, in) })
}

// fromStream builds something from a metadata file of a repository.
func fromStream[T any](ctx context.Context, r *repo.Repo, kind string, build func(io.Reader) (*T, error)) (*T, error) {
	in, err := r.Stream(ctx, kind)
	if err != nil {
		return nil, fmt.Errorf("index repository: %w", err)
	}
	ahead := readAhead(in)
	out, err := build(ahead)
	ahead.Close()
	if errClose := in.Close(); err == nil && errClose != nil {
		err = fmt.Errorf("index repository: %w", errClose)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

const pathsMagic = "respin paths\n"

// Save writes the paths to w; key says what they are paths of.
func (p *Paths) Save(w io.Writer, key string) error {
	f := newFileWriter(w, pathsMagic, key)
	f.uint64s([]uint64{p.seed})
	f.uint32s(p.start)
	f.uint64s(p.hashes)
	f.uint32s(p.pkgs)
	if err := f.finish(); err != nil {
		return fmt.Errorf("save paths: %w", err)
	}
	return nil
}

// LoadPaths reads what Save wrote, of size bytes, for the index that the paths
// were made with. Paths of another key, index or format and those that were
// damaged are answered with ErrStale.
func LoadPaths(r io.Reader, size int64, ix *Index, key string) (*Paths, error) {
	f := newFileReader(r, size, pathsMagic, key)
	p := &Paths{}
	if seed := f.uint64s(); len(seed) == 1 {
		p.seed = seed[0]
	}
	p.start, p.hashes, p.pkgs = f.uint32s(), f.uint64s(), f.uint32s()
	if err := f.finish(); err != nil {
		return nil, err
	}
	if len(p.start) != 1<<bucketBits+1 || !rising(p.start, len(p.hashes)) || len(p.pkgs) != len(p.hashes) || !allBelow(p.pkgs, ix.Len()) {
		return nil, stale("it does not fit together")
	}
	return p, nil
}
