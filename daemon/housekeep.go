package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/store"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/queue"
)

// tellPeople sends the notices that are due. It is a loop of its own, because a
// mail server may take minutes to say nothing.
func (d *Daemon) tellPeople(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if err := d.sendNotices(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("send notices", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// housekeep does what is due: it takes up what a kill left half done, submits
// what the queue has not taken, repeats cancellations, and lets old composes
// go. Every step can be run again.
func (d *Daemon) housekeep(ctx context.Context) error {
	if err := d.resume(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var outbox, sweep time.Time // when the slower duties are due
	for {
		now := time.Now()
		var errs []error
		if !now.Before(outbox) {
			outbox = now.Add(5 * time.Second)
			errs = append(errs, d.submitQueued(ctx), d.repeatCancels(ctx))
		}
		if !now.Before(sweep) {
			sweep = now.Add(time.Minute)
			errs = append(errs, d.expire(ctx), d.sweepExpired(ctx), d.sweepStaging(ctx), d.sweepUploads(ctx))
		}
		if err := errors.Join(errs...); err != nil && ctx.Err() == nil {
			d.log.Error("housekeeping", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// stagingAge is how long uploads are kept that nobody goes on with. It is long
// because a recorded result may wait there for a node to come back.
const stagingAge = 14 * 24 * time.Hour

// sweepStaging removes what attempts left that never came to an end.
func (d *Daemon) sweepStaging(ctx context.Context) error {
	n, err := d.hosting.Sweep(ctx, stagingAge)
	if err != nil {
		return fmt.Errorf("sweep staging: %w", err)
	}
	if n > 0 {
		d.log.Info("removed abandoned uploads", "sets", n)
	}
	return nil
}

// resume goes on with requests that were being resolved when the process ended.
func (d *Daemon) resume(ctx context.Context) error {
	list, err := d.store.List(ctx, store.Filter{States: []compose.State{compose.StateResolving}, Limit: 10_000, Ascending: true})
	if err != nil {
		return err
	}
	for _, c := range list {
		d.spawn(func(ctx context.Context) {
			_, _, err := d.resolveInto(ctx, c.ID, true)
			d.recordRefusal(ctx, c.ID, err)
		})
	}
	// Submitting is idempotent, so every unfinished compose is submitted again:
	// a queue that was lost or restored from an older copy gets back what it lacks.
	list, err = d.store.List(ctx, store.Filter{States: []compose.State{compose.StateQueued, compose.StateBuilding, compose.StatePublishing}, Limit: 10_000, Ascending: true})
	if err != nil {
		return err
	}
	for _, c := range list {
		d.enqueue(ctx, c)
	}
	return nil
}

// submitQueued is the outbox towards the queue.
func (d *Daemon) submitQueued(ctx context.Context) error {
	list, err := d.store.List(ctx, store.Filter{States: []compose.State{compose.StateQueued}, Unqueued: true, Limit: 1000, Ascending: true})
	if err != nil {
		return err
	}
	for _, c := range list {
		d.enqueue(ctx, c)
	}
	return nil
}

func (d *Daemon) repeatCancels(ctx context.Context) error {
	list, err := d.store.List(ctx, store.Filter{States: unfinished(), Canceling: true, Limit: 1000, Brief: true})
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.Submitted {
			d.cancelInQueue(ctx, c.ID)
		}
	}
	return nil
}

// expire lets go of composes whose time is over: the record says so first, then
// the files go, and what a kill left is found by the next sweep.
func (d *Daemon) expire(ctx context.Context) error {
	list, err := d.store.List(ctx, store.Filter{
		States:   []compose.State{compose.StateSucceeded, compose.StateFailed, compose.StateCanceled},
		Expiring: d.now(), Limit: 100, Brief: true,
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range list {
		_, err := d.Expire(ctx, c.ID)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// sweepExpired removes files that a kill in the middle of Expire left.
func (d *Daemon) sweepExpired(ctx context.Context) error {
	entries, err := os.ReadDir(filepath.Join(d.cfg.Data, "images"))
	if err != nil {
		return fmt.Errorf("read hosted directory: %w", err)
	}
	ids, err := d.store.IDs(ctx, store.Filter{States: []compose.State{compose.StateExpired}})
	if err != nil {
		return err
	}
	expired := make(map[string]bool, len(ids))
	for _, id := range ids {
		expired[id] = true
	}
	var errs []error
	for _, e := range entries {
		if id := e.Name(); expired[id] {
			errs = append(errs, d.hosting.Remove(ctx, id, 0), removeFile(d.logs.path(id)))
		}
	}
	return errors.Join(errs...)
}

// sweepUploads removes uploads that nobody used for as long as results stay,
// and what broken ones left.
func (d *Daemon) sweepUploads(ctx context.Context) error {
	then := d.now().Add(-d.cfg.TTL)
	stale, err := d.store.StaleUploads(ctx, then)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range stale {
		// The record goes first: a record without a file would promise too much.
		gone, err := d.store.DeleteUpload(ctx, id, then)
		if errs = append(errs, err); gone {
			errs = append(errs, removeFile(d.uploadPath(id)))
		}
	}
	dir := filepath.Join(d.cfg.Data, "uploads")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), atomicfile.TempPrefix) && d.now().Sub(info.ModTime()) > 24*time.Hour {
			errs = append(errs, removeFile(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// ErrNotDone says that a compose is still under way.
var ErrNotDone = errors.New("compose is not finished")

// Expire removes the files of a compose that has ended; the record stays.
func (d *Daemon) Expire(ctx context.Context, id string) (*store.Compose, error) {
	c, err := d.store.Update(ctx, id, func(c *store.Compose) error {
		if !c.State.Done() {
			return ErrNotDone
		}
		c.State = compose.StateExpired
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.changed(id)
	if err := errors.Join(d.hosting.Remove(ctx, id, 0), removeFile(d.logs.path(id))); err != nil {
		return c, fmt.Errorf("remove the files of compose %s: %w", id, err)
	}
	d.log.Info("expired", "compose_id", id)
	return c, nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove file: %w", err)
	}
	return nil
}

// Renew gives a compose that has ended a longer life, from now.
func (d *Daemon) Renew(ctx context.Context, id string, ttl time.Duration) (*store.Compose, error) {
	c, err := d.store.Update(ctx, id, func(c *store.Compose) error {
		if !c.State.Done() || c.State == compose.StateExpired {
			return ErrNotDone
		}
		c.Expires = d.now().Add(ttl).UTC().Truncate(time.Millisecond)
		return nil
	})
	d.changed(id)
	return c, err
}

// waiting returns why and where unfinished composes wait, by id.
func (d *Daemon) waiting(ctx context.Context) (map[string]queue.WaitingJob, error) {
	list, err := d.master.Waiting(ctx)
	if err != nil {
		return nil, fmt.Errorf("list waiting composes: %w", err)
	}
	byID := make(map[string]queue.WaitingJob, len(list))
	for _, w := range list {
		byID[w.JobID] = w
	}
	return byID, nil
}

// watchers tell followers of a compose that its record or log changed.
type watchers struct {
	mu   sync.Mutex
	byID map[string]chan struct{}
}

// wait returns a channel that is closed at the next change of id.
func (w *watchers) wait(id string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byID == nil {
		w.byID = map[string]chan struct{}{}
	}
	c, ok := w.byID[id]
	if !ok {
		c = make(chan struct{})
		w.byID[id] = c
	}
	return c
}

// changed tells the followers of id.
func (d *Daemon) changed(id string) {
	w := &d.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.byID[id]; ok {
		close(c)
		delete(w.byID, id)
	}
}

// uploadPath is where the content of an upload lies.
func (d *Daemon) uploadPath(id string) string { return filepath.Join(d.cfg.Data, "uploads", id) }
