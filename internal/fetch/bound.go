package fetch

import (
	"context"
	"time"
)

// usageAge is how long the measured size of the cache is believed: other
// processes add to it.
const usageAge = time.Minute

// usage is the size of the cache as this process knows it, in bytes.
type usage struct {
	total   int64     // finished files
	pending int64     // promised to downloads under way
	at      time.Time // when total was measured
	short   bool      // pruning could not keep the bound then
}

// bound makes room within Options.MaxCache for a download of size bytes. That
// it cannot is no error: the bound gives way to what is in use.
func (f *Fetcher) bound(ctx context.Context, p *part, size int64) error {
	if f.opt.MaxCache <= 0 || f.reserve(p, size, false) {
		return nil
	}
	lock, err := f.pruneLock(ctx)
	if err != nil {
		return err
	}
	defer lock.release()
	if f.reserve(p, size, false) {
		return nil // another download has made room
	}
	_, _, err = f.prune(ctx, false, func(total int64) (int64, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		over := total + f.usage.pending - p.reserved + size - f.opt.MaxCache
		if over > 0 {
			// Some more at once, or every following download prunes again.
			over += f.opt.MaxCache / 16
		}
		return over, nil
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		f.log.Warn("the cache cannot be kept within its bound", "dir", f.dir, "error", err)
	}
	f.reserve(p, size, true)
	return nil
}

// reserve promises size bytes of the bound to the part, instead of what it was
// promised before, if they are known to be there or if it is forced.
func (f *Fetcher) reserve(p *part, size int64, force bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := &f.usage
	fits := u.total+u.pending-p.reserved+size <= f.opt.MaxCache
	switch {
	case force: // pruning has done what it could, and is not asked again at once
		u.at, u.short = time.Now(), !fits
	case time.Since(u.at) > usageAge || !fits && !u.short:
		return false
	}
	u.pending += size - p.reserved
	p.reserved = size
	return true
}

// settle takes the part's promise back; stored is what has become a file.
func (f *Fetcher) settle(p *part, stored int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.usage.pending -= p.reserved
	p.reserved = 0
	f.usage.total += stored
}
