package compose

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fedora-respin/respin/internal/proc"
)

const (
	probeTime  = time.Minute // tools in Python are slow to start on a busy host
	maxOptions = 1000
)

var (
	toolVersion = regexp.MustCompile(`[0-9]+\.[0-9]+(\.[0-9]+)*`)
	toolOption  = regexp.MustCompile(`(^|[\s,\[|])(--[a-z][a-z0-9-]*)`)
)

// Asking says how a tool is asked for its version and its options.
type Asking struct {
	Version []string   // arguments, like -V
	Help    [][]string // arguments of each help; --help when there are none
	// HelpFails says that the tool ends with an error behind its help.
	HelpFails bool
}

// ProbeTool asks a tool for its version (by the argument version, like -V) and
// for the options that its --help lists. A tool that does not answer either is
// an error, one older than tool.Oldest a *VersionError.
func ProbeTool(ctx context.Context, runner Runner, tool Tool, version string) (Tool, error) {
	return ProbeToolBy(ctx, runner, tool, Asking{Version: []string{version}})
}

// ProbeToolBy is ProbeTool for tools that want to be asked in another way.
func ProbeToolBy(ctx context.Context, runner Runner, tool Tool, how Asking) (Tool, error) {
	path, err := runner.Look(tool.Name, tool.Package)
	if err != nil {
		return tool, err //nolint:wrapcheck // it says what to install
	}
	tool.Version, tool.Options = "", nil
	// What makes a root may say things of its own, on standard error; some tools
	// say their version there too.
	found := map[proc.Stream]string{}
	err = ask(ctx, runner, path, how.Version, func(from proc.Stream, line string) {
		if found[from] == "" {
			found[from] = toolVersion.FindString(line)
		}
	})
	if tool.Version = found[proc.Stdout]; tool.Version == "" {
		tool.Version = found[proc.Stderr]
	}
	if err != nil {
		return tool, fmt.Errorf("probe %s: %w", tool.Name, err)
	}
	if len(how.Help) == 0 {
		how.Help = [][]string{{"--help"}}
	}
	for _, args := range how.Help {
		before := len(tool.Options)
		err := ask(ctx, runner, path, args, tool.listOptions)
		if failed, ended := errors.AsType[*proc.Error](err); ended && how.HelpFails && failed.Cause == nil && failed.Signal == 0 && len(tool.Options) > before {
			err = nil
		}
		if err != nil {
			return tool, fmt.Errorf("probe %s: %w", tool.Name, err)
		}
	}
	if tool.Version == "" || len(tool.Options) == 0 {
		return tool, fmt.Errorf("probe %s: it names no version or no options (%s, --help)", tool.Name, strings.Join(how.Version, " "))
	}
	if tool.Oldest != "" && OlderVersion(tool.Version, tool.Oldest) {
		return tool, &VersionError{Tool: tool.Name, Version: tool.Version, Oldest: tool.Oldest, Package: tool.Package, Where: where(runner)}
	}
	slices.Sort(tool.Options)
	return tool, nil
}

// where names the root of a runner that has a name for it.
func where(runner Runner) string {
	if root, ok := runner.(interface{ Where() string }); ok {
		return root.Where()
	}
	return ""
}

// listOptions takes the options of one line of a help.
func (t *Tool) listOptions(_ proc.Stream, line string) {
	for _, m := range toolOption.FindAllStringSubmatch(line, -1) {
		// argparse breaks no option over lines.
		if option := strings.TrimRight(m[2], "-"); len(t.Options) < maxOptions && !slices.Contains(t.Options, option) {
			t.Options = append(t.Options, option)
		}
	}
}

func ask(ctx context.Context, runner Runner, path string, args []string, line func(proc.Stream, string)) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var mu sync.Mutex
	// A wide terminal, or argparse folds long lines.
	return runner.Run(ctx, proc.Cmd{ //nolint:wrapcheck // the caller says what was asked
		Name: path, Args: args, Env: []string{"COLUMNS=200"},
		OnLine: func(from proc.Stream, text string) {
			mu.Lock()
			defer mu.Unlock()
			line(from, text)
		},
	})
}
