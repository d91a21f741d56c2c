package kickstart

import (
	"fmt"
	"strings"
)

// Validate lists what is wrong with the kickstart in version v: first what
// belongs first. Errors are what pykickstart refuses; warnings are what only
// its ksvalidator refuses (deprecated commands, things defined twice). The
// rules and the wording follow pykickstart 3.74. The list ends after about a
// thousand problems.
func (d *Document) Validate(v Version) []Diagnostic { return diagnose(d, v) }

// maxDiagnostics ends the search for problems in a file that is no kickstart,
// and maxSuggestions the search for what was probably meant.
const (
	maxDiagnostics = 1000
	maxSuggestions = 50
)

// checker walks a document and collects diagnostics.
type checker struct {
	version Version
	table   *versionTable
	diags   []Diagnostic
	seen    map[string]bool       // classes of the commands so far
	state   map[string]*Arguments // what commands that may stand once have gathered
	known   map[string]bool       // keys of what was defined, to see duplicates
	pkgs    packageSet
}

// newChecker begins a check. The table is nil when the version is empty or has
// none.
func newChecker(v Version) *checker {
	c := &checker{version: v, seen: map[string]bool{}, state: map[string]*Arguments{}, known: map[string]bool{}}
	c.table, _ = v.table()
	return c
}

// diagnose lists the problems of the structure and, with a version, those of
// the commands.
func diagnose(doc *Document, v Version) []Diagnostic {
	c := newChecker(v)
	if v != "" && c.table == nil {
		return []Diagnostic{{
			SeverityError,
			Position{File: doc.Name},
			CodeVersion, "no option tables for version " + repr(string(v)),
			"use one of " + joinVersions(),
		}}
	}
	for n := range doc.Walk() {
		if len(c.diags) >= maxDiagnostics {
			break
		}
		switch n := n.(type) {
		case *Include:
			if n.problem != nil {
				c.diags = append(c.diags, *n.problem)
			}
		case *Command:
			if n.problem != nil {
				c.diags = append(c.diags, *n.problem)
			} else if c.table != nil {
				c.command(n)
			}
		case *Section:
			c.section(n)
		}
	}
	return c.diags
}

func joinVersions() string {
	var names []string
	for _, v := range Versions() {
		names = append(names, string(v))
	}
	return strings.Join(names, ", ")
}

func (c *checker) add(sev Severity, pos Position, code Code, msg, remedy string) {
	c.diags = append(c.diags, Diagnostic{sev, pos, code, msg, remedy})
}

func (c *checker) fail(pos Position, code Code, format string, args ...any) {
	c.add(SeverityError, pos, code, fmt.Sprintf(format, args...), "")
}

// command checks one command line.
func (c *checker) command(n *Command) {
	spec, ok := c.active(n)
	if !ok || c.freeForm(n, spec.class) {
		return
	}
	errors := len(c.diags)
	a, ok := c.parse(n, spec)
	if !ok {
		return
	}
	if c.semantics(n, spec, a); len(c.diags) == errors || c.diags[len(c.diags)-1].Severity == SeverityWarning {
		c.duplicates(n, spec.class, a)
	}
}

// active finds the table of a command that does something in this version and
// may stand where it stands.
func (c *checker) active(n *Command) (*commandSpec, bool) {
	spec, ok := c.table.lookup(n.Name)
	if !ok {
		c.add(SeverityError, n.pos, CodeUnknownCommand, "Unknown command: "+n.Name, c.suggestCommand(n.Name))
		return nil, false
	}
	c.seen[spec.class] = true
	for _, other := range c.conflicts(n.Name) {
		if s, ok := c.table.lookup(other); ok && c.seen[s.class] {
			c.fail(n.pos, CodeConflict, "The %s and %s commands can't be used at the same time.", n.Name, other)
			return nil, false
		}
	}
	switch spec.state {
	case stateRemoved:
		c.add(SeverityError, n.pos, CodeRemovedCommand, n.Name+" has been removed.", removedRemedy(n.Name))
	case stateDeprecated:
		c.add(SeverityWarning, n.pos, CodeDeprecatedCommand, "The "+n.Name+" command has been deprecated and no longer has any effect.", "remove it")
	case stateActive:
		return spec, true
	}
	return nil, false
}

// parse reads the arguments by the table; words without a place are errors
// except for the commands that look at them themselves.
func (c *checker) parse(n *Command, spec *commandSpec) (*Arguments, bool) {
	specs := spec.specs()
	a, err := parseArgs(specs, n.texts(), func(o *optionSpec, word int) {
		c.add(SeverityWarning, n.argPos(word), CodeDeprecatedOption,
			"The "+strings.Fields(o.names)[0]+" option has been deprecated and no longer has any effect.", "remove it")
	})
	if err != nil {
		c.add(SeverityError, n.argPos(err.arg), err.code, err.msg, err.remedy)
		return nil, false
	}
	if len(a.extra) == 0 || takesExtra(spec.class) {
		return a, true
	}
	pos := n.pos
	for i, w := range n.Args {
		if w.Text == a.extra[0] {
			pos = n.argPos(i)
			break
		}
	}
	remedy := suggestOption(a.extra[0], specs)
	if ownExtraMessage(spec.class) {
		c.add(SeverityError, pos, CodeUnknownOption, fmt.Sprintf("Unexpected arguments to %s command: %s", strings.ToLower(spec.class), reprList(a.extra)), remedy)
	} else {
		c.add(SeverityError, pos, CodeUnknownOption, "unrecognized arguments: "+strings.Join(a.extra, " "), remedy)
	}
	return nil, false
}

// suggestCommand finds the command that was probably meant.
func (c *checker) suggestCommand(name string) string {
	switch {
	case len(c.diags) >= maxSuggestions:
		return ""
	case strings.HasPrefix(name, "\ufeff"):
		return "save the file without a byte order mark"
	}
	return didYouMean(name, c.table.names())
}

// suggestOption finds the option that was probably meant.
func suggestOption(word string, specs []*optionSpec) string {
	word, _, _ = strings.Cut(word, "=")
	if !strings.HasPrefix(word, "-") {
		return ""
	}
	var names []string
	for _, s := range specs {
		if !s.positional() {
			names = append(names, strings.Fields(s.names)...)
		}
	}
	return didYouMean(word, names)
}

// gather merges what a line says into what earlier lines of the same command
// said.
func (c *checker) gather(spec *commandSpec, a *Arguments) *Arguments {
	all := c.state[spec.class]
	if all == nil {
		all = &Arguments{values: map[string]value{}}
		c.state[spec.class] = all
	}
	all.merge(a)
	return all
}

// takesExtra names the classes that have a use for words outside the table.
func takesExtra(class string) bool {
	switch class {
	case "BTRFS", "Raid", "VolGroup", "StratisPool", "DriverDisk", "Keyboard", "RootPw", "SshPw", "Module", "Eula", "Syspurpose":
		return true
	}
	return false
}

// ownExtraMessage names the classes with a wording of their own for such words.
func ownExtraMessage(class string) bool {
	switch class {
	case "IscsiName", "Lang", "LogVol", "Mount", "Partition", "SshKey", "StratisFs":
		return true
	}
	return false
}

// removedRemedy says what replaced a removed command.
func removedRemedy(name string) string {
	switch name {
	case "auth", "authconfig":
		return "use authselect"
	case "install":
		return "remove it: installing is what a kickstart does"
	}
	return "remove it"
}

// conflicts names the commands that must not stand before name.
func (c *checker) conflicts(name string) []string {
	switch name {
	case "autopart":
		return []string{"partition", "raid", "volgroup", "logvol", "reqpart", "stratispool", "stratisfs"}
	case "part", "partition", "raid", "volgroup", "logvol", "reqpart", "stratispool", "stratisfs":
		return []string{"autopart", "mount"}
	case "mount":
		return []string{"autopart", "partition", "raid", "volgroup", "logvol", "reqpart", "stratispool", "stratisfs"}
	case "ostreecontainer":
		return []string{"ostreesetup", "bootc"}
	case "ostreesetup":
		if c.version != RHEL9 {
			return []string{"ostreecontainer", "bootc"}
		}
	case "bootc":
		return []string{"ostreesetup", "ostreecontainer"}
	}
	return nil
}
