package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/client"
)

// event writes one event as the daemon does.
func event(id int, data string) string {
	return fmt.Sprintf("event: x\nid: %d\ndata: %s\n\n", id, data)
}

// script answers each connection with the next of its parts and breaks it off.
func script(t *testing.T, lastIDs *[]string, parts ...string) http.HandlerFunc {
	t.Helper()
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		i := int(n.Add(1)) - 1
		*lastIDs = append(*lastIDs, r.Header.Get("Last-Event-ID"))
		if i >= len(parts) {
			t.Errorf("connection %d was not expected", i+1)
			w.WriteHeader(http.StatusGone)
			return
		}
		if status, ok := strings.CutPrefix(parts[i], "status "); ok {
			code := http.StatusServiceUnavailable
			if status == "404" {
				code = http.StatusNotFound
			}
			w.WriteHeader(code)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, parts[i])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestEventsResumeAfterBrokenConnections(t *testing.T) {
	t.Parallel()
	var ids []string
	c := serve(t, script(t, &ids,
		": hello\n\n"+event(4, `{"type":"log","text":"one\n"}`)+"id: 9\ndata: {\"type\":\"lo", // cut inside an event
		"status 503",
		"retry: 1\r\n\r\n"+event(8, `{"type":"log","text":"two\n"}`),
		event(8, `{"type":"state","state":"building","percent":3}`)+event(8, `{"type":"end","state":"succeeded"}`)+event(8, `{"type":"log","text":"never"}`),
	), client.Options{})
	var got []string
	for e, err := range c.Events(t.Context(), "id", "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Type+" "+e.Text+string(e.State))
	}
	if d := cmp.Diff([]string{"log one\n", "log two\n", "state building", "end succeeded"}, got); d != "" {
		t.Errorf("events differ (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"", "4", "4", "8"}, ids); d != "" {
		t.Errorf("Last-Event-ID differs (-want +got):\n%s", d)
	}
}

func TestEventsEndWithAnError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		parts []string
		check func(error) bool
	}{
		{"no such compose", []string{"status 404"}, func(err error) bool {
			p, ok := errors.AsType[*client.ProblemError](err)
			return ok && p.Status == http.StatusNotFound
		}},
		{"first answer is no answer", []string{"status 503"}, func(err error) bool {
			_, ok := errors.AsType[*client.ProblemError](err)
			return ok
		}},
		{"not JSON", []string{"data: {\n\n"}, func(err error) bool {
			_, ok := errors.AsType[*client.FormatError](err)
			return ok
		}},
		{"gone meanwhile", []string{event(1, `{"type":"log"}`), "status 404"}, func(err error) bool {
			p, ok := errors.AsType[*client.ProblemError](err)
			return ok && p.Status == http.StatusNotFound
		}},
		{"endless event", []string{"data: " + strings.Repeat("x", 5<<20)}, func(err error) bool {
			_, ok := errors.AsType[*client.FormatError](err)
			return ok
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var ids []string
			c := serve(t, script(t, &ids, tt.parts...), client.Options{})
			var last error
			for _, err := range c.Events(t.Context(), "id", "") {
				last = err
			}
			if !tt.check(last) {
				t.Errorf("the error is %T: %v", last, last)
			}
		})
	}
}

func TestEventsGiveUpOnAServerThatStaysAway(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) > 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event(1, `{"type":"log","text":"x"}`))
	}, client.Options{Patience: 30 * time.Millisecond})
	var last error
	for _, err := range c.Events(t.Context(), "id", "") {
		last = err
	}
	if last == nil || n.Load() < 3 {
		t.Errorf("after %d connections: %v", n.Load(), last)
	}
}

func TestEventsEndWithTheirContextOrConsumer(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event(1, `{"type":"log","text":"x"}`))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, client.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var events []api.Event
	var last error
	for e, err := range c.Events(ctx, "id", "") {
		events, last = append(events, e), err
		cancel()
	}
	if len(events) != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d events, then %v", len(events), last)
	}
	for range c.Events(t.Context(), "id", "") {
		break
	}
}
