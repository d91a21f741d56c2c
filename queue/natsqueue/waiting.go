package natsqueue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/fedora-respin/respin/queue"
)

// queued is one job whose message is in the queue.
type queued struct {
	job     queue.Job // without payload
	order   uint64    // of submission
	since   time.Time
	claim   claim
	claimed jetstream.KeyValueEntry // nil without a claim
	result  *storedResult
	cancel  jetstream.KeyValueEntry // nil unless asked for
}

// inQueue reads every job in the queue, in the order in which they would start.
func (m *Master) inQueue(ctx context.Context) ([]queued, error) {
	info, err := m.jobs.Info(ctx, jetstream.WithSubjectFilter(string(m.n)+".jobs.>"))
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	var list []queued
	for subject := range info.State.Subjects {
		q, err := m.look(ctx, subject)
		if err != nil {
			return nil, fmt.Errorf("list jobs: %w", err)
		}
		if q != nil {
			list = append(list, *q)
		}
	}
	slices.SortFunc(list, func(a, b queued) int {
		return cmp.Or(cmp.Compare(b.job.Priority, a.job.Priority), cmp.Compare(a.order, b.order))
	})
	return list, nil
}

// look gathers what is known of a job in the queue, without its payload. It
// returns nil for a subject that is none of ours.
func (m *Master) look(ctx context.Context, subject string) (*queued, error) {
	job, ok := m.n.parseJobSubject(subject)
	if !ok {
		return nil, nil
	}
	q := queued{job: job}
	entry, e, err := getKV[indexEntry](ctx, m.kv, job.ID)
	if err != nil {
		return nil, err
	}
	if e != nil {
		q.job, q.order, q.since = entry.job(job.ID), e.Revision(), entry.Submitted
	}
	if q.claim, q.claimed, err = getKV[claim](ctx, m.claims, job.ID); err != nil {
		return nil, err
	}
	if q.result, err = m.result(ctx, job.ID); err != nil {
		return nil, err
	}
	_, q.cancel, err = getKV[cancelRequest](ctx, m.cancels, job.ID)
	return &q, err
}

// isQueued tells whether the job's message is in the queue, without reading it.
func (m *Master) isQueued(ctx context.Context, job queue.Job) (bool, error) {
	info, err := m.jobs.Info(ctx, jetstream.WithSubjectFilter(m.n.jobSubject(job)))
	if err != nil {
		return false, fmt.Errorf("look for job %s: %w", job.ID, err)
	}
	return len(info.State.Subjects) > 0, nil
}

// now is the server's time, if need be: asking it costs a write.
func (m *Master) now(ctx context.Context, list []queued) (time.Time, error) {
	if !slices.ContainsFunc(list, func(q queued) bool { return q.claimed != nil || q.cancel != nil || q.result != nil }) {
		return time.Time{}, nil
	}
	return serverNow(ctx, m.nodes, clockKey+m.writer)
}

// Waiting implements queue.Master.
func (m *Master) Waiting(ctx context.Context) ([]queue.WaitingJob, error) {
	list, err := m.inQueue(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := m.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	now, err := m.now(ctx, list)
	if err != nil {
		return nil, err
	}
	position := map[queue.Capability]int{}
	out := []queue.WaitingJob{}
	for _, q := range list {
		silent := q.claimed != nil && !q.claim.Released
		if q.result != nil || silent && now.Sub(q.claimed.Created()) <= m.lease {
			continue
		}
		c := q.job.Capability()
		position[c]++
		w := queue.WaitingJob{
			JobID: q.job.ID, Cap: c, Priority: q.job.Priority, Submitted: q.since, Position: position[c],
		}
		w.Code, w.Reason = waitReason(c, nodes)
		if silent && w.Code != queue.WaitNoNode {
			w.Code = queue.WaitLease
			w.Reason = fmt.Sprintf("node %s stopped answering; another attempt follows", q.claim.Node)
		}
		out = append(out, w)
	}
	return out, nil
}

func waitReason(c queue.Capability, nodes []queue.NodeInfo) (queue.WaitCode, string) {
	var offering, active, free int
	for _, n := range nodes {
		if !n.Online || !slices.Contains(n.Offers, c) {
			continue
		}
		offering++
		if n.Draining {
			continue
		}
		active++
		if len(n.Running) < n.Slots {
			free++
		}
	}
	switch {
	case offering == 0:
		return queue.WaitNoNode, fmt.Sprintf("no node offers %s", c)
	case active == 0:
		return queue.WaitDraining, fmt.Sprintf("every node that offers %s is draining", c)
	case free == 0:
		return queue.WaitBusy, fmt.Sprintf("every node that offers %s is busy", c)
	}
	return queue.WaitStarting, "a node is about to take it"
}

// nodeRecord is the value of info.<node>.
type nodeRecord struct {
	queue.NodeInfo
	Instance string `json:"instance"`
}

// Nodes implements queue.Master.
func (m *Master) Nodes(ctx context.Context) ([]queue.NodeInfo, error) {
	keys, err := m.nodes.ListKeysFiltered(ctx, infoKey+"*", drainKey+"*")
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	draining := map[string]bool{}
	var ids []string
	for key := range keys.Keys() {
		if id, ok := strings.CutPrefix(key, drainKey); ok {
			draining[id] = true
		} else if id, ok := strings.CutPrefix(key, infoKey); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	out := []queue.NodeInfo{}
	if len(ids) == 0 {
		return out, nil
	}
	now, err := serverNow(ctx, m.nodes, clockKey+m.writer)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		r, e, err := getKV[nodeRecord](ctx, m.nodes, infoKey+id)
		if err != nil {
			return nil, err
		}
		if e == nil {
			continue
		}
		info := r.NodeInfo
		info.ID, info.LastSeen, info.Draining = id, e.Created(), draining[id]
		info.Online = now.Sub(e.Created()) <= m.lease
		out = append(out, info)
	}
	return out, nil
}

// Drain implements queue.Master.
func (m *Master) Drain(ctx context.Context, node string, drain bool) error {
	err := queue.ValidateNodeID(node)
	switch {
	case err != nil:
	case drain:
		_, err = m.nodes.Put(ctx, drainKey+node, []byte("true"))
	default:
		err = m.nodes.Delete(ctx, drainKey+node)
	}
	if err != nil {
		return fmt.Errorf("drain node %s: %w", node, err)
	}
	m.hint(ctlDrain, node)
	return nil
}
