package natsqueue

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/fedora-respin/respin/queue"
)

// keepAlive starts the heartbeat; l.stopBeat ends it.
func (l *lease) keepAlive() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(l.r.leases))
	var wg sync.WaitGroup
	wg.Go(func() { l.heartbeat(ctx) })
	l.stopBeat = func() { cancel(); wg.Wait() }
}

// heartbeat runs until the lease is over, also while the server is away.
func (l *lease) heartbeat(ctx context.Context) {
	timer := time.NewTimer(l.r.lease / 3)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.r.c.closed:
			l.lose()
			return
		case <-l.kick:
		case <-timer.C:
		}
		next := l.r.lease / 3
		if err := l.beatOnce(ctx); err != nil {
			l.r.log.Debug("heartbeat", "job", l.job.ID, "error", err)
			next = l.r.lease / 10
		}
		l.mu.Lock()
		lost := l.lost
		l.mu.Unlock()
		if lost {
			return
		}
		timer.Reset(next)
	}
}

func (l *lease) lose() {
	l.mu.Lock()
	l.lost = true
	l.mu.Unlock()
	l.cancel(queue.ErrLeaseLost)
	l.end(queue.ErrLeaseLost)
}

// beatOnce keeps the server from delivering the job again, renews the claim,
// and looks for what was missed.
func (l *lease) beatOnce(ctx context.Context) error {
	ctx, cancel := l.r.c.call(ctx, max(l.r.lease/3, 2*time.Second))
	defer cancel()
	if err := l.d.inProgress(); err != nil {
		return err
	}
	if err := l.renew(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	settled := l.lost || l.result != nil || l.beaten || !l.handled
	l.mu.Unlock()
	if settled || context.Cause(l.ctx) != nil {
		return nil
	}
	if _, asked, err := getKV[cancelRequest](ctx, l.r.cancels, l.job.ID); err != nil {
		return err
	} else if asked != nil {
		l.cancel(queue.ErrCanceled)
		return nil
	}
	res, err := l.r.result(ctx, l.job.ID)
	if err == nil && res != nil && res.Writer != l.r.instance {
		// Someone else's result stands, so this attempt is for nothing.
		l.cancel(queue.ErrLeaseLost)
	}
	return err
}

// renew writes the claim, whose time stamp is the heartbeat that others see.
func (l *lease) renew(ctx context.Context) error {
	data, err := json.Marshal(l.h.claim)
	if err != nil {
		return err
	}
	l.mu.Lock()
	rev := l.rev
	l.mu.Unlock()
	next, err := l.r.claims.Update(ctx, l.job.ID, data, rev)
	if isWrongRevision(err) {
		have, e, getErr := getKV[claim](ctx, l.r.claims, l.job.ID)
		if getErr != nil {
			return getErr
		}
		if e == nil || have != l.h.claim {
			l.lose()
			return nil
		}
		next, err = e.Revision(), nil // our own write, whose answer was lost
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.rev = next
	l.mu.Unlock()
	return nil
}
