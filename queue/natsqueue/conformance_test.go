package natsqueue

import (
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fedora-respin/respin/queue"
	"github.com/fedora-respin/respin/queue/queuetest"
)

func TestMain(m *testing.M) {
	if runHelper() {
		return
	}
	goleak.VerifyTestMain(m)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queuetest.Engine {
		t.Helper()
		return newEngine(t)
	})
}

const testLease = 2 * time.Second

// engine is an embedded server whose nodes connect over TCP.
type engine struct {
	t      *testing.T
	cfg    Embedded
	mu     sync.Mutex
	server *Server
	master *Master
	nodes  map[string][]*Node
	creds  map[string]Credentials
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	e := &engine{
		t: t, cfg: Embedded{Dir: t.TempDir(), Listen: "127.0.0.1:0"},
		nodes: map[string][]*Node{}, creds: map[string]Credentials{},
	}
	e.up(t)
	// From now on at the same place.
	e.cfg.Listen = net.JoinHostPort("127.0.0.1", strconv.Itoa(e.server.port))
	t.Cleanup(e.down)
	return e
}

func (e *engine) up(t *testing.T) {
	t.Helper()
	server, err := Start(e.cfg)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	master, err := server.Master(t.Context(), Options{LeaseTime: testLease})
	if err != nil {
		server.Stop()
		t.Fatalf("Master: %v", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.server, e.master = server, master
}

func (e *engine) down() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.master.Close(); err != nil {
		e.t.Errorf("Close: %v", err)
	}
	e.server.Stop()
}

func (e *engine) Master() queue.Master {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.master
}

func (e *engine) Worker(t *testing.T, id string) queue.Worker {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	creds, ok := e.creds[id]
	if !ok {
		var err error
		if creds, err = e.server.NewNodeCredentials(id); err != nil {
			t.Fatalf("NewNodeCredentials: %v", err)
		}
		e.creds[id] = creds
	}
	n, err := ConnectNode(t.Context(), creds, NodeOptions{})
	if err != nil {
		t.Fatalf("ConnectNode: %v", err)
	}
	e.nodes[id] = append(e.nodes[id], n)
	return n
}

func (e *engine) Cut(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range e.nodes[id] {
		n.c.close()
	}
}

func (e *engine) Restart(t *testing.T, down time.Duration) {
	t.Helper()
	e.down()
	time.Sleep(down)
	e.up(t)
}

func (e *engine) Lease() time.Duration { return testLease }
