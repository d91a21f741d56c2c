package koji_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
)

func TestServerOffline(t *testing.T) {
	t.Parallel()
	h, c := world(t, koji.Options{})
	h.Fail(kojitest.Failures{Offline: "planned outage"})
	_, err := c.GetAPIVersion(t.Context())
	if !errors.Is(err, koji.ErrServerOffline) || !errors.Is(err, koji.ErrUnreachable) || !strings.Contains(err.Error(), "planned outage") {
		t.Errorf("%v", err)
	}
	if n := len(h.Calls()); n != 1 {
		t.Errorf("a planned outage was asked about %d times", n)
	}
}

func TestReadsAreRepeated(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]kojitest.Failures{
		"gateway": {Status: 502, Body: "<html>bad\n gateway</html>"}, "busy": {Status: 503, RetryAfter: 1}, "broken": {TruncateAfter: 40},
	} {
		h, c := world(t, koji.Options{})
		f.Times = 1
		h.Fail(f)
		begin := time.Now()
		if v, err := c.GetKojiVersion(t.Context()); err != nil || v != kojitest.Version || c.HubVersion() != v {
			t.Errorf("%s: %q %v", name, v, err)
		}
		if pause := time.Since(begin); pause < time.Duration(f.RetryAfter)*time.Second {
			t.Errorf("%s: asked again after %s", name, pause)
		}
		f.Times = 3
		h.Fail(f)
		if f.RetryAfter != 0 {
			continue // two seconds
		}
		if _, err := c.GetAPIVersion(t.Context()); !errors.Is(err, koji.ErrUnreachable) {
			t.Errorf("%s thrice: %v", name, err)
		}
		if _, err := c.GetAPIVersion(t.Context()); err != nil { // the failures are used up
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
}

func TestWritesAreNotRepeated(t *testing.T) {
	t.Parallel()
	h, c := world(t, koji.Options{})
	h.Fail(kojitest.Failures{Status: 502, Times: 1})
	err := c.Call(t.Context(), "tagBuild", []any{"f44", "tool-1.0-1.fc44"}, nil)
	var he *koji.HTTPError
	if !errors.As(err, &he) || he.StatusCode != http.StatusBadGateway {
		t.Errorf("%v", err)
	}
	h.Fail(kojitest.Failures{TruncateAfter: 10, Times: 1})
	var te *koji.TransportError
	if err := c.Call(t.Context(), "tagBuild", nil, nil); !errors.As(err, &te) {
		t.Errorf("%v", err)
	}
	b := c.Batch()
	koji.BatchCall[int](b, "getAPIVersion")
	koji.BatchCall[any](b, "tagBuild")
	h.Fail(kojitest.Failures{Status: 502, Times: 1})
	if err := b.Do(t.Context()); !errors.As(err, &he) {
		t.Errorf("a batch with a write in it: %v", err)
	}
}

func TestHTTPErrorsShowTheBeginningOfThePage(t *testing.T) {
	t.Parallel()
	h, c := world(t, koji.Options{Retries: -1})
	h.Fail(kojitest.Failures{Status: 403, Body: "<h1>Forbidden</h1>\r\n\x00" + strings.Repeat("x", 5000)})
	_, err := c.GetAPIVersion(t.Context())
	var he *koji.HTTPError
	if !errors.As(err, &he) || he.StatusCode != http.StatusForbidden || !strings.HasPrefix(he.Body, "<h1>Forbidden</h1> xxx") || len(he.Body) > 500 || errors.Is(err, koji.ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

func TestNoHubThere(t *testing.T) {
	t.Parallel()
	const nobody = "127.0.0.1:1"
	c := must(koji.New("http://user:secret@"+nobody+"/kojihub?session-key=s3cret", koji.Options{Backoff: noPause}))
	_, err := c.GetAPIVersion(t.Context())
	var te *koji.TransportError
	if !errors.As(err, &te) || te.Attempts != 3 || !errors.Is(err, koji.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v", err, te), "secret") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("credentials in %v", err)
	}
}

// hubOf serves one handler as a hub.
func hubOf(t *testing.T, opts koji.Options, f http.HandlerFunc) *koji.Client {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	if opts.Backoff == nil {
		opts.Backoff = noPause
	}
	return must(koji.New(s.URL+"/kojihub", opts))
}

const one = "<?xml version='1.0'?><methodResponse><params><param><value><int>1</int></value></param></params></methodResponse>"

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	c := hubOf(t, koji.Options{UserAgent: "qa/1"}, func(w http.ResponseWriter, r *http.Request) {
		body := string(must(io.ReadAll(r.Body)))
		if r.Method != http.MethodPost || r.URL.Path != "/kojihub" || r.Header.Get("Content-Type") != "text/xml" || r.Header.Get("User-Agent") != "qa/1" || r.ContentLength != int64(len(body)) {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		if !strings.Contains(body, "<methodName>m</methodName>") || !strings.Contains(body, "<value><nil/></value>") || strings.Contains(body, "<value/>") {
			t.Error(body)
		}
		_, _ = io.WriteString(w, one)
	})
	if err := c.Call(t.Context(), "m", []any{nil}, nil); err != nil {
		t.Error(err)
	}
	if err := c.Call(t.Context(), "bad name", nil, nil); err == nil {
		t.Error("a method with a space")
	}
}

func TestAnswersAreChecked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer string
		as     any
	}{
		"page":      {"<!DOCTYPE html><html><body>sign in</body></html>", new(*koji.DecodeError)},
		"cut":       {one[:60], new(*koji.DecodeError)},
		"type":      {strings.Replace(one, "<int>1</int>", "<struct/>", 1), new(*koji.DecodeError)},
		"too large": {strings.Replace(one, "<int>1</int>", "<string>"+strings.Repeat("x", 5000)+"</string>", 1), new(*limitio.TooLargeError)},
		"nested":    {strings.Repeat("<value><array><data>", 3_000), new(*koji.DecodeError)},
	} {
		var n atomic.Int32
		c := hubOf(t, koji.Options{MaxResponse: 4096}, func(w http.ResponseWriter, _ *http.Request) {
			n.Add(1)
			_, _ = io.WriteString(w, tc.answer)
		})
		if _, err := c.GetAPIVersion(t.Context()); err == nil || !errors.As(err, tc.as) {
			t.Errorf("%s: %v", name, err)
		}
		if want := map[bool]int32{true: 3, false: 1}[name == "cut"]; n.Load() != want {
			t.Errorf("%s: asked %d times", name, n.Load())
		}
	}
}

func TestMillionsOfNestedArraysEndAsAnError(t *testing.T) {
	t.Parallel()
	c := hubOf(t, koji.Options{Retries: -1}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<?xml version='1.0'?><methodResponse><params><param>")
		for range 3_000 {
			if _, err := io.WriteString(w, strings.Repeat("<value><array><data>", 1000)); err != nil {
				return
			}
		}
	})
	var v any
	var de *koji.DecodeError
	if err := c.Call(t.Context(), "listBuilds", nil, &v); !errors.As(err, &de) || !strings.Contains(err.Error(), "depth") {
		t.Errorf("%v", err)
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	// A client that says nothing of compression may still get it.
	opts := koji.Options{HTTP: &http.Client{Transport: &http.Transport{DisableCompression: true}}, MaxResponse: 1 << 20, Retries: -1}
	size := 0
	c := hubOf(t, opts, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, strings.Replace(one, "<params>", strings.Repeat(" ", size)+"<params>", 1))
		_ = z.Close()
	})
	if v, err := c.GetAPIVersion(t.Context()); err != nil || v != 1 {
		t.Errorf("%d %v", v, err)
	}
	size = 64 << 20
	var tle *limitio.TooLargeError
	if _, err := c.GetAPIVersion(t.Context()); !errors.As(err, &tle) {
		t.Errorf("compressed bomb: %v", err)
	}
}

func TestRedirectsAreShownNotFollowed(t *testing.T) {
	t.Parallel()
	c := hubOf(t, koji.Options{}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://user:pw@169.254.0.1/x?token=1", http.StatusFound)
	})
	_, err := c.GetAPIVersion(t.Context())
	var he *koji.HTTPError
	if !errors.As(err, &he) || he.StatusCode != http.StatusFound || he.Location != "http://169.254.0.1/x" {
		t.Errorf("%v", err)
	}
}

func TestContextEndsACall(t *testing.T) {
	t.Parallel()
	h, c := world(t, koji.Options{Retries: -1})
	h.Fail(kojitest.Failures{Latency: time.Hour})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the compose was canceled")
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	if _, err := c.GetAPIVersion(ctx); !errors.Is(err, why) || errors.Is(err, koji.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	// The same in the pause before a repetition.
	h.Fail(kojitest.Failures{Status: 503})
	slow := must(koji.New(strings.TrimSuffix(c.Paths().TopURL, "/")+"/kojihub", koji.Options{Backoff: func(int) time.Duration { return time.Hour }}))
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if _, err := slow.GetAPIVersion(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestTimeoutOfAnAttemptIsTheHubsFault(t *testing.T) {
	t.Parallel()
	h, c := world(t, koji.Options{Timeout: 50 * time.Millisecond, Retries: -1})
	h.Fail(kojitest.Failures{Latency: time.Hour})
	_, err := c.GetAPIVersion(t.Context())
	if !errors.Is(err, koji.ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("%v", err)
	}
}

func TestCallsRunSideBySide(t *testing.T) {
	t.Parallel()
	const n = 6
	var gate sync.WaitGroup
	gate.Add(n)
	c := hubOf(t, koji.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		gate.Done()
		gate.Wait() // answered once all have come
		_, _ = io.WriteString(w, one)
	})
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if v, err := c.GetAPIVersion(t.Context()); v != 1 || err != nil {
				t.Errorf("%d %v", v, err)
			}
		})
	}
	wg.Wait()
}
