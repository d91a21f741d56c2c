package kiwi

import (
	"context"
	"errors"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// run runs kiwi to its end, in a mount namespace of its own: it mounts /dev, /proc
// and the cache in the root that it makes.
func run(ctx context.Context, p *compose.Plan, j *compose.BackendJob, tool compose.Tool, argv []string) (compose.Command, error) {
	cmd := j.Record(p, tool, argv)
	j.Say("running %s %s: %q", cmd.Tool, cmd.Version, cmd.Argv)
	watch := newMonitor(func(stage string, percent int, message string) {
		j.Progress(stage, percent*percentBuilt/100, message)
	})
	err := j.Runner.Run(ctx, proc.Cmd{
		Name: argv[0], Args: argv[1:], Dir: j.Temp, Env: p.Env(), Log: j.Log, Package: Package, PrivateMounts: true,
		OnLine: func(_ proc.Stream, text string) { watch.line(text) },
	})
	if err == nil {
		return cmd, nil
	}
	failed, ok := errors.AsType[*proc.Error](err)
	if !ok || ctx.Err() != nil {
		return cmd, err //nolint:wrapcheck // it names the tool
	}
	if lines := reason(watch.tail); len(lines) > 0 {
		return cmd, &compose.ToolError{Tool: Tool, Stage: watch.current, Lines: lines, Err: failed}
	}
	return cmd, err //nolint:wrapcheck // it names the tool
}
