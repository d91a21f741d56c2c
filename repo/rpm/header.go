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
	Type   Type // 0 in the zero Entry, which stands for an absent tag
	Count  int  // elements; bytes for TypeBin
	offset int
	length int
}

// Header is a header whose index and data have been checked: every entry lies
// inside the data and has as many elements as it says. Accessors therefore
// never fail on a Header, they only tell that a tag is absent or of another type.
// A Header is immutable and safe for concurrent use. Strings taken from it
// share its memory: copy (strings.Clone) what is to outlive it.
type Header struct {
	part   string
	start  int64 // of the intro in the file
	index  string
	data   string
	ends   []uint32 // where the data of each entry ends
	sorted bool     // the index is in the order of its tags
	region Tag      // 0 without region
	ril    int      // entries in the region
	rdl    int      // bytes of data in the region
}

// Size is the number of bytes of the header in the file, without padding.
func (h *Header) Size() int64 { return introSize + int64(len(h.index)+len(h.data)) }

// entry decodes index line i.
func (h *Header) entry(i int) Entry {
	tag, typ, off, count := rawEntry(h.index[i*entrySize:])
	return Entry{Tag: tag, Type: typ, Count: int(count), offset: int(off), length: int(h.ends[i]) - int(off)}
}

// Entries yields the index in file order, the region entry included.
func (h *Header) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range h.ends {
			if !yield(h.entry(i)) {
				return
			}
		}
	}
}

// find returns the first entry of tag, the zero Entry when there is none. rpm
// sorts an index by tag, so that the scan is for old and odd headers.
func (h *Header) find(tag Tag) Entry {
	if h == nil {
		return Entry{}
	}
	n := len(h.ends)
	if h.part == PartInstalled {
		for i := h.ril; i < n; i++ {
			if h.tagAt(i) == tag {
				return h.entry(i)
			}
		}
	}
	i := 0
	for h.sorted && i < n { // of equal ones the first
		if mid := (i + n) / 2; h.tagAt(mid) < tag {
			i = mid + 1
		} else {
			n = mid
		}
	}
	for !h.sorted && i < n && h.tagAt(i) != tag {
		i++
	}
	if i == len(h.ends) || h.tagAt(i) != tag {
		return Entry{}
	}
	return h.entry(i)
}

func (h *Header) tagAt(i int) Tag { return Tag(be32(h.index[i*entrySize:])) }

// Has tells whether the header has the tag.
func (h *Header) Has(tag Tag) bool { return h.find(tag).Type != 0 }

// Count returns the number of elements of the tag, 0 when absent.
func (h *Header) Count(tag Tag) int { return h.find(tag).Count }

// raw returns the data of an entry.
func (h *Header) raw(e Entry) string {
	if e.Type == 0 {
		return ""
	}
	return h.data[e.offset : e.offset+e.length]
}

// Text returns the first string of the tag: the C locale of a translated one.
// The second result is false when the tag is absent or no string.
func (h *Header) Text(tag Tag) (string, bool) {
	e := h.find(tag)
	if !e.Type.isString() {
		return "", false
	}
	s := h.raw(e)
	return s[:strings.IndexByte(s, 0)], true
}

// Strings yields the strings of the tag, nothing when it is absent or of
// another type.
func (h *Header) Strings(tag Tag) iter.Seq[string] {
	return func(yield func(string) bool) {
		e := h.find(tag)
		if !e.Type.isString() {
			return
		}
		for c := (cursor{h.raw(e)}); c.rest != ""; {
			if !yield(c.next()) {
				return
			}
		}
	}
}

// Uint returns element i of an integer tag.
func (h *Header) Uint(tag Tag, i int) (uint64, bool) {
	e := h.find(tag)
	if !e.Type.isInt() || i < 0 || i >= e.Count {
		return 0, false
	}
	return h.ints(e).at(i), true
}

// Bytes returns a copy of a binary tag, nil when it is absent or of another type.
func (h *Header) Bytes(tag Tag) []byte {
	e := h.find(tag)
	if e.Type != TypeBin {
		return nil
	}
	return []byte(h.raw(e))
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
	_, _ = io.WriteString(w, introOf(entries, data))
	writeString(w, h.index[:entries*entrySize])
	writeString(w, h.data[:data])
}

// writeString copies s to a hash in pieces: a whole header converted at once
// would double its memory.
func writeString(w io.Writer, s string) {
	buf := make([]byte, min(len(s), 8<<10))
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
