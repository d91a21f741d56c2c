package kickstart

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// AddScript adds a script section at the end of the file. A line of its body
// that the installer would take for %end, %include or another section gives a
// *ValueError: nothing can quote it. NoChroot is only for %post.
func (d *Document) AddScript(s Script) error {
	switch {
	case !scriptSection(s.Section):
		return &ValueError{"Section", "is no script section: " + repr(s.Section)}
	case s.NoChroot && s.Section != "%post":
		return &ValueError{"NoChroot", "is only for %post"}
	}
	if err := checkPaths([]field{{"Interpreter", s.Interpreter}, {"Log", s.Log}}); err != nil {
		return err
	}
	if s.Interpreter == "/bin/sh" {
		s.Interpreter = ""
	}
	args := options("--interpreter", s.Interpreter, "--log", s.Log)
	args = flag(flag(args, "--erroronfail", s.ErrorOnFail), "--nochroot", s.NoChroot)
	return d.AddSection(s.Section, args, s.Body)
}

// AddSection adds a section at the end of the file, for example an %addon.
// The body gets a line end where it has none. A *ValueError names what a
// kickstart cannot carry; %packages is for AddPackages.
func (d *Document) AddSection(name string, args []string, body string) error {
	if !knownSection(name) || name == "%packages" {
		return &ValueError{"name", "is no section that can be added: " + repr(name)}
	}
	header, err := sectionHeader(name, args)
	if err != nil {
		return err
	}
	sec := &Section{Name: name, header: header + d.eol, end: "%end" + d.eol, pos: Position{File: d.Name}}
	words, err := split(header, true)
	if err != nil {
		return fmt.Errorf("write section %s: %w", name, err)
	}
	sec.Args = words[1:]
	if sec.Lines, err = d.bodyLines(sec, body); err != nil {
		return err
	}
	d.appendSection(sec)
	return nil
}

// sectionHeader writes the line that opens a section.
func sectionHeader(name string, args []string) (string, error) {
	line, err := commandLine("x", args)
	if err != nil {
		return "", err
	}
	return name + strings.TrimPrefix(line, "x"), nil
}

// bodyLines cuts a body into lines and refuses those that are not text.
func (d *Document) bodyLines(sec *Section, body string) ([]Line, error) {
	if !utf8.ValidString(body) || strings.Contains(body, "\x00") {
		return nil, &ValueError{"body", "is not UTF-8, or holds a NUL"}
	}
	var lines []Line
	var p parser
	for text := body; text != ""; {
		var line string
		line, text = nextLine(text)
		l := Line{Text: d.terminated(line), pos: sec.pos}
		words := p.tag(sec, &l)
		if len(words) > 0 || l.problem != nil || l.skipped || strings.HasPrefix(trim(line), "%ksappend") {
			return nil, &ValueError{"body", fmt.Sprintf("holds the line %s, which is not text in a section %s", repr(trim(line)), sec.Name)}
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// appendSection puts a section at the end, behind a blank line.
func (d *Document) appendSection(sec *Section) {
	d.endLine(len(d.nodes))
	if len(d.nodes) > 0 {
		d.nodes = append(d.nodes, &Blank{Position{File: d.Name}, d.eol})
	}
	d.nodes = append(d.nodes, sec)
}
