package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/fedora-respin/respin/queue"
)

// lease implements queue.Lease: one job in the hands of this node, from its
// claim until it left the queue or was given back.
type lease struct {
	r   *runner
	job queue.Job
	h   held
	d   *delivery
	out *emitter

	life   context.Context // until the lease is lost or Run gives up
	end    context.CancelCauseFunc
	ctx    context.Context // the handler's, within life
	cancel context.CancelCauseFunc
	kick   chan struct{} // heartbeat now

	stopBeat func() // waits for the heartbeat's end; then rev and lost are ours

	mu      sync.Mutex
	rev     uint64 // of our claim
	lost    bool   // another node holds the claim
	handled bool   // the handler was started
	done    bool   // the handler returned
	result  *storedResult
	beaten  bool // another result stands
}

var _ queue.Lease = (*lease)(nil)

// serve runs a claimed job to its end on this node.
func (r *runner) serve(job queue.Job, h held, d *delivery) {
	l := &lease{r: r, job: job, h: h, d: d, rev: h.rev, kick: make(chan struct{}, 1)}
	l.life, l.end = context.WithCancelCause(r.leases)
	defer l.end(nil)
	l.ctx, l.cancel = context.WithCancelCause(l.life)
	defer l.cancel(nil)
	l.out = newEmitter(r.cfg.Log, l.send)
	defer l.out.close()
	r.mu.Lock()
	r.running[job.ID] = l
	if r.stopping != nil {
		l.cancel(r.stopping)
	}
	r.mu.Unlock()
	nudge(r.beat)
	l.keepAlive()
	defer l.stopBeat()
	if h.lostNode != "" {
		l.out.put(queue.Event{Type: queue.TypeLost, Attempt: h.Attempt - 1, Node: h.lostNode})
	}
	res, err := l.settle()
	switch {
	case err != nil:
		r.log.Warn("job put back", "job", job.ID, "attempt", h.Attempt, "error", err)
		l.giveBack(min(time.Second, r.lease/4))
	case res != nil:
		l.finalize(res)
	}
}

// settle brings the job to its result: the one that stands, or else a new one.
// nil without an error means that the job is not for this node to end.
func (l *lease) settle() (*storedResult, error) {
	ctx, cancel := l.r.c.call(l.life, callTimeout)
	defer cancel()
	res, err := l.r.result(ctx, l.job.ID)
	if err != nil {
		return nil, err
	}
	if res != nil {
		wait, err := l.r.deferFinalize(ctx, res)
		if err == nil && wait {
			l.giveBack(l.r.lease / 4)
			return nil, nil
		}
		return res, err
	}
	_, asked, err := getKV[cancelRequest](ctx, l.r.cancels, l.job.ID)
	switch {
	case err != nil:
		return nil, err
	case asked != nil:
		return l.record(queue.Result{Outcome: queue.Canceled, Message: "canceled before this attempt began"})
	case l.h.spent:
		before := l.h.claim
		before.Node, before.Lost = l.h.lostNode, l.h.Lost-1
		return l.record(queue.Result{Outcome: queue.Lost, Message: lostMessage(before)})
	}
	return l.handle()
}

// handle runs the handler and records what it left unrecorded.
func (l *lease) handle() (*storedResult, error) {
	l.mu.Lock()
	l.handled = true
	l.mu.Unlock()
	l.out.put(queue.Event{Type: queue.TypeStarted, Message: fmt.Sprintf("attempt %d on node %s", l.h.Attempt, l.r.cfg.ID)})
	err := l.callHandler()
	l.mu.Lock()
	l.done = true
	res, beaten := l.result, l.beaten
	l.mu.Unlock()
	cause := context.Cause(l.ctx)
	switch {
	case res != nil:
		return res, nil
	case beaten, errors.Is(cause, queue.ErrLeaseLost):
		l.giveBack(min(time.Second, l.r.lease/4)) // to whoever must finalize it
		return nil, nil
	case errors.Is(cause, queue.ErrShutdown):
		l.out.put(queue.Event{Type: queue.TypeReleased, Message: "the node is shutting down"})
		l.flush(l.life)
		l.giveBack(0)
		return nil, nil
	case errors.Is(cause, queue.ErrCanceled):
		return l.record(queue.Result{Outcome: queue.Canceled, Message: "canceled"})
	case err != nil:
		return l.record(queue.Result{Outcome: queue.Failed, Message: err.Error()})
	}
	return l.record(queue.Result{Outcome: queue.Succeeded})
}

func (l *lease) callHandler() (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.r.log.Error("handler panicked", "job", l.job.ID, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("handler panicked: %v", p)
		}
	}()
	return l.r.h.Handle(l.ctx, l)
}

// record writes a result on behalf of the worker.
func (l *lease) record(res queue.Result) (*storedResult, error) {
	l.flush(l.life)
	stands, err := l.write(l.life, res)
	if err != nil {
		return nil, err
	}
	if stands.Writer != l.r.instance {
		return nil, errors.New("another result was recorded meanwhile")
	}
	return stands, nil
}

func (l *lease) write(ctx context.Context, res queue.Result) (*storedResult, error) {
	res.JobID, res.Attempt, res.Node, res.Finished = l.job.ID, l.h.Attempt, l.r.cfg.ID, time.Now().UTC()
	return writeResult(ctx, l.r.c, &l.r.stores, storedResult{Result: res, Writer: l.r.instance})
}

// Job implements queue.Lease.
func (l *lease) Job() queue.Job { return l.job }

// Attempt implements queue.Lease.
func (l *lease) Attempt() int { return l.h.Attempt }

// Log implements queue.Lease.
func (l *lease) Log(line string) { l.out.line(line) }

// Write implements queue.Lease.
func (l *lease) Write(p []byte) (int, error) { return l.out.Write(p) }

// Progress implements queue.Lease.
func (l *lease) Progress(stage string, percent int, message string) {
	l.out.progress(stage, min(max(percent, 0), 100), message)
}

// Finish implements queue.Lease.
func (l *lease) Finish(ctx context.Context, res queue.Result) (bool, error) {
	l.mu.Lock()
	done, won, beaten := l.done, l.result, l.beaten
	l.mu.Unlock()
	switch {
	case done:
		return false, fmt.Errorf("finish job %s: %w", l.job.ID, queue.ErrClosed)
	case won != nil || beaten:
		return won != nil, nil
	}
	cause := context.Cause(l.ctx)
	switch {
	case errors.Is(cause, queue.ErrLeaseLost):
		return false, fmt.Errorf("finish job %s: %w", l.job.ID, queue.ErrLeaseLost)
	case errors.Is(cause, queue.ErrShutdown) && res.Outcome != queue.Succeeded:
		return false, fmt.Errorf("finish job %s: %w", l.job.ID, queue.ErrShutdown)
	case errors.Is(cause, queue.ErrCanceled) && res.Outcome == queue.Failed:
		res.Outcome = queue.Canceled
	}
	if err := res.Validate(); err != nil {
		return false, fmt.Errorf("finish job %s: %w", l.job.ID, err)
	}
	if res.Outcome == queue.Lost {
		return false, &queue.FieldError{Field: "outcome", Reason: "must not be lost: no handler can know"}
	}
	l.flush(ctx)
	stands, err := l.write(ctx, res)
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if stands.Writer != l.r.instance {
		l.beaten = true
		return false, nil
	}
	l.result = stands
	return true, nil
}

// finalize makes the result visible and takes the job off the queue. The order
// is what makes a crash harmless: as long as the job is in the queue, all of
// this is done again.
func (l *lease) finalize(res *storedResult) {
	if l.life.Err() != nil {
		return // the node that has the job now does it
	}
	if err := l.tell(res); err != nil {
		l.r.log.Warn("job put back", "job", l.job.ID, "error", err)
		l.giveBack(min(time.Second, l.r.lease/4))
		return
	}
	if err := l.callFinalize(res.Result); err != nil {
		l.r.log.Warn("finalize failed, will be tried again", "job", l.job.ID, "error", err)
		l.out.line("finalize: " + err.Error())
		l.flush(l.life)
		l.giveBack(max(l.r.lease/4, 100*time.Millisecond))
		return
	}
	l.out.put(queue.Event{Type: queue.TypeFinalized, Attempt: res.Attempt})
	if !l.out.flush(l.life) {
		l.giveBack(0) // the master must hear of it: once more, it is idempotent
		return
	}
	if err := l.d.ack(); err != nil {
		l.r.log.Warn("acknowledge job", "job", l.job.ID, "error", err)
		l.giveBack(0)
		return
	}
	l.stopBeat()
	ctx, cancel := l.r.c.call(l.life, callTimeout)
	defer cancel()
	if err := l.r.claims.Purge(ctx, l.job.ID, jetstream.LastRevision(l.rev)); err != nil {
		l.r.log.Debug("remove claim", "job", l.job.ID, "error", err)
	}
}

// tell stores the event of the result, behind all that was logged.
func (l *lease) tell(res *storedResult) error {
	l.flush(l.life)
	for {
		ctx, cancel := l.r.c.call(l.life, callTimeout)
		err := tellFinished(ctx, l.r.c, l.r.n, l.r.cfg.ID, res.JobID)
		cancel()
		if err == nil || !pause(l.life, 250*time.Millisecond) {
			return err
		}
	}
}

func (l *lease) callFinalize(res queue.Result) (err error) {
	if l.r.h.Finalize == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			l.r.log.Error("finalizer panicked", "job", l.job.ID, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("finalizer panicked: %v", p)
		}
	}()
	return l.r.h.Finalize(l.life, l.job, res)
}

// giveBack releases the claim and puts the job back, unless another node has
// it.
func (l *lease) giveBack(delay time.Duration) {
	l.stopBeat()
	l.mu.Lock()
	lost, rev, handled := l.lost, l.rev, l.handled
	l.mu.Unlock()
	if lost {
		return
	}
	c := l.h.claim
	c.Released = true
	if !handled {
		c.Attempt-- // it never began
	}
	data, err := json.Marshal(c)
	if err != nil {
		return // plain strings and numbers always encode
	}
	// Also at shutdown, when leases is done: a job that is not released waits for
	// a whole lease.
	ctx, cancel := l.r.c.call(context.WithoutCancel(l.r.leases), 5*time.Second)
	defer cancel()
	if _, err := l.r.claims.Update(ctx, l.job.ID, data, rev); err != nil {
		l.r.log.Debug("release claim", "job", l.job.ID, "error", err)
	}
	l.d.nak(delay)
}
