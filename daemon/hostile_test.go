package daemon_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/store"
	"github.com/fedora-respin/respin/koji/kojitest"
)

func noNode(c *daemon.Config) { c.Node.Disabled = true }

// edit changes the record of a compose while the daemon is down.
func (w *world) edit(id string, fn func(*store.Compose)) {
	w.t.Helper()
	w.stop()
	s, err := store.Open(w.t.Context(), filepath.Join(w.cfg.Data, "respin.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := s.Update(w.t.Context(), id, func(c *store.Compose) error { fn(c); return nil }); err != nil {
		w.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.start()
}

func succeeded(c *store.Compose) {
	c.State, c.Submitted, c.Result = compose.StateSucceeded, true, &compose.Result{}
	c.Finished = time.Now().UTC()
	c.Expires = c.Finished.Add(time.Hour)
}

func TestExpiredComposeHasNoLogAndNoOtherFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.await(w.submit(repoOf(w.fedora.SmallUpdate)).ID)
	var p api.Problem
	for _, name := range []string{"..", ".", "../plan.json", "none"} {
		if resp := w.call("GET", "/api/v1/composes/"+c.ID+"/log?name="+name, nil, &p); resp.StatusCode != http.StatusNotFound || p.Code != "not-found" {
			t.Errorf("log %q: %s %+v", name, resp.Status, p)
		}
	}
	if resp := w.call("DELETE", "/api/v1/composes/"+c.ID, nil, nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("delete: %s", resp.Status)
	}
	if resp := w.call("GET", "/api/v1/composes/"+c.ID+"/log", nil, &p); resp.StatusCode != http.StatusNotFound || p.Code != "not-found" || p.Remedy == "" {
		t.Errorf("log of an expired compose: %s %+v", resp.Status, p)
	}
}

func TestRetryNeedsAnEndedCompose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noNode)
	c := w.submit(repoOf(w.fedora.SmallUpdate))
	var p api.Problem
	if resp := w.call("POST", "/api/v1/composes/"+c.ID+"/retry", nil, &p); resp.StatusCode != http.StatusConflict || p.Code != "conflict" {
		t.Errorf("retry of a waiting compose: %s %+v", resp.Status, p)
	}
}

func TestPlanThatTheQueueCannotCarryIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noNode)
	req := repoOf(w.fedora.SmallUpdate)
	req.Kickstart = &compose.Kickstart{Text: strings.Repeat("# "+strings.Repeat("x", 100)+"\n", 25_000)}
	var p api.Problem
	if resp := w.call("POST", "/api/v1/composes", req, &p); resp.StatusCode != http.StatusUnprocessableEntity || p.Code != compose.CodeInvalidRequest || len(p.Problems) != 1 || p.Problems[0].Field != "kickstart" {
		t.Errorf("%s %s %s", resp.Status, p.Code, p.Detail)
	}
}

func TestOnlyWhatStandsBuiltOfPinnedInputsIsReused(t *testing.T) {
	t.Parallel()
	image := isotest.Base("Fedora-S-44", "x86_64")
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.ServeContent(rw, r, "boot.iso", time.Time{}, bytes.NewReader(image))
	}))
	t.Cleanup(server.Close)
	w := newWorld(t, func(c *daemon.Config) {
		noNode(c)
		c.Limits.TrustHosts = []string{strings.TrimPrefix(server.URL, "http://")}
	})
	// An image whose digest nobody gave may be another one today.
	unpinned := compose.Request{Kind: compose.KindRemaster, Arch: "x86_64", Sources: []string{w.fedora.SmallUpdate}, Base: &compose.Base{URL: server.URL + "/boot.iso"}}
	w.edit(w.submit(unpinned).ID, succeeded)
	w.submit(unpinned) // 202, not 200

	req := repoOf(w.fedora.SmallUpdate)
	built := w.submit(req)
	w.edit(built.ID, succeeded)
	// One that is under way does not hide the one that stands; the answer keeps
	// its files as long as a new compose's.
	if resp := w.call("POST", "/api/v1/composes?fresh=true", req, nil); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("fresh: %s", resp.Status)
	}
	var again api.Compose
	if resp := w.call("POST", "/api/v1/composes", req, &again); resp.StatusCode != http.StatusOK || again.ID != built.ID || !again.Reused {
		t.Fatalf("the same again: %s %s, built %s", resp.Status, again.ID, built.ID)
	}
	if left := time.Until(*again.Expires); left < w.cfg.TTL-time.Hour {
		t.Errorf("a reused compose expires in %s", left)
	}
}

func TestAddressesStayPrivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Auth.Anonymous = "submit" })
	c := w.await(w.submit(repoOf(w.fedora.SmallUpdate)).ID)
	w.letter(1) // the address is known all the same
	w.stop()
	w.cfg.Auth.Anonymous = "read"
	w.start()
	for _, path := range []string{"GET /api/v1/composes/" + c.ID, "GET /api/v1/composes/" + c.ID + "/plan", "POST /api/v1/composes/" + c.ID + "/clone", "GET /images/" + c.ID + "/plan.json"} {
		var text string
		method, path, _ := strings.Cut(path, " ")
		if resp := w.call(method, path, nil, &text); resp.StatusCode != http.StatusOK || strings.Contains(text, "qa@example.org") {
			t.Errorf("%s: %s %s", path, resp.Status, text)
		}
	}
}

func TestHostedFilesRunNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noNode)
	dir := filepath.Join(w.cfg.Data, "images", "x")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"evil.html", "evil.xml", "evil.svg"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("<html><script>fetch('/api/v1/tokens')</script>"), 0o644); err != nil {
			t.Fatal(err)
		}
		resp := w.call("GET", "/images/x/"+name, nil, nil)
		if csp := resp.Header.Get("Content-Security-Policy"); resp.StatusCode != http.StatusOK || !strings.Contains(csp, "sandbox") {
			t.Errorf("%s: %s, policy %q", name, resp.Status, csp)
		}
	}
}

func TestManyStatesInAFilterAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noNode)
	var p api.Problem
	resp := w.call("GET", "/api/v1/composes?state="+strings.TrimSuffix(strings.Repeat("queued,", 40_000), ","), nil, &p)
	if resp.StatusCode != http.StatusUnprocessableEntity || p.Code != compose.CodeInvalidRequest || p.Remedy == "" {
		t.Errorf("%s %s %s", resp.Status, p.Code, p.Detail)
	}
}

func TestLogEventsHoldWholeLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noNode)
	c := w.submit(repoOf(w.fedora.SmallUpdate))
	log := strings.Repeat("ein Wörtchen über größere Übel\n", 10_000)
	w.edit(c.ID, func(c *store.Compose) {
		succeeded(c)
		c.LogSize = int64(len(log))
		if err := os.WriteFile(filepath.Join(w.cfg.Data, "logs", c.ID+".log"), []byte(log), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	var stream, got string
	w.call("GET", "/api/v1/composes/"+c.ID+"/events", nil, &stream)
	for line := range strings.Lines(stream) {
		data, ok := strings.CutPrefix(line, "data: ")
		var e api.Event
		if !ok || json.Unmarshal([]byte(data), &e) != nil || e.Type != "log" {
			continue
		}
		if got += e.Text; !strings.HasSuffix(e.Text, "\n") {
			t.Errorf("an event ends in the middle of a line: %q", e.Text[len(e.Text)-40:])
		}
	}
	if got != log {
		t.Errorf("%d bytes of log came, %d are there", len(got), len(log))
	}
}

func TestProxiedCallersAreNotTheOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Auth.Anonymous = "submit" })
	if resp := w.call("GET", "/api/v1/tokens", nil, nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("from this machine: %s", resp.Status)
	}
	var p api.Problem
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"} {
		resp := w.call("POST", "/api/v1/tokens", map[string]any{"name": "evil", "scopes": []string{"admin"}}, &p, header, "192.0.2.7")
		if resp.StatusCode != http.StatusUnauthorized || p.Code != "unauthorized" || resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %s %+v", header, resp.Status, p)
		}
	}
	if resp := w.call("POST", "/api/v1/composes", repoOf(w.fedora.SmallUpdate), nil, "X-Forwarded-For", "192.0.2.7"); resp.StatusCode != http.StatusAccepted {
		t.Errorf("submit through a proxy: %s", resp.Status)
	}
	if resp := w.call("POST", "/api/v1/composes", repoOf(w.fedora.Update), &p, "Origin", "https://evil.example.org", "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden || p.Code != "not-allowed" {
		t.Errorf("cross-origin write: %s %+v", resp.Status, p)
	}
	if resp := w.call("GET", "/api/v1/composes", nil, &p, "Authorization", "bearer wrong"); resp.StatusCode != http.StatusUnauthorized || !strings.Contains(p.Detail, "not known") {
		t.Errorf("lower-case scheme: %s %s", resp.Status, p.Detail)
	}
}

func TestNodeNamesAreNotTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Node.ID = "here-1" })
	node := func(name string) *http.Response {
		return w.call("POST", "/api/v1/tokens", map[string]any{"name": name, "scopes": []string{"node"}}, nil)
	}
	if resp := node("there"); resp.StatusCode != http.StatusCreated {
		t.Fatal(resp.Status)
	}
	for _, name := range []string{"there", "here-1"} {
		if resp := node(name); resp.StatusCode != http.StatusConflict {
			t.Errorf("another node %s: %s", name, resp.Status)
		}
	}
}

func TestSilentMailServerHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts in its backlog and never speaks
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	w := newWorld(t, func(c *daemon.Config) {
		noNode(c)
		c.SMTP.Port = silent.Addr().(*net.TCPAddr).Port
	})
	c := w.submit(repoOf(w.fedora.SmallUpdate))
	w.edit(c.ID, func(c *store.Compose) { succeeded(c); c.Expires = time.Now().Add(-time.Minute) })
	for deadline := time.Now().Add(30 * time.Second); c.State != compose.StateExpired; time.Sleep(50 * time.Millisecond) {
		if w.call("GET", "/api/v1/composes/"+c.ID, nil, &c); time.Now().After(deadline) {
			t.Fatalf("half a minute after its end the compose is still %s", c.State)
		}
	}
}

func TestCanceledComposeThatTheQueueStillHoldsIsNotBuilt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noNode)
	w.fedora.Hub.FailFiles(kojitest.Failures{Latency: time.Hour})
	c := w.submit(repoOf(w.fedora.SmallUpdate))
	w.cfg.Node.Disabled = false
	// What a kill leaves between Queue.Submit and the record of it.
	w.edit(c.ID, func(c *store.Compose) {
		c.State, c.Canceling, c.Submitted = compose.StateCanceled, true, false
	})
	var log string
	for deadline := time.Now().Add(patience); !strings.Contains(log, "FAILED in stage fetch (canceled)"); time.Sleep(50 * time.Millisecond) {
		if w.call("GET", "/api/v1/composes/"+c.ID+"/log", nil, &log); time.Now().After(deadline) {
			t.Fatalf("the node goes on with a canceled compose: %s", log)
		}
	}
}

func TestFewResolutionsAskTheHubAtATime(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	w := newWorld(t, noNode)
	hub, err := url.Parse(w.cfg.Koji.Hub)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: hub.Scheme, Host: hub.Host})
	slow := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(50 * time.Millisecond)
		forward.ServeHTTP(rw, r)
	}))
	t.Cleanup(slow.Close)
	w.stop()
	w.cfg.Koji.Hub = slow.URL + hub.Path
	w.start()
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() {
			resp, err := w.client.Get(w.url + "/api/v1/sources?s=" + w.fedora.SmallUpdate)
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Error(resp.Status)
			}
		})
	}
	group.Wait()
	if n := most.Load(); n > 8 || n < 2 {
		t.Errorf("%d questions at a time", n)
	}
}

func TestQuotaSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { noNode(c); c.Quotas.Waiting = 1 })
	w.submit(repoOf(w.fedora.SmallUpdate))
	var p api.Problem
	if resp := w.call("POST", "/api/v1/composes", repoOf(w.fedora.Update), &p); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" || p.Code != compose.CodeQuota {
		t.Errorf("%s, Retry-After %q, %+v", resp.Status, resp.Header.Get("Retry-After"), p)
	}
}

func TestLinksFollowTheServersAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.await(w.submit(repoOf(w.fedora.SmallUpdate)).ID)
	before := w.url
	w.stop()
	w.start() // on another port
	var a api.Artifacts
	w.call("GET", "/api/v1/composes/"+c.ID+"/artifacts", nil, &a)
	w.call("GET", "/api/v1/composes/"+c.ID, nil, &c)
	for _, link := range []string{a.Artifacts[0].URL, a.Logs[0].URL, a.SideRepo.URL, c.Artifacts[0].URL, c.SideRepo.RepoFileURL} {
		if !strings.HasPrefix(link, w.url+"/") || w.url == before {
			t.Errorf("%s is not below %s", link, w.url)
		}
	}
}

func TestHeadOfEventsDoesNotFollow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noNode)
	c := w.submit(repoOf(w.fedora.SmallUpdate))
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// A second answer on the same connection proves that the first call has ended.
	host := strings.TrimPrefix(w.url, "http://")
	_, _ = conn.Write([]byte("HEAD /api/v1/composes/" + c.ID + "/events HTTP/1.1\r\nHost: " + host + "\r\n\r\nGET /livez HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"))
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	data, err := io.ReadAll(conn)
	if err != nil || !strings.HasSuffix(string(data), "ok\n") {
		t.Errorf("%v: %s", err, data)
	}
}

func TestIdempotencyKeyOfAnotherRequestIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, noNode)
	w.submit(repoOf(w.fedora.SmallUpdate), "Idempotency-Key", "k")
	var p api.Problem
	if resp := w.call("POST", "/api/v1/composes", repoOf(w.fedora.Update), &p, "Idempotency-Key", "k"); resp.StatusCode != http.StatusUnprocessableEntity || p.Code != compose.CodeInvalidRequest || p.Problems[0].Field != "Idempotency-Key" {
		t.Errorf("%s %+v", resp.Status, p)
	}
}

func TestReadersDoNotKeepSubmittersWaiting(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	tarpit := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(tarpit.Close)
	w := newWorld(t, func(c *daemon.Config) {
		noNode(c)
		c.Auth.Anonymous = "read"
		c.Limits.TrustHosts = []string{strings.TrimPrefix(tarpit.URL, "http://")}
	})
	secret, err := os.ReadFile(filepath.Join(w.cfg.Data, daemon.OperatorTokenFile))
	if err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 12 {
		readers.Go(func() {
			if resp, err := w.client.Get(w.url + "/api/v1/sources?s=rpm:" + tarpit.URL + "/x.rpm"); err == nil {
				_ = resp.Body.Close()
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	w.submit(repoOf(w.fedora.SmallUpdate), "Authorization", "Bearer "+strings.TrimSpace(string(secret)))
	close(release)
	readers.Wait()
}
