package natsqueue

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/fedora-respin/respin/queue"
)

// Embedded configures a NATS server inside this process. Only Dir is required.
type Embedded struct {
	// Dir holds everything that is to survive: JetStream's files and the public
	// keys of nodes. It is created (0700) and locked.
	Dir string
	// Listen is host:port for nodes on other hosts; port 0 takes a free one.
	// "" opens no port: only nodes of this process can join.
	Listen string
	// Advertise is host:port as nodes reach it, when it differs from Listen.
	Advertise string
	// TLS encrypts TCP connections. nil leaves them in clear: keys never cross the
	// wire, but jobs and logs do.
	TLS *tls.Config
	// Unsafe leaves syncing to the operating system: about twice as fast, but
	// what was acknowledged can be lost when the power fails.
	Unsafe bool
	// MaxStore bounds all files together, in bytes. Default 16 GiB.
	MaxStore int64
	// Logger gets the server's warnings and errors. nil is silent.
	Logger hclog.Logger
}

// LockedError says that another process uses the directory.
type LockedError struct{ Dir string }

// Error implements error.
func (e *LockedError) Error() string {
	return fmt.Sprintf("queue directory %s is in use by another process", e.Dir)
}

// CorruptError says that what the directory held cannot be read any more.
// Restore the directory from a backup, move it away to start with an empty
// queue, or delete its format.json to go on with what is left.
type CorruptError struct {
	Dir    string
	Detail string
}

// Error implements error.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("queue directory %s is damaged: %s", e.Dir, e.Detail)
}

// Server is a running embedded server.
type Server struct {
	cfg  Embedded
	ns   *server.Server
	lock *os.File
	log  *serverLog

	gate *gate
	opts *server.Options
	port int

	masterKey nkeys.KeyPair

	mu      sync.Mutex
	nodes   map[string]nodeUser // of other hosts, as in nodes.json
	locals  map[string]nodeUser // of this process
	stopped bool
}

// Start runs a server until Stop. Errors: *LockedError, *CorruptError, an
// address in use.
func Start(cfg Embedded) (*Server, error) {
	if cfg.Dir == "" {
		return nil, &queue.FieldError{Field: "dir", Reason: "must not be empty"}
	}
	if cfg.MaxStore == 0 {
		cfg.MaxStore = 16 << 30
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create queue directory: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, lock: lock, log: newServerLog(cfg.Logger), gate: newGate(), locals: map[string]nodeUser{}}
	if err := s.start(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) start() error {
	var err error
	if s.nodes, err = readNodes(s.nodesFile()); err != nil {
		return err
	}
	if s.masterKey, err = nkeys.CreateUser(); err != nil {
		return fmt.Errorf("create key: %w", err)
	}
	if s.opts, err = s.cfg.options(); err != nil {
		return err
	}
	s.opts.CustomClientAuthentication, s.opts.AlwaysEnableNonce = s.gate, true
	if s.ns, err = server.NewServer(s.opts); err != nil {
		return fmt.Errorf("start queue server in %s: %w", s.cfg.Dir, err)
	}
	s.gate.alive = func(id uint64) bool { return s.ns.GetClient(id) != nil }
	if err := s.admit(); err != nil {
		return err
	}
	s.ns.SetLoggerV2(s.log, false, false, false)
	s.ns.Start()
	ready := false
	for end := time.Now().Add(30 * time.Second); !ready && !s.log.failed() && time.Now().Before(end); {
		ready = s.ns.ReadyForConnections(100 * time.Millisecond)
	}
	if !ready || !s.ns.JetStreamEnabled() {
		return fmt.Errorf("start queue server in %s: %s", s.cfg.Dir, s.log.tail())
	}
	if a, ok := s.ns.Addr().(*net.TCPAddr); ok && !s.opts.DontListen {
		s.port = a.Port // the one that was taken for 0
	}
	return nil
}

func (cfg Embedded) options() (*server.Options, error) {
	opts := &server.Options{
		ServerName: "respin", DontListen: cfg.Listen == "", NoSigs: true,
		JetStream: true, StoreDir: cfg.Dir, SyncAlways: !cfg.Unsafe, DisableJetStreamBanner: true,
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: cfg.MaxStore,
		// A payload travels as one message, with some room for its envelope.
		MaxPayload: queue.MaxPayload + 1<<20, MaxPending: 64 << 20,
		// A node that vanished is noticed within a minute even when it is idle.
		PingInterval: 20 * time.Second, MaxPingsOut: 2,
		TLSConfig: cfg.TLS, TLS: cfg.TLS != nil, TLSTimeout: 10, AuthTimeout: 10,
	}
	if cfg.Listen == "" {
		return opts, nil
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address: %w", err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("listen address %s: port must be a number", cfg.Listen)
	}
	opts.Host, opts.Port, opts.ClientAdvertise = host, int(n), cfg.Advertise
	if host == "" {
		opts.Host = "0.0.0.0"
	}
	if n == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return opts, nil
}

// URL is where nodes of other hosts connect; "" when no port is open.
func (s *Server) URL() string {
	if s.cfg.Listen == "" {
		return ""
	}
	scheme := "nats://"
	if s.cfg.TLS != nil {
		scheme = "tls://"
	}
	if s.cfg.Advertise != "" {
		return scheme + s.cfg.Advertise
	}
	return scheme + net.JoinHostPort(s.opts.Host, strconv.Itoa(s.port))
}

// Stop ends the server and waits for it. What was acknowledged stays in Dir.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.stopped = true
	if s.ns != nil {
		s.ns.Shutdown()
		s.ns.WaitForShutdown()
	}
	_ = s.lock.Close() // also unlocks
}

func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock queue directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &LockedError{Dir: dir}
		}
		return nil, fmt.Errorf("lock queue directory %s: %w", dir, err)
	}
	return f, nil
}
