package bodhi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/internal/limitio"
)

// url makes the address of a path below the base. Segments are escaped: the
// NVRs in them contain ~, ^ and +.
func (c *Client) url(segments ...string) *url.URL {
	u := *c.base
	var raw strings.Builder
	raw.WriteString(u.EscapedPath())
	for _, s := range segments {
		raw.WriteString("/" + url.PathEscape(s))
		u.Path += "/" + s
	}
	u.RawPath = raw.String()
	return &u
}

// list makes the address of a collection, which ends in a slash.
func (c *Client) list(name string, query url.Values) *url.URL {
	u := c.url(name, "")
	u.RawQuery = query.Encode()
	return u
}

// get asks for u and decodes the JSON of a success into out, with repetitions.
func (c *Client) get(ctx context.Context, u *url.URL, out any) error {
	pause := c.pause
	for attempt := 0; ; attempt++ {
		start := time.Now()
		err := c.once(ctx, u, out)
		c.log.Debug("asked Bodhi", "url", shown(u), "attempt", attempt+1, "took", time.Since(start), "error", err)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("GET %s: %w", shown(u), ctxError(ctx))
		}
		wait, again := c.again(err, attempt, pause)
		if !again {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("GET %s: %w, after: %w", shown(u), ctxError(ctx), err)
		case <-timer.C:
		}
		pause = min(2*pause, maxPause)
	}
}

// ctxError keeps context.Canceled and DeadlineExceeded beside a cause.
func ctxError(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ctx.Err()) {
		return cause
	}
	return fmt.Errorf("%w: %w", ctx.Err(), cause)
}

// again decides whether a failed attempt is repeated, and after which wait.
func (c *Client) again(err error, attempt int, pause time.Duration) (time.Duration, bool) {
	if attempt >= c.retries {
		return 0, false
	}
	// Jitter keeps clients that failed together from coming back together.
	pause += time.Duration(float64(pause) * (rand.Float64() - 0.5) / 2) //nolint:gosec // spreads load, protects nothing
	if api, ok := errors.AsType[*APIError](err); ok {
		return max(pause, api.RetryAfter), api.Temporary() && api.RetryAfter <= maxPause
	}
	_, transport := errors.AsType[*TransportError](err)
	return pause, transport
}

func (c *Client) once(ctx context.Context, u *url.URL, out any) error {
	for range 4 {
		resp, err := c.send(ctx, u)
		if err != nil {
			return err
		}
		if next := follow(u, resp); next != nil {
			drain(resp)
			u = next
			continue
		}
		defer drain(resp)
		body, err := c.read(resp)
		if _, large := errors.AsType[*limitio.TooLargeError](err); large {
			return fmt.Errorf("GET %s: %w", shown(u), err)
		}
		if err != nil {
			return &TransportError{Method: http.MethodGet, URL: shown(u), Err: err}
		}
		return decode(u, resp, body, out)
	}
	return &TransportError{Method: http.MethodGet, URL: shown(u), Err: errors.New("redirected in a circle")}
}

func (c *Client) send(ctx context.Context, u *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	// Asked for and undone here, so that it holds for every transport.
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", c.userAgent)
	resp, err := c.http.Do(req)
	if err != nil {
		// *url.Error repeats method and address.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, &TransportError{Method: req.Method, URL: shown(u), Err: err}
	}
	return resp, nil
}

// follow gives the next address for the redirects that only repair the
// request: a missing slash at the end, http to https. Any other is an answer.
func follow(u *url.URL, resp *http.Response) *url.URL {
	if resp.StatusCode < 300 || resp.StatusCode > 399 {
		return nil
	}
	next, err := resp.Location()
	if err != nil || next.Hostname() != u.Hostname() {
		return nil
	}
	secured := u.Scheme == "http" && next.Scheme == "https"
	if next.Scheme != u.Scheme && !secured || !secured && next.Host != u.Host {
		return nil
	}
	if strings.TrimSuffix(next.Path, "/") != strings.TrimSuffix(u.Path, "/") {
		return nil
	}
	if next.RawQuery == "" {
		next.RawQuery = u.RawQuery
	}
	return next
}

func (c *Client) read(resp *http.Response) ([]byte, error) {
	const what = "answer of Bodhi"
	body := limitio.Reader(resp.Body, c.maxResponse, what)
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("decompress answer: %w", err)
		}
		body = z
	}
	return limitio.ReadAll(body, c.maxResponse, what)
}

func drain(resp *http.Response) {
	// What is left of a small body lets the connection be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	_ = resp.Body.Close()
}

func decode(u *url.URL, resp *http.Response, body []byte, out any) error {
	contentType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	isJSON := strings.HasSuffix(contentType, "json") || contentType == "" && json.Valid(body)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return apiError(u, resp, body, isJSON)
	}
	if !isJSON {
		return &FormatError{
			URL: shown(u), ContentType: contentType, Title: title(body), NotJSON: true,
			Reason: fmt.Sprintf("is not JSON but %q", clean(contentType, 60)),
		}
	}
	err := json.Unmarshal(body, out)
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		// Complete by HTTP, broken as JSON: cut off or garbled on the way.
		return &TransportError{Method: http.MethodGet, URL: shown(u), Err: fmt.Errorf("decode answer: %w", err)}
	}
	if err != nil {
		return &FormatError{URL: shown(u), ContentType: contentType, Reason: clean(err.Error(), 200)}
	}
	return nil
}

func apiError(u *url.URL, resp *http.Response, body []byte, isJSON bool) error {
	e := &APIError{
		StatusCode: resp.StatusCode, Method: http.MethodGet, URL: shown(u),
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
	}
	if loc, err := resp.Location(); err == nil {
		e.Location = withoutAddresses(loc.Redacted())
	}
	var answer struct {
		Status string      `json:"status"`
		Errors []ErrorItem `json:"errors"`
		// Pyramid's own errors, such as those of the views that ask Koji.
		Title   string `json:"title"`
		Message string `json:"message"`
	}
	if isJSON && json.Unmarshal(body, &answer) == nil && (answer.Status != "" || len(answer.Errors) > 0) {
		e.JSON = true
		e.Errors = answer.Errors[:min(len(answer.Errors), 20)]
		for i, item := range e.Errors {
			e.Errors[i] = ErrorItem{clean(item.Location, 40), clean(item.Name, 80), clean(item.Description, 500)}
		}
		return e
	}
	if isJSON && answer.Message != "" {
		e.JSON = true
		e.Errors = []ErrorItem{{Name: clean(answer.Title, 80), Description: clean(answer.Message, 500)}}
		return e
	}
	e.Title = title(body)
	return e
}

var titleRE = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// title says in a few words what a page is that is not JSON.
func title(body []byte) string {
	body = body[:min(len(body), 64<<10)]
	if m := titleRE.FindSubmatch(body); m != nil {
		return clean(string(m[1]), 100)
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return "untitled HTML"
	}
	return clean(string(body[:min(len(body), 400)]), 100)
}

// retryAfter reads either form of the header; 0 stands for none.
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	if seconds, err := strconv.Atoi(header); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
