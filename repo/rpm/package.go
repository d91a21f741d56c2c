package rpm

import "time"

// Package is what one RPM says about itself in its lead, signature header and
// header. Strings are the bytes of the header without the closing NUL; they are
// not promised to be UTF-8 (packages before about 2010 carry latin1). Of
// translated strings the first (C) locale is taken.
//
// Tables (Files, Dependencies, Changelogs) are checked once, by Read, and then
// read out of the header wherever they are asked for, so that a Package costs
// little more than its headers. Its strings share the headers' memory, except
// those that make the NEVRA: copy (strings.Clone) what is to outlive it. A
// Package is safe for concurrent use.
type Package struct {
	Name string
	EVR  EVR
	// Arch is "src" for every source package (see Source), otherwise the
	// header's ARCH. HeaderArch is always the header's ARCH.
	Arch       string
	HeaderArch string
	// Source is true when SOURCEPACKAGE (1106) is set or, in packages older
	// than that tag, when SOURCERPM is absent. The rule is createrepo_c's.
	Source bool
	// NoSource is true for a nosrc package (NOSOURCE or NOPATCH present).
	NoSource bool

	Summary     string
	Description string
	Packager    string
	URL         string
	License     string
	Vendor      string
	Group       string
	BuildHost   string
	SourceRPM   string // file name of the source package, empty in a source package
	OS          string
	Encoding    string // "utf-8" or empty
	RPMVersion  string // version of rpm that built the package
	ModuleLabel string // MODULARITYLABEL, empty outside modules

	BuildTime     int64  // seconds since 1970
	InstalledSize uint64 // bytes; LONGSIZE or SIZE, 0 when absent
	ArchiveSize   uint64 // bytes of the unpacked payload; LONGARCHIVESIZE, ARCHIVESIZE or the signature's, 0 when absent
	FileSize      int64  // bytes of the RPM file; set by Open, 0 after Read

	// HeaderStart and HeaderEnd are the byte range of the header in the file:
	// what createrepo_c writes as rpm:header-range. The payload starts at HeaderEnd.
	HeaderStart, HeaderEnd int64

	FileDigestAlgo uint32 // OpenPGP hash number of File.Digest; 1 (MD5) when the header is silent

	// Digests that the file carries, lower-case hexadecimal, "" when absent.
	Digests Digests
	// Signatures in the order of their tags. Not verified here: see Verify.
	Signatures []Signature

	PayloadFormat     string // "cpio", "drpm"; "cpio" when the header is silent
	PayloadCompressor string // "gzip", "xz", "zstd", "bzip2", "lzma", "none"; "gzip" when the header is silent
	PayloadFlags      string // level as text, such as "19T8"

	// Format is 3, 4 or 6: 6 when RPMFORMAT says so, 3 for a header without an
	// immutable region, otherwise 4.
	Format int

	Lead      Lead
	Signature *Header // the signature header, raw
	Header    *Header // the main header, raw

	lead    string   // as it stands in the file
	dirEnds []uint32 // where each string of DIRNAMES ends
}

// NEVRA returns the package's name, epoch, version, release and Arch.
func (p *Package) NEVRA() NEVRA {
	return NEVRA{Name: p.Name, EVR: p.EVR, Arch: p.Arch}
}

// Digests are the checksums that an RPM carries about itself, lower-case
// hexadecimal, "" when absent.
type Digests struct {
	SigMD5           string // MD5 of header and payload (1004); Koji's payloadhash
	HeaderSHA1       string // of the header (269)
	HeaderSHA256     string // of the header (273)
	HeaderSHA3       string // SHA3-256 of the header (279), v6
	Payload          string // of the compressed payload (5092)
	PayloadAlt       string // of the unpacked payload (5097)
	PayloadAlgo      uint32 // OpenPGP hash number of Payload and PayloadAlt; 8 is SHA-256, 0 when absent
	PayloadSHA512    string // of the compressed payload (5121), v6
	PayloadSHA512Alt string // of the unpacked payload (5122), v6
	PayloadSHA3      string // SHA3-256 of the compressed payload (5123), v6
	PayloadSHA3Alt   string // SHA3-256 of the unpacked payload (5124), v6
	PayloadSize      uint64 // compressed payload in bytes (5112), v6, 0 when absent
	PayloadSizeAlt   uint64 // unpacked payload in bytes (5113), v6, 0 when absent
	SignedSize       uint64 // header and payload in bytes (SIGSIZE 1000 or LONGSIGSIZE 270), 0 when absent
}

// Signature is what an OpenPGP signature says about itself, unverified.
type Signature struct {
	Tag       Tag    // 267 DSAHEADER, 268 RSAHEADER, 278 OPENPGP, 1002 PGP, 1005 GPG
	KeyID     string // 16 hexadecimal digits, lower case
	Algorithm string // "RSA/SHA256", "EdDSA/SHA512" ...
	Date      time.Time
	Version   int    // of the signature packet: 3, 4 or 6
	Raw       []byte // the packet
}

// HeaderOnly tells whether the signature covers the header alone (the payload
// is then protected by the payload digest inside the header).
func (s *Signature) HeaderOnly() bool { return s.Tag != TagSigPGP && s.Tag != TagSigGPG }

// Covers is CoversHeader or CoversAll.
func (s *Signature) Covers() string {
	if s.HeaderOnly() {
		return CoversHeader
	}
	return CoversAll
}

// Options bound what a reader accepts. The zero value is right for packages
// from the network.
type Options struct {
	MaxHeaderData int64 // bytes of one header's data; default 64 MiB, at most 0x0fffffff (rpm's own limit)
	MaxTags       int   // index entries of one header; default and at most 0xffff (rpm's own limit)
	MaxFiles      int   // default 1,048,576
	MaxEntries    int   // of each dependency list and of the changelog; default 262,144
}
