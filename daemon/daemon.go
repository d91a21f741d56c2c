package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/notify"
	"github.com/fedora-respin/respin/daemon/store"
	"github.com/fedora-respin/respin/daemon/web"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/publish/dir"
	"github.com/fedora-respin/respin/queue"
	"github.com/fedora-respin/respin/queue/natsqueue"
)

// Options are the parts of a Daemon that are no configuration.
type Options struct {
	Logger hclog.Logger
	Now    func() time.Time // default time.Now
	// HTTP is used towards Koji and Bodhi; nil: http.DefaultClient's settings.
	HTTP    *http.Client
	Version string
}

// Daemon is the service in one process: records, queue, REST, pages, hosting
// and, unless turned off, a build node. Make it with New, run it with Run.
type Daemon struct {
	cfg      Config
	log      hclog.Logger
	now      func() time.Time
	version  string
	store    *store.Store
	resolver *compose.Resolver
	server   *natsqueue.Server
	master   queue.Master
	hosting  *dir.Publisher
	notifier *notify.Notifier
	logs     *logFiles
	watchers watchers
	handler  http.Handler
	pages    *web.Pages
	node     *node
	asking   chan struct{} // holds one entry for each resolution under way

	previewing chan struct{} // the same for callers who may only read

	work   sync.WaitGroup     // spawned work
	ctx    context.Context    //nolint:containedctx // the life of spawned work, ended by Close
	cancel context.CancelFunc // ends ctx
}

// New opens the data directory and everything in it. Nothing is served and
// nothing is built before Run. The caller closes it.
func New(ctx context.Context, cfg Config, o Options) (*Daemon, error) {
	if err := cfg.Complete(); err != nil {
		return nil, &ConfigError{Err: err}
	}
	d := &Daemon{cfg: cfg, log: o.Logger, now: o.Now, version: o.Version, asking: make(chan struct{}, maxResolving), previewing: make(chan struct{}, maxPreviews)}
	if d.log == nil {
		d.log = hclog.NewNullLogger()
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := d.open(ctx, o.HTTP); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Daemon) open(ctx context.Context, client *http.Client) error {
	for _, sub := range []string{"", "logs", "uploads", "images", "queue"} {
		if err := os.MkdirAll(filepath.Join(d.cfg.Data, sub), 0o755); err != nil {
			return fmt.Errorf("make data directory: %w", err)
		}
	}
	var err error
	if d.server, err = natsqueue.Start(natsqueue.Embedded{
		Dir: filepath.Join(d.cfg.Data, "queue"), Listen: queueListen(d.cfg.Queue.Listen), Advertise: d.cfg.Queue.Advertise,
		Logger: d.log.Named("nats"),
	}); err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	if d.master, err = d.server.Master(ctx, natsqueue.Options{LeaseTime: d.cfg.Queue.Lease, Logger: d.log.Named("queue")}); err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	if d.store, err = store.Open(ctx, filepath.Join(d.cfg.Data, "respin.db")); err != nil {
		return err
	}
	if err := d.operatorToken(ctx); err != nil {
		return err
	}
	d.logs = &logFiles{dir: filepath.Join(d.cfg.Data, "logs")}
	if d.hosting, err = dir.New(d.hostingConfig()); err != nil {
		return fmt.Errorf("open hosting: %w", err)
	}
	if d.resolver, err = d.newResolver(client); err != nil {
		return err
	}
	if d.cfg.SMTP.Host != "" {
		if d.notifier, err = newNotifier(d.cfg.SMTP, d.log.Named("notify")); err != nil {
			return fmt.Errorf("set up mail: %w", err)
		}
	}
	if !d.cfg.Node.Disabled {
		if d.node, err = d.localNode(ctx); err != nil {
			return err
		}
	}
	d.handler, err = d.routes()
	return err
}

// queueListen turns the configuration's "none" into no listener.
func queueListen(listen string) string {
	if listen == "none" {
		return ""
	}
	return listen
}

func (d *Daemon) newResolver(client *http.Client) (*compose.Resolver, error) {
	hub, err := koji.New(d.cfg.Koji.Hub, koji.Options{HTTP: client, TopURL: d.cfg.Koji.TopURL, Logger: d.log.Named("koji")})
	if err != nil {
		return nil, fmt.Errorf("set up koji: %w", err)
	}
	updates, err := bodhi.New(d.cfg.Bodhi.URL, bodhi.Options{HTTP: client, Logger: d.log.Named("bodhi")})
	if err != nil {
		return nil, fmt.Errorf("set up bodhi: %w", err)
	}
	keys, err := d.cfg.Keys.Load()
	if err != nil {
		return nil, err
	}
	return compose.NewResolver(hub, updates, d.cfg.network(), compose.ResolverOptions{
		Backends: Backends(), Keys: keys, COPR: d.cfg.COPR.URL, Kickstarts: d.cfg.Kickstarts.URL, Uploads: d.planUpload, Composes: d.planCompose, Logger: d.log.Named("resolve"),
	})
}

// network is where resolver and builder may fetch from, and where they cache.
func (c *Config) network() compose.Network {
	return compose.Network{
		CacheDir: filepath.Join(c.Data, "cache"), TrustHosts: c.trusted(),
		MinFree: c.Limits.DiskFloor, MaxCache: c.Limits.Cache, PerHost: c.Limits.PerHost, BytesPerSecond: c.Limits.Rate,
	}
}

// Handler is the whole HTTP interface: REST, pages and hosted files.
func (d *Daemon) Handler() http.Handler { return d.handler }

// QueueURL is where nodes of other processes connect; "" when none may.
func (d *Daemon) QueueURL() string { return d.server.URL() }

// Run serves on cfg.Listen and works until ctx ends, then stops in order:
// no new requests, the node hands its work back, the records are closed by
// Close. A nil error means that ctx ended it.
func (d *Daemon) Run(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return d.Serve(ctx, listener)
}

// Serve is Run on a listener of the caller's.
func (d *Daemon) Serve(ctx context.Context, listener net.Listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	srv := &http.Server{
		Handler: d.handler, ReadHeaderTimeout: 20 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog:    d.log.Named("http").StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	var wg sync.WaitGroup
	run := func(what string, fn func(context.Context) error) {
		wg.Go(func() {
			if err := fn(ctx); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("%s: %w", what, err))
			}
		})
	}
	run("queue events", d.consume)
	run("housekeeping", d.housekeep)
	run("notices", d.tellPeople)
	if d.node != nil {
		run("build node", d.node.run)
	}
	run("http", func(context.Context) error {
		if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	d.log.Info("serving", "url", d.cfg.URL, "data", d.cfg.Data, "queue", d.server.URL())
	<-ctx.Done()
	d.log.Info("stopping")
	shutdown, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	err := srv.Shutdown(shutdown)
	if errors.Is(err, context.DeadlineExceeded) { // followers of a log never leave by themselves
		err = srv.Close()
	}
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return errors.Join(cause, err)
	}
	return err
}

// Close stops what New started. Call it after Run returned.
func (d *Daemon) Close() error {
	d.cancel()
	d.work.Wait()
	var errs []error
	if d.node != nil {
		errs = append(errs, d.node.close())
	}
	if d.resolver != nil {
		errs = append(errs, d.resolver.Close())
	}
	if d.master != nil {
		errs = append(errs, d.master.Close())
	}
	if d.server != nil {
		d.server.Stop()
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	return errors.Join(errs...)
}

// spawn runs fn until it returns; Close waits for it and cancels its context.
func (d *Daemon) spawn(fn func(context.Context)) {
	d.work.Go(func() { fn(d.ctx) })
}

func (d *Daemon) stopping() bool { return d.ctx.Err() != nil }
