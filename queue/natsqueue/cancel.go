package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/fedora-respin/respin/queue"
)

// cancelRequest is the value in the cancels bucket; the entry's time stamp says
// when.
type cancelRequest struct {
	Version int `json:"version"`
}

// Cancel implements queue.Master.
func (m *Master) Cancel(ctx context.Context, id string) error {
	if err := m.cancel(ctx, id); err != nil {
		return fmt.Errorf("cancel job %s: %w", id, err)
	}
	return nil
}

func (m *Master) cancel(ctx context.Context, id string) error {
	entry, err := m.entry(ctx, id)
	if err != nil {
		return err
	}
	if entry == nil {
		return queue.ErrNotFound
	}
	if r, err := m.result(ctx, id); err != nil {
		return err
	} else if r != nil {
		return queue.ErrFinished
	}
	data, err := json.Marshal(cancelRequest{Version: 1})
	if err != nil {
		return err
	}
	// The order matters: the request is stored before the claim is read, and a
	// node reads requests after it stored its claim. One of them sees the other.
	if _, err := m.cancels.Create(ctx, id, data); err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		return err
	}
	m.hint(ctlCancel, id)
	q, err := m.look(ctx, m.n.jobSubject(entry.job(id)))
	if err != nil {
		return err
	}
	if q.result != nil {
		return nil
	}
	if q.claimed == nil || q.claim.Released {
		return m.settle(ctx, *q, queue.Canceled, "canceled before it ran")
	}
	now, err := serverNow(ctx, m.nodes, clockKey+m.writer)
	if err != nil {
		return err
	}
	if now.Sub(q.claimed.Created()) > m.lease {
		return m.settle(ctx, *q, queue.Canceled, fmt.Sprintf("canceled while node %s did not answer", q.claim.Node))
	}
	return nil // its node records the result, or else keepHouse does
}

// settle records a result in place of a node, and takes a job that no node has
// off the queue.
func (m *Master) settle(ctx context.Context, q queued, outcome queue.Outcome, message string) error {
	r := storedResult{Writer: m.writer, Result: queue.Result{
		JobID: q.job.ID, Attempt: q.claim.Attempt, Node: q.claim.Node,
		Outcome: outcome, Message: message, Finished: time.Now().UTC(),
	}}
	stands, err := writeResult(ctx, m.c, &m.stores, r)
	if err != nil {
		return err
	}
	if stands.Writer != m.writer {
		return nil // whoever wrote it tells
	}
	if err := tellFinished(ctx, m.c, m.n, masterTeller, q.job.ID); err != nil {
		return err
	}
	if q.claimed == nil || q.claim.Released {
		return m.remove(ctx, q)
	}
	return nil
}

// remove takes a job off the queue. Nodes that hold it do not mind: what they
// acknowledge later is gone already.
func (m *Master) remove(ctx context.Context, q queued) error {
	if err := m.jobs.Purge(ctx, jetstream.WithPurgeSubject(m.n.jobSubject(q.job))); err != nil {
		return fmt.Errorf("remove job %s: %w", q.job.ID, err)
	}
	return nil
}

// keepHouse does what no node is there to do.
func (m *Master) keepHouse(ctx context.Context) {
	for pause(ctx, m.lease/2) {
		if !m.c.nc.IsConnected() {
			continue
		}
		if err := m.tidy(ctx); err != nil && ctx.Err() == nil {
			m.o.Logger.Warn("queue upkeep", "error", err)
		}
	}
}

// forgetNodes is how long a node that went away without a word is listed.
const forgetNodes = 7 * 24 * time.Hour

func (m *Master) tidy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 4*callTimeout)
	defer cancel()
	list, err := m.inQueue(ctx)
	if err != nil {
		return err
	}
	now, err := m.now(ctx, list)
	if err != nil {
		return err
	}
	for _, q := range list {
		if err := m.tidyJob(ctx, q, now); err != nil {
			return err
		}
	}
	if m.checkpoint != nil {
		if err := m.checkpoint(ctx); err != nil {
			return err
		}
	}
	return m.forget(ctx)
}

func (m *Master) tidyJob(ctx context.Context, q queued, now time.Time) error {
	claimed := q.claimed != nil && !q.claim.Released
	// Nodes get half a lease more than among themselves: they know better. And
	// like them, the master judges only what it could have seen.
	silent := claimed && now.Sub(q.claimed.Created()) > m.lease*3/2 && m.c.connectedFor() > m.lease*3/2
	switch {
	case q.result != nil:
		// A succeeded job must be finalized by a node, whenever one comes.
		if q.result.Outcome != queue.Succeeded && !claimed && now.Sub(q.result.stored) > 5*m.lease {
			if err := tellFinished(ctx, m.c, m.n, masterTeller, q.job.ID); err != nil {
				return err
			}
			return m.remove(ctx, q)
		}
	case q.cancel != nil && !claimed:
		return m.settle(ctx, q, queue.Canceled, "canceled before it ran")
	case q.cancel != nil && (silent || now.Sub(q.cancel.Created()) > m.lease):
		return m.settle(ctx, q, queue.Canceled, fmt.Sprintf("canceled while node %s did not answer", q.claim.Node))
	case silent && q.claim.Lost+1 >= q.job.Attempts():
		return m.settle(ctx, q, queue.Lost, lostMessage(q.claim))
	}
	return nil
}

func lostMessage(c claim) string {
	if c.Lost == 0 {
		return fmt.Sprintf("node %s stopped answering", c.Node)
	}
	return fmt.Sprintf("%d nodes stopped answering over this job, the last one was %s", c.Lost+1, c.Node)
}

func (m *Master) forget(ctx context.Context) error {
	nodes, err := m.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if !n.Online && time.Since(n.LastSeen) > forgetNodes {
			if err := m.nodes.Delete(ctx, infoKey+strings.TrimSpace(n.ID)); err != nil {
				return fmt.Errorf("forget node %s: %w", n.ID, err)
			}
		}
	}
	return nil
}
