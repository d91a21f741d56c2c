package queuetest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/queue"
)

// hang works until it is told to stop.
func hang(ctx context.Context, _ queue.Lease) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func testCancelWaiting(s *suite) {
	t := s.t
	s.submit(job("a"))
	if err := s.Master().Cancel(t.Context(), "a"); err != nil {
		t.Fatalf("Cancel: %v", err)
	}
	r, err := s.Master().Result(t.Context(), "a")
	if err != nil || r.Outcome != queue.Canceled {
		t.Errorf("Result = %+v, %v; want canceled at once", r, err)
	}
	if err := s.Master().Cancel(t.Context(), "a"); !errors.Is(err, queue.ErrFinished) {
		t.Errorf("second Cancel = %v, want ErrFinished", err)
	}
	if err := s.Master().Cancel(t.Context(), "b"); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("Cancel of an unknown job = %v, want ErrNotFound", err)
	}
	s.start("n1", offers(), nil)
	s.submit(job("a"), job("c"))
	s.until("c ran", func() bool { return s.state("c").State == queue.Finished })
	if diff := cmp.Diff([]string{"c/1@n1"}, s.list(&s.runs)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if st := s.state("a"); st.State != queue.Finished {
		t.Errorf("a is %s, want finished", st.State)
	}
	s.until("event of the cancellation", s.hasEvent("a", queue.TypeFinished))
}

func testCancelRunning(s *suite) {
	t := s.t
	var noticed atomic.Int64
	var asked time.Time
	s.start("n1", offers(), func(ctx context.Context, l queue.Lease) error {
		<-ctx.Done()
		noticed.Store(int64(time.Since(asked)))
		if cause := context.Cause(ctx); !errors.Is(cause, queue.ErrCanceled) {
			t.Errorf("cause = %v, want ErrCanceled", cause)
		}
		_, err := l.Finish(t.Context(), queue.Result{Outcome: queue.Failed, Data: json.RawMessage(`"the log"`)})
		return err
	})
	s.submit(job("a"))
	s.until("a runs", func() bool { return len(s.list(&s.runs)) == 1 && s.state("a").State == queue.Running })
	asked = time.Now()
	if err := s.Master().Cancel(t.Context(), "a"); err != nil {
		t.Fatalf("Cancel: %v", err)
	}
	r := s.result("a")
	if r.Outcome != queue.Canceled || r.Node != "n1" || string(r.Data) != `"the log"` {
		t.Errorf("result = %+v, want the node's own, canceled", r)
	}
	if d := time.Duration(noticed.Load()); d > s.Lease()/2+time.Second {
		t.Errorf("the handler noticed after %s", d)
	}
	s.until("finalized as canceled", func() bool {
		return slices.Contains(s.list(&s.finalized), "a/canceled@n1")
	})
}

func testCancelDeadNode(s *suite) {
	t := s.t
	s.start("n1", offers(), hang)
	s.submit(job("a"))
	s.until("a runs", func() bool { return len(s.list(&s.runs)) == 1 })
	s.Cut("n1")
	if err := s.Master().Cancel(t.Context(), "a"); err != nil {
		t.Fatalf("Cancel: %v", err)
	}
	start := time.Now()
	if r := s.result("a"); r.Outcome != queue.Canceled {
		t.Errorf("result = %+v, want canceled", r)
	}
	if d := time.Since(start); d > 3*s.Lease()+5*time.Second {
		t.Errorf("it took %s", d)
	}
}

func testLostNode(s *suite) {
	t := s.t
	s.start("n1", offers(), hang)
	s.submit(job("a"))
	s.until("a runs", func() bool { return len(s.list(&s.runs)) == 1 })
	s.start("n2", offers(), nil)
	time.Sleep(s.Lease() * 3 / 2) // heartbeats keep it where it is
	if runs := s.list(&s.runs); len(runs) != 1 {
		t.Fatalf("runs = %v while the first node lives", runs)
	}
	s.Cut("n1")
	r := s.result("a")
	if r.Attempt != 2 || r.Node != "n2" || r.Outcome != queue.Succeeded {
		t.Errorf("result = %+v, want attempt 2 on n2", r)
	}
	s.until("event of the loss", func() bool {
		return slices.ContainsFunc(s.eventsOf("a"), func(e queue.Event) bool {
			return e.Type == queue.TypeLost && e.Node == "n1" && e.Attempt == 1
		})
	})
}

func testMaxAttempts(s *suite) {
	t := s.t
	j := job("a")
	j.MaxAttempts = 2
	s.submit(j)
	for i, id := range []string{"n1", "n2"} {
		s.start(id, offers(), hang)
		s.until("a runs on "+id, func() bool { return len(s.list(&s.runs)) == i+1 })
		s.Cut(id)
	}
	s.start("n3", offers(), nil)
	r := s.result("a")
	if r.Outcome != queue.Lost || r.Message == "" {
		t.Errorf("result = %+v, want lost", r)
	}
	if diff := cmp.Diff([]string{"a/1@n1", "a/2@n2"}, s.list(&s.runs)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	s.until("a left the queue", func() bool { return s.state("a").State == queue.Finished })
}

func testLostWithoutNode(s *suite) {
	t := s.t
	j := job("a")
	j.MaxAttempts = 1
	s.submit(j)
	s.start("n1", offers(), hang)
	s.until("a runs", func() bool { return len(s.list(&s.runs)) == 1 })
	s.Cut("n1")
	if r := s.result("a"); r.Outcome != queue.Lost || r.Node != "n1" {
		t.Errorf("result = %+v, want lost on n1", r)
	}
}

func testHandBack(s *suite) {
	t := s.t
	first := s.start("n1", offers(), func(ctx context.Context, l queue.Lease) error {
		<-ctx.Done()
		if _, err := l.Finish(t.Context(), queue.Result{Outcome: queue.Failed}); !errors.Is(err, queue.ErrShutdown) {
			t.Errorf("Finish(failed) at shutdown = %v, want ErrShutdown", err)
		}
		return context.Cause(ctx)
	})
	j := job("a")
	j.MaxAttempts = 1 // a job handed back is no loss
	s.submit(j)
	s.until("a runs", func() bool { return len(s.list(&s.runs)) == 1 })
	s.start("n2", offers(), nil)
	if err := first.stop(); err != nil {
		t.Errorf("Run = %v, want nil after its context was canceled", err)
	}
	start := time.Now()
	if r := s.result("a"); r.Node != "n2" || r.Attempt != 2 || r.Outcome != queue.Succeeded {
		t.Errorf("result = %+v, want attempt 2 on n2", r)
	}
	if d := time.Since(start); d > s.Lease()/2+5*time.Second {
		t.Errorf("the next attempt took %s", d)
	}
	s.until("event of the hand-back", s.hasEvent("a", queue.TypeReleased))
	nodes, err := s.Master().Nodes(t.Context())
	if err != nil || len(nodes) != 1 || nodes[0].ID != "n2" {
		t.Errorf("Nodes = %+v, %v; want n2 alone", nodes, err)
	}
}

func testFinalizeAgain(s *suite) {
	t := s.t
	var tries atomic.Int32
	s.startWith("n1", offers(), queue.Handler{Finalize: func(_ context.Context, j queue.Job, r queue.Result) error {
		if j.ID != "a" || string(j.Payload) != `{"n":1}` || r.Outcome != queue.Succeeded {
			t.Errorf("Finalize(%+v, %+v)", j, r)
		}
		if tries.Add(1) < 3 {
			return errors.New("target is full")
		}
		return nil
	}})
	s.submit(job("a"))
	s.result("a")
	s.until("finalized", s.hasEvent("a", queue.TypeFinalized))
	s.until("left the queue", func() bool { return s.state("a").State == queue.Finished })
	if runs := s.list(&s.runs); len(runs) != 1 || tries.Load() != 3 {
		t.Errorf("runs %v, %d tries; want one run and 3 tries", runs, tries.Load())
	}
}

func testFinalizeElsewhere(s *suite) {
	t := s.t
	s.start("n1", offers(), func(ctx context.Context, l queue.Lease) error {
		won, err := l.Finish(ctx, queue.Result{Outcome: queue.Succeeded, Data: json.RawMessage(`"staged"`)})
		if !won || err != nil {
			t.Errorf("Finish = %v, %v", won, err)
		}
		s.Cut("n1") // it dies between its result and Finalize
		<-ctx.Done()
		return nil
	})
	s.submit(job("a"))
	if r := s.result("a"); r.Node != "n1" {
		t.Fatalf("result = %+v", r)
	}
	if st := s.state("a"); st.State != queue.Finishing {
		t.Errorf("state = %s, want finishing", st.State)
	}
	s.startWith("n2", offers(), queue.Handler{Finalize: func(_ context.Context, _ queue.Job, r queue.Result) error {
		if r.Node != "n1" || string(r.Data) != `"staged"` {
			t.Errorf("Finalize got %+v, want n1's result", r)
		}
		return nil
	}})
	s.until("finalized", s.hasEvent("a", queue.TypeFinalized))
	if diff := cmp.Diff([]string{"a/1@n1"}, s.list(&s.runs)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a/succeeded@n2"}, s.list(&s.finalized)); diff != "" {
		t.Errorf("finalized (-want +got):\n%s", diff)
	}
}

func testReplaced(s *suite) {
	t := s.t
	first := s.start("n1", offers(), hang)
	s.until("n1 is known", func() bool {
		nodes, err := s.Master().Nodes(t.Context())
		return err == nil && len(nodes) == 1
	})
	s.start("n1", offers(), nil)
	done := make(chan error, 1)
	go func() {
		// Its heartbeat finds the other process; Run must end without our help.
		time.Sleep(s.Lease())
		done <- first.stop()
	}()
	if err := <-done; !errors.Is(err, queue.ErrNodeReplaced) {
		t.Errorf("Run of the first process = %v, want ErrNodeReplaced", err)
	}
	s.submit(job("a"))
	s.result("a")
}

func testStopAtOnce(s *suite) {
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	w := s.Worker(s.t, "n1")
	if err := w.Run(ctx, offers(), s.watched("n1", queue.Handler{})); err != nil {
		s.t.Errorf("Run = %v, want nil", err)
	}
	if err := w.Close(); err != nil {
		s.t.Errorf("Close: %v", err)
	}
}
