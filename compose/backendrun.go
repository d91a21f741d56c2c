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

	"github.com/fedora-respin/respin/compose/proof"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo/rpm"
)

// madeDir is where a back end makes its artifacts, below Work.Dir. They move to
// OutDir only when all of them are whole. Those of Plan.First stay in firstDir
// until the build ends.
const (
	madeDir  = "made"
	firstDir = "made-first"
)

// shippedPath is the list of packages that the image was found to hold.
const shippedPath = "packages.txt"

// part is one image of a build: that of the Plan, or the one that it starts from.
type part struct {
	plan     *Plan
	first    bool // it is Plan.First: not published, and its packages are the installer's
	backend  Backend
	job      *BackendJob
	made     *Made
	contents *proof.Contents // what the image has installed; nil when nobody has looked
}

// percentFirst is the share of the image that is made first in stage compose:
// lorax takes many times as long as writing a medium.
const percentFirst = 70

// compose runs the back end, after that of the image which it starts from.
func (r *build) compose(ctx context.Context) error {
	if r.plan.Backend == "" {
		return nil
	}
	if p := r.plan.FirstPlan(); p != nil {
		first := &part{plan: p, first: true}
		if err := r.make(ctx, first, 0, percentFirst); err != nil {
			return err
		}
		r.base = filepath.Join(first.job.OutDir, p.Image)
		return r.make(ctx, &part{plan: r.plan}, percentFirst, 100)
	}
	return r.make(ctx, &part{plan: r.plan}, 0, 100)
}

// make runs one back end; the percents are its share of the stage.
func (r *build) make(ctx context.Context, x *part, from, to int) error {
	i := slices.IndexFunc(r.backends, func(b Backend) bool { return b.Name() == x.plan.Backend })
	if i < 0 {
		return &FailedError{Failure: Failure{
			Code: CodeToolMissing, Stage: StageCompose, Sentence: fmt.Sprintf("This build node has no back end named %s.", x.plan.Backend),
		}}
	}
	x.backend = r.backends[i]
	if err := x.native(); err != nil {
		return err
	}
	var err error
	if x.job, err = r.newJob(x, from, to); err != nil {
		return err
	}
	r.parts = append(r.parts, x)
	if err := r.enter(ctx, x); err != nil {
		return err
	}
	if x.job.Tools, err = x.backend.Probe(ctx, x.job.Runner); err != nil {
		return err
	}
	r.result.Tools = append(r.result.Tools, x.job.Tools...)
	for _, t := range x.job.Tools {
		r.logf("tool %s %s", t.Name, t.Version)
	}
	if x.made, err = x.backend.Build(ctx, x.plan, x.job); err != nil {
		return fmt.Errorf("make image: %w", err)
	}
	// A tool that answers a cancellation by ending well has still been canceled.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("make image: %w", err)
	}
	r.result.Commands = append(r.result.Commands, x.made.Commands...)
	if err := checkMade(x.plan, x.job.OutDir, x.made); err != nil {
		return err
	}
	return r.leave()
}

// native refuses to run programs of another architecture: they would fail after
// a while, with words that tell nothing.
func (x *part) native() error {
	req := &x.plan.Request
	c, ok := capability(x.backend, req.Kind, req.Arch, req.Release)
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

func (r *build) newJob(x *part, from, to int) (*BackendJob, error) {
	temp := filepath.Join(r.temp(), x.plan.Backend)
	j := &BackendJob{
		SideRepo: filepath.Join(r.out, repoDir), OutDir: filepath.Join(r.work.Dir, madeDir), LogDir: filepath.Join(r.out, "logs"),
		CacheDir: filepath.Join(r.cacheDir, "backend", x.plan.Backend), Temp: temp, Runner: r.runner,
		Log: r.log, Verify: rpm.VerifyOptions{Keyring: r.keys.Keyring},
		Progress: func(stage string, percent int, message string) {
			switch {
			case message == "":
				message = stage
			case stage != "":
				message = stage + ": " + message
			}
			if r.tracker.current() == StageCompose {
				percent = from + min(max(percent, 0), 100)*(to-from)/100
			}
			r.tracker.step(percent, message)
		},
	}
	if x.first {
		j.OutDir = filepath.Join(r.work.Dir, firstDir)
	} else {
		j.Base, j.Gathered, j.Files, j.UpdatesImage, j.Description = r.base, r.gathered, r.files, r.updatesImage, r.description
	}
	if x.plan.Kickstart != "" {
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

// verifyPart reads the artifacts of one image back. Those of the Plan's own move
// to where they are published from once they are found to be right.
func (r *build) verifyPart(ctx context.Context, x *part) error {
	found, err := x.backend.Verify(ctx, x.plan, x.job, x.made)
	if err != nil {
		return fmt.Errorf("read image back: %w", err)
	}
	r.logf("image %s: volume %s, bootable %t", x.plan.Image, found.Image.VolID, found.Image.Bootable)
	if !x.first {
		r.summed = found.Digest
	}
	image := &x.made.Artifacts[0]
	image.Bootable, image.ImplantedMD5 = found.Image.Bootable, found.Image.ImplantedMD5
	if found.Packages, err = r.prove(ctx, x, found); err != nil {
		return err
	}
	if err := r.writeShipped(found.Shipped); err != nil {
		return err
	}
	err = r.judge(x.plan, found.Packages, func(spec string) error { return x.ships(found, spec) })
	if x.first && err == nil {
		r.installer = found.Packages
		return nil
	}
	r.report(found.Packages)
	if err != nil {
		return err
	}
	return r.takeMade(x)
}

// report makes the package report, to which the installer that a medium was made
// with adds what it has itself.
func (r *build) report(entries []PackageEntry) {
	r.result.Packages = entries
	for i := range r.installer {
		if e := &r.installer[i]; i < len(entries) {
			entries[i].Installer = &InstallerEntry{Shipped: e.Shipped, Repo: e.Repo, Verdict: e.Verdict, Evidence: e.Evidence, Reason: e.Reason}
		}
	}
}

// writeShipped lists the packages that an image has installed.
func (r *build) writeShipped(list []Shipped) error {
	if list == nil {
		return nil
	}
	var text strings.Builder
	for _, s := range list {
		text.WriteString(s.NEVRA + "\n")
	}
	if err := atomicfile.Write(filepath.Join(r.out, shippedPath), []byte(text.String()), 0o644); err != nil {
		return err
	}
	r.result.Artifacts = append(r.result.Artifacts, Artifact{Path: shippedPath, Type: ArtifactMetadata})
	return nil
}

// takeMade moves the artifacts into the published directory.
func (r *build) takeMade(x *part) error {
	for _, a := range x.made.Artifacts {
		from, to := filepath.Join(x.job.OutDir, filepath.FromSlash(a.Path)), filepath.Join(r.out, filepath.FromSlash(a.Path))
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
