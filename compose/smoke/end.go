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
	args     []string        // for the machine
	decided  func()          // to be called on the decision
	timedOut bool            // valid after wait
	cancel   context.CancelFunc
	done     chan struct{}
	screen   *screen
	shot     bool // a screenshot was tried
	shotErr  error
}

func (o *Options) watchEnd(ctx context.Context) (*ending, error) {
	e := &ending{done: make(chan struct{})}
	path := o.Screenshot
	if path != "" {
		var err error
		if path, err = filepath.Abs(path); err != nil {
			return nil, err //nolint:wrapcheck // Boot says what it was doing
		}
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return nil, &OptionError{"Screenshot", "its folder: " + err.Error()}
		}
		if e.screen, err = newScreen(); err != nil {
			return nil, err
		}
		e.args = e.screen.args()
	}
	e.ctx, e.cancel = context.WithCancel(ctx)
	decided := make(chan struct{})
	e.decided = sync.OnceFunc(func() { close(decided) })
	limit := time.NewTimer(o.Timeout)
	go func() {
		defer close(e.done)
		defer limit.Stop()
		select {
		case <-decided:
		case <-limit.C:
			e.timedOut = true
		case <-e.ctx.Done():
			return
		}
		if e.screen != nil {
			e.shot, e.shotErr = true, e.screen.save(e.ctx, path)
		}
		e.cancel()
	}()
	return e, nil
}

// wait is called once the machine has ended.
func (e *ending) wait() {
	e.cancel()
	<-e.done
	if e.screen != nil {
		e.screen.close()
	}
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
