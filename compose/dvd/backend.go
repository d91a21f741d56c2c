package dvd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/productmd"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/repo/comps"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Backend makes composes of the kind dvd: the side repo and the packages that the
// resolver has gathered, on a boot.iso. It needs no root and serves every
// architecture on any host.
type Backend struct{}

var _ compose.Backend = (*Backend)(nil)

// Name implements compose.Backend.
func (*Backend) Name() string { return "dvd" }

// Makes implements compose.Backend.
func (*Backend) Makes() []compose.Capability {
	return []compose.Capability{{Kind: compose.KindDVD, Gathers: true, StartsFrom: compose.KindBootISO, Uses: []string{
		"packages", "exclude", "repos", "kickstart", "boot_args", "options.smoke_boot", "options.skip_preflight", "options.product", "options.variant", "options.medium",
	}}}
}

var variantPattern = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// Describe implements compose.Backend. The argv is what happens in principle.
func (*Backend) Describe(p *compose.Plan) error {
	var problems []compose.Problem
	add := func(code compose.Code, field, sentence, remedy string) {
		problems = append(problems, compose.Problem{Code: code, Field: field, Sentence: sentence, Remedy: remedy})
	}
	if err := iso.ValidVolumeID(p.VolID); err != nil {
		add(compose.CodeBadVolID, "volid", err.Error()+".", "Use at most 32 of A-Z a-z 0-9 _ -.")
	}
	if v := p.Request.Options.Variant; v != "" && !variantPattern.MatchString(v) {
		add(compose.CodeInvalidRequest, "options.variant", fmt.Sprintf("%q cannot be the variant of a medium.", v), "Use letters and digits, as Server.")
	}
	medium, ok := MediumOf(p.Request.Options.Medium)
	if !ok {
		var names []string
		for _, m := range Media() {
			names = append(names, m.Name)
		}
		add(compose.CodeInvalidRequest, "options.medium", fmt.Sprintf("There is no medium %q.", p.Request.Options.Medium), "Use one of "+strings.Join(names, ", ")+".")
	}
	var base int64
	switch {
	case p.Base != nil:
		base = p.Base.Size
	case p.First == nil:
		add(compose.CodeBaseRequired, "base", "A dvd starts from a boot.iso, and none was named.", "Name it with base (--base-iso); a boot-iso compose makes one.")
	}
	packages, count := p.Size()-base, len(p.RPMs)+len(p.Gathered)
	problems = append(problems, required(p)...)
	if count == 0 {
		add(compose.CodePackageNotFound, "packages", "No package would be on the medium.", "Name packages, groups or sources; without any, those of the group core and the kernel are taken where a repository has them.")
	}
	if ok {
		if e, full := errors.AsType[*TooLargeError](medium.Fits(base, packages, count)); full {
			add(compose.CodeImageTooLarge, "packages", sentence(e)+largest(p), larger(e.Need))
		}
	}
	if len(problems) > 0 {
		return compose.Refuse(problems...)
	}
	warn(p, medium, packages, count)
	p.Tools = []compose.Tool{{Name: "xorriso", Package: "xorriso"}, {Name: "mcopy", Package: "mtools"}}
	p.Argv = []string{"xorriso", "-indev", compose.HoldBase, "-outdev", compose.HoldOutput, "-boot_image", "any", "replay", "-volid", p.VolID}
	for _, name := range []string{packagesDir, "repodata", ".treeinfo", ".discinfo", "media.repo"} {
		p.Argv = append(p.Argv, "-map", compose.HoldTemp+"/"+name, "/"+name)
	}
	if p.Kickstart != "" {
		p.Argv = append(p.Argv, "-map", compose.HoldKickstart, "/"+compose.MediumKickstart)
	}
	return nil
}

func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// required finds what the request asks for and no package of the Plan is: it would
// only be missed once the medium is made.
func required(p *compose.Plan) []compose.Problem {
	list := make([]compose.PackageEntry, 0, len(p.RPMs)+len(p.Gathered))
	add := func(nevra string) {
		if n, err := rpm.ParseNEVRA(nevra); err == nil {
			list = append(list, compose.PackageEntry{Name: n.Name, Arch: n.Arch, Shipped: n.EVR.String(), Verdict: compose.VerdictIncluded})
		}
	}
	for i := range p.RPMs {
		add(p.RPMs[i].NEVRA)
	}
	for i := range p.Gathered {
		add(p.Gathered[i].NEVRA)
	}
	var problems []compose.Problem
	for i, spec := range p.Request.Require {
		if err := compose.Ships(list, spec); err != nil {
			problems = append(problems, compose.Problem{
				Code: compose.CodePackageNotFound, Field: fmt.Sprintf("require[%d]", i), Remedy: "Name it in packages, or a source that brings it.",
				Sentence: fmt.Sprintf("Nothing that goes onto the medium is %s: %s.", spec, err),
			})
		}
	}
	return problems
}

// namedLargest is how many packages a refusal names.
const namedLargest = 5

// largest names the packages that take the most room.
func largest(p *compose.Plan) string {
	type one struct {
		name string
		size int64
	}
	var all []one
	for i := range p.RPMs {
		all = append(all, one{p.RPMs[i].NEVRA, p.RPMs[i].Size})
	}
	for i := range p.Gathered {
		all = append(all, one{p.Gathered[i].NEVRA, p.Gathered[i].Size})
	}
	if len(all) == 0 {
		return ""
	}
	slices.SortFunc(all, func(a, b one) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.name, b.name)) })
	var names []string
	for _, o := range all[:min(len(all), namedLargest)] {
		names = append(names, fmt.Sprintf("%s (%s)", o.name, size(o.size)))
	}
	return " The largest are " + strings.Join(names, ", ") + "."
}

// usualBase is what a boot.iso of Fedora's comes to, in bytes: 1.1 GB for the
// netinstall images of Fedora 43 and 44.
const usualBase = 1_100_000_000

// warn tells when a boot.iso that is still to be made may leave too little room.
func warn(p *compose.Plan, medium Medium, packages int64, count int) {
	if p.First == nil {
		return
	}
	if err := medium.Fits(usualBase, packages, count); err != nil {
		p.Warnings = append(p.Warnings, compose.Warning{
			Code: string(compose.CodeImageTooLarge), Field: "options.medium",
			Sentence: "How large the boot.iso becomes is not known yet; with one of the usual size, " + err.Error() + ".",
		})
	}
}

// Probe implements compose.Backend.
func (*Backend) Probe(ctx context.Context, runner compose.Runner) ([]compose.Tool, error) {
	return (&remaster.Backend{}).Probe(ctx, runner) //nolint:wrapcheck // the same tools
}

// productOf is what the medium calls itself.
func productOf(p *compose.Plan) productmd.Product {
	name, version := p.Request.Product()
	return productmd.Product{Name: name, Short: strings.ReplaceAll(name, " ", ""), Version: version}
}

// Build implements compose.Backend.
func (*Backend) Build(ctx context.Context, p *compose.Plan, j *compose.BackendJob) (*compose.Made, error) {
	runner := &recorder{Runner: j.Runner, job: j, plan: p}
	medium, _ := MediumOf(p.Request.Options.Medium)
	job := Job{
		BaseISO: j.Base, Output: filepath.Join(j.OutDir, p.Image), Arch: p.Request.Arch, VolID: p.VolID, Product: productOf(p),
		Variant: p.Request.Options.Variant, Medium: medium, BootArgs: slices.Clone(p.Request.BootArgs), Time: time.Unix(p.Epoch, 0).UTC(),
		WorkDir: j.Temp, Runner: runner, Log: j.Log, Progress: func(percent int, message string) { j.Progress("", percent, message) },
	}
	if p.Kickstart != "" {
		job.Kickstart = []byte(p.Kickstart)
	}
	for i := range p.RPMs {
		r := &p.RPMs[i]
		job.Packages = append(job.Packages, Package{Path: filepath.Join(j.SideRepo, filepath.FromSlash(r.RepoPath())), Name: r.File})
	}
	for i := range p.Gathered {
		if i >= len(j.Gathered) {
			return nil, fmt.Errorf("make medium: %d of %d gathered packages are here", len(j.Gathered), len(p.Gathered))
		}
		job.Packages = append(job.Packages, Package{Path: j.Gathered[i], Name: p.Gathered[i].File()})
	}
	if p.Groups != "" {
		groups, err := comps.Read(strings.NewReader(p.Groups))
		if err != nil {
			return nil, fmt.Errorf("read the Plan's groups: %w", err)
		}
		job.Comps = groups
	}
	res, err := Make(ctx, job)
	made := &compose.Made{Commands: runner.commands}
	if err != nil {
		return made, diagnose(ctx, err)
	}
	made.Artifacts = []compose.Artifact{{Name: p.Image, Path: p.Image, Type: compose.ArtifactISO}}
	for _, name := range res.Metadata {
		kind := compose.ArtifactMetadata
		if name == ChecksumName(p.Image) {
			kind = compose.ArtifactChecksum
		}
		made.Artifacts = append(made.Artifacts, compose.Artifact{Name: name, Path: name, Type: kind})
	}
	for _, w := range res.Warnings {
		_, _ = fmt.Fprintln(j.Log, "warning:", w)
	}
	return made, nil
}

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
	r.commands = append(r.commands, r.job.Record(r.plan, tool, stable(append([]string{c.Name}, c.Args...))))
	return r.Runner.Run(ctx, c) //nolint:wrapcheck // the error says what ran
}

// workName are the names of work folders, which are others in each run.
var workName = regexp.MustCompile(`\.respin-tmp-[0-9]+`)

func stable(argv []string) []string {
	for i := range argv {
		argv[i] = workName.ReplaceAllString(argv[i], "work")
	}
	return argv
}

// diagnose gives the errors that users cause their own codes.
func diagnose(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	fail := func(code compose.Code, text, remedy string) error {
		return &compose.FailedError{Err: err, Failure: compose.Failure{Code: code, Stage: compose.StageCompose, Sentence: text, Remedy: remedy}}
	}
	if e, ok := errors.AsType[*TooLargeError](err); ok {
		return fail(compose.CodeImageTooLarge, sentence(e), larger(e.Need))
	}
	if e, ok := errors.AsType[*BaseError](err); ok {
		return fail(compose.CodeBaseNotISO, "The base image cannot become a DVD: "+e.Reason+".", "Give a boot.iso of the wanted architecture.")
	}
	if e, ok := errors.AsType[*PackageError](err); ok {
		return fail(compose.CodeRPMAltered, "A package cannot be put on the medium: "+filepath.Base(e.Path)+": "+e.Err.Error()+".", "Leave the package out.")
	}
	return remaster.Diagnose(err) //nolint:wrapcheck // it keeps the error
}

// Verify implements compose.Backend: everything is read back from the medium.
func (*Backend) Verify(ctx context.Context, p *compose.Plan, j *compose.BackendJob, made *compose.Made) (*compose.Proof, error) {
	path := filepath.Join(j.OutDir, filepath.FromSlash(made.Artifacts[0].Path))
	proof := &compose.Proof{Packages: make([]compose.PackageEntry, len(p.RPMs))}
	want := Want{VolID: p.VolID, Arch: p.Request.Arch, Product: productOf(p), SHA256: map[string]string{}}
	side := map[string]int{}
	for i := range p.RPMs {
		side[p.RPMs[i].File] = i
		want.SHA256[p.RPMs[i].File] = p.RPMs[i].SHA256
	}
	for i := range p.Gathered {
		want.SHA256[p.Gathered[i].File()] = cmp.Or(p.Gathered[i].SHA256, p.Gathered[i].SHA512)
	}
	seen := 0
	want.Package = func(name, at string, content io.Reader) error {
		if seen++; j.Progress != nil {
			j.Progress("", min(seen*100/max(len(want.SHA256), 1), 100), name)
		}
		i, ok := side[name]
		if !ok {
			return nil
		}
		v, err := rpm.Verify(content, j.Verify)
		if err != nil {
			return fmt.Errorf("read /%s on the medium: %w", at, err)
		}
		proof.Packages[i] = p.RPMs[i].Entry(v, "/"+at, "side repo on the medium")
		return nil
	}
	if err := Check(ctx, path, want); err != nil {
		if e, ok := errors.AsType[*CheckError](err); ok {
			return nil, &compose.FailedError{Err: err, Failure: compose.Failure{Code: compose.CodeVerifyFailed, Stage: compose.StageVerify, Sentence: sentence(e)}}
		}
		return nil, err
	}
	info, err := iso.Inspect(path)
	if err != nil {
		return nil, err
	}
	proof.Image = compose.ImageFacts{VolID: info.VolumeID, Bootable: info.Bootable()}
	if info.Checksum != nil {
		proof.Image.ImplantedMD5 = info.Checksum.MD5
	}
	return proof, nil
}
