package queuetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/queue"
)

func testRunsOnce(s *suite) {
	t := s.t
	s.start("n1", offers(), func(ctx context.Context, l queue.Lease) error {
		l.Progress("fetch", 0, "")
		l.Log("hello")
		if _, err := io.WriteString(l, "two\nlines\r\nand a rest"); err != nil {
			t.Errorf("Write: %v", err)
		}
		l.Progress("build", 40, "almost half")
		won, err := l.Finish(ctx, queue.Result{Outcome: queue.Succeeded, Data: json.RawMessage(`{"files":2}`)})
		if !won || err != nil {
			t.Errorf("Finish = %v, %v; want true, nil", won, err)
		}
		if won, err := l.Finish(ctx, queue.Result{Outcome: queue.Failed}); !won || err != nil {
			t.Errorf("second Finish = %v, %v; want true, nil: the first one stands", won, err)
		}
		return err
	})
	s.submit(job("a"))
	s.until("a finalized", s.hasEvent("a", queue.TypeFinalized))
	s.submit(job("a")) // again: nothing happens

	r := s.result("a")
	want := queue.Result{
		JobID: "a", Attempt: 1, Node: "n1", Outcome: queue.Succeeded,
		Data: json.RawMessage(`{"files":2}`), Finished: r.Finished,
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("Result (-want +got):\n%s", diff)
	}
	var types []string
	var log strings.Builder
	for _, e := range s.eventsOf("a") {
		if e.Type == queue.TypeLog {
			log.WriteString(e.Message)
			continue
		}
		types = append(types, e.Type+":"+e.Stage)
		if e.Node != "n1" || e.Attempt != 1 || e.Time.IsZero() || e.Seq == 0 {
			t.Errorf("event lacks something: %+v", e)
		}
	}
	wantTypes := []string{"started:", "stage:fetch", "stage:build", "finished:", "finalized:"}
	if diff := cmp.Diff(wantTypes, types); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if want := "hello\ntwo\nlines\nand a rest\n"; log.String() != want {
		t.Errorf("log = %q, want %q", log.String(), want)
	}
	s.until("a gone from the queue", func() bool { return s.state("a").State == queue.Finished })
	time.Sleep(s.Lease() + s.Lease()/2)
	if diff := cmp.Diff([]string{"a/1@n1"}, s.list(&s.runs)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a/succeeded@n1"}, s.list(&s.finalized)); diff != "" {
		t.Errorf("finalized (-want +got):\n%s", diff)
	}
	other := job("a")
	other.Payload = json.RawMessage(`{"n":2}`)
	if err := s.Master().Submit(t.Context(), other); !errors.Is(err, queue.ErrConflict) {
		t.Errorf("Submit of another job under the same ID = %v, want ErrConflict", err)
	}
}

func testBadJob(s *suite) {
	t := s.t
	bad := queue.Job{ID: "a.b", Kind: "", Arch: "x 86", Priority: 9, Payload: json.RawMessage(`{`), MaxAttempts: -1}
	err := s.Master().Submit(t.Context(), bad)
	var field *queue.FieldError
	if !errors.As(err, &field) {
		t.Fatalf("Submit = %v, want a FieldError", err)
	}
	for _, f := range []string{"id", "kind", "arch", "priority", "payload", "max_attempts"} {
		if !strings.Contains(err.Error(), f+" must ") {
			t.Errorf("error does not name %s: %v", f, err)
		}
	}
	if _, err := s.Master().Result(t.Context(), "nobody"); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("Result of an unknown job = %v, want ErrNotFound", err)
	}
	if _, err := s.Master().Status(t.Context(), "a.b>*"); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("Status of an impossible ID = %v, want ErrNotFound", err)
	}
	big := job("big")
	big.Payload = json.RawMessage(`"` + strings.Repeat("x", queue.MaxPayload) + `"`)
	if err := s.Master().Submit(t.Context(), big); !errors.As(err, &field) {
		t.Errorf("Submit of a payload over the limit = %v, want a FieldError", err)
	}
	big.Payload = json.RawMessage(`"` + strings.Repeat("x", queue.MaxPayload-2) + `"`)
	s.submit(big) // and the largest allowed one passes
	s.start("n1", offers(), nil)
	s.result("big")
}

func testImplicitResult(s *suite) {
	t := s.t
	s.start("n1", offers(), func(ctx context.Context, l queue.Lease) error {
		switch l.Job().ID {
		case "fails":
			return errors.New("tool said no")
		case "panics":
			panic("oh")
		case "bad":
			if _, err := l.Finish(ctx, queue.Result{Outcome: "fine"}); err == nil {
				t.Error("Finish accepted an unknown outcome")
			}
		}
		return nil
	})
	s.submit(job("works"), job("fails"), job("panics"), job("bad"))
	for id, want := range map[string]string{
		"works": "succeeded ", "fails": "failed tool said no", "panics": "failed handler panicked: oh", "bad": "succeeded ",
	} {
		r := s.result(id)
		if got := string(r.Outcome) + " " + r.Message; got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	s.until("all left the queue", func() bool { return len(s.list(&s.finalized)) == 4 })
}

func testPriorities(s *suite) {
	t := s.t
	high := job("h")
	high.Priority = queue.High
	s.submit(job("n1"), job("n2"), job("n3"), high)
	list, err := s.Master().Waiting(t.Context())
	if err != nil {
		t.Fatalf("Waiting: %v", err)
	}
	var got []string
	for _, w := range list {
		got = append(got, fmt.Sprintf("%s %d", w.JobID, w.Position))
	}
	if diff := cmp.Diff([]string{"h 1", "n1 2", "n2 3", "n3 4"}, got); diff != "" {
		t.Errorf("Waiting (-want +got):\n%s", diff)
	}
	s.start("w", offers(), nil)
	s.until("all ran", func() bool { return len(s.list(&s.finalized)) == 4 })
	if diff := cmp.Diff([]string{"h/1@w", "n1/1@w", "n2/1@w", "n3/1@w"}, s.list(&s.runs)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func testRouting(s *suite) {
	t := s.t
	dvd := queue.Capability{Kind: "dvd", Arch: "aarch64"}
	repo := queue.Capability{Kind: "repo", Arch: "x86_64"}
	release := make(chan struct{})
	wait := func(context.Context, queue.Lease) error { <-release; return nil }
	s.start("arm", offers(dvd), wait)
	s.start("amd", offers(repo), wait)
	mk := func(id string, c queue.Capability) queue.Job { return queue.Job{ID: id, Kind: c.Kind, Arch: c.Arch} }
	s.submit(mk("d1", dvd), mk("d2", dvd), mk("r1", repo), mk("x", queue.Capability{Kind: "dvd", Arch: "s390x"}))
	s.until("both nodes busy", func() bool { return len(s.list(&s.runs)) == 2 })
	s.until("nodes show what they run", func() bool {
		nodes, err := s.Master().Nodes(t.Context())
		return err == nil && len(nodes) == 2 && len(nodes[0].Running) == 1 && len(nodes[1].Running) == 1
	})
	list, err := s.Master().Waiting(t.Context())
	if err != nil {
		t.Fatalf("Waiting: %v", err)
	}
	got := map[string]string{}
	for _, w := range list {
		got[w.JobID] = fmt.Sprintf("%d %s: %s", w.Position, w.Code, w.Reason)
	}
	want := map[string]string{
		"d2": "1 busy: every node that offers dvd/aarch64 is busy",
		"x":  "1 no-node: no node offers dvd/s390x",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Waiting (-want +got):\n%s", diff)
	}
	close(release)
	s.until("all ran", func() bool { return len(s.list(&s.finalized)) == 3 })
	runs := s.list(&s.runs)
	slices.Sort(runs)
	if diff := cmp.Diff([]string{"d1/1@arm", "d2/1@arm", "r1/1@amd"}, runs); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func testDrain(s *suite) {
	t := s.t
	release := make(chan struct{})
	s.start("n1", offers(), func(_ context.Context, l queue.Lease) error {
		if l.Job().ID == "a" {
			<-release
		}
		return nil
	})
	s.submit(job("a"))
	s.until("a runs", func() bool { return len(s.list(&s.runs)) == 1 })
	drain := func(on bool) {
		if err := s.Master().Drain(t.Context(), "n1", on); err != nil {
			t.Fatalf("Drain: %v", err)
		}
	}
	drain(true)
	close(release)
	s.until("a finished in spite of it", func() bool { return s.state("a").State == queue.Finished })
	time.Sleep(s.Lease() / 2) // it has heard of the order by now
	s.submit(job("b"))
	time.Sleep(s.Lease())
	list, err := s.Master().Waiting(t.Context())
	if err != nil || len(list) != 1 || list[0].Code != queue.WaitDraining {
		t.Errorf("Waiting = %+v, %v; want b, draining", list, err)
	}
	drain(false)
	s.until("b ran", func() bool { return s.state("b").State == queue.Finished })
}

func testLogFlood(s *suite) {
	t := s.t
	cfg := offers()
	cfg.Log = queue.LogLimits{Rate: 1 << 10, Burst: 16 << 10, Total: 64 << 10, Line: 100}
	line := strings.Repeat("y", 63) + "\n"
	s.start("n1", cfg, func(_ context.Context, l queue.Lease) error {
		start := time.Now()
		for range 100_000 {
			if _, err := io.WriteString(l, line); err != nil {
				return err
			}
		}
		if d := time.Since(start); d > patience {
			t.Errorf("writing blocked for %s", d)
		}
		l.Log(strings.Repeat("z", 1000))
		return nil
	})
	s.submit(job("a"))
	s.until("a finished", s.hasEvent("a", queue.TypeFinalized))
	var log strings.Builder
	for _, e := range s.eventsOf("a") {
		if e.Type == queue.TypeLog {
			log.WriteString(e.Message)
		}
	}
	if n := log.Len(); n < 8<<10 || n > 70<<10 {
		t.Errorf("%d bytes of log passed, want some 16 KiB", n)
	}
	if !strings.Contains(log.String(), "lines left out here]") {
		t.Error("nothing says that lines were left out")
	}
}
