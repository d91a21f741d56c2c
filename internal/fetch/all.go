package fetch

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/fedora-respin/respin/internal/limitio"
)

// Progress is how far an All is. Sizes are bytes; a total is -1 as long as it
// is not known.
type Progress struct {
	Index       int    // of the file in the list given to All
	Name        string // its first URL, without credentials
	Done, Total int64  // of this file
	Finished    bool   // this file is complete and verified

	AllDone, AllTotal    int64
	FilesDone, FilesWant int
}

// All gets many files at a time and returns their paths in the order of wants.
// Progress, if not nil, is told of every step, one call at a time; it must be
// quick. One file's failure does not end the others, so that every problem is
// named at once: the error joins them all. A full disk, the total limit and
// the context do end it.
func (f *Fetcher) All(ctx context.Context, wants []Want, progress func(Progress)) ([]string, error) {
	return f.all(ctx, wants, progress, nil)
}

func (f *Fetcher) all(ctx context.Context, wants []Want, progress func(Progress), s *Session) ([]string, error) {
	if err := f.claim(ctx, wants, s); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := newTally(wants, progress, func(sum int64) {
		if sum > f.opt.MaxTotal {
			cancel(&RefusedError{URL: "the whole list", Reason: (&limitio.TooLargeError{What: "it", Limit: f.opt.MaxTotal}).Error()})
		}
	})
	paths, errs := make([]string, len(wants)), make([]error, len(wants))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(f.opt.Parallel, len(wants)) {
		wg.Go(func() {
			for i := range next {
				paths[i], errs[i] = f.get(ctx, wants[i], func(done, total int64) { t.update(i, done, total) }, s)
				if errs[i] == nil {
					t.finish(i)
				} else if full, ok := errors.AsType[*DiskFullError](errs[i]); ok {
					cancel(full)
				}
			}
		})
	}
	for i := range wants {
		next <- i
	}
	close(next)
	wg.Wait()
	// What ended everything is said once, not once for each file.
	if cause := context.Cause(ctx); cause != nil {
		return nil, fmt.Errorf("get %d files: %w", len(wants), cause)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return paths, nil
}

// tally sums up the progress of many files.
type tally struct {
	mu      sync.Mutex
	files   []Progress
	sum     Progress
	unknown int // files without a known total
	report  func(Progress)
	limit   func(sum int64)
}

func newTally(wants []Want, report func(Progress), limit func(int64)) *tally {
	t := &tally{files: make([]Progress, len(wants)), report: report, limit: limit}
	t.sum.FilesWant = len(wants)
	for i, w := range wants {
		t.files[i] = Progress{Index: i, Name: w.name(), Total: -1}
		if w.Size > 0 {
			t.files[i].Total = w.Size
			t.sum.AllTotal += w.Size
		} else {
			t.unknown++
		}
	}
	limit(t.sum.AllTotal)
	return t
}

func (t *tally) update(i int, done, total int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := &t.files[i]
	t.sum.AllDone += done - p.Done
	p.Done = done
	if p.Total < 0 && total >= 0 {
		p.Total = total
		t.sum.AllTotal += total
		t.unknown--
	}
	t.limit(max(t.sum.AllDone, t.sum.AllTotal))
	t.tell(*p)
}

func (t *tally) finish(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := &t.files[i]
	if p.Total < 0 {
		p.Total = p.Done
		t.sum.AllTotal += p.Done
		t.unknown--
	}
	t.sum.AllDone += p.Total - p.Done
	p.Done, p.Finished = p.Total, true
	t.sum.FilesDone++
	t.tell(*p)
}

func (t *tally) tell(p Progress) {
	if t.report == nil {
		return
	}
	p.AllDone, p.AllTotal = t.sum.AllDone, t.sum.AllTotal
	p.FilesDone, p.FilesWant = t.sum.FilesDone, t.sum.FilesWant
	if t.unknown > 0 {
		p.AllTotal = -1
	}
	t.report(p)
}
