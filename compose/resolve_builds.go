package compose

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Bounds of what the sources of one request may stand for. The largest updates
// have some hundreds of builds; a release's own tag has tens of thousands, each
// of which is several questions to the hub.
const (
	maxBuilds = 2000
	maxRPMs   = 10_000
	maxTotal  = 64 << 30 // bytes; what the fetcher takes at a time
)

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
	total := 0
	for i, c := range builds {
		all, err := pending[i].Get()
		if err != nil {
			return upstream(err, c.of.field)
		}
		for _, r := range all {
			if !r.MetadataOnly && q.wanted(r.Name, r.Arch) {
				c.rpms = append(c.rpms, r)
			}
		}
		if total += len(c.rpms); len(c.rpms) == 0 {
			q.noRPMs(c, all)
		}
		c.of.info.BuildDetails = append(c.of.info.BuildDetails, c.details())
	}
	if total > maxRPMs {
		q.problem(Problem{
			Code: CodeSourceTooLarge, Field: "sources", Remedy: "Name an update, a side tag or the builds themselves.",
			Sentence: fmt.Sprintf("The sources stand for %d RPMs; one compose takes %d.", total, maxRPMs),
		})
		return nil
	}
	return q.copies(ctx, builds)
}

func (c *chosen) details() PlanBuild {
	b := c.build
	d := PlanBuild{NVR: b.NVR, ID: b.ID, State: strings.ToLower(b.State.String()), Owner: b.OwnerName, Completed: b.Completed, Tag: c.tag}
	if b.TaskID != nil {
		d.TaskID = *b.TaskID
	}
	if b.Source != nil {
		d.Origin = *b.Source
	}
	return d
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
		q.warn(CodeNoRPMsForArch, c.of.field, "%s", sentence)
		return
	}
	q.problem(Problem{Code: CodeNoRPMsForArch, Field: c.of.field, Sentence: sentence, Remedy: "Choose an architecture that the build was made for."})
}

// known is what the hub says of one RPM's copies.
type known struct {
	sums *koji.Pending[map[string]koji.Checksums]
	sigs *koji.Pending[[]koji.Signature]
}

// copies decides which copy of each RPM is taken, and describes it. The hub is
// asked for the checksums that it knows already (many hubs know none, and the
// digest in the RPM's signature serves as well) and for the signatures.
func (q *resolution) copies(ctx context.Context, builds []*chosen) error {
	batch := q.koji.Batch()
	answers := map[int]*known{}
	for _, c := range builds {
		for i := range c.rpms {
			id := c.rpms[i].ID
			a := answers[id]
			if a == nil {
				a = &known{sums: batch.GetRPMChecksums(id)}
				answers[id] = a
			}
			if a.sigs == nil && c.of.policy != SignaturesIgnore {
				a.sigs = batch.QueryRPMSigs(koji.RPMRef{ID: id})
			}
		}
	}
	if err := batch.Do(ctx); err != nil {
		return upstream(err, "sources")
	}
	keys := make([][]string, len(builds)) // of each RPM; "" for the unsigned copy
	for i, c := range builds {
		keys[i] = q.signedBy(c, answers)
	}
	stores, err := q.probe(ctx, builds, keys)
	if err != nil {
		return err
	}
	for i, c := range builds {
		q.judgeStores(c, keys[i], stores)
		for j := range c.rpms {
			q.takeCopy(c, &c.rpms[j], keys[i][j], stores, answers)
		}
	}
	return nil
}

// takeCopy describes the copy of an RPM that is signed by the key, or the
// unsigned one for "".
func (q *resolution) takeCopy(c *chosen, r *koji.RPM, key string, stores map[store]storeState, answers map[int]*known) {
	state := stores[store{c.build.ID, key}]
	if state == storeGone {
		if c.of.policy == SignaturesRequire {
			return // a problem already
		}
		key = ""
	}
	paths := q.koji.Paths()
	p := planRPM(c.build, r, paths.RPM(c.build, r), c.of.text)
	p.Policy, p.Signature = c.of.policy, SignatureUnsigned
	if key != "" {
		p.Signature, p.SignedBy = SignatureSigned, key
		p.URL, p.UnsignedURL, p.SignatureURL = paths.Signed(c.build, r, key), p.URL, paths.Sigcache(c.build, r, key)
	}
	if sums, err := answers[r.ID].sums.Get(); err == nil {
		if sum := sums[key].SHA256; sum != nil {
			p.SHA256 = strings.ToLower(*sum)
		}
	}
	q.take(c.of, c.build.NVR, p)
}

// planRPM describes an RPM of a Koji build.
func planRPM(b *koji.Build, r *koji.RPM, url, from string) PlanRPM {
	evr := rpm.EVR{Version: r.Version, Release: r.Release}
	if r.Epoch != nil {
		evr.Epoch, evr.HasEpoch = uint32(*r.Epoch), true
	}
	p := PlanRPM{
		NEVRA: rpm.NEVRA{Name: r.Name, EVR: evr, Arch: r.Arch}.String(), Name: r.Name, Arch: r.Arch, File: r.FileName(), URL: url, Size: r.Size,
		BuildTime: r.BuildTime.Unix(), From: from + " (" + b.NVR + ")",
	}
	switch kind, digest := r.Ident(); kind {
	case "sigmd5":
		p.SigMD5 = digest
	case "sha256":
		p.HeaderSHA256 = digest
	}
	return p
}
