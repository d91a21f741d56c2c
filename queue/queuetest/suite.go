package queuetest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fedora-respin/respin/queue"
)

// patience is for what should happen soon, on a machine that may be slow.
const patience = 30 * time.Second

// suite is what the tests share: an engine, its events so far, and a watch on
// who works on what.
type suite struct {
	Engine
	t *testing.T

	mu        sync.Mutex
	events    []queue.Event
	active    map[string]int
	runs      []string // "job/attempt@node", in order of start
	finalized []string // "job/outcome@node"
	overlap   bool
}

func newSuite(t *testing.T, e Engine) *suite {
	t.Helper()
	s := &suite{Engine: e, t: t, active: map[string]int{}}
	s.follow(0)
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.overlap {
			t.Error("a job was in the hands of two handlers at the same time")
		}
	})
	return s
}

// follow collects events until the test ends or the reader fails, as it does
// when the master is restarted.
func (s *suite) follow(after uint64) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	master := s.Master()
	go func() {
		defer close(done)
		for e, err := range master.Events(ctx, after) {
			if err != nil {
				return
			}
			s.mu.Lock()
			s.events = append(s.events, e)
			s.mu.Unlock()
		}
	}()
	s.t.Cleanup(func() { cancel(); <-done })
}

func (s *suite) eventsOf(id string) []queue.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []queue.Event
	for _, e := range s.events {
		if e.JobID == id {
			out = append(out, e)
		}
	}
	return out
}

func (s *suite) lastSeq() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) == 0 {
		return 0
	}
	return s.events[len(s.events)-1].Seq
}

func (s *suite) hasEvent(id, kind string) func() bool {
	return func() bool {
		return slices.ContainsFunc(s.eventsOf(id), func(e queue.Event) bool { return e.Type == kind })
	}
}

func (s *suite) list(which *[]string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(*which)
}

// until waits for a condition.
func (s *suite) until(what string, cond func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("still waiting for: %s; runs %v, finalized %v", what, s.list(&s.runs), s.list(&s.finalized))
		}
	}
}

// node is a running worker.
type node struct {
	stop func() error // cancels Run and returns what it returned
}

// start runs a worker whose handler is body, watched.
func (s *suite) start(id string, cfg queue.NodeConfig, body func(context.Context, queue.Lease) error) node {
	s.t.Helper()
	return s.startWith(id, cfg, queue.Handler{Handle: body})
}

func (s *suite) startWith(id string, cfg queue.NodeConfig, h queue.Handler) node {
	s.t.Helper()
	w := s.Worker(s.t, id)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx, cfg, s.watched(id, h)) }()
	stop := sync.OnceValue(func() error { cancel(); return <-done })
	s.t.Cleanup(func() {
		_ = stop() // what it returns matters only to tests that ask
		if err := w.Close(); err != nil {
			s.t.Errorf("close worker %s: %v", id, err)
		}
	})
	return node{stop: stop}
}

// watched notes every run and every Finalize, and two at the same time.
func (s *suite) watched(id string, h queue.Handler) queue.Handler {
	return queue.Handler{
		Handle: func(ctx context.Context, l queue.Lease) error {
			job := l.Job().ID
			s.mu.Lock()
			s.runs = append(s.runs, job+"/"+string(rune('0'+l.Attempt()))+"@"+id)
			s.active[job]++
			s.overlap = s.overlap || s.active[job] > 1
			s.mu.Unlock()
			defer func() {
				s.mu.Lock()
				s.active[job]--
				s.mu.Unlock()
			}()
			if h.Handle == nil {
				return nil
			}
			return h.Handle(ctx, l)
		},
		Finalize: func(ctx context.Context, job queue.Job, r queue.Result) error {
			if h.Finalize != nil {
				if err := h.Finalize(ctx, job, r); err != nil {
					return err
				}
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.finalized = append(s.finalized, job.ID+"/"+string(r.Outcome)+"@"+id)
			return nil
		},
	}
}

func job(id string) queue.Job {
	return queue.Job{ID: id, Kind: "work", Arch: "x86_64", Payload: json.RawMessage(`{"n":1}`)}
}

func offers(caps ...queue.Capability) queue.NodeConfig {
	if len(caps) == 0 {
		caps = []queue.Capability{{Kind: "work", Arch: "x86_64"}}
	}
	return queue.NodeConfig{Offers: caps, Host: "host.example.org"}
}

func (s *suite) submit(jobs ...queue.Job) {
	s.t.Helper()
	for _, j := range jobs {
		if err := s.Master().Submit(s.t.Context(), j); err != nil {
			s.t.Fatalf("Submit: %v", err)
		}
	}
}

// result waits for it.
func (s *suite) result(id string) queue.Result {
	s.t.Helper()
	var r queue.Result
	s.until("result of "+id, func() bool {
		var err error
		r, err = s.Master().Result(s.t.Context(), id)
		if err != nil && !errors.Is(err, queue.ErrNotFinished) {
			s.t.Fatalf("Result: %v", err)
		}
		return err == nil
	})
	return r
}

func (s *suite) state(id string) queue.Status {
	s.t.Helper()
	st, err := s.Master().Status(s.t.Context(), id)
	if err != nil {
		s.t.Fatalf("Status: %v", err)
	}
	return st
}

// finishedEvents counts distinct results that the stream told of; the same
// event may come twice.
func (s *suite) finishedEvents(id string) int {
	seen := map[string]bool{}
	for _, e := range s.eventsOf(id) {
		if e.Type == queue.TypeFinished {
			seen[string(e.Data)] = true
		}
	}
	return len(seen)
}
