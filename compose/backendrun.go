package compose

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo/rpm"
)

// madeDir is where a back end makes its artifacts, below Work.Dir. They move to
// OutDir only when all of them are whole.
const madeDir = "made"

// shippedPath is the list of packages that the image was found to hold.
const shippedPath = "packages.txt"

// compose runs the back end.
func (r *build) compose(ctx context.Context) error {
	if r.plan.Backend == "" {
		return nil
	}
	i := slices.IndexFunc(r.backends, func(b Backend) bool { return b.Name() == r.plan.Backend })
	if i < 0 {
		return &FailedError{Failure: Failure{
			Code: CodeToolMissing, Stage: StageCompose, Sentence: fmt.Sprintf("This build node has no back end named %s.", r.plan.Backend),
		}}
	}
	r.backend = r.backends[i]
	if err := r.native(); err != nil {
		return err
	}
	var err error
	if r.job, err = r.newJob(); err != nil {
		return err
	}
	if err := r.enter(ctx); err != nil {
		return err
	}
	tools, err := r.backend.Probe(ctx, r.job.Runner)
	if err != nil {
		return err
	}
	r.result.Tools, r.job.Tools = tools, tools
	for _, t := range tools {
		r.logf("tool %s %s", t.Name, t.Version)
	}
	if r.made, err = r.backend.Build(ctx, r.plan, r.job); err != nil {
		return fmt.Errorf("make image: %w", err)
	}
	// A tool that answers a cancellation by ending well has still been canceled.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("make image: %w", err)
	}
	r.result.Commands = r.made.Commands
	return checkMade(r.plan, r.job.OutDir, r.made)
}

// native refuses to run programs of another architecture: they would fail after
// a while, with words that tell nothing.
func (r *build) native() error {
	req := &r.plan.Request
	c, ok := capability(r.backend, req.Kind, req.Arch, req.Release)
	if !ok || !c.Native || req.Arch == HostArch() {
		return nil
	}
	return &FailedError{
		Err: fmt.Errorf("make a %s of %s on %s", req.Kind, req.Arch, HostArch()),
		Failure: Failure{
			Code: CodeToolMissing, Stage: StageCompose, Remedy: "Use a build node of " + req.Arch + ".",
			Sentence: fmt.Sprintf("A %s runs programs of its own architecture: one for %s cannot be made on %s.", req.Kind, req.Arch, HostArch()),
		},
	}
}

func (r *build) newJob() (*BackendJob, error) {
	j := &BackendJob{
		SideRepo: filepath.Join(r.out, repoDir), Base: r.base, Gathered: r.gathered, OutDir: filepath.Join(r.work.Dir, madeDir), LogDir: filepath.Join(r.out, "logs"),
		CacheDir: filepath.Join(r.cacheDir, "backend", r.plan.Backend), Temp: filepath.Join(r.temp(), "backend"), Runner: r.runner,
		Log: r.log, Verify: rpm.VerifyOptions{Keyring: r.keys.Keyring},
		Progress: func(stage string, percent int, message string) {
			switch {
			case message == "":
				message = stage
			case stage != "":
				message = stage + ": " + message
			}
			r.tracker.step(percent, message)
		},
	}
	if r.plan.Kickstart != "" {
		j.Kickstart = filepath.Join(r.out, kickstartPath)
	}
	for _, dir := range []string{j.OutDir, j.CacheDir, j.Temp} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make work directory: %w", err)
		}
	}
	return j, nil
}

// checkMade refuses artifacts that are not plain files of the output directory,
// or that would take the place of what the builder itself writes.
func checkMade(p *Plan, dir string, made *Made) error {
	if len(made.Artifacts) == 0 || made.Artifacts[0].Path != p.Image {
		return fmt.Errorf("make image: the back end has not made %s", p.Image)
	}
	own := []string{repoDir, "logs", planPath, reportPath, kickstartPath, shippedPath}
	seen := map[string]bool{}
	for _, a := range made.Artifacts {
		first, _, _ := strings.Cut(a.Path, "/")
		if !fs.ValidPath(a.Path) || a.Path == "." || slices.Contains(own, first) || seen[a.Path] {
			return fmt.Errorf("make image: the back end names an artifact %q", a.Path)
		}
		seen[a.Path] = true
		st, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(a.Path)))
		if err == nil && !st.Mode().IsRegular() {
			err = errors.New("it is no regular file")
		}
		if err != nil {
			return fmt.Errorf("make image: artifact %s: %w", a.Path, err)
		}
	}
	return nil
}

// verifyImage reads the artifacts back, and moves them to where they are
// published from once they are found to be right.
func (r *build) verifyImage(ctx context.Context) error {
	proof, err := r.backend.Verify(ctx, r.plan, r.job, r.made)
	if err != nil {
		return fmt.Errorf("read image back: %w", err)
	}
	r.logf("image %s: volume %s, bootable %t", r.plan.Image, proof.Image.VolID, proof.Image.Bootable)
	image := &r.made.Artifacts[0]
	image.Bootable, image.ImplantedMD5 = proof.Image.Bootable, proof.Image.ImplantedMD5
	if proof.Packages, err = r.prove(ctx, proof); err != nil {
		return err
	}
	if proof.Shipped != nil {
		var text strings.Builder
		for _, s := range proof.Shipped {
			text.WriteString(s.NEVRA + "\n")
		}
		if err := atomicfile.Write(filepath.Join(r.out, shippedPath), []byte(text.String()), 0o644); err != nil {
			return err
		}
		r.result.Artifacts = append(r.result.Artifacts, Artifact{Path: shippedPath, Type: ArtifactMetadata})
	}
	r.result.Packages = proof.Packages
	if err := r.judge(proof.Packages); err != nil {
		return err
	}
	return r.takeMade()
}

// takeMade moves the artifacts into the published directory.
func (r *build) takeMade() error {
	for _, a := range r.made.Artifacts {
		from, to := filepath.Join(r.job.OutDir, filepath.FromSlash(a.Path)), filepath.Join(r.out, filepath.FromSlash(a.Path))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("place artifact: %w", err)
		}
		if err := os.Rename(from, to); err != nil {
			return fmt.Errorf("place artifact: %w", err)
		}
		if a.Name == "" {
			a.Name = path.Base(a.Path)
		}
		r.result.Artifacts = append(r.result.Artifacts, a)
	}
	return nil
}
