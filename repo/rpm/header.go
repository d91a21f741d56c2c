package rpm

import (
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"strings"
)

const (
	introSize = 16 // magic, reserved, number of entries, bytes of data
	entrySize = 16

	headerMagic = "\x8e\xad\xe8\x01\x00\x00\x00\x00"

	// Limits of rpm's lib/header.cc.
	maxTags      = 0xffff
	maxData      = 0x0fffffff
	maxSigTags   = 32
	maxSigData   = 64 << 20
	maxArray     = 0x000fffff
	defaultData  = 64 << 20
	defaultDeps  = 1 << 18
	firstFreeTag = TagI18NTable
)

// Entry is one line of a header's index, checked against the header's data.
type Entry struct {
	Tag    Tag
	Type   Type
	Count  int // elements; bytes for TypeBin
	offset int
	length int
}

// Header is a header whose index and data have been checked: every entry lies
// inside the data and has as many elements as it says. Accessors therefore
// never fail on a Header, they only tell that a tag is absent or of another type.
// A Header is immutable and safe for concurrent use.
type Header struct {
	part    string
	start   int64 // of the intro in the file
	index   string
	data    string
	entries []Entry
	region  Tag // 0 without region
	ril     int // entries in the region
	rdl     int // bytes of data in the region
}

// Size is the number of bytes of the header in the file, without padding.
func (h *Header) Size() int64 { return introSize + int64(len(h.index)+len(h.data)) }

// Entries yields the index in file order, the region entry included.
func (h *Header) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for _, e := range h.entries {
			if !yield(e) {
				return
			}
		}
	}
}

// find returns the first entry of tag.
func (h *Header) find(tag Tag) *Entry {
	if h == nil {
		return nil
	}
	for i := range h.entries {
		if h.entries[i].Tag == tag {
			return &h.entries[i]
		}
	}
	return nil
}

// Has tells whether the header has the tag.
func (h *Header) Has(tag Tag) bool { return h.find(tag) != nil }

// Count returns the number of elements of the tag, 0 when absent.
func (h *Header) Count(tag Tag) int {
	if e := h.find(tag); e != nil {
		return e.Count
	}
	return 0
}

// Text returns the first string of the tag: the C locale of a translated one.
// The second result is false when the tag is absent or no string.
func (h *Header) Text(tag Tag) (string, bool) {
	e := h.find(tag)
	if e == nil || !e.Type.isString() {
		return "", false
	}
	s := h.data[e.offset : e.offset+e.length]
	return s[:strings.IndexByte(s, 0)], true
}

// Strings yields the strings of the tag, nothing when it is absent or of
// another type.
func (h *Header) Strings(tag Tag) iter.Seq[string] {
	return func(yield func(string) bool) {
		e := h.find(tag)
		if e == nil || !e.Type.isString() {
			return
		}
		rest := h.data[e.offset : e.offset+e.length]
		for rest != "" {
			i := strings.IndexByte(rest, 0)
			if !yield(rest[:i]) {
				return
			}
			rest = rest[i+1:]
		}
	}
}

// Uint returns element i of an integer tag.
func (h *Header) Uint(tag Tag, i int) (uint64, bool) {
	e := h.find(tag)
	if e == nil || !e.Type.isInt() || i < 0 || i >= e.Count {
		return 0, false
	}
	return h.uint(e, i), true
}

// uint reads element i of an integer entry; i must be below its count.
func (h *Header) uint(e *Entry, i int) uint64 {
	n := int(e.Type.size())
	s := h.data[e.offset+i*n : e.offset+(i+1)*n]
	var v uint64
	for j := range len(s) {
		v = v<<8 | uint64(s[j])
	}
	return v
}

// Bytes returns a copy of a binary tag, nil when it is absent or of another type.
func (h *Header) Bytes(tag Tag) []byte {
	e := h.find(tag)
	if e == nil || e.Type != TypeBin {
		return nil
	}
	return []byte(h.data[e.offset : e.offset+e.length])
}

// hexBytes returns a binary tag as lower-case hexadecimal.
func (h *Header) hexBytes(tag Tag) string { return hex.EncodeToString(h.Bytes(tag)) }

// writeAll feeds the header to w as it stands in the file.
func (h *Header) writeAll(w io.Writer) {
	h.write(w, len(h.index)/entrySize, len(h.data))
}

// writeRegion feeds the immutable region to w, which is what header digests
// and header signatures cover (hdrblobDigestUpdate in rpm's lib/header.cc).
func (h *Header) writeRegion(w io.Writer) {
	if h.region == 0 {
		h.writeAll(w)
		return
	}
	h.write(w, h.ril, h.rdl)
}

func (h *Header) write(w io.Writer, entries, data int) {
	intro := append([]byte(headerMagic), 0, 0, 0, 0, 0, 0, 0, 0)
	putUint32(intro[8:], uint32(entries))
	putUint32(intro[12:], uint32(data))
	_, _ = w.Write(intro)
	writeString(w, h.index[:entries*entrySize])
	writeString(w, h.data[:data])
}

// writeString copies s to a hash in pieces: a whole header converted at once
// would double its memory.
func writeString(w io.Writer, s string) {
	buf := make([]byte, min(len(s), 32<<10))
	for s != "" {
		n := copy(buf, s)
		_, _ = w.Write(buf[:n])
		s = s[n:]
	}
}

func be32(s string) uint32 {
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
}

func putUint32(b []byte, v uint32) {
	b[0], b[1], b[2], b[3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
}

// bad makes an error that points at the data of an entry.
func (h *Header) bad(tag Tag, offset int, format string, args ...any) error {
	return &FormatError{
		Part: h.part, Tag: tag, Offset: h.start + introSize + int64(len(h.index)) + int64(offset),
		Reason: fmt.Sprintf(format, args...),
	}
}
