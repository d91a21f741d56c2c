package updates

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Backend makes composes of the kind updates-img. It runs no program and serves
// every architecture on any host.
type Backend struct{}

var _ compose.Backend = (*Backend)(nil)

// ImageName is the name of the image: that under which installers look for one
// by themselves, in images/ of a tree and at the root of a medium.
const ImageName = "updates.img"

// Name implements compose.Backend.
func (*Backend) Name() string { return "updates" }

// Makes implements compose.Backend.
func (*Backend) Makes() []compose.Capability {
	return []compose.Capability{{Kind: compose.KindUpdatesImg}}
}

// Describe implements compose.Backend. There is no argv, because no program is run.
func (*Backend) Describe(p *compose.Plan) error {
	if len(p.RPMs) == 0 {
		return compose.Refuse(compose.Problem{
			Code: compose.CodeNoSources, Field: "sources", Sentence: "There is no RPM to make an updates image of.",
			Remedy: "Name a source that has packages for the architecture.",
		})
	}
	if p.Request.VolID != "" {
		p.Warnings = append(p.Warnings, compose.Warning{
			Code: string(compose.CodeUnsupportedField), Field: "volid", Sentence: "An updates-img is no volume and does not use volid.",
		})
	}
	p.VolID, p.Image = "", ImageName
	for i := range p.RPMs {
		if p.RPMs[i].Arch == "src" {
			p.Warnings = append(p.Warnings, compose.Warning{
				Code: string(compose.CodeUnsupportedField), Field: "options.include_source",
				Sentence: "The source packages are in the side repo only: an updates image takes what is installed.",
			})
			break
		}
	}
	return nil
}

// Probe implements compose.Backend: nothing is needed.
func (*Backend) Probe(context.Context, compose.Runner) ([]compose.Tool, error) { return nil, nil }

// Build implements compose.Backend.
func (*Backend) Build(ctx context.Context, p *compose.Plan, j *compose.BackendJob) (*compose.Made, error) {
	progress := func(percent int, message string) { j.Progress("", percent, message) }
	if err := MakeFor(ctx, p, j, filepath.Join(j.OutDir, p.Image), progress); err != nil {
		return nil, err
	}
	return &compose.Made{Artifacts: []compose.Artifact{{Name: p.Image, Path: p.Image, Type: compose.ArtifactImage}}}, nil
}

// MakeFor makes the image of a Plan's side repo at path, for whatever back end
// has a use for it. Errors that users cause are *compose.FailedError.
func MakeFor(ctx context.Context, p *compose.Plan, j *compose.BackendJob, path string, progress func(percent int, message string)) error {
	inputs, _ := inputsOf(p, j)
	o := optionsOf(p, j)
	last := 0
	o.Progress = func(percent int, message string) {
		last = max(last, percent)
		progress(last, message)
	}
	f, err := atomicfile.Create(path, 0o644)
	if err != nil {
		return err
	}
	defer f.Abort()
	report, err := Write(ctx, f, inputs, o)
	if err != nil {
		if ctx.Err() == nil {
			_, _ = fmt.Fprintln(j.Log, "updates image:", err)
			err = diagnose(err)
		}
		return err
	}
	if err := f.Commit(); err != nil {
		return err
	}
	for _, w := range report.Warnings {
		_, _ = fmt.Fprintln(j.Log, "warning:", w)
	}
	_, _ = fmt.Fprintf(j.Log, "updates image: %d files and %d folders of %d packages, %d bytes unpacked\n", report.Files, report.Folders, len(report.Packages), report.Size)
	return nil
}

// inputsOf are the RPMs of the Plan that are no sources, and their numbers in it.
func inputsOf(p *compose.Plan, j *compose.BackendJob) (inputs []Input, numbers []int) {
	for i := range p.RPMs {
		r := &p.RPMs[i]
		if r.Arch != "src" {
			inputs = append(inputs, Input{Path: filepath.Join(j.SideRepo, filepath.FromSlash(r.RepoPath())), Name: r.File})
			numbers = append(numbers, i)
		}
	}
	return inputs, numbers
}

func optionsOf(p *compose.Plan, j *compose.BackendJob) Options {
	return Options{Time: time.Unix(p.Epoch, 0), MergeUsr: true, Verify: j.Verify}
}

// diagnose gives the errors that users cause their own codes.
func diagnose(err error) error {
	fail := func(code compose.Code, remedy string, because error) error {
		return &compose.FailedError{Err: err, Failure: compose.Failure{
			Code: code, Stage: compose.StageCompose, Sentence: "The updates image cannot be made: " + because.Error() + ".", Remedy: remedy,
		}}
	}
	if e, ok := errors.AsType[*ConflictError](err); ok {
		return fail(compose.CodeFileConflict, "Leave one of the packages out.", e)
	}
	if e, ok := errors.AsType[*FileError](err); ok {
		return fail(compose.CodeFileRefused, "Leave the package out.", e)
	}
	if e, ok := errors.AsType[*TooLargeError](err); ok {
		return fail(compose.CodeImageTooLarge, "Name fewer packages: the installer holds the image in memory.", e)
	}
	if e, ok := errors.AsType[*InputError](err); ok {
		return fail(compose.CodeRPMAltered, "Retry; if it stays, the package is damaged.", e)
	}
	return err
}

// Verify implements compose.Backend: every file of every package is compared
// with the digests of the package's header.
func (*Backend) Verify(ctx context.Context, p *compose.Plan, j *compose.BackendJob, made *compose.Made) (*compose.Proof, error) {
	f, err := os.Open(filepath.Join(j.OutDir, filepath.FromSlash(made.Artifacts[0].Path)))
	if err != nil {
		return nil, fmt.Errorf("read updates image: %w", err)
	}
	defer func() { _ = f.Close() }()
	report, numbers, err := CheckFor(ctx, p, j, f)
	if err != nil {
		return nil, err
	}
	proof := &compose.Proof{Packages: make([]compose.PackageEntry, len(p.RPMs))}
	for i := range report.Packages {
		r := &p.RPMs[numbers[report.Packages[i].Input]]
		proof.Packages[numbers[report.Packages[i].Input]] = r.Entry(report.Packages[i].Verdict, r.RepoPath(), "files in the updates image")
	}
	for i := range p.RPMs {
		if r := &p.RPMs[i]; r.Arch == "src" {
			v, err := verifyFile(filepath.Join(j.SideRepo, filepath.FromSlash(r.RepoPath())), j.Verify)
			if err != nil {
				return nil, err
			}
			proof.Packages[i] = r.Entry(v, r.RepoPath(), "side repo")
		}
	}
	return proof, nil
}

// CheckFor reads the image of a Plan's side repo back. numbers are those of the
// inputs of the Report among the Plan's RPMs. An image that is not right is a
// *compose.FailedError.
func CheckFor(ctx context.Context, p *compose.Plan, j *compose.BackendJob, image io.Reader) (report *Report, numbers []int, err error) {
	inputs, numbers := inputsOf(p, j)
	report, err = Check(ctx, image, inputs, optionsOf(p, j))
	if err != nil && ctx.Err() == nil {
		err = &compose.FailedError{Err: err, Failure: compose.Failure{
			Code: compose.CodeVerifyFailed, Stage: compose.StageVerify, Sentence: "The updates image does not hold what its packages do: " + err.Error() + ".",
		}}
	}
	return report, numbers, err
}

func verifyFile(path string, o rpm.VerifyOptions) (*rpm.Verdict, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read side repo: %w", err)
	}
	defer func() { _ = f.Close() }()
	return rpm.Verify(f, o) //nolint:wrapcheck // it says what it does
}
