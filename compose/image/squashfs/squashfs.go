// Package squashfs reads squashfs 4.0 images, as live images and the installer's
// install.img are, without mounting and without unsquashfs.
//
//	f, err := os.Open("install.img")
//	if err != nil { ... }
//	fsys, err := squashfs.New(f, size)  // *vfs.FormatError, *vfs.UnsupportedError
//	if err != nil { ... }
//	data, err := fs.ReadFile(fsys, "etc/os-release")
//	db, err := rpmdb.Open(fsys, "")
//
// Blocks are decompressed when they are read; some megabytes of them are kept.
// gzip, xz (with filters for machine code), zstd and lz4 are read; lzo and lzma
// are refused by name. What the image claims about sizes is bounded before
// memory is spent. Facts: the kernel's fs/squashfs/squashfs_fs.h and
// docs.kernel.org/filesystems/squashfs.html.
package squashfs

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/fedora-respin/respin/compose/image/internal/codec"
	"github.com/fedora-respin/respin/compose/image/vfs"
)

// Numbers of squashfs_fs.h.
const (
	// Magic starts every image.
	Magic = "hsqs"

	superSize     = 96
	metaSize      = 8192
	minBlock      = 4096
	maxBlock      = 1 << 20
	noFragment    = 0xffffffff
	noTable       = ^uint64(0)
	rawMeta       = 1 << 15
	rawData       = 1 << 24
	fragmentEntry = 16
)

// Bounds for images that lie.
const (
	maxBlocks    = 1 << 22 // of one file: 512 GiB at the default block size
	maxMetaKept  = 2048    // blocks, 16 MiB
	maxDataKept  = 16 << 20
	maxDirBytes  = 256 << 20
	maxFragments = 1 << 24
)

// image is the driver.
type image struct {
	src   vfs.Source
	block int64
	unzip codec.Func

	root, inodes, dirs, frags uint64
	fragCount                 uint32

	mu   sync.Mutex
	meta map[uint64]metaBlock
	data map[int64][]byte // by where it stands in the image
	kept int64            // bytes in data
}

type metaBlock struct {
	data []byte
	next uint64
}

// New reads the image of size bytes in r. The errors are *vfs.FormatError and
// *vfs.UnsupportedError.
func New(r io.ReaderAt, size int64) (*vfs.FS, error) {
	m := &image{src: vfs.Source{ReaderAt: r, Size: size, System: "squashfs"}, meta: map[uint64]metaBlock{}, data: map[int64][]byte{}}
	var b [superSize]byte
	if err := m.src.Read(b[:], 0, "superblock"); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if string(b[:4]) != Magic {
		return nil, bad("no magic %q", Magic)
	}
	if major, minor := le.Uint16(b[28:]), le.Uint16(b[30:]); major != 4 || minor != 0 {
		return nil, &vfs.UnsupportedError{System: "squashfs", Feature: fmt.Sprintf("version %d.%d", major, minor)}
	}
	m.block = int64(le.Uint32(b[12:]))
	if m.block < minBlock || m.block > maxBlock || m.block&(m.block-1) != 0 {
		return nil, bad("blocks of %d bytes", m.block)
	}
	if used := le.Uint64(b[40:]); used > uint64(size) {
		return nil, bad("it is truncated: %d bytes of %d are there", size, used)
	}
	m.fragCount, m.root = le.Uint32(b[16:]), le.Uint64(b[32:])
	m.inodes, m.dirs, m.frags = le.Uint64(b[64:]), le.Uint64(b[72:]), le.Uint64(b[80:])
	if m.fragCount > maxFragments {
		return nil, bad("%d fragments", m.fragCount)
	}
	if err := m.compression(le.Uint16(b[20:])); err != nil {
		return nil, err
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

func (m *image) compression(id uint16) (err error) {
	names := []string{"", "gzip", "lzma", "lzo", "xz", "lz4", "zstd"}
	if int(id) >= len(names) || id == 0 {
		return bad("unknown compression %d", id)
	}
	switch names[id] {
	case "gzip":
		m.unzip = codec.Zlib
	case "xz":
		m.unzip = codec.XZ
	case "lz4":
		m.unzip = codec.LZ4
	case "zstd":
		m.unzip, err = codec.Zstd()
	default:
		return &vfs.UnsupportedError{System: "squashfs", Feature: "compression " + names[id]}
	}
	return err
}

func bad(format string, args ...any) error {
	return &vfs.FormatError{System: "squashfs", Reason: fmt.Sprintf(format, args...)}
}

// metaAt returns the metadata block at a byte of the image.
func (m *image) metaAt(at uint64) (metaBlock, error) {
	m.mu.Lock()
	b, ok := m.meta[at]
	m.mu.Unlock()
	if ok {
		return b, nil
	}
	var head [2]byte
	if at > uint64(m.src.Size) {
		return b, bad("metadata at byte %d lies outside of its %d bytes", at, m.src.Size)
	}
	if err := m.src.Read(head[:], int64(at), "metadata"); err != nil {
		return b, err
	}
	h := binary.LittleEndian.Uint16(head[:])
	n := h &^ rawMeta
	if n == 0 || n > metaSize {
		return b, bad("metadata at byte %d has %d bytes", at, n)
	}
	raw := make([]byte, n)
	if err := m.src.Read(raw, int64(at)+2, "metadata"); err != nil {
		return b, err
	}
	b = metaBlock{data: raw, next: at + 2 + uint64(n)}
	if h&rawMeta == 0 {
		out := make([]byte, metaSize)
		k, err := m.unzip(out, raw, false)
		if err != nil {
			return b, &vfs.FormatError{System: "squashfs", Reason: fmt.Sprintf("metadata at byte %d is damaged", at), Err: err}
		}
		b.data = out[:k]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.meta) >= maxMetaKept {
		clear(m.meta)
	}
	m.meta[at] = b
	return b, nil
}

// metaReader reads metadata from block to block.
type metaReader struct {
	m    *image
	at   uint64 // of the block
	skip int    // bytes of it that were read
}

// take fills b.
func (r *metaReader) take(b []byte) error {
	for len(b) > 0 {
		block, err := r.m.metaAt(r.at)
		if err != nil {
			return err
		}
		if r.skip >= len(block.data) {
			if r.skip > len(block.data) || len(block.data) == 0 {
				return bad("byte %d of a metadata block of %d", r.skip, len(block.data))
			}
			r.at, r.skip = block.next, 0
			continue
		}
		n := copy(b, block.data[r.skip:])
		r.skip += n
		b = b[n:]
	}
	return nil
}

// dataAt returns the data or fragment block at a byte of the image, of at most
// m.block bytes; size is as the image has it, with the bit for raw data.
func (m *image) dataAt(at int64, size uint32) ([]byte, error) {
	m.mu.Lock()
	b, ok := m.data[at]
	m.mu.Unlock()
	if ok {
		return b, nil
	}
	n := int64(size &^ rawData)
	if n > m.block {
		return nil, bad("a block of %d bytes, blocks have %d", n, m.block)
	}
	raw := make([]byte, n)
	if err := m.src.Read(raw, at, "data"); err != nil {
		return nil, err
	}
	b = raw
	if size&rawData == 0 {
		b = make([]byte, m.block)
		k, err := m.unzip(b, raw, false)
		if err != nil {
			return nil, &vfs.FormatError{System: "squashfs", Reason: fmt.Sprintf("data at byte %d is damaged", at), Err: err}
		}
		b = b[:k]
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept += int64(len(b)); m.kept > maxDataKept {
		clear(m.data)
		m.kept = int64(len(b))
	}
	m.data[at] = b
	return b, nil
}

func unixTime(sec uint32) time.Time { return time.Unix(int64(sec), 0).UTC() }
