package queuetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/queue"
)

func testRestart(s *suite) {
	t := s.t
	release := make(chan struct{})
	s.start("n1", offers(), func(_ context.Context, l queue.Lease) error {
		l.Log("before")
		if l.Job().ID == "a" {
			<-release
			l.Log("after")
		}
		return nil
	})
	s.submit(job("a"), job("b"))
	s.until("a runs", s.hasEvent("a", queue.TypeLog))
	last := s.lastSeq()
	s.Restart(t, 100*time.Millisecond)
	s.follow(last)
	s.submit(job("a"), job("b"), job("c")) // as a master does that is not sure
	close(release)
	for _, id := range []string{"a", "b", "c"} {
		if r := s.result(id); r.Outcome != queue.Succeeded || r.Attempt != 1 {
			t.Errorf("%s: %+v, want success at the first attempt", id, r)
		}
		s.until(id+" finalized", s.hasEvent(id, queue.TypeFinalized))
		if n := s.finishedEvents(id); n != 1 {
			t.Errorf("%s: %d results told, want 1", id, n)
		}
	}
	if diff := cmp.Diff([]string{"a/1@n1", "b/1@n1", "c/1@n1"}, s.list(&s.runs)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	var logs strings.Builder
	for _, e := range s.eventsOf("a") {
		if e.Type == queue.TypeLog {
			logs.WriteString(e.Message)
		}
	}
	if logs.String() != "before\nafter\n" {
		t.Errorf("log of a = %q, want both lines once", logs.String())
	}
}

func testNoSteal(s *suite) {
	t := s.t
	release := make(chan struct{})
	s.start("busy", offers(), func(ctx context.Context, _ queue.Lease) error {
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			t.Errorf("the busy node lost its job: %v", context.Cause(ctx))
			return nil
		}
	})
	s.submit(job("a"))
	s.until("a runs", func() bool { return len(s.list(&s.runs)) == 1 })
	s.start("idle", offers(), nil)
	s.Restart(t, s.Lease()*3/2) // every lease timer of the engine has run out
	time.Sleep(3 * s.Lease())   // the idle node has had its chances
	if diff := cmp.Diff([]string{"a/1@busy"}, s.list(&s.runs)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	close(release)
	if r := s.result("a"); r.Node != "busy" || r.Attempt != 1 {
		t.Errorf("result = %+v, want the busy node's", r)
	}
	s.until("a left the queue", func() bool { return s.state("a").State == queue.Finished })
	s.submit(job("b"))
	s.result("b")
}

func testEventsResume(s *suite) {
	t := s.t
	s.start("n1", offers(), func(_ context.Context, l queue.Lease) error {
		for i := range 20 {
			l.Progress(fmt.Sprintf("stage%02d", i), i, "")
		}
		return nil
	})
	s.submit(job("a"))
	s.until("a finalized", s.hasEvent("a", queue.TypeFinalized))
	want := s.eventsOf("a")
	if len(want) != 23 {
		t.Errorf("%d events, want started, 20 stages, finished, finalized", len(want))
	}
	// A reader that is interrupted after every few events still sees each once.
	var got []queue.Event
	var last uint64
	for len(got) < len(want) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		n := 0
		for e, err := range s.Master().Events(ctx, last) {
			if err != nil {
				t.Fatalf("Events: %v", err)
			}
			got = append(got, e)
			last = e.Seq
			if n++; n == 7 || len(got) == len(want) {
				break
			}
		}
		if ctx.Err() != nil {
			t.Fatalf("no more events after %d", last)
		}
		cancel()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, err := range s.Master().Events(t.Context(), last+1000) {
		if !errors.Is(err, queue.ErrReset) {
			t.Errorf("Events beyond the end = %v, want ErrReset", err)
		}
	}
}
