package metalink

import (
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/internal/xmlscan"
)

const namespace = "http://www.metalinker.org/"

type reader struct {
	*xmlscan.Scanner
	m Metalink
}

// read looks for the file element of repomd.xml; those of other files, and what
// it does not know, are passed over.
func (x *reader) read() error {
	if err := x.Root(namespace, "metalink"); err != nil {
		return err
	}
	err := x.Children(func(name string) error {
		if name != "files" {
			return x.Skip()
		}
		return x.Children(func(name string) error {
			if name != "file" || x.AttrText("name") != "repomd.xml" {
				return x.Skip()
			}
			return x.readFile(&x.m.File)
		})
	})
	if err != nil {
		return err
	}
	return x.Finish()
}

// readFile reads a file element, or an alternate, which has less in it.
func (x *reader) readFile(f *File) error {
	return x.Children(func(name string) (err error) {
		switch name {
		case "timestamp":
			f.Timestamp, err = x.ReadNumber()
			return err
		case "size":
			f.Size, err = x.ReadNumber()
			return err
		case "verification":
			return x.readHashes(f)
		case "alternates":
			return x.Children(x.readAlternate)
		case "resources":
			return x.Children(x.readURL)
		}
		return x.Skip()
	})
}

func (x *reader) readHashes(f *File) error {
	return x.Children(func(name string) error {
		h := Hash{Type: strings.ToLower(x.AttrText("type"))}
		text, err := x.ReadText()
		if err != nil || name != "hash" {
			return err
		}
		if len(f.Hashes) == maxEntries {
			return x.Fail("too many digests")
		}
		h.Value = strings.ToLower(text)
		f.Hashes = append(f.Hashes, h)
		return nil
	})
}

func (x *reader) readAlternate(name string) error {
	if name != "alternate" {
		return x.Skip()
	}
	if len(x.m.Alternates) == maxEntries {
		return x.Fail("too many alternates")
	}
	var f File
	err := x.readFile(&f)
	x.m.Alternates = append(x.m.Alternates, f)
	return err
}

func (x *reader) readURL(name string) error {
	u := URL{Location: x.AttrText("location")}
	preference, _ := x.Attr("preference")
	n, ok := xmlscan.ParseNumber(preference)
	if !ok {
		return x.Fail("bad preference " + strconv.Quote(string(preference)))
	}
	u.Preference = int(min(max(n, 0), 100))
	text, err := x.ReadText()
	if err != nil || name != "url" || !isWeb(text) {
		return err
	}
	if len(x.m.URLs) == maxEntries {
		return x.Fail("too many mirrors")
	}
	u.URL = text
	x.m.URLs = append(x.m.URLs, u)
	return nil
}
