package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// maxRetryAfter is the longest pause that a server may ask for.
const maxRetryAfter = 2 * time.Minute

// serve is the body of a flight: from the cache, else from the mirrors.
func (f *Fetcher) serve(ctx context.Context, w Want, fl *flight) (string, error) {
	path, err := f.serveFile(ctx, w, fl)
	if err != nil && f.ctx.Err() != nil {
		return "", fmt.Errorf("get %s: %w", w.name(), ErrClosed)
	}
	return path, err
}

func (f *Fetcher) serveFile(ctx context.Context, w Want, fl *flight) (string, error) {
	path, size, err := f.cached(ctx, w)
	if err != nil || path != "" {
		fl.report(size, size)
		return path, err
	}
	p, err := f.openPart(ctx, &w)
	if err != nil {
		return "", fmt.Errorf("get %s: %w", w.name(), f.diskError(err, w.Size))
	}
	stored := false
	defer func() {
		f.settle(p, 0)
		p.close(stored)
	}()
	// While this waited for the lock another process may have fetched it.
	if path, size, err = f.cached(ctx, w); err != nil || path != "" {
		fl.report(size, size)
		return path, err
	}
	sum, err := f.download(ctx, w, p, fl)
	if err != nil {
		return "", err
	}
	path, err = f.store(w, p, sum)
	stored = err == nil
	return path, err
}

// mirror is one URL of a Want and how it did so far.
type mirror struct {
	url   *url.URL
	err   error
	fails int // in a row
	dead  bool
	ready time.Time
}

func (f *Fetcher) mirrors(urls []string) []*mirror {
	out := make([]*mirror, 0, len(urls))
	for _, s := range urls {
		m := &mirror{}
		var err error
		if m.url, err = url.Parse(s); err != nil {
			// url.Error would repeat a password that stands in the text.
			m.err = &RefusedError{URL: redact(s), Reason: "this is no URL"}
		} else {
			m.err = f.opt.Policy.CheckURL(m.url)
		}
		m.dead = m.err != nil
		out = append(out, m)
	}
	return out
}

// redact takes the password out of a URL.
func redact(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		if _, after, ok := strings.Cut(s, "@"); ok {
			return "..." + after
		}
		return s
	}
	return u.Redacted()
}

// pick returns the first mirror that may be asked now, else the one that may
// be asked soonest, nil when all are dead.
func pick(ms []*mirror, now time.Time) *mirror {
	var best *mirror
	for _, m := range ms {
		switch {
		case m.dead:
		case !m.ready.After(now):
			return m
		case best == nil || m.ready.Before(best.ready):
			best = m
		}
	}
	return best
}

// download tries the mirrors until one has given the whole, verified file.
func (f *Fetcher) download(ctx context.Context, w Want, p *part, fl *flight) (string, error) {
	ms := f.mirrors(w.URLs)
	for {
		m := pick(ms, time.Now())
		if m == nil {
			if w.Make != nil && gone(ms) {
				return f.make(ctx, w, p, fl, ms)
			}
			return "", joinMirrors(ms)
		}
		if err := sleep(ctx, time.Until(m.ready)); err != nil {
			return "", fmt.Errorf("get %s: %w", w.name(), err)
		}
		before := p.size
		sum, err := f.try(ctx, w, m.url, p, fl)
		if err == nil {
			return sum, nil
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("get %s: %w", w.name(), context.Cause(ctx))
		}
		if judge(err) == fatal {
			if _, full := errors.AsType[*DiskFullError](err); full {
				err = errors.Join(err, p.reset()) // give back what this took
			}
			return "", err
		}
		f.failed(m, err, p.size-before)
	}
}

// failed notes what a failure means for the mirror's next turn.
func (f *Fetcher) failed(m *mirror, err error, progress int64) {
	m.err = err
	if progress >= 1<<20 {
		m.fails = 0
	}
	m.fails++
	m.dead = judge(err) == dead || m.fails > f.opt.Retries
	pause := f.opt.Backoff(m.fails)
	if status, ok := errors.AsType[*StatusError](err); ok {
		pause = max(pause, min(status.RetryAfter, maxRetryAfter))
	}
	m.ready = time.Now().Add(pause)
	f.log.Debug("transfer failed", "url", m.url.Redacted(), "error", err, "gave_up", m.dead, "pause", pause)
}

func joinMirrors(ms []*mirror) error {
	errs := make([]error, 0, len(ms))
	for _, m := range ms {
		errs = append(errs, m.err)
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// slot waits for one of the host's transfer slots.
func (f *Fetcher) slot(ctx context.Context, host string) (release func(), err error) {
	f.mu.Lock()
	ch, ok := f.hosts[host]
	if !ok {
		ch = make(chan struct{}, f.opt.PerHost)
		f.hosts[host] = ch
	}
	f.mu.Unlock()
	select {
	case ch <- struct{}{}:
		return func() { <-ch }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// limiter paces bytes; its zero value does not.
type limiter struct{ l *rate.Limiter }

func newLimiter(bytesPerSecond int) limiter {
	if bytesPerSecond <= 0 {
		return limiter{}
	}
	return limiter{rate.NewLimiter(rate.Limit(bytesPerSecond), max(bytesPerSecond, copyBuffer))}
}

func (l limiter) wait(ctx context.Context, n int) error {
	if l.l == nil {
		return nil
	}
	return l.l.WaitN(ctx, n)
}
