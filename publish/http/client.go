package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	nethttp "net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fedora-respin/respin/publish"
)

// Config of an HTTP Publisher. URL is required.
type Config struct {
	URL   string         // where the server mounted its Handler
	Token publish.Secret // bearer token; "" sends none
	// Client to use; nil means one of its own. Redirects are not followed:
	// they could carry the token elsewhere.
	Client *nethttp.Client
	// Stall is how long a request may make no progress; 0 means 2 minutes.
	Stall time.Duration
	// Retries is how often a request is tried again in a row without any
	// progress; 0 means 4, negative means never.
	Retries int
	// Backoff gives the pause before the n-th retry, n counting from 1. Nil:
	// half a second, doubled each time up to 30 s, with jitter.
	Backoff func(n int) time.Duration
}

// Publisher uploads to a Handler. It implements publish.Publisher.
type Publisher struct {
	cfg    Config
	base   *url.URL
	client *nethttp.Client
	closed atomic.Bool
}

var _ publish.Publisher = (*Publisher)(nil)

// New checks the configuration; it does not connect.
func New(cfg Config) (*Publisher, error) {
	base, err := url.Parse(cfg.URL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, errors.New("create HTTP publisher: URL is no http or https URL")
	}
	if cfg.Stall <= 0 {
		cfg.Stall = 2 * time.Minute
	}
	if cfg.Retries == 0 {
		cfg.Retries = 4
	}
	if cfg.Backoff == nil {
		cfg.Backoff = func(n int) time.Duration {
			d := min(500*time.Millisecond<<min(n-1, 10), 30*time.Second)
			return d/2 + rand.N(d/2) //nolint:gosec // jitter needs no secrecy
		}
	}
	client := &nethttp.Client{}
	if cfg.Client != nil {
		*client = *cfg.Client
	} else if t, ok := nethttp.DefaultTransport.(*nethttp.Transport); ok {
		client.Transport = t.Clone()
	}
	client.CheckRedirect = func(*nethttp.Request, []*nethttp.Request) error { return nethttp.ErrUseLastResponse }
	return &Publisher{cfg: cfg, base: base, client: client}, nil
}

// String names the place without the token.
func (p *Publisher) String() string { return "HTTP publisher " + p.base.Redacted() }

// GoString keeps the token out of %#v.
func (p *Publisher) GoString() string { return p.String() }

// Close ends idle connections.
func (p *Publisher) Close() error {
	if !p.closed.Swap(true) && p.cfg.Client == nil {
		p.client.CloseIdleConnections()
	}
	return nil
}

func (p *Publisher) ready(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.closed.Load() {
		return publish.ErrClosed
	}
	return nil
}

// request is one exchange with the server.
type request struct {
	method string
	id     string
	path   []string // below the base
	query  string
	header nethttp.Header
	body   io.Reader
	length int64
}

// send makes one try and returns the answer; any status but 2xx, and 404 to a
// GET, is an error. Its body is read and bounded by the caller's use.
func (p *Publisher) send(ctx context.Context, q request) (answer, error) {
	sctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(p.cfg.Stall, func() { cancel(fmt.Errorf("no progress for %s", p.cfg.Stall)) })
	defer timer.Stop()
	var body io.Reader = nethttp.NoBody
	if q.body != nil {
		// The transport may read on after it has returned.
		own := &ownedReader{r: q.body, moved: func() { timer.Reset(p.cfg.Stall) }}
		defer own.release()
		body = own
	}
	u := p.base.JoinPath(escape(q.path)...)
	u.RawQuery = q.query
	req, err := nethttp.NewRequestWithContext(sctx, q.method, u.String(), body)
	if err != nil {
		return answer{}, err
	}
	req.ContentLength = q.length
	if q.header != nil {
		req.Header = q.header
	}
	if p.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+string(p.cfg.Token))
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return answer{}, tryError(ctx, sctx, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read or given up
	switch {
	case resp.StatusCode/100 == 2, resp.StatusCode == nethttp.StatusNotFound && q.method == nethttp.MethodGet:
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxJSON))
		if err != nil {
			return answer{}, tryError(ctx, sctx, err)
		}
		return answer{resp.StatusCode, resp.Header, data}, nil
	case resp.StatusCode/100 == 3:
		return answer{}, fmt.Errorf("HTTP status %d: the server redirects to %s; set the URL to the right place",
			resp.StatusCode, oneLine(resp.Header.Get("Location")))
	}
	return answer{}, problemError(resp, q.id)
}

type answer struct {
	status int
	header nethttp.Header
	body   []byte
}

func escape(path []string) []string {
	out := make([]string, len(path))
	for i, s := range path {
		out[i] = url.PathEscape(s)
	}
	return out
}

// ownedReader is a body that can be taken back from the transport; it tells
// when it moves.
type ownedReader struct {
	mu       sync.Mutex
	r        io.Reader
	moved    func()
	released bool
}

func (o *ownedReader) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.released {
		return 0, errors.New("the request is over")
	}
	o.moved()
	return o.r.Read(p)
}

func (o *ownedReader) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.released = true
}

// tryError sorts out why an exchange broke off: the caller's context, the
// file, or the network.
func tryError(ctx, sctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*publish.MismatchError](err); ok {
		return err
	}
	if cause := context.Cause(sctx); cause != nil {
		err = cause
	} else if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	return &retryError{fmt.Errorf("%w: %w", publish.ErrUnavailable, err)}
}

// retry calls do until it succeeds, fails for good, or fails too often in a
// row without progress.
func (p *Publisher) retry(ctx context.Context, do func() (progress bool, err error)) error {
	for fails := 0; ; {
		progress, err := do()
		if _, again := errors.AsType[*retryError](err); err == nil || !again {
			return err
		}
		if progress {
			fails = 0
		}
		fails++
		if fails > max(p.cfg.Retries, 0) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(p.cfg.Backoff(fails)):
		}
	}
}

func (p *Publisher) ask(ctx context.Context, q request) (a answer, err error) {
	body := q.body
	data, _ := body.(*bytes.Reader)
	err = p.retry(ctx, func() (bool, error) {
		if data != nil {
			_, _ = data.Seek(0, io.SeekStart) // always possible within memory
		}
		a, err = p.send(ctx, q)
		return false, err
	})
	return a, err
}

// Finalize implements publish.Publisher.
func (p *Publisher) Finalize(ctx context.Context, staged publish.Staged) (publish.Location, error) {
	var loc publish.Location
	err := errors.Join(staged.Validate(), p.ready(ctx))
	var body []byte
	if err == nil {
		body, err = json.Marshal(staged)
	}
	var a answer
	if err == nil {
		a, err = p.ask(ctx, request{
			method: nethttp.MethodPost, id: staged.ID, path: []string{publish.StagingName(staged.ID, staged.Attempt), "finalize"},
			header: nethttp.Header{"Content-Type": {"application/json"}}, body: bytes.NewReader(body), length: int64(len(body)),
		})
	}
	if err == nil {
		err = decodeJSON(bytes.NewReader(a.body), &loc)
	}
	if err != nil {
		return publish.Location{}, fmt.Errorf("finalize %s: %w", staged.ID, err)
	}
	return loc, nil
}

// Remove implements publish.Publisher.
func (p *Publisher) Remove(ctx context.Context, id string, attempt int) error {
	err := errors.Join(publish.CheckID(id), p.ready(ctx))
	if err == nil {
		q := request{method: nethttp.MethodDelete, id: id, path: []string{id}}
		if attempt > 0 {
			q.query = "attempt=" + strconv.Itoa(attempt)
		}
		_, err = p.ask(ctx, q)
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", id, err)
	}
	return nil
}
