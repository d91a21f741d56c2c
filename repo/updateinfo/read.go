package updateinfo

import (
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/internal/xmlscan"
	"github.com/fedora-respin/respin/repo/mdxml"
)

// Bounds of one update. Fedora's largest bring some thousand packages.
const (
	maxRecord  = 64 << 20 // bytes
	maxEntries = 1 << 20  // references, packages ...
)

// Read reads updateinfo.xml update by update. Elements that are not known are
// passed over; texts come as they stand, white space included. The sequence ends
// after the first error: a *mdxml.FormatError, or what r says.
func Read(r io.Reader) iter.Seq2[*Update, error] {
	return func(yield func(*Update, error) bool) {
		x := &reader{Scanner: xmlscan.New(r, xmlscan.Limits{Depth: 32})}
		if err := x.read(yield); err != nil && !errors.Is(err, errStopped) {
			yield(nil, mdxml.Located("updateinfo.xml", err))
		}
	}
}

// errStopped ends the reading when the caller's loop has ended.
var errStopped = errors.New("stopped")

type reader struct {
	*xmlscan.Scanner
	buf     []byte
	start   int64 // of the current update
	entries int   // of it
}

func (x *reader) read(yield func(*Update, error) bool) error {
	if err := x.Root("", "updates"); err != nil {
		return err
	}
	err := x.Children(func(name string) error {
		if name != "update" {
			return x.Skip()
		}
		x.start, x.entries = x.Offset(), 0
		u, err := x.readUpdate()
		if err == nil && !yield(u, nil) {
			err = errStopped
		}
		return err
	})
	if err != nil {
		return err
	}
	return x.Finish()
}

// text reads the text of the current element as it stands.
func (x *reader) text(dst *string) (err error) {
	x.buf, err = x.AppendText(x.buf[:0])
	*dst = string(x.buf)
	return err
}

// flag reads an element that says true by being there, unless it says false.
func (x *reader) flag(dst *bool) error {
	text, err := x.ReadText()
	*dst = !strings.EqualFold(text, "false") && text != "0"
	return err
}

// entry counts what an update has many of.
func (x *reader) entry() error {
	if x.entries++; x.entries > maxEntries || x.Offset()-x.start > maxRecord {
		return x.Fail("update is too large")
	}
	return nil
}

func (x *reader) readUpdate() (*Update, error) {
	u := &Update{From: x.AttrText("from"), Status: x.AttrText("status"), Type: x.AttrText("type"), Version: x.AttrText("version")}
	texts := map[string]*string{
		"id": &u.ID, "title": &u.Title, "rights": &u.Rights, "release": &u.Release, "pushcount": &u.PushCount,
		"severity": &u.Severity, "summary": &u.Summary, "description": &u.Description, "solution": &u.Solution,
	}
	err := x.Children(func(name string) error {
		if err := x.entry(); err != nil {
			return err
		}
		if dst := texts[name]; dst != nil {
			return x.text(dst)
		}
		switch name {
		case "issued":
			u.Issued = x.AttrText("date")
		case "updated":
			u.Updated = x.AttrText("date")
		case "reboot_suggested":
			return x.flag(&u.RebootSuggested)
		case "references":
			return x.Children(func(name string) error { return x.readReference(u, name) })
		case "pkglist":
			return x.Children(func(name string) error { return x.readCollection(u, name) })
		}
		return x.Skip()
	})
	return u, err
}

func (x *reader) readReference(u *Update, name string) error {
	if err := x.entry(); err != nil {
		return err
	}
	if name == "reference" {
		u.References = append(u.References, Reference{
			Href: x.AttrText("href"), ID: x.AttrText("id"), Type: x.AttrText("type"), Title: x.AttrText("title"),
		})
	}
	return x.Skip()
}

func (x *reader) readCollection(u *Update, name string) error {
	if err := x.entry(); err != nil {
		return err
	}
	if name != "collection" {
		return x.Skip()
	}
	c := Collection{Short: x.AttrText("short")}
	err := x.Children(func(name string) error {
		if err := x.entry(); err != nil {
			return err
		}
		switch name {
		case "name":
			return x.text(&c.Name)
		case "module":
			return x.readModule(&c)
		case "package":
			return x.readPackage(&c)
		}
		return x.Skip()
	})
	u.Collections = append(u.Collections, c)
	return err
}

func (x *reader) readModule(c *Collection) error {
	m := &Module{Name: x.AttrText("name"), Stream: x.AttrText("stream"), Context: x.AttrText("context"), Arch: x.AttrText("arch")}
	if text := strings.TrimSpace(x.AttrText("version")); text != "" {
		var err error
		if m.Version, err = strconv.ParseUint(text, 10, 64); err != nil {
			return x.Fail("module: bad version " + strconv.Quote(text))
		}
	}
	c.Module = m
	return x.Skip()
}

func (x *reader) readPackage(c *Collection) error {
	p := Package{
		Name: x.AttrText("name"), Version: x.AttrText("version"), Release: x.AttrText("release"), Epoch: x.AttrText("epoch"),
		Arch: x.AttrText("arch"), Src: x.AttrText("src"),
	}
	err := x.Children(func(name string) error {
		switch name {
		case "filename":
			return x.text(&p.Filename)
		case "sum":
			p.Sum = &Sum{Type: x.AttrText("type")}
			text, err := x.ReadText()
			p.Sum.Value = strings.ToLower(text)
			return err
		case "reboot_suggested":
			return x.flag(&p.RebootSuggested)
		case "restart_suggested":
			return x.flag(&p.RestartSuggested)
		case "relogin_suggested":
			return x.flag(&p.ReloginSuggested)
		}
		return x.Skip()
	})
	c.Packages = append(c.Packages, p)
	return err
}
