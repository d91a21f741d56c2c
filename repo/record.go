package repo

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"

	"github.com/fedora-respin/respin/repo/rpm"
)

// record is what the side cache knows of one package of the last run.
type record struct {
	task
	key    fileKey
	usable bool // a file with this key certainly is the one that was read
	parts  [coreCount]span
	nevra  rpm.NEVRA
	pkgID  string // lower-case hexadecimal
}

// span is a package's part of a core file of the last run.
type span struct {
	skip int64 // bytes of other packages that stand between the part before and this one
	size int64
	crc  uint32
}

// castagnoli is the polynomial that processors know.
func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// newRecord makes the record of a package that was read.
func (c *creator) newRecord(j *job) *record {
	r := &record{task: *j.task, key: j.key, nevra: j.info.NEVRA, pkgID: j.info.Checksum.Value}
	r.usable = j.stable && c.clock.settled(j.key, c.path(j.rel))
	for i := range r.parts {
		r.parts[i] = span{size: int64(len(j.frag.part(i))), crc: j.frag.crc[i]}
	}
	return r
}

// indexed is what the record's package is reported as.
func (r *record) indexed(o *Options) Indexed {
	return Indexed{
		NEVRA: r.nevra, Location: o.href(r.rel), Path: r.rel, Size: r.key.size,
		Checksum: Checksum{Type: o.Checksum, Value: r.pkgID},
	}
}

// Bits of a record's flags.
const (
	flagUsable = 1 << iota
	flagEpoch
)

// maxCacheRecord bounds a record in bytes. A package whose names need more gets one
// that is never usable; a path alone always fits, for the kernel takes none
// above 4,096 bytes.
const maxCacheRecord = 32 << 10

// append writes the record as the cache holds it.
func (r *record) append(b []byte) []byte {
	start := len(b)
	b = r.appendAll(b)
	if len(b)-start > maxCacheRecord {
		short := &record{task: r.task, parts: r.parts}
		b = short.appendAll(b[:start])
	}
	return b
}

func (r *record) appendAll(b []byte) []byte {
	flags := uint64(0)
	if r.usable {
		flags |= flagUsable
	}
	if r.nevra.EVR.HasEpoch {
		flags |= flagEpoch
	}
	b = appendString(b, r.rel)
	b = binary.AppendUvarint(b, flags)
	for _, p := range r.parts {
		b = binary.AppendUvarint(b, uint64(p.size))
		b = binary.LittleEndian.AppendUint32(b, p.crc)
	}
	if !r.usable {
		return b
	}
	b = binary.AppendUvarint(b, uint64(r.key.size))
	for _, s := range []stamp{r.key.mtime, r.key.ctime} {
		b = binary.AppendVarint(b, s.sec)
		b = binary.AppendUvarint(b, uint64(s.nsec))
	}
	b = binary.AppendUvarint(b, r.key.ino)
	b = binary.AppendUvarint(b, r.key.dev)
	n := &r.nevra
	b = binary.AppendUvarint(b, uint64(n.EVR.Epoch))
	for _, s := range []string{n.Name, n.EVR.Version, n.EVR.Release, n.Arch, r.pkgID} {
		b = appendString(b, s)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// errRecord says that a record is none, whatever its checksum says.
var errRecord = errors.New("malformed record")

// parseRecord reads what append wrote. Nothing is allocated but what b holds.
func parseRecord(b []byte) (*record, error) {
	d := decoder{b: b}
	r := &record{task: newTask(d.text())}
	flags := d.uvarint()
	for i := range r.parts {
		r.parts[i] = span{size: d.size(), crc: d.uint32()}
	}
	r.usable = flags&flagUsable != 0
	if r.usable {
		r.key.size = d.size()
		for _, s := range []*stamp{&r.key.mtime, &r.key.ctime} {
			s.sec = d.varint()
			s.nsec = d.size()
		}
		r.key.ino, r.key.dev = d.uvarint(), d.uvarint()
		r.nevra.EVR.HasEpoch = flags&flagEpoch != 0
		epoch := d.uvarint()
		r.nevra.EVR.Epoch = uint32(epoch)
		n := &r.nevra
		for _, s := range []*string{&n.Name, &n.EVR.Version, &n.EVR.Release, &n.Arch, &r.pkgID} {
			*s = d.text()
		}
		if _, err := hex.DecodeString(r.pkgID); err != nil || epoch>>32 != 0 {
			d.bad = true
		}
	}
	if d.bad || len(d.b) != 0 || flags&^(flagUsable|flagEpoch) != 0 || r.rel == "" {
		return nil, errRecord
	}
	return r, nil
}

// decoder takes values off a slice and remembers when one was not there.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// size is a number that is never negative, below 2^62 so that sums of two fit.
func (d *decoder) size() int64 {
	v := d.uvarint()
	if v >= 1<<62 {
		d.bad = true
		return 0
	}
	return int64(v)
}

func (d *decoder) uint32() uint32 { return binary.LittleEndian.Uint32(append(d.bytes(4), 0, 0, 0, 0)) }

// bytes takes n bytes, or none.
func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string { return string(d.bytes(d.uvarint())) }
