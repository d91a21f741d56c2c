package kiwi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/kiwidesc"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/proc"
)

// Tool and Package are the program and what to install for it. kiwi fills its
// roots by rsync, which comes with the package of what it runs.
const (
	Tool          = "kiwi-ng"
	Package       = "kiwi-cli"
	helper        = "rsync"
	helperPackage = "kiwi-systemdeps"
)

// oldest is the first major version that Fedora's descriptions are written for.
const oldest = 10

// Backend makes composes of the kinds live, disk, tar and oci. The zero value works.
type Backend struct{}

var _ compose.Backend = (*Backend)(nil)

// Name implements compose.Backend.
func (*Backend) Name() string { return compose.BackendKiwi }

// Makes implements compose.Backend. dnf runs the scripts of the packages that it
// installs, so the node must be of the compose's architecture.
func (*Backend) Makes() []compose.Capability {
	var list []compose.Capability
	for _, kind := range []compose.Kind{compose.KindLive, compose.KindDisk, compose.KindTar, compose.KindOCI} {
		uses := []string{"packages", "exclude", "repos"}
		if kind == compose.KindLive {
			uses = append(uses, "boot_args")
		}
		list = append(list, compose.Capability{Kind: kind, Native: true, Oldest: 42, Uses: uses})
	}
	return list
}

// TooOldError says that the kiwi of a host is older than the descriptions.
type TooOldError struct{ Version string }

func (e *TooOldError) Error() string {
	return fmt.Sprintf("kiwi %s is too old for Fedora's descriptions: install kiwi %d or newer (%s of Fedora 42 or newer)", e.Version, oldest, Package)
}

// Probe implements compose.Backend. Which schema of descriptions a kiwi knows its
// help does not tell, so that the version is looked at too.
func (*Backend) Probe(ctx context.Context, runner compose.Runner) ([]compose.Tool, error) {
	_, missing := runner.Look(helper, helperPackage)
	tool, err := compose.ProbeToolBy(ctx, runner, compose.Tool{Name: Tool, Package: Package}, compose.Asking{
		Version: []string{"--version"}, Help: [][]string{{"--help"}, {"system", "build", "--help"}},
		HelpFails: true, // docopt, of kiwi before 11, ends with 1 behind its help
	})
	if err := errors.Join(err, missing); err != nil {
		return nil, err
	}
	if major(tool.Version) < oldest {
		return nil, fmt.Errorf("probe %s: %w", Tool, &TooOldError{tool.Version})
	}
	for _, option := range []string{"--description", "--target-dir", "--add-repo", "--kiwi-file", "--logfile", "--set-type-attr"} {
		if !tool.Has(option) {
			return nil, fmt.Errorf("probe %s %s: its help does not list %s: it is no kiwi that this version can use", Tool, tool.Version, option)
		}
	}
	return []compose.Tool{tool, {Name: helper, Package: helperPackage}}, nil
}

// config is kiwi's runtime configuration: what a node's own would change in the
// image. Fedora's package of kiwi says the same of media. Sections are lists of
// settings up to kiwi 10, and mappings since 11.0 (runtime_config.py,
// _get_attribute).
func config(tool compose.Tool) string {
	item := "- "
	if major(tool.Version) >= 11 {
		item = "  "
	}
	return "iso:\n  " + item + "tool_category: xorriso\n  " + item + "media_tag_tool: isomd5sum\ncontainer:\n  " + item + "compress: xz\n"
}

// major is the first number of a version, 0 for none.
func major(version string) int {
	text, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// percentBuilt is the share of kiwi in Build.
const percentBuilt = 98

// Build implements compose.Backend.
func (*Backend) Build(ctx context.Context, p *compose.Plan, j *compose.BackendJob) (*compose.Made, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("run kiwi: %w", err)
	}
	tool, ok := j.Tool(Tool)
	if !ok {
		return nil, &proc.NotFoundError{Tool: Tool, Package: Package}
	}
	if err := known(p.Argv, tool); err != nil {
		return nil, err
	}
	if err := usable(j.SideRepo); err != nil && len(p.RPMs) > 0 {
		return nil, err
	}
	job := *j
	cache, err := takeCache(filepath.Join(j.CacheDir, p.Request.Release+"-"+p.Request.Arch))
	if err != nil {
		return nil, err
	}
	defer cache.release()
	job.CacheDir = cache.dir
	argv, err := job.Expand(p, p.Argv)
	if err != nil {
		return nil, err
	}
	if err := writeInputs(&job, tool); err != nil {
		return nil, err
	}
	cmd, err := run(ctx, p, &job, tool, argv)
	if err != nil {
		return nil, err
	}
	j.Progress("collect", percentBuilt, "collecting the results")
	artifacts, err := collect(p, j)
	if err != nil {
		return nil, err
	}
	return &compose.Made{Artifacts: artifacts, Commands: []compose.Command{cmd}}, nil
}

// known refuses an argv with options that the tool does not have.
func known(argv []string, tool compose.Tool) error {
	for _, arg := range argv[1:] {
		option, _, _ := strings.Cut(arg, "=")
		if !strings.HasPrefix(arg, "--") || tool.Has(option) {
			continue
		}
		return &compose.FailedError{
			Err: fmt.Errorf("run kiwi %s: its help does not list %s", tool.Version, option),
			Failure: compose.Failure{
				Code: compose.CodeToolMissing, Stage: compose.StageCompose, Remedy: "Use a node with a newer kiwi.",
				Sentence: fmt.Sprintf("The kiwi %s of the build node does not know %s.", tool.Version, option),
			},
		}
	}
	return nil
}

// plainPath is a path that stays one within --add-repo: kiwi does not unescape
// local paths, and passes over a repository whose path does not exist.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/._+=@:~-]*$`)

func usable(sideRepo string) error {
	if plainPath.MatchString(sideRepo) {
		return nil
	}
	return fmt.Errorf("run kiwi: the side repo stands at %q: kiwi takes no directory with other characters than A-Z a-z 0-9 / . _ + = @ : ~ -; move the node's work directory", sideRepo)
}

// writeInputs makes what the argv names: the description, the configuration, and
// the directory for temporary files, which must exist.
func writeInputs(j *compose.BackendJob, tool compose.Tool) error {
	dir := filepath.Join(j.Temp, descriptionDir)
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.MkdirAll(filepath.Join(j.Temp, workName), 0o755)); err != nil {
		return fmt.Errorf("make work directory: %w", err)
	}
	f, err := os.Open(j.Description)
	if err != nil {
		return fmt.Errorf("open description: %w", err)
	}
	if err := errors.Join(kiwidesc.Unpack(f, dir), f.Close()); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(j.Temp, configName), []byte(config(tool)), 0o644)
}
