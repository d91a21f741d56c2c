package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

// MaxHead is the most bytes that Head reads.
const MaxHead = 64 << 20

// Head returns the first n bytes of a remote file (fewer when it is shorter)
// and its whole size, -1 when the server does not say. It goes through the
// same policy, retries and limits as Get, and caches nothing.
func (f *Fetcher) Head(ctx context.Context, rawURL string, n int) (data []byte, total int64, err error) {
	if n <= 0 || n > MaxHead {
		return nil, 0, fmt.Errorf("read the head of %s: %d bytes asked for, 1 to %d possible", redact(rawURL), n, MaxHead)
	}
	err = f.persist(ctx, []string{rawURL}, func(u *url.URL) (err error) {
		data, total, err = f.tryHead(ctx, u, n)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return data, total, nil
}

// persist calls try for the URLs that the policy allows, best first and again
// after failures that may pass, until one succeeds.
func (f *Fetcher) persist(ctx context.Context, urls []string, try func(*url.URL) error) error {
	ms := f.mirrors(urls)
	for {
		m := pick(ms, time.Now())
		if m == nil {
			return joinMirrors(ms)
		}
		if err := sleep(ctx, time.Until(m.ready)); err != nil {
			return fmt.Errorf("get %s: %w", m.url.Redacted(), err)
		}
		err := try(m.url)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("get %s: %w", m.url.Redacted(), context.Cause(ctx))
		}
		if judge(err) == fatal {
			return err
		}
		f.failed(m, err, 0)
	}
}

func (f *Fetcher) tryHead(ctx context.Context, u *url.URL, n int) ([]byte, int64, error) {
	if u.Scheme == "file" {
		return localHead(u, n)
	}
	release, err := f.slot(ctx, u.Host)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	header := http.Header{"Range": {fmt.Sprintf("bytes=0-%d", n-1)}}
	resp, _, done, err := f.request(ctx, u, header) //nolint:bodyclose // done closes it
	if err != nil {
		return nil, 0, err
	}
	defer done()
	total := resp.ContentLength
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusPartialContent:
		var ok bool
		var first int64
		if first, total, ok = parseContentRange(resp.Header.Get("Content-Range")); !ok || first != 0 {
			return nil, 0, &transferError{url: u.Redacted(), err: errors.New("the server gave another range than asked for")}
		}
	case http.StatusRequestedRangeNotSatisfiable:
		// An empty file has no first byte (RFC 9110, 14.4: "bytes */0").
		if resp.Header.Get("Content-Range") == "bytes */0" {
			return nil, 0, nil
		}
		return nil, 0, statusError(resp, u)
	default:
		return nil, 0, statusError(resp, u)
	}
	body := bufio.NewReader(resp.Body)
	if err := refuseHTML(body, u, resp); err != nil {
		return nil, 0, err
	}
	want := int64(n)
	data, err := io.ReadAll(io.LimitReader(body, want))
	if err != nil {
		return nil, 0, err
	}
	if total >= 0 && int64(len(data)) < min(want, total) {
		return nil, 0, &transferError{url: u.Redacted(), err: io.ErrUnexpectedEOF}
	}
	return data, total, nil
}

func localHead(u *url.URL, n int) ([]byte, int64, error) {
	unreadable := func(err error) error {
		return &RefusedError{URL: u.Redacted(), Reason: "the file cannot be read: " + err.Error()}
	}
	info, err := os.Stat(u.Path)
	if err != nil {
		return nil, 0, unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &RefusedError{URL: u.Redacted(), Reason: "this is no regular file"}
	}
	src, err := os.Open(u.Path)
	if err != nil {
		return nil, 0, unreadable(err)
	}
	defer src.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(src, int64(n)))
	if err != nil {
		return nil, 0, unreadable(err)
	}
	return data, info.Size(), nil
}
