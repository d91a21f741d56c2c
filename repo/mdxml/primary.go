package mdxml

import (
	"bytes"
	"io"
	"strconv"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Kind is a kind of dependency.
type Kind int

// The kinds, in the order in which primary.xml has them.
const (
	Provides Kind = iota
	Requires
	Conflicts
	Obsoletes
	Suggests
	Enhances
	Recommends
	Supplements

	Kinds int = iota // how many there are
)

// String returns the kind as primary.xml writes it.
func (k Kind) String() string {
	return [Kinds]string{"provides", "requires", "conflicts", "obsoletes", "suggests", "enhances", "recommends", "supplements"}[k]
}

// Package is one package of primary.xml.
type Package struct {
	Name, Arch             []byte
	EVR                    EVR
	ChecksumType, Checksum []byte // of the RPM file; hexadecimal, in lower case

	Summary, Description []byte
	Packager, URL        []byte
	License, Vendor      []byte
	Group, BuildHost     []byte
	SourceRPM            []byte // file name, empty in a source package

	FileTime, BuildTime        int64 // seconds since 1970
	Size                       int64 // bytes of the RPM file
	InstalledSize, ArchiveSize int64 // bytes
	HeaderStart, HeaderEnd     int64 // byte range of the header in the file
	Location, Base             []byte

	Relations [Kinds][]Relation
	Files     []File // the primary ones
}

// Relation is one dependency.
type Relation struct {
	Name  []byte       // capability, path, or a rich dependency as it stands
	Flags rpm.DepFlags // comparison bits; 0 when unversioned
	EVR   EVR
	Pre   bool // needed while scripts run
}

// File is one file of a package.
type File struct {
	Path []byte
	Type string // TypeDir, TypeGhost, or "" for any other
}

// Types of files.
const (
	TypeDir   = "dir"
	TypeGhost = "ghost"
)

func (p *Package) reset() {
	lists, files := p.Relations, p.Files
	*p = Package{Files: files[:0]}
	for k := range lists {
		p.Relations[k] = lists[k][:0]
	}
}

// primaryReader reads into one Package again and again.
type primaryReader struct {
	*reader
	p Package
}

// ReadPrimary reads primary.xml and calls each for every package. An error of
// each ends the reading and is returned as it is.
func ReadPrimary(r io.Reader, each func(*Package) error) error {
	x := &primaryReader{reader: newReader(r)}
	child := x.readChild
	read := func() error {
		x.p.reset()
		if err := x.children(child); err != nil {
			return err
		}
		if len(x.p.Name) == 0 || len(x.p.Location) == 0 {
			return x.Fail("package without name or location")
		}
		return nil
	}
	return x.packages("primary.xml", NamespaceCommon, "metadata", read, func() error { return each(&x.p) })
}

// readChild reads one child of the package element.
func (x *primaryReader) readChild() (err error) {
	p := &x.p
	switch string(x.Local()) {
	case "name":
		return x.keepTo(&p.Name)
	case "arch":
		return x.keepTo(&p.Arch)
	case "version":
		return x.readEVR(&p.EVR)
	case "checksum":
		return x.readChecksum()
	case "summary":
		return x.keepTo(&p.Summary)
	case "description":
		return x.keepTo(&p.Description)
	case "packager":
		return x.keepTo(&p.Packager)
	case "url":
		return x.keepTo(&p.URL)
	case "time":
		return x.numbers("file", &p.FileTime, "build", &p.BuildTime)
	case "size":
		if p.ArchiveSize, err = x.number("archive"); err != nil {
			return err
		}
		return x.numbers("package", &p.Size, "installed", &p.InstalledSize)
	case "location":
		if p.Base, err = x.keepAttr("xml:base"); err != nil {
			return err
		}
		if p.Location, err = x.keepAttr("href"); err != nil {
			return err
		}
		return x.Skip()
	case "format":
		return x.readFormat()
	}
	return x.Skip()
}

func (x *primaryReader) readChecksum() (err error) {
	if x.p.ChecksumType, err = x.keepAttr("type"); err != nil {
		return err
	}
	sum, err := x.keepText()
	sum = bytes.TrimSpace(sum)
	for i, c := range sum {
		if c >= 'A' && c <= 'F' {
			sum[i] = c + 'a' - 'A'
		}
	}
	x.p.Checksum = sum
	return err
}

// numbers reads two attributes and passes over the rest of the element.
func (r *reader) numbers(a string, x *int64, b string, y *int64) (err error) {
	if *x, err = r.number(a); err != nil {
		return err
	}
	if *y, err = r.number(b); err != nil {
		return err
	}
	return r.Skip()
}

func (x *primaryReader) readFormat() error {
	p := &x.p
	for {
		more, err := x.Child()
		if err != nil || !more {
			return err
		}
		switch name := string(x.Local()); name {
		case "license":
			err = x.keepTo(&p.License)
		case "vendor":
			err = x.keepTo(&p.Vendor)
		case "group":
			err = x.keepTo(&p.Group)
		case "buildhost":
			err = x.keepTo(&p.BuildHost)
		case "sourcerpm":
			err = x.keepTo(&p.SourceRPM)
		case "header-range":
			err = x.numbers("start", &p.HeaderStart, "end", &p.HeaderEnd)
		case "file":
			p.Files, err = x.readFile(p.Files)
		default:
			if k := kindNamed(name); k >= 0 {
				err = x.readRelations(&p.Relations[k])
			} else {
				err = x.Skip()
			}
		}
		if err != nil {
			return err
		}
	}
}

// kindNamed returns the kind of an element; -1 when it is none.
func kindNamed(name string) Kind {
	switch name {
	case "provides":
		return Provides
	case "requires":
		return Requires
	case "conflicts":
		return Conflicts
	case "obsoletes":
		return Obsoletes
	case "suggests":
		return Suggests
	case "enhances":
		return Enhances
	case "recommends":
		return Recommends
	case "supplements":
		return Supplements
	}
	return -1
}

// readFile reads a file element of primary.xml or filelists.xml.
func (r *reader) readFile(list []File) ([]File, error) {
	if len(list) == maxPerPackage {
		return nil, r.Fail("too many files in one package")
	}
	if err := r.charge(fileCost); err != nil {
		return nil, err
	}
	var f File
	switch kind, _ := r.Attr("type"); string(kind) {
	case "", "file":
	case TypeDir:
		f.Type = TypeDir
	case TypeGhost:
		f.Type = TypeGhost
	default:
		f.Type = string(kind)
	}
	err := r.keepTo(&f.Path)
	return append(list, f), err
}

func (x *primaryReader) readRelations(list *[]Relation) error {
	for {
		more, err := x.Child()
		if err != nil || !more {
			return err
		}
		if string(x.Local()) != "entry" {
			if err := x.Skip(); err != nil {
				return err
			}
			continue
		}
		if len(*list) == maxPerPackage {
			return x.Fail("too many dependencies in one package")
		}
		if err := x.charge(relationCost); err != nil {
			return err
		}
		rel, err := x.readEntry()
		if err != nil {
			return err
		}
		*list = append(*list, rel)
	}
}

func (x *primaryReader) readEntry() (rel Relation, err error) {
	if rel.Name, err = x.keepAttr("name"); err != nil {
		return rel, err
	}
	if len(rel.Name) == 0 {
		return rel, x.Fail("dependency without name")
	}
	switch pre, _ := x.Attr("pre"); string(pre) {
	case "", "0", "FALSE":
	default:
		rel.Pre = true
	}
	if flags, _ := x.Attr("flags"); len(flags) > 0 {
		if rel.Flags = ParseFlags(flags); rel.Flags == 0 {
			return rel, x.Fail("unknown flags " + strconv.Quote(string(flags)))
		}
		if rel.EVR, err = x.evr(); err != nil {
			return rel, err
		}
	}
	return rel, x.Skip()
}

// ParseFlags reads LT, LE, EQ, GE or GT; 0 means none of them.
func ParseFlags(text []byte) rpm.DepFlags {
	switch string(text) {
	case "LT":
		return rpm.DepLess
	case "LE":
		return rpm.DepLess | rpm.DepEqual
	case "EQ":
		return rpm.DepEqual
	case "GE":
		return rpm.DepGreater | rpm.DepEqual
	case "GT":
		return rpm.DepGreater
	}
	return 0
}
