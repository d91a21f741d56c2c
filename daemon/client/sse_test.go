package client

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadSSE(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"plain", "event: log\nid: 1\ndata: a\n\n", "log|1|a;"},
		{"two lines of data", "data: a\ndata: b\n\n", "||a\nb;"},
		{"carriage returns", "id: 1\r\ndata: a\r\n\r\n", "|1|a;"},
		{"no space", "data:a\n\n", "||a;"},
		{"comment", ": x\ndata: a\n\n", "||a;"},
		{"cut", "data: a\n\ndata: b\n", "||a;"},
		{"unknown field", "what: a\ndata\n\n", "||;"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got strings.Builder
			err := readSSE(strings.NewReader(tt.in), func() {}, func(e sse) (bool, error) {
				got.WriteString(e.name + "|" + e.id + "|" + string(e.data) + ";")
				return true, nil
			})
			if d := cmp.Diff(tt.want, got.String()); d != "" || err != nil {
				t.Errorf("error %v, events differ (-want +got):\n%s", err, d)
			}
		})
	}
}

// Whatever arrives, reading ends, and what is cut off never counts as an event.
func FuzzReadSSE(f *testing.F) {
	for _, seed := range []string{"event: log\nid: 1\ndata: {}\n\n", "data: a\r\ndata: b\r\n\r\n: c\n\n", "retry: 99999999999\n\n", "\n\n\ndata", "id\nevent\ndata\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		events := 0
		err := readSSE(bytes.NewReader(in), func() {}, func(e sse) (bool, error) {
			events++
			if len(e.data) > len(in) || e.retry < 0 {
				t.Fatalf("event %+v out of %q", e, in)
			}
			return true, nil
		})
		if err != nil && len(in) < maxEvent {
			t.Fatalf("%q: %v", in, err)
		}
		if events > bytes.Count(in, []byte("\n")) {
			t.Fatalf("%d events out of %q", events, in)
		}
	})
}
