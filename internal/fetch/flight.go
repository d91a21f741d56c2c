package fetch

import (
	"context"
	"fmt"
	"sync"
)

// listener is told how much of a file is there; total is -1 when unknown.
type listener func(done, total int64)

// flight is one download that any number of callers wait for. It ends early
// only when the last of them has gone.
type flight struct {
	id      string
	cancel  context.CancelFunc
	waiters int // guarded by Fetcher.mu
	done    chan struct{}
	path    string // set before done is closed
	err     error

	mu        sync.Mutex
	listeners map[int]listener
	next      int
	have, all int64
}

func (fl *flight) listen(l listener) (stop func()) {
	if l == nil {
		return func() {}
	}
	fl.mu.Lock()
	defer fl.mu.Unlock()
	n := fl.next
	fl.next++
	fl.listeners[n] = l
	return func() {
		fl.mu.Lock()
		defer fl.mu.Unlock()
		delete(fl.listeners, n)
	}
}

func (fl *flight) report(have, all int64) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.have, fl.all = have, all
	for _, l := range fl.listeners {
		l(have, all)
	}
}

// join waits for the flight that serves w, starting it when there is none.
func (f *Fetcher) join(ctx context.Context, w Want, listen listener) (path string, leader bool, err error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return "", false, fmt.Errorf("get %s: %w", w.name(), ErrClosed)
	}
	fl, ok := f.flights[w.id()]
	if !ok {
		leader = true
		fl = f.start(w)
	}
	fl.waiters++
	f.mu.Unlock()
	defer fl.listen(listen)()
	select {
	case <-fl.done:
		f.leave(fl)
		return fl.path, leader, fl.err
	case <-ctx.Done():
		f.leave(fl)
		return "", leader, fmt.Errorf("get %s: %w", w.name(), context.Cause(ctx))
	}
}

// start begins a flight; f.mu is held.
func (f *Fetcher) start(w Want) *flight {
	ctx, cancel := context.WithCancel(f.ctx)
	fl := &flight{id: w.id(), cancel: cancel, done: make(chan struct{}), listeners: map[int]listener{}}
	f.flights[fl.id] = fl
	f.wg.Go(func() {
		defer cancel()
		fl.path, fl.err = f.serve(ctx, w, fl)
		f.mu.Lock()
		f.forget(fl)
		f.mu.Unlock()
		close(fl.done)
	})
	return fl
}

func (f *Fetcher) leave(fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.waiters--
	if fl.waiters == 0 {
		// Forgotten at once: a caller who comes now must not join a flight
		// that is being called off.
		f.forget(fl)
		fl.cancel()
	}
}

func (f *Fetcher) forget(fl *flight) {
	if f.flights[fl.id] == fl {
		delete(f.flights, fl.id)
	}
}
