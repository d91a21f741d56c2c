package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/daemon"
)

// logFlags are the flags of the verbs that run on.
type logFlags struct {
	LogLevel string `enum:"trace,debug,info,warn,error" default:"info" help:"How much the log on standard error says; with --json it is in JSON."`
}

func (f *logFlags) logger(a *app) hclog.Logger {
	level := hclog.LevelFromString(f.LogLevel)
	if a.global.Quiet && level < hclog.Warn {
		level = hclog.Warn
	}
	color := hclog.ColorOff
	if a.errColor && !a.global.JSON {
		color = hclog.ForceColor
	}
	return hclog.New(&hclog.LoggerOptions{Name: "respin", Level: level, Output: a.env.Stderr, JSONFormat: a.global.JSON, Color: color})
}

// config reads the configuration of the file ("" for RESPIN_CONFIG or none) and
// the environment, with the flags on top: as if they stood in the environment,
// so that what follows from them follows from the flags too.
func (a *app) config(file string, flags map[string]string) (daemon.Config, error) {
	if file == "" {
		file = a.getenv("RESPIN_CONFIG")
	}
	var environ []string
	for _, kv := range a.env.Environ {
		if name, _, _ := strings.Cut(kv, "="); flags[name] == "" {
			environ = append(environ, kv)
		}
	}
	for name, value := range flags {
		if value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	cfg, err := daemon.LoadConfig(file, environ)
	if err != nil {
		return cfg, &configError{err}
	}
	return cfg, nil
}

type serveCmd struct {
	logFlags
	Config string `placeholder:"FILE" help:"Configuration, YAML (RESPIN_CONFIG). Every key is a RESPIN_... variable too."`
	Data   string `placeholder:"DIR" help:"Folder of everything that must survive. Default: /var/lib/respin for root, else ~/.local/share/respin."`
	Listen string `placeholder:"HOST:PORT" help:"Address of API and pages (default 127.0.0.1:8080); port 0 takes a free one."`
	NoNode bool   `help:"Run no build node in this process."`
}

func (*serveCmd) about() string {
	return `One process, nothing to set up: REST and pages, a durable queue, the records, one build node, and the results hosted from the data folder. It works against Fedora's Koji and Bodhi unless configured otherwise. SIGTERM and Ctrl-C stop it; what was being built is taken up again at the next start.`
}

func (*serveCmd) examples() []example {
	return []example{
		{"respin serve", "A daemon of one's own on http://127.0.0.1:8080."},
		{"respin serve --config /etc/respin.yaml --listen 0.0.0.0:8080", "One for others, who then need tokens."},
		{"RESPIN_KOJI_HUB=https://koji.example.org/kojihub RESPIN_KOJI_TOPURL=https://koji.example.org/kojifiles respin serve", "With another Koji."},
	}
}

// Run is the verb.
func (s *serveCmd) Run(ctx context.Context, a *app) error {
	var listener net.Listener
	listen := s.Listen
	if host, port, err := net.SplitHostPort(listen); err == nil && port == "0" {
		// The address must be known before the configuration, which derives the
		// URL from it.
		if listener, err = a.listen(ctx, net.JoinHostPort(host, port)); err != nil {
			return err
		}
		listen = listener.Addr().String()
	}
	flags := map[string]string{"RESPIN_LISTEN": listen, "RESPIN_DATA": s.Data}
	if s.NoNode {
		flags["RESPIN_NODE_DISABLED"] = "true"
	}
	cfg, err := a.config(s.Config, flags)
	if err == nil && listener == nil {
		listener, err = a.listen(ctx, cfg.Listen) // before the data is opened: a second daemon changes nothing
	}
	if err != nil {
		return errors.Join(err, closeListener(listener))
	}
	d, err := daemon.New(ctx, cfg, daemon.Options{Logger: s.logger(a), Version: a.version().Version})
	if err != nil {
		return errors.Join(inUse(err, cfg.Queue.Listen, "queue.listen (RESPIN_QUEUE_LISTEN)"), listener.Close())
	}
	queue := ""
	if url := d.QueueURL(); url != "" {
		queue = ", queue " + url
	}
	a.say("respin: serving %s%s, data in %s\n", cfg.URL, queue, cfg.Data)
	return errors.Join(d.Serve(ctx, listener), d.Close())
}

func closeListener(l net.Listener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

func (a *app) listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, inUse(fmt.Errorf("listen: %w", err), addr, "--listen")
	}
	return l, nil
}

// inUse explains the error of a port that another program has.
func inUse(err error, addr, where string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("the port of %s is in use by another program, maybe another respin serve: choose another with %s", addr, where)
	}
	return err
}

type nodeCmd struct {
	logFlags
	Queue  string `placeholder:"URL" help:"Where the queue is, as nats://HOST:4222. Default: as the credentials say."`
	Creds  string `required:"" placeholder:"FILE" help:"Credentials, as respin token create NAME --scope node writes them."`
	Offers string `placeholder:"KIND,KIND" help:"Build only these kinds. Default: all that this host can."`
	Work   string `placeholder:"DIR" help:"Folder to build in; it must be this node's alone."`
	Config string `placeholder:"FILE" help:"Configuration, YAML (RESPIN_CONFIG); the sections node, publish and limits matter."`
}

func (*nodeCmd) about() string {
	return `Takes composes from the queue of a daemon, builds them here and delivers the results. A node that stops hands what it builds back; another one starts it again.`
}

func (*nodeCmd) examples() []example {
	return []example{
		{"respin token create builder2 --scope node", "First, where the daemon runs: makes builder2.creds."},
		{"respin node --creds builder2.creds --queue nats://respin.example.org:4222", "Then, on the build host."},
	}
}

// Run is the verb.
func (n *nodeCmd) Run(ctx context.Context, a *app) error {
	creds, err := daemon.ReadNodeCredentials(n.Creds)
	if err != nil {
		return &configError{err}
	}
	if n.Queue != "" {
		creds.Queue.URL = n.Queue
	}
	cfg, err := a.config(n.Config, map[string]string{"RESPIN_NODE_WORK": n.Work, "RESPIN_NODE_OFFERS": n.Offers})
	if err != nil {
		return err
	}
	if cfg.Node.Work == filepath.Join(cfg.Data, "work") {
		// A daemon of the same user has its own node there, and every node
		// clears its folder when it starts.
		cfg.Node.Work = filepath.Join(cfg.Data, "nodes", creds.Queue.Node)
	}
	a.say("respin: build node %s, queue %s, work in %s\n", creds.Queue.Node, creds.Queue.URL, cfg.Node.Work)
	return daemon.RunNode(ctx, cfg, creds, a.version().Version, n.logger(a))
}
