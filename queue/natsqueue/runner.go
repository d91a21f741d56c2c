package natsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/fedora-respin/respin/queue"
)

const (
	defaultGrace = 30 * time.Second
	// longestPoll bounds the time between two looks at the queue; hints from the
	// master make the usual wait far shorter.
	longestPoll = 5 * time.Second
)

// runner is one Run of a node.
type runner struct {
	w *Node
	c *conn
	stores
	cfg      queue.NodeConfig
	h        queue.Handler
	log      hclog.Logger
	instance string
	puller   *puller

	wake chan struct{} // look at the queue now
	beat chan struct{} // register now

	// leases lives until Run ends; stopping begins with the end of Run's context.
	leases   context.Context
	abandon  context.CancelCauseFunc
	handlers sync.WaitGroup

	mu       sync.Mutex
	running  map[string]*lease // by job ID; nil value: being taken or finalized
	draining bool
	stopping error  // why running jobs are ended; nil while they are not
	rev      uint64 // of our registration; used by one goroutine at a time
}

func newRunner(ctx context.Context, w *Node, cfg queue.NodeConfig, h queue.Handler) (*runner, error) {
	var st stores
	err := w.c.patiently(ctx, func(ctx context.Context) (err error) {
		st, err = openStores(ctx, w.c.js, w.n)
		return err
	})
	if err != nil {
		return nil, err
	}
	r := &runner{
		w: w, c: w.c, stores: st, cfg: cfg, h: h, log: w.log, instance: nuid.Next(),
		wake: make(chan struct{}, 1), beat: make(chan struct{}, 1), running: map[string]*lease{},
	}
	r.leases, r.abandon = context.WithCancelCause(context.WithoutCancel(ctx))
	r.puller = &puller{c: w.c, n: w.n}
	return r, nil
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (r *runner) run(ctx context.Context) error {
	defer r.abandon(queue.ErrLeaseLost)
	defer r.puller.close()
	ctl, err := r.c.nc.Subscribe(r.n.ctl("*"), r.onHint)
	if err != nil {
		return err
	}
	defer ctl.Unsubscribe() //nolint:errcheck // fails only when the connection is gone
	if err := r.c.patiently(ctx, r.register); err != nil {
		return err
	}
	side, stopSide := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { r.keepRegistered(side, stopSide) })
	r.takeJobs(side)
	stopSide(nil)
	wg.Wait()
	err = context.Cause(side)
	if ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, r.shutdown())
}

// takeJobs fills free slots until ctx is done.
func (r *runner) takeJobs(ctx context.Context) {
	slots := make(chan struct{}, r.cfg.Slots)
	poll := time.NewTimer(0)
	defer poll.Stop()
	for first := 0; ; first++ {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		for !r.takeOne(ctx, first, func() { <-slots }) {
			poll.Reset(min(r.lease/4, longestPoll))
			select {
			case <-ctx.Done():
				return
			case <-r.wake:
			case <-poll.C:
			}
		}
	}
}

// takeOne looks once through what the node offers, high priority first. It
// reports whether a job now occupies the slot; free is then called at its end.
func (r *runner) takeOne(ctx context.Context, first int, free func()) bool {
	r.mu.Lock()
	draining := r.draining
	r.mu.Unlock()
	if draining {
		return false
	}
	for _, p := range []int{queue.High, queue.Normal} {
		for i := range r.cfg.Offers {
			if ctx.Err() != nil || !r.c.nc.IsConnected() {
				return false
			}
			c := r.cfg.Offers[(first+i)%len(r.cfg.Offers)]
			msg, err := r.puller.pull(consumer(c, p))
			if err != nil {
				r.log.Debug("pull", "capability", c.String(), "error", err)
			}
			if msg == nil {
				continue
			}
			d := &delivery{c: r.c, reply: msg.Reply}
			if ctx.Err() != nil {
				d.nak(0)
				return false
			}
			if r.accept(ctx, msg, d, free) {
				return true
			}
		}
	}
	return false
}

// onHint handles what the master says besides the stored state.
func (r *runner) onHint(msg *nats.Msg) {
	switch msg.Subject {
	case r.n.ctl(ctlWake):
		nudge(r.wake)
	case r.n.ctl(ctlDrain):
		if string(msg.Data) == r.cfg.ID {
			nudge(r.beat)
		}
	case r.n.ctl(ctlCancel):
		r.mu.Lock()
		l := r.running[string(msg.Data)]
		r.mu.Unlock()
		if l != nil {
			l.cancel(queue.ErrCanceled)
		}
	}
}

// keepRegistered renews the node's record, and ends ctx by stop when the node
// cannot go on.
func (r *runner) keepRegistered(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(r.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.c.closed:
			stop(r.c.err())
			return
		case <-r.c.reconnected:
			r.mu.Lock()
			for _, l := range r.running {
				if l != nil {
					nudge(l.kick)
				}
			}
			r.mu.Unlock()
			nudge(r.wake)
		case <-r.beat:
		case <-tick.C:
		}
		err := r.register(ctx)
		if errors.Is(err, queue.ErrNodeReplaced) {
			stop(err)
			return
		}
		if err != nil && ctx.Err() == nil {
			r.log.Debug("register", "error", err)
		}
	}
}

func (r *runner) record() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	data, err := json.Marshal(nodeRecord{Instance: r.instance, NodeInfo: queue.NodeInfo{
		ID: r.cfg.ID, Host: r.cfg.Host, Version: r.cfg.Version, Offers: r.cfg.Offers, Labels: r.cfg.Labels,
		Slots: r.cfg.Slots, Running: slices.Sorted(maps.Keys(r.running)),
	}})
	if err != nil {
		return nil // plain strings and numbers always encode
	}
	return data
}

// register writes the node's record. The first time it takes the record over;
// later a foreign one means that another process took it.
func (r *runner) register(ctx context.Context) error {
	if err := r.writeRecord(ctx); err != nil {
		return err
	}
	_, err := r.nodes.Get(ctx, drainKey+r.cfg.ID)
	draining := err == nil
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("read drain order: %w", err)
	}
	r.mu.Lock()
	changed := r.draining != draining
	r.draining = draining
	r.mu.Unlock()
	if changed && !draining {
		nudge(r.wake)
	}
	return nil
}

func (r *runner) writeRecord(ctx context.Context) error {
	ctx, cancel := r.c.call(ctx, callTimeout)
	defer cancel()
	key := infoKey + r.cfg.ID
	var err error
	rev := r.rev
	if rev == 0 {
		rev, err = r.nodes.Put(ctx, key, r.record())
	} else {
		rev, err = r.nodes.Update(ctx, key, r.record(), rev)
	}
	if err == nil {
		r.rev = rev
		return nil
	}
	if !errors.Is(err, jetstream.ErrKeyExists) && !isWrongRevision(err) {
		return fmt.Errorf("register: %w", err)
	}
	have, e, getErr := getKV[nodeRecord](ctx, r.nodes, key)
	switch {
	case getErr != nil:
		return getErr
	case e == nil:
		r.rev = 0 // forgotten by the master; register anew
	case have.Instance == r.instance:
		r.rev = e.Revision() // our own write, whose answer was lost
	default:
		return queue.ErrNodeReplaced
	}
	return nil
}

func isWrongRevision(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) ||
		errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// shutdown hands running jobs back and waits for their handlers.
func (r *runner) shutdown() error {
	cause := queue.ErrShutdown
	select {
	case <-r.c.closed:
		cause = queue.ErrLeaseLost // nothing can be handed back
	default:
	}
	r.mu.Lock()
	r.stopping = cause
	for _, l := range r.running {
		if l != nil {
			l.cancel(cause)
		}
	}
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { r.handlers.Wait(); close(done) }()
	if errors.Is(cause, queue.ErrLeaseLost) {
		r.abandon(cause) // nor recorded, nor told
	}
	grace := time.NewTimer(r.cfg.ShutdownGrace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		r.abandon(queue.ErrShutdown) // ends Finalize and waiting for the engine
		short := time.NewTimer(time.Second)
		defer short.Stop()
		select {
		case <-done:
		case <-short.C:
			return queue.ErrHandlerStuck
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if r.c.nc.IsConnected() {
		if err := r.nodes.Delete(ctx, infoKey+r.cfg.ID, jetstream.LastRevision(r.rev)); err != nil {
			r.log.Debug("unregister", "error", err)
		}
	}
	return nil
}
