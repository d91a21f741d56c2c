package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/kickstart"
)

type kickstartCmd struct {
	Validate kickstartValidateCmd `cmd:"" help:"List everything that is wrong with kickstarts, by file and line."`
	Flatten  kickstartFlattenCmd  `cmd:"" help:"Put what a kickstart includes into it."`
	Lint     kickstartLintCmd     `cmd:"" help:"Review kickstarts: the rules for spins, and what breaks composes."`
	Show     kickstartShowCmd     `cmd:"" help:"Show what kickstarts ask for."`
}

// diagnosis is one line of kickstart validate, with --json as it stands.
type diagnosis struct {
	File     string         `json:"file"`
	Line     int            `json:"line,omitempty"`
	Column   int            `json:"column,omitempty"`
	Severity string         `json:"severity"` // error or warning
	Code     kickstart.Code `json:"code"`
	Message  string         `json:"message"`
	Remedy   string         `json:"remedy,omitempty"`
}

func (d diagnosis) String() string {
	text := d.File + ": "
	if d.Line > 0 {
		text = fmt.Sprintf("%s:%d: ", d.File, d.Line)
	}
	text += d.Severity + ": " + strings.TrimSuffix(d.Message, ".")
	if d.Remedy != "" {
		text += "; " + d.Remedy
	}
	return text + " [" + string(d.Code) + "]"
}

// check lists what is wrong, structure and content.
func (f *kickstartFlags) check(o *opened) []diagnosis {
	doc, found, err := kickstart.Check(o.name, o.src, o.opts)
	list := []diagnosis{}
	if e, ok := errors.AsType[*kickstart.ParseError](err); ok {
		list = append(list, o.parseError(e))
	}
	for _, d := range found {
		list = append(list, diagnosis{o.at(d.Pos.File), d.Pos.Line, d.Pos.Col, d.Severity.String(), d.Code, d.Message, d.Remedy})
	}
	if doc != nil {
		list = append(list, f.missing(o, doc)...)
	}
	return list
}

func (o *opened) parseError(e *kickstart.ParseError) diagnosis {
	return diagnosis{o.at(e.File), e.Line, e.Col, kickstart.SeverityError.String(), e.Code, e.Msg, e.Remedy}
}

type kickstartValidateCmd struct {
	kickstartFlags
	Strict bool     `help:"Warnings make it fail too, as with ksvalidator."`
	Files  []string `arg:"" name:"file" help:"Kickstarts: files, URLs, or - for standard input."`
}

func (*kickstartValidateCmd) about() string {
	return `The rules, the words and the option tables are pykickstart's. Errors are what anaconda refuses and give exit code 3; warnings, as deprecated commands, things that are defined twice and includes that are not there, give 0 unless --strict is given. Each line ends with a stable code.

` + includesHelp
}

func (*kickstartValidateCmd) examples() []example {
	return []example{
		{"respin kickstart validate my.ks --version F44", "What anaconda of Fedora 44 would say."},
		{"respin kickstart validate *.ks --strict --json", "What ksvalidator would refuse, for an editor or a test."},
		{"curl -s https://example.org/x.ks | respin kickstart validate -", "From standard input; includes are looked for in this folder."},
	}
}

// Run is the verb.
func (k *kickstartValidateCmd) Run(ctx context.Context, a *app) error {
	all := []diagnosis{}
	failed := k.each(ctx, a, k.Files, func(o *opened) error {
		all = append(all, k.check(o)...)
		return nil
	})
	if _, said := errors.AsType[*saidError](failed); failed != nil && !said {
		return failed // wrong usage, or the only file
	}
	bad := false
	for _, d := range all {
		bad = bad || k.Strict || d.Severity == kickstart.SeverityError.String()
		if !a.global.JSON {
			a.printf("%s\n", clean(d.String()))
		}
	}
	if a.global.JSON {
		a.printJSON(all)
	}
	if bad && failed == nil {
		return &saidError{ExitRefused}
	}
	return failed
}

type kickstartFlattenCmd struct {
	kickstartFlags
	File   string `arg:"" help:"A kickstart: a file, a URL, or - for standard input."`
	Output string `short:"o" placeholder:"FILE" help:"Write it there instead of to standard output."`
}

func (*kickstartFlattenCmd) about() string {
	return `What a later line overrides is dropped - an earlier part / among it, of which livemedia-creator takes the last - so that ksvalidator does not find it defined twice. Everything else stays as it is written, comments too. Commands are not checked; only what cannot be read, and an include that is not there, gives exit code 3.

` + includesHelp
}

func (*kickstartFlattenCmd) examples() []example {
	return []example{
		{"respin kickstart flatten fedora-live-workstation.ks -o flat.ks", "One file out of many, for livemedia-creator."},
		{"respin kickstart flatten fedora-live-kde.ks | respin kickstart validate --strict -", "Is the whole of it valid?"},
	}
}

// Run is the verb.
func (k *kickstartFlattenCmd) Run(ctx context.Context, a *app) error {
	return k.each(ctx, a, []string{k.File}, func(o *opened) error {
		o.opts.IgnoreMissing = k.IgnoreMissing
		doc, err := o.document(a)
		if err != nil {
			return err
		}
		flat := doc.Flatten().Bytes()
		switch {
		case k.Output != "":
			return atomicfile.Write(k.Output, flat, 0o644)
		case a.global.JSON:
			a.printJSON(struct {
				Text string `json:"text"`
			}{string(flat)})
		default:
			a.printf("%s", flat)
		}
		return nil
	})
}
