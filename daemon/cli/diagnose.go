package cli

import (
	"context"
	"errors"
	"io/fs"

	"github.com/fedora-respin/respin/compose/diagnose"
)

type diagnoseCmd struct {
	Files  []string `arg:"" name:"file" help:"Logs of one run: files, folders of logs, or - for standard input; compressed ones too (gzip, xz, zstd, bzip2)."`
	Tool   string   `placeholder:"NAME" help:"What ran: lorax, livemedia-creator, anaconda, mock, xorriso, kiwi or dnf. Its exit status means more then."`
	Status int      `placeholder:"N" help:"The exit status it ended with."`
	Stage  string   `default:"compose" placeholder:"STAGE" help:"The stage of the compose, repeated in the answer. Default: compose."`
}

func (*diagnoseCmd) about() string {
	return `It knows the words of lorax, livemedia-creator, anaconda, dnf 4 and 5, yum, rpm, mock, xorriso, kiwi and Koji's image tasks, and tells the cause from what followed from it: a full disk behind a failed transaction behind "Image creation failed". The answer is one sentence with what to do, a stable code, and up to three lines of the logs as FILE:LINE. Passwords, tokens and the like are masked in it.

All files are taken for logs of one run. A cause that is not known gives the code unknown with the last errors. With --json the answer has the fields of a compose's failure (code, stage, sentence, evidence, remedy), and besides tool, rule, others (what else showed), lines and partial.

The exit code is 0 when there is an answer, unknown among them; 6 when a file or folder is not there or has no logs; 1 when a log could not be read to its end - what was read is answered all the same.`
}

func (*diagnoseCmd) examples() []example {
	return []example{
		{"respin diagnose lorax.log program.log", "Why lorax failed."},
		{"respin diagnose /var/lib/mock/fedora-44-x86_64/result --tool mock --status 30", "From all logs of a folder."},
		{"curl -s https://example.org/root.log.gz | respin diagnose - --json", "For a script; the code is stable."},
		{"respin log ID | respin diagnose -", "The log of a compose."},
	}
}

// Run is the verb.
func (d *diagnoseCmd) Run(ctx context.Context, a *app) error {
	if d.Status < 0 || d.Status > 255 {
		return usagef("--status is not an exit status: %d", d.Status)
	}
	facts := diagnose.Facts{Tool: d.Tool, Stage: d.Stage, Exit: d.Status}
	v, err := diagnose.New(diagnose.Options{}).ReadFiles(ctx, d.Files, a.env.Stdin, facts)
	if v != nil {
		a.showVerdict(v)
	}
	if err == nil {
		return nil
	}
	a.say("respin: %s\n", clean(err.Error()))
	if _, none := errors.AsType[*diagnose.NoLogsError](err); none || v == nil && errors.Is(err, fs.ErrNotExist) {
		return &saidError{ExitNotFound}
	}
	return &saidError{ExitOther}
}

func (a *app) showVerdict(v *diagnose.Verdict) {
	if a.global.JSON {
		a.printJSON(v)
		return
	}
	a.printf("%s %s [%s]\n", clean(v.Sentence), clean(v.Remedy), v.Code)
	for _, e := range v.Evidence {
		a.printf("  | %s\n", clean(e.String()))
	}
	for i, o := range v.Others {
		if i == 0 {
			a.printf("\nAlso in the logs:\n")
		}
		a.printf("  %s: %s:%d\n", o.Code, clean(o.Line.File), o.Line.Line)
	}
	for _, name := range v.Partial {
		a.remark("respin: not all of %s was read\n", clean(name))
	}
}
