package kickstart

import (
	"slices"
	"strings"
)

// section checks a section: its name, header and body.
func (c *checker) section(n *Section) {
	if n.unknown != nil {
		c.diags = append(c.diags, *n.unknown)
	}
	if c.table != nil {
		c.header(n)
	}
	c.lines(n.Lines, c.table != nil && n.Name == "%packages")
	if n.unended != nil {
		c.diags = append(c.diags, *n.unended)
	}
	if c.table != nil && n.Name == "%certificate" && n.end != "" && trim(n.Body()) == "" {
		c.fail(n.pos, CodeBadValue, "The %%certificate section is empty")
	}
}

// lines checks the body of a section, in the order of the files.
func (c *checker) lines(lines []Line, packages bool) {
	for _, l := range lines {
		switch {
		case l.problem != nil:
			c.diags = append(c.diags, *l.problem)
		case l.Include != nil:
			if l.Include.problem != nil {
				c.diags = append(c.diags, *l.Include.problem)
			}
			c.lines(l.Include.lines, packages)
		case packages && !l.skipped:
			if err := c.pkgs.add(l.Text); err != nil {
				pos := l.pos
				pos.Col = max(1, len(l.Text)-len(strings.TrimLeftFunc(l.Text, isSpace))+1)
				c.add(SeverityError, pos, err.code, err.msg, err.remedy)
			}
		}
	}
}

// header checks the options behind a section's name.
func (c *checker) header(n *Section) {
	specs := sectionOptions(n.Name, c.version)
	if specs == nil {
		return // %addon, %anaconda and unknown sections check their own
	}
	pos := func(i int) Position {
		p := n.pos
		if i >= 0 && i < len(n.Args) {
			p.Col = n.Args[i].Col
		}
		return p
	}
	a, err := parseArgs(specs, wordTexts(n.Args), func(o *optionSpec, word int) {
		c.deprecated(pos(word), o.names)
	})
	if err != nil {
		c.add(SeverityError, pos(err.arg), err.code, err.msg, err.remedy)
		return
	}
	if len(a.extra) > 0 {
		c.add(SeverityError, n.pos, CodeUnknownOption, "unrecognized arguments: "+strings.Join(a.extra, " "), suggestOption(a.extra[0], specs))
		return
	}
	switch {
	case n.Name == "%packages" && a.has("default") && a.has("nocore"):
		c.fail(n.pos, CodeConflict, "--default and --nocore cannot be used together")
	case n.Name == "%packages" && c.version.level() < F40.level():
		c.oldNames(n, pos)
	case n.Name == "%certificate" && !a.has("dir") && !a.has("type"):
		c.fail(n.pos, CodeMissingOption, "One of --dir or --type must be specified for %%certificate")
	case n.Name == "%traceback":
		c.add(SeverityWarning, n.pos, CodeDeprecatedSection, "The %traceback section has been deprecated.", "use %onerror")
	}
}

// deprecated warns of a header option that goes away.
func (c *checker) deprecated(pos Position, name string) {
	c.add(SeverityWarning, pos, CodeDeprecatedOption, "The "+name+" option has been deprecated.", renamedOption(name))
}

// oldNames warns of options that the tables of Fedora 40 mark as deprecated
// and that older versions only announce, when they are written out.
func (c *checker) oldNames(n *Section, pos func(int) Position) {
	for _, name := range []string{"--instLangs", "--excludeWeakdeps"} {
		if i := slices.IndexFunc(n.Args, func(w Word) bool { return w.Text == name || strings.HasPrefix(w.Text, name+"=") }); i >= 0 {
			c.deprecated(pos(i), name)
		}
	}
}

// renamedOption says what a deprecated header option is called now.
func renamedOption(name string) string {
	switch name {
	case "--instLangs":
		return "use --inst-langs"
	case "--excludeWeakdeps":
		return "use --exclude-weakdeps"
	}
	return "remove it"
}

// flagOption is a header option without a value.
func flagOption(name, dest string) *optionSpec {
	return &optionSpec{names: name, dest: dest, arity: arityFlag, kind: kindTrue}
}

// sectionOptions lists the header options of a section (pykickstart
// sections.py); nil for sections whose header is free.
func sectionOptions(name string, v Version) []*optionSpec {
	switch {
	case scriptSection(name):
		specs := []*optionSpec{
			flagOption("--erroronfail", "erroronfail"),
			{names: "--interpreter", dest: "interpreter"},
			{names: "--log --logfile", dest: "log"},
		}
		if name == "%post" {
			specs = append(specs, flagOption("--nochroot", "nochroot"))
		}
		return specs
	case name == "%certificate":
		return []*optionSpec{{names: "--filename", dest: "filename", required: true}, {names: "--dir", dest: "dir"}, {names: "--type", dest: "type"}}
	case name == "%packages":
		return packagesOptions(v)
	}
	return nil
}

// packagesOptions lists the options of %packages.
func packagesOptions(v Version) []*optionSpec {
	specs := []*optionSpec{
		flagOption("--excludedocs", "excludedocs"),
		flagOption("--ignoremissing", "ignoremissing"),
		flagOption("--default", "default"),
		{names: "--inst-langs", dest: "instlangs"},
		flagOption("--multilib", "multilib"),
		flagOption("--nocore", "nocore"),
		{names: "--timeout", dest: "timeout", typ: typeInt},
		{names: "--retries", dest: "retries", typ: typeInt},
		flagOption("--exclude-weakdeps", "excludeweakdeps"),
	}
	if !v.isRHEL() {
		specs = append(specs, flagOption("--ignorebroken", "ignorebroken"))
	}
	if v != RHEL10 {
		weak := flagOption("--excludeWeakdeps", "excludeweakdeps")
		weak.deprecated = v.level() >= F40.level()
		specs = append(specs, &optionSpec{names: "--instLangs", dest: "instlangs", deprecated: weak.deprecated}, weak)
	}
	return specs
}
