package squashfs

import (
	"encoding/binary"
	"io"
	"io/fs"
	"math"
	"slices"

	"github.com/fedora-respin/respin/compose/image/vfs"
)

// Types of inodes. Those from 8 on are the same with wider fields.
const (
	typeDir      = 1
	typeFile     = 2
	typeLink     = 3
	typeSocket   = 7
	typeExtended = 7 // what the wider ones are above the others
)

// inode is an inode and where what follows it in the metadata stands.
type inode struct {
	vfs.Node
	rest metaReader

	// of a folder
	block  uint32
	offset uint16
	// of a file
	start      uint64
	frag, tail uint32 // fragment and where in it the end of the file stands
}

// Root is part of vfs.Driver.
func (m *image) Root() (vfs.Node, error) { return m.Node(m.root) }

// Node is part of vfs.Driver.
func (m *image) Node(ref uint64) (vfs.Node, error) {
	n, err := m.inode(ref)
	return n.Node, err
}

func (m *image) inode(ref uint64) (inode, error) {
	r := metaReader{m: m, at: m.inodes + ref>>16, skip: int(ref & 0xffff)}
	n := inode{Node: vfs.Node{Ref: ref}}
	var b [40]byte
	if err := r.take(b[:16]); err != nil {
		return n, err
	}
	le := binary.LittleEndian
	kind := le.Uint16(b[0:])
	n.MTime = unixTime(le.Uint32(b[8:]))
	base := kind
	if base > typeSocket {
		base -= typeExtended
	}
	types := [8]uint32{typeDir: 0o040000, typeFile: 0o100000, typeLink: 0o120000, 4: 0o060000, 5: 0o020000, 6: 0o010000, typeSocket: 0o140000}
	if base == 0 || base > typeSocket {
		return n, bad("an inode of type %d", kind)
	}
	n.Mode = vfs.Mode(types[base] | uint32(le.Uint16(b[2:]))&0o7777)
	sizes := [11]int{typeDir: 16, typeFile: 16, typeLink: 8, 8: 24, 9: 40, 10: 8}
	if int(kind) >= len(sizes) || sizes[kind] == 0 {
		n.rest = r
		return n, nil // devices, pipes and sockets have no content
	}
	if err := r.take(b[:sizes[kind]]); err != nil {
		return n, err
	}
	var size uint64
	switch kind {
	case typeDir:
		n.block, size, n.offset = le.Uint32(b[0:]), uint64(le.Uint16(b[8:])), le.Uint16(b[10:])
	case typeDir + typeExtended:
		n.block, size, n.offset = le.Uint32(b[8:]), uint64(le.Uint32(b[4:])), le.Uint16(b[18:])
	case typeFile:
		n.start, n.frag, n.tail, size = uint64(le.Uint32(b[0:])), le.Uint32(b[4:]), le.Uint32(b[8:]), uint64(le.Uint32(b[12:]))
	case typeFile + typeExtended:
		n.start, size, n.frag, n.tail = le.Uint64(b[0:]), le.Uint64(b[8:]), le.Uint32(b[28:]), le.Uint32(b[32:])
	default: // links
		size = uint64(le.Uint32(b[4:]))
	}
	if size > math.MaxInt64 || n.start > math.MaxInt64 {
		return n, bad("a file of %d bytes", size)
	}
	n.Size, n.rest = int64(size), r
	return n, nil
}

// ReadLink is part of vfs.Driver.
func (m *image) ReadLink(node vfs.Node) (string, error) {
	n, err := m.inode(node.Ref)
	if err != nil {
		return "", err
	}
	if n.Mode&fs.ModeSymlink == 0 || n.Size > vfs.MaxTarget {
		return "", bad("a link of %d bytes", n.Size)
	}
	b := make([]byte, n.Size)
	if err := n.rest.take(b); err != nil {
		return "", err
	}
	return string(b), nil
}

// ReadDir is part of vfs.Driver.
func (m *image) ReadDir(node vfs.Node) ([]vfs.Dirent, error) {
	n, err := m.inode(node.Ref)
	if err != nil {
		return nil, err
	}
	if !n.Mode.IsDir() || n.Size > maxDirBytes {
		return nil, bad("a folder of %d bytes", n.Size)
	}
	var list []vfs.Dirent
	r := metaReader{m: m, at: m.dirs + uint64(n.block), skip: int(n.offset)}
	le := binary.LittleEndian
	for left := n.Size - 3; left > 0; { // "." and ".." count three bytes
		var head [12]byte
		if left -= int64(len(head)); left < 0 {
			return nil, bad("a folder ends within a header")
		}
		if err := r.take(head[:]); err != nil {
			return nil, err
		}
		count, block := int64(le.Uint32(head[0:]))+1, uint64(le.Uint32(head[4:]))
		if count > 256 {
			return nil, bad("%d entries below one header", count)
		}
		for range count {
			var e [8]byte
			if err := r.take(e[:]); err != nil {
				return nil, err
			}
			name := make([]byte, int(le.Uint16(e[6:]))+1)
			if len(name) > 256 {
				return nil, bad("a name of %d bytes", len(name))
			}
			if err := r.take(name); err != nil {
				return nil, err
			}
			if left -= int64(len(e) + len(name)); left < 0 {
				return nil, bad("a folder ends within an entry")
			}
			kind := le.Uint16(e[4:])
			types := [8]byte{typeDir: 2, typeFile: 1, typeLink: 7, 4: 4, 5: 3, 6: 5, typeSocket: 6}
			if kind > typeSocket {
				return nil, bad("an entry of type %d", kind)
			}
			list = append(list, vfs.Dirent{Name: string(name), Type: vfs.DirentType(types[kind]), Ref: block<<16 | uint64(le.Uint16(e[0:]))})
			if len(list) > vfs.MaxEntries {
				return nil, bad("a folder with more than %d files", vfs.MaxEntries)
			}
		}
	}
	return list, nil
}

// Content is part of vfs.Driver.
func (m *image) Content(node vfs.Node) (io.ReaderAt, error) {
	n, err := m.inode(node.Ref)
	if err != nil {
		return nil, err
	}
	f := &content{m: m, size: n.Size}
	blocks := (n.Size-1)/m.block + 1
	if n.Size == 0 {
		blocks = 0
	}
	if n.frag != noFragment && n.Size%m.block != 0 {
		blocks--
		if f.frag, err = m.fragment(n.frag); err != nil {
			return nil, err
		}
		f.tail, f.inFrag = int64(n.tail), true
	}
	if blocks > maxBlocks {
		return nil, bad("a file of %d blocks", blocks)
	}
	at := int64(n.start)
	for left := blocks; left > 0; { // in pieces: the list must be there before memory is
		raw := make([]byte, 4*min(left, 4096))
		if err := n.rest.take(raw); err != nil {
			return nil, err
		}
		for ; len(raw) > 0; raw = raw[4:] {
			size := binary.LittleEndian.Uint32(raw)
			f.blocks = append(f.blocks, block{at, size})
			if at += int64(size &^ rawData); at > m.src.Size {
				return nil, bad("a file that lies outside of the image")
			}
			left--
		}
	}
	f.blocks = slices.Clip(f.blocks)
	return f, nil
}

// fragment finds the block that holds the ends of files.
func (m *image) fragment(n uint32) (block, error) {
	if n >= m.fragCount || m.frags == noTable || m.frags > uint64(m.src.Size) {
		return block{}, bad("fragment %d of %d", n, m.fragCount)
	}
	const perBlock = metaSize / fragmentEntry
	var at [8]byte
	if err := m.src.Read(at[:], int64(m.frags)+int64(n/perBlock)*8, "table of fragments"); err != nil {
		return block{}, err
	}
	var e [fragmentEntry]byte
	r := metaReader{m: m, at: binary.LittleEndian.Uint64(at[:]), skip: int(n%perBlock) * fragmentEntry}
	if err := r.take(e[:]); err != nil {
		return block{}, err
	}
	start := binary.LittleEndian.Uint64(e[:])
	if start > uint64(m.src.Size) {
		return block{}, bad("a fragment that lies outside of the image")
	}
	return block{int64(start), binary.LittleEndian.Uint32(e[8:])}, nil
}

type block struct {
	at   int64
	size uint32 // with the bit for raw data; 0 for zeros
}

// content reads a file.
type content struct {
	m      *image
	size   int64
	blocks []block
	frag   block
	tail   int64
	inFrag bool
}

// ReadAt is that of io.ReaderAt.
func (c *content) ReadAt(p []byte, off int64) (int, error) {
	return vfs.ReadPieces(p, off, c.size, func(p []byte, off int64) (int, error) {
		b, err := c.piece(off)
		return copy(p, b), err
	})
}

// piece is what the block of a byte holds from that byte on, never nothing.
func (c *content) piece(off int64) ([]byte, error) {
	i, in := off/c.m.block, off%c.m.block
	want := min(c.m.block, c.size-i*c.m.block) // bytes of the file in the block
	if i >= int64(len(c.blocks)) {
		if !c.inFrag || i > int64(len(c.blocks)) {
			return nil, bad("a file that ends before its size")
		}
		b, err := c.m.dataAt(c.frag.at, c.frag.size)
		if err != nil {
			return nil, err
		}
		if c.tail+want > int64(len(b)) {
			return nil, bad("the end of a file lies outside of its fragment")
		}
		return b[c.tail+in : c.tail+want], nil
	}
	if c.blocks[i].size&^rawData == 0 {
		return make([]byte, want-in), nil // a hole
	}
	b, err := c.m.dataAt(c.blocks[i].at, c.blocks[i].size)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) < want {
		return nil, bad("a block of %d bytes where the file has %d", len(b), want)
	}
	return b[in:want], nil
}
