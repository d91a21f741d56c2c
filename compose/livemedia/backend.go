package livemedia

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/pylorax"
)

// Tool and Package are the program and what to install for it; anaconda comes
// with the package.
const (
	Tool    = "livemedia-creator"
	Package = "lorax-lmc-novirt"
)

// Backend makes composes of the kinds live, disk, pxe-live, tar and oci. The
// zero value works.
type Backend struct {
	// Lock is a file that a build without a virtual machine holds a lock on, as
	// anaconda's own places are one for a host. Default: respin-anaconda.lock in
	// the directory for temporary files.
	Lock string
}

var _ compose.Backend = (*Backend)(nil)

// Name implements compose.Backend.
func (*Backend) Name() string { return "livemedia" }

// Makes implements compose.Backend. anaconda runs the scripts of the packages
// that it installs, so the node must be of the compose's architecture.
func (*Backend) Makes() []compose.Capability {
	var list []compose.Capability
	for _, kind := range []compose.Kind{compose.KindLive, compose.KindDisk, compose.KindPXELive, compose.KindTar, compose.KindOCI} {
		uses := []string{"packages", "exclude", "repos", "kickstart", "options.product", "options.variant", "options.virt"}
		if kind == compose.KindLive {
			uses = append(uses, "boot_args", "options.rootfs_type", "options.smoke_boot")
		}
		if kind == compose.KindPXELive {
			uses = append(uses, "options.rootfs_size")
		}
		list = append(list, compose.Capability{Kind: kind, Native: true, Oldest: 38, Uses: uses})
	}
	return list
}

// Probe implements compose.Backend. anaconda's version is not asked: it takes a
// while, and livemedia-creator wants none in particular.
func (*Backend) Probe(ctx context.Context, runner compose.Runner) ([]compose.Tool, error) {
	_, missing := runner.Look("anaconda", "anaconda-tui")
	tool, err := compose.ProbeTool(ctx, runner, compose.Tool{Name: Tool, Package: Package, Oldest: pylorax.Oldest}, "-V")
	if err := errors.Join(err, missing); err != nil {
		return nil, err
	}
	for _, option := range []string{"--ks", "--resultdir", "--logfile", "--tmp", "--no-virt", "--nomacboot"} {
		if !tool.Has(option) {
			return nil, fmt.Errorf("probe livemedia-creator %s: its help does not list %s: it is none that this version can use", tool.Version, option)
		}
	}
	return []compose.Tool{tool, {Name: "anaconda", Package: "anaconda-tui"}}, nil
}

// Build implements compose.Backend.
func (b *Backend) Build(ctx context.Context, p *compose.Plan, j *compose.BackendJob) (*compose.Made, error) {
	tool, argv, err := pylorax.Prepare(ctx, p, j, Tool, Package, translate)
	if err != nil {
		return nil, err
	}
	if err := writeInputs(p, j); err != nil {
		return nil, err
	}
	if !p.Request.Options.Virt {
		unlock, err := b.alone(ctx, j)
		if err != nil {
			return nil, err
		}
		defer unlock()
	}
	run := pylorax.Invocation{Tool: tool, Argv: argv, Log: logName, Stages: stages(), Share: percentBuilt}
	cmd, err := run.Run(ctx, p, j)
	if err != nil {
		return nil, err
	}
	j.Progress("collect", percentBuilt, "collecting the results")
	artifacts, err := collect(p, j.OutDir)
	if err != nil {
		return nil, err
	}
	return &compose.Made{Artifacts: artifacts, Commands: []compose.Command{cmd}}, nil
}

const percentBuilt = 98

// alone waits until no other build of this host runs anaconda.
func (b *Backend) alone(ctx context.Context, j *compose.BackendJob) (unlock func(), err error) {
	path := b.Lock
	if path == "" {
		path = filepath.Join(os.TempDir(), "respin-anaconda.lock")
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	for said := false; ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			// The kernel lets go when the file is closed, however this process ends.
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, fmt.Errorf("lock %s: %w", path, errors.Join(err, f.Close()))
		}
		if !said {
			said = true
			j.Progress("wait", 0, "waiting until no other build of this host runs anaconda")
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for anaconda to be free: %w", errors.Join(ctx.Err(), f.Close()))
		case <-time.After(lockPause):
		}
	}
}

const lockPause = 200 * time.Millisecond
