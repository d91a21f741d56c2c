package repo

import (
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Entry is one package of primary.xml.
type Entry struct {
	Name     string
	EVR      rpm.EVR
	Arch     string   // "src" for source packages
	Checksum Checksum // of the RPM file

	Summary     string
	Description string
	Packager    string
	URL         string
	License     string
	Vendor      string
	Group       string
	BuildHost   string
	SourceRPM   string // file name, empty in a source package

	FileTime, BuildTime        int64 // seconds since 1970
	Size                       int64 // bytes of the RPM file
	InstalledSize, ArchiveSize int64 // bytes
	HeaderStart, HeaderEnd     int64 // byte range of the header in the file
	Location                   string
	Base                       string // xml:base of the location, may be empty
	Provides, Requires         []Relation
	Conflicts, Obsoletes       []Relation
	Suggests, Enhances         []Relation
	Recommends, Supplements    []Relation
	Files                      []EntryFile // the primary ones only
}

// NEVRA returns the package's identity.
func (e *Entry) NEVRA() rpm.NEVRA { return rpm.NEVRA{Name: e.Name, EVR: e.EVR, Arch: e.Arch} }

// Relation is one dependency of an Entry.
type Relation struct {
	Name  string       // capability, path, or a rich dependency verbatim
	Flags rpm.DepFlags // comparison bits; 0 when unversioned
	EVR   rpm.EVR
	Pre   bool // needed while scripts run
}

// EntryFile is a file of an Entry.
type EntryFile struct {
	Path string
	Type string // "dir", "ghost", or "" for any other
}

// CountError says that a metadata file announces another number of packages
// than it holds: it was cut, or put together carelessly.
type CountError struct {
	File            string
	Announced, Held int
}

func (e *CountError) Error() string {
	return fmt.Sprintf("%s announces %d packages and holds %d", e.File, e.Announced, e.Held)
}

// maxPerPackage bounds the dependencies, and the files, of one package.
const maxPerPackage = 1 << 20

// Primary reads primary.xml package by package. Memory is bounded by the
// largest package (64 MiB of XML at most). The sequence ends after the first
// error; a document that is cut or malformed yields a *FormatError, and one
// whose packages= attribute is wrong a *CountError after the last package.
func Primary(r io.Reader) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		s := newScanner(r, "primary.xml")
		if err := readPrimary(s, yield); err != nil && err != errStopped { //nolint:errorlint // never wrapped
			yield(nil, err)
		}
	}
}

// errStopped ends the parse when the caller's loop has ended.
var errStopped = fmt.Errorf("stopped")

func readPrimary(s *scanner, yield func(*Entry, error) bool) error {
	root, err := s.root(nsCommon, "metadata")
	if err != nil {
		return s.inside(err)
	}
	held := 0
	err = s.children(func(e xml.StartElement) error {
		s.refill()
		if e.Name.Local != "package" {
			return s.skip()
		}
		entry, err := readEntry(s)
		if err != nil {
			return err
		}
		held++
		if !yield(entry, nil) {
			return errStopped
		}
		return nil
	})
	if err == nil {
		err = s.rest()
	}
	if err != nil {
		return err
	}
	if text := attr(root, "packages"); text != "" {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return s.fail("bad package count "+strconv.Quote(text), err)
		}
		if n != held {
			return &CountError{File: s.file, Announced: n, Held: held}
		}
	}
	return nil
}

func readEntry(s *scanner) (*Entry, error) {
	e := &Entry{}
	err := s.children(func(t xml.StartElement) error {
		if t.Name.Local == "format" {
			return e.readFormat(s)
		}
		if err := e.setAttrs(s, t); err != nil {
			return err
		}
		text, err := s.text()
		if err == nil {
			e.setText(t, text)
		}
		return err
	})
	if err == nil && (e.Name == "" || e.Location == "") {
		err = s.fail("package without name or location", nil)
	}
	return e, err
}

// setAttrs takes what stands in the attributes of a child of package.
func (e *Entry) setAttrs(s *scanner, t xml.StartElement) error {
	switch t.Name.Local {
	case "version":
		evr, err := s.evr(t)
		e.EVR = evr
		return err
	case "time":
		return s.numbers(t, "file", &e.FileTime, "build", &e.BuildTime)
	case "size":
		if err := s.numbers(t, "package", &e.Size, "installed", &e.InstalledSize); err != nil {
			return err
		}
		return s.numbers(t, "archive", &e.ArchiveSize, "", nil)
	case "location":
		e.Location, e.Base = attr(t, "href"), attr(t, "base")
	}
	return nil
}

// setText takes the text of a child of package.
func (e *Entry) setText(t xml.StartElement, text string) {
	switch t.Name.Local {
	case "name":
		e.Name = text
	case "arch":
		e.Arch = text
	case "checksum":
		e.Checksum = Checksum{Type: attr(t, "type"), Value: strings.ToLower(strings.TrimSpace(text))}
	case "summary":
		e.Summary = text
	case "description":
		e.Description = text
	case "packager":
		e.Packager = text
	case "url":
		e.URL = text
	}
}

func (e *Entry) readFormat(s *scanner) error {
	return s.children(func(t xml.StartElement) error {
		switch t.Name.Local {
		case "header-range":
			if err := s.numbers(t, "start", &e.HeaderStart, "end", &e.HeaderEnd); err != nil {
				return err
			}
			return s.skip()
		case "file":
			path, err := s.text()
			if err == nil && len(e.Files) == maxPerPackage {
				err = s.fail("too many files in one package", nil)
			}
			kind := attr(t, "type")
			if kind == "file" {
				kind = ""
			}
			e.Files = append(e.Files, EntryFile{Path: path, Type: kind})
			return err
		}
		if list := e.relations(t.Name.Local); list != nil {
			return s.relations(list)
		}
		text, err := s.text()
		if err == nil {
			e.setFormatText(t.Name.Local, text)
		}
		return err
	})
}

func (e *Entry) setFormatText(name, text string) {
	switch name {
	case "license":
		e.License = text
	case "vendor":
		e.Vendor = text
	case "group":
		e.Group = text
	case "buildhost":
		e.BuildHost = text
	case "sourcerpm":
		e.SourceRPM = text
	}
}

func (e *Entry) relations(name string) *[]Relation {
	switch name {
	case "provides":
		return &e.Provides
	case "requires":
		return &e.Requires
	case "conflicts":
		return &e.Conflicts
	case "obsoletes":
		return &e.Obsoletes
	case "suggests":
		return &e.Suggests
	case "enhances":
		return &e.Enhances
	case "recommends":
		return &e.Recommends
	case "supplements":
		return &e.Supplements
	}
	return nil
}

func (s *scanner) relations(list *[]Relation) error {
	return s.children(func(t xml.StartElement) error {
		if t.Name.Local != "entry" {
			return s.skip()
		}
		if len(*list) == maxPerPackage {
			return s.fail("too many dependencies in one package", nil)
		}
		r := Relation{Name: attr(t, "name")}
		switch pre := attr(t, "pre"); pre {
		case "", "0", "FALSE":
		default:
			r.Pre = true
		}
		if r.Name == "" {
			return s.fail("dependency without name", nil)
		}
		if flags := attr(t, "flags"); flags != "" {
			var err error
			if r.Flags, err = s.flags(flags); err != nil {
				return err
			}
			if r.EVR, err = s.evr(t); err != nil {
				return err
			}
		}
		*list = append(*list, r)
		return s.skip()
	})
}

func (s *scanner) flags(text string) (rpm.DepFlags, error) {
	switch text {
	case "LT":
		return rpm.DepLess, nil
	case "GT":
		return rpm.DepGreater, nil
	case "EQ":
		return rpm.DepEqual, nil
	case "LE":
		return rpm.DepLess | rpm.DepEqual, nil
	case "GE":
		return rpm.DepGreater | rpm.DepEqual, nil
	}
	return 0, s.fail("unknown flags "+strconv.Quote(text), nil)
}

// evr reads the attributes epoch, ver and rel.
func (s *scanner) evr(t xml.StartElement) (rpm.EVR, error) {
	v := rpm.EVR{Version: attr(t, "ver"), Release: attr(t, "rel")}
	if text := strings.TrimSpace(attr(t, "epoch")); text != "" {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return v, s.fail("bad epoch "+strconv.Quote(text), err)
		}
		v.Epoch, v.HasEpoch = uint32(n), n != 0
	}
	return v, nil
}

func (s *scanner) numbers(t xml.StartElement, a string, x *int64, b string, y *int64) error {
	n, err := s.number(attr(t, a))
	if err != nil {
		return err
	}
	*x = n
	if y != nil {
		*y, err = s.number(attr(t, b))
	}
	return err
}
