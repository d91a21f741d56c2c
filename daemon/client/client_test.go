package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/client"
)

// serve starts a server of h and returns a client of it.
func serve(t *testing.T, h http.HandlerFunc, o client.Options) *client.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	if o.Pause == 0 {
		o.Pause = time.Millisecond
	}
	c, err := client.New(srv.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewRefusesWhatIsNoServer(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "localhost:8080", "ftp://example.org", "http://", "http://%zz"} {
		if _, err := client.New(raw, client.Options{}); err == nil {
			t.Errorf("New(%q) succeeded", raw)
		}
	}
}

func TestSubmitSendsRequestAndOptions(t *testing.T) {
	t.Parallel()
	want := compose.Request{Kind: compose.KindRepo, Release: "44", Sources: []string{"FEDORA-2026-1a2b3c4d5e"}}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		req, err := compose.DecodeRequest(r.Body)
		if err != nil {
			t.Errorf("request: %v", err)
		}
		if d := cmp.Diff(want, req); d != "" {
			t.Errorf("request differs (-want +got):\n%s", d)
		}
		got := []string{r.Method, r.URL.String(), r.Header.Get("Idempotency-Key"), r.Header.Get("Authorization"), r.Header.Get("Content-Type")}
		if d := cmp.Diff([]string{"POST", "/api/v1/composes?fresh=true", "once", "Bearer rsp_x", "application/json"}, got); d != "" {
			t.Errorf("call differs (-want +got):\n%s", d)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"id":"a","state":"queued","reused":true}`)
	}, client.Options{Token: "rsp_x"})
	made, err := c.Submit(t.Context(), want, client.SubmitOptions{IdempotencyKey: "once", Fresh: true})
	if err != nil || made.ID != "a" || !made.Reused || made.State != compose.StateQueued {
		t.Errorf("Submit: %+v, %v", made, err)
	}
}

func TestErrorsOfTheServer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		kind   string
		body   string
		want   api.Problem
	}{
		{
			name: "refusal", status: 422, kind: "application/problem+json",
			body: `{"title":"Request refused","status":422,"detail":"No.","code":"bad-source","problems":[{"code":"bad-source","field":"sources[0]","sentence":"No."}]}`,
			want: api.Problem{
				Title: "Request refused", Status: 422, Detail: "No.", Code: compose.CodeBadSource,
				Problems: []compose.Problem{{Code: compose.CodeBadSource, Field: "sources[0]", Sentence: "No."}},
			},
		},
		{name: "page of a proxy", status: 502, kind: "text/html", body: "<html>", want: api.Problem{Title: "Bad Gateway", Status: 502, Detail: "URL answers with HTTP status 502 Bad Gateway."}},
		{name: "broken document", status: 500, kind: "application/problem+json", body: `{"detail`, want: api.Problem{Title: "Internal Server Error", Status: 500, Detail: "URL answers with HTTP status 500 Internal Server Error."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.kind)
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}, client.Options{})
			_, err := c.Get(t.Context(), "x")
			got, ok := errors.AsType[*client.ProblemError](err)
			if !ok {
				t.Fatalf("error is %T: %v", err, err)
			}
			got.Detail = string(bytes.ReplaceAll([]byte(got.Detail), []byte(c.URL()+"/api/v1/composes/x"), []byte("URL")))
			if d := cmp.Diff(tt.want, got.Problem); d != "" {
				t.Errorf("problem differs (-want +got):\n%s", d)
			}
			if got.RetryAfter != 7*time.Second || errors.Is(err, client.ErrUnreachable) {
				t.Errorf("RetryAfter %v, unreachable %v", got.RetryAfter, errors.Is(err, client.ErrUnreachable))
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c, err := client.New(srv.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Queue(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("closed port: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Queue(ctx); errors.Is(err, client.ErrUnreachable) || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled call: %v", err)
	}
	cut := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"waiting":`)
	}, client.Options{})
	if _, err := cut.Queue(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("cut answer: %v", err)
	}
	other := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }, client.Options{})
	if _, ok := errors.AsType[*client.FormatError](func() error { _, err := other.Queue(t.Context()); return err }()); !ok {
		t.Error("another program's answer is no FormatError")
	}
}

func TestAllWalksThePages(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("state") != "queued,failed" || q.Get("limit") != "2" || q.Get("label") != "a=b" {
			t.Errorf("query %v", q)
		}
		page := api.ComposeList{Composes: []api.Compose{{ID: "c" + q.Get("cursor")}, {ID: "d" + q.Get("cursor")}}}
		if q.Get("cursor") != "2" {
			page.Next = map[string]string{"": "1", "1": "2"}[q.Get("cursor")]
		}
		_ = json.NewEncoder(w).Encode(page)
	}, client.Options{})
	var got []string
	for one, err := range c.All(t.Context(), client.ListOptions{States: []compose.State{compose.StateQueued, compose.StateFailed}, Label: "a=b", Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, one.ID)
	}
	if d := cmp.Diff([]string{"c", "d", "c1", "d1", "c2", "d2"}, got); d != "" {
		t.Errorf("composes differ (-want +got):\n%s", d)
	}
}

func TestLogFromOffset(t *testing.T) {
	t.Parallel()
	const text = "one\ntwo\nthree\n"
	for _, ranges := range []bool{true, false} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if !ranges {
				_, _ = io.WriteString(w, text)
				return
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader([]byte(text)))
		}, client.Options{})
		for offset, want := range map[int64]string{0: text, 4: "two\nthree\n", int64(len(text)): "", 99: ""} {
			r, err := c.Log(t.Context(), "id", "", offset)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || string(got) != want {
				t.Errorf("ranges %v, offset %d: %q, %v", ranges, offset, got, err)
			}
			_ = r.Close()
		}
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.String() {
		case "POST /api/v1/uploads?name=a+b.rpm":
			body, _ := io.ReadAll(r.Body)
			_, _ = fmt.Fprintf(w, `{"id":"%x","size":%d}`, body, r.ContentLength)
		case "GET /api/v1/uploads/known":
			_, _ = io.WriteString(w, `{"id":"known"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}, client.Options{})
	u, err := c.Upload(t.Context(), "a b.rpm", 2, bytes.NewReader([]byte{1, 2}))
	if err != nil || u.ID != "0102" || u.Size != 2 {
		t.Errorf("Upload: %+v, %v", u, err)
	}
	if _, ok, err := c.UploadInfo(t.Context(), "known"); !ok || err != nil {
		t.Errorf("UploadInfo of a known: %v, %v", ok, err)
	}
	if _, ok, err := c.UploadInfo(t.Context(), "unknown"); ok || err != nil {
		t.Errorf("UploadInfo of an unknown: %v, %v", ok, err)
	}
}

// A refusal before the body must come as such, and not as a broken connection.
func TestUploadRefusedBeforeItsBody(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusInsufficientStorage)
		_, _ = io.WriteString(w, `{"code":"disk-full","detail":"No room."}`)
	}, client.Options{})
	const size = 64 << 20
	_, err := c.Upload(t.Context(), "a.iso", size, io.LimitReader(zeros{}, size))
	if p, ok := errors.AsType[*client.ProblemError](err); !ok || p.Code != compose.CodeDiskFull {
		t.Errorf("Upload: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestEveryCallGoesWhereTheContractSays(t *testing.T) {
	t.Parallel()
	calls := []struct {
		want string
		make func(context.Context, *client.Client) error
	}{
		{"POST /api/v1/resolve", func(ctx context.Context, c *client.Client) error {
			_, err := c.Resolve(ctx, compose.Request{})
			return err
		}},
		{"GET /api/v1/composes/a%2Fb", func(ctx context.Context, c *client.Client) error { _, err := c.Get(ctx, "a/b"); return err }},
		{"GET /api/v1/composes/x/plan", func(ctx context.Context, c *client.Client) error { _, err := c.Plan(ctx, "x"); return err }},
		{"GET /api/v1/composes/x/report", func(ctx context.Context, c *client.Client) error { _, err := c.Report(ctx, "x"); return err }},
		{"GET /api/v1/composes/x/artifacts", func(ctx context.Context, c *client.Client) error { _, err := c.Artifacts(ctx, "x"); return err }},
		{"POST /api/v1/composes/x/cancel", func(ctx context.Context, c *client.Client) error { _, err := c.Cancel(ctx, "x"); return err }},
		{"POST /api/v1/composes/x/retry", func(ctx context.Context, c *client.Client) error { _, err := c.Retry(ctx, "x"); return err }},
		{`POST /api/v1/composes/x/renew {"ttl":"1h0m0s"}`, func(ctx context.Context, c *client.Client) error {
			_, err := c.Renew(ctx, "x", compose.Duration(time.Hour))
			return err
		}},
		{"POST /api/v1/composes/x/clone", func(ctx context.Context, c *client.Client) error { _, err := c.Clone(ctx, "x"); return err }},
		{"DELETE /api/v1/composes/x", func(ctx context.Context, c *client.Client) error { _, err := c.Delete(ctx, "x"); return err }},
		{"GET /api/v1/queue", func(ctx context.Context, c *client.Client) error { _, err := c.Queue(ctx); return err }},
		{"GET /api/v1/nodes", func(ctx context.Context, c *client.Client) error { _, err := c.Nodes(ctx); return err }},
		{"POST /api/v1/nodes/n/drain?undo=true", func(ctx context.Context, c *client.Client) error {
			_, err := c.Drain(ctx, "n", true)
			return err
		}},
		{"GET /api/v1/releases", func(ctx context.Context, c *client.Client) error { _, err := c.Releases(ctx); return err }},
		{"GET /api/v1/errors", func(ctx context.Context, c *client.Client) error { _, err := c.Errors(ctx); return err }},
		{"GET /api/v1/sources?arch=aarch64&debuginfo=true&release=44&s=task%3A1", func(ctx context.Context, c *client.Client) error {
			_, err := c.Source(ctx, "task:1", client.SourceOptions{Arch: "aarch64", Release: "44", Debuginfo: true})
			return err
		}},
		{`POST /api/v1/tokens {"name":"ci","scopes":["submit"]}`, func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateToken(ctx, "ci", []string{"submit"})
			return err
		}},
		{"DELETE /api/v1/tokens/t", func(ctx context.Context, c *client.Client) error { _, err := c.RevokeToken(ctx, "t"); return err }},
	}
	for _, tt := range calls {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				got := r.Method + " " + r.URL.String()
				if body, _ := io.ReadAll(r.Body); len(body) > 0 && r.URL.Path != "/api/v1/resolve" {
					got += " " + string(body)
				}
				if got != tt.want {
					t.Errorf("call is %s", got)
				}
				_, _ = io.WriteString(w, "{}")
			}, client.Options{})
			if err := tt.make(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestVersionTellsOtherProgramsApart(t *testing.T) {
	t.Parallel()
	title := "respin"
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"openapi":"3.1.0","info":{"title":%q,"version":"1.2"}}`, title)
	}, client.Options{})
	if v, err := c.Version(t.Context()); v != "1.2" || err != nil {
		t.Errorf("Version: %q, %v", v, err)
	}
	title = "pet store"
	if _, err := c.Version(t.Context()); err == nil {
		t.Error("another program passed for respin")
	}
}
