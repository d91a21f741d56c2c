package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// composeArg is the argument of the verbs that are about one compose.
type composeArg struct {
	ID string `arg:"" help:"Id of the compose; respin list shows them."`
}

type showCmd struct {
	composeArg
	Plan    bool `xor:"part" help:"Show its Plan instead."`
	Request bool `xor:"part" help:"Show the request that made it instead, as JSON to edit and give to respin build -f."`
}

func (*showCmd) about() string { return "" }

func (*showCmd) examples() []example {
	return []example{
		{"respin show 20261123-k3f9qz7m", "Its state, its files and, if it failed, why."},
		{"respin show 20261123-k3f9qz7m --request > request.yaml", "The request, to change and build again."},
	}
}

// Run is the verb.
func (s *showCmd) Run(ctx context.Context, a *app) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	switch {
	case s.Plan:
		plan, err := c.Plan(ctx, s.ID)
		if err != nil {
			return err
		}
		a.printPlan(plan)
		return nil
	case s.Request:
		req, err := c.Clone(ctx, s.ID)
		if err != nil {
			return err
		}
		a.printJSON(req)
		return nil
	}
	one, err := c.Get(ctx, s.ID)
	if err != nil {
		return err
	}
	if a.global.JSON {
		a.printJSON(one)
		return nil
	}
	a.printCompose(&one)
	return nil
}

func (a *app) printCompose(c *api.Compose) {
	progress := ""
	if c.State == compose.StateBuilding || c.State == compose.StatePublishing {
		progress = strings.TrimSpace(fmt.Sprintf("%d%% %s %s", c.Percent, c.Stage, c.Message))
	}
	var labels []string
	for _, k := range slices.Sorted(maps.Keys(c.Labels)) {
		labels = append(labels, k+"="+c.Labels[k])
	}
	node := c.Node
	if c.Attempt > 1 {
		node += fmt.Sprintf(" (attempt %d)", c.Attempt)
	}
	a.printf("%s  %s\n", c.ID, paint(a.outColor, stateColor(c.State), string(c.State)))
	a.pairs(
		"progress", progress, "waits for", waits(c), "title", c.Title,
		"kind", string(c.Kind), "release", c.Release, "arch", c.Arch, "sources", strings.Join(c.Sources, "\n"),
		"labels", strings.Join(labels, " "), "owner", c.Owner, "retry of", c.RetryOf, "node", strings.TrimSpace(node),
		"created", when(c.Created), "started", whenOptional(c.Started), "finished", whenOptional(c.Finished), "expires", whenOptional(c.Expires),
		"plan", c.PlanDigest,
	)
	for _, w := range c.Warnings {
		a.printf("warning: %s\n", clean(w.Sentence))
	}
	if f := c.Failure; f != nil {
		a.printf("\n%s [%s]\n", clean(strings.TrimSpace(f.Sentence+" "+f.Remedy)), f.Code)
		for _, e := range f.Evidence {
			a.printf("  | %s\n", clean(e))
		}
	}
	a.printf("\n")
	if c.State == compose.StateSucceeded {
		a.printEnd(c)
	} else {
		a.pairs("page", c.Links.Page, "log", c.Links.Log)
	}
	if len(c.Timings) > 0 {
		a.printf("\n")
		a.printTimings(c.Timings)
	}
}

func (a *app) printTimings(list []compose.Timing) {
	t := &table{head: []string{"STAGE", "SECONDS"}}
	for _, s := range list {
		t.add(string(s.Stage), fmt.Sprintf("%.1f", s.Seconds))
	}
	a.printTable(t)
}

type logCmd struct {
	composeArg
	Follow bool   `short:"f" help:"Go on until the compose has ended; its end gives the exit code."`
	Name   string `placeholder:"FILE" help:"A log of its artifacts instead of the running one."`
	Offset int64  `placeholder:"BYTES" help:"Start here."`
}

func (*logCmd) about() string { return "" }

func (*logCmd) examples() []example {
	return []example{
		{"respin log -f 20261123-k3f9qz7m", "What it says, as it says it."},
		{"respin log 20261123-k3f9qz7m --name compose.log", "The complete log of one that has ended."},
	}
}

// Run is the verb.
func (l *logCmd) Run(ctx context.Context, a *app) error {
	if l.Follow && l.Name != "" {
		return usagef("--name: only the running log can be followed")
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	if !l.Follow {
		r, err := c.Log(ctx, l.ID, l.Name, l.Offset)
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }()
		return a.printLog(r)
	}
	last := ""
	if l.Offset > 0 {
		last = fmt.Sprint(l.Offset)
	}
	var end compose.State
	for e, err := range c.Events(ctx, l.ID, last) {
		if ctx.Err() != nil {
			return &detachedError{l.ID}
		}
		if err != nil {
			return err
		}
		switch {
		case a.global.JSON:
			a.printLine(e)
		case e.Text != "":
			a.printf("%s", a.logText(e.Text))
		}
		if a.out.err != nil {
			return nil
		}
		end = e.State
	}
	if end == compose.StateSucceeded || end == compose.StateExpired {
		return nil
	}
	one, err := c.Get(ctx, l.ID)
	if err != nil {
		return err
	}
	a.global.JSON = false // the events said it already
	return &endedError{one}
}

// printLog copies a log as it comes.
func (a *app) printLog(r io.Reader) error {
	if a.global.JSON {
		data, err := io.ReadAll(io.LimitReader(r, 256<<20))
		a.printJSON(api.Event{Type: "log", Text: string(data)})
		return err //nolint:wrapcheck // the client's error
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			a.printf("%s", a.logText(string(buf[:n])))
		}
		switch {
		case a.out.err != nil:
			return a.out.err
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read log: %w", err)
		}
	}
}

// logText keeps the bytes of a log for files and pipes; a terminal must not obey them.
func (a *app) logText(s string) string {
	if !a.outTTY {
		return s
	}
	return clean(strings.ReplaceAll(s, "\r\n", "\n"))
}

type reportCmd struct {
	composeArg
}

func (*reportCmd) about() string {
	return `What was requested, and what the finished result was found to ship when it was read back: included, older, newer, missing or not-installed.`
}

func (*reportCmd) examples() []example {
	return []example{
		{"respin report 20261123-k3f9qz7m", "The package report as a table."},
		{`respin report 20261123-k3f9qz7m --json | jq '.packages[]|select(.verdict!="included").name'`, "What is not in the image."},
	}
}

// Run is the verb.
func (r *reportCmd) Run(ctx context.Context, a *app) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	rep, err := c.Report(ctx, r.ID)
	if err != nil {
		return err
	}
	if a.global.JSON {
		a.printJSON(rep)
		return nil
	}
	a.printReport(rep.Packages)
	var tools []string
	for _, t := range rep.Tools {
		tools = append(tools, strings.TrimSpace(t.Name+" "+t.Version))
	}
	smoke := ""
	if s := rep.Smoke; s != nil {
		smoke = "booted"
		if !s.OK {
			smoke = "did not boot: " + s.Reason
		}
	}
	a.pairs("tools", strings.Join(tools, ", "), "smoke boot", smoke)
	if f := rep.Failure; f != nil {
		a.printf("%s [%s]\n", clean(f.Sentence), f.Code)
	}
	if len(rep.Timings) > 0 {
		a.printf("\n")
		a.printTimings(rep.Timings)
	}
	return nil
}

func (a *app) printReport(list []compose.PackageEntry) {
	t := &table{head: []string{"PACKAGE", "ARCH", "REQUESTED", "SHIPPED", "VERDICT", "SIGNATURE"}}
	// Of a medium whose installer was made with it.
	installer := slices.ContainsFunc(list, func(e compose.PackageEntry) bool { return e.Installer != nil })
	if installer {
		t.head = append(t.head, "INSTALLER")
	}
	included := 0
	for i := range list {
		p := &list[i]
		if p.Verdict == compose.VerdictIncluded {
			included++
		}
		row := []string{p.Name, p.Arch, p.Requested, p.Shipped, string(p.Verdict), p.Signature}
		switch {
		case installer && p.Installer != nil:
			row = append(row, string(p.Installer.Verdict))
		case installer:
			row = append(row, "")
		}
		t.add(row...)
	}
	t.color = func(row, col int, text string) string {
		switch {
		case col != 4:
			return text
		case list[row].Verdict == compose.VerdictIncluded:
			return paint(true, colorGood, text)
		default:
			return paint(true, colorBad, text)
		}
	}
	a.printTable(t)
	a.printf("\n%d of %d packages included\n", included, len(list))
}
