package updateinfo

import (
	"bufio"
	"fmt"
	"io"
	"strconv"

	"github.com/fedora-respin/respin/repo/internal/xmltext"
)

// Write writes updateinfo.xml with the updates in the order given. Text that is
// no UTF-8 is read as latin1, and control characters that XML cannot carry are
// dropped, so that every reader can read the result.
func Write(w io.Writer, updates []Update) error {
	b := bufio.NewWriterSize(w, 64<<10)
	x := &writer{out: b}
	x.raw(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	if len(updates) == 0 {
		x.raw("<updates/>\n")
	} else {
		x.raw("<updates>\n")
		for i := range updates {
			x.update(&updates[i])
		}
		x.raw("</updates>\n")
	}
	if err := b.Flush(); err != nil { // a bufio.Writer repeats its first error
		return fmt.Errorf("write updateinfo: %w", err)
	}
	return nil
}

// writer appends to buf, which goes out after each update.
type writer struct {
	out *bufio.Writer
	buf []byte
}

func (x *writer) raw(s string) { x.buf = append(x.buf, s...); x.flush() }

func (x *writer) flush() {
	_, _ = x.out.Write(x.buf)
	x.buf = x.buf[:0]
}

// attr is an attribute that is left out when empty.
type attr struct{ name, value string }

func (x *writer) open(indent, name string, attrs ...attr) {
	x.buf = append(x.buf, indent...)
	x.buf = append(x.buf, '<')
	x.buf = append(x.buf, name...)
	for _, a := range attrs {
		if a.value != "" {
			x.buf = xmltext.AppendAttr(x.buf, a.name, a.value, false)
		}
	}
}

// children closes the start tag, lets fill write what is inside, and ends the
// element; with nothing inside it is closed at once.
func (x *writer) children(indent, name string, fill func()) {
	tag := len(x.buf)
	x.buf = append(x.buf, ">\n"...)
	inside := len(x.buf)
	fill()
	if len(x.buf) == inside {
		x.buf = append(x.buf[:tag], "/>\n"...)
		return
	}
	x.buf = append(x.buf, indent...)
	x.buf = append(x.buf, "</"...)
	x.buf = append(x.buf, name...)
	x.buf = append(x.buf, ">\n"...)
}

func (x *writer) empty(indent, name string, attrs ...attr) {
	x.open(indent, name, attrs...)
	x.buf = append(x.buf, "/>\n"...)
}

func (x *writer) text(indent, name, value string) {
	if value != "" {
		x.buf = xmltext.AppendElement(x.buf, indent, name, value)
	}
}

func (x *writer) flag(indent, name string, set bool) {
	if set {
		x.text(indent, name, "True")
	}
}

func (x *writer) date(name, value string) {
	if value != "" {
		x.empty("    ", name, attr{"date", value})
	}
}

func (x *writer) update(u *Update) {
	x.open("  ", "update", attr{"from", u.From}, attr{"status", u.Status}, attr{"type", u.Type}, attr{"version", u.Version})
	x.children("  ", "update", func() {
		x.text("    ", "id", u.ID)
		x.text("    ", "title", u.Title)
		x.date("issued", u.Issued)
		x.date("updated", u.Updated)
		x.text("    ", "rights", u.Rights)
		x.text("    ", "release", u.Release)
		x.text("    ", "pushcount", u.PushCount)
		x.text("    ", "severity", u.Severity)
		x.text("    ", "summary", u.Summary)
		x.text("    ", "description", u.Description)
		x.text("    ", "solution", u.Solution)
		x.flag("    ", "reboot_suggested", u.RebootSuggested)
		x.open("    ", "references")
		x.children("    ", "references", func() {
			for _, r := range u.References {
				x.empty("      ", "reference", attr{"href", r.Href}, attr{"id", r.ID}, attr{"type", r.Type}, attr{"title", r.Title})
			}
		})
		x.open("    ", "pkglist")
		x.children("    ", "pkglist", func() {
			for i := range u.Collections {
				x.collection(&u.Collections[i])
			}
		})
	})
	x.flush()
}

func (x *writer) collection(c *Collection) {
	const in = "        "
	x.open("      ", "collection", attr{"short", c.Short})
	x.children("      ", "collection", func() {
		x.text(in, "name", c.Name)
		if m := c.Module; m != nil {
			x.empty(in, "module", attr{"name", m.Name}, attr{"stream", m.Stream}, attr{"version", strconv.FormatUint(m.Version, 10)},
				attr{"context", m.Context}, attr{"arch", m.Arch})
		}
		for i := range c.Packages {
			x.pkg(in, &c.Packages[i])
		}
	})
}

func (x *writer) pkg(indent string, p *Package) {
	x.open(indent, "package", attr{"name", p.Name}, attr{"version", p.Version}, attr{"release", p.Release},
		attr{"epoch", p.Epoch}, attr{"arch", p.Arch}, attr{"src", p.Src})
	x.children(indent, "package", func() {
		in := indent + "  "
		x.text(in, "filename", p.Filename)
		if s := p.Sum; s != nil && s.Value != "" {
			x.open(in, "sum", attr{"type", s.Type})
			x.buf = append(x.buf, '>')
			x.buf = xmltext.AppendText(x.buf, s.Value)
			x.buf = append(x.buf, "</sum>\n"...)
		}
		x.flag(in, "reboot_suggested", p.RebootSuggested)
		x.flag(in, "restart_suggested", p.RestartSuggested)
		x.flag(in, "relogin_suggested", p.ReloginSuggested)
	})
}
