package repo

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
)

// maxData bounds the records of one repomd.xml; Fedora's have about thirty.
const maxData = 1024

// ReadRepomd reads repomd.xml, at most 16 MiB of it. Elements it does not know
// are passed over. Malformed input is answered with a *FormatError.
func ReadRepomd(r io.Reader) (*Repomd, error) {
	s := newScanner(limitio.Reader(r, maxRepomdSize, "repomd.xml"), "repomd.xml")
	if _, err := s.root(nsRepo, "repomd"); err != nil {
		return nil, s.inside(err)
	}
	md := &Repomd{}
	err := s.children(func(e xml.StartElement) error {
		var err error
		switch e.Name.Local {
		case "revision":
			md.Revision, err = s.text()
			md.Revision = strings.TrimSpace(md.Revision)
		case "tags":
			err = md.readTags(s)
		case "data":
			if len(md.Data) == maxData {
				return s.fail("too many data elements", nil)
			}
			var d Data
			d, err = readData(s, e)
			md.Data = append(md.Data, d)
		default:
			err = s.skip()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return md, s.rest()
}

func (m *Repomd) readTags(s *scanner) error {
	return s.children(func(e xml.StartElement) error {
		text, err := s.text()
		if err != nil {
			return err
		}
		switch e.Name.Local {
		case "content":
			m.ContentTags = append(m.ContentTags, text)
		case "repo":
			m.RepoTags = append(m.RepoTags, text)
		case "distro":
			m.DistroTags = append(m.DistroTags, DistroTag{CPEID: attr(e, "cpeid"), Name: text})
		}
		return nil
	})
}

func readData(s *scanner, start xml.StartElement) (Data, error) {
	d := Data{Type: attr(start, "type")}
	if d.Type == "" {
		return d, s.fail("data element without type", nil)
	}
	err := s.children(func(e xml.StartElement) error {
		if e.Name.Local == "location" {
			d.Href, d.Base = attr(e, "href"), attr(e, "base")
			return s.skip()
		}
		text, err := s.text()
		if err != nil {
			return err
		}
		return d.set(s, e, strings.TrimSpace(text))
	})
	if err == nil && d.Href == "" {
		err = s.fail("data element "+d.Type+" without location", nil)
	}
	return d, err
}

func (d *Data) set(s *scanner, e xml.StartElement, text string) error {
	var n int64
	var err error
	sum := Checksum{Type: attr(e, "type"), Value: strings.ToLower(text)}
	switch e.Name.Local {
	case "checksum":
		d.Checksum = sum
	case "open-checksum":
		d.OpenChecksum = sum
	case "header-checksum":
		d.HeaderChecksum = sum
	case "timestamp":
		d.Timestamp, err = s.number(text)
	case "size":
		d.Size, err = s.size(text)
	case "open-size":
		d.OpenSize, err = s.size(text)
	case "header-size":
		d.HeaderSize, err = s.size(text)
	case "database_version":
		n, err = s.number(text)
		d.DatabaseVersion = int(n)
	}
	return err
}

// size reads a number that is not negative.
func (s *scanner) size(text string) (int64, error) {
	n, err := s.number(text)
	if err == nil && n < 0 {
		err = s.fail("negative size "+text, nil)
	}
	return n, err
}
