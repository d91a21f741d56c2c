// Package erofs reads EROFS images, as the live images of Fedora 42 and later
// are, without mounting.
//
//	fsys, err := erofs.New(f, size)  // *vfs.FormatError, *vfs.UnsupportedError
//	if err != nil { ... }
//	data, err := fs.ReadFile(fsys, "etc/os-release")
//	db, err := rpmdb.Open(fsys, "")
//
// Plain, inline and chunked files are read, and compressed ones with full and
// with compact indexes: LZ4, LZMA, DEFLATE and Zstandard, big clusters, tails
// that are packed into the metadata (ztailpacking) and into the fragments'
// inode, and shared clusters (dedupe). More than one device, 48-bit addresses
// and metadata in a file are refused by name. What the image claims about sizes
// is bounded before memory is spent. Facts: the kernel's fs/erofs/erofs_fs.h and
// erofs.docs.kernel.org.
package erofs

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"sync"
	"time"

	"github.com/fedora-respin/respin/compose/image/internal/codec"
	"github.com/fedora-respin/respin/compose/image/vfs"
)

// Numbers of erofs_fs.h.
const (
	superAt   = 1024
	superSize = 128
	magic     = 0xE0F5E1E2
	slotSize  = 32 // inodes are numbered in units of it

	incompatZeroPadding        = 0x1
	incompatCompressionConfigs = 0x2
	incompatFragments          = 0x20

	layoutPlain             = 0
	layoutCompressedFull    = 1
	layoutInline            = 2
	layoutCompressedCompact = 3
	layoutChunked           = 4

	algLZ4, algLZMA, algDeflate, algZstd = 0, 1, 2, 3
)

// Bounds for images that lie.
const (
	maxFile  = 1 << 44
	maxDir   = 256 << 20
	maxPiece = 12 << 20 // what one cluster decompresses to, as the kernel has it
	maxKept  = 16 << 20
)

// image is the driver.
type image struct {
	src      vfs.Source
	bits     uint // of a block
	dirBits  uint // of a block of a folder
	meta     int64
	root     uint64
	packed   uint64 // inode with the fragments
	hasPacks bool
	padded   bool   // compressed data stands at the end of its blocks
	dict     uint32 // of LZMA
	zstd     codec.Func

	mu   sync.Mutex
	kept map[int64][]byte // decompressed clusters by where they stand
	sum  int64
}

// Is tells whether r begins as an EROFS image does.
func Is(r io.ReaderAt) bool {
	var b [4]byte
	n, _ := r.ReadAt(b[:], superAt)
	return n == len(b) && binary.LittleEndian.Uint32(b[:]) == magic
}

// New reads the image of size bytes in r. The errors are *vfs.FormatError and
// *vfs.UnsupportedError.
func New(r io.ReaderAt, size int64) (*vfs.FS, error) {
	m := &image{src: vfs.Source{ReaderAt: r, Size: size, System: "erofs"}, kept: map[int64][]byte{}}
	var b [superSize]byte
	if err := m.src.Read(b[:], superAt, "superblock"); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if le.Uint32(b[:]) != magic {
		return nil, bad("no magic %#x", uint32(magic))
	}
	if err := m.super(b[:]); err != nil {
		return nil, err
	}
	var err error
	if m.zstd, err = codec.Zstd(); err != nil {
		return nil, err //nolint:wrapcheck // it says all
	}
	root, err := m.Root()
	if err != nil {
		return nil, err
	}
	if !root.Mode.IsDir() {
		return nil, bad("its root is no folder")
	}
	return vfs.New(m), nil
}

func (m *image) super(b []byte) error {
	le := binary.LittleEndian
	m.bits = uint(b[12])
	if m.bits < 9 || m.bits > 16 {
		return bad("blocks of 2^%d bytes", m.bits)
	}
	m.dirBits = m.bits + uint(b[90])
	incompat := le.Uint32(b[80:])
	const known = 0x7f
	switch {
	case incompat&0x80 != 0:
		return &vfs.UnsupportedError{System: "erofs", Feature: "48-bit addresses"}
	case incompat&0x100 != 0:
		return &vfs.UnsupportedError{System: "erofs", Feature: "metadata in a file"}
	case incompat&^known != 0:
		return &vfs.UnsupportedError{System: "erofs", Feature: fmt.Sprintf("feature %#x", incompat&^known)}
	case le.Uint16(b[86:]) != 0:
		return &vfs.UnsupportedError{System: "erofs", Feature: "more than one device"}
	case m.dirBits > 16:
		return bad("blocks of folders of 2^%d bytes", m.dirBits)
	}
	if blocks := int64(le.Uint32(b[36:])); blocks > m.src.Size>>m.bits {
		return bad("it is truncated: %d blocks of %d bytes do not fit into %d", blocks, 1<<m.bits, m.src.Size)
	}
	m.meta, m.root = int64(le.Uint32(b[40:]))<<m.bits, uint64(le.Uint16(b[14:]))
	m.packed, m.hasPacks = le.Uint64(b[96:]), incompat&incompatFragments != 0
	m.padded = incompat&incompatZeroPadding != 0
	if incompat&incompatCompressionConfigs != 0 {
		return m.configs(le.Uint16(b[84:]), superAt+superSize+int64(b[13])*16)
	}
	return nil
}

// configs reads what compressors need to know, each with its length before it.
func (m *image) configs(algorithms uint16, at int64) error {
	for alg := range 16 {
		if algorithms&(1<<alg) == 0 {
			continue
		}
		if alg > algZstd {
			return &vfs.UnsupportedError{System: "erofs", Feature: fmt.Sprintf("compression %d", alg)}
		}
		var head [2]byte
		if err := m.src.Read(head[:], at, "compressor"); err != nil {
			return err
		}
		size := int64(binary.LittleEndian.Uint16(head[:]))
		if alg == algLZMA {
			var c [4]byte
			if err := m.src.Read(c[:], at+2, "compressor"); err != nil {
				return err
			}
			m.dict = binary.LittleEndian.Uint32(c[:])
		}
		at += 2 + size
	}
	return nil
}

func bad(format string, args ...any) error {
	return &vfs.FormatError{System: "erofs", Reason: fmt.Sprintf(format, args...)}
}

// inode is an inode and where what follows it stands.
type inode struct {
	vfs.Node
	layout uint16
	union  uint32 // block, chunk format or number of compressed blocks
	end    int64  // of the inode and its attributes
}

// Root is part of vfs.Driver.
func (m *image) Root() (vfs.Node, error) { return m.Node(m.root) }

// Node is part of vfs.Driver; a reference is the number of the inode.
func (m *image) Node(ref uint64) (vfs.Node, error) {
	n, err := m.inode(ref)
	return n.Node, err
}

func (m *image) inode(ref uint64) (inode, error) {
	if hi, _ := bits.Mul64(ref, slotSize); hi != 0 || ref*slotSize > uint64(m.src.Size) {
		return inode{}, bad("inode %d lies outside of the image", ref)
	}
	at := m.meta + int64(ref*slotSize)
	var b [64]byte
	if err := m.src.Read(b[:32], at, "inode"); err != nil {
		return inode{}, err
	}
	le := binary.LittleEndian
	format := le.Uint16(b[0:])
	n := inode{layout: format >> 1 & 7, union: le.Uint32(b[16:]), end: at + 32}
	n.Node = vfs.Node{Ref: ref, Mode: vfs.Mode(uint32(le.Uint16(b[4:])))}
	size := uint64(le.Uint32(b[8:]))
	if format&1 != 0 {
		if err := m.src.Read(b[:], at, "inode"); err != nil {
			return n, err
		}
		size, n.end = le.Uint64(b[8:]), at+64
		n.MTime = time.Unix(int64(le.Uint64(b[32:])), 0).UTC()
	}
	if size > maxFile {
		return n, bad("inode %d has %d bytes", ref, size)
	}
	if n.layout > layoutChunked || format>>4 != 0 {
		return n, bad("inode %d has the format %#x", ref, format)
	}
	n.Size = int64(size)
	if attrs := int64(le.Uint16(b[2:])); attrs > 0 {
		n.end += 12 + (attrs-1)*4
	}
	return n, nil
}

// Content is part of vfs.Driver.
func (m *image) Content(v vfs.Node) (io.ReaderAt, error) {
	n, err := m.inode(v.Ref)
	if err != nil {
		return nil, err
	}
	return m.content(n, false)
}

// content opens a file; nested says that it is the inode of fragments.
func (m *image) content(n inode, nested bool) (io.ReaderAt, error) {
	switch n.layout {
	case layoutPlain, layoutInline:
		return m.flat(n)
	case layoutChunked:
		return m.chunks(n)
	default:
		return m.clusters(n, nested)
	}
}

// all reads a whole small file.
func (m *image) all(n inode) ([]byte, error) {
	r, err := m.content(n, false)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n.Size)
	if k, err := r.ReadAt(b, 0); k < len(b) {
		return nil, &vfs.FormatError{System: "erofs", Reason: "a file cannot be read", Err: err}
	}
	return b, nil
}

// ReadLink is part of vfs.Driver.
func (m *image) ReadLink(v vfs.Node) (string, error) {
	n, err := m.inode(v.Ref)
	if err != nil {
		return "", err
	}
	if n.Mode&fs.ModeSymlink == 0 || n.Size > vfs.MaxTarget {
		return "", bad("a link of %d bytes", n.Size)
	}
	b, err := m.all(n)
	return string(b), err
}

// ReadDir is part of vfs.Driver.
func (m *image) ReadDir(v vfs.Node) ([]vfs.Dirent, error) {
	n, err := m.inode(v.Ref)
	if err != nil {
		return nil, err
	}
	if !n.Mode.IsDir() || n.Size > maxDir {
		return nil, bad("a folder of %d bytes", n.Size)
	}
	r, err := m.content(n, false)
	if err != nil {
		return nil, err
	}
	var list []vfs.Dirent
	buf := make([]byte, 1<<m.dirBits)
	for off := int64(0); off < n.Size; off += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), n.Size-off)]
		if k, err := r.ReadAt(b, off); k < len(b) {
			return nil, &vfs.FormatError{System: "erofs", Reason: "a folder cannot be read", Err: err}
		}
		if list, err = entries(list, b); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// entries reads one block of a folder: records, then names.
func entries(list []vfs.Dirent, b []byte) ([]vfs.Dirent, error) {
	const record = 12
	le := binary.LittleEndian
	if len(b) < record {
		return nil, bad("a block of a folder has %d bytes", len(b))
	}
	first := int(le.Uint16(b[8:]))
	if first < record || first%record != 0 || first > len(b) {
		return nil, bad("a block of a folder has its first name at byte %d", first)
	}
	for at := 0; at < first; at += record {
		start, end := int(le.Uint16(b[at+8:])), len(b)
		last := at+record == first
		if !last {
			end = int(le.Uint16(b[at+record+8:]))
		}
		if start < first || end < start || end > len(b) {
			return nil, bad("a name from byte %d to %d of a folder", start, end)
		}
		name := b[start:end]
		for i, c := range name {
			if last && c == 0 { // the rest of the block
				name = name[:i]
				break
			}
		}
		if string(name) == "." || string(name) == ".." {
			continue
		}
		list = append(list, vfs.Dirent{Name: string(name), Type: vfs.DirentType(b[at+10]), Ref: le.Uint64(b[at:])})
		if len(list) > vfs.MaxEntries {
			return nil, bad("a folder with more than %d files", vfs.MaxEntries)
		}
	}
	return list, nil
}
