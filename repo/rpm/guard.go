package rpm

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// firstRead is how much is allocated on the word of a length field alone;
// beyond it memory grows with what has really been read.
const firstRead = 256 << 10

// parseHeader reads one header from r and checks it. start is where its intro
// stands in the file.
func (o Options) parseHeader(r io.Reader, part string, start int64) (*Header, error) {
	h := &Header{part: part, start: start}
	intro, err := readString(r, introSize, part, start)
	if err != nil {
		return nil, err
	}
	if intro[:8] != headerMagic {
		return nil, &FormatError{Part: part, Offset: start, Reason: fmt.Sprintf("no header magic but % x", intro[:8])}
	}
	tags, data := int64(be32(intro[8:])), int64(be32(intro[12:]))
	tagLimit, dataLimit := o.limits(part)
	switch {
	case tags < 1:
		return nil, &FormatError{Part: part, Offset: start + 8, Reason: "no entries"}
	case tags > tagLimit:
		return nil, &FormatError{Part: part, Offset: start + 8, Reason: fmt.Sprintf("%d entries, at most %d are accepted", tags, tagLimit)}
	case data > dataLimit:
		return nil, &FormatError{Part: part, Offset: start + 12, Reason: fmt.Sprintf("%d bytes of data, at most %d are accepted", data, dataLimit)}
	}
	if h.index, err = readString(r, tags*entrySize, part, start+introSize); err != nil {
		return nil, err
	}
	if h.data, err = readString(r, data, part, start+introSize+tags*entrySize); err != nil {
		return nil, err
	}
	if err := h.checkRegion(); err != nil {
		return nil, err
	}
	return h, h.checkEntries()
}

// limits are rpm's own (hdrblobVerifyLengths), lowered by the options.
func (o Options) limits(part string) (tags, data int64) {
	if part == PartSignature {
		return maxSigTags, maxSigData
	}
	tags, data = maxTags, defaultData
	if o.MaxTags > 0 {
		tags = min(tags, int64(o.MaxTags))
	}
	if o.MaxHeaderData > 0 {
		data = min(o.MaxHeaderData, maxData)
	}
	return tags, data
}

// readString reads exactly n bytes. It doubles its buffer by hand, because
// strings.Builder would take three times what is asked.
func readString(r io.Reader, n int64, part string, offset int64) (string, error) {
	b := &strings.Builder{}
	b.Grow(int(min(n, firstRead)))
	buf := make([]byte, min(n, 32<<10))
	for int64(b.Len()) < n {
		chunk := buf[:min(int64(len(buf)), n-int64(b.Len()))]
		m, err := io.ReadFull(r, chunk)
		if b.Len()+m > b.Cap() {
			bigger := &strings.Builder{}
			bigger.Grow(int(min(n, 2*int64(b.Cap()))))
			bigger.WriteString(b.String())
			b = bigger
		}
		b.Write(chunk[:m])
		if err != nil {
			return "", readError(err, part, offset+int64(b.Len()), fmt.Sprintf("ends after %d of %d bytes", b.Len(), n))
		}
	}
	return b.String(), nil
}

// readError tells a file that ends too early from a reader that fails.
func readError(err error, part string, offset int64, reason string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &FormatError{Part: part, Offset: offset, Reason: reason, Err: io.ErrUnexpectedEOF}
	}
	return fmt.Errorf("read rpm %s: %w", part, err)
}

// checkRegion applies hdrblobVerifyRegion of rpm's lib/header.cc.
func (h *Header) checkRegion() error {
	want := TagHeaderImmutable
	if h.part == PartSignature {
		want = TagHeaderSignatures
	}
	tag, typ, off, count := h.rawEntry(h.index)
	if tag != want {
		return nil // rpm 3: no region
	}
	if typ != TypeBin || count != entrySize {
		return h.bad(tag, 0, "region of %s, count %d, wants bin, 16", typ, count)
	}
	if off < 0 || off+entrySize > int64(len(h.data)) {
		return h.bad(tag, 0, "region trailer at %d lies outside %d bytes of data", off, len(h.data))
	}
	ttag, ttyp, toff, tcount := h.rawEntry(h.data[off:])
	if want == TagHeaderSignatures && ttag == 61 { // HEADERIMAGE: old signers wrote it
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
func (h *Header) rawEntry(s string) (tag Tag, typ Type, offset, count int64) {
	return Tag(be32(s)), Type(be32(s[4:])), int64(int32(be32(s[8:]))), int64(be32(s[12:]))
}

// checkEntries applies hdrblobVerifyInfo of rpm's lib/header.cc. Entries are
// in the order of their data and do not overlap, so one pass over the data
// bounds the whole work.
func (h *Header) checkEntries() error {
	n := len(h.index) / entrySize
	h.entries = make([]Entry, 0, n)
	var end, packed int64
	for i := range n {
		tag, typ, off, count := h.rawEntry(h.index[i*entrySize:])
		if i == 0 && h.region != 0 {
			h.entries = append(h.entries, Entry{Tag: tag, Type: typ, Count: int(count), offset: int(off), length: entrySize})
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
		h.entries = append(h.entries, Entry{Tag: tag, Type: typ, Count: int(count), offset: int(off), length: int(length)})
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
	case tag < firstFreeTag:
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
	pos := off
	for range count {
		i := strings.IndexByte(h.data[pos:], 0)
		if i < 0 {
			return 0, h.bad(tag, int(off), "%d strings do not fit in the data", count)
		}
		pos += int64(i) + 1
	}
	return pos - off, nil
}
