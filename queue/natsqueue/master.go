package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/fedora-respin/respin/queue"
)

// Master implements queue.Master.
type Master struct {
	c    *conn
	n    names
	o    Options
	jobs jetstream.Stream
	kv   jetstream.KeyValue // index
	stores
	writer     string
	checkpoint func(context.Context) error // nil with an external server

	stop context.CancelFunc
	wg   sync.WaitGroup

	mu        sync.Mutex
	consumers map[string]bool // that are known to exist
	closed    bool
}

var _ queue.Master = (*Master)(nil)

// External is a NATS server with JetStream that others run. It must sync every
// write (sync_interval: always) for acknowledged jobs to survive a power cut.
type External struct {
	URL string // one, or several separated by commas
	// CredsFile is a NATS .creds file; or Seed an nkey seed. The user must be
	// allowed everything in its account.
	CredsFile string
	Seed      []byte
	// CA holds PEM certificates that sign the server's.
	CA string
}

// Connect opens the master's side on an external NATS.
func Connect(ctx context.Context, e External, o Options) (*Master, error) {
	n, err := newNames(o.Namespace)
	if err != nil {
		return nil, err
	}
	opts, err := authOptions(e.CredsFile, e.Seed, e.CA)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", e.URL, err)
	}
	c, err := dial(ctx, e.URL, o.Logger, append(opts, nats.Name("master"))...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", e.URL, err)
	}
	m, err := openMaster(ctx, c, n, o, nil)
	if err != nil {
		c.close()
		return nil, err
	}
	return m, nil
}

func openMaster(
	ctx context.Context, c *conn, n names, o Options, note func(context.Context) error,
) (*Master, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := setup(ctx, c.js, n, o); err != nil {
		return nil, err
	}
	if err := tuneConsumers(ctx, c.js, n, o.LeaseTime); err != nil {
		return nil, err
	}
	m := &Master{c: c, n: n, o: o, writer: "master-" + nuid.Next(), checkpoint: note, consumers: map[string]bool{}}
	if m.kv, err = c.js.KeyValue(ctx, n.index()); err != nil {
		return nil, fmt.Errorf("open %s: %w", n.index(), err)
	}
	nodes, err := c.js.KeyValue(ctx, n.nodes())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", n.nodes(), err)
	}
	data, err := json.Marshal(shared{LeaseMS: o.LeaseTime.Milliseconds()})
	if err != nil {
		return nil, err
	}
	if _, err := nodes.Put(ctx, configKey, data); err != nil {
		return nil, fmt.Errorf("write the queue's configuration: %w", err)
	}
	if m.stores, err = openStores(ctx, c.js, n); err != nil {
		return nil, err
	}
	if m.jobs, err = c.js.Stream(ctx, n.jobs()); err != nil {
		return nil, fmt.Errorf("open %s: %w", n.jobs(), err)
	}
	if note != nil {
		if err := note(ctx); err != nil {
			return nil, err
		}
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.stop = stop
	m.wg.Go(func() { m.keepHouse(run) })
	return m, nil
}

// Close implements queue.Master.
func (m *Master) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	m.stop()
	m.wg.Wait()
	if m.c.nc.IsConnected() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = m.nodes.Purge(ctx, clockKey+m.writer)
		if m.checkpoint != nil {
			_ = m.checkpoint(ctx) // the last one does as well
		}
	}
	m.c.close()
	return nil
}

// Submit implements queue.Master.
func (m *Master) Submit(ctx context.Context, job queue.Job) error {
	if err := job.Validate(); err != nil {
		return fmt.Errorf("submit job: %w", err)
	}
	if err := m.submit(ctx, job); err != nil {
		return fmt.Errorf("submit job %s: %w", job.ID, err)
	}
	return nil
}

func (m *Master) submit(ctx context.Context, job queue.Job) error {
	data, err := json.Marshal(job)
	if err != nil {
		return err
	}
	if err := m.note(ctx, job, digest(data)); err != nil {
		return err
	}
	if r, err := m.result(ctx, job.ID); err != nil || r != nil {
		return err
	}
	if err := m.ensureConsumer(ctx, job.Capability(), job.Priority); err != nil {
		return err
	}
	// The server refuses the message while another one with this subject, and so
	// with this ID, is in the queue.
	_, err = m.c.js.PublishMsg(ctx, &nats.Msg{Subject: m.n.jobSubject(job), Data: data},
		jetstream.WithExpectLastSequencePerSubject(0))
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return nil
	}
	if err != nil {
		return err
	}
	m.hint(ctlWake, "")
	return nil
}

// note keeps the job in the index, or checks that it is the one there.
func (m *Master) note(ctx context.Context, job queue.Job, sum string) error {
	entry, err := json.Marshal(indexEntry{
		Kind: job.Kind, Arch: job.Arch, Priority: job.Priority, MaxAttempts: job.MaxAttempts,
		Digest: sum, Submitted: time.Now().UTC(),
	})
	if err != nil {
		return err
	}
	_, err = m.kv.Create(ctx, job.ID, entry)
	if !errors.Is(err, jetstream.ErrKeyExists) {
		return err
	}
	have, _, err := getKV[indexEntry](ctx, m.kv, job.ID)
	if err == nil && have.Digest != sum {
		return queue.ErrConflict
	}
	return err
}

func (m *Master) ensureConsumer(ctx context.Context, c queue.Capability, priority int) error {
	name := consumer(c, priority)
	m.mu.Lock()
	known := m.consumers[name]
	m.mu.Unlock()
	if known {
		return nil
	}
	_, err := m.jobs.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: name, FilterSubject: m.n.capSubject(c, priority) + ".*",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: m.lease, MaxDeliver: -1, MaxAckPending: -1,
	})
	if err != nil {
		return fmt.Errorf("create consumer %s: %w", name, err)
	}
	m.mu.Lock()
	m.consumers[name] = true
	m.mu.Unlock()
	return nil
}

// hint tells nodes something that they would also find out by themselves.
func (m *Master) hint(what, value string) {
	if err := m.c.nc.Publish(m.n.ctl(what), []byte(value)); err != nil {
		m.o.Logger.Debug("hint not sent", "what", what, "error", err)
	}
}

// Result implements queue.Master.
func (m *Master) Result(ctx context.Context, id string) (queue.Result, error) {
	entry, err := m.entry(ctx, id)
	if err != nil {
		return queue.Result{}, fmt.Errorf("read result of job %s: %w", id, err)
	}
	r, err := m.result(ctx, id)
	switch {
	case err != nil:
		return queue.Result{}, err
	case r != nil:
		return r.Result, nil
	case entry == nil:
		return queue.Result{}, fmt.Errorf("read result of job %s: %w", id, queue.ErrNotFound)
	}
	return queue.Result{}, fmt.Errorf("read result of job %s: %w", id, queue.ErrNotFinished)
}

// entry returns nil when the job is not in the index.
func (m *Master) entry(ctx context.Context, id string) (*indexEntry, error) {
	if err := queue.ValidateJobID(id); err != nil {
		return nil, nil //nolint:nilerr // what cannot be an ID was never submitted
	}
	v, e, err := getKV[indexEntry](ctx, m.kv, id)
	if err != nil || e == nil {
		return nil, err
	}
	return &v, nil
}

// Status implements queue.Master.
func (m *Master) Status(ctx context.Context, id string) (queue.Status, error) {
	st, err := m.status(ctx, id)
	if err != nil {
		return st, fmt.Errorf("read status of job %s: %w", id, err)
	}
	return st, nil
}

func (m *Master) status(ctx context.Context, id string) (queue.Status, error) {
	entry, err := m.entry(ctx, id)
	if err != nil {
		return queue.Status{}, err
	}
	if entry == nil {
		return queue.Status{}, queue.ErrNotFound
	}
	job := entry.job(id)
	st := queue.Status{
		JobID: id, Cap: job.Capability(), Priority: job.Priority, Submitted: entry.Submitted, State: queue.Waiting,
	}
	// The queue is read before the result, so that a job that finishes in between
	// shows as finishing and never as gone without a result.
	queued, err := m.isQueued(ctx, job)
	if err != nil {
		return st, err
	}
	c, e, err := getKV[claim](ctx, m.claims, id)
	if err != nil {
		return st, err
	}
	if e != nil {
		st.Attempt, st.Node = c.Attempt, c.Node
		if !c.Released {
			st.State = queue.Running
		}
	}
	r, err := m.result(ctx, id)
	if err != nil {
		return st, err
	}
	if r != nil {
		st.Result, st.Attempt, st.Node, st.State = &r.Result, r.Attempt, r.Node, queue.Finished
		if queued {
			st.State = queue.Finishing
		}
		return st, nil
	}
	_, asked, err := getKV[cancelRequest](ctx, m.cancels, id)
	st.Canceling = asked != nil
	return st, err
}
