package erofs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/fedora-respin/respin/compose/image/internal/codec"
	"github.com/fedora-respin/respin/compose/image/vfs"
)

// Bits of the header of a compressed file and types of its logical clusters
// (z_erofs_map_header and z_erofs_lcluster_index of erofs_fs.h).
const (
	adviseCompact2B  = 0x1
	adviseBig1       = 0x2
	adviseBig2       = 0x4
	adviseInline     = 0x8
	adviseInterlaced = 0x10
	adviseFragment   = 0x20
	wholeFragment    = 0x80 // of h_clusterbits

	typePlain   = 0
	typeHead1   = 1
	typeNonHead = 2
	typeHead2   = 3

	countFlag = 1 << 11 // a distance that is a number of blocks instead
)

// cluster is a logical cluster: where an extent starts, or one that goes on
// with what was before it.
type cluster struct {
	kind   int
	offset int64 // in the cluster, of where an extent starts
	blocks int64 // of the extent before it, 0 when not said
	block  uint64
}

// piece is an extent of a compressed file.
type piece struct {
	end   int64 // in the file; it starts where the one before ends
	at    int64 // in the image
	size  int64 // of it there
	kind  int
	where int // inImage, inFragment
}

const (
	inImage = iota
	inFragment
)

// clusters is a compressed file; nested says that it is the inode of fragments.
func (m *image) clusters(n inode, nested bool) (io.ReaderAt, error) {
	f := &compressed{m: m, size: n.Size}
	if n.Size == 0 {
		return f, nil
	}
	start := (n.end + 7) &^ 7
	var h [8]byte
	if err := m.src.Read(h[:], start, "compressed file"); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if h[7]&wholeFragment != 0 {
		off := le.Uint64(h[:]) &^ (1 << 63)
		f.pieces = []piece{{end: n.Size, at: int64(off), where: inFragment}}
		return f, f.openFragments(nested)
	}
	x := &index{
		m: m, size: n.Size, compact: n.layout == layoutCompressedCompact, advise: le.Uint16(h[4:]),
		bits: m.bits + uint(h[7]&15), at: start + 8,
	}
	f.alg = [2]byte{h[6] & 15, h[6] >> 4}
	f.interlaced = x.advise&adviseInterlaced != 0
	if err := x.prepare(); err != nil {
		return nil, err
	}
	if err := f.build(x); err != nil {
		return nil, err
	}
	last := &f.pieces[len(f.pieces)-1]
	switch {
	case x.advise&adviseInline != 0 && le.Uint16(h[2:]) > 0:
		last.at, last.size = x.end, int64(le.Uint16(h[2:]))
	case x.advise&adviseFragment != 0:
		off := uint64(le.Uint32(h[:]))
		if !x.compact {
			off |= uint64(x.lastBlock) << 32
		}
		last.at, last.where = int64(off&^(1<<63)), inFragment
		return f, f.openFragments(nested)
	}
	return f, nil
}

// compressed reads a compressed file.
type compressed struct {
	m          *image
	size       int64
	pieces     []piece
	alg        [2]byte // of the two types of heads
	interlaced bool
	fragments  io.ReaderAt
}

// build makes extents of the clusters.
func (f *compressed) build(x *index) error {
	open := -1 // where the extent starts that is not finished
	var head cluster
	finish := func(end int64) error {
		if open < 0 {
			if end != 0 {
				return bad("a compressed file without a first extent")
			}
			return nil
		}
		start := int64(0)
		if n := len(f.pieces); n > 0 {
			start = f.pieces[n-1].end
		}
		if end <= start {
			return bad("an extent of %d bytes", end-start)
		}
		blocks := max(head.blocks, 1)
		f.pieces = append(f.pieces, piece{end: end, at: int64(head.block) << f.m.bits, size: blocks << f.m.bits, kind: head.kind})
		return nil
	}
	for n := range x.count {
		c, err := x.cluster(n)
		if err != nil {
			return err
		}
		if c.kind == typeNonHead {
			if open == int(n)-1 && c.blocks > 0 {
				big := x.advise&adviseBig1 != 0
				if head.kind != typeHead1 {
					big = x.advise&(adviseBig1|adviseBig2) != 0
				}
				if big {
					head.blocks = c.blocks
				}
			}
			continue
		}
		start := n<<x.bits + c.offset
		if c.offset >= 1<<x.bits {
			return bad("an extent that starts at byte %d of a cluster", c.offset)
		}
		if start >= f.size {
			break // a cluster that only ends the one before
		}
		if err := finish(start); err != nil {
			return err
		}
		open, head = int(n), c
	}
	if err := finish(f.size); err != nil {
		return err
	}
	if len(f.pieces) == 0 {
		return bad("a compressed file without extents")
	}
	return nil
}

// openFragments opens the inode that holds the ends of files. Its own end is no
// fragment: an image that says so would be opened without end.
func (f *compressed) openFragments(nested bool) error {
	if nested || !f.m.hasPacks {
		return bad("a fragment, but no inode of fragments")
	}
	n, err := f.m.inode(f.m.packed)
	if err != nil {
		return err
	}
	f.fragments, err = f.m.content(n, true)
	return err
}

// ReadAt is that of io.ReaderAt.
func (f *compressed) ReadAt(p []byte, off int64) (int, error) {
	return vfs.ReadPieces(p, off, f.size, func(p []byte, off int64) (int, error) {
		i, ok := search(len(f.pieces), func(i int) bool { return f.pieces[i].end > off })
		if !ok {
			return 0, bad("a file that ends before its size")
		}
		start := int64(0)
		if i > 0 {
			start = f.pieces[i-1].end
		}
		e := f.pieces[i]
		n := int(min(int64(len(p)), e.end-off))
		if e.where == inFragment {
			if k, err := f.fragments.ReadAt(p[:n], e.at+off-start); k < n {
				return 0, &vfs.FormatError{System: "erofs", Reason: "a fragment cannot be read", Err: err}
			}
			return n, nil
		}
		data, err := f.piece(e, start)
		if err != nil {
			return 0, err
		}
		return copy(p[:n], data[off-start:]), nil
	})
}

// piece returns an extent, decompressed; start is where it begins in the file.
func (f *compressed) piece(e piece, start int64) ([]byte, error) {
	m := f.m
	m.mu.Lock()
	data := m.kept[e.at]
	m.mu.Unlock()
	want := e.end - start
	if int64(len(data)) >= want && e.kind != typePlain {
		return data[:want], nil
	}
	if want > maxPiece {
		return nil, bad("an extent of %d bytes", want)
	}
	if rest := m.src.Size - e.at; e.at < 0 || rest <= 0 {
		return nil, bad("an extent at byte %d lies outside of the image", e.at)
	}
	if e.kind == typePlain {
		return f.plain(e, start, want)
	}
	if e.size > maxPiece {
		return nil, bad("an extent of %d compressed bytes", e.size)
	}
	raw := make([]byte, e.size)
	if err := m.src.Read(raw, e.at, "extent"); err != nil {
		return nil, err
	}
	data = make([]byte, want)
	if err := m.unzip(f.alg[e.kind/typeHead2], data, raw); err != nil {
		return nil, &vfs.FormatError{System: "erofs", Reason: fmt.Sprintf("the extent at byte %d is damaged", e.at), Err: err}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sum += want; m.sum > maxKept {
		clear(m.kept)
		m.sum = want
	}
	m.kept[e.at] = data
	return data, nil
}

// plain returns an extent that is not compressed. In an interlaced one each
// byte stands at the place in a block that it has in the file.
func (f *compressed) plain(e piece, start, want int64) ([]byte, error) {
	if want > e.size {
		return nil, bad("an extent of %d bytes where there are %d", want, e.size)
	}
	data := make([]byte, want)
	if !f.interlaced {
		return data, f.m.src.Read(data, e.at, "extent")
	}
	block := int64(1) << f.m.bits
	head := min(block-start%block, want)
	// What does not fit up to the end of the file's block stands at the start.
	if err := f.m.src.Read(data[:head], e.at+e.size-(block-start%block), "extent"); err != nil {
		return nil, err
	}
	return data, f.m.src.Read(data[head:], e.at, "extent")
}

// unzip decompresses src, which has zeros before the data, until dst is full.
func (m *image) unzip(alg byte, dst, src []byte) error {
	var n int
	var err error
	if m.padded {
		src = bytes.TrimLeft(src, "\x00")
	}
	switch alg {
	case algLZ4:
		n, err = codec.LZ4(dst, src, true)
	case algLZMA:
		n, err = codec.MicroLZMA(dst, src, m.dict)
	case algDeflate:
		n, err = codec.Deflate(dst, src, true)
	case algZstd:
		n, err = m.zstd(dst, src, true)
	default:
		return &vfs.UnsupportedError{System: "erofs", Feature: fmt.Sprintf("compression %d", alg)}
	}
	if err == nil && n < len(dst) {
		err = io.ErrUnexpectedEOF
	}
	return err //nolint:wrapcheck // the caller says which extent
}
