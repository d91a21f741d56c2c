package mdxml

import "io"

// Changelogs are the changelog entries of one package, from other.xml.
type Changelogs struct {
	PkgID      []byte // checksum of the RPM file, hexadecimal
	Name, Arch []byte
	EVR        EVR
	Entries    []Changelog // oldest first
}

// Changelog is one entry.
type Changelog struct {
	Time   int64  // seconds since 1970
	Author []byte // "Name <mail> - version"
	Text   []byte
}

// ReadOther reads other.xml and calls each for every package. An error of each
// ends the reading and is returned as it is.
func ReadOther(r io.Reader, each func(*Changelogs) error) error {
	x := newReader(r)
	var p Changelogs
	child := func() error {
		switch string(x.Local()) {
		case "version":
			return x.readEVR(&p.EVR)
		case "changelog":
			if len(p.Entries) == maxPerPackage {
				return x.Fail("too many changelog entries in one package")
			}
			if err := x.charge(changelogCost); err != nil {
				return err
			}
			c, err := x.readChangelog()
			p.Entries = append(p.Entries, c)
			return err
		}
		return x.Skip()
	}
	read := func() (err error) {
		p = Changelogs{Entries: p.Entries[:0]}
		if p.PkgID, p.Name, p.Arch, err = x.identity(); err != nil {
			return err
		}
		return x.children(child)
	}
	return x.packages("other.xml", NamespaceOther, "otherdata", read, func() error { return each(&p) })
}

func (r *reader) readChangelog() (c Changelog, err error) {
	if c.Time, err = r.number("date"); err != nil {
		return c, err
	}
	if c.Author, err = r.keepAttr("author"); err != nil {
		return c, err
	}
	return c, r.keepTo(&c.Text)
}
