package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Uploaded is a file of a user's own that a request names.
type Uploaded struct {
	ID     string // sha256 of the content
	Name   string
	Type   string // rpm, iso or tar
	Path   string // on this host
	URL    string // where a build node fetches it
	Size   int64
	SHA256 string
}

// ResolverOptions are the optional parts of a Resolver.
type ResolverOptions struct {
	// Backends are those that build nodes may have; they complete the Plan.
	Backends []Backend
	// Uploads finds a file of a user's own by its id; ErrNoUpload when there is
	// none. Nil: there are no uploads.
	Uploads func(ctx context.Context, id string) (Uploaded, error)
	// Composes finds the ISO of an earlier compose. Nil: there are none.
	Composes func(ctx context.Context, id string) (PlanBase, error)
	// Repos are the repositories of a release when a request names none; final
	// says that the release is out. Nil: DefaultRepos.
	Repos func(release, arch string, final bool) []Repo
	// Keys say which signatures count where they are required.
	Keys Keys
	// COPR is where the results of COPR are served; "" means DefaultCOPR.
	COPR string
	// Kickstarts is where fedora-kickstarts is served, with {branch} and {file};
	// "" means DefaultKickstarts.
	Kickstarts string
	Logger     hclog.Logger
	Now        func() time.Time
}

// ErrNoUpload is what ResolverOptions.Uploads and Composes answer for an id
// that they do not know.
var ErrNoUpload = errors.New("no such upload")

// Resolver turns Requests into Plans. It is safe for concurrent use.
type Resolver struct {
	koji    *koji.Client
	bodhi   *bodhi.Client
	fetcher *fetch.Fetcher
	repos   *repo.Remote
	indexes string // where indexes of repositories are kept
	opts    ResolverOptions
}

// NewResolver returns a Resolver that asks the two services; the caller closes it.
func NewResolver(hub *koji.Client, updates *bodhi.Client, network Network, o ResolverOptions) (*Resolver, error) {
	f, err := network.fetcher(o.Logger)
	if err != nil {
		return nil, fmt.Errorf("make resolver: %w", err)
	}
	repos, err := network.repos(o.Logger)
	if err != nil {
		return nil, fmt.Errorf("make resolver: %w", errors.Join(err, f.Close()))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	o.COPR, o.Kickstarts = cmp.Or(o.COPR, DefaultCOPR), cmp.Or(o.Kickstarts, DefaultKickstarts)
	return &Resolver{koji: hub, bodhi: updates, fetcher: f, repos: repos, indexes: filepath.Join(network.CacheDir, "indexes"), opts: o}, nil
}

// Close ends downloads that are under way.
func (r *Resolver) Close() error { return errors.Join(r.fetcher.Close(), r.repos.Close()) }

// Resolve freezes what the request stands for right now. A request that cannot
// be built is a *RefusedError with every problem that was found.
func (r *Resolver) Resolve(ctx context.Context, req Request) (*Plan, error) {
	if problems := req.Check(); len(problems) > 0 {
		return nil, Refuse(problems...)
	}
	backend, err := r.backend(&req)
	if err != nil {
		return nil, err
	}
	q := &resolution{Resolver: r, req: req, plan: &Plan{Resolved: r.opts.Now().UTC().Truncate(time.Second)}, rpms: map[string]taken{}}
	if err := q.sources(ctx); err != nil {
		return nil, err
	}
	// Base and kickstart are looked at even when a source is bad: the user hears
	// of everything at once.
	if err := q.base(ctx); err != nil {
		return nil, err
	}
	if err := q.medium(ctx); err != nil {
		return nil, err
	}
	q.release()
	q.noteKeys()
	if err := q.kickstart(ctx); err != nil {
		return nil, err
	}
	if err := q.description(ctx); err != nil {
		return nil, err
	}
	if err := q.installRepos(ctx, backend); err != nil {
		return nil, err
	}
	if err := q.gather(ctx, backend); err != nil {
		return nil, err
	}
	if len(q.problems) > 0 {
		return nil, Refuse(q.problems...)
	}
	return q.finish(backend)
}

// Source says what one source stands for right now, for the arch and the
// options of the request; its other fields are not looked at.
func (r *Resolver) Source(ctx context.Context, req Request) (*Plan, error) {
	q := &resolution{Resolver: r, req: req, plan: &Plan{Resolved: r.opts.Now().UTC().Truncate(time.Second)}, rpms: map[string]taken{}}
	if err := q.sources(ctx); err != nil {
		return nil, err
	}
	if len(q.problems) > 0 {
		return nil, Refuse(q.problems...)
	}
	q.noteKeys()
	q.plan.Request, q.plan.RPMs = q.req, q.sorted()
	return q.plan, nil
}

// backend picks the back end of the request's kind.
func (r *Resolver) backend(req *Request) (Backend, error) {
	if req.Kind == KindRepo {
		return nil, nil //nolint:nilnil // a side repo needs no back end
	}
	name := req.Options.Backend
	if name == "" && req.Options.Kiwi != nil {
		name = BackendKiwi
	}
	// The release may still be open: the sources say it.
	for _, b := range r.opts.Backends {
		if _, ok := capability(b, req.Kind, req.Arch, req.Release); ok && (name == "" || name == b.Name()) {
			return b, nil
		}
	}
	p := unsupported(req)
	for _, b := range r.opts.Backends {
		if _, ok := capability(b, req.Kind, "", ""); !ok {
			continue
		}
		// The kind can be made; it is the arch, the release or the name that cannot.
		p.Sentence = fmt.Sprintf("No back end makes a %s of release %s for %s.", req.Kind, cmp.Or(req.Release, "any"), cmp.Or(req.Arch, "any architecture"))
		break
	}
	if name != "" {
		p.Field, p.Sentence = "options.backend", fmt.Sprintf("No back end named %s makes a %s.", clip(name), req.Kind)
	}
	return nil, Refuse(p)
}

func unsupported(req *Request) Problem {
	return Problem{
		Code: CodeUnsupportedKind, Field: "kind", Remedy: "Choose another kind; GET /api/v1/releases lists them.",
		Sentence: fmt.Sprintf("This version of respin cannot build a %s.", req.Kind),
	}
}

// resolution is the state of one Resolve.
type resolution struct {
	*Resolver
	req      Request
	plan     *Plan
	problems []Problem
	mu       sync.Mutex       // guards rpms and problems while files are looked at in parallel
	rpms     map[string]taken // by NEVRA
	branch   string           // the release that the sources are of, if they say so
	hub      *koji.Client     // see snapshot
	opened   []*repo.Repo     // the plan's repositories
}

func (q *resolution) problem(p Problem) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.problems = append(q.problems, p)
}

func (q *resolution) warn(code Code, field, format string, args ...any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.plan.Warnings = append(q.plan.Warnings, Warning{Code: string(code), Field: field, Sentence: fmt.Sprintf(format, args...)})
}

// taken is an RPM of the side repo with where it came by.
type taken struct {
	PlanRPM
	source int    // index in plan.Sources
	nvr    string // of the Koji build, "" for others
}

// take puts an RPM into the side repo. Of two copies of one RPM the one is taken
// of whose signature more is asked.
func (q *resolution) take(s *sourceRun, nvr string, p PlanRPM) {
	q.mu.Lock()
	defer q.mu.Unlock()
	old, ok := q.rpms[p.NEVRA]
	if !ok {
		q.rpms[p.NEVRA] = taken{p, s.index, nvr}
		return
	}
	switch {
	case old.same(&p):
		if p.Policy.stricter(old.Policy) {
			q.rpms[p.NEVRA] = taken{p, s.index, nvr}
		}
	default:
		q.problems = append(q.problems, Problem{
			Code: CodeRPMConflict, Field: s.field, Remedy: "Leave one of the sources out.",
			Sentence: fmt.Sprintf("%s comes from %s and, with other content, from %s.", p.NEVRA, old.From, p.From),
		})
	}
}

// same tells whether two descriptions are of one file, by the digests that both have.
func (p *PlanRPM) same(o *PlanRPM) bool {
	for _, pair := range [][2]string{{p.SigMD5, o.SigMD5}, {p.HeaderSHA256, o.HeaderSHA256}, {p.SHA256, o.SHA256}, {p.SHA512, o.SHA512}} {
		if pair[0] != "" && pair[1] != "" {
			return pair[0] == pair[1]
		}
	}
	return p.Size == o.Size
}

func (q *resolution) sorted() []PlanRPM {
	list := make([]PlanRPM, 0, len(q.rpms))
	for _, p := range q.rpms {
		list = append(list, p.PlanRPM)
	}
	slices.SortFunc(list, func(a, b PlanRPM) int { return cmp.Compare(a.NEVRA, b.NEVRA) })
	return list
}

// release fills in the release from the sources where the request names none.
func (q *resolution) release() {
	if q.req.Release == "" {
		q.req.Release = q.branch
	}
	if q.req.Release == "" && len(q.problems) == 0 {
		q.problem(Problem{
			Code: CodeBadRelease, Field: "release", Remedy: "Name it with release (--release 44).",
			Sentence: "Neither the request nor its sources say which release this is for.",
		})
	}
	if q.branch != "" && q.req.Release != q.branch && q.req.Release != "rawhide" {
		q.warn(CodeBadRelease, "release", "The sources are of release %s, and the compose is for %s.", q.branch, q.req.Release)
	}
}

// finish completes the Plan of a request without problems.
func (q *resolution) finish(backend Backend) (*Plan, error) {
	p := q.plan
	p.Request, p.RPMs = q.req, q.sorted()
	p.Request.Notify = nil // a Plan is published: whom to tell is nobody else's business
	for i := range p.RPMs {
		p.Epoch = max(p.Epoch, p.RPMs[i].BuildTime)
	}
	if p.Epoch == 0 {
		p.Epoch = 1_600_000_000 // nothing carries a time; any fixed one serves
	}
	if backend != nil {
		if _, ok := capability(backend, q.req.Kind, q.req.Arch, q.req.Release); !ok {
			return nil, Refuse(unsupported(&q.req))
		}
		p.VolID = p.Request.VolID
		if p.VolID == "" {
			p.VolID = fmt.Sprintf("%s-%s-%s-%s", distro(p.Request.Release), p.Request.Release, p.Request.Kind, p.Request.Arch)
		}
		p.Backend = backend.Name()
		p.Image = imageName(p.Request.Release, p.Request.Kind, p.Request.Arch)
		if err := q.first(backend); err != nil {
			return nil, err
		}
		if err := backend.Describe(p); err != nil {
			return nil, err
		}
	}
	q.unused(backend)
	q.smokeBoot()
	return p, p.Seal()
}

// distro begins the default names of images.
func distro(release string) string {
	if n, err := strconv.Atoi(release); err == nil && n < FirstFedora {
		return "CentOS"
	}
	return "Fedora"
}

// unused warns of fields that say nothing for this kind.
func (q *resolution) unused(backend Backend) {
	type field struct {
		name string
		set  bool
	}
	fields := []field{
		{"packages", len(q.req.Packages) > 0},
		{"exclude", len(q.req.Exclude) > 0},
		{"repos", len(q.req.Repos) > 0},
		{"kickstart", q.plan.Kickstart != ""},
		{"boot_args", len(q.req.BootArgs) > 0},
		{"remove_args", len(q.req.RemoveArgs) > 0},
		{"options.rootfs_size", q.req.Options.RootfsSize != 0},
		{"options.rootfs_type", q.req.Options.RootfsType != ""},
		{"options.product", q.req.Options.Product != ""},
		{"options.variant", q.req.Options.Variant != ""},
		{"options.templates", len(q.req.Options.Templates)+len(q.req.Options.TemplateVars)+len(q.req.Options.ArchTemplateVars) > 0},
		{"options.virt", q.req.Options.Virt},
		{"replace", len(q.req.Replace) > 0},
		{"files", len(q.req.Files) > 0},
		{"updates_image", q.req.UpdatesImage != nil},
		{"options.updates_img", q.req.Options.UpdatesImg},
		{"options.no_md5sum", q.req.Options.NoMD5Sum},
		{"options.medium", q.req.Options.Medium != ""},
		{"options.smoke_boot", q.req.Options.SmokeBoot},
		{"options.skip_preflight", q.req.Options.SkipPreflight},
		{"volid", q.req.VolID != ""},
	}
	uses := q.uses(backend)
	for _, f := range fields {
		if f.set && !slices.Contains(uses, f.name) {
			q.warn(CodeUnsupportedField, f.name, "A %s does not use %s.", q.req.Kind, f.name)
		}
	}
}

// arches are the architectures that the side repo takes.
func (q *resolution) arches() []string {
	return koji.Arches(q.req.Arch, q.req.Options.Multilib, q.req.Options.IncludeSource)
}

// wanted applies the arch and debuginfo rules to a file.
func (q *resolution) wanted(name, arch string) bool {
	return slices.Contains(q.arches(), arch) && (q.req.Options.Debuginfo || !koji.IsDebuginfo(name))
}

// branchNow is the release that the sources are of, as far as is known.
func (q *resolution) branchNow() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.branch
}

// noteBranch remembers the release that a build is of, by its dist tag.
func (q *resolution) noteBranch(release string) {
	i := strings.LastIndex(release, ".fc")
	q.mu.Lock()
	defer q.mu.Unlock()
	if i < 0 || q.branch != "" {
		return
	}
	digits := release[i+3:]
	if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = digits[:end]
	}
	if releasePattern.MatchString(digits) {
		q.branch = digits
	}
}

// upstream turns an error of Koji or Bodhi that is no answer about the source
// into a refusal. It ends the resolution: more questions would fail alike.
func upstream(err error, field string) error {
	p := Problem{Field: field, Remedy: "Try again later."}
	switch {
	case errors.Is(err, koji.ErrServerOffline):
		p.Code, p.Sentence = CodeKojiUnreachable, "The Koji hub says that it is offline."
	case errors.Is(err, koji.ErrUnreachable):
		p.Code, p.Sentence = CodeKojiUnreachable, "The Koji hub does not answer: "+firstLine(err)+"."
	case errors.Is(err, bodhi.ErrUnreachable):
		p.Code, p.Sentence = CodeBodhiUnreachable, "Bodhi does not answer: "+firstLine(err)+"."
	case errors.Is(err, context.DeadlineExceeded):
		p.Code, p.Sentence = CodeKojiUnreachable, "Koji or Bodhi did not answer in time."
	case errors.Is(err, context.Canceled):
		return err
	default:
		p.Code, p.Sentence = CodeUpstreamError, "Koji or Bodhi answered with an error: "+firstLine(err)+"."
	}
	return Refuse(p)
}

// planFile describes an RPM by its header.
func planFile(pkg *rpm.Package, file, url string, size int64, from string) PlanRPM {
	return PlanRPM{
		NEVRA: pkg.NEVRA().String(), Name: pkg.Name, Arch: pkg.Arch, File: file, URL: url, Size: size,
		SigMD5: pkg.Digests.SigMD5, HeaderSHA256: pkg.Digests.HeaderSHA256, BuildTime: pkg.BuildTime, From: from,
	}
}
