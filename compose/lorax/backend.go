package lorax

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/pylorax"
	"github.com/fedora-respin/respin/internal/atomicfile"
)

// Tool and Package are the program and what to install for it.
const (
	Tool    = "lorax"
	Package = "lorax"
)

// TreeDir is where the installation tree stands in the result; the boot.iso
// stands beside it under the name of the Plan.
const TreeDir = "os"

// Backend makes composes of kind boot-iso. The zero value works.
type Backend struct{}

var _ compose.Backend = (*Backend)(nil)

// Name implements compose.Backend.
func (*Backend) Name() string { return "lorax" }

// Makes implements compose.Backend. lorax runs the scripts of the packages that
// it installs, so the node must be of the compose's architecture.
func (*Backend) Makes() []compose.Capability {
	return []compose.Capability{{
		Kind: compose.KindBootISO, Native: true, Oldest: 38,
		Uses: []string{"packages", "exclude", "repos", "options.rootfs_size", "options.rootfs_type", "options.product", "options.variant", "options.templates", "options.smoke_boot"},
	}}
}

// Describe implements compose.Backend.
func (*Backend) Describe(p *compose.Plan) error {
	if err := iso.ValidVolumeID(p.VolID); err != nil {
		return compose.Refuse(compose.Problem{Code: compose.CodeBadVolID, Field: "volid", Sentence: err.Error() + ".", Remedy: "Use at most 32 of A-Z a-z 0-9 _ -."})
	}
	if problems := checkPackages(p); len(problems) > 0 {
		return compose.Refuse(problems...)
	}
	if len(p.Repos) == 0 {
		return compose.Refuse(compose.Problem{
			Code: compose.CodeRepoNotFound, Field: "repos", Remedy: "Name the release's repositories.",
			Sentence: "No repository is named that the installer could be made from.",
		})
	}
	p.Argv = arguments(p)
	p.Tools = []compose.Tool{{Name: Tool, Package: Package}}
	p.Warnings = append(p.Warnings, warnings(p)...)
	return nil
}

// Probe implements compose.Backend.
func (*Backend) Probe(ctx context.Context, runner compose.Runner) ([]compose.Tool, error) {
	tool, err := compose.ProbeTool(ctx, runner, compose.Tool{Name: Tool, Package: Package, Oldest: pylorax.Oldest}, "-V")
	if err != nil {
		return nil, err
	}
	for _, option := range []string{"--repo", "--logfile", "--tmp", "--nomacboot", "--volid"} {
		if !tool.Has(option) {
			return nil, fmt.Errorf("probe lorax %s: its help does not list %s: it is no lorax that this version can use", tool.Version, option)
		}
	}
	return []compose.Tool{tool}, nil
}

// Build implements compose.Backend.
func (*Backend) Build(ctx context.Context, p *compose.Plan, j *compose.BackendJob) (*compose.Made, error) {
	tool, argv, err := pylorax.Prepare(ctx, p, j, Tool, Package, translate)
	if err != nil {
		return nil, err
	}
	if err := writeInputs(p, j); err != nil {
		return nil, err
	}
	run := pylorax.Invocation{Tool: tool, Argv: argv, Log: "lorax.log", Stages: stages(), Share: percentBuilt}
	cmd, err := run.Run(ctx, p, j)
	packErr := packLists(j.LogDir)
	if err != nil {
		return nil, err
	}
	if packErr != nil {
		return nil, packErr
	}
	j.Progress("collect", percentBuilt, "collecting the installation tree")
	artifacts, err := collect(p, j.OutDir)
	if err != nil {
		return nil, err
	}
	return &compose.Made{Artifacts: artifacts, Commands: []compose.Command{cmd}}, nil
}

// percentBuilt is the share of lorax in Build.
const percentBuilt = 98

// writeInputs writes the files that the argv names.
func writeInputs(p *compose.Plan, j *compose.BackendJob) error {
	files := map[string]string{repoFile: compose.RepoFile(p, j.SideRepo)}
	for i, t := range p.Request.Options.Templates {
		files[templateFile(i, t)] = t.Text
	}
	for name, text := range files {
		to := filepath.Join(j.Temp, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := atomicfile.Write(to, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// templateFile is where a template of the request stands, below Temp.
func templateFile(i int, t compose.Template) string {
	return path.Join("templates", strconv.Itoa(i)+"-"+t.Name+".tmpl")
}

// Verify implements compose.Backend.
func (*Backend) Verify(ctx context.Context, p *compose.Plan, j *compose.BackendJob, made *compose.Made) (*compose.Proof, error) {
	facts, err := verifyImage(ctx, p, filepath.Join(j.OutDir, filepath.FromSlash(made.Artifacts[0].Path)), j.Progress)
	if err != nil {
		return nil, err
	}
	shipped, err := logged(j.LogDir)
	if err != nil {
		return nil, err
	}
	if len(shipped) == 0 {
		return nil, errors.New("read lorax's log: it names no package that was installed")
	}
	entries, err := compose.InstalledEntries(p, shipped)
	return &compose.Proof{Packages: entries, Image: *facts, Shipped: shipped}, err
}
