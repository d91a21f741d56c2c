// Package cli is the command line of respin: every verb of the one binary. It
// is a package so that tests and other programs can run it in process; the main
// program hands over its arguments, streams and environment and exits with what
// Main returns.
//
//	code := cli.Main(ctx, cli.Env{
//		Args:   []string{"rpm", "vercmp", "1.0~rc1", "1.0"},
//		Stdout: os.Stdout, Stderr: os.Stderr,
//	})
//
// Results go to Stdout, progress and errors to Stderr. With --json the result is
// the wire type of daemon/api. The exit codes are the constants below, and
// exitCode is the one place that chooses among them.
package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
)

// The exit codes.
const (
	ExitOK          = 0
	ExitOther       = 1 // another failure, or following was broken off
	ExitUsage       = 2 // wrong usage or configuration; repo create: an RPM was unreadable
	ExitRefused     = 3 // the request was refused before building
	ExitFailed      = 4 // the compose failed
	ExitCanceled    = 5 // the compose was canceled
	ExitNotFound    = 6
	ExitNotAllowed  = 7
	ExitUnreachable = 8 // server or network
)

// Env is what a process has. Only Args is required.
type Env struct {
	Args    []string         // without the program's name
	Environ []string         // KEY=VALUE, as os.Environ gives it
	Stdin   io.Reader        // default empty
	Stdout  io.Writer        // default nowhere
	Stderr  io.Writer        // default nowhere
	Build   *debug.BuildInfo // for version; nil: not known
}

// Globals are the flags of every verb.
type Globals struct {
	Server string   `placeholder:"URL" help:"The server to talk to (RESPIN_SERVER; default http://127.0.0.1:8080)."`
	Token  string   `placeholder:"TOKEN" help:"API token (RESPIN_TOKEN); better in the environment, where other users do not see it."`
	JSON   bool     `name:"json" help:"Print the result as JSON; a refusal too, as a problem document."`
	Quiet  bool     `short:"q" help:"No progress and no remarks, only results and errors."`
	Help   helpFlag `short:"h" help:"Explain the verb, with examples."`
}

// grammar is the whole command line. Its tags are where help, man page and
// completions come from.
type grammar struct {
	Globals

	Build    buildCmd    `cmd:"" group:"make" help:"Ask for a compose, and wait for it and fetch it if told so."`
	Resolve  resolveCmd  `cmd:"" group:"make" help:"Show the Plan of a request, or all that is wrong with it, without building."`
	Source   sourceCmd   `cmd:"" group:"make" help:"Show what a source stands for right now."`
	Doctor   doctorCmd   `cmd:"" group:"make" help:"Show what this host can build, and what to install for the rest."`
	List     listCmd     `cmd:"" group:"follow" help:"List composes, newest first."`
	Show     showCmd     `cmd:"" group:"follow" help:"Show a compose."`
	Log      logCmd      `cmd:"" group:"follow" help:"Print the log of a compose, or follow it."`
	Report   reportCmd   `cmd:"" group:"follow" help:"Show which of the requested packages the result ships."`
	Download downloadCmd `cmd:"" group:"follow" help:"Fetch the files of a compose, verified; a broken download is resumed."`
	Cancel   cancelCmd   `cmd:"" group:"follow" help:"Cancel a compose."`
	Retry    retryCmd    `cmd:"" group:"follow" help:"Build the Plan of a compose again."`
	Renew    renewCmd    `cmd:"" group:"follow" help:"Keep the files of a compose longer."`
	Delete   deleteCmd   `cmd:"" group:"follow" help:"Remove the files of a compose now; its record stays."`
	Queue    queueCmd    `cmd:"" group:"follow" help:"Show who waits for what."`

	Serve serveCmd `cmd:"" group:"serve" help:"Run the daemon: API, pages, queue and a build node."`
	Node  nodeCmd  `cmd:"" group:"serve" help:"Run a build node for the daemon of another host."`
	Nodes nodesCmd `cmd:"" group:"serve" help:"Show the build nodes."`
	Token tokenCmd `cmd:"" group:"serve" help:"Make, list and revoke API tokens."`

	Repo      repoCmd      `cmd:"" group:"files" help:"Make and look into repositories of RPMs."`
	RPM       rpmCmd       `cmd:"" name:"rpm" group:"files" help:"Look into RPM packages and verify them."`
	Kickstart kickstartCmd `cmd:"" group:"files" help:"Check, flatten, review and explain kickstarts."`
	Diagnose  diagnoseCmd  `cmd:"" group:"files" help:"Say from the logs of image tools why a build failed."`
	ISO       isoCmd       `cmd:"" name:"iso" group:"files" help:"Look into ISO images, keep their checksum, boot them."`
	Image     imageCmd     `cmd:"" group:"files" help:"See what an image ships, check it, write its SBOM."`

	Version    versionCmd    `cmd:"" group:"self" help:"Print the version."`
	Completion completionCmd `cmd:"" group:"self" help:"Print the completion script of a shell."`
	Man        manCmd        `cmd:"" group:"self" help:"Print the manual page."`
}

func groups() []kong.Group {
	return []kong.Group{
		{Key: "make", Title: "Make images"},
		{Key: "follow", Title: "Follow and manage composes"},
		{Key: "serve", Title: "Run the service"},
		{Key: "files", Title: "Work on files"},
		{Key: "self", Title: "About respin"},
	}
}

// Main runs one command line and returns the exit code.
func Main(ctx context.Context, env Env) int {
	if env.Stdin == nil {
		env.Stdin = &bytes.Reader{}
	}
	if env.Stdout == nil {
		env.Stdout = io.Discard
	}
	if env.Stderr == nil {
		env.Stderr = io.Discard
	}
	var g grammar
	a := newApp(env, &g.Globals)
	parser, err := newParser(&g)
	if err != nil {
		return a.report(err)
	}
	a.model = parser.Model
	parsed, err := parse(a, parser, env.Args)
	if errors.Is(err, errHelpShown) {
		return a.report(a.out.err)
	}
	if err != nil {
		return a.report(err)
	}
	a.node = parsed.Selected()
	a.prepare()
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(a)
	if err == nil {
		err = a.out.err // a full disk or a closed pipe behind stdout
	}
	return a.report(err)
}

func newParser(g *grammar) (*kong.Kong, error) {
	parser, err := kong.New(g,
		kong.Name("respin"),
		kong.Description("Fedora images on demand: side repos, remastered boot images and more, with proof that the requested builds are inside."),
		kong.NoDefaultHelp(), kong.ExplicitGroups(groups()), kong.Exit(func(int) {}),
	)
	if err != nil {
		return nil, &internalError{err}
	}
	return parser, nil
}

// parse reads the arguments. `respin` alone shows the overview, and `respin help
// VERB` is `respin VERB --help`.
func parse(a *app, parser *kong.Kong, args []string) (*kong.Context, error) {
	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:len(args):len(args)], "--help")
	}
	if len(args) == 0 {
		a.overview()
		return nil, errHelpShown
	}
	parsed, err := kong.Trace(parser, args)
	if err == nil && parsed.Error == nil {
		if node, asked := helpAsked(parsed); asked {
			a.help(node)
			return nil, errHelpShown
		}
	}
	if parsed, err = parser.Parse(args); err == nil {
		return parsed, nil
	}
	u := &usageError{text: err.Error()}
	if pe, ok := errors.AsType[*kong.ParseError](err); ok && pe.Context != nil {
		u.node = pe.Context.Selected()
	}
	if u.node == nil {
		if word, ok := strings.CutPrefix(u.text, "unexpected argument "); ok {
			word, _, _ = strings.Cut(word, ",")
			u.text = "there is no verb " + quote(word) + didYouMean(word, verbNames(parser.Model.Node))
		}
	}
	if flag, ok := strings.CutPrefix(u.text, "unknown flag "); ok && u.node != nil && !strings.Contains(flag, ",") {
		u.text += didYouMean(flag, flagNames(parser.Model, u.node))
	}
	u.text = strings.Replace(u.text, `expected "<`, `missing argument "<`, 1)
	return nil, u
}

// helpAsked tells whether --help stands among the flags, and for which verb.
func helpAsked(parsed *kong.Context) (*kong.Node, bool) {
	for _, p := range parsed.Path {
		if p.Flag != nil && p.Flag.Name == "help" {
			node := parsed.Selected()
			if node == nil {
				node = parsed.Model.Node
			}
			return node, true
		}
	}
	return nil, false
}

// helpFlag is handled in parse, before anything that is missing is complained
// about.
type helpFlag bool

var errHelpShown = errors.New("help was shown")
