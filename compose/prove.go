package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"

	"github.com/fedora-respin/respin/compose/image"
	"github.com/fedora-respin/respin/compose/image/vfs"
	"github.com/fedora-respin/respin/compose/proof"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo/rpm"
)

// sbomPath is where the SBOM of an image stands in the result.
const sbomPath = "sbom.spdx.json"

// sideRepoID is what the side repo is called in package reports.
const sideRepoID = "side repo"

// Wants are the RPMs of the Plan for a judgment of the image, in the Plan's
// order. A package that the request names must be in the image; of the
// others those may be absent that nothing needs.
func (p *Plan) Wants() ([]proof.Want, error) {
	list := make([]proof.Want, len(p.RPMs))
	for i := range p.RPMs {
		r := &p.RPMs[i]
		n, err := rpm.ParseNEVRA(r.NEVRA)
		if err != nil {
			return nil, fmt.Errorf("read plan: %w", err)
		}
		list[i] = proof.Want{
			NEVRA: n, SigMD5: r.SigMD5, HeaderSHA256: r.HeaderSHA256, From: sideRepoID,
			Named: p.named(n.Name),
		}
	}
	return list, nil
}

// installs tells whether what the Plan makes has the RPMs installed. A medium
// that only carries them (remaster, dvd, repo-iso) is judged by what it carries.
func (p *Plan) installs() bool {
	switch p.Request.Kind {
	case KindBootISO, KindLive, KindDisk, KindPXELive, KindTar, KindOCI:
		return true
	default:
		return false
	}
}

// prove judges an image that has packages installed by the image itself, and one
// that cannot be looked into by what the back end says of it; the log then says
// so. Digests and signatures are those of the side repo, which has been read.
func (r *build) prove(ctx context.Context, x *part, found *Proof) ([]PackageEntry, error) {
	if !x.plan.installs() || x.plan.Image == "" {
		return found.Packages, nil
	}
	c, err := proof.Read(ctx, filepath.Join(x.job.OutDir, filepath.FromSlash(x.plan.Image)), proof.Options{})
	switch {
	case err == nil:
		r.told(c)
		if err := r.writeSBOM(x.plan, c); err != nil {
			return nil, err
		}
	case ctx.Err() != nil:
		return nil, fmt.Errorf("read packages of the image: %w", err)
	case !unreadable(err):
		return nil, &FailedError{Err: err, Failure: Failure{
			Code: CodeVerifyFailed, Stage: StageVerify, Sentence: fmt.Sprintf("The finished image cannot be read: %s.", clipTo(err.Error(), 300)),
		}}
	case len(found.Shipped) == 0:
		r.logf("the image was not looked into: %v", err)
		return found.Packages, nil
	default:
		r.logf("the image was not looked into, the list of the back end counts: %v", err)
		c = listed(found.Shipped)
	}
	x.contents = c
	wants, err := x.plan.Wants()
	if err != nil {
		return nil, err
	}
	for i := range wants { // the side repo has been read, and knows more than the Plan
		if k := slices.IndexFunc(r.result.Packages, func(e PackageEntry) bool {
			return e.Name == wants[i].Name && e.Arch == wants[i].Arch && e.Requested == wants[i].EVR.String()
		}); k >= 0 && wants[i].SigMD5 == "" {
			wants[i].SigMD5 = r.result.Packages[k].SigMD5
		}
	}
	return x.plan.entries(c, wants, r.result.Packages), nil
}

// told writes into the log what the image was found to hold.
func (r *build) told(c *proof.Contents) {
	for i := range c.Systems {
		s := &c.Systems[i]
		r.logf("%s in %s: %d packages, database %q, list %q, %d disagreements", s.Release, s.Path, len(s.Packages), s.Database, s.List, len(s.Disagreements))
		for _, n := range s.Notes {
			r.logf("%s", n)
		}
	}
}

// unreadable tells whether an image is of a kind that is not looked into.
func unreadable(err error) bool {
	_, unknown := errors.AsType[*image.UnknownError](err)
	_, unread := errors.AsType[*vfs.UnsupportedError](err)
	return unknown || unread || errors.Is(err, proof.ErrNoSystem) || errors.Is(err, fs.ErrNotExist)
}

// provenEntry is the line of the report for a verdict; before is the report as
// the side repo has it.
func provenEntry(e proof.Entry, before []PackageEntry) PackageEntry {
	p := PackageEntry{Name: e.Name, Arch: e.Arch, Requested: e.EVR.String()}
	if k := slices.IndexFunc(before, func(b PackageEntry) bool { return b.Name == p.Name && b.Arch == p.Arch && b.Requested == p.Requested }); k >= 0 {
		p = before[k]
	}
	p.Shipped, p.Repo, p.Verdict, p.Evidence, p.Reason = e.Shipped, e.Repo, Verdict(e.Verdict), string(e.Evidence), e.Reason
	return p
}

// judgeOptions are the repositories of the Plan. Only of the side repo is known
// what it has.
func (p *Plan) judgeOptions() proof.JudgeOptions {
	side := proof.Repo{ID: sideRepoID, Named: func(name string) iter.Seq[rpm.NEVRA] {
		return func(yield func(rpm.NEVRA) bool) {
			for i := range p.RPMs {
				if n, err := rpm.ParseNEVRA(p.RPMs[i].NEVRA); err == nil && n.Name == name && !yield(n) {
					return
				}
			}
		}
	}}
	o := proof.JudgeOptions{Repos: []proof.Repo{side}}
	for i := range p.Repos {
		r := &p.Repos[i]
		o.Repos = append(o.Repos, proof.Repo{ID: r.ID, Priority: r.Priority, Excludes: r.ExcludePkgs, Includes: r.IncludePkgs})
	}
	return o
}

// writeSBOM puts the SBOM beside the image.
func (r *build) writeSBOM(p *Plan, c *proof.Contents) error {
	var b bytes.Buffer
	o := proof.SBOMOptions{Name: p.Image}
	if epoch := p.sourceDateEpoch(); epoch.Unix() > 0 {
		o.Created = epoch
	}
	if err := c.SBOM(&b, o); err != nil {
		return fmt.Errorf("write SBOM: %w", err)
	}
	if err := atomicfile.Write(filepath.Join(r.out, sbomPath), b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write SBOM: %w", err)
	}
	r.result.Artifacts = append(r.result.Artifacts, Artifact{Name: sbomPath, Path: sbomPath, Type: ArtifactReport})
	return nil
}

// ships tells whether the image holds what spec names: installed in it, in the
// report, or gathered on it, whose packages Verify has found there.
func (x *part) ships(found *Proof, spec string) error {
	if x.contents != nil {
		return x.contents.Require(spec) //nolint:wrapcheck // the caller names the spec
	}
	err := Ships(found.Packages, spec)
	if err != nil && found.Shipped != nil {
		err = listed(found.Shipped).Require(spec)
	}
	if err != nil && x.plan.gathers(spec) {
		return nil
	}
	return err
}

// gathers tells whether a package that was gathered is what spec names.
func (p *Plan) gathers(spec string) bool {
	list := make([]Shipped, len(p.Gathered))
	for i := range p.Gathered {
		list[i].NEVRA = p.Gathered[i].NEVRA
	}
	return listed(list).Require(spec) == nil
}
