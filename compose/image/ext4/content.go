package ext4

import (
	"bytes"
	"encoding/binary"
	"io"
	"sort"

	"github.com/fedora-respin/respin/compose/image/vfs"
)

const (
	extentMagic  = 0xF30A
	extentEntry  = 12
	extentUnwrit = 32768 // lengths above are of blocks that were never written

	attributeMagic  = 0xEA020000
	attributeEntry  = 16
	attributeSystem = 7 // name index of "system."
)

// Content is part of vfs.Driver.
func (m *image) Content(v vfs.Node) (io.ReaderAt, error) {
	n, err := m.load(v.Ref)
	if err != nil {
		return nil, err
	}
	return m.content(n)
}

func (m *image) content(n node) (io.ReaderAt, error) {
	switch {
	case n.flags&flagEncrypt != 0:
		return nil, &vfs.UnsupportedError{System: "ext4", Feature: "encryption"}
	case n.flags&flagInline != 0:
		return n.inline()
	case n.flags&flagExtents == 0:
		return &mapped{m: m, n: n}, nil
	}
	t := &tree{m: m, size: n.Size}
	if err := t.walk(n.area, maxDepth); err != nil {
		return nil, err
	}
	return t, nil
}

// extent is a run of blocks.
type extent struct {
	block uint64 // of the file
	count uint64
	at    int64 // in the file system; -1 for zeros
}

// tree is a file with extents, in the order of their blocks.
type tree struct {
	m       *image
	size    int64
	extents []extent
	nodes   int
}

// walk reads a node of the tree and what is below it.
func (t *tree) walk(b []byte, depth int) error {
	le := binary.LittleEndian
	count := int(le.Uint16(b[2:]))
	level := int(le.Uint16(b[6:]))
	if le.Uint16(b) != extentMagic || extentEntry*(count+1) > len(b) || level > depth {
		return bad("a node of extents with %d entries, depth %d", count, level)
	}
	if t.nodes++; t.nodes > maxExtents {
		return bad("a file with too many extents")
	}
	for i := range count {
		e := b[extentEntry*(i+1):]
		if level == 0 {
			if err := t.add(e); err != nil {
				return err
			}
			continue
		}
		at, err := t.m.blockAt(uint64(le.Uint32(e[4:])) | uint64(le.Uint16(e[8:]))<<32)
		if err != nil {
			return err
		}
		below := make([]byte, t.m.block)
		if err := t.m.src.Read(below, at, "extents"); err != nil {
			return err
		}
		if err := t.walk(below, level-1); err != nil {
			return err
		}
	}
	return nil
}

// add takes a leaf of the tree.
func (t *tree) add(e []byte) error {
	le := binary.LittleEndian
	x := extent{block: uint64(le.Uint32(e)), count: uint64(le.Uint16(e[4:]))}
	start := uint64(le.Uint16(e[6:]))<<32 | uint64(le.Uint32(e[8:]))
	if n := len(t.extents); n >= maxExtents || n > 0 && x.block < t.extents[n-1].block+t.extents[n-1].count {
		return bad("extents that overlap, or too many of them")
	}
	switch {
	case x.count > extentUnwrit:
		x.count, x.at = x.count-extentUnwrit, -1
	case x.count == 0 || start+x.count > t.m.blocks:
		return bad("an extent of %d blocks at %d of %d", x.count, start, t.m.blocks)
	default:
		x.at = int64(start) * t.m.block
	}
	t.extents = append(t.extents, x)
	return nil
}

// ReadAt is that of io.ReaderAt.
func (t *tree) ReadAt(p []byte, off int64) (int, error) {
	return vfs.ReadPieces(p, off, t.size, func(p []byte, off int64) (int, error) {
		b := uint64(off / t.m.block)
		i := sort.Search(len(t.extents), func(i int) bool { return t.extents[i].block+t.extents[i].count > b })
		if i == len(t.extents) {
			clear(p)
			return len(p), nil
		}
		x := t.extents[i]
		if b < x.block {
			n := int(min(int64(len(p)), int64(x.block)*t.m.block-off))
			clear(p[:n])
			return n, nil
		}
		n := int(min(int64(len(p)), int64(x.block+x.count)*t.m.block-off))
		if x.at < 0 {
			clear(p[:n])
			return n, nil
		}
		return n, t.m.src.Read(p[:n], x.at+off-int64(x.block)*t.m.block, "file")
	})
}

// mapped is a file with a block map, as ext2 and ext3 write it: twelve blocks,
// then blocks of numbers in one, two and three levels.
type mapped struct {
	m *image
	n node
}

// ReadAt is that of io.ReaderAt.
func (f *mapped) ReadAt(p []byte, off int64) (int, error) {
	return vfs.ReadPieces(p, off, f.n.Size, func(p []byte, off int64) (int, error) {
		in := off % f.m.block
		n := int(min(int64(len(p)), f.m.block-in))
		b, err := f.find(uint64(off / f.m.block))
		if err != nil {
			return 0, err
		}
		if b == 0 {
			clear(p[:n])
			return n, nil
		}
		at, err := f.m.blockAt(b)
		if err != nil {
			return 0, err
		}
		return n, f.m.src.Read(p[:n], at+in, "file")
	})
}

// find returns the number of block i of the file, 0 for a hole.
func (f *mapped) find(i uint64) (uint64, error) {
	const direct = 12
	le := binary.LittleEndian
	if i < direct {
		return uint64(le.Uint32(f.n.area[4*i:])), nil
	}
	i -= direct
	per := uint64(f.m.block / 4)
	span := per
	for level := range uint64(3) {
		if i >= span {
			i -= span
			span *= per
			continue
		}
		b := uint64(le.Uint32(f.n.area[4*(direct+level):]))
		for span > 1 && b != 0 {
			span /= per
			at, err := f.m.blockAt(b)
			if err != nil {
				return 0, err
			}
			var e [4]byte
			if err := f.m.src.Read(e[:], at+int64(4*(i/span)), "block map"); err != nil {
				return 0, err
			}
			b, i = uint64(le.Uint32(e[:])), i%span
		}
		return b, nil
	}
	return 0, bad("a file that is longer than its block map can be")
}

// inline returns what stands in the inode itself.
func (n node) inline() (io.ReaderAt, error) {
	data := bytes.Clone(n.area)
	if n.Size > blockArea {
		more, err := n.attribute()
		if err != nil {
			return nil, err
		}
		data = append(data, more...)
	}
	if n.Size > int64(len(data)) {
		return nil, bad("inline data of %d bytes where the file has %d", len(data), n.Size)
	}
	return bytes.NewReader(data[:n.Size]), nil
}

// attribute returns the attribute system.data of the inode, nil without one.
func (n node) attribute() ([]byte, error) {
	le := binary.LittleEndian
	if len(n.raw) < 132 {
		return nil, nil
	}
	start := 128 + int(le.Uint16(n.raw[128:]))
	if start+4 > len(n.raw) || le.Uint32(n.raw[start:]) != attributeMagic {
		return nil, nil
	}
	area := n.raw[start+4:]
	for b := area; len(b) >= attributeEntry && b[0] != 0; {
		size := attributeEntry + (int(b[0])+3)/4*4
		if size > len(b) {
			return nil, bad("an attribute leaves its inode")
		}
		if b[1] == attributeSystem && string(b[attributeEntry:attributeEntry+int(b[0])]) == "data" {
			off, length := int64(le.Uint16(b[2:])), int64(le.Uint32(b[8:]))
			if off+length > int64(len(area)) {
				return nil, bad("an attribute leaves its inode")
			}
			return area[off : off+length], nil
		}
		b = b[size:]
	}
	return nil, nil
}
