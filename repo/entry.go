package repo

import (
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/fedora-respin/respin/repo/mdxml"
	"github.com/fedora-respin/respin/repo/rpm"
)

// FormatError says that a metadata file is not what it should be.
type FormatError = mdxml.FormatError

// CountError says that a metadata file announces another number of packages
// than it holds: it was cut, or put together carelessly.
type CountError = mdxml.CountError

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

// EntryFiles are the files of one package, from filelists.xml.
type EntryFiles struct {
	PkgID string // checksum of the RPM file, Entry.Checksum.Value
	NEVRA rpm.NEVRA
	Files []EntryFile // all of them
}

// EntryChangelogs are the changelog entries of one package, from other.xml.
type EntryChangelogs struct {
	PkgID      string // checksum of the RPM file, Entry.Checksum.Value
	NEVRA      rpm.NEVRA
	Changelogs []rpm.Changelog // oldest first, as createrepo_c writes them
}

// Primary reads primary.xml package by package. Memory is bounded by the
// largest package (64 MiB of text at most). The sequence ends after the first
// error; a document that is cut or malformed yields a *FormatError, and one
// whose packages= attribute is wrong a *CountError after the last package.
//
// Package mdxml reads the same without a copy of every string.
func Primary(r io.Reader) iter.Seq2[*Entry, error] {
	return sequence(r, mdxml.ReadPrimary, entryOf)
}

// Filelists reads filelists.xml package by package, under the rules of Primary.
func Filelists(r io.Reader) iter.Seq2[*EntryFiles, error] {
	return sequence(r, mdxml.ReadFilelists, func(p *mdxml.Files) *EntryFiles {
		var k packer
		for i := range p.Files {
			k.room(p.Files[i].Path)
		}
		return &EntryFiles{PkgID: string(p.PkgID), NEVRA: nevra(p.Name, p.Arch, &p.EVR), Files: k.files(p.Files)}
	})
}

// Other reads other.xml package by package, under the rules of Primary.
func Other(r io.Reader) iter.Seq2[*EntryChangelogs, error] {
	return sequence(r, mdxml.ReadOther, func(p *mdxml.Changelogs) *EntryChangelogs {
		out := &EntryChangelogs{PkgID: string(p.PkgID), NEVRA: nevra(p.Name, p.Arch, &p.EVR)}
		for _, c := range p.Entries {
			out.Changelogs = append(out.Changelogs, rpm.Changelog{Time: c.Time, Author: string(c.Author), Text: string(c.Text)})
		}
		return out
	})
}

func nevra(name, arch []byte, evr *mdxml.EVR) rpm.NEVRA {
	return rpm.NEVRA{Name: string(name), EVR: evr.EVR(), Arch: string(arch)}
}

// errStopped ends the parse when the caller's loop has ended.
var errStopped = errors.New("stopped")

// sequence turns a reader that calls into a sequence.
func sequence[raw, out any](r io.Reader, read func(io.Reader, func(*raw) error) error, convert func(*raw) *out) iter.Seq2[*out, error] {
	return func(yield func(*out, error) bool) {
		err := read(r, func(p *raw) error {
			if !yield(convert(p), nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

func entryOf(p *mdxml.Package) *Entry {
	var k packer
	k.room(
		p.Name, p.Arch, p.EVR.Version, p.EVR.Release, p.ChecksumType, p.Checksum, p.Summary, p.Description, p.Packager, p.URL,
		p.License, p.Vendor, p.Group, p.BuildHost, p.SourceRPM, p.Location, p.Base,
	)
	for _, list := range p.Relations {
		for i := range list {
			k.room(list[i].Name, list[i].EVR.Version, list[i].EVR.Release)
		}
	}
	for i := range p.Files {
		k.room(p.Files[i].Path)
	}
	return &Entry{
		Name: k.text(p.Name), EVR: k.evr(&p.EVR), Arch: k.text(p.Arch),
		Checksum: Checksum{Type: k.text(p.ChecksumType), Value: k.text(p.Checksum)},
		Summary:  k.text(p.Summary), Description: k.text(p.Description), Packager: k.text(p.Packager), URL: k.text(p.URL),
		License: k.text(p.License), Vendor: k.text(p.Vendor), Group: k.text(p.Group), BuildHost: k.text(p.BuildHost), SourceRPM: k.text(p.SourceRPM),
		FileTime: p.FileTime, BuildTime: p.BuildTime, Size: p.Size, InstalledSize: p.InstalledSize, ArchiveSize: p.ArchiveSize,
		HeaderStart: p.HeaderStart, HeaderEnd: p.HeaderEnd, Location: k.text(p.Location), Base: k.text(p.Base),
		Provides: k.relations(p, mdxml.Provides), Requires: k.relations(p, mdxml.Requires),
		Conflicts: k.relations(p, mdxml.Conflicts), Obsoletes: k.relations(p, mdxml.Obsoletes),
		Suggests: k.relations(p, mdxml.Suggests), Enhances: k.relations(p, mdxml.Enhances),
		Recommends: k.relations(p, mdxml.Recommends), Supplements: k.relations(p, mdxml.Supplements),
		Files: k.files(p.Files),
	}
}

// packer copies the many short texts of a package into one piece of memory.
type packer struct {
	n int
	b strings.Builder
}

// room counts texts that will come.
func (k *packer) room(texts ...[]byte) {
	for _, t := range texts {
		k.n += len(t)
	}
}

func (k *packer) text(t []byte) string {
	if k.b.Cap() == 0 {
		k.b.Grow(k.n)
	}
	from := k.b.Len()
	k.b.Write(t)
	return k.b.String()[from:]
}

func (k *packer) evr(v *mdxml.EVR) rpm.EVR {
	return rpm.EVR{Epoch: v.Epoch, HasEpoch: v.Epoch != 0, Version: k.text(v.Version), Release: k.text(v.Release)}
}

func (k *packer) relations(p *mdxml.Package, kind mdxml.Kind) []Relation {
	list := p.Relations[kind]
	if len(list) == 0 {
		return nil
	}
	out := make([]Relation, len(list))
	for i := range list {
		out[i] = Relation{Name: k.text(list[i].Name), Flags: list[i].Flags, EVR: k.evr(&list[i].EVR), Pre: list[i].Pre}
	}
	return out
}

func (k *packer) files(list []mdxml.File) []EntryFile {
	if len(list) == 0 {
		return nil
	}
	out := make([]EntryFile, len(list))
	for i := range list {
		out[i] = EntryFile{Path: k.text(list[i].Path), Type: list[i].Type}
	}
	return out
}
