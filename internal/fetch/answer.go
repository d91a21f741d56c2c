package fetch

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// accept judges the answer's status and range, empties the part when the
// server starts over, and returns the size of the whole file (-1 unknown).
func (p *part) accept(resp *http.Response, u *url.URL) (int64, error) {
	startOver := func(reason string) (int64, error) {
		if err := p.reset(); err != nil {
			return 0, err
		}
		return 0, &restartError{&transferError{url: u.Redacted(), err: errors.New(reason)}}
	}
	switch resp.StatusCode {
	case http.StatusOK:
		if p.size > 0 {
			if err := p.reset(); err != nil {
				return 0, err
			}
		}
		return resp.ContentLength, nil
	case http.StatusPartialContent:
		first, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
		if !ok || first != p.size {
			return startOver("the server gave another range than asked for")
		}
		return total, nil
	case http.StatusRequestedRangeNotSatisfiable:
		if p.size > 0 {
			return startOver("the server has no bytes where the earlier transfer ended")
		}
	}
	return 0, statusError(resp, u)
}

// parseContentRange reads "bytes first-last/total" (RFC 9110, 14.4); total is
// -1 for "*".
func parseContentRange(s string) (first, total int64, ok bool) {
	rest, ok := strings.CutPrefix(s, "bytes ")
	if !ok {
		return 0, 0, false
	}
	span, size, ok1 := strings.Cut(rest, "/")
	from, to, ok2 := strings.Cut(span, "-")
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(to, 10, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || first < 0 || last < first {
		return 0, 0, false
	}
	if size == "*" {
		return first, -1, true
	}
	total, err := strconv.ParseInt(size, 10, 64)
	return first, total, err == nil && last < total
}

func statusError(resp *http.Response, u *url.URL) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 8<<10))
	excerpt := string(body)
	if title := htmlTitle(body); title != "" {
		excerpt = title
	}
	return &StatusError{
		URL: u.Redacted(), Code: resp.StatusCode, Excerpt: oneLine(excerpt, 200),
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
	}
}

// retryAfter reads seconds or an HTTP date (RFC 9110, 10.2.3).
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return time.Duration(min(n, 86400)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

// refuseHTML looks at the start of a body and reports a web page that came in
// a file's place. Pages asked for by name pass.
func refuseHTML(body *bufio.Reader, u *url.URL, resp *http.Response) error {
	switch strings.ToLower(path.Ext(u.Path)) {
	case ".html", ".htm", ".xhtml":
		return nil
	}
	if u.Path == "" || strings.HasSuffix(u.Path, "/") {
		return nil
	}
	start, _ := body.Peek(64)
	start = bytes.ToLower(bytes.TrimLeft(start, "\ufeff \t\r\n"))
	if !bytes.HasPrefix(start, []byte("<!doctype html")) && !bytes.HasPrefix(start, []byte("<html")) {
		return nil
	}
	more, _ := body.Peek(8 << 10)
	return &HTMLError{URL: u.Redacted(), Final: resp.Request.URL.Redacted(), Title: oneLine(htmlTitle(more), 120)}
}

func htmlTitle(page []byte) string {
	m := regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`).FindSubmatch(page)
	if m == nil {
		return ""
	}
	return string(m[1])
}

// oneLine makes foreign text fit for a message.
func oneLine(s string, limit int) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "?")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}
