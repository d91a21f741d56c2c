package natsqueue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/queue"
)

// sink collects events; while it is shut, sending fails.
type sink struct {
	mu     sync.Mutex
	shut   bool
	events []queue.Event
}

func (s *sink) send(_ context.Context, e queue.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		return errors.New("away")
	}
	s.events = append(s.events, e)
	return nil
}

func (s *sink) text() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		out = append(out, fmt.Sprintf("%s %s %d %q", e.Type, e.Stage, e.Percent, e.Message))
	}
	return out
}

func TestEmitterKeepsOrderAndMerges(t *testing.T) {
	t.Parallel()
	s := &sink{}
	e := newEmitter(queue.LogLimits{Line: 10}, s.send)
	e.put(queue.Event{Type: queue.TypeStarted})
	e.line("one")
	fmt.Fprint(e, "tw")
	fmt.Fprint(e, "o\nthr\xffe\r\n"+strings.Repeat("long", 10)+"\nrest")
	e.progress("build", 0, "")
	for i := range 100 {
		e.progress("build", i, "")
	}
	e.line("after")
	if !e.flush(t.Context()) {
		t.Error("flush = false")
	}
	e.close()
	e.line("too late")
	want := []string{
		`started  0 ""`,
		`log  0 "one\ntwo\nthr�e\nlonglonglo [line cut]\n"`,
		`stage build 0 ""`,
		`log build 0 "after\nrest\n"`,
		`progress build 99 ""`,
	}
	if diff := cmp.Diff(want, s.text()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestEmitterWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	s := &sink{shut: true}
	e := newEmitter(queue.LogLimits{Rate: 1 << 30, Burst: 1 << 30, Total: 1 << 30}, s.send)
	defer e.close()
	line := strings.Repeat("x", 1000)
	for range 5000 {
		e.line(line) // 5 MB, of which 1 MiB may wait
	}
	for i := range 3000 {
		e.progress(fmt.Sprint("stage", i), 0, "")
	}
	e.put(queue.Event{Type: queue.TypeFinalized})
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if e.flush(short) {
		t.Error("flush = true although nothing was sent")
	}
	s.mu.Lock()
	s.shut = false
	s.mu.Unlock()
	if !e.flush(t.Context()) {
		t.Error("flush = false")
	}
	got := s.text()
	if n := len(got); n > maxPending+2 {
		t.Errorf("%d events were kept, want at most %d", n, maxPending)
	}
	if last := got[len(got)-1]; !strings.HasPrefix(last, "finalized") {
		t.Errorf("last event = %s", last)
	}
}
