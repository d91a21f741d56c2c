package repo

import (
	"context"
	"sync"
)

// How far the readers may be ahead of the writers. While one lane reads a giant
// the others go on with what comes after it; what they make waits in memory.
const (
	window      = 1024     // packages
	maxBuffered = 16 << 20 // bytes of XML
)

// job is a task on its way through the pipeline: a lane fills it, then closes
// done. A reused one has no lane and no done.
type job struct {
	*task
	done   chan struct{}
	frag   *fragment
	info   Indexed
	key    fileKey
	stable bool // the key was the same before and after
	err    error
}

// feed hands the tasks out, to the lanes and in the same order to the
// sequencer, and bounds how many packages are in memory. Lanes take tasks
// themselves: a goroutine that hands them out would find no processor free
// while all of them hash.
type feed struct {
	order chan *job // has room for the whole window, so sending never waits

	mu       sync.Mutex
	room     *sync.Cond
	tasks    []task // not handed out yet
	ahead    int    // handed out and not sequenced
	buffered int64  // bytes of finished fragments that are not written
	ended    bool
}

func newFeed(tasks []task) *feed {
	f := &feed{order: make(chan *job, window), tasks: tasks}
	f.room = sync.NewCond(&f.mu)
	return f
}

// stopWith ends the waiting in next when ctx ends. The returned function is to
// be called in the end.
func (f *feed) stopWith(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended = true
		f.room.Broadcast()
	})
}

// next returns a job for a lane, or nil: because the writers have to catch up
// first (wait waits for that), or, with more false, because there are none left.
func (f *feed) next(wait bool) (j *job, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.ended {
		switch {
		case len(f.tasks) == 0:
			f.ended = true
			close(f.order)
			f.room.Broadcast()
		case f.ahead < window && f.buffered < maxBuffered:
			t := &f.tasks[0]
			f.tasks = f.tasks[1:]
			f.ahead++
			j := &job{task: t}
			if !t.reused {
				j.done = make(chan struct{})
			}
			f.order <- j
			if !t.reused {
				return j, true
			}
		case wait:
			// What is ahead is at work or done: room will come.
			f.room.Wait()
		default:
			return nil, true
		}
	}
	return nil, false
}

// sequenced says that the sequencer has taken a job.
func (f *feed) sequenced() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead--
	f.room.Signal()
}

// hold counts the bytes of a finished fragment, release takes them off again.
func (f *feed) hold(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buffered += int64(n)
}

func (f *feed) release(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buffered -= int64(n)
	f.room.Signal()
}
