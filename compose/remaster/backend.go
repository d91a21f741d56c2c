package remaster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/updates"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Backend makes composes of the kinds remaster and repo-iso. It needs no root
// and serves every architecture on any host.
type Backend struct{}

var _ compose.Backend = (*Backend)(nil)

// Name implements compose.Backend.
func (*Backend) Name() string { return "remaster" }

// Makes implements compose.Backend.
func (*Backend) Makes() []compose.Capability {
	return []compose.Capability{
		{Kind: compose.KindRemaster, Uses: []string{
			"kickstart", "boot_args", "remove_args", "replace", "files", "updates_image",
			"options.smoke_boot", "options.updates_img", "options.no_md5sum",
		}},
		{Kind: compose.KindRepoISO},
	}
}

// Describe implements compose.Backend. The argv is what happens in principle;
// ${...} stand for paths of the build node.
func (*Backend) Describe(p *compose.Plan) error {
	if err := iso.ValidVolumeID(p.VolID); err != nil {
		return compose.Refuse(compose.Problem{Code: compose.CodeBadVolID, Field: "volid", Sentence: err.Error() + ".", Remedy: "Use at most 32 of A-Z a-z 0-9 _ -."})
	}
	if p.Request.Kind == compose.KindRepoISO {
		p.Tools = []compose.Tool{{Name: "xorriso", Package: "xorriso"}}
		p.Argv = []string{"xorriso", "-as", "mkisofs", "-R", "-J", "-V", p.VolID, "-o", "${output}", "${siderepo}"}
		return nil
	}
	p.Tools = []compose.Tool{{Name: "xorriso", Package: "xorriso"}, {Name: "mcopy", Package: "mtools"}}
	p.Argv = []string{"xorriso", "-indev", "${base}", "-outdev", "${output}", "-boot_image", "any", "replay", "-volid", p.VolID}
	if len(p.RPMs) > 0 {
		p.Argv = append(p.Argv, "-map", "${siderepo}", "/"+compose.MediumRepo)
	}
	if p.Request.Options.UpdatesImg {
		if len(p.RPMs) == 0 {
			return compose.Refuse(compose.Problem{
				Code: compose.CodeNoSources, Field: "options.updates_img", Sentence: "There is no RPM to make an updates image of.",
				Remedy: "Name a source, or leave options.updates_img out.",
			})
		}
		p.Argv = append(p.Argv, "-map", compose.HoldTemp+"/"+updates.ImageName, "/"+updates.ImageName)
	}
	if p.UpdatesImage != nil {
		p.Argv = append(p.Argv, "-map", compose.HoldUpdates, p.UpdatesImage.Path)
	}
	if p.Kickstart != "" {
		p.Argv = append(p.Argv, "-map", "${kickstart}", "/"+compose.MediumKickstart)
	}
	for i, f := range p.Files {
		p.Argv = append(p.Argv, "-map", compose.HoldFile(i), f.Path)
	}
	return nil
}

// Probe implements compose.Backend.
func (*Backend) Probe(ctx context.Context, runner compose.Runner) ([]compose.Tool, error) {
	found, err := Tools(ctx, runner)
	if err != nil {
		return nil, err
	}
	var tools []compose.Tool
	for _, t := range found {
		tools = append(tools, compose.Tool{Name: t.Name, Version: t.Version})
	}
	return tools, nil
}

// Build implements compose.Backend.
func (b *Backend) Build(ctx context.Context, p *compose.Plan, j *compose.BackendJob) (*compose.Made, error) {
	at := time.Unix(p.Epoch, 0).UTC()
	runner := &recorder{Runner: j.Runner, job: j, plan: p}
	made := &compose.Made{Artifacts: []compose.Artifact{{Name: p.Image, Path: p.Image, Type: compose.ArtifactISO}}}
	output := filepath.Join(j.OutDir, p.Image)
	progress := func(percent int, message string) { j.Progress("", percent, message) }
	if p.Request.Kind == compose.KindRepoISO {
		_, err := MakeRepoISO(ctx, RepoJob{
			Dir: j.SideRepo, Output: output, VolID: p.VolID, Time: at, Runner: runner, Log: j.Log, Progress: progress,
		})
		made.Commands = runner.commands
		return made, err
	}
	job := Job{
		BaseISO: j.Base, Output: output, Arch: p.Request.Arch, VolID: p.VolID, BootArgs: slices.Clone(p.Request.BootArgs), RemoveArgs: p.Request.RemoveArgs,
		NoChecksum: p.Request.Options.NoMD5Sum, Time: at, WorkDir: j.Temp, Runner: runner, Log: j.Log, Progress: progress,
	}
	for _, x := range p.Request.Replace {
		job.Replace = append(job.Replace, Replacement(x))
	}
	if p.UpdatesImage != nil {
		job.UpdatesImg, job.UpdatesName = j.UpdatesImage, path.Base(p.UpdatesImage.Path)
	}
	for i, f := range p.Files {
		job.Add = append(job.Add, Graft{Local: j.Files[i], ISOPath: f.Path, Executable: f.Executable})
	}
	if p.Kickstart != "" {
		job.Kickstart, job.KickstartName = []byte(p.Kickstart), compose.MediumKickstart
	}
	if len(p.RPMs) > 0 {
		job.Add = append(job.Add, Graft{Local: j.SideRepo, ISOPath: "/" + compose.MediumRepo})
		if p.Kickstart == "" {
			// Without a kickstart nothing names the side repo to the installer but this.
			job.BootArgs = append(job.BootArgs, "inst.addrepo="+compose.MediumRepoName+",file:///run/install/repo/"+compose.MediumRepo+"/")
		}
	}
	if p.Request.Options.UpdatesImg {
		job.UpdatesImg = filepath.Join(j.Temp, updates.ImageName)
		err := updates.MakeFor(ctx, p, j, job.UpdatesImg, func(percent int, message string) { progress(percent*percentUpdates/100, message) })
		if err != nil {
			return made, err //nolint:wrapcheck // it is diagnosed
		}
		job.Progress = func(percent int, message string) { progress(percentUpdates+percent*(100-percentUpdates)/100, message) }
	}
	res, err := Run(ctx, job)
	made.Commands = runner.commands
	if err != nil {
		return made, Diagnose(err)
	}
	return made, writeWarnings(j.Log, res.Warnings)
}

func writeWarnings(log io.Writer, warnings []string) error {
	if log == nil {
		return nil
	}
	for _, w := range warnings {
		if _, err := fmt.Fprintln(log, "warning:", w); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
	}
	return nil
}

// percentUpdates is the share of making an updates.img for the medium.
const percentUpdates = 20

// tempName is the name of a folder for work: it says nothing, and differs each time.
var tempName = regexp.MustCompile(regexp.QuoteMeta(atomicfile.TempPrefix) + `[0-9]+`)

// recorder keeps what was run for the Result.
type recorder struct {
	compose.Runner
	job      *compose.BackendJob
	plan     *compose.Plan
	commands []compose.Command
}

// Run implements compose.Runner.
func (r *recorder) Run(ctx context.Context, c proc.Cmd) error {
	tool, _ := r.job.Tool(c.Name)
	tool.Name = c.Name
	cmd := r.job.Record(r.plan, tool, append([]string{c.Name}, c.Args...))
	for i, arg := range cmd.Argv {
		cmd.Argv[i] = tempName.ReplaceAllString(arg, "work")
	}
	r.commands = append(r.commands, cmd)
	return r.Runner.Run(ctx, c) //nolint:wrapcheck // the error says what ran
}

// Diagnose gives the errors of Run that users cause their own codes; others it
// returns as they are.
func Diagnose(err error) error {
	fail := func(code compose.Code, sentence, remedy string) error {
		return &compose.FailedError{Err: err, Failure: compose.Failure{Code: code, Stage: compose.StageCompose, Sentence: sentence, Remedy: remedy}}
	}
	if arch, ok := errors.AsType[*ArchError](err); ok {
		return fail(compose.CodeBaseWrongArch, "The base image is of another architecture: "+arch.Error()+".", "Give the image of the wanted architecture.")
	}
	if not, ok := errors.AsType[*iso.NotISOError](err); ok {
		return fail(compose.CodeBaseNotISO, "The base is not an ISO 9660 image: "+not.Reason+".", "Give a boot.iso.")
	}
	if graft, ok := errors.AsType[*GraftError](err); ok {
		return fail(compose.CodeFileConflict, "A file cannot go onto the medium: "+graft.Error()+".", "Leave it out, or give it another place.")
	}
	if none, ok := errors.AsType[*NoBootConfigError](err); ok {
		return fail(compose.CodeBaseNotISO, "The base image cannot be remastered: "+none.Error()+".", "Give a boot.iso of Fedora's.")
	}
	return err
}

// Verify implements compose.Backend: it reads the RPMs, the kickstart and the
// medium checksum back from the finished image itself.
func (b *Backend) Verify(ctx context.Context, p *compose.Plan, j *compose.BackendJob, made *compose.Made) (*compose.Proof, error) {
	output := filepath.Join(j.OutDir, filepath.FromSlash(made.Artifacts[0].Path))
	digest, err := readBack(ctx, output, p.Request.Options.NoMD5Sum && p.Request.Kind == compose.KindRemaster)
	if err != nil {
		return nil, err
	}
	image, err := iso.Open(output)
	if err != nil {
		return nil, err
	}
	defer func() { _ = image.Close() }()
	info, err := image.Info()
	if err != nil {
		return nil, err
	}
	facts := compose.ImageFacts{VolID: info.VolumeID, Bootable: info.Bootable()}
	if info.Checksum != nil {
		facts.ImplantedMD5 = info.Checksum.MD5
	}
	if info.VolumeID != p.VolID {
		return nil, verifyFailed("The image has the volume id %s where %s was asked for.", info.VolumeID, p.VolID)
	}
	if p.Kickstart != "" && p.Request.Kind == compose.KindRemaster {
		text, err := image.ReadFile("/"+compose.MediumKickstart, 4<<20)
		if err != nil || string(text) != p.Kickstart {
			return nil, verifyFailed("The kickstart on the image is not the one of the Plan.")
		}
	}
	if p.Request.Options.UpdatesImg && p.Request.Kind == compose.KindRemaster {
		f, err := image.OpenFile("/" + updates.ImageName)
		if err != nil {
			return nil, verifyFailed("The updates image is not on the medium.")
		}
		if _, _, err := updates.CheckFor(ctx, p, j, f); err != nil {
			return nil, err //nolint:wrapcheck // it is diagnosed
		}
	}
	if err := checkFiles(ctx, image, p); err != nil {
		return nil, err
	}
	entries, err := b.packages(ctx, image, p, j)
	return &compose.Proof{Packages: entries, Image: facts, Digest: digest}, err
}

// readBack checks the medium checksum and takes the digest that the image is
// published with, in one pass.
func readBack(ctx context.Context, output string, noChecksum bool) (*compose.Digest, error) {
	st, err := os.Stat(output)
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	sum := sha256.New()
	err = iso.CheckInto(ctx, output, sum)
	if noChecksum && errors.Is(err, iso.ErrNoChecksum) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("check the medium checksum: %w", err)
	}
	return &compose.Digest{Size: st.Size(), SHA256: hex.EncodeToString(sum.Sum(nil)), ModTime: st.ModTime()}, nil
}

// checkFiles reads the files for the medium back.
func checkFiles(ctx context.Context, image *iso.Image, p *compose.Plan) error {
	list := slices.Clone(p.Files)
	if p.UpdatesImage != nil {
		list = append(list, *p.UpdatesImage)
	}
	for _, f := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := image.OpenFile(f.Path)
		if err != nil {
			return verifyFailed("The file %s is not on the medium.", f.Path)
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, r); err != nil {
			return fmt.Errorf("read %s from the image: %w", f.Path, err)
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
			return verifyFailed("The file %s on the medium has the SHA-256 sum %s where the Plan has %s.", f.Path, got, f.SHA256)
		}
	}
	return nil
}

func verifyFailed(format string, args ...any) error {
	return &compose.FailedError{Failure: compose.Failure{Code: compose.CodeVerifyFailed, Stage: compose.StageVerify, Sentence: fmt.Sprintf(format, args...)}}
}

// packages verifies every RPM on the image and that the medium's repodata is the
// side repo's.
func (b *Backend) packages(ctx context.Context, image *iso.Image, p *compose.Plan, j *compose.BackendJob) ([]compose.PackageEntry, error) {
	if len(p.RPMs) == 0 {
		return nil, nil
	}
	root := "/" + compose.MediumRepo
	if p.Request.Kind == compose.KindRepoISO {
		root = "/"
	}
	want, err := os.ReadFile(filepath.Join(j.SideRepo, "repodata", "repomd.xml"))
	if err != nil {
		return nil, fmt.Errorf("read side repo: %w", err)
	}
	got, err := image.ReadFile(path.Join(root, "repodata/repomd.xml"), 4<<20)
	if err != nil || string(got) != string(want) {
		return nil, verifyFailed("The repodata on the image are not those of the side repo.")
	}
	entries := make([]compose.PackageEntry, 0, len(p.RPMs))
	for i := range p.RPMs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := &p.RPMs[i]
		name := path.Join(root, r.RepoPath())
		f, err := image.OpenFile(name)
		if err != nil {
			entries = append(entries, compose.PackageEntry{Name: r.Name, Arch: r.Arch, Requested: r.NEVRA, Verdict: compose.VerdictMissing})
			continue
		}
		v, err := rpm.Verify(f, j.Verify)
		if err != nil {
			return nil, fmt.Errorf("read %s from the image: %w", name, err)
		}
		entries = append(entries, r.Entry(v, name, "side repo on the medium"))
		if j.Progress != nil {
			j.Progress("", i*100/len(p.RPMs), r.File)
		}
	}
	return entries, nil
}
