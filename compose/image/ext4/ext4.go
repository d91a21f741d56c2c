// Package ext4 reads ext4, ext3 and ext2 file systems in files, as the
// rootfs.img of live images and raw disks without a partition table are,
// without mounting.
//
//	fsys, err := ext4.New(f, size)  // *vfs.FormatError, *vfs.UnsupportedError
//	if err != nil { ... }
//	for _, note := range fsys.Notes { ... } // "It was not unmounted ..."
//	db, err := rpmdb.Open(fsys, "")
//
// Extents, block maps, inline data and hashed folders are read; META_BG,
// encryption and a journal of one's own are refused by name. A journal that
// was not written back is not replayed: Notes says so. What the file system
// claims about sizes is bounded before memory is spent. Facts:
// docs.kernel.org/filesystems/ext4.
package ext4

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/fedora-respin/respin/compose/image/vfs"
)

// Numbers of docs.kernel.org/filesystems/ext4.
const (
	superAt   = 1024
	superSize = 1024
	magic     = 0xEF53
	rootInode = 2
	blockArea = 60 // bytes of i_block

	incompatFiletype = 0x2
	incompatRecover  = 0x4
	incompat64bit    = 0x80

	flagExtents = 0x80000
	flagInline  = 0x10000000
	flagEncrypt = 0x800
)

// Bounds for file systems that lie.
const (
	maxFile    = 1 << 44
	maxExtents = 1 << 20
	maxDepth   = 5 // of a tree of extents
	maxDir     = 256 << 20
)

// image is the driver.
type image struct {
	src      vfs.Source
	block    int64
	blocks   uint64
	inodes   uint32
	perGroup uint32
	inode    int64 // bytes of an inode
	desc     int64 // bytes of a group descriptor
	table    int64 // where those stand
	wide     bool
	types    bool // folders hold the types of their entries
}

// New reads the file system of size bytes in r. The errors are *vfs.FormatError
// and *vfs.UnsupportedError.
func New(r io.ReaderAt, size int64) (*vfs.FS, error) {
	m := &image{src: vfs.Source{ReaderAt: r, Size: size, System: "ext4"}}
	b := make([]byte, superSize)
	if err := m.src.Read(b, superAt, "superblock"); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if le.Uint16(b[56:]) != magic {
		return nil, bad("no magic %#x", magic)
	}
	if err := m.super(b); err != nil {
		return nil, err
	}
	root, err := m.Root()
	if err != nil {
		return nil, err
	}
	if !root.Mode.IsDir() {
		return nil, bad("its root is no folder")
	}
	f := vfs.New(m)
	if le.Uint32(b[96:])&incompatRecover != 0 {
		f.Notes = append(f.Notes, "The ext4 file system was not unmounted; its journal was not read.")
	}
	return f, nil
}

// Is tells whether r begins as an ext2, ext3 or ext4 file system does.
func Is(r io.ReaderAt) bool {
	var b [2]byte
	n, _ := r.ReadAt(b[:], superAt+56)
	return n == len(b) && binary.LittleEndian.Uint16(b[:]) == magic
}

func (m *image) super(b []byte) error {
	le := binary.LittleEndian
	log := le.Uint32(b[24:])
	if log > 6 {
		return bad("blocks of 2^%d KiB", log)
	}
	m.block = 1024 << log
	incompat := le.Uint32(b[96:])
	for _, f := range []struct {
		bit  uint32
		name string
	}{{0x1, "compression"}, {0x8, "a journal device"}, {0x10, "META_BG"}} {
		if incompat&f.bit != 0 {
			return &vfs.UnsupportedError{System: "ext4", Feature: f.name}
		}
	}
	const known = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000
	if f := incompat &^ known; f != 0 {
		return &vfs.UnsupportedError{System: "ext4", Feature: fmt.Sprintf("feature %#x", f)}
	}
	m.types, m.wide = incompat&incompatFiletype != 0, incompat&incompat64bit != 0
	m.inodes, m.perGroup = le.Uint32(b[0:]), le.Uint32(b[40:])
	m.blocks = uint64(le.Uint32(b[4:]))
	m.inode, m.desc = 128, 32
	if le.Uint32(b[76:]) >= 1 {
		m.inode = int64(le.Uint16(b[88:]))
	}
	if m.wide {
		m.desc, m.blocks = int64(le.Uint16(b[254:])), m.blocks|uint64(le.Uint32(b[336:]))<<32
	}
	first := int64(le.Uint32(b[20:]))
	switch {
	case m.perGroup == 0 || m.inodes < rootInode:
		return bad("%d inodes, %d in a group", m.inodes, m.perGroup)
	case m.inode < 128 || m.inode > m.block || m.inode&(m.inode-1) != 0:
		return bad("inodes of %d bytes", m.inode)
	case m.desc < 32 || m.desc > m.block || m.wide && m.desc < 64:
		return bad("group descriptors of %d bytes", m.desc)
	case m.blocks > uint64(m.src.Size)/uint64(m.block):
		return bad("it is truncated: %d blocks of %d bytes do not fit into %d", m.blocks, m.block, m.src.Size)
	}
	m.table = (first + 1) * m.block
	return nil
}

func bad(format string, args ...any) error {
	return &vfs.FormatError{System: "ext4", Reason: fmt.Sprintf(format, args...)}
}

// blockAt is where a block stands in the file.
func (m *image) blockAt(n uint64) (int64, error) {
	if n >= m.blocks {
		return 0, bad("block %d of %d", n, m.blocks)
	}
	return int64(n) * m.block, nil
}

// node is an inode as it stands in the file system.
type node struct {
	vfs.Node
	raw   []byte
	flags uint32
	area  []byte // i_block
}

// Root is part of vfs.Driver.
func (m *image) Root() (vfs.Node, error) { return m.Node(rootInode) }

// Node is part of vfs.Driver; a reference is the number of the inode.
func (m *image) Node(ref uint64) (vfs.Node, error) {
	n, err := m.load(ref)
	return n.Node, err
}

func (m *image) load(ref uint64) (node, error) {
	if ref == 0 || ref > uint64(m.inodes) {
		return node{}, bad("inode %d of %d", ref, m.inodes)
	}
	le := binary.LittleEndian
	group, index := (ref-1)/uint64(m.perGroup), (ref-1)%uint64(m.perGroup)
	desc := make([]byte, m.desc)
	if err := m.src.Read(desc, m.table+int64(group)*m.desc, "group descriptor"); err != nil {
		return node{}, err
	}
	start := uint64(le.Uint32(desc[8:]))
	if m.wide {
		start |= uint64(le.Uint32(desc[40:])) << 32
	}
	at, err := m.blockAt(start)
	if err != nil {
		return node{}, err
	}
	raw := make([]byte, m.inode)
	if err := m.src.Read(raw, at+int64(index)*m.inode, "inode"); err != nil {
		return node{}, err
	}
	n := node{raw: raw, flags: le.Uint32(raw[32:]), area: raw[40 : 40+blockArea]}
	size := uint64(le.Uint32(raw[4:])) | uint64(le.Uint32(raw[108:]))<<32
	n.Node = vfs.Node{Ref: ref, Mode: vfs.Mode(uint32(le.Uint16(raw))), Size: int64(size), MTime: time.Unix(int64(int32(le.Uint32(raw[16:]))), 0).UTC()}
	switch {
	case le.Uint16(raw) == 0:
		return n, bad("inode %d is free, but is used", ref)
	case size > maxFile:
		return n, bad("inode %d has %d bytes", ref, size)
	}
	return n, nil
}

// ReadLink is part of vfs.Driver.
func (m *image) ReadLink(v vfs.Node) (string, error) {
	n, err := m.load(v.Ref)
	if err != nil {
		return "", err
	}
	if n.Mode&fs.ModeSymlink == 0 || n.Size > vfs.MaxTarget {
		return "", bad("a link of %d bytes", n.Size)
	}
	if n.flags&(flagExtents|flagInline) == 0 && n.Size < blockArea {
		return string(n.area[:n.Size]), nil
	}
	r, err := m.content(n)
	if err != nil {
		return "", err
	}
	b := make([]byte, n.Size)
	if k, err := r.ReadAt(b, 0); k < len(b) {
		return "", &vfs.FormatError{System: "ext4", Reason: "a link cannot be read", Err: err}
	}
	return string(b), nil
}

// ReadDir is part of vfs.Driver. Hashed folders are read block by block: their
// index looks like free space.
func (m *image) ReadDir(v vfs.Node) ([]vfs.Dirent, error) {
	n, err := m.load(v.Ref)
	if err != nil {
		return nil, err
	}
	if !n.Mode.IsDir() || n.Size > maxDir {
		return nil, bad("a folder of %d bytes", n.Size)
	}
	if n.flags&flagInline != 0 {
		return m.inlineDir(n)
	}
	if n.Size%m.block != 0 {
		return nil, bad("a folder of %d bytes", n.Size)
	}
	r, err := m.content(n)
	if err != nil {
		return nil, err
	}
	var list []vfs.Dirent
	buf := make([]byte, m.block)
	for off := int64(0); off < n.Size; off += m.block {
		if k, err := r.ReadAt(buf, off); k < len(buf) {
			return nil, &vfs.FormatError{System: "ext4", Reason: "a folder cannot be read", Err: err}
		}
		if list, err = m.entries(list, buf); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// inlineDir reads a small folder: four bytes for "..", then entries, which may
// go on in an attribute.
func (m *image) inlineDir(n node) ([]vfs.Dirent, error) {
	list, err := m.entries(nil, n.area[4:])
	if err != nil {
		return nil, err
	}
	more, err := n.attribute()
	if err != nil || len(more) == 0 {
		return list, err
	}
	return m.entries(list, more)
}

// entries reads one run of directory entries.
func (m *image) entries(list []vfs.Dirent, b []byte) ([]vfs.Dirent, error) {
	le := binary.LittleEndian
	for len(b) >= 8 {
		ino, size, name := le.Uint32(b), int(le.Uint16(b[4:])), int(b[6])
		if size == 0 || size == 0xffff { // 64 KiB does not fit into 16 bits
			size = 0x10000
		}
		if size < 8 || size > len(b) || name > size-8 {
			return nil, bad("a folder entry of %d bytes with a name of %d", size, name)
		}
		e := vfs.Dirent{Name: string(b[8 : 8+name]), Type: fs.ModeIrregular, Ref: uint64(ino)}
		if m.types {
			e.Type = vfs.DirentType(b[7])
		}
		b = b[size:]
		if ino == 0 || e.Name == "." || e.Name == ".." {
			continue
		}
		if list = append(list, e); len(list) > vfs.MaxEntries {
			return nil, bad("a folder with more than %d files", vfs.MaxEntries)
		}
	}
	return list, nil
}
