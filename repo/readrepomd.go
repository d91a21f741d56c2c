package repo

import (
	"io"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/internal/xmlscan"
	"github.com/fedora-respin/respin/repo/mdxml"
)

const (
	maxRepomdSize = 16 << 20
	// maxData bounds the records of one repomd.xml; Fedora's have about thirty.
	maxData = 1024
)

// repomdReader reads one repomd.xml.
type repomdReader struct {
	*xmlscan.Scanner
	md Repomd
}

// ReadRepomd reads repomd.xml, at most 16 MiB of it. Elements it does not know
// are passed over. Malformed input is answered with a *FormatError.
func ReadRepomd(r io.Reader) (*Repomd, error) {
	x := &repomdReader{Scanner: xmlscan.New(limitio.Reader(r, maxRepomdSize, "repomd.xml"), xmlscan.Limits{Depth: 32, Token: 1 << 20})}
	if err := x.read(); err != nil {
		return nil, mdxml.Located("repomd.xml", err)
	}
	return &x.md, nil
}

func (x *repomdReader) read() error {
	if err := x.Root(mdxml.NamespaceRepo, "repomd"); err != nil {
		return err
	}
	err := x.Children(func(name string) (err error) {
		switch name {
		case "revision":
			x.md.Revision, err = x.ReadText()
			return err
		case "tags":
			return x.Children(x.readTag)
		case "data":
			return x.readData()
		}
		return x.Skip()
	})
	if err != nil {
		return err
	}
	return x.Finish()
}

func (x *repomdReader) readTag(name string) error {
	cpeid := x.AttrText("cpeid")
	text, err := x.ReadText()
	if err != nil {
		return err
	}
	switch name {
	case "content":
		x.md.ContentTags = append(x.md.ContentTags, text)
	case "repo":
		x.md.RepoTags = append(x.md.RepoTags, text)
	case "distro":
		x.md.DistroTags = append(x.md.DistroTags, DistroTag{CPEID: cpeid, Name: text})
	}
	return nil
}

func (x *repomdReader) readData() error {
	if len(x.md.Data) == maxData {
		return x.Fail("too many data elements")
	}
	d := Data{Type: x.AttrText("type")}
	if d.Type == "" {
		return x.Fail("data element without type")
	}
	if err := x.Children(func(name string) error { return x.readField(&d, name) }); err != nil {
		return err
	}
	if d.Href == "" {
		return x.Fail("data element " + d.Type + " without location")
	}
	x.md.Data = append(x.md.Data, d)
	return nil
}

// readField reads one child of a data element.
func (x *repomdReader) readField(d *Data, name string) (err error) {
	switch name {
	case "location":
		d.Href, d.Base = x.AttrText("href"), x.AttrText("xml:base")
	case "checksum":
		d.Checksum, err = x.checksum()
		return err
	case "open-checksum":
		d.OpenChecksum, err = x.checksum()
		return err
	case "header-checksum":
		d.HeaderChecksum, err = x.checksum()
		return err
	case "timestamp":
		d.Timestamp, err = x.ReadNumber()
		return err
	case "size":
		return x.size(&d.Size)
	case "open-size":
		return x.size(&d.OpenSize)
	case "header-size":
		return x.size(&d.HeaderSize)
	case "database_version":
		n, err := x.ReadNumber()
		d.DatabaseVersion = int(n)
		return err
	}
	return x.Skip()
}

func (x *repomdReader) checksum() (c Checksum, err error) {
	c.Type = x.AttrText("type")
	c.Value, err = x.ReadText()
	c.Value = strings.ToLower(c.Value)
	return c, err
}

// size reads a number that is not negative.
func (x *repomdReader) size(dst *int64) error {
	name := string(x.Local())
	n, err := x.ReadNumber()
	if err == nil && n < 0 {
		err = x.Fail(name + ": negative size")
	}
	*dst = n
	return err
}
