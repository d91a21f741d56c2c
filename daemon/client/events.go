package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/daemon/api"
)

// eventEnd is the type of the last event of a compose.
const eventEnd = "end"

// maxEvent bounds one event, in bytes. The server sends at most 64 KiB of log
// in one, which JSON may make six times as long.
const maxEvent = 4 << 20

// silence is how long a stream may say nothing: the server sends a comment
// every 15 seconds.
const silence = time.Minute

// errStreamEnds says that a stream ended before the event end.
var errStreamEnds = errors.New("the stream of events broke off")

// Events yields what happens to a compose until it has ended: its last event is
// of type "end". lastEventID is where an earlier stream was left, "" the start
// of the log. A broken connection is taken up again where it was; the state is
// then told once more. The sequence ends with an error when the server stays
// away for longer than Options.Patience, or refuses the call.
func (c *Client) Events(ctx context.Context, id, lastEventID string) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		s := &stream{client: c, id: id, last: lastEventID, pause: c.pause, yield: yield}
		for {
			err := s.once(ctx)
			if s.over {
				return
			}
			if err = s.wait(ctx, err); err != nil {
				yield(api.Event{}, err)
				return
			}
		}
	}
}

// stream is the state of one Events.
type stream struct {
	client *Client
	id     string
	last   string // id of the last event
	yield  func(api.Event, error) bool
	over   bool // the consumer or the compose has ended

	reached bool      // there was an answer at least once
	lostAt  time.Time // when the server was lost; zero while it answers
	tries   int
	pause   time.Duration // the server may say so with "retry:"
}

// wait decides whether to come back after err, and waits until then.
func (s *stream) wait(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("follow compose %s: %w", s.id, context.Cause(ctx))
	}
	if !s.reached || !passing(err) {
		return err
	}
	if s.lostAt.IsZero() {
		s.lostAt = time.Now()
	}
	if time.Since(s.lostAt) > s.client.patience {
		return fmt.Errorf("follow compose %s: %w", s.id, err)
	}
	pause := min(s.pause<<min(s.tries, 10), 10*time.Second)
	s.tries++
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("follow compose %s: %w", s.id, context.Cause(ctx))
	}
}

// passing tells whether the same call may succeed later.
func passing(err error) bool {
	if p, ok := errors.AsType[*ProblemError](err); ok {
		return p.Status == http.StatusBadGateway || p.Status == http.StatusServiceUnavailable ||
			p.Status == http.StatusGatewayTimeout || p.Status == http.StatusTooManyRequests
	}
	return errors.Is(err, ErrUnreachable)
}

// once reads one connection to its end.
func (s *stream) once(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	k := get(v1("composes", s.id, "events")...)
	k.header = http.Header{"Accept": {"text/event-stream"}}
	if s.last != "" {
		k.header.Set("Last-Event-ID", s.last)
	}
	resp, err := s.client.send(ctx, k)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return &FormatError{URL: resp.Request.URL.Redacted(), Reason: fmt.Sprintf("the answer is of type %q, not a stream of events", kind)}
	}
	s.reached, s.lostAt, s.tries = true, time.Time{}, 0
	watchdog := time.AfterFunc(silence, func() { cancel(errStreamEnds) })
	defer watchdog.Stop()
	err = readSSE(resp.Body, func() { watchdog.Reset(silence) }, s.take)
	if _, ok := errors.AsType[*FormatError](err); ok || s.over {
		return err
	}
	if err == nil {
		err = errStreamEnds
	}
	return &UnreachableError{URL: s.client.URL(), Err: err}
}

// take handles one event; false ends the stream.
func (s *stream) take(e sse) (bool, error) {
	if e.retry > 0 {
		s.pause = e.retry
	}
	if len(e.data) == 0 {
		return true, nil
	}
	var event api.Event
	if err := json.Unmarshal(e.data, &event); err != nil {
		return false, &FormatError{URL: s.client.URL(), Reason: "an event is no JSON of respin's: " + err.Error()}
	}
	if event.Type == "" {
		event.Type = e.name
	}
	if e.id != "" {
		s.last = e.id
	}
	s.over = !s.yield(event, nil) || event.Type == eventEnd
	return !s.over, nil
}

// sse is one server-sent event as it is framed (WHATWG HTML, section 9.2).
type sse struct {
	name, id string
	data     []byte
	retry    time.Duration
}

// readSSE splits r into events until it ends or take returns false. alive is
// called for every line, comments included.
func readSSE(r io.Reader, alive func(), take func(sse) (bool, error)) error {
	br := bufio.NewReaderSize(r, 64<<10)
	var e sse
	size := 0
	for {
		line, err := readLine(br, maxEvent-size)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil // an event without its empty line is dropped, as the standard says
			}
			return err
		}
		alive()
		size += len(line)
		if len(line) > 0 {
			e.field(line)
			continue
		}
		e.data = bytes.TrimSuffix(e.data, []byte("\n"))
		if more, err := take(e); err != nil || !more {
			return err
		}
		e, size = sse{}, 0
	}
}

// readLine reads one line without its end (LF or CRLF), at most limit bytes.
func readLine(br *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > limit+2 {
			return nil, &FormatError{URL: "events", Reason: fmt.Sprintf("an event is longer than %d bytes", maxEvent)}
		}
		if err == nil {
			return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err //nolint:wrapcheck // io.EOF is looked at by the caller
		}
	}
}

// field takes one line of an event.
func (e *sse) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		e.name = string(value)
	case "id":
		e.id = string(value)
	case "data":
		e.data = append(append(e.data, value...), '\n')
	case "retry":
		if n, err := strconv.Atoi(string(value)); err == nil && n > 0 {
			e.retry = time.Duration(min(n, 10_000)) * time.Millisecond
		}
	}
}
