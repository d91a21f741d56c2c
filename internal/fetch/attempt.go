package fetch

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/fedora-respin/respin/internal/limitio"
)

const (
	copyBuffer    = 128 << 10
	diskCheckStep = 16 << 20 // bytes written between two looks at the free space
)

// try gets what is missing of the file from one mirror and verifies the whole.
func (f *Fetcher) try(ctx context.Context, w Want, u *url.URL, p *part, fl *flight) (string, error) {
	if w.Size > 0 && p.size > w.Size {
		if err := p.reset(); err != nil {
			return "", err
		}
	}
	resumed := p.size > 0
	complete := w.SHA256 != "" && w.Size > 0 && p.size == w.Size
	var err error
	switch {
	case complete: // killed after the last byte, before the name
		err = p.catchUp(ctx, u)
	case u.Scheme == "file":
		resumed = false
		err = f.copyLocal(ctx, w, u, p, fl)
	default:
		err = f.transfer(ctx, w, u, p, fl)
	}
	if err != nil {
		return "", err
	}
	sum, err := p.verify(&w, u)
	if err != nil {
		if rerr := p.reset(); rerr != nil {
			return "", rerr
		}
		if resumed {
			return "", &restartError{err}
		}
		return "", err
	}
	return sum, nil
}

func sizeMismatch(u *url.URL, want, got int64) error {
	return &MismatchError{URL: u.Redacted(), What: "size", Want: fmt.Sprint(want), Got: fmt.Sprint(got)}
}

// copyLocal reads a file:// URL.
func (f *Fetcher) copyLocal(ctx context.Context, w Want, u *url.URL, p *part, fl *flight) error {
	if err := p.reset(); err != nil {
		return err
	}
	info, err := os.Stat(u.Path)
	if err == nil && !info.Mode().IsRegular() {
		return &RefusedError{URL: u.Redacted(), Reason: "this is no regular file"}
	}
	if err != nil {
		return &RefusedError{URL: u.Redacted(), Reason: "the file cannot be read: " + errors.Unwrap(err).Error()}
	}
	src, err := os.Open(u.Path)
	if err != nil {
		return &RefusedError{URL: u.Redacted(), Reason: "the file cannot be read: " + errors.Unwrap(err).Error()}
	}
	defer src.Close() //nolint:errcheck // only read
	if err := f.admit(ctx, w, u, p, info.Size()); err != nil {
		return err
	}
	return f.copyBody(ctx, u, p, fl, ctxReader{ctx, src}, info.Size(), info.Size(), func() {})
}

// transfer asks the server for the missing bytes and appends them.
func (f *Fetcher) transfer(ctx context.Context, w Want, u *url.URL, p *part, fl *flight) error {
	release, err := f.slot(ctx, u.Host)
	if err != nil {
		return err
	}
	defer release()
	if err := f.prepare(ctx, w, u, p); err != nil {
		return err
	}
	header := http.Header{}
	if p.size > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", p.size))
		if p.meta.Origin == hexSum(u.String()) && p.meta.Validator != "" {
			header.Set("If-Range", p.meta.Validator)
		}
	}
	resp, alive, done, err := f.request(ctx, u, header) //nolint:bodyclose // done closes it
	if err != nil {
		return err
	}
	defer done()
	total, err := p.accept(resp, u)
	if err != nil {
		return err
	}
	if err := f.admit(ctx, w, u, p, total); err != nil {
		return err
	}
	body := bufio.NewReaderSize(resp.Body, copyBuffer)
	if p.size == 0 {
		if err := refuseHTML(body, u, resp); err != nil {
			return err
		}
		p.setMeta(partMeta{Origin: hexSum(u.String()), Validator: validator(resp.Header), Boot: f.boot})
	}
	want := total
	if w.Size > 0 {
		want = w.Size
	}
	return f.copyBody(ctx, u, p, fl, body, total, want, alive)
}

// prepare drops bytes whose rest cannot be asked for.
func (f *Fetcher) prepare(ctx context.Context, w Want, u *url.URL, p *part) error {
	// What an earlier boot of the machine wrote may have been lost behind a size
	// that was not, and only a digest would tell.
	same := p.meta.Origin == hexSum(u.String()) && p.meta.Validator != "" && p.meta.Boot == f.boot
	if p.size > 0 && !same && w.SHA256 == "" {
		return p.reset()
	}
	return p.catchUp(ctx, u)
}

// validator is what If-Range may carry (RFC 9110, 13.1.5).
func validator(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

// request sends one GET. alive is to be called whenever bytes arrive, done at
// the end. Errors that the network made are *transferError.
func (f *Fetcher) request(ctx context.Context, u *url.URL, header http.Header) (resp *http.Response, alive, done func(), err error) {
	rctx, cancel := context.WithCancelCause(ctx)
	stall := time.AfterFunc(f.opt.Stall, func() {
		cancel(fmt.Errorf("nothing came for %s", f.opt.Stall))
	})
	finish := func() { stall.Stop(); cancel(nil) }
	req, err := http.NewRequestWithContext(rctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		finish()
		return nil, nil, nil, &RefusedError{URL: u.Redacted(), Reason: "this is no URL"}
	}
	req.Header = header
	req.Header.Set("User-Agent", f.opt.UserAgent)
	req.Header.Set("Accept-Encoding", "identity")
	resp, err = f.client.Do(req)
	if err != nil {
		err = networkError(rctx, u, err)
		finish()
		return nil, nil, nil, err
	}
	// A read that is under way gives the reason of the stall, not "canceled".
	resp.Body = &causeBody{ReadCloser: resp.Body, ctx: rctx, url: u}
	return resp, func() { stall.Reset(f.opt.Stall) }, func() { _ = resp.Body.Close(); finish() }, nil
}

type causeBody struct {
	io.ReadCloser
	ctx context.Context //nolint:containedctx // its cause is the read's error
	url *url.URL
}

func (c *causeBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = networkError(c.ctx, c.url, err)
	}
	return n, err
}

func networkError(ctx context.Context, u *url.URL, err error) error {
	var (
		refused *RefusedError
		cert    *tls.CertificateVerificationError
		outer   *url.Error
	)
	if errors.As(err, &refused) {
		if refused.URL == u.Redacted() {
			return refused
		}
		return &RefusedError{URL: u.Redacted(), Reason: refused.Reason + " (" + refused.URL + ")"}
	}
	if errors.As(err, &cert) {
		return &RefusedError{URL: u.Redacted(), Reason: cert.Error()}
	}
	if errors.As(err, &outer) {
		err = outer.Err // its text repeats the URL
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &transferError{url: u.Redacted(), err: err}
}

// admit applies the limits that can be known before the first byte.
func (f *Fetcher) admit(ctx context.Context, w Want, u *url.URL, p *part, total int64) error {
	if w.Size > 0 && total >= 0 && total != w.Size {
		if p.size > 0 {
			if err := p.reset(); err != nil {
				return err
			}
		}
		return sizeMismatch(u, w.Size, total)
	}
	if total > f.opt.MaxFile || w.Size > f.opt.MaxFile {
		return tooLarge(u, f.opt.MaxFile)
	}
	return f.makeWay(ctx, p, max(total, w.Size))
}

// makeWay makes room for the rest of a file of the given size, -1 when unknown.
func (f *Fetcher) makeWay(ctx context.Context, p *part, size int64) error {
	if err := f.bound(ctx, p, max(size, p.size)); err != nil {
		return err
	}
	return f.room(ctx, size-p.size)
}

func tooLarge(u *url.URL, limit int64) error {
	return &RefusedError{URL: u.Redacted(), Reason: (&limitio.TooLargeError{What: "the file", Limit: limit}).Error()}
}

// copyBody appends the body to the part, within the limits. total is what the
// server promised and want what is wished for, each -1 when unknown.
func (f *Fetcher) copyBody(ctx context.Context, u *url.URL, p *part, fl *flight, body io.Reader, total, want int64, alive func()) error {
	buf := make([]byte, copyBuffer)
	nextLook := p.size + diskCheckStep
	fl.report(p.size, total)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			alive()
			if werr := f.limit.wait(ctx, n); werr != nil {
				return werr
			}
			if size := p.size + int64(n); size > f.opt.MaxFile {
				return errors.Join(tooLarge(u, f.opt.MaxFile), p.reset())
			} else if want >= 0 && size > want {
				return errors.Join(sizeMismatch(u, want, size), p.reset())
			}
			if err := p.append(buf[:n]); err != nil {
				return fmt.Errorf("write part of %s: %w", u.Redacted(), f.diskError(err, total-p.size))
			}
			if _, err := p.seen.Write(buf[:n]); err != nil {
				return errors.Join(checkError(u.Redacted(), err), p.reset())
			}
			if err := p.note(); err != nil {
				return f.diskError(err, total-p.size)
			}
			fl.report(p.size, total)
		}
		switch {
		case errors.Is(err, io.EOF) && total >= 0 && p.size < total:
			return &transferError{url: u.Redacted(), err: io.ErrUnexpectedEOF}
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case p.size >= nextLook:
			nextLook = p.size + diskCheckStep
			if err := f.makeWay(ctx, p, total); err != nil {
				return err
			}
		}
	}
}
