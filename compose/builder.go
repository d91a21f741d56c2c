package compose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/repo"
)

// Network says where files come from and where they are kept.
type Network struct {
	// CacheDir holds downloaded files by content; several builders and
	// resolvers may share it. Required.
	CacheDir string
	// TrustHosts are servers ("host" or "host:port") that may be asked although
	// their address is a private one. The hosts of Koji belong here when the
	// hub stands on a private network.
	TrustHosts []string
	// AllowLoopback lets every loopback address be asked, for tests and for
	// command-line use on one's own machine.
	AllowLoopback bool
	// MinFree is the room in bytes that stays free where the cache is; 0 means
	// 256 MiB.
	MinFree int64
	// MaxCache bounds the finished files in CacheDir, in bytes; 0: no bound. The
	// least recently used go first. What a running build works with stays, even
	// beyond the bound; so does what was used during the last hour. Files that
	// are hard-linked into results do not count.
	MaxCache int64
	// PerHost is how many transfers one server has to serve at a time; 0 means 8.
	PerHost int
	// BytesPerSecond bounds what all transfers take together; 0: no bound.
	BytesPerSecond int
}

// repos opens repositories through a part of the cache of their own: metadata
// come and go with every push, and packages should not have to make way for them.
func (n Network) repos(logger hclog.Logger) (*repo.Remote, error) {
	return repo.NewRemote(filepath.Join(n.CacheDir, "repos"), repo.RemoteOptions{ //nolint:wrapcheck // it says what it does
		TrustHosts: n.TrustHosts, AllowLoopback: n.AllowLoopback, Logger: logger,
	})
}

func (n Network) fetcher(logger hclog.Logger) (*fetch.Fetcher, error) {
	return fetch.New(n.CacheDir, fetch.Options{
		Policy:  fetch.Policy{TrustHosts: n.TrustHosts, AllowLoopback: n.AllowLoopback},
		MinFree: n.MinFree, MaxCache: n.MaxCache, PerHost: n.PerHost, BytesPerSecond: n.BytesPerSecond, UserAgent: "respin", Logger: logger,
	})
}

// BuilderOptions are the optional parts of a Builder.
type BuilderOptions struct {
	Backends []Backend     // for every kind but repo
	Runner   Runner        // where the tools of the back ends run; nil: on this host
	Roots    Roots         // where the tools of native back ends run instead; nil: Runner
	Smoke    Machine       // for Options.SmokeBoot; nil means smoke.QEMU
	Keys     Keys          // what signatures are verified with
	Timeout  time.Duration // of one build; 0 means four hours
	Logger   hclog.Logger  // nil: none
	Now      func() time.Time
}

// Builder turns Plans into Results on this host. It is safe for concurrent use.
type Builder struct {
	fetcher  *fetch.Fetcher
	cacheDir string
	minFree  int64
	backends []Backend
	runner   Runner
	roots    Roots
	keys     Keys
	machine  Machine
	timeout  time.Duration
	now      func() time.Time
	logger   hclog.Logger
}

// NewBuilder returns a Builder; the caller closes it.
func NewBuilder(network Network, o BuilderOptions) (*Builder, error) {
	f, err := network.fetcher(o.Logger)
	if err != nil {
		return nil, fmt.Errorf("make builder: %w", err)
	}
	// Tools in another root look for it from elsewhere.
	if network.CacheDir, err = filepath.Abs(network.CacheDir); err != nil {
		return nil, errors.Join(fmt.Errorf("make builder: %w", err), f.Close())
	}
	b := &Builder{fetcher: f, cacheDir: network.CacheDir, backends: o.Backends, runner: o.Runner, roots: o.Roots, keys: o.Keys, machine: o.Smoke, timeout: o.Timeout, now: o.Now, minFree: network.MinFree, logger: o.Logger}
	if b.logger == nil {
		b.logger = hclog.NewNullLogger()
	}
	if b.runner == nil {
		b.runner = &proc.Runner{}
	}
	if b.machine == nil {
		b.machine = &smoke.QEMU{}
	}
	if b.timeout == 0 {
		b.timeout = 4 * time.Hour
	}
	if b.now == nil {
		b.now = time.Now
	}
	if b.minFree == 0 {
		b.minFree = 256 << 20
	}
	return b, nil
}

// Close ends downloads that are under way.
func (b *Builder) Close() error { return b.fetcher.Close() }

// MakeRoom sees to it that n bytes, and Network.MinFree besides, are free where
// the cache is, removing cached files that no build works with. When that would
// not be enough nothing is removed, and the error says so.
func (b *Builder) MakeRoom(ctx context.Context, n int64) error { return b.fetcher.MakeRoom(ctx, n) }

// Offer is one kind of compose that a host can build, as JobKind has it, and for
// which architecture.
type Offer struct {
	Kind Kind
	Arch string
}

// by parts kind and back end in a JobKind; it stands in no kind's name.
const by = "-by-"

// JobKind is what a compose is queued as, so that a node gets those that it has
// the tools for: its kind, and for a back end that is not the first of its kind
// among backends with that, as "live-by-kiwi".
func JobKind(backends []Backend, kind Kind, backend string) Kind {
	i := slices.IndexFunc(backends, func(b Backend) bool {
		return slices.ContainsFunc(b.Makes(), func(c Capability) bool { return c.Kind == kind })
	})
	if backend == "" || i >= 0 && backends[i].Name() == backend {
		return kind
	}
	return kind + by + Kind(backend)
}

// SplitJobKind is the opposite of JobKind; backend is "" for the kind's first.
func SplitJobKind(job Kind) (kind Kind, backend string) {
	name, backend, _ := strings.Cut(string(job), by)
	return Kind(name), backend
}

// Offers says what this host can build, and why it cannot build the rest, both by
// JobKind. Among the kinds are those of Chain.
func (b *Builder) Offers(ctx context.Context) (can []Offer, missing map[Kind]string) {
	missing = map[Kind]string{}
	for _, arch := range Arches() {
		can = append(can, Offer{KindRepo, arch})
	}
	errs := make([]error, len(b.backends))
	for i, backend := range b.backends {
		err := ProbeBackend(ctx, backend, b.runner, b.roots)
		errs[i] = err
		for _, c := range backend.Makes() {
			kind := JobKind(b.backends, c.Kind, backend.Name())
			if err != nil {
				missing[kind] = reason(err)
				continue
			}
			for _, arch := range c.hostArches() {
				if o := (Offer{kind, arch}); !slices.Contains(can, o) {
					can = append(can, o)
				}
			}
		}
	}
	return b.chains(errs, can, missing), missing
}

func reason(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// hostArches are the architectures that this host can build for, tools granted.
func (c *Capability) hostArches() []string {
	arches := c.Arches
	if arches == nil {
		arches = Arches()
	}
	if !c.Native {
		return arches
	}
	if slices.Contains(arches, HostArch()) {
		return []string{HostArch()}
	}
	return nil
}

// Work says where one build happens.
type Work struct {
	ID string // names the .repo file; letters, digits, dot, dash and underscore
	// Dir is the build's own directory. What Build makes lies in Dir/out, ready
	// to be published as it is, logs included, also when the build failed.
	Dir string
	// RepoURL is where Dir/out/repo will be served, for the .repo file.
	RepoURL string
	// Log gets every line that the build and its tools say; nil: only Dir/out/logs.
	Log io.Writer
	// Progress is called on every step, one call at a time; nil: not.
	Progress func(Progress)
}

// OutDir is the directory below Work.Dir that is to be published.
const OutDir = "out"

// Paths below OutDir.
const (
	repoDir       = "repo"
	logPath       = "logs/compose.log"
	planPath      = "plan.json"
	reportPath    = "report.json"
	kickstartPath = "respin.ks"
)

// Build does what the Plan says. The Result is never nil; the error, if any, is
// a *FailedError whose Failure stands in Result.Failure too.
func (b *Builder) Build(ctx context.Context, plan *Plan, work Work) (*Result, error) {
	if abs, err := filepath.Abs(work.Dir); err == nil {
		work.Dir = abs // in another root it is looked for from elsewhere
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	run := &build{Builder: b, plan: plan, work: work, out: filepath.Join(work.Dir, OutDir), result: &Result{PlanDigest: plan.Digest}}
	defer run.letGo()
	err := run.all(ctx)
	if err != nil {
		failed := Diagnose(ctx, run.stage(), err)
		run.explain(ctx, failed)
		run.hidePaths(&failed.Failure)
		run.logf("FAILED in stage %s (%s): %s", failed.Failure.Stage, failed.Failure.Code, failed.Failure.Sentence)
		run.result.Failure = &failed.Failure
		err = failed
		run.dropImages()
	}
	if closeErr := run.close(); closeErr != nil && err == nil {
		failed := Diagnose(ctx, StageVerify, closeErr)
		run.result.Failure = &failed.Failure
		err = failed
	}
	return run.result, err
}

// hidePaths keeps this host's directories out of what users read; the error
// behind the Failure still has them, for the operator.
func (r *build) hidePaths(f *Failure) {
	short := strings.NewReplacer(r.work.Dir+"/", "", r.work.Dir, ".", r.cacheDir+"/", "")
	f.Sentence = short.Replace(f.Sentence)
	for i := range f.Evidence {
		f.Evidence[i] = short.Replace(f.Evidence[i])
	}
}

// build is the state of one Build.
type build struct {
	*Builder
	plan         *Plan
	work         Work
	out          string
	result       *Result
	tracker      *tracker
	parts        []*part
	installer    []PackageEntry // what the image has that the Plan's own starts from
	root         Root           // nil: the host's
	summed       *Digest        // of the image, if Verify has read the whole of it
	logFile      *os.File
	log          io.Writer
	rpms         []string // local paths, in the order of plan.RPMs
	base         string
	description  string         // local path of the description's archive
	gathered     []string       // local paths, in the order of plan.Gathered
	files        []string       // local paths, in the order of plan.Files
	updatesImage string         // local path
	held         *fetch.Session // keeps rpms and base in the cache
}

func (r *build) stage() Stage {
	if r.tracker == nil || r.tracker.current() == "" {
		return StageFetch
	}
	return r.tracker.current()
}

// stageRun is one stage of a build.
type stageRun struct {
	stage   Stage
	message string
	run     func(context.Context) error
}

// all runs the stages in order.
func (r *build) all(ctx context.Context) error {
	if err := r.open(); err != nil {
		return err
	}
	if err := r.firstTools(); err != nil {
		return Diagnose(ctx, StageCompose, err)
	}
	stages := []stageRun{
		{StageFetch, "fetching the RPMs", r.fetch},
		{StageSideRepo, "making the side repo", r.sideRepo},
		{StageKickstart, "writing the kickstart", r.kickstart},
		{StageCompose, "making the image", r.compose},
		{StageVerify, "reading the result back", r.verify},
	}
	if r.plan.boots() {
		// Asked now, so that nothing is built that cannot be finished here.
		if err := r.machine.Find(); err != nil {
			return Diagnose(ctx, StageSmoke, err)
		}
		stages = append(stages, stageRun{StageSmoke, "booting the image", r.smoke})
	}
	for _, s := range stages {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("before stage %s: %w", s.stage, err)
		}
		r.tracker.begin(s.stage, s.message)
		r.logf("stage %s: %s", s.stage, s.message)
		if err := s.run(ctx); err != nil {
			return err
		}
	}
	r.tracker.end()
	return nil
}

// open makes the directories and the log. What an earlier attempt in the same
// directory left is removed: every attempt starts from the Plan alone.
func (r *build) open() error {
	r.tracker = &tracker{report: r.work.Progress, now: r.now}
	if err := errors.Join(os.RemoveAll(r.out), r.dropMade(), os.MkdirAll(filepath.Join(r.out, "logs"), 0o755), os.MkdirAll(r.temp(), 0o700)); err != nil {
		return fmt.Errorf("make work directory: %w", err)
	}
	var err error
	if r.logFile, err = os.Create(filepath.Join(r.out, logPath)); err != nil {
		return fmt.Errorf("make log: %w", err)
	}
	r.log = &lockedWriter{w: r.logFile}
	if r.work.Log != nil {
		r.log = &lockedWriter{w: io.MultiWriter(r.logFile, r.work.Log)}
	}
	data, err := json.MarshalIndent(r.plan, "", "  ")
	if err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	r.logf("compose %s: %s %s %s, plan %s", r.work.ID, r.plan.Request.Kind, r.plan.Request.Release, r.plan.Request.Arch, r.plan.Digest)
	return atomicfile.Write(filepath.Join(r.out, planPath), append(data, '\n'), 0o644)
}

func (r *build) dropMade() error {
	return errors.Join(os.RemoveAll(filepath.Join(r.work.Dir, madeDir)), os.RemoveAll(filepath.Join(r.work.Dir, firstDir)))
}

func (r *build) temp() string { return filepath.Join(r.work.Dir, "tmp") }

func (r *build) logf(format string, args ...any) {
	if r.log != nil {
		_, _ = fmt.Fprintf(r.log, "%s "+format+"\n", append([]any{r.now().UTC().Format("15:04:05")}, args...)...)
	}
}

// dropImages removes what a failed build may have left of its result. The plan,
// the report and the logs stay.
func (r *build) dropImages() {
	r.result.Artifacts, r.result.SideRepo = nil, nil
	entries, _ := os.ReadDir(r.out)
	for _, e := range entries {
		if name := e.Name(); name != "logs" && name != planPath {
			_ = os.RemoveAll(filepath.Join(r.out, name))
		}
	}
}

// close writes the report and lists the artifacts.
func (r *build) close() error {
	if r.tracker == nil {
		return nil
	}
	r.tracker.end()
	r.result.Timings = r.tracker.timings
	err := errors.Join(r.leave(), os.RemoveAll(r.temp()), r.dropMade())
	if r.logFile != nil {
		r.logf("done")
		err = errors.Join(err, r.logFile.Sync(), r.logFile.Close())
	}
	report := *r.result
	report.Artifacts, report.Logs = nil, nil
	data, jsonErr := json.MarshalIndent(report, "", "  ")
	if err := errors.Join(err, jsonErr); err != nil {
		return fmt.Errorf("finish build: %w", err)
	}
	if err := atomicfile.Write(filepath.Join(r.out, reportPath), append(data, '\n'), 0o644); err != nil {
		return err
	}
	return r.list()
}

// letGo gives the files of the cache back to it.
func (r *build) letGo() {
	if r.held == nil {
		return
	}
	if err := r.held.Close(); err != nil {
		// The hold ends with the process all the same.
		r.logger.Warn("release the files of a build", "compose_id", r.work.ID, "error", err)
	}
}

// lockedWriter lets the stages and their tools share one log.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// sourceDateEpoch is the time that the result carries instead of now.
func (p *Plan) sourceDateEpoch() time.Time { return time.Unix(p.Epoch, 0).UTC() }

// Env is the environment that makes tools write the Plan's time.
func (p *Plan) Env() []string {
	return []string{"SOURCE_DATE_EPOCH=" + strconv.FormatInt(p.Epoch, 10)}
}
