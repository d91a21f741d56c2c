package koji

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/kolo/xmlrpc"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/koji/internal/wire"
)

const (
	maxExcerpt    = 400         // bytes of an HTTP error's body that are shown
	maxRetryAfter = time.Minute // longer pauses are the caller's business
)

// request is one call, encoded.
type request struct {
	method string
	body   []byte
	reads  bool    // changes nothing on the hub, so it may be repeated
	stream *stream // not nil while the answer is iterated over
}

// roundTrips sends the request until it is answered, refused, or not worth
// repeating. A session that has expired is renewed on the way.
func (c *core) roundTrips(ctx context.Context, req request, out any) error {
	if int64(len(req.body)) > c.opts.MaxRequest {
		return fmt.Errorf("call koji %s: %w", req.method, &limitio.TooLargeError{What: "the request", Limit: c.opts.MaxRequest})
	}
	if c.auth == nil {
		return c.attempts(ctx, req, nil, out)
	}
	if !req.reads { // the hub wants the writes of a session one after the other
		c.auth.writing.Lock()
		defer c.auth.writing.Unlock()
	}
	s, err := c.session(ctx, nil)
	if err != nil {
		return err
	}
	err = c.attempts(ctx, req, s, out)
	if !errors.Is(err, ErrAuth) || req.stream.started() {
		return err
	}
	// The hub has refused the call and done nothing of it.
	if errors.Is(err, ErrAuthExpired) {
		s, err = c.session(ctx, s)
	} else if renewed := c.auth.instead(s); renewed != nil {
		s, err = renewed, nil // another call has renewed it, and the key of before is void
	}
	if err != nil {
		return err
	}
	return c.attempts(ctx, req, s, out)
}

// attempts makes the call, with repetitions, as the user of s or anonymously.
func (c *core) attempts(ctx context.Context, req request, s *session, out any) error {
	to := c.target(s, req)
	for attempt := 1; ; attempt++ {
		start := time.Now()
		err := c.roundTrip(ctx, req, to, attempt, out)
		c.log.Debug("koji call", "method", req.method, "attempt", attempt, "took", time.Since(start).Round(time.Millisecond), "error", errText(err))
		if err == nil || errors.Is(err, errStopped) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("call koji %s: %w", req.method, context.Cause(ctx))
		}
		pause, again := c.again(err, req, attempt)
		if !again {
			return err
		}
		c.log.Warn("koji call is repeated", "method", req.method, "attempt", attempt, "pause", pause, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("call koji %s: %w", req.method, context.Cause(ctx))
		case <-timer.C:
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// again decides on a repetition and its pause.
func (c *core) again(err error, req request, attempt int) (time.Duration, bool) {
	if attempt > c.opts.Retries || req.stream.started() {
		return 0, false // of what was iterated over nothing may come twice
	}
	var httpErr *HTTPError
	var transport *TransportError
	pause := c.opts.Backoff(attempt)
	switch {
	case errors.As(err, &httpErr):
		if !req.reads || !httpErr.temporary() || httpErr.RetryAfter > maxRetryAfter {
			return 0, false
		}
		return max(pause, httpErr.RetryAfter), true
	case errors.As(err, &transport):
		// What was never connected was never heard, so even a write may go again.
		var op *net.OpError
		dial := errors.As(err, &op) && op.Op == "dial"
		return pause, req.reads || dial
	default:
		// A truncated answer with a good HTTP frame comes from a proxy.
		return pause, req.reads && errors.Is(err, io.ErrUnexpectedEOF)
	}
}

// backoff is the default pause before the n-th repetition.
func backoff(n int) time.Duration {
	pause := min(500*time.Millisecond<<min(n-1, 10), 10*time.Second)
	return pause/2 + rand.N(pause) //nolint:gosec // jitter, no secret
}

func (c *core) roundTrip(ctx context.Context, req request, to target, attempt int, out any) error {
	late := fmt.Errorf("no answer within %s: %w", c.opts.Timeout, context.DeadlineExceeded)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(c.opts.Timeout, func() { cancel(late) })
	defer timer.Stop()
	req.stream.watch(timer, c.opts.Timeout)

	transport := func(err error) error {
		if ue, ok := errors.AsType[*url.Error](err); ok { // it repeats the URL
			err = ue.Err
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return &TransportError{Method: req.method, URL: c.shown, Attempts: attempt, Err: err}
	}
	hreq, err := c.prepare(ctx, req, to)
	if err != nil {
		return fmt.Errorf("call koji %s: %w", req.method, err)
	}
	resp, err := to.http.Do(hreq)
	if err != nil {
		return transport(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if v := resp.Header.Get("Koji-Version"); v != "" && len(v) < 40 && v != c.HubVersion() {
		c.version.Store(&v)
	}
	if resp.StatusCode != http.StatusOK {
		return c.httpError(req.method, resp)
	}
	body, err := plainBody(resp)
	if err != nil {
		return transport(err)
	}
	err = wire.DecodeResponse(body, c.limits(req), out)
	if err == nil || errors.Is(err, errStopped) {
		return err
	}
	if body.err != nil && !errors.Is(body.err, io.EOF) { // the connection, not the hub
		return transport(body.err)
	}
	return answerError(req.method, err)
}

func (c *core) prepare(ctx context.Context, req request, to target) (*http.Request, error) {
	hreq, err := http.NewRequestWithContext(ctx, http.MethodPost, to.url, bytes.NewReader(req.body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	hreq.Header.Set("Content-Type", "text/xml")
	hreq.Header.Set("User-Agent", c.opts.UserAgent)
	if err := to.prepare(hreq); err != nil {
		return nil, fmt.Errorf("prove the user: %w", err)
	}
	return hreq, nil
}

func (c *core) limits(req request) wire.Limits {
	l := wire.Limits{MaxBytes: c.opts.MaxResponse, MaxDepth: c.opts.MaxDepth}
	if req.stream != nil {
		l = wire.Limits{MaxBytes: c.opts.MaxStream, MaxDepth: c.opts.MaxDepth, MaxMemory: c.opts.MaxResponse}
	}
	return l
}

// answerError gives an error of package wire its face.
func answerError(method string, err error) error {
	if fault, ok := errors.AsType[*wire.Fault](err); ok {
		return &Fault{FaultError: xmlrpc.FaultError{Code: fault.Code, String: fault.String}, Method: method, Traceback: fault.Traceback}
	}
	return &DecodeError{Method: method, Err: err}
}

// noted remembers the error of a reader, so that a broken connection is told
// from broken XML.
type noted struct {
	io.Reader
	err error
}

func (n *noted) Read(p []byte) (int, error) {
	count, err := n.Reader.Read(p)
	if err != nil {
		n.err = err
	}
	return count, err
}

// plainBody returns the answer uncompressed; net/http has done so already
// unless the client's transport is told not to.
func plainBody(resp *http.Response) (*noted, error) {
	if !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return &noted{Reader: resp.Body}, nil
	}
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read gzip answer: %w", err)
	}
	return &noted{Reader: z}, nil
}

func (c *core) httpError(method string, resp *http.Response) error {
	e := &HTTPError{Method: method, URL: c.shown, StatusCode: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"))}
	if u, err := resp.Location(); err == nil {
		e.Location = redact(u)
	}
	// An error page that breaks off is still an error page.
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxExcerpt))
	e.Body = c.auth.scrub(excerpt(raw))
	return e
}

// excerpt makes one printable line of an error page.
func excerpt(raw []byte) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(raw), ""))
	return strings.Join(strings.Fields(text), " ")
}

// retryAfter reads seconds or a date.
func retryAfter(value string) time.Duration {
	if n, err := strconv.Atoi(value); err == nil && n >= 0 {
		return time.Duration(min(n, 1<<20)) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}
