package pylorax

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// Oldest is the oldest lorax that the back ends speak to: that of EL 9. 34 brought
// --skip-branding and --dracut-conf and dropped --title.
const Oldest = "34"

// Invocation is one run of a tool of the lorax family.
type Invocation struct {
	Tool   compose.Tool // as Probe found it
	Argv   []string     // with the paths of the build filled in
	Log    string       // the tool's log, below the job's LogDir
	Stages []Stage
	Share  int // percent of a Build that the run is
}

// Prepare returns the tool that Probe found and the Plan's argv in its words, with
// the paths of the build filled in.
func Prepare(ctx context.Context, p *compose.Plan, j *compose.BackendJob, name, pkg string, translate func([]string, compose.Tool) ([]string, error)) (compose.Tool, []string, error) {
	if err := ctx.Err(); err != nil {
		return compose.Tool{}, nil, fmt.Errorf("run %s: %w", name, err)
	}
	tool, ok := j.Tool(name)
	if !ok {
		return tool, nil, &proc.NotFoundError{Tool: name, Package: pkg}
	}
	argv, err := translate(p.Argv, tool)
	if err == nil {
		argv, err = j.Expand(p, argv)
	}
	return tool, argv, err
}

// Run runs the tool to its end, in a mount namespace of its own, and reports its
// stages. A failure is told in the tool's words; see Failure.
func (v *Invocation) Run(ctx context.Context, p *compose.Plan, j *compose.BackendJob) (compose.Command, error) {
	cmd := j.Record(p, v.Tool, v.Argv)
	j.Say("running %s %s: %q", cmd.Tool, cmd.Version, cmd.Argv)
	watch := NewMonitor(v.Stages, func(stage string, percent int, message string) {
		j.Progress(stage, percent*v.Share/100, message)
	})
	err := j.Runner.Run(ctx, proc.Cmd{
		Name: v.Argv[0], Args: v.Argv[1:], Dir: j.Temp, Env: append(p.Env(), "TMPDIR="+j.Temp), Log: j.Log, Package: v.Tool.Package, PrivateMounts: true,
		OnLine: func(_ proc.Stream, line string) { watch.Line(line) },
	})
	if err != nil {
		return cmd, Failure(ctx, v.Tool.Name, filepath.Join(j.LogDir, v.Log), watch, err)
	}
	return cmd, nil
}
