package rpm

import (
	"fmt"
	"math"
	"strings"
)

// lengths are what the intro of a header promises.
type lengths struct{ tags, data int64 }

// size is the number of bytes after the intro.
func (l lengths) size() int64 { return l.tags*entrySize + l.data }

// checkIntro checks the first 16 bytes of a header that start at offset start
// of the file (hdrblobVerifyLengths in rpm's lib/header.cc).
func (o Options) checkIntro(intro, part string, start int64) (lengths, error) {
	fail := func(offset int64, format string, args ...any) (lengths, error) {
		return lengths{}, &FormatError{Part: part, Offset: start + offset, Reason: fmt.Sprintf(format, args...)}
	}
	if intro[:8] != headerMagic {
		return fail(0, "no header magic but % x", intro[:8])
	}
	l := lengths{int64(be32(intro[8:])), int64(be32(intro[12:]))}
	limit := o.limits(part)
	switch {
	case l.tags < 1:
		return fail(8, "no entries")
	case l.tags > limit.tags:
		return fail(8, "%d entries, at most %d are accepted", l.tags, limit.tags)
	case l.data > limit.data:
		return fail(12, "%d bytes of data, at most %d are accepted", l.data, limit.data)
	}
	return l, nil
}

// limits are rpm's own, lowered by the options.
func (o Options) limits(part string) lengths {
	if part == PartSignature {
		return lengths{maxSigTags, maxSigData}
	}
	l := lengths{maxTags, defaultData}
	if o.MaxTags > 0 {
		l.tags = min(l.tags, int64(o.MaxTags))
	}
	if o.MaxHeaderData > 0 {
		l.data = min(o.MaxHeaderData, maxData)
	}
	return l
}

// tagHeaderImage is HEADERIMAGE, the region of a header that was made without.
const tagHeaderImage Tag = 61

// newHeader checks index and data of a header and keeps them.
func newHeader(part string, start int64, l lengths, block string) (*Header, error) {
	n := l.tags * entrySize
	h := &Header{part: part, start: start, index: block[:n], data: block[n:l.size()]}
	if err := h.checkRegion(); err != nil {
		return nil, err
	}
	if err := h.checkEntries(); err != nil {
		return nil, err
	}
	switch part {
	case PartSignature:
		return h, nil
	case PartInstalled:
		// What rpm adds when it installs stands behind the region, and may
		// replace what is in it.
		if err := h.checkTwice(h.ril, len(h.ends)); err != nil {
			return nil, err
		}
		return h, h.checkTwice(0, h.ril)
	}
	return h, h.checkTwice(0, len(h.ends))
}

// checkRegion applies hdrblobVerifyRegion of rpm's lib/header.cc.
func (h *Header) checkRegion() error {
	want := TagHeaderImmutable
	if h.part == PartSignature {
		want = TagHeaderSignatures
	}
	tag, typ, off, count := rawEntry(h.index)
	if h.part == PartInstalled && tag == tagHeaderImage {
		want = tag // what rpm makes of a package of rpm 3
	}
	if tag != want {
		return nil // rpm 3: no region
	}
	if typ != TypeBin || count != entrySize {
		return h.bad(tag, 0, "region of %s, count %d, wants bin, 16", typ, count)
	}
	if off < 0 || off+entrySize > int64(len(h.data)) {
		return h.bad(tag, 0, "region trailer at %d lies outside %d bytes of data", off, len(h.data))
	}
	ttag, ttyp, toff, tcount := rawEntry(h.data[off:])
	if want == TagHeaderSignatures && ttag == tagHeaderImage { // old signers wrote it
		ttag = want
	}
	if ttag != want || ttyp != TypeBin || tcount != entrySize {
		return h.bad(tag, int(off), "region trailer has tag %d, %s, count %d", ttag, ttyp, tcount)
	}
	h.rdl = int(off) + entrySize
	if toff >= 0 || -toff%entrySize != 0 || -toff > int64(len(h.index)) {
		return h.bad(tag, int(off), "region trailer spans %d bytes of an index of %d", -toff, len(h.index))
	}
	h.ril = int(-toff / entrySize)
	// What stands outside the region of the main header is covered by no
	// digest and no signature; rpm refuses it too (exact_size).
	if h.part == PartHeader && (h.ril*entrySize != len(h.index) || h.rdl != len(h.data)) {
		return h.bad(tag, int(off), "region covers %d entries and %d bytes of %d and %d", h.ril, h.rdl, len(h.index)/entrySize, len(h.data))
	}
	h.region = want
	return nil
}

// rawEntry decodes the index line at the start of s.
func rawEntry(s string) (tag Tag, typ Type, offset, count int64) {
	return Tag(be32(s)), Type(be32(s[4:])), int64(int32(be32(s[8:]))), int64(be32(s[12:]))
}

// checkEntries applies hdrblobVerifyInfo of rpm's lib/header.cc. Entries are
// in the order of their data and do not overlap, so one pass over the data
// bounds the whole work.
func (h *Header) checkEntries() error {
	n := len(h.index) / entrySize
	h.ends = make([]uint32, n)
	h.sorted = true
	var end, packed int64
	var before Tag
	for i := range n {
		tag, typ, off, count := rawEntry(h.index[i*entrySize:])
		h.sorted = h.sorted && before <= tag
		before = tag
		if i == 0 && h.region != 0 {
			h.ends[i] = uint32(off + entrySize)
			continue
		}
		length, err := h.checkEntry(tag, typ, off, count, end)
		if err != nil {
			return err
		}
		end = off + length
		packed = align(packed, typ) + length
		if h.region != 0 && end > int64(h.rdl-entrySize) && off < int64(h.rdl) {
			return h.bad(tag, int(off), "data overlaps the region trailer")
		}
		h.ends[i] = uint32(end)
	}
	if h.region != 0 {
		packed += entrySize
	}
	// Bytes that no entry owns are refused, as hdrblobImport does.
	if packed != int64(len(h.data)) {
		return h.bad(0, len(h.data), "entries hold %d bytes of %d", packed, len(h.data))
	}
	return nil
}

// align rounds n up to where an element of typ may stand.
func align(n int64, typ Type) int64 {
	if w := typ.size(); w > 1 {
		return (n + w - 1) / w * w
	}
	return n
}

// checkEntry checks one index line and returns the length of its data.
func (h *Header) checkEntry(tag Tag, typ Type, off, count, end int64) (int64, error) {
	size := int64(len(h.data))
	switch {
	case tag < firstFreeTag, tag > math.MaxInt32: // rpm reads tags with a sign
		return 0, h.bad(tag, 0, "tag out of place")
	case typ < TypeChar || typ > TypeI18NString:
		return 0, h.bad(tag, 0, "unknown %s", typ)
	case off < 0 || off > size:
		return 0, h.bad(tag, 0, "offset %d lies outside %d bytes of data", off, size)
	case off < end:
		return 0, h.bad(tag, int(off), "data overlaps the entry before it")
	case count < 1 || count > size || typ != TypeBin && count > maxArray:
		return 0, h.bad(tag, int(off), "count %d is out of range", count)
	case typ == TypeString && count != 1:
		return 0, h.bad(tag, int(off), "a string has count 1, not %d", count)
	case h.region == TagHeaderImmutable && !tag.takes(typ):
		return 0, h.bad(tag, int(off), "%s, which this tag never has", typ)
	}
	if width := typ.size(); width > 0 {
		if off%width != 0 {
			return 0, h.bad(tag, int(off), "%s is not aligned", typ)
		}
		if count*width > size-off {
			return 0, h.bad(tag, int(off), "%d of %s do not fit in the data", count, typ)
		}
		return count * width, nil
	}
	rest := h.data[off:]
	for range count {
		i := strings.IndexByte(rest, 0)
		if i < 0 {
			return 0, h.bad(tag, int(off), "%d strings do not fit in the data", count)
		}
		rest = rest[i+1:]
	}
	return size - off - int64(len(rest)), nil
}
