// Package xmlpeer reads primary.xml with encoding/xml: the judge of what package
// repo reads, and the peer that it is measured against.
//
//	for e, err := range xmlpeer.Primary(r) { ... }
package xmlpeer

import (
	"encoding/xml"
	"errors"
	"io"
	"iter"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
)

// The shape of primary.xml for encoding/xml.
type (
	pkg struct {
		Name    string `xml:"name"`
		Arch    string `xml:"arch"`
		Version evr
		Sum     struct {
			Type  string `xml:"type,attr"`
			Value string `xml:",chardata"`
		} `xml:"checksum"`
		Summary     string `xml:"summary"`
		Description string `xml:"description"`
		Packager    string `xml:"packager"`
		URL         string `xml:"url"`
		Time        struct {
			File  int64 `xml:"file,attr"`
			Build int64 `xml:"build,attr"`
		} `xml:"time"`
		Size struct {
			Package   int64 `xml:"package,attr"`
			Installed int64 `xml:"installed,attr"`
			Archive   int64 `xml:"archive,attr"`
		} `xml:"size"`
		Location struct {
			Href string `xml:"href,attr"`
			Base string `xml:"base,attr"`
		} `xml:"location"`
		Format struct {
			License   string `xml:"license"`
			Vendor    string `xml:"vendor"`
			Group     string `xml:"group"`
			BuildHost string `xml:"buildhost"`
			SourceRPM string `xml:"sourcerpm"`
			Range     struct {
				Start int64 `xml:"start,attr"`
				End   int64 `xml:"end,attr"`
			} `xml:"header-range"`
			Provides    relations `xml:"provides"`
			Requires    relations `xml:"requires"`
			Conflicts   relations `xml:"conflicts"`
			Obsoletes   relations `xml:"obsoletes"`
			Suggests    relations `xml:"suggests"`
			Enhances    relations `xml:"enhances"`
			Recommends  relations `xml:"recommends"`
			Supplements relations `xml:"supplements"`
			Files       []struct {
				Type string `xml:"type,attr"`
				Path string `xml:",chardata"`
			} `xml:"file"`
		} `xml:"format"`
	}
	evr struct {
		XMLName xml.Name `xml:"version"`
		Epoch   uint32   `xml:"epoch,attr"`
		Ver     string   `xml:"ver,attr"`
		Rel     string   `xml:"rel,attr"`
	}
	relations struct {
		Entries []struct {
			Name  string `xml:"name,attr"`
			Flags string `xml:"flags,attr"`
			Epoch uint32 `xml:"epoch,attr"`
			Ver   string `xml:"ver,attr"`
			Rel   string `xml:"rel,attr"`
			Pre   string `xml:"pre,attr"`
		} `xml:"entry"`
	}
)

// Primary reads primary.xml with encoding/xml. The sequence ends after the first
// error.
func Primary(r io.Reader) iter.Seq2[*repo.Entry, error] {
	return func(yield func(*repo.Entry, error) bool) {
		for dec := xml.NewDecoder(r); ; {
			tok, err := dec.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			start, ok := tok.(xml.StartElement)
			if err == nil && (!ok || start.Name.Local != "package") {
				continue
			}
			var p pkg
			if err == nil {
				err = dec.DecodeElement(&p, &start)
			}
			if !yield(p.entry(), err) || err != nil {
				return
			}
		}
	}
}

func (p *pkg) entry() *repo.Entry {
	f := &p.Format
	e := &repo.Entry{
		Name: p.Name, Arch: p.Arch, EVR: evrOf(p.Version.Epoch, p.Version.Ver, p.Version.Rel),
		Checksum: repo.Checksum{Type: p.Sum.Type, Value: p.Sum.Value},
		Summary:  p.Summary, Description: p.Description, Packager: p.Packager, URL: p.URL,
		License: f.License, Vendor: f.Vendor, Group: f.Group, BuildHost: f.BuildHost, SourceRPM: f.SourceRPM,
		FileTime: p.Time.File, BuildTime: p.Time.Build,
		Size: p.Size.Package, InstalledSize: p.Size.Installed, ArchiveSize: p.Size.Archive,
		HeaderStart: f.Range.Start, HeaderEnd: f.Range.End, Location: p.Location.Href, Base: p.Location.Base,
		Provides: f.Provides.list(), Requires: f.Requires.list(), Conflicts: f.Conflicts.list(), Obsoletes: f.Obsoletes.list(),
		Suggests: f.Suggests.list(), Enhances: f.Enhances.list(), Recommends: f.Recommends.list(), Supplements: f.Supplements.list(),
	}
	for _, x := range f.Files {
		e.Files = append(e.Files, repo.EntryFile{Path: x.Path, Type: x.Type})
	}
	return e
}

func evrOf(epoch uint32, ver, rel string) rpm.EVR {
	return rpm.EVR{Epoch: epoch, HasEpoch: epoch != 0, Version: ver, Release: rel}
}

func (r *relations) list() (out []repo.Relation) {
	flags := map[string]rpm.DepFlags{
		"LT": rpm.DepLess, "LE": rpm.DepLess | rpm.DepEqual, "EQ": rpm.DepEqual, "GE": rpm.DepGreater | rpm.DepEqual, "GT": rpm.DepGreater,
	}
	for _, e := range r.Entries {
		out = append(out, repo.Relation{Name: e.Name, Flags: flags[e.Flags], EVR: evrOf(e.Epoch, e.Ver, e.Rel), Pre: e.Pre == "1"})
	}
	return out
}
