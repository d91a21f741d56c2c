package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/fedora-respin/respin/internal/limitio"
)

// gone tells whether every mirror has said that it does not have the file.
func gone(ms []*mirror) bool {
	for _, m := range ms {
		if status, ok := errors.AsType[*StatusError](m.err); !ok || status.Code != http.StatusNotFound && status.Code != http.StatusGone {
			return false
		}
	}
	return len(ms) > 0
}

// make lets the want make the file that no mirror has.
func (f *Fetcher) make(ctx context.Context, w Want, p *part, fl *flight, ms []*mirror) (string, error) {
	missing := joinMirrors(ms)
	f.log.Debug("file made from others", "url", w.name(), "because", missing)
	if err := p.reset(); err != nil {
		return "", err
	}
	out := &makeWriter{f: f, ctx: ctx, p: p, fl: fl}
	err := w.Make(ctx, out, func(other Want) (string, error) { return f.Get(ctx, other) })
	if ctx.Err() != nil {
		return "", fmt.Errorf("get %s: %w", w.name(), context.Cause(ctx))
	}
	sum := ""
	if err == nil {
		sum, err = p.verify(&w, ms[0].url)
	}
	if err != nil {
		return "", errors.Join(checkError(w.name(), err), missing, p.reset())
	}
	return sum, nil
}

// makeWriter takes a file that is made here as copyBody takes one that comes.
type makeWriter struct {
	f        *Fetcher
	ctx      context.Context //nolint:containedctx // a writer has no other way to be called off
	p        *part
	fl       *flight
	nextLook int64
}

func (m *makeWriter) Write(b []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	if m.p.size+int64(len(b)) > m.f.opt.MaxFile {
		return 0, &limitio.TooLargeError{What: "the file", Limit: m.f.opt.MaxFile}
	}
	if m.p.size >= m.nextLook {
		m.nextLook = m.p.size + diskCheckStep
		if err := m.f.makeWay(m.ctx, m.p, m.nextLook); err != nil {
			return 0, err
		}
	}
	if err := m.p.append(b); err != nil {
		return 0, m.f.diskError(err, 0)
	}
	if _, err := m.p.seen.Write(b); err != nil {
		return 0, err
	}
	m.fl.report(m.p.size, -1)
	return len(b), nil
}
