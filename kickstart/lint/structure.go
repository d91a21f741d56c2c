package lint

import (
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/kickstart"
)

func (l *linter) validates() {
	for _, d := range l.doc.Validate(l.opts.Version) {
		if d.Code == kickstart.CodeDuplicate && l.resolved(d) {
			continue
		}
		l.diagnostic(d)
	}
}

// diagnostic takes a diagnostic over.
func (l *linter) diagnostic(d kickstart.Diagnostic) {
	sev := Warning
	if d.Severity == kickstart.SeverityError {
		sev = Error
	}
	if d.Remedy == "" {
		d.Remedy = remedy(d.Code)
	}
	l.add(sev, d.Pos, d.Message, d.Remedy)
}

// remedy is what to do about a kind of problem, where nothing better is known.
func remedy(code kickstart.Code) string {
	switch code {
	case kickstart.CodeUnknownCommand, kickstart.CodeUnknownOption:
		return "correct its name, or remove it; pykickstart's documentation lists what there is"
	case kickstart.CodeMissingOption:
		return "add what is missing"
	case kickstart.CodeBadValue:
		return "correct the value"
	case kickstart.CodeConflict, kickstart.CodeDuplicate:
		return "keep one of both"
	case kickstart.CodeInclude:
		return "correct the file that is included"
	default:
		return "correct the line"
	}
}

// resolved tells whether something that is defined twice is so on purpose: an
// included file defines it, and Flatten keeps the one that counts.
func (l *linter) resolved(d kickstart.Diagnostic) bool {
	if !l.hasIncludes() {
		return false
	}
	return !slices.ContainsFunc(l.flatProblems, func(f kickstart.Diagnostic) bool { return f.Message == d.Message })
}

func (l *linter) flattens() {
	for inc := range l.doc.Includes() {
		switch {
		case inc.File != "" || l.opts.IgnoreMissing:
		case path.IsAbs(inc.Path) && l.opts.Target == TargetInstall:
			// What a %pre script writes on the machine.
		case inc.Missing || path.IsAbs(inc.Path):
			l.add(Error, inc.Pos(), "the included file "+quote(inc.Path)+" is not there", "put it beside the kickstart, or remove the line")
		default:
			l.add(Warning, inc.Pos(), "the include of "+quote(inc.Path)+" was not followed", "give the files along, or flatten the kickstart")
		}
	}
	var before []string
	for _, d := range l.doc.Validate(l.opts.Version) {
		before = append(before, d.Message)
	}
	for _, d := range l.flatProblems {
		if !slices.Contains(before, d.Message) {
			d.Pos = kickstart.Position{File: l.doc.Name}
			d.Message = "flattened, the kickstart is not valid: " + d.Message
			l.diagnostic(d)
		}
	}
}

// standardBases are the kickstarts that spins build on.
func standardBases() []string {
	return []string{
		"fedora-live-base.ks", "fedora-livecd-desktop.ks", "fedora-livecd-kde.ks", // named by the checklist
		"fedora-live-kde-base.ks", "fedora-live-mini.ks", "fedora-live-workstation.ks", "fedora-workstation-common.ks",
	}
}

// standardBase looks for a standard base among the includes. A kickstart that
// was flattened before is known by what only the base brings.
func (l *linter) standardBase() {
	if l.opts.Target != TargetLive {
		return
	}
	if slices.Contains(standardBases(), base(l.doc.Name)) {
		return
	}
	for inc := range l.doc.Includes() {
		if slices.Contains(standardBases(), base(inc.Path)) {
			return
		}
	}
	p := l.packages.Packages
	if !l.hasIncludes() && slices.Contains(p, "livesys-scripts") && slices.Contains(p, "dracut-live") {
		return
	}
	l.add(Warning, kickstart.Position{}, "the kickstart builds on no standard base", "begin with %include fedora-live-base.ks")
}

func (l *linter) hasIncludes() bool {
	for range l.doc.Includes() {
		return true
	}
	return false
}

func (l *linter) maintainer() {
	if l.opts.Target != TargetLive {
		return
	}
	for n := range l.doc.Walk() {
		if c, ok := n.(*kickstart.Comment); ok && c.Pos().File == l.doc.Name {
			text := strings.ToLower(c.Source())
			if strings.Contains(text, "maintain") || strings.Contains(text, "@") && strings.Contains(text, ".") {
				return
			}
		}
	}
	l.add(Note, kickstart.Position{}, "no comment names the maintainers", "write # Maintained by: name <address>")
}

// livemedia applies livemedia-creator's own checks to the flattened kickstart.
func (l *linter) livemedia() {
	how := kickstart.Livemedia{Virt: l.opts.Virt}
	switch l.opts.Target {
	case TargetLive:
	case TargetDisk:
		how.Make = "disk"
	default:
		return
	}
	for _, d := range l.flat.CheckLivemedia(how) {
		if d.Code != kickstart.CodeOpenInclude { // flattens says it
			l.diagnostic(d)
		}
	}
}
