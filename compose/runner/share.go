package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// memoryEvery is how often memory is looked at where no controller bounds it.
const memoryEvery = 200 * time.Millisecond

// share is what one compose has of the host.
type share struct {
	host    *Host
	dir     string // cgroup that those of the commands go below; "": marks
	sampled bool   // no controller bounds the memory
	end     func() error
	work    string        // directory whose growth is bounded; "": none
	base    int64         // bytes that were in it at the beginning
	every   time.Duration // between looks at the disk, at least
}

// Look implements compose.Runner.
func (s *share) Look(name, pkg string) (string, error) { return s.host.Look(name, pkg) }

// Close implements compose.Root.
func (s *share) Close() error { return s.end() }

// group is all processes of one command.
type group interface {
	started(pid int) // the tool's own process
	pids() []int
	terminate() // asks them to end
	kill()      // does not ask
	end() error // kills them and waits until they are gone
}

// Run implements compose.Runner. Its errors are those of proc.Runner.Run, after
// a *compose.LimitError when a limit ended the tool; a cgroup that cannot be made
// or emptied is one too.
func (s *share) Run(ctx context.Context, c proc.Cmd) error {
	timeout := &compose.LimitError{Resource: compose.ResourceTime, Time: s.host.Limits.Time}
	if timeout.Time > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, timeout.Time, timeout)
		defer cancel()
		ctx = limited
	}
	g, err := s.group(&c)
	if err != nil {
		return fmt.Errorf("run %s: %w", c.Name, err)
	}
	c.Started = g.started
	kills := oomKills(s.dir)
	stopWatch := s.watch(ctx, g)
	// proc asks the process group to end; this asks those that have left it.
	stop := context.AfterFunc(ctx, g.terminate)
	err = s.host.Proc.Run(ctx, c)
	stop()
	over := stopWatch()
	if err = errors.Join(err, g.end()); err == nil {
		return nil
	}
	switch {
	case over != nil:
	case oomKills(s.dir) > kills:
		over = &compose.LimitError{Resource: compose.ResourceMemory, Bytes: s.host.Limits.Memory}
	case errors.Is(context.Cause(ctx), timeout):
		over = timeout
	default:
		return err
	}
	return fmt.Errorf("%w: %w", over, err)
}

func (s *share) group(c *proc.Cmd) (group, error) {
	if s.dir == "" {
		return newMark(c, s.host.Node), nil
	}
	return newCommandCgroup(s.dir, c)
}

// watch looks at what no kernel bounds, and kills the command when it is beyond
// a limit. What it returns ends it and tells which limit that was, nil for none.
func (s *share) watch(ctx context.Context, g group) func() *compose.LimitError {
	var over *compose.LimitError // written before the watchers end, read after
	var once sync.Once
	exceed := func(l *compose.LimitError) {
		once.Do(func() { over = l })
		g.kill()
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var watchers sync.WaitGroup
	limits := &s.host.Limits
	if limits.Memory > 0 && s.sampled {
		watchers.Go(func() {
			repeat(ctx, memoryEvery, func() {
				if memory(g.pids()) > limits.Memory {
					exceed(&compose.LimitError{Resource: compose.ResourceMemory, Bytes: limits.Memory})
				}
			})
		})
	}
	if s.work != "" {
		watchers.Go(func() {
			repeat(ctx, s.every, func() {
				if usage(ctx, s.work)-s.base > limits.Disk && ctx.Err() == nil {
					exceed(&compose.LimitError{Resource: compose.ResourceDisk, Bytes: limits.Disk})
				}
			})
		})
	}
	return func() *compose.LimitError {
		cancel()
		watchers.Wait()
		return over
	}
}

// repeat calls look until ctx ends, and takes no more than a tenth of the time
// for it.
func repeat(ctx context.Context, every time.Duration, look func()) {
	for {
		begun := time.Now()
		look()
		timer := time.NewTimer(max(every, 9*time.Since(begun)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// emptyTime is how long killed processes have to go: one in uninterruptible
// sleep goes when its disk answers.
const emptyTime = 20 * time.Second
