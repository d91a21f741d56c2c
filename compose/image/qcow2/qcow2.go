// Package qcow2 reads the disks of QEMU's format (docs/interop/qcow2.rst of QEMU),
// versions 2 and 3: plain, zero and compressed clusters (deflate, Zstandard).
//
//	d, err := qcow2.New(f, size) // *vfs.FormatError, *vfs.UnsupportedError
//	n, err := d.ReadAt(p, off)   // of the disk inside
//
// A backing file, an external data file, encryption and extended L2 entries are
// refused by name. Snapshots are passed over. The image comes from outside: its
// tables are read as they are needed and in bounds.
package qcow2

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/fedora-respin/respin/compose/image/vfs"
)

// Magic is what such a file begins with.
const Magic = "QFI\xfb"

const (
	minClusterBits = 9
	maxClusterBits = 21
	maxL1          = 32 << 20 // bytes, QEMU's own limit
	maxDisk        = 1 << 52  // bytes
	headerV3       = 104
	offsetMask     = 1<<56 - 1<<9
	compressed     = 1 << 62
	zero           = 1
	maxTables      = 16 // L2 tables that are kept, at most 2 MiB each
)

// Bits of the incompatible features.
const (
	dirty       = 1 << 0 // the reference counts are: they are not read
	external    = 1 << 2
	packing     = 1 << 3
	extendedL2  = 1 << 4
	readable    = dirty | packing
	packingZstd = 1
)

// Disk is the disk inside. It may be used by many goroutines.
type Disk struct {
	r           io.ReaderAt
	size        int64 // of the file
	disk        int64
	clusterBits uint
	version     uint32
	zstd        bool
	l1          []uint64

	mu     sync.Mutex
	tables map[uint64][]uint64 // by offset
	last   struct {            // the compressed cluster unpacked last
		entry uint64
		data  []byte
	}
}

func bad(format string, args ...any) error {
	return &vfs.FormatError{System: "qcow2", Reason: fmt.Sprintf(format, args...)}
}

// New opens a disk in r, a file of size bytes.
func New(r io.ReaderAt, size int64) (*Disk, error) {
	var h [headerV3 + 1]byte
	if n, err := r.ReadAt(h[:72], 0); n < 72 || string(h[:4]) != Magic {
		return nil, &vfs.FormatError{System: "qcow2", Reason: "it has no header", Err: err}
	}
	be := binary.BigEndian
	d := &Disk{r: r, size: size, version: be.Uint32(h[4:]), clusterBits: uint(be.Uint32(h[20:])), tables: map[uint64][]uint64{}}
	disk := be.Uint64(h[24:])
	switch {
	case d.version != 2 && d.version != 3:
		return nil, &vfs.UnsupportedError{System: "qcow2", Feature: fmt.Sprintf("version %d", d.version)}
	case be.Uint64(h[8:]) != 0:
		return nil, &vfs.UnsupportedError{System: "qcow2", Feature: "a backing file"}
	case be.Uint32(h[32:]) != 0:
		return nil, &vfs.UnsupportedError{System: "qcow2", Feature: "encryption"}
	case d.clusterBits < minClusterBits || d.clusterBits > maxClusterBits:
		return nil, bad("its clusters have 2^%d bytes", d.clusterBits)
	case disk > maxDisk:
		return nil, bad("it has %d bytes", disk)
	}
	d.disk = int64(disk)
	if d.version == 3 {
		if err := d.features(h[:]); err != nil {
			return nil, err
		}
	}
	return d, d.readL1(be.Uint64(h[40:]), be.Uint32(h[36:]))
}

// features reads what version 3 adds to the header.
func (d *Disk) features(h []byte) error {
	if n, err := d.r.ReadAt(h, 0); n < headerV3 {
		return &vfs.FormatError{System: "qcow2", Reason: "its header ends early", Err: err}
	}
	be := binary.BigEndian
	bits := be.Uint64(h[72:])
	switch {
	case bits&external != 0:
		return &vfs.UnsupportedError{System: "qcow2", Feature: "an external data file"}
	case bits&extendedL2 != 0:
		return &vfs.UnsupportedError{System: "qcow2", Feature: "extended L2 entries"}
	case bits&^readable != 0:
		return &vfs.UnsupportedError{System: "qcow2", Feature: fmt.Sprintf("feature 0x%x", bits&^readable)}
	}
	if bits&packing != 0 && be.Uint32(h[100:]) > headerV3 {
		if h[104] > packingZstd {
			return &vfs.UnsupportedError{System: "qcow2", Feature: fmt.Sprintf("compression %d", h[104])}
		}
		d.zstd = h[104] == packingZstd
	}
	return nil
}

func (d *Disk) readL1(at uint64, entries uint32) error {
	perTable := int64(1) << (2*d.clusterBits - 3) // bytes of the disk that an L2 table covers
	if want := (d.disk + perTable - 1) / perTable; int64(entries) < want || int64(entries)*8 > maxL1 {
		return bad("its first table has %d entries for %d bytes", entries, d.disk)
	}
	var err error
	d.l1, err = d.table(at, int64(entries))
	return err
}

// table reads big-endian numbers.
func (d *Disk) table(at uint64, entries int64) ([]uint64, error) {
	if at > uint64(d.size) || entries*8 > d.size-int64(at) {
		return nil, bad("a table of %d entries at %d ends behind the file", entries, at)
	}
	b := make([]byte, entries*8)
	if _, err := d.r.ReadAt(b, int64(at)); err != nil && !errors.Is(err, io.EOF) {
		return nil, &vfs.FormatError{System: "qcow2", Reason: "a table cannot be read", Err: err}
	}
	list := make([]uint64, entries)
	for i := range list {
		list[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return list, nil
}

// Size is that of the disk, in bytes.
func (d *Disk) Size() int64 { return d.disk }

// ReadAt reads the disk.
func (d *Disk) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off >= d.disk {
		return 0, io.EOF
	}
	if int64(len(p)) > d.disk-off {
		p, err = p[:d.disk-off], io.EOF
	}
	cluster := int64(1) << d.clusterBits
	for n < len(p) {
		in := off % cluster
		part := p[n : n+int(min(cluster-in, int64(len(p)-n)))]
		if err := d.cluster(part, off/cluster, in); err != nil {
			return n, err
		}
		n += len(part)
		off += int64(len(part))
	}
	return n, err
}

// cluster reads a part of one cluster, from in.
func (d *Disk) cluster(p []byte, number, in int64) error {
	perTable := int64(1) << (d.clusterBits - 3)
	entry := uint64(0)
	if l2 := d.l1[number/perTable] & offsetMask; l2 != 0 {
		table, err := d.l2(l2, perTable)
		if err != nil {
			return err
		}
		entry = table[number%perTable]
	}
	switch {
	case entry&compressed != 0:
		return d.unpacked(p, entry, in)
	case entry&offsetMask == 0, d.version == 3 && entry&zero != 0:
		clear(p)
		return nil
	}
	// The last cluster of a file may be short.
	k, err := d.r.ReadAt(p, int64(entry&offsetMask)+in)
	if err != nil && !errors.Is(err, io.EOF) {
		return &vfs.FormatError{System: "qcow2", Reason: "a cluster cannot be read", Err: err}
	}
	clear(p[k:])
	return nil
}

func (d *Disk) l2(at uint64, entries int64) ([]uint64, error) {
	d.mu.Lock()
	table := d.tables[at]
	d.mu.Unlock()
	if table != nil {
		return table, nil
	}
	table, err := d.table(at, entries)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.tables) == maxTables {
		clear(d.tables)
	}
	d.tables[at] = table
	return table, nil
}

// unpacked reads a part of a compressed cluster: the lower bits of its entry are
// the offset, the upper ones the sectors of 512 bytes that follow the first.
func (d *Disk) unpacked(p []byte, entry uint64, in int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last.entry != entry {
		data, err := d.unpack(entry)
		if err != nil {
			return err
		}
		d.last.entry, d.last.data = entry, data
	}
	copy(p, d.last.data[in:])
	return nil
}

func (d *Disk) unpack(entry uint64) ([]byte, error) {
	bits := 62 - (d.clusterBits - 8)
	at := entry & (1<<bits - 1)
	length := int64(entry&(compressed-1)>>bits+1)*512 - int64(at&511)
	if at > uint64(d.size) || length <= 0 {
		return nil, bad("a compressed cluster begins at %d, behind the file", at)
	}
	src := io.NewSectionReader(d.r, int64(at), min(length, d.size-int64(at)))
	data := make([]byte, 1<<d.clusterBits)
	var r io.Reader
	if d.zstd {
		z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<27), zstd.WithDecoderMaxMemory(1<<28))
		if err != nil {
			return nil, &vfs.FormatError{System: "qcow2", Reason: "a compressed cluster is damaged", Err: err}
		}
		defer z.Close()
		r = z
	} else {
		packed := make([]byte, src.Size())
		if _, err := io.ReadFull(src, packed); err != nil {
			return nil, &vfs.FormatError{System: "qcow2", Reason: "a compressed cluster cannot be read", Err: err}
		}
		r = flate.NewReader(bytes.NewReader(packed))
	}
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, &vfs.FormatError{System: "qcow2", Reason: fmt.Sprintf("the compressed cluster at %d is damaged", at), Err: err}
	}
	return data, nil
}
