package compose

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/repo/siderepo"
)

// chosen is a Koji build that a source stands for.
type chosen struct {
	build    *koji.Build
	tag      string // it was found by
	explicit bool   // the user named this very build
	of       *sourceRun
	rpms     []koji.RPM
}

// sourceRun is one source on its way to RPMs.
type sourceRun struct {
	Source
	text   string // as typed
	field  string // of the request
	index  int
	info   *PlanSource
	policy SignaturePolicy

	missing, others []string // files without a signature that counts, and the keys of others
}

// needsRelease tells whether the source cannot be looked up without a release.
func (s *sourceRun) needsRelease() bool {
	switch s.Type {
	case SourceName, SourceCOPR:
		return true
	case SourceRepo:
		return strings.Contains(s.Value, "$releasever")
	case SourceUpdate, SourceBuild, SourceTask, SourceTag, SourceRPM, SourceUpload:
	}
	return false
}

// needsSources tells whether the compose would be about nothing without sources.
func (q *resolution) needsSources() bool {
	switch q.req.Kind {
	case KindRepo, KindRepoISO, KindUpdatesImg:
		return true
	case KindRemaster:
		r := &q.req
		return r.Kickstart == nil && len(r.BootArgs)+len(r.RemoveArgs)+len(r.Replace)+len(r.Files) == 0 && r.UpdatesImage == nil && r.VolID == ""
	case KindBootISO, KindDVD, KindLive, KindDisk, KindPXELive, KindTar, KindOCI: // made of the release
	}
	return false
}

// sources turns every source into RPMs. Its error is one that ends the
// resolution; what is wrong with a source is recorded as a problem.
func (q *resolution) sources(ctx context.Context) error {
	if len(q.req.Sources) == 0 && q.needsSources() {
		q.problem(Problem{
			Code: CodeNoSources, Field: "sources", Remedy: "Name an update, a build, a task or a side tag.",
			Sentence: "The request names nothing to put into the side repo.",
		})
		return nil
	}
	q.plan.Sources = make([]PlanSource, len(q.req.Sources))
	runs := make([]*sourceRun, len(q.req.Sources))
	for i, text := range q.req.Sources {
		s, err := ParseSource(text)
		if err != nil {
			return fmt.Errorf("parse source %q: %w", text, err) // Check has passed it
		}
		q.plan.Sources[i] = PlanSource{Source: text, Type: string(s.Type)}
		runs[i] = &sourceRun{Source: s, text: text, field: fmt.Sprintf("sources[%d]", i), index: i, info: &q.plan.Sources[i]}
		runs[i].setPolicy(&q.req, SignaturesPrefer)
	}
	// Those that say their release themselves come first: it serves the others.
	found := make([][]*chosen, len(runs))
	for _, late := range []bool{false, true} {
		for i, s := range runs {
			if s.needsRelease() != late {
				continue
			}
			var err error
			if found[i], err = q.source(ctx, s); err != nil {
				return err
			}
			for _, c := range found[i] {
				c.of = s
			}
		}
	}
	if err := q.buildRPMs(ctx, slices.Concat(found...)); err != nil {
		return err
	}
	q.nothing(runs)
	q.sumUp()
	return nil
}

// setPolicy notes what is asked of the source's signatures.
func (s *sourceRun) setPolicy(req *Request, byDefault SignaturePolicy) {
	s.policy = req.policyOf(s.text, byDefault)
	s.info.Signatures = s.policy
}

// nothing: that updates have no RPM for an architecture is no error, as for
// openQA, which tests them on all; it is said.
func (q *resolution) nothing(runs []*sourceRun) {
	if len(q.rpms) > 0 || len(q.problems) > 0 || len(runs) == 0 {
		return
	}
	arches := strings.Join(q.arches(), ", ")
	if slices.ContainsFunc(runs, func(s *sourceRun) bool { return s.Type == SourceUpdate }) {
		q.warn(CodeNoRPMsForArch, "sources", "The sources have no RPM for %s; the side repo is empty.", arches)
		return
	}
	q.problem(Problem{
		Code: CodeNoRPMsForArch, Field: "sources", Remedy: "Choose an arch that was built, or set debuginfo or include_source if that is what you want.",
		Sentence: fmt.Sprintf("The sources have no RPM for %s.", arches),
	})
}

// sumUp counts what was taken by source and by build.
func (q *resolution) sumUp() {
	for _, p := range q.rpms {
		info := &q.plan.Sources[p.source]
		info.RPMs++
		info.SignedBy, info.Unsigned = countSigned(info.SignedBy, info.Unsigned, &p.PlanRPM)
		for i := range info.BuildDetails {
			if b := &info.BuildDetails[i]; b.NVR == p.nvr {
				b.RPMs++
				b.Size += p.Size
				b.SignedBy, b.Unsigned = countSigned(b.SignedBy, b.Unsigned, &p.PlanRPM)
			}
		}
	}
	for i := range q.plan.Sources {
		info := &q.plan.Sources[i]
		slices.Sort(info.SignedBy)
		for j := range info.BuildDetails {
			slices.Sort(info.BuildDetails[j].SignedBy)
		}
	}
}

func countSigned(keys []string, unsigned int, p *PlanRPM) ([]string, int) {
	switch {
	case p.SignedBy != "":
		if !slices.Contains(keys, p.SignedBy) {
			keys = append(keys, p.SignedBy)
		}
	case p.Signature == SignatureUnsigned:
		unsigned++
	}
	return keys, unsigned
}

// source finds the builds of one source; files that are no builds are taken at once.
func (q *resolution) source(ctx context.Context, s *sourceRun) ([]*chosen, error) {
	switch s.Type {
	case SourceUpdate:
		return q.update(ctx, s)
	case SourceBuild:
		ref := koji.NVR(s.Value)
		if s.ID != 0 {
			ref = koji.BuildID(s.ID)
		}
		return q.build(ctx, ref, s)
	case SourceTag:
		return q.tag(ctx, s)
	case SourceName:
		return q.name(ctx, s)
	case SourceTask:
		return q.task(ctx, s)
	case SourceUpload:
		return nil, q.upload(ctx, s)
	case SourceRPM:
		return nil, q.rpmURL(ctx, s)
	case SourceCOPR:
		return nil, q.copr(ctx, s)
	case SourceRepo:
		return nil, q.repoURL(ctx, s)
	}
	q.problem(Problem{
		Code: CodeUnsupportedSource, Field: s.field, Remedy: "Name the builds, a tag, or single RPMs by rpm:URL.",
		Sentence: fmt.Sprintf("This version of respin does not take RPMs from a source of type %s.", s.Type),
	})
	return nil, nil
}

func (q *resolution) update(ctx context.Context, s *sourceRun) ([]*chosen, error) {
	u, err := q.bodhi.Update(ctx, s.Value)
	if errors.Is(err, bodhi.ErrNotFound) {
		q.problem(Problem{Code: CodeUpdateNotFound, Field: s.field, Sentence: fmt.Sprintf("Bodhi has no update %s.", s.Value), Remedy: "Check the alias."})
		return nil, nil
	}
	if err != nil {
		return nil, upstream(err, s.field)
	}
	s.info.Title, s.info.Builds = u.Title, u.NVRs()
	if u.Status == bodhi.StatusStable {
		s.setPolicy(&q.req, SignaturesRequire) // what is pushed has been signed
	}
	if v, ok := u.Release.FedoraVersion(); ok && q.branch == "" {
		q.branch = fmt.Sprint(v)
	}
	if len(u.Builds) == 0 {
		q.problem(Problem{Code: CodeUpdateNotFound, Field: s.field, Sentence: fmt.Sprintf("The update %s has no builds.", s.Value), Remedy: "Choose another update."})
		return nil, nil
	}
	if len(u.RPMBuilds()) < len(u.Builds) {
		q.problem(Problem{
			Code: CodeBadSource, Field: s.field, Remedy: "Choose an update of RPMs.",
			Sentence: fmt.Sprintf("The update %s holds %s, not RPMs.", s.Value, u.ContentType),
		})
		return nil, nil
	}
	q.plan.Updates = append(q.plan.Updates, siderepo.UpdateFromBodhi(u))
	batch := q.koji.Batch()
	pending := make([]*koji.Pending[*koji.Build], len(u.Builds))
	for i := range u.Builds {
		pending[i] = batch.GetBuild(koji.NVR(u.Builds[i].NVR))
	}
	if err := batch.Do(ctx); err != nil {
		return nil, upstream(err, s.field)
	}
	var found []*chosen
	for i, p := range pending {
		b, err := p.Get()
		if ok, err := q.usable(b, err, u.Builds[i].NVR, s.field); err != nil {
			return nil, err
		} else if ok {
			found = append(found, &chosen{build: b})
		}
	}
	return found, nil
}

func (q *resolution) build(ctx context.Context, ref koji.BuildRef, s *sourceRun) ([]*chosen, error) {
	b, err := q.koji.GetBuild(ctx, ref)
	ok, err := q.usable(b, err, ref.String(), s.field)
	if err != nil || !ok {
		return nil, err
	}
	s.info.Title, s.info.Builds = b.NVR, []string{b.NVR}
	q.noteBranch(b.Release)
	return []*chosen{{build: b, explicit: true}}, nil
}

// usable judges the answer of getBuild: its files are there only while the
// build is complete.
func (q *resolution) usable(b *koji.Build, err error, ref, field string) (bool, error) {
	switch {
	case errors.Is(err, koji.ErrNotFound), isInvalidNVR(err):
		q.problem(Problem{Code: CodeBuildNotFound, Field: field, Sentence: fmt.Sprintf("Koji has no build %s.", ref), Remedy: "Check name, version and release."})
		return false, nil
	case err != nil:
		return false, upstream(err, field)
	case b.State == koji.BuildComplete:
		return true, nil
	case b.State == koji.BuildDeleted:
		q.problem(Problem{
			Code: CodeBuildDeleted, Field: field, Remedy: "Choose a newer build.",
			Sentence: fmt.Sprintf("The build %s was deleted from Koji; its RPMs are gone.", b.NVR),
		})
	case b.State == koji.BuildBuilding:
		q.problem(Problem{
			Code: CodeBuildNotComplete, Field: field, Remedy: "Wait until it is complete.",
			Sentence: fmt.Sprintf("The build %s is still building.", b.NVR),
		})
	default:
		q.problem(Problem{
			Code: CodeBuildNotComplete, Field: field, Remedy: "Choose another build.",
			Sentence: fmt.Sprintf("The build %s is not complete: Koji says %s.", b.NVR, strings.ToLower(b.State.String())),
		})
	}
	return false, nil
}

// isInvalidNVR recognizes the fault that getBuild answers a malformed NVR with.
func isInvalidNVR(err error) bool {
	fault, ok := errors.AsType[*koji.Fault](err)
	return ok && errors.Is(fault, koji.ErrGeneric) && strings.Contains(fault.Error(), "invalid format")
}

// noSuchMethod recognizes the fault of a hub that is older than a method.
func noSuchMethod(err error) bool {
	fault, ok := errors.AsType[*koji.Fault](err)
	return ok && strings.Contains(fault.Error(), "Invalid method")
}

// snapshot is the hub as it was at one event, the same for every question about
// tags that the resolution asks.
func (q *resolution) snapshot(ctx context.Context, field string) (*koji.Client, error) {
	if q.hub == nil {
		hub, err := q.koji.LatestSnapshot(ctx)
		switch {
		case noSuchMethod(err):
			hub = q.koji
		case err != nil:
			return nil, upstream(err, field)
		}
		q.hub, q.plan.KojiEvent = hub, hub.Event()
	}
	return q.hub, nil
}

// tag takes the latest builds of a tag, not those it inherits: for a side tag
// that is what Bodhi takes too.
func (q *resolution) tag(ctx context.Context, s *sourceRun) ([]*chosen, error) {
	hub, err := q.snapshot(ctx, s.field)
	if err != nil {
		return nil, err
	}
	list, err := hub.ListTagged(ctx, s.Value, koji.TaggedOptions{Latest: true})
	if errors.Is(err, koji.ErrNotFound) {
		q.problem(Problem{
			Code: CodeTagNotFound, Field: s.field, Remedy: "Check its name; a side tag is removed once its update is stable.",
			Sentence: fmt.Sprintf("Koji has no tag %s.", s.Value),
		})
		return nil, nil
	}
	if err != nil {
		return nil, upstream(err, s.field)
	}
	if len(list) == 0 {
		q.problem(Problem{Code: CodeTagEmpty, Field: s.field, Sentence: fmt.Sprintf("No build is tagged %s.", s.Value), Remedy: "Tag a build first."})
		return nil, nil
	}
	s.info.Title, s.info.Tag = s.Value, s.Value
	if m := sideTagBranch.FindStringSubmatch(s.Value); m != nil && q.branch == "" {
		q.branch = m[1]
	}
	found := make([]*chosen, len(list))
	for i := range list {
		found[i] = &chosen{build: &list[i].Build, tag: list[i].TagName}
		s.info.Builds = append(s.info.Builds, list[i].NVR)
	}
	slices.Sort(s.info.Builds)
	return found, nil
}

var sideTagBranch = regexp.MustCompile(`^f([0-9]+)-`)
