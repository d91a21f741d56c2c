package kickstart

import (
	"slices"
	"strings"
)

// AddPackages asks for more packages: names and globs ("vim-*"), groups
// ("@core"), an environment ("@^workstation-product-environment"). They go to
// the end of the last %packages section of the file, or into a new one, so that
// they win over earlier exclusions. A name that %packages cannot carry gives a
// *ValueError, and then nothing changes.
func (d *Document) AddPackages(names ...string) error { return d.packageLines("", names) }

// ExcludePackages keeps packages ("name", "glob*") or groups ("@name") out.
func (d *Document) ExcludePackages(names ...string) error { return d.packageLines("-", names) }

func (d *Document) packageLines(prefix string, names []string) error {
	var lines []string
	for _, name := range names {
		if err := checkPackage(name); err != nil {
			return err
		}
		lines = append(lines, prefix+name)
	}
	d.addPackageLines(lines)
	return nil
}

// AddGroups asks for package groups with their levels. A group's name, in
// place of its id, may hold blanks. A name that %packages cannot carry gives a
// *ValueError, and then nothing changes.
func (d *Document) AddGroups(groups ...Group) error {
	var lines []string
	for _, g := range groups {
		if strings.HasPrefix(g.Name, "^") {
			return &ValueError{"group", "is an environment: " + repr(g.Name)}
		}
		for word := range strings.SplitSeq(g.Name, " ") {
			if err := checkPackage("@" + word); err != nil {
				return err
			}
		}
		line := "@" + g.Name
		switch g.Level {
		case GroupMandatory:
			line += " --nodefaults"
		case GroupOptional:
			line += " --optional"
		case GroupDefault:
		}
		lines = append(lines, line)
	}
	d.addPackageLines(lines)
	return nil
}

// addPackageLines puts lines at the end of the last %packages section.
func (d *Document) addPackageLines(texts []string) {
	if len(texts) == 0 {
		return
	}
	lines := make([]Line, len(texts))
	for i, text := range texts {
		lines[i] = Line{Text: text + d.eol, pos: Position{File: d.Name}}
	}
	sec := d.lastPackages()
	if sec == nil {
		sec = &Section{Name: "%packages", header: "%packages" + d.eol, end: "%end" + d.eol, pos: Position{File: d.Name}}
		d.appendSection(sec)
	}
	sec.Lines = append(slices.Clip(sec.Lines), lines...)
}

// lastPackages is the %packages section whose lines win, if it stands in the
// file itself and not in an included one.
func (d *Document) lastPackages() *Section {
	var last *Section
	for s := range d.Sections("%packages") {
		last = s
	}
	if last == nil || !slices.Contains(d.nodes, Node(last)) {
		return nil
	}
	return last
}

// checkPackage takes the characters of RPM names, globs, versions and comps
// ids; everything that %packages reads in another way is refused.
func checkPackage(name string) error {
	bare := name
	if strings.HasPrefix(bare, "@") {
		bare = strings.TrimPrefix(bare[1:], "^")
	}
	if err := checkWord("package", bare); err != nil {
		return err
	}
	for i, r := range bare {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if letter || strings.ContainsRune("_*?[/", r) || i > 0 && strings.ContainsRune("-.+:~^!]=<>(){}", r) {
			continue
		}
		return &ValueError{"package", "holds " + repr(string(r)) + " where no package, glob or group name has it: " + repr(name)}
	}
	return nil
}
