package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/koji"
)

// buildLocal runs the pipeline of the daemon in this process: resolve, build,
// and the result in a folder.
func (a *app) buildLocal(ctx context.Context, p *prepared, configFile, output string) error {
	cfg, err := a.config(configFile, nil)
	if err != nil {
		return err
	}
	l := &local{app: a, cfg: &cfg, id: "local-" + time.Now().UTC().Format("20060102") + "-" + rand.Text()[:6]}
	if l.output, err = l.place(output); err != nil {
		return err
	}
	if p.req.Arch == "" {
		p.req.Arch = compose.HostArch()
	}
	stop, err := l.offer(ctx, p)
	if err != nil {
		return err
	}
	defer stop()
	plan, err := l.resolve(ctx, p.req)
	if err != nil {
		return err
	}
	for _, w := range plan.Warnings {
		a.remark("warning: %s\n", clean(w.Sentence))
	}
	return l.build(ctx, plan)
}

// local is one build in this process.
type local struct {
	*app
	cfg    *daemon.Config
	id     string
	output string // absolute
	files  map[string]compose.Uploaded
}

// place is where the result goes: a folder that is not there yet, or is empty.
func (l *local) place(output string) (string, error) {
	if output == "" {
		output = "respin-" + l.id
	}
	abs, err := filepath.Abs(output)
	if err != nil {
		return "", fmt.Errorf("find output folder: %w", err)
	}
	entries, err := os.ReadDir(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return abs, nil
	case err != nil:
		return "", usagef("--output: %s", reason(err))
	case len(entries) > 0:
		return "", usagef("--output: %s is not empty", output)
	}
	return abs, nil
}

// network is where files may come from: as for the daemon, and from this host,
// which the user commands anyway.
func (l *local) network() (compose.Network, error) {
	cache := l.getenv("XDG_CACHE_HOME")
	if cache == "" && l.getenv("HOME") != "" {
		cache = filepath.Join(l.getenv("HOME"), ".cache")
	}
	if cache == "" {
		cache = l.cfg.Data
	}
	n := compose.Network{CacheDir: filepath.Join(cache, "respin"), TrustHosts: l.cfg.Limits.TrustHosts, AllowLoopback: true, MaxCache: l.cfg.Limits.Cache, PerHost: l.cfg.Limits.PerHost, BytesPerSecond: l.cfg.Limits.Rate}
	for _, raw := range []string{l.cfg.Koji.Hub, l.cfg.Koji.TopURL, l.cfg.COPR.URL, l.cfg.Kickstarts.URL} {
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			n.TrustHosts = append(n.TrustHosts, u.Host)
		}
	}
	if err := os.MkdirAll(n.CacheDir, 0o755); err != nil {
		return n, fmt.Errorf("make cache: %w", err)
	}
	return n, nil
}

// offer serves the files of the request to the fetcher, which takes files from
// servers only, on a loopback port for as long as the build takes.
func (l *local) offer(ctx context.Context, p *prepared) (stop func(), err error) {
	l.files = map[string]compose.Uploaded{}
	if len(p.files) == 0 {
		return func() {}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("offer local files: %w", err)
	}
	mux := http.NewServeMux()
	for _, f := range p.files {
		path := "/" + f.sha256 + "/" + url.PathEscape(f.name)
		if _, twice := l.files[f.sha256]; !twice {
			mux.HandleFunc("GET /"+f.sha256+"/", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, f.path) })
		}
		l.files[f.sha256] = compose.Uploaded{
			ID: f.sha256, Name: f.name, Type: f.kind, Path: f.path, URL: "http://" + listener.Addr().String() + path, Size: f.size, SHA256: f.sha256,
		}
		f.set(&p.req, f.sha256)
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 20 * time.Second}
	done := make(chan struct{})
	go func() {
		_ = srv.Serve(listener) // ends with Close
		close(done)
	}()
	return func() { _ = srv.Close(); <-done }, nil
}

func (l *local) resolve(ctx context.Context, req compose.Request) (plan *compose.Plan, err error) {
	r, err := l.resolver()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	l.remark("resolving the request\n")
	return r.Resolve(ctx, req)
}

// resolver asks the services of the configuration; the caller closes it.
func (l *local) resolver() (*compose.Resolver, error) {
	hub, err := koji.New(l.cfg.Koji.Hub, koji.Options{TopURL: l.cfg.Koji.TopURL})
	if err != nil {
		return nil, fmt.Errorf("set up koji: %w", err)
	}
	updates, err := bodhi.New(l.cfg.Bodhi.URL, bodhi.Options{})
	if err != nil {
		return nil, fmt.Errorf("set up bodhi: %w", err)
	}
	network, err := l.network()
	if err != nil {
		return nil, err
	}
	keys, err := l.cfg.Keys.Load()
	if err != nil {
		return nil, err
	}
	return compose.NewResolver(hub, updates, network, compose.ResolverOptions{
		Backends: daemon.Backends(), Keys: keys, COPR: l.cfg.COPR.URL, Kickstarts: l.cfg.Kickstarts.URL,
		Uploads: func(_ context.Context, id string) (compose.Uploaded, error) {
			if u, ok := l.files[id]; ok {
				return u, nil
			}
			return compose.Uploaded{}, compose.ErrNoUpload
		},
	})
}

// build makes the result beside its place and moves it there, logs included,
// also when the build failed.
func (l *local) build(ctx context.Context, plan *compose.Plan) error {
	network, err := l.network()
	if err != nil {
		return err
	}
	keys, err := l.cfg.Keys.Load()
	if err != nil {
		return err
	}
	runners, err := daemon.NewRunners(ctx, l.cfg, l.output)
	if err != nil {
		return err
	}
	defer runners.Close()
	b, err := compose.NewBuilder(network, compose.BuilderOptions{Backends: daemon.Backends(), Runner: runners.Host, Roots: runners.Roots, Keys: keys, Timeout: l.cfg.Node.Timeout})
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	work := filepath.Join(filepath.Dir(l.output), "."+filepath.Base(l.output)+".work-"+l.id)
	if err := os.MkdirAll(work, 0o755); err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	view := l.stages()
	result, buildErr := b.Build(canceledBy(ctx), plan, compose.Work{
		ID: l.id, Dir: work, RepoURL: fileURL(filepath.Join(l.output, "repo")) + "/",
		Progress: func(p compose.Progress) { view.show(compose.StateBuilding, p.Stage, p.Percent, p.Message) },
	})
	view.close()
	if err := os.Rename(filepath.Join(work, compose.OutDir), l.output); err != nil {
		return errors.Join(buildErr, fmt.Errorf("place result: %w", err))
	}
	if buildErr != nil {
		l.say("logs: %s\n", filepath.Join(l.output, "logs"))
		if l.global.JSON {
			l.printJSON(result)
		}
		return buildErr
	}
	for i := range result.Artifacts {
		result.Artifacts[i].URL = fileURL(filepath.Join(l.output, result.Artifacts[i].Path))
	}
	if s := result.SideRepo; s != nil {
		s.URL, s.RepoFileURL = fileURL(filepath.Join(l.output, s.Path))+"/", fileURL(filepath.Join(l.output, s.RepoFile))
	}
	l.printResult(result)
	return nil
}

// canceledBy tells the builder that it was a user who ended ctx.
func canceledBy(ctx context.Context) context.Context {
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { cancel(compose.ErrCanceled) })
	return inner
}

func (l *local) printResult(r *compose.Result) {
	if l.global.JSON {
		l.printJSON(r)
		return
	}
	kv := []string{"result", l.output}
	for i := range r.Artifacts {
		f := &r.Artifacts[i]
		if f.Type == compose.ArtifactISO || f.Type == compose.ArtifactImage {
			kv = append(kv, string(f.Type), filepath.Join(l.output, f.Path), " sha256", f.SHA256, " size", bytesText(f.Size))
		}
	}
	if s := r.SideRepo; s != nil {
		kv = append(kv, "side repo", s.URL, "repo file", filepath.Join(l.output, s.RepoFile))
	}
	l.pairs(append(kv, "log", filepath.Join(l.output, "logs"), "report", filepath.Join(l.output, "report.json"))...)
}

func fileURL(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }
