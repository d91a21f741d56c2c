package lint

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/kickstart"
)

// Severity ranks a Finding.
type Severity int

// Notes tell what reviewers ask about, warnings what will probably be regretted,
// errors what cannot be built or must not be published.
const (
	Note Severity = iota + 1
	Warning
	Error
)

// String gives "note", "warning" or "error", as SARIF calls them.
func (s Severity) String() string {
	switch s {
	case Note:
		return "note"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return "none"
}

// Target is what a kickstart is made for.
type Target string

// The targets. Which rules hold depends on it.
const (
	TargetAuto    Target = ""        // Detect decides
	TargetLive    Target = "live"    // a live image
	TargetDisk    Target = "disk"    // a disk image that livemedia-creator makes
	TargetInstall Target = "install" // an installation by anaconda
)

// Options say how to look. The zero value works.
type Options struct {
	Version kickstart.Version // default: the document's own
	Target  Target            // default: Detect
	// Virt: livemedia-creator will install in a virtual machine.
	Virt bool
	// Universe is what the repositories hold; nil: rules that need it are
	// skipped.
	Universe Universe
	// MaxImage is the own limit of the image in bytes; 0: only the sizes of a CD
	// (700 MiB) and a DVD (4.3 GiB) count.
	MaxImage int64
	// ImageRatio is the size of the image divided by that of the installed
	// files; 0 means 0.4, which is what squashfs and erofs reach on Fedora's
	// live images.
	ImageRatio float64
	// Repos are names of repositories that belong to the release; nil means
	// fedora, updates, rawhide and their like.
	Repos []string
	// IgnoreMissing: includes that are not there are no finding.
	IgnoreMissing bool
	// Disable names rules that are left out.
	Disable []string
}

// Finding is what a rule has found.
type Finding struct {
	Rule     string // the ID of the rule
	Severity Severity
	Pos      kickstart.Position // Line 0 stands for the whole file
	Message  string             // one sentence, without a full stop
	Remedy   string             // what to do about it
}

// String gives "file:line: severity: message; remedy [rule]".
func (f Finding) String() string {
	where := f.Pos.File
	if f.Pos.Line > 0 {
		where = fmt.Sprintf("%s:%d", f.Pos.File, f.Pos.Line)
	}
	text := fmt.Sprintf("%s: %s: %s", where, f.Severity, f.Message)
	if f.Remedy != "" {
		text += "; " + f.Remedy
	}
	return text + " [" + f.Rule + "]"
}

// Report is the result of Run.
type Report struct {
	Target   Target // the given or the detected one
	Findings []Finding
	// Skipped are the rules that would need a Universe.
	Skipped []string
	// Forecast is what the Universe computed; nil without one.
	Forecast *Forecast
	// ImageBytes is the forecast size of the image, 0 when there is none.
	ImageBytes int64
}

// Worst is the highest severity of the findings, 0 when there are none.
func (r Report) Worst() Severity {
	worst := Severity(0)
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

// Run applies the rules to a kickstart, best one that was read by
// kickstart.Check with its includes. Findings come in the order of the files
// and lines, those about the whole kickstart first. The error is that of ctx or
// of the Universe; what is wrong with the kickstart is never one.
func Run(ctx context.Context, doc *kickstart.Document, opts Options) (Report, error) {
	l := &linter{doc: doc, opts: opts}
	if l.opts.Version == "" {
		l.opts.Version = doc.Version()
	}
	if l.opts.Target == TargetAuto {
		l.opts.Target = Detect(doc)
	}
	if l.opts.ImageRatio <= 0 {
		l.opts.ImageRatio = defaultRatio
	}
	l.flat = doc.Flatten()
	l.packages = doc.Packages()
	l.report.Target = l.opts.Target
	if _, problems, err := kickstart.Check(doc.Name, l.flat.Bytes(), kickstart.Options{Version: l.opts.Version}); err == nil {
		l.flatProblems = problems // over a limit, the files themselves would be too
	}
	if err := l.forecast(ctx); err != nil {
		return Report{}, fmt.Errorf("lint %s: %w", doc.Name, err)
	}
	for _, r := range rules() {
		if slices.Contains(opts.Disable, r.ID) {
			continue
		}
		if r.NeedsUniverse && opts.Universe == nil {
			l.report.Skipped = append(l.report.Skipped, r.ID)
			continue
		}
		if err := ctx.Err(); err != nil {
			return Report{}, fmt.Errorf("lint %s: %w", doc.Name, err)
		}
		l.rule = r.ID
		if err := r.check(ctx, l); err != nil {
			return Report{}, fmt.Errorf("lint %s: %w", doc.Name, err)
		}
	}
	l.sort()
	return l.report, nil
}

// Detect guesses what a kickstart is made for.
func Detect(doc *kickstart.Document) Target {
	names := doc.Packages().Packages
	for _, live := range []string{"dracut-live", "livesys-scripts", "anaconda-live"} {
		if slices.Contains(names, live) {
			return TargetLive
		}
	}
	for i := range doc.Includes() {
		if strings.Contains(base(i.Path), "-live-") {
			return TargetLive
		}
	}
	b, _ := doc.Bootloader()
	switch {
	case b.Location == "none" && doc.HasCommand("part", "partition"):
		return TargetLive
	case doc.HasCommand("shutdown") && doc.HasCommand("url") && doc.HasCommand("part", "partition") && !doc.HasCommand("autopart"):
		return TargetDisk
	}
	return TargetInstall
}

// linter is the state of one Run.
type linter struct {
	doc  *kickstart.Document
	flat *kickstart.Document
	// flatProblems is what Validate says of what Flatten prints.
	flatProblems []kickstart.Diagnostic
	packages     kickstart.Packages
	opts         Options
	rule         string
	report       Report
}

// add records a finding of the rule that runs.
func (l *linter) add(sev Severity, pos kickstart.Position, message, remedy string) {
	if pos == (kickstart.Position{}) {
		pos = kickstart.Position{File: l.doc.Name}
	}
	l.report.Findings = append(l.report.Findings, Finding{l.rule, sev, pos, strings.TrimSuffix(message, "."), remedy})
}

// sort brings the findings into the order of the files: the kickstart itself,
// then what it includes, as it is met.
func (l *linter) sort() {
	order := map[string]int{l.doc.Name: 0}
	for i := range l.doc.Includes() {
		if _, ok := order[i.File]; !ok {
			order[i.File] = len(order)
		}
	}
	slices.SortStableFunc(l.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(order[a.Pos.File], order[b.Pos.File]), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(b.Severity, a.Severity))
	})
}

// base is the last part of a path or URL.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
