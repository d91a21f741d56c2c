package repo

import (
	"bytes"
	"io"
	"strconv"
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
	md  Repomd
	buf []byte
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
	for {
		more, err := x.Child()
		if err != nil {
			return err
		}
		if !more {
			return x.Finish()
		}
		switch string(x.Local()) {
		case "revision":
			x.md.Revision, err = x.text()
		case "tags":
			err = x.readTags()
		case "data":
			err = x.readData()
		default:
			err = x.Skip()
		}
		if err != nil {
			return err
		}
	}
}

// text reads the text of the current element, without white space around it.
func (x *repomdReader) text() (string, error) {
	var err error
	x.buf, err = x.AppendText(x.buf[:0])
	return string(bytes.TrimSpace(x.buf)), err
}

func (x *repomdReader) attr(name string) string {
	v, _ := x.Attr(name)
	return string(v)
}

func (x *repomdReader) readTags() error {
	for {
		more, err := x.Child()
		if err != nil || !more {
			return err
		}
		name, cpeid := string(x.Local()), x.attr("cpeid")
		if x.buf, err = x.AppendText(x.buf[:0]); err != nil {
			return err
		}
		text := string(x.buf)
		switch name {
		case "content":
			x.md.ContentTags = append(x.md.ContentTags, text)
		case "repo":
			x.md.RepoTags = append(x.md.RepoTags, text)
		case "distro":
			x.md.DistroTags = append(x.md.DistroTags, DistroTag{CPEID: cpeid, Name: text})
		}
	}
}

func (x *repomdReader) readData() error {
	if len(x.md.Data) == maxData {
		return x.Fail("too many data elements")
	}
	d := Data{Type: x.attr("type")}
	if d.Type == "" {
		return x.Fail("data element without type")
	}
	for {
		more, err := x.Child()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := x.readField(&d); err != nil {
			return err
		}
	}
	if d.Href == "" {
		return x.Fail("data element " + d.Type + " without location")
	}
	x.md.Data = append(x.md.Data, d)
	return nil
}

// readField reads one child of a data element.
func (x *repomdReader) readField(d *Data) error {
	name, kind := string(x.Local()), x.attr("type")
	if name == "location" {
		d.Href, d.Base = x.attr("href"), x.attr("xml:base")
		return x.Skip()
	}
	text, err := x.text()
	if err != nil {
		return err
	}
	sum := Checksum{Type: kind, Value: strings.ToLower(text)}
	switch name {
	case "checksum":
		d.Checksum = sum
	case "open-checksum":
		d.OpenChecksum = sum
	case "header-checksum":
		d.HeaderChecksum = sum
	case "timestamp":
		d.Timestamp, err = x.number(name, text)
	case "size":
		d.Size, err = x.size(name, text)
	case "open-size":
		d.OpenSize, err = x.size(name, text)
	case "header-size":
		d.HeaderSize, err = x.size(name, text)
	case "database_version":
		var n int64
		n, err = x.number(name, text)
		d.DatabaseVersion = int(n)
	}
	return err
}

func (x *repomdReader) number(name, text string) (int64, error) {
	n, ok := mdxml.ParseNumber([]byte(text))
	if !ok {
		return 0, x.Fail(name + ": bad number " + strconv.Quote(text))
	}
	return n, nil
}

// size reads a number that is not negative.
func (x *repomdReader) size(name, text string) (int64, error) {
	n, err := x.number(name, text)
	if err == nil && n < 0 {
		err = x.Fail(name + ": negative size " + text)
	}
	return n, err
}
