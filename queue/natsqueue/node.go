package natsqueue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"

	"github.com/fedora-respin/respin/queue"
)

// NodeOptions configure a node's connection. The zero value works.
type NodeOptions struct {
	// Namespace is the master's; ConnectNode takes it from the credentials.
	Namespace string
	// Logger gets what an operator should know. nil is silent.
	Logger hclog.Logger
}

// Node implements queue.Worker.
type Node struct {
	id  string
	c   *conn
	n   names
	log hclog.Logger

	mu  sync.Mutex
	ran bool
}

var _ queue.Worker = (*Node)(nil)

// Node opens a node of this process, with the permissions of any other node.
func (s *Server) Node(ctx context.Context, id string, o NodeOptions) (*Node, error) {
	user, key, err := newNodeUser(o.Namespace, id, nil)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return nil, queue.ErrClosed
	}
	s.locals[id] = user // until the process ends
	err = s.admit()
	s.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("open node %s: %w", id, err)
	}
	auth, err := nkeyOption(key)
	if err != nil {
		return nil, err
	}
	return openNode(ctx, id, "", names(user.Namespace), o.Logger, auth, nats.InProcessServer(s.ns))
}

// ConnectNode opens a node of this host on a queue elsewhere. The queue must
// answer; once connected, the node outlives any absence of it.
func ConnectNode(ctx context.Context, creds Credentials, o NodeOptions) (*Node, error) {
	if err := creds.Validate(); err != nil {
		return nil, fmt.Errorf("connect node: %w", err)
	}
	n, err := newNames(creds.Namespace)
	if err != nil {
		return nil, err
	}
	opts, err := authOptions(creds.CredsFile, []byte(creds.Seed), creds.CA)
	if err != nil {
		return nil, fmt.Errorf("connect node %s: %w", creds.Node, err)
	}
	return openNode(ctx, creds.Node, creds.URL, n, o.Logger, opts...)
}

func openNode(
	ctx context.Context, id, url string, n names, log hclog.Logger, opts ...nats.Option,
) (*Node, error) {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	opts = append(opts, nats.Name(id), nats.CustomInboxPrefix(inboxPrefix(id)))
	c, err := dial(ctx, url, log, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect node %s to the queue %s: %w", id, url, err)
	}
	return &Node{id: id, c: c, n: n, log: log}, nil
}

// Close implements queue.Worker.
func (w *Node) Close() error {
	w.c.close()
	return nil
}

// Run implements queue.Worker.
func (w *Node) Run(ctx context.Context, cfg queue.NodeConfig, h queue.Handler) error {
	cfg, err := w.complete(cfg)
	if err != nil {
		return fmt.Errorf("run node %s: %w", w.id, err)
	}
	if h.Handle == nil {
		return fmt.Errorf("run node %s: %w", w.id, &queue.FieldError{Field: "handle", Reason: "must not be nil"})
	}
	w.mu.Lock()
	ran := w.ran
	w.ran = true
	w.mu.Unlock()
	if ran {
		return fmt.Errorf("run node %s: already run", w.id)
	}
	r, err := newRunner(ctx, w, cfg, h)
	if err == nil {
		err = r.run(ctx)
	}
	if err != nil && (ctx.Err() == nil || !errors.Is(err, context.Cause(ctx))) {
		return fmt.Errorf("run node %s: %w", w.id, err)
	}
	return nil
}

// complete applies the defaults.
func (w *Node) complete(cfg queue.NodeConfig) (queue.NodeConfig, error) {
	if cfg.ID == "" {
		cfg.ID = w.id
	}
	if cfg.ID != w.id {
		return cfg, &queue.FieldError{Field: "id", Reason: fmt.Sprintf("must be %q, as in the node's credentials", w.id)}
	}
	if cfg.Slots == 0 {
		cfg.Slots = 1
	}
	if cfg.ShutdownGrace == 0 {
		cfg.ShutdownGrace = defaultGrace
	}
	if cfg.Host == "" {
		host, err := os.Hostname()
		if err != nil {
			return cfg, fmt.Errorf("find the host's name: %w", err)
		}
		cfg.Host = host
	}
	return cfg, cfg.Validate()
}
