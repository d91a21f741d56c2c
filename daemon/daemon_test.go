package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/notify/smtptest"
	"github.com/fedora-respin/respin/koji/kojitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what takes milliseconds on an idle machine.
const patience = 90 * time.Second

// world is a daemon with a small Fedora and a mail server around it.
type world struct {
	t      *testing.T
	fedora *composetest.Fedora
	mail   *smtptest.Server
	cfg    daemon.Config
	url    string
	client *http.Client
	stop   func() // ends the daemon, not its surroundings
	log    journal
}

// journal is what the operator reads.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func newWorld(t *testing.T, change func(*daemon.Config)) *world {
	t.Helper()
	f, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mail, err := smtptest.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, fedora: f, mail: mail, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}}
	t.Cleanup(func() {
		if err := errors.Join(f.Close(), mail.Close()); err != nil {
			t.Error(err)
		}
	})
	host, port, err := net.SplitHostPort(mail.Addr())
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = daemon.Defaults()
	w.cfg.Data = t.TempDir()
	w.cfg.Queue = daemon.QueueConfig{Listen: "127.0.0.1:0", Lease: 2 * time.Second}
	w.cfg.Koji = daemon.KojiConfig{Hub: f.HubURL, TopURL: f.TopURL}
	w.cfg.Bodhi.URL = f.BodhiURL
	w.cfg.SMTP = daemon.SMTPConfig{Host: host, From: "respin@example.org", TLS: "none"}
	_, _ = fmt.Sscan(port, &w.cfg.SMTP.Port)
	w.cfg.Limits.DiskFloor = 1 << 20
	if change != nil {
		change(&w.cfg)
	}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// start runs a daemon on the world's data directory.
func (w *world) start() *daemon.Daemon {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.cfg.Listen, w.cfg.URL = listener.Addr().String(), "http://"+listener.Addr().String()
	w.url = w.cfg.URL
	d, err := daemon.New(context.Background(), w.cfg, daemon.Options{Version: "test", Logger: hclog.New(&hclog.LoggerOptions{Output: &w.log})})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Serve(ctx, listener) }()
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := errors.Join(<-done, d.Close()); err != nil {
			w.t.Errorf("stop daemon: %v", err)
		}
	}
	return d
}

// call makes a REST call and decodes the answer into out.
func (w *world) call(method, path string, in, out any, header ...string) *http.Response {
	w.t.Helper()
	var body io.Reader
	if in != nil {
		data, ok := in.([]byte)
		if !ok {
			var err error
			if data, err = json.Marshal(in); err != nil {
				w.t.Fatal(err)
			}
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if out != nil {
		if text, ok := out.(*string); ok {
			*text = string(data)
		} else if err := json.Unmarshal(data, out); err != nil {
			w.t.Fatalf("%s %s: %v in %s", method, path, err, data)
		}
	}
	return resp
}

// await polls the compose until it has ended.
func (w *world) await(id string) api.Compose {
	w.t.Helper()
	var c api.Compose
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if w.call("GET", "/api/v1/composes/"+id, nil, &c); c.State.Done() {
			return c
		}
	}
	w.t.Fatalf("compose %s is still %s (%s) after %s", id, c.State, c.Reason, patience)
	return c
}

func (w *world) submit(req compose.Request, header ...string) api.Compose {
	w.t.Helper()
	var c api.Compose
	if resp := w.call("POST", "/api/v1/composes", req, &c, header...); resp.StatusCode != http.StatusAccepted || resp.Header.Get("Location") == "" {
		w.t.Fatalf("submit: %s %+v", resp.Status, c)
	}
	return c
}

func repoOf(sources ...string) compose.Request {
	return compose.Request{Kind: compose.KindRepo, Arch: "x86_64", Sources: sources, Notify: []compose.Notify{{Email: "qa@example.org"}}}
}

// letter waits for the n-th message.
func (w *world) letter(n int) smtptest.Message {
	w.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if list := w.mail.Messages(); len(list) >= n {
			return list[n-1]
		}
	}
	w.t.Fatalf("there are %d messages, not %d", len(w.mail.Messages()), n)
	return smtptest.Message{}
}

func TestUpdateBecomesAHostedSideRepo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	made := w.submit(repoOf(w.fedora.Update, fmt.Sprintf("task:%d", w.fedora.Task)))
	c := w.await(made.ID)
	if c.State != compose.StateSucceeded || c.Percent != 100 || c.SideRepo == nil || c.SideRepo.Packages != 7 {
		t.Fatalf("%+v, failure %+v", c, c.Failure)
	}
	var repomd, repoFile, log string
	if resp := w.call("GET", strings.TrimPrefix(c.SideRepo.URL, w.url)+"repodata/repomd.xml", nil, &repomd); resp.StatusCode != http.StatusOK || !strings.Contains(repomd, "<repomd") {
		t.Errorf("repomd.xml: %s", resp.Status)
	}
	w.call("GET", strings.TrimPrefix(c.SideRepo.RepoFileURL, w.url), nil, &repoFile)
	if !strings.Contains(repoFile, "baseurl="+c.SideRepo.URL) {
		t.Errorf(".repo file: %s", repoFile)
	}
	w.call("GET", "/api/v1/composes/"+c.ID+"/log", nil, &log)
	if !strings.Contains(log, "verified: 7 packages") {
		t.Errorf("log: %s", log)
	}
	if resp := w.call("GET", "/api/v1/composes/"+c.ID+"/log", nil, &log, "Range", "bytes=5-9"); resp.StatusCode != http.StatusPartialContent || len(log) != 5 {
		t.Errorf("range of the log: %s %q", resp.Status, log)
	}
	var report api.Report
	w.call("GET", "/api/v1/composes/"+c.ID+"/report", nil, &report)
	if len(report.Packages) != 7 || report.Packages[0].Verdict != compose.VerdictIncluded {
		t.Errorf("report %+v", report)
	}
	if m := w.letter(1); !strings.Contains(m.Subject, c.ID) && !strings.Contains(m.Text, c.ID) || !strings.Contains(m.Text, c.SideRepo.URL) {
		t.Errorf("letter %q: %s", m.Subject, m.Text)
	}
	// The same again is there already; with fresh it is built anew.
	var again api.Compose
	if resp := w.call("POST", "/api/v1/composes", repoOf(w.fedora.Update, fmt.Sprintf("task:%d", w.fedora.Task)), &again); resp.StatusCode != http.StatusOK || !again.Reused || again.ID != c.ID {
		t.Errorf("the same again: %s %+v", resp.Status, again)
	}
	if fresh := (api.Compose{}); w.call("POST", "/api/v1/composes?fresh=true", repoOf(w.fedora.Update), &fresh).StatusCode != http.StatusAccepted || fresh.ID == c.ID {
		t.Errorf("fresh: %+v", fresh)
	}
}

func TestRefusalsAreProblemsWithCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, tc := range map[string]struct {
		method, path string
		body         any
		status       int
		code         string
		field        string
	}{
		"unknown update":   {"POST", "/api/v1/composes", repoOf("FEDORA-2026-0000000000"), 422, "update-not-found", "sources[0]"},
		"resolve":          {"POST", "/api/v1/resolve", repoOf(composetest.BuildDeleted), 422, "build-deleted", "sources[0]"},
		"volid":            {"POST", "/api/v1/composes", compose.Request{Kind: "remaster", VolID: strings.Repeat("v", 33), Base: &compose.Base{URL: "http://example.org/"}}, 422, "bad-volid", "volid"},
		"unknown field":    {"POST", "/api/v1/composes", []byte(`{"kind":"repo","relase":"44"}`), 422, "invalid-request", "relase"},
		"no JSON":          {"POST", "/api/v1/composes", []byte(`{`), 422, "invalid-request", ""},
		"no compose":       {"GET", "/api/v1/composes/20260101-none", nil, 404, "compose-not-found", ""},
		"no call":          {"GET", "/api/v1/nonsense", nil, 404, "not-found", ""},
		"no method":        {"PUT", "/api/v1/composes", []byte(`{}`), 405, "bad-request", ""},
		"bad parameter":    {"GET", "/api/v1/composes?limit=many", nil, 422, "invalid-request", ""},
		"typo in a filter": {"GET", "/api/v1/composes?stat=failed", nil, 422, "invalid-request", ""},
		"bad cursor":       {"GET", "/api/v1/composes?cursor=!!", nil, 400, "bad-request", ""},
		"no file":          {"GET", "/images/none/x.iso", nil, 404, "not-found", ""},
		"no staging":       {"GET", "/images/.staging/", nil, 404, "not-found", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p api.Problem
			resp := w.call(tc.method, tc.path, tc.body, &p)
			if resp.StatusCode != tc.status || string(p.Code) != tc.code || p.Status != tc.status || p.Detail == "" {
				t.Fatalf("%s %+v", resp.Status, p)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %s", got)
			}
			if tc.field != "" && (len(p.Problems) == 0 || p.Problems[0].Field != tc.field) {
				t.Errorf("problems %+v", p.Problems)
			}
		})
	}
}

func TestRefusedRequestsLeaveNoRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.call("POST", "/api/v1/composes", repoOf("FEDORA-2026-0000000000"), nil)
	var list api.ComposeList
	if w.call("GET", "/api/v1/composes", nil, &list); len(list.Composes) != 0 {
		t.Errorf("refused requests left records: %+v", list)
	}
	w.fedora.Hub.Fail(kojitest.Failures{Offline: "outage"})
	var p api.Problem
	if resp := w.call("POST", "/api/v1/composes", repoOf(composetest.BuildSmall), &p); resp.StatusCode != http.StatusBadGateway || p.Code != compose.CodeKojiUnreachable {
		t.Errorf("hub offline: %s %+v", resp.Status, p)
	}
}

func TestFailedComposeKeepsItsLogAndTells(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, name := range w.fedora.Hub.Files() {
		if strings.Contains(name, "motd-3.0-1.fc44.noarch") {
			_ = w.fedora.Hub.CorruptFile(name)
		}
	}
	c := w.await(w.submit(repoOf(w.fedora.SmallUpdate)).ID)
	if c.State != compose.StateFailed || c.Failure == nil || c.Failure.Code != compose.CodeRPMAltered || c.Failure.Stage != compose.StageFetch {
		t.Fatalf("%s %+v", c.State, c.Failure)
	}
	var log string
	w.call("GET", "/api/v1/composes/"+c.ID+"/log", nil, &log)
	if !strings.Contains(log, "FAILED in stage fetch (rpm-altered)") {
		t.Errorf("log: %s", log)
	}
	if m := w.letter(1); !strings.Contains(m.Text, c.Failure.Sentence) && !strings.Contains(m.Text, "motd-3.0-1.fc44.noarch.rpm") || !strings.Contains(m.Text, c.Links.Log) {
		t.Errorf("letter: %s", m.Text)
	}
	var retried api.Compose
	if resp := w.call("POST", "/api/v1/composes/"+c.ID+"/retry", nil, &retried); resp.StatusCode != http.StatusAccepted || retried.RetryOf != c.ID {
		t.Errorf("retry: %s %+v", resp.Status, retried)
	}
	w.await(retried.ID)
}

func TestCancelEndsARunningCompose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fedora.Hub.FailFiles(kojitest.Failures{Latency: time.Hour})
	c := w.submit(repoOf(w.fedora.SmallUpdate))
	for c.State != compose.StateBuilding {
		w.call("GET", "/api/v1/composes/"+c.ID, nil, &c)
		time.Sleep(20 * time.Millisecond)
	}
	w.call("POST", "/api/v1/composes/"+c.ID+"/cancel", nil, nil)
	if c = w.await(c.ID); c.State != compose.StateCanceled || c.Failure == nil || c.Failure.Code != compose.CodeCanceled {
		t.Fatalf("%s %+v", c.State, c.Failure)
	}
}

func TestIdempotencyKeyAndRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Node.Disabled = true })
	c := w.submit(repoOf(w.fedora.SmallUpdate), "Idempotency-Key", "k1")
	var same api.Compose
	if resp := w.call("POST", "/api/v1/composes", repoOf(w.fedora.SmallUpdate), &same, "Idempotency-Key", "k1"); resp.StatusCode != http.StatusOK || same.ID != c.ID {
		t.Errorf("the same key: %s %+v", resp.Status, same)
	}
	if w.call("GET", "/api/v1/composes/"+c.ID, nil, &c); c.State != compose.StateQueued || c.Reason == "" {
		t.Errorf("without a node: %s, %q", c.State, c.Reason)
	}
	w.stop()
	w.cfg.Node.Disabled = false
	w.start()
	if c = w.await(c.ID); c.State != compose.StateSucceeded {
		t.Fatalf("after the restart: %s %+v", c.State, c.Failure)
	}
	w.letter(1)
	time.Sleep(200 * time.Millisecond)
	if n := len(w.mail.Messages()); n != 1 {
		t.Errorf("%d letters", n)
	}
}

func TestEventsStreamEndsWithTheCompose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c := w.submit(repoOf(w.fedora.Update))
	var text string
	w.call("GET", "/api/v1/composes/"+c.ID+"/events", nil, &text)
	for _, part := range []string{"event: log", "event: state", "event: end", `"state":"succeeded"`, "stage fetch"} {
		if !strings.Contains(text, part) {
			t.Errorf("the stream lacks %s:\n%s", part, text)
		}
	}
	// Resumed at the end of the log, no line comes twice.
	last := text[strings.LastIndex(text, "id: ")+4:]
	last, _, _ = strings.Cut(last, "\n")
	w.call("GET", "/api/v1/composes/"+c.ID+"/events", nil, &text, "Last-Event-ID", last)
	if strings.Contains(text, "event: log") || !strings.Contains(text, "event: end") {
		t.Errorf("resumed at %s:\n%s", last, text)
	}
}

func TestSecondNodeDeliversOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Node.Disabled = true })
	var token api.Token
	if resp := w.call("POST", "/api/v1/tokens", map[string]any{"name": "node2", "scopes": []string{"node"}}, &token); resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s", resp.Status)
	}
	var creds daemon.NodeCredentials
	if err := json.Unmarshal([]byte(token.Credentials), &creds); err != nil {
		t.Fatal(err)
	}
	cfg := w.cfg
	cfg.Node.Work, cfg.Data = t.TempDir(), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- daemon.RunNode(ctx, cfg, creds, "test", nil) }()
	c := w.await(w.submit(repoOf(w.fedora.Update)).ID)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if c.State != compose.StateSucceeded || c.Node != "node2" {
		t.Fatalf("%s on %s: %+v", c.State, c.Node, c.Failure)
	}
	var repomd string
	if resp := w.call("GET", "/repos/"+c.ID+"/repodata/repomd.xml", nil, &repomd); resp.StatusCode != http.StatusOK {
		t.Errorf("delivered repo: %s", resp.Status)
	}
	// A node's token is no user's.
	var p api.Problem
	if resp := w.call("POST", "/api/v1/composes", repoOf(w.fedora.Update), &p, "Authorization", "Bearer "+creds.Token); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a node submits: %s", resp.Status)
	}
}

func TestForeignPagesAndNamesAreKeptOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var p api.Problem
	if resp := w.call("POST", "/api/v1/composes", repoOf(w.fedora.Update), nil, "Origin", "https://evil.example.org", "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("cross-origin write: %s", resp.Status)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/api/v1/composes", nil)
	req.Host = "evil.example.org"
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("foreign host name: %s", resp.Status)
	}
	if resp := w.call("GET", "/api/v1/composes", nil, &p, "Authorization", "Bearer wrong"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("wrong token: %s", resp.Status)
	}
}

func TestUploadedRPMBecomesASource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var data string
	for _, name := range w.fedora.Hub.Files() {
		if strings.Contains(name, "motd-3.0-1.fc44.noarch") {
			resp, err := w.client.Get(w.fedora.TopURL + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			data = string(b)
		}
	}
	var u api.Upload
	if resp := w.call("POST", "/api/v1/uploads?name=motd.rpm", []byte(data), &u); resp.StatusCode != http.StatusCreated || u.NEVRA != "motd-3.0-1.fc44.noarch" {
		t.Fatalf("%s %+v", resp.Status, u)
	}
	req := repoOf("upload:" + u.ID)
	c := w.await(w.submit(req).ID)
	if c.State != compose.StateSucceeded {
		t.Fatalf("%s %+v", c.State, c.Failure)
	}
	var p api.Problem
	if resp := w.call("POST", "/api/v1/uploads?name=x.rpm", []byte("no rpm"), &p); resp.StatusCode != http.StatusUnprocessableEntity || p.Code != compose.CodeRPMUnreadable {
		t.Errorf("no RPM: %s %+v", resp.Status, p)
	}
	if resp := w.call("POST", "/api/v1/uploads?name=..%2Fx.rpm", []byte("no rpm"), &p); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a path as name: %s %+v", resp.Status, p)
	}
}

// A file of any content is taken when it is called one, and may later turn out to
// be an RPM; an RPM stays one.
func TestUploadOfAnotherFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var u api.Upload
	var p api.Problem
	page := []byte("<html>a page of one's own</html>")
	if resp := w.call("POST", "/api/v1/uploads?name=page.html", page, &p); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a type: %s %+v", resp.Status, p)
	}
	if resp := w.call("POST", "/api/v1/uploads?type=exe&name=page.html", page, &p); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("of another type: %s %+v", resp.Status, p)
	}
	if resp := w.call("POST", "/api/v1/uploads?type=file&name=page.html", page, &u); resp.StatusCode != http.StatusCreated || u.Type != api.UploadFile || u.Size != int64(len(page)) {
		t.Fatalf("%s %+v", resp.Status, u)
	}
	if resp := w.call("POST", "/api/v1/resolve", repoOf("upload:"+u.ID), &p); resp.StatusCode != http.StatusUnprocessableEntity || p.Code != compose.CodeUploadNotFound {
		t.Errorf("a page as a source: %s %+v", resp.Status, p)
	}
	var base api.Upload
	if resp := w.call("POST", "/api/v1/uploads?name=boot.iso", isotest.Base("F44", "x86_64"), &base); resp.StatusCode != http.StatusCreated {
		t.Fatalf("base: %s", resp.Status)
	}
	var plan compose.Plan
	req := compose.Request{
		Kind: compose.KindRemaster, Release: "44", Arch: "x86_64", Base: &compose.Base{Upload: base.ID},
		Files: []compose.File{{Path: "/page.html", Upload: u.ID[:10]}}, UpdatesImage: &compose.File{Upload: u.ID},
	}
	if resp := w.call("POST", "/api/v1/resolve", req, &plan); resp.StatusCode != http.StatusOK || len(plan.Files) != 1 || plan.Files[0].SHA256 != u.ID || !strings.HasSuffix(plan.Files[0].URL, ".html") {
		t.Errorf("on the medium: %s %+v", resp.Status, plan.Files)
	}
	for _, kind := range []string{"&type=file", "", "&type=file"} {
		if resp := w.call("POST", "/api/v1/uploads?name=boot.iso"+kind, isotest.Base("F45", "x86_64"), &u); resp.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s", kind, resp.Status)
		}
	}
	if w.call("GET", "/api/v1/uploads/"+u.ID, nil, &u); u.Type != "iso" {
		t.Errorf("an image that came as a file, too, is a %s", u.Type)
	}
}

func TestOpenAPIDescribesTheCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var doc struct {
		OpenAPI string         `json:"openapi"`
		Paths   map[string]any `json:"paths"`
	}
	if w.call("GET", "/openapi.json", nil, &doc); !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %s", doc.OpenAPI)
	}
	for _, path := range []string{"/api/v1/composes", "/api/v1/composes/{id}/events", "/api/v1/resolve", "/api/v1/uploads", "/api/v1/errors"} {
		if doc.Paths[path] == nil {
			t.Errorf("%s is missing", path)
		}
	}
	etag := w.call("GET", "/api/v1/errors", nil, nil).Header.Get("ETag")
	if resp := w.call("GET", "/api/v1/errors", nil, nil, "If-None-Match", etag); resp.StatusCode != http.StatusNotModified {
		t.Errorf("ETag: %s", resp.Status)
	}
	for deadline := time.Now().Add(patience); w.call("GET", "/readyz", nil, nil).StatusCode != http.StatusOK; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the daemon does not get ready")
		}
	}
	var nodes api.Nodes
	if w.call("GET", "/api/v1/nodes", nil, &nodes); len(nodes.Nodes) != 1 || !nodes.Nodes[0].Online {
		t.Errorf("ready without its node: %+v", nodes)
	}
	for _, path := range []string{"/livez", "/metrics", "/", "/composes", "/queue"} {
		if resp := w.call("GET", path, nil, nil); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestBaseImageIsJudgedBeforeBuilding(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var u api.Upload
	if resp := w.call("POST", "/api/v1/uploads?name=boot.iso", isotest.Base("Fedora-S-44", "aarch64"), &u); resp.StatusCode != http.StatusCreated {
		t.Fatalf("upload: %s", resp.Status)
	}
	var p api.Problem
	if resp := w.call("POST", "/api/v1/uploads?name=boot.iso", []byte(strings.Repeat("no image", 9000)), &p); resp.StatusCode != http.StatusUnprocessableEntity || p.Code != compose.CodeBaseNotISO {
		t.Errorf("no ISO: %s %+v", resp.Status, p)
	}
	remaster := compose.Request{Kind: compose.KindRemaster, Arch: "x86_64", Sources: []string{w.fedora.Update}, Base: &compose.Base{Upload: u.ID}}
	if resp := w.call("POST", "/api/v1/resolve", remaster, &p); resp.StatusCode != http.StatusUnprocessableEntity || p.Code != compose.CodeBaseWrongArch {
		t.Errorf("other arch: %s %+v", resp.Status, p)
	}
	remaster.Base.Upload = strings.Repeat("0", 64)
	if resp := w.call("POST", "/api/v1/resolve", remaster, &p); resp.StatusCode != http.StatusUnprocessableEntity || p.Code != compose.CodeUploadNotFound {
		t.Errorf("no upload: %s %+v", resp.Status, p)
	}
	remaster.Base = &compose.Base{URL: "http://192.168.0.1/boot.iso"}
	if resp := w.call("POST", "/api/v1/resolve", remaster, &p); resp.StatusCode != http.StatusUnprocessableEntity || p.Code != compose.CodeURLRefused {
		t.Errorf("private address: %s %+v", resp.Status, p)
	}
	remaster.Base = &compose.Base{Compose: "20260101-none"}
	if resp := w.call("POST", "/api/v1/resolve", remaster, &p); resp.StatusCode != http.StatusUnprocessableEntity && resp.StatusCode != http.StatusNotFound || p.Code != compose.CodeComposeNotFound {
		t.Errorf("no compose: %s %+v", resp.Status, p)
	}
}

func TestFullDiskIsRefusedBeforeBuilding(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Limits.DiskFloor = 1 << 60 })
	var p api.Problem
	if resp := w.call("POST", "/api/v1/composes", repoOf(w.fedora.Update), &p); resp.StatusCode != http.StatusInsufficientStorage || p.Code != compose.CodeDiskFull {
		t.Errorf("%s %+v", resp.Status, p)
	}
}

func TestMissingToolIsRefusedBeforeBuilding(t *testing.T) {
	// No t.Parallel: the PATH is the process's.
	t.Setenv("PATH", t.TempDir())
	w := newWorld(t, nil)
	var u api.Upload
	w.call("POST", "/api/v1/uploads?name=boot.iso", isotest.Base("Fedora-S-44", "x86_64"), &u)
	remaster := compose.Request{Kind: compose.KindRemaster, Arch: "x86_64", Sources: []string{w.fedora.Update}, Base: &compose.Base{Upload: u.ID}}
	var p api.Problem
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		// Until the node has joined the compose could only wait for one.
		if w.call("POST", "/api/v1/resolve", remaster, &p); p.Code != "" {
			break
		}
	}
	if p.Code != compose.CodeToolMissing || !strings.Contains(p.Detail, "xorriso") {
		t.Errorf("%+v", p)
	}
}
