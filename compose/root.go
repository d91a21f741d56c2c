package compose

import (
	"context"
	"fmt"
)

// Roots makes roots of their own for the tools of native back ends: those that
// run programs of the release that they compose. compose/runner has two, of mock
// and of podman. Every other back end's tools run on the host: by the builder's
// Runner, which may be a Roots too, for what one compose takes of the host.
type Roots interface {
	// Begin makes a root that tools can be run in. Its errors may be a
	// *proc.NotFoundError that says what the host lacks.
	Begin(context.Context, RootJob) (Root, error)
}

// Root is a Runner of another root. Close ends what runs in it and removes it.
type Root interface {
	Runner
	Close() error
}

// RootJob says what a root is for.
type RootJob struct {
	ID      string // names the root; letters, digits, dash and underscore
	Release string // "" for whichever the operator probes with
	Arch    string
	// Dir is the compose's own directory: what grows in it counts against the
	// limit of disk. "": nothing counts.
	Dir string
	// Read and Write are the directories and files of the host that are reached
	// in the root under the same paths.
	Read, Write []string
}

// IsNative tells whether a back end makes anything that is native, so that its
// tools run in a root.
func IsNative(b Backend) bool {
	for _, c := range b.Makes() {
		if c.Native {
			return true
		}
	}
	return false
}

// Probed is what was found where a back end's tools would run.
type Probed struct {
	Tools []Tool
	Where string // the root, as "image NAME"; "": the host
}

// ProbeTools asks a back end's tools where they would run: in a root of roots
// (nil: none), which may take minutes to make, or by runner.
func ProbeTools(ctx context.Context, backend Backend, runner Runner, roots Roots) (found Probed, err error) {
	if roots = rootsFor(backend, runner, roots); roots == nil {
		found.Tools, err = backend.Probe(ctx, runner)
		return found, err //nolint:wrapcheck // it says what is missing
	}
	root, err := roots.Begin(ctx, RootJob{ID: "probe-" + backend.Name(), Arch: HostArch()})
	if err != nil {
		return found, err //nolint:wrapcheck // it says what is missing
	}
	found.Where = where(root)
	found.Tools, err = backend.Probe(ctx, root)
	if closeErr := root.Close(); err == nil {
		err = closeErr
	}
	return found, err
}

// ProbeBackend tells why a back end's tools cannot be used where they would run;
// see ProbeTools.
func ProbeBackend(ctx context.Context, backend Backend, runner Runner, roots Roots) error {
	_, err := ProbeTools(ctx, backend, runner, roots)
	return err
}

// rootsFor is where a back end's tools get their root from; nil: they have none.
func rootsFor(b Backend, runner Runner, roots Roots) Roots {
	if roots != nil && IsNative(b) {
		return roots
	}
	host, _ := runner.(Roots)
	return host
}

// enter gives the job its runner.
func (r *build) enter(ctx context.Context, x *part) error {
	roots := rootsFor(x.backend, r.runner, r.roots)
	if roots == nil {
		return nil
	}
	read, write := x.job.Dirs()
	root, err := roots.Begin(ctx, RootJob{ID: r.work.ID, Release: r.plan.Request.Release, Arch: r.plan.Request.Arch, Dir: r.work.Dir, Read: read, Write: write})
	if err != nil {
		return fmt.Errorf("make root for the tools: %w", err)
	}
	r.root, x.job.Runner = root, root
	return nil
}

// leave removes the root, also when the build failed.
func (r *build) leave() error {
	if r.root == nil {
		return nil
	}
	err := r.root.Close()
	r.root = nil
	if err != nil {
		return fmt.Errorf("remove root of the tools: %w", err)
	}
	return nil
}

// RunsScripts tells whether making this runs commands that the request itself
// brings: scriptlets of the packages it names, scripts of a kickstart that is
// installed from, lorax templates, scripts of a kiwi description. What a remaster
// or a DVD carries only lies on the medium; a DVD that names no boot.iso has one
// made.
func (r *Request) RunsScripts() bool {
	switch r.Kind {
	case KindBootISO, KindLive, KindDisk, KindPXELive, KindTar, KindOCI:
		return true
	case KindDVD:
		return r.Base == nil || *r.Base == (Base{})
	case KindRepo, KindRepoISO, KindUpdatesImg, KindRemaster:
	}
	return false
}
