package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/fedora-respin/respin/queue"
)

// held is a claim of ours.
type held struct {
	claim
	rev      uint64
	lostNode string // whose attempt this one follows, when its node went silent
	spent    bool   // that was the last attempt allowed
}

// busyError says that a job is not to be taken now.
type busyError struct {
	why   string
	after time.Duration
}

func (e *busyError) Error() string { return e.why }

// accept decides what to do with a delivered message. It reports whether the
// slot is taken; otherwise the message was given back.
func (r *runner) accept(ctx context.Context, msg *nats.Msg, d *delivery, free func()) bool {
	var job queue.Job
	if err := json.Unmarshal(msg.Data, &job); err != nil || job.Validate() != nil {
		// Only the master can submit, and it validates: not a job of this program's.
		r.log.Error("message in the queue is not a job", "subject", msg.Subject, "error", err)
		_ = d.c.nc.Publish(d.reply, []byte("+TERM"))
		return false
	}
	r.mu.Lock()
	_, ours := r.running[job.ID]
	if !ours {
		r.running[job.ID] = nil
	}
	r.mu.Unlock()
	if ours {
		// Delivered again to us while we work on it: after an absence of the server.
		_ = d.inProgress()
		return false
	}
	// Without ctx: a claim whose writing is broken off may stand all the same.
	h, err := r.claim(context.WithoutCancel(ctx), job)
	if err != nil {
		r.forgetRunning(job.ID)
		delay := min(time.Second, r.lease/4)
		if busy, ok := errors.AsType[*busyError](err); ok {
			delay = busy.after
		}
		r.log.Debug("job not taken", "job", job.ID, "why", err, "again", delay)
		d.nak(delay)
		return false
	}
	r.handlers.Go(func() {
		defer free()
		defer nudge(r.beat)
		defer r.forgetRunning(job.ID)
		r.serve(job, h, d)
	})
	return true
}

func (r *runner) forgetRunning(id string) {
	r.mu.Lock()
	delete(r.running, id)
	r.mu.Unlock()
}

// claim makes this node the one that works on the job, or returns *busyError.
func (r *runner) claim(ctx context.Context, job queue.Job) (held, error) {
	ctx, cancel := r.c.call(ctx, callTimeout)
	defer cancel()
	have, e, err := getKV[claim](ctx, r.claims, job.ID)
	if err != nil {
		return held{}, err
	}
	h := held{claim: claim{Node: r.cfg.ID, Instance: r.instance, Attempt: have.Attempt + 1, Lost: have.Lost}}
	// Our own claim on a job that we do not run: the answer to a write was lost.
	if e != nil && !have.Released && have.Instance != r.instance {
		if err := r.mayTakeOver(ctx, have, e); err != nil {
			return held{}, err
		}
		h.Lost++
		h.lostNode, h.spent = have.Node, h.Lost >= job.Attempts()
	}
	data, err := json.Marshal(h.claim)
	if err != nil {
		return held{}, err
	}
	if e == nil {
		h.rev, err = r.claims.Create(ctx, job.ID, data)
	} else {
		h.rev, err = r.claims.Update(ctx, job.ID, data, e.Revision())
	}
	if isWrongRevision(err) {
		return held{}, &busyError{why: "another node was faster", after: r.lease / 4}
	}
	if err != nil {
		return held{}, fmt.Errorf("claim job: %w", err)
	}
	return h, nil
}

// mayTakeOver returns nil when the holder of a claim has been silent for a
// lease time that this node witnessed: while the server was away, nobody could
// renew a claim, and its holder may reconnect later than we did.
func (r *runner) mayTakeOver(ctx context.Context, have claim, e jetstream.KeyValueEntry) error {
	witnessed := r.c.connectedFor()
	if wait := r.lease - witnessed; wait > 0 {
		return &busyError{why: fmt.Sprintf("claimed by node %s before this node was connected", have.Node), after: wait}
	}
	now, err := serverNow(ctx, r.nodes, clockKey+r.cfg.ID)
	if err != nil {
		return err
	}
	if wait := r.lease - now.Sub(e.Created()); wait > 0 {
		wait = min(wait, r.lease) // a server clock that was set back
		return &busyError{why: fmt.Sprintf("claimed by node %s", have.Node), after: wait}
	}
	return nil
}

// deferFinalize leaves the finalizing of a job to the node that worked on it,
// while that node is there: what it staged may be on its own disk.
func (r *runner) deferFinalize(ctx context.Context, res *storedResult) (bool, error) {
	if res.Node == "" || res.Node == r.cfg.ID {
		return false, nil
	}
	rec, e, err := getKV[nodeRecord](ctx, r.nodes, infoKey+res.Node)
	if err != nil || e == nil || rec.Instance == "" {
		return false, err
	}
	now, err := serverNow(ctx, r.nodes, clockKey+r.cfg.ID)
	if err != nil {
		return false, err
	}
	return now.Sub(e.Created()) <= r.lease && now.Sub(res.stored) <= 3*r.lease, nil
}
