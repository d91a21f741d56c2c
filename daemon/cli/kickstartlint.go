package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/content"
	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/kickstart/lint"
	"github.com/fedora-respin/respin/repo/check"
	"github.com/fedora-respin/respin/repo/comps"
)

type kickstartLintCmd struct {
	kickstartFlags
	Target  string   `enum:",live,disk,install" default:"" placeholder:"KIND" help:"What it is made for: live, disk or install. Default: guessed from the kickstart."`
	Virt    bool     `help:"livemedia-creator will install in a virtual machine, without --no-virt."`
	Repo    []string `sep:"none" placeholder:"REPO" help:"Repository that packages, groups and services must be in; may be given several times."`
	Comps   []string `sep:"none" placeholder:"FILE" help:"Groups for repositories that have none; may be given several times."`
	Arch    string   `placeholder:"ARCH" help:"Architecture of the image. Default: that of this host."`
	MaxSize string   `placeholder:"SIZE" help:"Limit of the image, as 2G or 700M (default: a DVD)."`
	Own     []string `sep:"," placeholder:"NAME,..." help:"Names of repos that belong to the release. Default: fedora, updates, rawhide and their like."`
	Disable []string `sep:"," placeholder:"RULE,..." help:"Rules that are left out."`
	Strict  bool     `help:"Warnings make it fail too."`
	SARIF   bool     `name:"sarif" help:"Print the findings as SARIF 2.1.0, for code hosts and editors."`
	Rules   bool     `help:"List the rules instead."`
	Files   []string `arg:"" optional:"" name:"file" help:"Kickstarts: files, URLs, or - for standard input."`
}

func (*kickstartLintCmd) about() string {
	return `Applies the review rules of Fedora's Spins SIG, and looks for what breaks composes in practice though the kickstart is valid. Each finding has a rule, a severity, a line and a remedy; errors give exit code 3. --rules lists the rules with their reasons.

With --repo, packages, groups and services are looked up, requirements are followed, and the size of the image is forecast. ` + reposHelp + `

` + includesHelp
}

func (*kickstartLintCmd) examples() []example {
	return []example{
		{"respin kickstart lint fedora-live-kde.ks", "Without repositories: what the text alone tells."},
		{"respin kickstart lint my.ks --repo https://example.org/fedora/44/Everything/x86_64/os/ --repo https://example.org/updates/44/Everything/x86_64/ --max-size 3G", "Do all packages exist, and will the image fit?"},
		{"respin kickstart lint *.ks --sarif > lint.sarif", "For a code host that shows findings at their lines."},
	}
}

// kickstartFinding is one finding of kickstart lint.
type kickstartFinding struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Severity string `json:"severity"` // error, warning or note
	Rule     string `json:"rule"`
	Message  string `json:"message"`
	Remedy   string `json:"remedy,omitempty"`
}

// kickstartLinted is what kickstart lint prints with --json.
type kickstartLinted struct {
	Findings []kickstartFinding  `json:"findings"`
	Files    []kickstartForecast `json:"files"`
	Skipped  []string            `json:"skipped"`          // rules that would need --repo
	Unread   []string            `json:"unread,omitempty"` // why file lists could not be looked into
	Errors   int                 `json:"errors"`
	Warnings int                 `json:"warnings"`
	Notes    int                 `json:"notes"`
}

// kickstartForecast is what was found out about one kickstart.
type kickstartForecast struct {
	File      string      `json:"file"`
	Target    lint.Target `json:"target"`
	Packages  int         `json:"packages,omitempty"` // that would be installed
	Download  int64       `json:"download_bytes,omitempty"`
	Installed int64       `json:"installed_bytes,omitempty"`
	Image     int64       `json:"image_bytes,omitempty"`
}

// Run is the verb.
func (k *kickstartLintCmd) Run(ctx context.Context, a *app) error {
	if k.Rules {
		k.printRules(a)
		return nil
	}
	reader := a.repoReader()
	defer reader.close() // file lists are read when a rule asks for them
	opts, err := k.options(ctx, a, reader)
	if err != nil {
		return err
	}
	out := kickstartLinted{Findings: []kickstartFinding{}, Files: []kickstartForecast{}, Skipped: []string{}}
	var found []lint.Finding
	failed := k.each(ctx, a, k.Files, func(o *opened) error {
		list, about, err := k.lint(ctx, o, opts)
		found = append(found, list...)
		out.Skipped = about.skipped
		out.Files = append(out.Files, about.kickstartForecast)
		return err
	})
	if len(out.Files) == 0 && failed != nil {
		return failed
	}
	for _, f := range found {
		out.add(f)
	}
	if c, ok := opts.Universe.(*content.Content); ok {
		for _, err := range c.Unread() {
			out.Unread = append(out.Unread, err.Error())
			a.remark("warning: %s; paths and services were not looked up there\n", clean(err.Error()))
		}
	}
	switch {
	case k.SARIF:
		err = lint.WriteSARIF(a.out, found, lint.SARIFOptions{Version: a.version().Version})
	case a.global.JSON:
		a.printJSON(out)
	default:
		for _, f := range found {
			a.printf("%s\n", clean(f.String()))
		}
		k.remarks(a, &out)
	}
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case out.Errors > 0 || k.Strict && out.Warnings > 0:
		return &saidError{ExitRefused}
	}
	return nil
}

func (out *kickstartLinted) add(f lint.Finding) {
	out.Findings = append(out.Findings, kickstartFinding{f.Pos.File, f.Pos.Line, f.Pos.Col, f.Severity.String(), f.Rule, f.Message, f.Remedy})
	switch f.Severity {
	case lint.Error:
		out.Errors++
	case lint.Warning:
		out.Warnings++
	case lint.Note:
		out.Notes++
	}
}

// remarks tells on stderr what the findings come to and what was not looked at.
func (k *kickstartLintCmd) remarks(a *app, out *kickstartLinted) {
	for _, f := range out.Files {
		if f.Packages == 0 {
			continue
		}
		image := ""
		if f.Image > 0 {
			image = ", an image of about " + bytesText(f.Image)
		}
		a.remark("%s: about %d packages, %s installed%s\n", clean(f.File), f.Packages, bytesText(f.Installed), image)
	}
	if len(out.Skipped) > 0 {
		a.remark("not looked at without --repo: %s\n", strings.Join(out.Skipped, ", "))
	}
	a.remark("%d errors, %d warnings, %d notes\n", out.Errors, out.Warnings, out.Notes)
}

// lintedFile is what lint has found out about one kickstart.
type lintedFile struct {
	kickstartForecast
	skipped []string
}

// lint reviews one kickstart. What cannot be read at all is a finding too.
func (k *kickstartLintCmd) lint(ctx context.Context, o *opened, opts lint.Options) ([]lint.Finding, lintedFile, error) {
	about := lintedFile{kickstartForecast: kickstartForecast{File: o.at("")}, skipped: []string{}}
	doc, _, err := kickstart.Check(o.name, o.src, o.opts)
	if e, ok := errors.AsType[*kickstart.ParseError](err); ok {
		return []lint.Finding{{
			Rule: "validates", Severity: lint.Error, Message: e.Msg, Remedy: e.Remedy,
			Pos: kickstart.Position{File: o.at(e.File), Line: e.Line, Col: e.Col},
		}}, about, nil
	}
	if err != nil {
		return nil, about, err
	}
	opts.Version = o.version
	report, err := lint.Run(ctx, doc, opts)
	if err != nil {
		return nil, about, err
	}
	for i := range report.Findings {
		report.Findings[i].Pos.File = o.at(report.Findings[i].Pos.File)
	}
	about.Target, about.Image = report.Target, report.ImageBytes
	about.skipped = append(about.skipped, report.Skipped...)
	if f := report.Forecast; f != nil {
		about.Packages, about.Download, about.Installed = len(f.Packages), f.Download, f.Installed
	}
	return report.Findings, about, nil
}

// options turns the flags into those of the library.
func (k *kickstartLintCmd) options(ctx context.Context, a *app, reader *repoReader) (lint.Options, error) {
	if len(k.Files) == 0 {
		return lint.Options{}, usagef("missing argument \"<file>\"")
	}
	opts := lint.Options{Target: lint.Target(k.Target), Virt: k.Virt, Disable: k.Disable, IgnoreMissing: k.IgnoreMissing}
	if len(k.Own) > 0 {
		opts.Repos = k.Own
	}
	for _, name := range k.Disable {
		if !slices.ContainsFunc(lint.Rules(), func(r lint.Rule) bool { return r.ID == name }) {
			return opts, usagef("--disable: there is no rule %q; respin kickstart lint --rules lists them", name)
		}
	}
	var err error
	if opts.MaxImage, err = parseSize(k.MaxSize); err != nil {
		return opts, usagef("--max-size: %v", err)
	}
	if len(k.Repo) == 0 {
		if len(k.Comps) > 0 {
			return opts, usagef("--comps is for --repo")
		}
		return opts, nil
	}
	opts.Universe, err = k.universe(ctx, a, reader)
	return opts, err
}

// universe opens the repositories.
func (k *kickstartLintCmd) universe(ctx context.Context, a *app, reader *repoReader) (lint.Universe, error) {
	var sources []check.Source
	for _, arg := range k.Repo {
		s, err := reader.source(ctx, arg)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	arch := k.Arch
	if arch == "" {
		arch = compose.HostArch()
	}
	c, err := content.Load(ctx, reader.indexes(), arch, sources...)
	if err != nil {
		return nil, err
	}
	for _, file := range k.Comps {
		groups, err := readComps(file)
		if err != nil {
			return nil, err
		}
		c.AddGroups(groups)
	}
	if !c.HasGroups() {
		a.remark("the repositories have no groups; --comps names a file with them\n")
	}
	return c, nil
}

func readComps(file string) (*comps.Comps, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, usagef("--comps: %s", reason(err))
	}
	defer func() { _ = in.Close() }()
	groups, err := comps.Read(in)
	if err != nil {
		return nil, fmt.Errorf("--comps %s: %w", file, err)
	}
	return groups, nil
}

func (k *kickstartLintCmd) printRules(a *app) {
	type rule struct {
		ID            string `json:"id"`
		Severity      string `json:"severity"`
		Summary       string `json:"summary"`
		Reason        string `json:"reason"`
		NeedsUniverse bool   `json:"needs_repo"`
	}
	var list []rule
	for _, r := range lint.Rules() {
		list = append(list, rule{r.ID, r.Severity.String(), r.Summary, r.Reason, r.NeedsUniverse})
	}
	if a.global.JSON {
		a.printJSON(list)
		return
	}
	t := &table{head: []string{"RULE", "AT MOST", "NEEDS", "WANTS"}}
	for _, r := range list {
		needs := ""
		if r.NeedsUniverse {
			needs = "--repo"
		}
		t.add(r.ID, r.Severity, needs, r.Summary)
	}
	a.printTable(t)
	a.printf("\n")
	for _, r := range list {
		a.printf("%s: %s\n", r.ID, r.Reason)
	}
}

// parseSize reads "700M", "2G", "1.5GiB" or plain bytes; units are powers of
// 1024. Nothing is 0.
func parseSize(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	number := strings.TrimRight(strings.ToUpper(s), "IB")
	factor := float64(1)
	for i, unit := range []string{"K", "M", "G", "T"} {
		if cut, ok := strings.CutSuffix(number, unit); ok {
			number, factor = cut, float64(int64(1)<<(10*(i+1)))
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || n <= 0 || n*factor > 1<<50 {
		return 0, fmt.Errorf("%q is no size such as 700M or 4G", s)
	}
	return int64(n * factor), nil
}
