package compose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/repo/rpm"
)

// rung is one step of the ladder on which a bare name is looked for.
type rung struct {
	name   string // for people
	tag    string // in Koji
	signed bool   // what is tagged there has been signed
}

// ladder lists the rungs of the request's release from stable to candidate; nil
// when there are none, which is a problem that was recorded.
func (q *resolution) ladder(ctx context.Context, s *sourceRun) ([]rung, error) {
	rel, name, err := q.bodhiRelease(ctx)
	if errors.Is(err, bodhi.ErrNotFound) {
		q.problem(Problem{
			Code: CodeBadRelease, Field: "release", Remedy: "Name a release that Bodhi knows, or give the build's full N-V-R.",
			Sentence: fmt.Sprintf("Bodhi knows no release %s, so it cannot say where %s would be.", name, s.Value),
		})
		return nil, nil
	}
	if err != nil {
		return nil, upstream(err, s.field)
	}
	var rungs []rung
	for _, r := range []rung{
		{"stable", rel.DistTag, true},
		{"updates", rel.StableTag, true},
		{"updates-testing", rel.TestingTag, false},
		{"candidate", rel.CandidateTag, false},
	} {
		if r.tag != "" && !slices.ContainsFunc(rungs, func(o rung) bool { return o.tag == r.tag }) {
			rungs = append(rungs, r)
		}
	}
	return rungs, nil
}

// name finds a package by its bare name, on the ladder from stable to candidate.
func (q *resolution) name(ctx context.Context, s *sourceRun) ([]*chosen, error) {
	if q.releaseNow() == "" {
		q.problem(Problem{
			Code: CodeBadRelease, Field: "release", Remedy: "Name it with release (--release 44), or give the build's full N-V-R.",
			Sentence: fmt.Sprintf("The package %s is named without a version, so the release must be said.", s.Value),
		})
		return nil, nil
	}
	rungs, err := q.ladder(ctx, s)
	if err != nil || rungs == nil {
		return nil, err
	}
	hub, err := q.snapshot(ctx, s.field)
	if err != nil {
		return nil, err
	}
	batch := hub.Batch()
	pending := make([]*koji.Pending[[]koji.TaggedBuild], len(rungs))
	for i, r := range rungs {
		pending[i] = batch.ListTagged(r.tag, koji.TaggedOptions{Latest: true, Package: s.Value})
	}
	if err := batch.Do(ctx); err != nil {
		return nil, upstream(err, s.field)
	}
	builds := make([]*koji.TaggedBuild, len(rungs))
	for i, p := range pending {
		list, err := p.Get()
		if err != nil && !errors.Is(err, koji.ErrNotFound) && !errors.Is(err, koji.ErrGeneric) {
			return nil, upstream(err, s.field)
		}
		if err == nil && len(list) > 0 {
			builds[i] = &list[0]
		}
	}
	return q.climb(s, rungs, builds), nil
}

// climb takes the build of the lowest rung that has one, and says why.
func (q *resolution) climb(s *sourceRun, rungs []rung, builds []*koji.TaggedBuild) []*chosen {
	tags := make([]string, len(rungs))
	for i, r := range rungs {
		tags[i] = r.tag
	}
	i := slices.IndexFunc(builds, func(b *koji.TaggedBuild) bool { return b != nil })
	if i < 0 {
		q.problem(Problem{
			Code: CodeBuildNotFound, Field: s.field, Remedy: "Check the name of the source package, or give the build's full N-V-R.",
			Sentence: fmt.Sprintf("No build of %s is tagged %s.", s.Value, strings.Join(tags, ", ")),
		})
		return nil
	}
	b := &builds[i].Build
	s.info.Title, s.info.Builds, s.info.Tag = b.NVR, []string{b.NVR}, rungs[i].tag
	s.info.Why = fmt.Sprintf("the latest build in %s (%s), the first of %s that has one", rungs[i].tag, rungs[i].name, strings.Join(tags, ", "))
	for j := i + 1; j < len(rungs); j++ {
		if o := builds[j]; o != nil && o.NVR != b.NVR && evrOf(b).Compare(evrOf(&o.Build)) < 0 {
			s.info.Why += fmt.Sprintf("; %s has the newer %s", rungs[j].tag, o.NVR)
			break
		}
	}
	policy := SignaturesPrefer
	if rungs[i].signed {
		policy = SignaturesRequire
	}
	s.setPolicy(&q.req, policy)
	return []*chosen{{build: b, tag: rungs[i].tag, explicit: true}}
}

func evrOf(b *koji.Build) rpm.EVR {
	evr := rpm.EVR{Version: b.Version, Release: b.Release}
	if b.Epoch != nil {
		evr.Epoch, evr.HasEpoch = uint32(*b.Epoch), true
	}
	return evr
}

// bodhiRelease finds the release in Bodhi. Rawhide is there under the number
// that it will have.
func (q *resolution) bodhiRelease(ctx context.Context) (rel *bodhi.Release, name string, err error) {
	switch release := q.releaseNow(); release {
	case "rawhide":
		for rel, err := range q.bodhi.Releases(ctx, bodhi.ReleaseQuery{States: []bodhi.ReleaseState{bodhi.ReleasePending}}) {
			if err != nil {
				return nil, "rawhide", err
			}
			if _, ok := rel.FedoraVersion(); ok && rel.IsRawhide() {
				return rel, rel.Name, nil
			}
		}
		return nil, "rawhide", bodhi.ErrNotFound
	case "eln":
		name = "ELN"
	default:
		name = "F" + release
	}
	rel, err = q.bodhi.Release(ctx, name)
	return rel, name, err
}

// releaseNow is the release as far as it is known: that of the request, or of the
// sources seen before.
func (q *resolution) releaseNow() string {
	if q.req.Release != "" {
		return q.req.Release
	}
	return q.branchNow()
}
