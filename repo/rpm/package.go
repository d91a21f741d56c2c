package rpm

import (
	"io"
	"time"
)

// Package is what one RPM says about itself in its lead, signature header and
// header. Strings are the bytes of the header without the closing NUL; they are
// not promised to be UTF-8 (packages before about 2010 carry latin1). Of
// translated strings the first (C) locale is taken.
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

	// Dependency lists in header order, nothing filtered. As rpm does on
	// reading, a package of format 3 is given the provide of its own name.
	Requires    []Dependency
	Provides    []Dependency
	Conflicts   []Dependency
	Obsoletes   []Dependency
	Suggests    []Dependency
	Enhances    []Dependency
	Recommends  []Dependency
	Supplements []Dependency
	// OldSuggests (tags 1156-1158) and OldEnhances (1159-1161) are the weak
	// dependencies of SUSE before rpm 4.12. With DepStrong set an entry of
	// OldSuggests is a recommendation and one of OldEnhances a supplement.
	OldSuggests []Dependency
	OldEnhances []Dependency

	// Files in header order.
	Files          []File
	FileDigestAlgo uint32 // OpenPGP hash number of File.Digest; 1 (MD5) when the header is silent

	// Changelogs in header order: newest first in practice, not promised.
	Changelogs []Changelog

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
}

// NEVRA returns the package's name, epoch, version, release and Arch.
func (p *Package) NEVRA() NEVRA {
	return NEVRA{Name: p.Name, EVR: p.EVR, Arch: p.Arch}
}

// DepFlags is the sense of a dependency: comparison bits and the kind of its use.
type DepFlags uint32

// Bits of DepFlags (rpm's lib/rpmds.h, enum rpmsenseFlags_e).
const (
	DepLess          DepFlags = 1 << 1
	DepGreater       DepFlags = 1 << 2
	DepEqual         DepFlags = 1 << 3
	DepPosttrans     DepFlags = 1 << 5
	DepPrereq        DepFlags = 1 << 6
	DepPretrans      DepFlags = 1 << 7
	DepInterp        DepFlags = 1 << 8
	DepScriptPre     DepFlags = 1 << 9
	DepScriptPost    DepFlags = 1 << 10
	DepScriptPreun   DepFlags = 1 << 11
	DepScriptPostun  DepFlags = 1 << 12
	DepScriptVerify  DepFlags = 1 << 13
	DepFindRequires  DepFlags = 1 << 14
	DepFindProvides  DepFlags = 1 << 15
	DepTriggerIn     DepFlags = 1 << 16
	DepTriggerUn     DepFlags = 1 << 17
	DepTriggerPostun DepFlags = 1 << 18
	DepMissingOK     DepFlags = 1 << 19
	DepRpmlib        DepFlags = 1 << 24
	DepTriggerPrein  DepFlags = 1 << 25
	DepKeyring       DepFlags = 1 << 26
	DepStrong        DepFlags = 1 << 27 // SUSE, legacy
	DepConfig        DepFlags = 1 << 28
)

// Dependency is one entry of a dependency list.
type Dependency struct {
	Name  string   // capability, path, or a rich dependency "(a or b)" verbatim
	Flags DepFlags // raw bits; 0 when the header carries none
	EVR   string   // raw "[epoch:]version[-release]", "" when unversioned
}

// FileFlags are the attributes that %files gives a file.
type FileFlags uint32

// Bits of FileFlags (rpm's lib/rpmfiles.h, enum rpmfileAttrs_e).
const (
	FileConfig    FileFlags = 1 << 0
	FileDoc       FileFlags = 1 << 1
	FileIcon      FileFlags = 1 << 2
	FileMissingOK FileFlags = 1 << 3
	FileNoReplace FileFlags = 1 << 4
	FileSpec      FileFlags = 1 << 5
	FileGhost     FileFlags = 1 << 6
	FileLicense   FileFlags = 1 << 7
	FileReadme    FileFlags = 1 << 8
	FilePubkey    FileFlags = 1 << 11
	FileArtifact  FileFlags = 1 << 12
)

// File is one file of the package.
type File struct {
	Path   string // directory and base name joined as they stand, not cleaned; no leading slash in source packages
	Mode   uint16 // st_mode with the type bits; 0 when absent
	Flags  FileFlags
	Digest string // hexadecimal as in the header, "" for what is no regular file
	Size   uint64 // bytes
	Linkto string // target of a symbolic link
	MTime  uint32 // seconds since 1970
	User   string
	Group  string
}

// IsDir tells whether the mode is that of a directory.
func (f *File) IsDir() bool { return f.Mode&0o170000 == 0o040000 }

// IsSymlink tells whether the mode is that of a symbolic link.
func (f *File) IsSymlink() bool { return f.Mode&0o170000 == 0o120000 }

// IsGhost tells whether the file is %ghost.
func (f *File) IsGhost() bool { return f.Flags&FileGhost != 0 }

// Changelog is one entry of %changelog.
type Changelog struct {
	Time   int64  // seconds since 1970
	Author string // "Name <mail> - version", as written
	Text   string
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

// Options bound what a reader accepts. The zero value is right for packages
// from the network.
type Options struct {
	MaxHeaderData int64 // bytes of one header's data; default 64 MiB, at most 0x0fffffff (rpm's own limit)
	MaxTags       int   // index entries of one header; default and at most 0xffff (rpm's own limit)
	MaxFiles      int   // default 1,048,576
	MaxEntries    int   // of each dependency list and of the changelog; default 262,144
}

// Read reads lead, signature header and header from r and nothing after them,
// so that r stands at the payload afterwards. Damage is answered with a
// *FormatError.
func Read(r io.Reader) (*Package, error) { return Options{}.Read(r) }
