package cli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type manCmd struct{}

func (*manCmd) about() string { return "" }

func (*manCmd) examples() []example {
	return []example{
		{"respin man | man -l -", "Read it."},
		{"respin man > /usr/local/share/man/man1/respin.1", "Install it."},
	}
}

// Run is the verb.
func (*manCmd) Run(a *app) error {
	if a.global.JSON {
		a.printJSON(struct {
			Text string `json:"text"`
		}{manPage(a.model)})
		return nil
	}
	a.printf("%s", manPage(a.model))
	return nil
}

// troff escapes text for the body of a page.
func troff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

// manPage writes respin(1) from the model of the command line.
func manPage(model *kong.Application) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`.TH RESPIN 1 "" "respin" "User Commands"`)
	p(".SH NAME\nrespin \\- Fedora images on demand")
	p(".SH SYNOPSIS\n.B respin\n.I VERB\n[\\fIARGUMENT\\fR...] [\\fIflags\\fR]")
	p(".SH DESCRIPTION\n%s", troff(model.Help))
	for _, g := range groups() {
		p(".SH %s", strings.ToUpper(g.Title))
		for _, n := range model.Children {
			if n.Group == nil || n.Group.Key != g.Key {
				continue
			}
			for _, verb := range nodes(n) {
				if verb.Leaf() {
					manVerb(p, verb)
				}
			}
		}
	}
	p(".SH FLAGS OF EVERY VERB")
	manFlags(p, globalFlags(model))
	p(".SH EXIT STATUS")
	for _, e := range exitCodes() {
		p(".TP\n.B %d\n%s", e.code, troff(e.meaning))
	}
	p(".SH ENVIRONMENT")
	p(".TP\n.B RESPIN_SERVER\nThe server to talk to, when \\-\\-server is not given.")
	p(".TP\n.B RESPIN_TOKEN\nThe API token, when \\-\\-token is not given.")
	p(".TP\n.B RESPIN_CONFIG\nThe configuration file of serve, node, doctor and build \\-\\-local.")
	p(".TP\n.B RESPIN_...\nEvery key of the configuration, as RESPIN_KOJI_HUB for koji.hub.")
	p(".TP\n.B NO_COLOR\nNo colors.")
	return b.String()
}

func manVerb(p func(string, ...any), node *kong.Node) {
	p(".SS %s", troff(usageLine(node)))
	p("%s", troff(node.Help))
	about, examples := told(node)
	for paragraph := range strings.SplitSeq(about, "\n\n") {
		if paragraph != "" {
			p(".PP\n%s", troff(paragraph))
		}
	}
	for _, pos := range node.Positional {
		p(".TP\n.I %s\n%s", troff(argName(pos)), troff(pos.Help))
	}
	manFlags(p, ownFlags(node))
	for _, e := range examples {
		p(".PP\n%s\n.RS 4\n.nf\n%s\n.fi\n.RE", troff(e.does), troff(e.line))
	}
}

func manFlags(p func(string, ...any), flags []*kong.Flag) {
	for _, f := range flags {
		p(".TP\n.B %s\n%s", troff(strings.TrimSpace(flagName(f))), troff(flagHelp(f)))
	}
}

type exitMeaning struct {
	code    int
	meaning string
}

func exitCodes() []exitMeaning {
	return []exitMeaning{
		{ExitOK, "Done."},
		{ExitOther, "Another failure."},
		{ExitUsage, "Wrong usage or configuration. repo create: an RPM was unreadable; the rest is written."},
		{ExitRefused, "The request was refused before building."},
		{ExitFailed, "The compose failed."},
		{ExitCanceled, "The compose was canceled."},
		{ExitNotFound, "Not found."},
		{ExitNotAllowed, "Not allowed."},
		{ExitUnreachable, "Server or network unreachable."},
	}
}
