package natsqueue

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/fedora-respin/respin/queue"
)

// How often, and how much, an emitter sends at a time.
const (
	emitEvery   = 300 * time.Millisecond
	emitBytes   = 32 << 10
	maxBacklog  = 1 << 20 // log bytes kept while the server is away
	maxPending  = 1024    // events kept while the server is away
	maxMessage  = 4 << 10 // of a stage or progress event
	closeWithin = 3 * time.Second
)

// emitter turns log lines and progress into few events and sends them in
// order. Whoever calls it never waits.
type emitter struct {
	limit queue.LogLimits
	send  func(ctx context.Context, e queue.Event) error

	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup
	wake chan struct{}

	mu      sync.Mutex
	idle    *sync.Cond    // signaled when everything was sent
	pending []queue.Event // in order; log events among them are complete
	backlog int           // log bytes in pending
	lines   bytes.Buffer  // whole lines for the next log event
	partial []byte        // an unfinished line from Write
	dropped int           // lines left out since the last one sent
	stage   string
	latest  *queue.Event // progress not yet in pending
	sending bool
	closed  bool
	budget  float64 // log bytes that may pass now
	refill  time.Time
	total   int
}

func newEmitter(limit queue.LogLimits, send func(context.Context, queue.Event) error) *emitter {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&limit.Rate, 64<<10)
	def(&limit.Burst, 512<<10)
	def(&limit.Total, 16<<20)
	def(&limit.Line, 4<<10)
	e := &emitter{limit: limit, send: send, wake: make(chan struct{}, 1), budget: float64(limit.Burst), refill: time.Now()}
	e.idle = sync.NewCond(&e.mu)
	e.ctx, e.stop = context.WithCancel(context.Background())
	e.wg.Go(e.loop)
	return e
}

// put adds an event behind all that was logged before it, and sends soon.
func (e *emitter) put(ev queue.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.noteDropped()
	e.seal()
	e.add(ev)
	nudge(e.wake)
}

// add appends to pending, under the lock. When the server has been away for
// long, the oldest progress and log events make room.
func (e *emitter) add(ev queue.Event) {
	if e.closed {
		return
	}
	if len(e.pending) >= maxPending {
		for i, p := range e.pending {
			if i > 0 && (p.Type == queue.TypeProgress || p.Type == queue.TypeLog) || i == maxPending-1 {
				e.pending = append(e.pending[:i], e.pending[i+1:]...)
				break
			}
		}
	}
	e.pending = append(e.pending, ev)
}

// progress keeps only the latest within a stage; a new stage is an event.
func (e *emitter) progress(stage string, percent int, message string) {
	message = clip(message, maxMessage)
	stage = clip(stage, 256)
	e.mu.Lock()
	defer e.mu.Unlock()
	ev := queue.Event{Type: queue.TypeProgress, Stage: stage, Percent: percent, Message: message}
	if stage == e.stage {
		e.latest = &ev
		return
	}
	e.noteDropped()
	e.seal()
	e.stage, ev.Type = stage, queue.TypeStage
	e.add(ev)
	nudge(e.wake)
}

// line logs one line.
func (e *emitter) line(s string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.addLine(s)
}

// Write logs the whole lines of p and keeps the rest for the next call.
func (e *emitter) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		e.addLine(string(e.partial) + string(clipBytes(p[:i], e.limit.Line+1)))
		e.partial = e.partial[:0]
		p = p[i+1:]
	}
	// Of an endless line only the beginning is kept.
	room := max(0, e.limit.Line+1-len(e.partial))
	e.partial = append(e.partial, clipBytes(p, room)...)
	return n, nil
}

func clipBytes(p []byte, n int) []byte { return p[:min(len(p), n)] }

func clip(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "\uFFFD") }

// addLine applies the limits, under the lock.
func (e *emitter) addLine(s string) {
	if e.closed {
		return
	}
	if len(s) > e.limit.Line {
		s = s[:e.limit.Line] + " [line cut]"
	}
	s = strings.ToValidUTF8(strings.ReplaceAll(strings.TrimRight(s, "\r\n"), "\n", " "), "\uFFFD")
	now := time.Now()
	e.budget = min(float64(e.limit.Burst), e.budget+now.Sub(e.refill).Seconds()*float64(e.limit.Rate))
	e.refill = now
	size := len(s) + 1
	if float64(size) > e.budget || e.total+size > e.limit.Total || e.backlog+e.lines.Len()+size > maxBacklog {
		e.dropped++
		return
	}
	e.budget -= float64(size)
	e.total += size
	e.noteDropped()
	e.lines.WriteString(s)
	e.lines.WriteByte('\n')
	if e.lines.Len() >= emitBytes {
		e.sealLines()
		nudge(e.wake)
	}
}

func (e *emitter) noteDropped() {
	if e.dropped > 0 {
		fmt.Fprintf(&e.lines, "[%d lines left out here]\n", e.dropped)
		e.dropped = 0
	}
}

// seal makes events of all that is pending, under the lock.
func (e *emitter) seal() {
	e.sealLines()
	if e.latest != nil {
		ev := *e.latest
		e.latest = nil
		e.add(ev)
	}
}

func (e *emitter) sealLines() {
	if e.lines.Len() == 0 {
		return
	}
	e.backlog += e.lines.Len()
	e.add(queue.Event{Type: queue.TypeLog, Stage: e.stage, Message: e.lines.String()})
	e.lines.Reset()
}

// loop sends until close.
func (e *emitter) loop() {
	tick := time.NewTicker(emitEvery)
	defer tick.Stop()
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-e.wake:
		case <-tick.C:
			e.mu.Lock()
			e.seal()
			e.mu.Unlock()
		}
		e.sendAll()
	}
}

func (e *emitter) sendAll() {
	for {
		e.mu.Lock()
		if len(e.pending) == 0 || e.ctx.Err() != nil {
			e.sending = false
			e.idle.Broadcast()
			e.mu.Unlock()
			return
		}
		ev := e.pending[0]
		e.pending = e.pending[1:]
		e.sending = true
		if ev.Type == queue.TypeLog {
			e.backlog -= len(ev.Message)
		}
		e.mu.Unlock()
		for wait := 100 * time.Millisecond; e.send(e.ctx, ev) != nil; wait = min(2*wait, 2*time.Second) {
			if !pause(e.ctx, wait) {
				break
			}
		}
	}
}

// flush sends all that was put in so far, and reports whether that was done
// before ctx ended.
func (e *emitter) flush(ctx context.Context) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.partial) > 0 {
		e.addLine(string(e.partial))
		e.partial = e.partial[:0]
	}
	e.noteDropped()
	e.seal()
	nudge(e.wake)
	stop := context.AfterFunc(ctx, func() {
		e.mu.Lock() // so that Wait below cannot miss it
		defer e.mu.Unlock()
		e.idle.Broadcast()
	})
	defer stop()
	for (len(e.pending) > 0 || e.sending) && !e.closed && ctx.Err() == nil {
		e.idle.Wait()
	}
	return len(e.pending) == 0 && !e.sending
}

// close sends what is left, for a short while, and ends the emitter.
func (e *emitter) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	e.flush(ctx)
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.stop()
	e.wg.Wait()
}
