package index

import (
	"fmt"
	"io"
)

const indexMagic = "respin index\n"

// Save writes the index to w; key says what it is an index of.
func (ix *Index) Save(w io.Writer, key string) error {
	f := newFileWriter(w, indexMagic, key)
	f.length(len(ix.texts.pieces))
	for _, p := range ix.texts.pieces {
		f.bytes(p)
	}
	f.uint64s([]uint64{ix.texts.seed})
	f.uint64s(ix.texts.slots)
	for _, rows := range [][]triple{ix.evrs, ix.rels} {
		f.length(len(rows))
		for _, r := range rows {
			f.write(appendTriple(f.buf[:0], r))
		}
	}
	for _, column := range ix.columns32() {
		f.uint32s(*column)
	}
	for _, column := range ix.columns64() {
		f.uint64s(*column)
	}
	if err := f.finish(); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	return nil
}

func appendTriple(b []byte, t triple) []byte {
	for _, v := range t {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return b
}

// columns32 and columns64 are the plain arrays, in the order of the file.
func (ix *Index) columns32() []*[]uint32 {
	c := &ix.pkgs
	return []*[]uint32{
		&ix.texts.starts, &c.name, &c.arch, &c.location, &c.base, &c.summary, &c.source, &c.evr, &c.sumType, &c.sum,
		&ix.deps, &ix.depStart, &ix.files, &ix.fileStart,
		&ix.byName.start, &ix.byName.items, &ix.byFile.start, &ix.byFile.items,
		&ix.provided.start, &ix.provided.items, &ix.providedBy,
	}
}

func (ix *Index) columns64() []*[]uint64 {
	c := &ix.pkgs
	return []*[]uint64{&c.size, &c.installed, &c.built}
}

// Load reads what Save wrote, of size bytes. An index of another key or format
// and one that was damaged are answered with ErrStale.
func Load(r io.Reader, size int64, key string) (*Index, error) {
	f := newFileReader(r, size, indexMagic, key)
	ix := &Index{}
	ix.texts.pieces = make([]string, min(f.length(8), maxPieces))
	for i := range ix.texts.pieces {
		ix.texts.pieces[i] = f.bytes(pieceSize)
	}
	if seed := f.uint64s(); len(seed) == 1 {
		ix.texts.seed = seed[0]
	}
	ix.texts.slots = f.uint64s()
	for _, rows := range []*[]triple{&ix.evrs, &ix.rels} {
		*rows = f.triples()
	}
	for _, column := range ix.columns32() {
		*column = f.uint32s()
	}
	for _, column := range ix.columns64() {
		*column = f.uint64s()
	}
	if err := f.finish(); err != nil {
		return nil, err
	}
	if err := ix.check(); err != nil {
		return nil, err
	}
	return ix, nil
}

func (f *fileReader) triples() []triple {
	rows := make([]triple, f.length(12))
	for at := 0; at < len(rows) && f.err == nil; {
		n := min(len(rows)-at, len(f.buf)/12)
		b := f.buf[:12*n]
		f.read(b)
		for i := range rows[at : at+n] {
			for j := range 3 {
				k := 12*i + 4*j
				rows[at+i][j] = uint32(b[k]) | uint32(b[k+1])<<8 | uint32(b[k+2])<<16 | uint32(b[k+3])<<24
			}
		}
		at += n
	}
	return rows
}
