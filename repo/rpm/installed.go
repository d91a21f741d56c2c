package rpm

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"hash"
	"strings"
)

// Tags that rpm gives a header when it installs a package, and those that it
// moves over from the signature header (headerMergeLegacySigs in rpm's
// lib/package.cc).
const (
	tagInstallTime  Tag = 1008
	tagInstalledPGP Tag = 259
	tagInstalledMD5 Tag = 261
	tagInstalledGPG Tag = 262
	tagInstalledLen Tag = 257
)

// Installed is a package as the database of a system holds it: the header of
// its RPM, with what rpm has added. Package.Lead and Package.Signature are
// empty, and so is what only a file has (FileSize, HeaderStart, HeaderEnd).
type Installed struct {
	*Package
	InstallTime int64 // seconds since 1970, 0 when absent
	// HeaderDigest is the digest of the RPM's own header as it was computed from
	// the database, in the best algorithm that the RPM names (SHA3-256, SHA-256,
	// SHA-1), lower-case hexadecimal. Without one it is the SHA-256. "" for a
	// header without immutable region.
	HeaderDigest string
	// HeaderStatus is StatusOK when HeaderDigest is what the RPM says about
	// itself, StatusBad when it is not, StatusAbsent when the RPM says nothing.
	HeaderStatus Status
}

// ReadInstalled reads a header as databases of rpm hold it: without magic,
// with entries behind the immutable region (headerImport in rpm's
// lib/header.cc). It keeps nothing of blob. Damage is answered with a
// *FormatError whose offsets count from the start of the blob, plus 8.
func ReadInstalled(blob []byte) (*Installed, error) { return Options{}.ReadInstalled(blob) }

// ReadInstalled is the package function ReadInstalled with bounds of one's own.
func (o Options) ReadInstalled(blob []byte) (*Installed, error) {
	short := func() error {
		return &FormatError{Part: PartInstalled, Offset: int64(len(blob)), Reason: "it ends within the header"}
	}
	if len(blob) < 8 {
		return nil, short()
	}
	l, err := o.checkIntro(headerMagic+string(blob[:8]), PartInstalled, 0)
	if err != nil {
		return nil, err
	}
	switch size := int64(len(blob)) - 8; {
	case size < l.size():
		return nil, short()
	case size > l.size():
		return nil, &FormatError{Part: PartInstalled, Offset: 8 + l.size(), Reason: "bytes after the header"}
	}
	p := &Package{}
	if p.Header, err = newHeader(PartInstalled, 0, l, string(blob[8:])); err != nil {
		return nil, err
	}
	if err := o.fill(p); err != nil {
		return nil, err
	}
	in := &Installed{Package: p}
	return in, in.fill()
}

// fill takes what an RPM file has in its signature header out of the header.
func (in *Installed) fill() error {
	x := &checker{h: in.Header}
	if v, ok := x.number(tagInstallTime); ok {
		in.InstallTime = int64(v)
	}
	d := &in.Digests
	d.SigMD5 = in.Header.hexBytes(tagInstalledMD5)
	d.HeaderSHA1 = strings.ToLower(x.text(TagSHA1Header))
	d.HeaderSHA256 = strings.ToLower(x.text(TagSHA256Header))
	d.HeaderSHA3 = strings.ToLower(x.text(TagSHA3Header))
	d.SignedSize = x.firstNumber(TagLongSigSize, tagInstalledLen)
	if in.ArchiveSize == 0 {
		in.ArchiveSize = x.firstNumber(TagLongArchiveSize)
	}
	in.Signatures = signaturesIn(in.Header, tagInstalledPGP, tagInstalledGPG)
	in.HeaderStatus = StatusAbsent
	if in.Header.region == TagHeaderImmutable {
		in.digest()
	}
	return x.err
}

// digest computes the digest of the RPM's own header. rpm does the same
// whenever it takes a header out of its database.
func (in *Installed) digest() {
	var h hash.Hash
	want := ""
	switch d := &in.Digests; {
	case d.HeaderSHA3 != "":
		want, h = d.HeaderSHA3, sha3.New256()
	case d.HeaderSHA256 != "":
		want, h = d.HeaderSHA256, sha256.New()
	case d.HeaderSHA1 != "":
		want, h = d.HeaderSHA1, sha1.New()
	default:
		h = sha256.New()
	}
	in.Header.writeRegion(h)
	in.HeaderDigest = hexSum(h)
	switch want {
	case "":
	case in.HeaderDigest:
		in.HeaderStatus = StatusOK
	default:
		in.HeaderStatus = StatusBad
	}
}
