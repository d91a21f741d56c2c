package kiwidesc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// maxElements bounds what is looked at: profiles with what they require,
// preferences, types, repositories, includes, and the profiles that sections
// name. Choosing takes its square, at worst. Fedora's have less than a thousand.
const maxElements = 4000

// Error says what is wrong in a file of a description.
type Error struct {
	File   string // in the description; "" when no file can be named
	Line   int    // 0: the file as a whole
	Reason string
	Remedy string
}

func (e *Error) Error() string {
	text := e.Reason
	if e.File != "" {
		text = e.File + ": " + text
	}
	if e.Line > 0 {
		text = fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
	}
	return text
}

// Description is what a .kiwi file and what it includes say.
type Description struct {
	Dir    string // of the description in the archive, "." for its top
	File   string // name of the .kiwi file in Dir
	Schema string // schemaversion, as "7.5"
	Name   string // of the image

	profiles    []profile
	preferences []preferences
	repos       []repository
}

type profile struct {
	Name     string `xml:"name,attr"`
	Arch     list   `xml:"arch,attr"`
	Import   bool   `xml:"import,attr"`
	Requires []struct {
		Profile string `xml:"profile,attr"`
		Arch    list   `xml:"arch,attr"`
	} `xml:"requires"`
}

// list is an attribute of words with commas between.
type list []string

// UnmarshalXMLAttr implements xml.UnmarshalerAttr.
func (l *list) UnmarshalXMLAttr(a xml.Attr) error {
	if a.Value != "" {
		*l = strings.Split(a.Value, ",")
	}
	return nil
}

type preferences struct {
	Profiles list     `xml:"profiles,attr"`
	Arch     list     `xml:"arch,attr"`
	Version  string   `xml:"version"`
	Release  string   `xml:"release-version"`
	Manager  string   `xml:"packagemanager"`
	Types    []typeOf `xml:"type"`
}

type typeOf struct {
	Image      string `xml:"image,attr"`
	Primary    bool   `xml:"primary,attr"`
	Format     string `xml:"format,attr"`
	Filesystem string `xml:"filesystem,attr"`
	VolID      string `xml:"volid,attr"`
	KernelArgs string `xml:"kernelcmdline,attr"`
	Install    bool   `xml:"installiso,attr"`
	Derived    string `xml:"derived_from,attr"`
}

type repository struct {
	Alias     string `xml:"alias,attr"`
	Priority  string `xml:"priority,attr"`
	Profiles  list   `xml:"profiles,attr"`
	Arch      list   `xml:"arch,attr"`
	ImageOnly bool   `xml:"imageonly,attr"`
	Source    struct {
		Path string `xml:"path,attr"`
	} `xml:"source"`
}

// Description reads the .kiwi file named file, a path in the archive ("" for the
// one that there is), and all that it includes. Its error is an *Error.
func (a *Archive) Description(file string) (*Description, error) {
	dir, base, err := a.locate(file)
	if err != nil {
		return nil, err
	}
	d := &Description{Dir: path.Join(a.top, dir), File: base}
	p := &reader{archive: a, desc: d}
	if err := p.file(base, true); err != nil {
		return nil, err
	}
	if d.Name == "" {
		return nil, &Error{File: base, Reason: "the image has no name"}
	}
	return d, nil
}

// locate finds the main file as kiwi does (tasks/base.py, load_xml_description),
// but for a choice among several, which kiwi makes by the alphabet.
func (a *Archive) locate(file string) (dir, base string, err error) {
	if file != "" {
		if !fs.ValidPath(file) || file == "." {
			return "", "", &Error{File: file, Reason: "it is no path inside the description"}
		}
		if name, n := a.find(path.Join(a.top, file)); n == nil || n.dir {
			return "", "", &Error{File: file, Reason: "there is no such file in the description", Remedy: a.others()}
		} else if n.text == nil {
			return "", "", &Error{File: strings.TrimPrefix(name, a.top+"/"), Reason: "it is no XML file of a description"}
		}
		return path.Dir(file), path.Base(file), nil
	}
	for _, name := range []string{"config.xml", "image/config.xml"} {
		if _, n := a.find(path.Join(a.top, name)); n != nil && !n.dir {
			return path.Dir(name), path.Base(name), nil
		}
	}
	switch list := a.kiwiFiles(a.top); len(list) {
	case 1:
		return ".", list[0], nil
	case 0:
		return "", "", &Error{Reason: "there is neither config.xml nor a .kiwi file at the top of the description", Remedy: "Name the file with options.kiwi.file."}
	default:
		return "", "", &Error{Reason: "the description has several main files: " + strings.Join(list, ", "), Remedy: "Name one with options.kiwi.file."}
	}
}

func (a *Archive) others() string {
	list := a.kiwiFiles(a.top)
	if len(list) == 0 {
		return ""
	}
	return "It has " + strings.Join(list, ", ") + "."
}

// reader reads the files of one description in the order in which kiwi sees them.
type reader struct {
	archive *Archive
	desc    *Description
	count   int
}

// file reads one file; name is below the description's directory.
func (r *reader) file(name string, top bool) error {
	_, n := r.archive.find(path.Join(r.desc.Dir, name))
	switch {
	case n == nil || n.dir:
		return &Error{File: name, Reason: "it is included, and is not in the description"}
	case n.text == nil:
		return &Error{File: name, Reason: "it is no XML file"}
	}
	dec := xml.NewDecoder(bytes.NewReader(n.text))
	wrong := func(err error) error {
		line, _ := dec.InputPos()
		if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
			return &Error{File: name, Line: syntax.Line, Reason: syntax.Msg}
		}
		return &Error{File: name, Line: line, Reason: err.Error()}
	}
	root := false
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if !root {
				return &Error{File: name, Reason: "it has no element image"}
			}
			return nil
		}
		if err != nil {
			return wrong(err)
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case !root:
			if root = start.Name.Local == "image"; !root {
				return wrong(fmt.Errorf("the first element is %s, not image", start.Name.Local))
			}
			if top {
				r.desc.Name, r.desc.Schema = attr(start, "name"), attr(start, "schemaversion")
			}
		default:
			if err := r.element(dec, start, name, top); err != nil {
				if _, ours := errors.AsType[*Error](err); ours {
					return err
				}
				return wrong(err)
			}
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// element takes one child of image.
func (r *reader) element(dec *xml.Decoder, start xml.StartElement, name string, top bool) (err error) {
	d := r.desc
	defer func() {
		if r.count++; err == nil && r.count > maxElements {
			err = fmt.Errorf("the description has more than %d profiles, preferences and repositories", maxElements)
		}
	}()
	switch start.Name.Local {
	case "include":
		line, _ := dec.InputPos()
		if err := dec.Skip(); err != nil {
			return err //nolint:wrapcheck // the caller names the file
		}
		return r.include(attr(start, "from"), name, line, top)
	case "profiles":
		var found struct {
			Profile []profile `xml:"profile"`
		}
		if err := dec.DecodeElement(&found, &start); err != nil {
			return err //nolint:wrapcheck // the caller names the file
		}
		for i := range found.Profile {
			r.count += 1 + len(found.Profile[i].Requires)
		}
		d.profiles = append(d.profiles, found.Profile...)
	case "preferences":
		var one preferences
		if err := dec.DecodeElement(&one, &start); err != nil {
			return err //nolint:wrapcheck // the caller names the file
		}
		r.count += len(one.Types) + len(one.Profiles)
		d.preferences = append(d.preferences, one)
	case "repository":
		var one repository
		if err := dec.DecodeElement(&one, &start); err != nil {
			return err //nolint:wrapcheck // the caller names the file
		}
		r.count += len(one.Profiles)
		d.repos = append(d.repos, one)
	default:
		return dec.Skip() //nolint:wrapcheck // the caller names the file
	}
	return nil
}

// include takes a file in where it is named. kiwi resolves includes of the main
// file only, and takes "this://" and paths of the host.
func (r *reader) include(from, in string, line int, top bool) error {
	if !top {
		return &Error{File: in, Line: line, Reason: "it includes a file itself, which kiwi does not resolve"}
	}
	name, local := strings.CutPrefix(from, "this://")
	name = path.Clean(strings.TrimLeft(name, "/"))
	if !local || !fs.ValidPath(name) || name == "." {
		return &Error{File: in, Line: line, Reason: fmt.Sprintf("it includes %q, which is no part of the description", from), Remedy: "Include files of the description by this://./NAME."}
	}
	return r.file(name, false)
}
