package smoke

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ending waits for the decision or the time limit, takes the screenshot while the
// machine still runs, and then ends it.
type ending struct {
	ctx      context.Context //nolint:containedctx // of the machine, which it ends
	decided  func()          // to be called on the decision
	timedOut bool            // valid after wait
	cancel   context.CancelFunc
	all      sync.WaitGroup
	monitor  *monitor
	shot     bool // a screenshot was tried
	shotErr  error
}

// watchEnd begins to wait; dir is the work folder. loaded is called when the
// options want to know that the machine runs a kernel, and it does.
func (o *Options) watchEnd(ctx context.Context, dir string, loaded func()) (*ending, error) {
	e := &ending{monitor: &monitor{dir}}
	path := o.Screenshot
	if path != "" {
		var err error
		if path, err = filepath.Abs(path); err != nil {
			return nil, err //nolint:wrapcheck // Boot says what it was doing
		}
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return nil, &OptionError{"Screenshot", "its folder: " + err.Error()}
		}
	}
	e.ctx, e.cancel = context.WithCancel(ctx)
	decided := make(chan struct{})
	e.decided = sync.OnceFunc(func() { close(decided) })
	if o.Kernel {
		e.all.Go(func() {
			if e.monitor.awaitKernel(e.ctx) == nil {
				loaded()
				e.decided()
			}
		})
	}
	limit := time.NewTimer(o.Timeout)
	e.all.Go(func() {
		defer limit.Stop()
		select {
		case <-decided:
		case <-limit.C:
			e.timedOut = true
		case <-e.ctx.Done():
			return
		}
		if path != "" {
			e.shot, e.shotErr = true, e.monitor.saveScreen(e.ctx, path)
		}
		e.cancel()
	})
	return e, nil
}

// wait is called once the machine has ended.
func (e *ending) wait() {
	e.cancel()
	e.all.Wait()
}

// screenshot says what came of it.
func (e *ending) screenshot(path string) (taken, reason string) {
	switch {
	case path == "":
		return "", ""
	case !e.shot:
		return "", "the machine had ended before"
	case e.shotErr != nil:
		return "", e.shotErr.Error()
	}
	return path, ""
}
