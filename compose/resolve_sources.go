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
	field    string // of the request
	source   int    // index in plan.Sources
	explicit bool   // the user named this very build
	rpms     []koji.RPM
}

// sources turns every source into RPMs. Its error is one that ends the
// resolution; what is wrong with a source is recorded as a problem.
func (q *resolution) sources(ctx context.Context) error {
	if len(q.req.Sources) == 0 && (q.req.Kind != KindRemaster || q.req.Kickstart == nil && len(q.req.BootArgs) == 0) {
		q.problem(Problem{
			Code: CodeNoSources, Field: "sources", Remedy: "Name an update, a build, a task or a side tag.",
			Sentence: "The request names nothing to put into the side repo.",
		})
		return nil
	}
	var builds []*chosen
	for i, text := range q.req.Sources {
		s, err := ParseSource(text)
		if err != nil {
			return fmt.Errorf("parse source %q: %w", text, err) // Check has passed it
		}
		field := fmt.Sprintf("sources[%d]", i)
		q.plan.Sources = append(q.plan.Sources, PlanSource{Source: text, Type: string(s.Type)})
		found, err := q.source(ctx, s, field)
		if err != nil {
			return err
		}
		for _, c := range found {
			c.field, c.source = field, i
		}
		builds = append(builds, found...)
	}
	if err := q.buildRPMs(ctx, builds); err != nil {
		return err
	}
	if len(q.rpms) == 0 && len(q.problems) == 0 && len(q.req.Sources) > 0 {
		q.problem(Problem{
			Code: CodeNoRPMsForArch, Field: "sources", Remedy: "Choose an arch that was built, or set debuginfo or include_source if that is what you want.",
			Sentence: fmt.Sprintf("The sources have no RPM for %s.", strings.Join(q.arches(), ", ")),
		})
	}
	for _, p := range q.rpms {
		for i := range q.plan.Sources {
			if strings.HasPrefix(p.From, q.plan.Sources[i].Source+" ") || p.From == q.plan.Sources[i].Source {
				q.plan.Sources[i].RPMs++
			}
		}
	}
	return nil
}

// source finds the builds of one source; files that are no builds are taken at once.
func (q *resolution) source(ctx context.Context, s Source, field string) ([]*chosen, error) {
	info := &q.plan.Sources[len(q.plan.Sources)-1]
	switch s.Type {
	case SourceUpdate:
		return q.update(ctx, s, field, info)
	case SourceBuild:
		ref := koji.NVR(s.Value)
		if s.ID != 0 {
			ref = koji.BuildID(s.ID)
		}
		return q.build(ctx, ref, field, info)
	case SourceTag:
		return q.tag(ctx, s, field, info)
	case SourceName:
		return q.name(ctx, s, field, info)
	case SourceTask:
		return nil, q.task(ctx, s, field, info)
	case SourceUpload:
		return nil, q.upload(ctx, s, field, info)
	case SourceRPM:
		return nil, q.rpmURL(ctx, s, field, info)
	case SourceCOPR, SourceRepo:
	}
	q.problem(Problem{
		Code: CodeUnsupportedSource, Field: field, Remedy: "Name the builds, a tag, or single RPMs by rpm:URL.",
		Sentence: fmt.Sprintf("This version of respin does not take RPMs from a source of type %s.", s.Type),
	})
	return nil, nil
}

func (q *resolution) update(ctx context.Context, s Source, field string, info *PlanSource) ([]*chosen, error) {
	u, err := q.bodhi.Update(ctx, s.Value)
	if errors.Is(err, bodhi.ErrNotFound) {
		q.problem(Problem{Code: CodeUpdateNotFound, Field: field, Sentence: fmt.Sprintf("Bodhi has no update %s.", s.Value), Remedy: "Check the alias."})
		return nil, nil
	}
	if err != nil {
		return nil, upstream(err, field)
	}
	info.Title, info.Builds = u.Title, u.NVRs()
	if v, ok := u.Release.FedoraVersion(); ok && q.branch == "" {
		q.branch = fmt.Sprint(v)
	}
	if len(u.Builds) == 0 {
		q.problem(Problem{Code: CodeUpdateNotFound, Field: field, Sentence: fmt.Sprintf("The update %s has no builds.", s.Value), Remedy: "Choose another update."})
		return nil, nil
	}
	if len(u.RPMBuilds()) < len(u.Builds) {
		q.problem(Problem{
			Code: CodeBadSource, Field: field, Remedy: "Choose an update of RPMs.",
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
		return nil, upstream(err, field)
	}
	var found []*chosen
	for i, p := range pending {
		b, err := p.Get()
		if ok, err := q.usable(b, err, u.Builds[i].NVR, field); err != nil {
			return nil, err
		} else if ok {
			found = append(found, &chosen{build: b})
		}
	}
	return found, nil
}

func (q *resolution) build(ctx context.Context, ref koji.BuildRef, field string, info *PlanSource) ([]*chosen, error) {
	b, err := q.koji.GetBuild(ctx, ref)
	ok, err := q.usable(b, err, ref.String(), field)
	if err != nil || !ok {
		return nil, err
	}
	info.Title, info.Builds = b.NVR, []string{b.NVR}
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

// tag takes the latest builds of a tag, not those it inherits: for a side tag
// that is what Bodhi takes too.
func (q *resolution) tag(ctx context.Context, s Source, field string, info *PlanSource) ([]*chosen, error) {
	event, err := q.koji.GetLastEvent(ctx)
	if err != nil {
		return nil, upstream(err, field)
	}
	list, err := q.koji.ListTagged(ctx, s.Value, koji.TaggedOptions{Latest: true, Event: event.ID})
	if errors.Is(err, koji.ErrNotFound) {
		q.problem(Problem{
			Code: CodeTagNotFound, Field: field, Remedy: "Check its name; a side tag is removed once its update is stable.",
			Sentence: fmt.Sprintf("Koji has no tag %s.", s.Value),
		})
		return nil, nil
	}
	if err != nil {
		return nil, upstream(err, field)
	}
	if len(list) == 0 {
		q.problem(Problem{Code: CodeTagEmpty, Field: field, Sentence: fmt.Sprintf("No build is tagged %s.", s.Value), Remedy: "Tag a build first."})
		return nil, nil
	}
	info.Title, q.plan.KojiEvent = s.Value, max(q.plan.KojiEvent, event.ID)
	if m := sideTagBranch.FindStringSubmatch(s.Value); m != nil && q.branch == "" {
		q.branch = m[1]
	}
	found := make([]*chosen, len(list))
	for i := range list {
		found[i] = &chosen{build: &list[i].Build}
		info.Builds = append(info.Builds, list[i].NVR)
	}
	slices.Sort(info.Builds)
	return found, nil
}

var sideTagBranch = regexp.MustCompile(`^f([0-9]+)-`)

// name finds a package by its bare name, on the ladder from stable to candidate.
func (q *resolution) name(ctx context.Context, s Source, field string, info *PlanSource) ([]*chosen, error) {
	if q.req.Release == "" {
		q.problem(Problem{
			Code: CodeBadRelease, Field: "release", Remedy: "Name it with release (--release 44), or give the build's full N-V-R.",
			Sentence: fmt.Sprintf("The package %s is named without a version, so the release must be said.", s.Value),
		})
		return nil, nil
	}
	tags, err := q.ladder(ctx, field)
	if err != nil || tags == nil {
		return nil, err
	}
	batch := q.koji.Batch()
	pending := make([]*koji.Pending[[]koji.TaggedBuild], len(tags))
	for i, tag := range tags {
		pending[i] = batch.ListTagged(tag, koji.TaggedOptions{Latest: true, Package: s.Value})
	}
	if err := batch.Do(ctx); err != nil {
		return nil, upstream(err, field)
	}
	for i, p := range pending {
		list, err := p.Get()
		if err != nil && !errors.Is(err, koji.ErrNotFound) && !errors.Is(err, koji.ErrGeneric) {
			return nil, upstream(err, field)
		}
		if err == nil && len(list) > 0 {
			b := &list[0].Build
			info.Title, info.Builds = b.NVR, []string{b.NVR}
			info.Why = fmt.Sprintf("the latest build in %s, the first of %s that has one", tags[i], strings.Join(tags, ", "))
			return []*chosen{{build: b, explicit: true}}, nil
		}
	}
	q.problem(Problem{
		Code: CodeBuildNotFound, Field: field, Remedy: "Check the name of the source package, or give the build's full N-V-R.",
		Sentence: fmt.Sprintf("No build of %s is tagged %s.", s.Value, strings.Join(tags, ", ")),
	})
	return nil, nil
}

// bodhiRelease finds the request's release in Bodhi. Rawhide is there under the
// number that it will have.
func (q *resolution) bodhiRelease(ctx context.Context) (rel *bodhi.Release, name string, err error) {
	switch q.req.Release {
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
		name = "F" + q.req.Release
	}
	rel, err = q.bodhi.Release(ctx, name)
	return rel, name, err
}

// ladder lists the tags of the request's release from stable to candidate.
func (q *resolution) ladder(ctx context.Context, field string) ([]string, error) {
	rel, name, err := q.bodhiRelease(ctx)
	if errors.Is(err, bodhi.ErrNotFound) {
		q.problem(Problem{
			Code: CodeBadRelease, Field: "release", Remedy: "Name a release that Bodhi knows, or give the build's full N-V-R.",
			Sentence: fmt.Sprintf("Bodhi knows no release %s, so it cannot say where %s would be.", name, field),
		})
		return nil, nil
	}
	if err != nil {
		return nil, upstream(err, field)
	}
	var tags []string
	for _, tag := range []string{rel.DistTag, rel.StableTag, rel.TestingTag, rel.CandidateTag} {
		if tag != "" && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags, nil
}

// maxBuilds bounds the builds of one request. The largest updates have some
// hundreds; a release's own tag has tens of thousands, each of which is several
// questions to the hub.
const maxBuilds = 2000

// buildRPMs takes the RPMs of the chosen builds, all asked for in few requests.
func (q *resolution) buildRPMs(ctx context.Context, builds []*chosen) error {
	if len(builds) > maxBuilds {
		q.problem(Problem{
			Code: CodeBadSource, Field: "sources", Remedy: "Name an update, a side tag or the builds themselves.",
			Sentence: fmt.Sprintf("The sources stand for %d builds; one compose takes %d.", len(builds), maxBuilds),
		})
		return nil
	}
	batch := q.koji.Batch()
	pending := make([]*koji.Pending[[]koji.RPM], len(builds))
	for i, c := range builds {
		pending[i] = batch.ListRPMs(c.build.ID)
	}
	if err := batch.Do(ctx); err != nil {
		return upstream(err, "sources")
	}
	for i, c := range builds {
		all, err := pending[i].Get()
		if err != nil {
			return upstream(err, c.field)
		}
		for _, r := range all {
			if !r.MetadataOnly && q.wanted(r.Name, r.Arch) {
				c.rpms = append(c.rpms, r)
			}
		}
		if len(c.rpms) == 0 {
			q.noRPMs(c, all)
		}
	}
	return q.checksums(ctx, builds)
}

// noRPMs: a build that the user named himself must have something for the arch;
// one of several in an update may not, which is said.
func (q *resolution) noRPMs(c *chosen, all []koji.RPM) {
	var arches []string
	for _, r := range all {
		if !slices.Contains(arches, r.Arch) && r.Arch != "src" {
			arches = append(arches, r.Arch)
		}
	}
	slices.Sort(arches)
	sentence := fmt.Sprintf("The build %s has no RPM for %s", c.build.NVR, q.req.Arch)
	switch {
	case len(all) == 0:
		sentence += "; Koji lists no RPM of it at all."
	case len(arches) == 0:
		sentence += "; it has only a source RPM."
	case slices.Contains(arches, q.req.Arch) || slices.Contains(arches, "noarch"):
		sentence += " besides debuginfo."
	default:
		sentence += "; it was built for " + strings.Join(arches, ", ") + "."
	}
	if !c.explicit {
		q.warn(CodeNoRPMsForArch, c.field, "%s", sentence)
		return
	}
	q.problem(Problem{Code: CodeNoRPMsForArch, Field: c.field, Sentence: sentence, Remedy: "Choose an architecture that the build was made for."})
}

// checksums asks for the SHA-256 of every RPM that the hub already knows.
// Many hubs do not, and the digest in the RPM's signature serves as well.
func (q *resolution) checksums(ctx context.Context, builds []*chosen) error {
	batch := q.koji.Batch()
	pending := map[int]*koji.Pending[map[string]koji.Checksums]{}
	for _, c := range builds {
		for i := range c.rpms {
			pending[c.rpms[i].ID] = batch.GetRPMChecksums(c.rpms[i].ID)
		}
	}
	if err := batch.Do(ctx); err != nil {
		return upstream(err, "sources")
	}
	paths := q.koji.Paths()
	for _, c := range builds {
		for i := range c.rpms {
			r := &c.rpms[i]
			p := planRPM(c.build, r, paths.RPM(c.build, r), q.plan.Sources[c.source].Source)
			// The key "" is the unsigned copy, which is the one that is fetched.
			if sums, err := pending[r.ID].Get(); err == nil {
				if sum := sums[""].SHA256; sum != nil {
					p.SHA256 = *sum
				}
			}
			q.take(c.field, p)
		}
	}
	return nil
}
