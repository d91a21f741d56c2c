package kickstart

import "strings"

// Script is a %pre, %pre-install, %post, %onerror or %traceback section.
type Script struct {
	Section     string // with the percent sign
	Interpreter string // default /bin/sh
	Log         string
	ErrorOnFail bool
	NoChroot    bool   // %post outside the installed system
	Body        string // with includes put in
	Pos         Position
}

// Certificate is a %certificate section (since Fedora 42).
type Certificate struct {
	Filename string
	Dir      string // where it goes; empty with only Type
	Type     string // "anchor": trust it (since Fedora 45)
	Body     string // PEM text
	Pos      Position
}

// Addon is an %addon section: text for an add-on of anaconda, which alone
// knows what it means. %anaconda sections are passed through in the same way;
// Document.Sections gives them.
type Addon struct {
	ID   string   // such as com_redhat_kdump
	Args []string // the words behind it
	Body string   // with includes put in
	Pos  Position
}

// Scripts lists the script sections in order, those of included files too.
// Headers that Validate refuses count as without options.
func (d *Document) Scripts() []Script {
	var out []Script
	for sec := range d.Sections() {
		if !scriptSection(sec.Name) {
			continue
		}
		s := Script{Section: sec.Name, Interpreter: "/bin/sh", Body: sec.Body(), Pos: sec.pos}
		if a, ok := d.readHeader(sec); ok {
			if i := a.text("interpreter"); a.given("interpreter") {
				s.Interpreter = i
			}
			s.Log, s.ErrorOnFail, s.NoChroot = a.text("log"), a.has("erroronfail"), a.has("nochroot")
		}
		out = append(out, s)
	}
	return out
}

// Certificates lists the %certificate sections in order.
func (d *Document) Certificates() []Certificate {
	var out []Certificate
	for sec := range d.Sections("%certificate") {
		if a, ok := d.readHeader(sec); ok {
			out = append(out, Certificate{
				Filename: a.text("filename"), Dir: a.text("dir"), Type: a.text("type"),
				Body: strings.TrimSuffix(sec.Body(), "\n"), Pos: sec.pos,
			})
		}
	}
	return out
}

// Addons lists the %addon sections in order.
func (d *Document) Addons() []Addon {
	var out []Addon
	for sec := range d.Sections("%addon") {
		a := Addon{Args: wordTexts(sec.Args), Body: sec.Body(), Pos: sec.pos}
		if len(a.Args) > 0 {
			a.ID, a.Args = a.Args[0], a.Args[1:]
		}
		out = append(out, a)
	}
	return out
}

// readHeader reads the options of a section's header; false when they do not
// fit.
func (d *Document) readHeader(sec *Section) (*Arguments, bool) {
	a, err := parseArgs(sectionOptions(sec.Name, d.version), wordTexts(sec.Args), nil)
	return a, err == nil && len(a.extra) == 0
}
