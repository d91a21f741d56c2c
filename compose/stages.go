package compose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/diskfree"
	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/siderepo"
)

// fetch brings every file of the Plan into the cache, verified, and holds it
// there until the build ends.
func (r *build) fetch(ctx context.Context) error {
	wants := make([]fetch.Want, 0, len(r.plan.RPMs)+len(r.plan.Gathered)+2)
	for i := range r.plan.RPMs {
		wants = append(wants, r.plan.RPMs[i].want(r.keys.Keyring))
	}
	if base := r.plan.Base; base != nil {
		wants = append(wants, fetch.Want{URLs: []string{base.URL}, Size: base.Size, SHA256: base.SHA256})
	}
	if d := r.plan.Description; d != nil {
		wants = append(wants, fetch.Want{URLs: []string{d.URL}, Size: d.Size, SHA256: d.SHA256})
	}
	wants = append(wants, r.plan.mediumWants()...)
	gathered, err := r.plan.wantGathered()
	if err != nil {
		return err
	}
	wants = append(wants, gathered...)
	if r.held, err = r.fetcher.Session(ctx); err != nil {
		return err
	}
	// Held before room is made, or the room would be made of what is wanted.
	if err := errors.Join(r.held.Claim(ctx, wants), r.room(ctx)); err != nil {
		return err
	}
	paths, err := r.held.All(ctx, wants, func(p fetch.Progress) {
		percent := 0
		if p.AllTotal > 0 {
			percent = int(p.AllDone * 100 / p.AllTotal)
		}
		r.tracker.step(percent, fmt.Sprintf("fetched %d of %d files, %s", p.FilesDone, p.FilesWant, bytesText(p.AllDone)))
		if p.Finished {
			r.logf("fetched %s (%d bytes)", p.Name, p.Total)
		}
	})
	if err != nil {
		return r.plan.ofFile(err)
	}
	r.rpms, paths = paths[:len(r.plan.RPMs)], paths[len(r.plan.RPMs):]
	for i, path := range r.rpms {
		// The cache's copy gets the time that every side repo gives the RPM, so
		// that it can be linked.
		built := time.Unix(r.plan.RPMs[i].BuildTime, 0)
		if err := os.Chtimes(path, time.Time{}, built); err != nil {
			return fmt.Errorf("set the time of a cached RPM: %w", err)
		}
	}
	if r.plan.Base != nil {
		r.base, paths = paths[0], paths[1:]
		r.logf("base image %s", r.plan.Base.URL)
	}
	if r.plan.Description != nil {
		r.description, paths = paths[0], paths[1:]
		r.logf("description %s", r.plan.Description.URL)
	}
	if paths, err = r.mediumFiles(paths); err != nil {
		return err
	}
	r.gathered = paths
	return nil
}

// room refuses to begin what the disk has no room for.
func (r *build) room(ctx context.Context) error {
	// The image is written once beside its base and the side repo.
	files := 2 * r.plan.Size()
	need := files + r.minFree
	free, err := diskfree.At(r.work.Dir)
	if err != nil || free >= need {
		return err
	}
	// The cache is most often on the same disk, and can give way.
	err = r.fetcher.MakeRoom(ctx, files)
	if _, full := errors.AsType[*fetch.DiskFullError](err); err != nil && !full {
		return err
	}
	if free, err = diskfree.At(r.work.Dir); err != nil || free >= need {
		return err
	}
	return &fetch.DiskFullError{Path: r.work.Dir, Need: need, Free: free}
}

// sideRepo makes the repository of the RPMs.
func (r *build) sideRepo(ctx context.Context) error {
	items := make([]siderepo.Item, len(r.rpms))
	for i, path := range r.rpms {
		items[i] = siderepo.Item{Path: path, Name: r.plan.RPMs[i].File}
	}
	made, err := siderepo.Write(ctx, filepath.Join(r.out, repoDir), items, siderepo.Options{
		ID: r.work.ID, BaseURL: r.work.RepoURL, Time: r.plan.sourceDateEpoch(),
		// dnf of every release and busybox read gzip; a side repo is small.
		Compression: repo.Gzip, Updates: r.plan.Updates,
		Progress: func(done, total int, name string) {
			r.tracker.step(done*100/max(total, 1), name)
		},
	})
	if err != nil {
		return fmt.Errorf("make side repo: %w", err)
	}
	// The .repo file is for people; it names this very compose, so it stands
	// beside the repository and never on the medium.
	inside := filepath.Join(r.out, repoDir, made.RepoFileName)
	if err := os.Rename(inside, filepath.Join(r.out, made.RepoFileName)); err != nil {
		return fmt.Errorf("place .repo file: %w", err)
	}
	r.result.SideRepo = &SideRepo{
		Path: repoDir, RepoFile: made.RepoFileName, RepoText: made.RepoFile,
		RepomdSHA256: made.Repomd.Value, Packages: len(made.Packages),
	}
	r.logf("side repo: %d packages, repomd.xml %s", len(made.Packages), made.Repomd.Value)
	return nil
}

// kickstart writes the frozen text beside the image, for people to read.
func (r *build) kickstart(context.Context) error {
	if r.plan.Kickstart == "" {
		return nil
	}
	return atomicfile.Write(filepath.Join(r.out, kickstartPath), []byte(r.plan.Kickstart), 0o644)
}

// verify reads back what was made and writes the package report.
func (r *build) verify(ctx context.Context) error {
	entries, err := r.readSideRepo(ctx)
	if err != nil {
		return err
	}
	r.result.Packages = entries
	if len(r.parts) == 0 {
		return r.judge(r.plan, entries, nil)
	}
	for _, x := range r.parts {
		if err := r.verifyPart(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// readSideRepo verifies every RPM of the side repo as it now stands on disk.
func (r *build) readSideRepo(ctx context.Context) ([]PackageEntry, error) {
	entries := make([]PackageEntry, 0, len(r.plan.RPMs))
	for i := range r.plan.RPMs {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read side repo: %w", err)
		}
		p := &r.plan.RPMs[i]
		path := repoDir + "/" + p.RepoPath()
		f, err := os.Open(filepath.Join(r.out, filepath.FromSlash(path)))
		if err != nil {
			return nil, fmt.Errorf("read side repo: %w", err)
		}
		v, err := rpm.Verify(f, rpm.VerifyOptions{Keyring: r.keys.Keyring})
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("read side repo: %s: %w", p.File, err)
		}
		entries = append(entries, p.Entry(v, path, "side repo"))
		r.tracker.step(i*100/len(r.plan.RPMs), p.File)
	}
	return entries, nil
}

// RepoPath is where the RPM stands in the side repo.
func (p *PlanRPM) RepoPath() string {
	return "Packages/" + strings.ToLower(p.File[:1]) + "/" + p.File
}

// Entry is the line of the package report for p as read back at path.
func (p *PlanRPM) Entry(v *rpm.Verdict, path, from string) PackageEntry {
	e := PackageEntry{
		Name: p.Name, Arch: p.Arch, Requested: p.evr(), Repo: from, Path: path, Verdict: VerdictIncluded,
		Shipped: v.Package.EVR.String(), SHA256: v.SHA256, SigMD5: v.Package.Digests.SigMD5, Signature: "unsigned",
	}
	e.SignatureStatus = string(v.SignatureStatus())
	if ids := signers(v); len(ids) > 0 {
		e.Signature = ids[0]
		if i := slices.IndexFunc(ids, func(id string) bool { return sameKey(id, p.SignedBy) }); i >= 0 {
			e.Signature = ids[i]
		}
	}
	want, err := rpm.ParseNEVRA(p.NEVRA)
	switch {
	case err != nil || v.Package.Name != p.Name || v.Package.Arch != p.Arch:
		e.Verdict = VerdictMissing
	case v.Package.EVR.Compare(want.EVR) < 0:
		e.Verdict = VerdictOlder
	case v.Package.EVR.Compare(want.EVR) > 0:
		e.Verdict = VerdictNewer
	case v.Err() != nil, p.SHA256 != "" && p.SHA256 != v.SHA256, p.Policy == SignaturesRequire && len(v.Signatures) == 0, p.SigMD5 != "" && p.SigMD5 != e.SigMD5,
		p.HeaderSHA256 != "" && p.HeaderSHA256 != v.Package.Digests.HeaderSHA256:
		e.Verdict = VerdictMissing // the name is there, the package is not
	}
	return e
}

// signers lists the ids of the keys that an RPM names.
func signers(v *rpm.Verdict) []string {
	ids := make([]string, len(v.Signatures))
	for i := range v.Signatures {
		ids[i] = v.Signatures[i].KeyID
	}
	return ids
}

func (p *PlanRPM) evr() string {
	n, err := rpm.ParseNEVRA(p.NEVRA)
	if err != nil {
		return ""
	}
	return n.EVR.String()
}

// judge fails the build unless everything that was asked for is there. What an
// installed image was not asked to hold (VerdictNotInstalled) is no failure.
// ships tells whether it holds what Request.Require names.
func (r *build) judge(p *Plan, entries []PackageEntry, ships func(spec string) error) error {
	in := 0
	for _, e := range entries {
		switch e.Verdict {
		case VerdictIncluded:
			in++
		case VerdictNotInstalled:
		case VerdictOlder, VerdictNewer, VerdictMissing:
			what := string(e.Verdict)
			if e.Shipped != "" {
				what = e.Shipped + ", " + what
			}
			return &FailedError{Failure: Failure{
				Code: CodeVerifyFailed, Stage: StageVerify,
				Sentence: strings.TrimSpace(fmt.Sprintf("%s %s was asked for, but what the result holds is %s. %s", e.Name, e.Requested, what, e.Reason)),
			}}
		}
	}
	if ships == nil {
		ships = func(spec string) error { return Ships(entries, spec) }
	}
	for _, spec := range p.Request.Require {
		if err := ships(spec); err != nil {
			return &FailedError{Err: err, Failure: Failure{
				Code: CodeVerifyFailed, Stage: StageVerify, Sentence: fmt.Sprintf("The result does not hold %s: %s.", spec, err),
				Remedy: "Name a source that brings it.",
			}}
		}
	}
	r.logf("verified: %d packages are in the result as requested", in)
	if in < len(entries) {
		r.logf("%d packages of the side repo are not installed in the image, and were not asked for by name", len(entries)-in)
	}
	return nil
}
