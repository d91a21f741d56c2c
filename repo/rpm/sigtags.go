package rpm

import "slices"

// maxSigCount bounds the elements of a tag that rpm takes over from the
// signature header.
const maxSigCount = 16 << 20

// signatureTag is a tag that rpm moves from the signature header into the main
// one when it reads a package.
type signatureTag struct {
	tag   Tag // in the signature header
	moved Tag // its number in the main header
	typ   Type
	count int64 // 0: any
	quirk bool  // old packages may have it in the main header instead
}

// signatureTags is the list of headerMergeLegacySigs in rpm's lib/package.cc.
func signatureTags() [17]signatureTag {
	return [...]signatureTag{
		{TagSigSize, 257, TypeInt32, 1, false},
		{TagSigPGP, 259, TypeBin, 0, false},
		{TagSigMD5, 261, TypeBin, 16, false},
		{TagSigGPG, 262, TypeBin, 0, false},
		{TagSigPayloadSize, TagArchiveSize, TypeInt32, 1, true},
		{TagFileSignatures, 5090, TypeStringArray, 0, true},
		{275, 5091, TypeInt32, 1, true},
		{276, 276, TypeStringArray, 0, false},
		{277, 277, TypeInt32, 1, false},
		{TagSHA1Header, TagSHA1Header, TypeString, 1, false},
		{TagSHA256Header, TagSHA256Header, TypeString, 1, false},
		{TagSHA3Header, TagSHA3Header, TypeString, 1, false},
		{TagDSAHeader, TagDSAHeader, TypeBin, 0, false},
		{TagRSAHeader, TagRSAHeader, TypeBin, 0, false},
		{TagLongSigSize, TagLongSigSize, TypeInt64, 1, false},
		{TagLongArchiveSize, TagLongArchiveSize, TypeInt64, 1, false},
		{TagOpenPGP, TagOpenPGP, TypeStringArray, 0, false},
	}
}

// checkSignatureTags refuses what rpm refuses: a main header with a tag of the
// signature header, which would hide the true one from whoever asks rpm, and a
// signature header whose tags are not what they should be. Package.Digests and
// Package.Signatures come from the signature header alone.
func (p *Package) checkSignatureTags() error {
	tags := signatureTags()
	for _, t := range tags {
		if main := p.Header.find(t.moved); main.Type != 0 && (!t.quirk || p.Signature.Has(t.tag)) {
			return p.Header.bad(t.moved, main.offset, "a tag of the signature header")
		}
	}
	// Every one of a tag that comes twice, whichever rpm would find.
	for e := range p.Signature.Entries() {
		i := slices.IndexFunc(tags[:], func(t signatureTag) bool { return t.tag == e.Tag })
		if i < 0 {
			continue
		}
		switch t := tags[i]; {
		case e.Type != t.typ:
			return p.Signature.bad(e.Tag, e.offset, "%s, wants %s", e.Type, t.typ)
		case e.Count > maxSigCount, t.count != 0 && int64(e.Count) != t.count:
			return p.Signature.bad(e.Tag, e.offset, "%d elements, wants %d", e.Count, max(t.count, 1))
		}
	}
	return nil
}

// checkTwice refuses a tag that the index of a main header has twice. rpm
// accepts it, and which of the two it finds is left to chance: such a package
// would be one thing to us and another to who installs it. No builder makes one,
// and format 6 forbids it. (In signature headers the first counts, to rpm too.)
// It looks at the index lines from from on and before to.
func (h *Header) checkTwice(from, to int) error {
	at := func(i int) Tag { return h.tagAt(from + i) }
	if !h.sorted {
		tags := make([]Tag, to-from)
		for i := range tags {
			tags[i] = h.tagAt(from + i)
		}
		slices.Sort(tags)
		at = func(i int) Tag { return tags[i] }
	}
	for i := 1; i < to-from; i++ {
		if at(i) == at(i-1) {
			return h.bad(at(i), 0, "twice in the index")
		}
	}
	return nil
}
