package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/store"
	"github.com/fedora-respin/respin/daemon/web"
	httppub "github.com/fedora-respin/respin/publish/http"
	"github.com/fedora-respin/respin/queue"
)

// deliverPath is where build nodes of other hosts deliver their results.
const deliverPath = "/deliver/"

// routes builds the whole HTTP interface.
func (d *Daemon) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	d.rest(mux)
	var err error
	if d.pages, err = web.New(&webService{d}, web.Options{Logger: d.log.Named("web"), Version: d.version}); err != nil {
		return nil, fmt.Errorf("set up pages: %w", err)
	}
	mux.Handle("/", d.pages)
	mux.Handle("GET /images/", d.serveFiles("/images/", ""))
	mux.Handle("GET /repos/", d.serveFiles("/repos/", "repo"))
	deliver, err := httppub.NewHandler(httppub.Options{
		Publisher: d.hosting, Authorize: d.authorizeDelivery, Logger: d.log.Named("deliver"),
	})
	if err != nil {
		return nil, fmt.Errorf("set up delivery: %w", err)
	}
	mux.Handle(deliverPath, http.StripPrefix(deliverPath, deliver))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { d.writeText(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", d.readyz)
	mux.HandleFunc("GET /metrics", d.metrics)
	return d.guardHost(d.authenticate(etag(d.problems(mux)))), nil
}

// authorizeDelivery lets only nodes deliver, and only what is a compose of ours.
// What is published a node cannot remove: it may only take back its own attempt.
func (d *Daemon) authorizeDelivery(r *http.Request, id string) error {
	c, _ := r.Context().Value(callerKey{}).(*caller)
	if c == nil || c.token == nil || !c.token.Allows(scopeNode) {
		return refuseCall(codeUnauthorized, http.StatusUnauthorized, "Delivering needs a token with the scope node.", "")
	}
	record, err := d.store.Get(r.Context(), id)
	if err != nil {
		return err
	}
	attempt, err := strconv.Atoi(r.URL.Query().Get("attempt"))
	if record.State == compose.StateExpired || r.Method == http.MethodDelete && (err != nil || attempt < 1) {
		return refuseCall(codeNotAllowed, http.StatusForbidden, "A node may not remove what is published.", "")
	}
	return nil
}

func (d *Daemon) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	nodes, err := d.master.Nodes(ctx)
	if err == nil {
		err = d.store.Ping(ctx)
	}
	if err == nil && d.node != nil && !slices.ContainsFunc(nodes, func(n queue.NodeInfo) bool { return n.ID == d.cfg.Node.ID && n.Online }) {
		err = errors.New("the build node of this process has not joined the queue")
	}
	if err != nil {
		d.log.Warn("not ready", "error", err)
		d.writeText(w, http.StatusServiceUnavailable, "not ready\n")
		return
	}
	d.writeText(w, http.StatusOK, "ready\n")
}

// metrics are few, and written in the text format by hand.
func (d *Daemon) metrics(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	b.WriteString("# HELP respin_composes Composes by state.\n# TYPE respin_composes gauge\n")
	for _, s := range []compose.State{
		compose.StateResolving, compose.StateQueued, compose.StateBuilding, compose.StatePublishing,
		compose.StateSucceeded, compose.StateFailed, compose.StateCanceled, compose.StateExpired,
	} {
		n, err := d.store.Count(r.Context(), store.Filter{States: []compose.State{s}})
		if err != nil {
			d.writeProblem(w, err)
			return
		}
		fmt.Fprintf(&b, "respin_composes{state=%q} %d\n", s, n)
	}
	fmt.Fprintf(&b, "# HELP respin_build_info The version that runs.\n# TYPE respin_build_info gauge\nrespin_build_info{version=%q} 1\n", d.version)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

func (d *Daemon) writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

func (d *Daemon) writeJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		d.writeProblem(w, fmt.Errorf("encode answer: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

func (d *Daemon) writeProblem(w http.ResponseWriter, err error) {
	d.sendProblem(w, d.problemOf(err))
}

func (d *Daemon) sendProblem(w http.ResponseWriter, p api.Problem) {
	data, err := json.Marshal(p)
	if err != nil {
		data = []byte(`{"code":"internal","status":500}`)
	}
	for _, h := range []string{"Content-Length", "ETag", "Cache-Control"} {
		w.Header().Del(h)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	maps.Copy(w.Header(), problemHeaders(p.Status))
	w.WriteHeader(p.Status)
	_, _ = w.Write(data)
}

// problems answers what is no call below /api/ with problem documents: the
// pages, which stand at "/", would answer with a page.
func (d *Daemon) problems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			mux.ServeHTTP(w, r)
			return
		}
		if _, pattern := mux.Handler(r); pattern != "" && pattern != "/" {
			mux.ServeHTTP(w, r)
			return
		}
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
			if _, pattern := mux.Handler(other); pattern != "" && pattern != "/" {
				allowed = append(allowed, method)
			}
		}
		if allowed != nil {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			d.sendProblem(w, problem(codeBadRequest, http.StatusMethodNotAllowed, "That call does not exist with the method "+r.Method+".", "Use "+strings.Join(allowed, " or ")+"."))
			return
		}
		d.sendProblem(w, problem(codeNotFound, http.StatusNotFound, "There is no such call.", "GET /openapi.json describes the calls."))
	})
}

// etag answers If-None-Match for the JSON of the API. Streams and files pass by.
func etag(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !safe || !strings.HasPrefix(path, "/api/") || strings.HasSuffix(path, "/log") || strings.HasSuffix(path, "/events") || strings.HasPrefix(path, "/api/v1/uploads/") {
			next.ServeHTTP(w, r)
			return
		}
		buf := &bufferedAnswer{header: w.Header()}
		next.ServeHTTP(buf, r)
		if buf.status == 0 {
			buf.status = http.StatusOK
		}
		if buf.status == http.StatusOK {
			sum := sha256.Sum256(buf.body.Bytes())
			tag := `"` + hex.EncodeToString(sum[:12]) + `"`
			w.Header().Set("ETag", tag)
			w.Header().Set("Cache-Control", "no-cache")
			if strings.Contains(r.Header.Get("If-None-Match"), tag) {
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		w.WriteHeader(buf.status)
		_, _ = w.Write(buf.body.Bytes())
	})
}

type bufferedAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *bufferedAnswer) Header() http.Header         { return b.header }
func (b *bufferedAnswer) WriteHeader(status int)      { b.status = status }
func (b *bufferedAnswer) Write(p []byte) (int, error) { return b.body.Write(p) }

// webService is what the pages ask the daemon for.
type webService struct{ d *Daemon }

func (s *webService) Submit(ctx context.Context, req compose.Request, once string) (api.Compose, error) {
	if err := s.d.allow(ctx, scopeSubmit); err != nil {
		return api.Compose{}, err
	}
	o := SubmitOptions{Owner: ownerOf(ctx)}
	if once != "" {
		o.IdempotencyKey = "form " + once
	}
	c, reused, err := s.d.Submit(ctx, req, o)
	if refused, ok := errors.AsType[*compose.RefusedError](err); ok && refused.Problems[0].Field == idempotencyField {
		// Somebody went back and changed the form: that is another request.
		o.IdempotencyKey = ""
		c, reused, err = s.d.Submit(ctx, req, o)
	}
	if err != nil {
		return api.Compose{}, err
	}
	v := s.d.view(c, nil)
	v.Reused = reused
	return v, nil
}

func (s *webService) Cancel(ctx context.Context, id string) error {
	if err := s.d.allow(ctx, scopeCancel); err != nil {
		return err
	}
	_, err := s.d.Cancel(ctx, id)
	return err
}

func (s *webService) Retry(ctx context.Context, id string) (api.Compose, error) {
	if err := s.d.allow(ctx, scopeSubmit); err != nil {
		return api.Compose{}, err
	}
	c, err := s.d.Retry(ctx, id, ownerOf(ctx))
	if err != nil {
		return api.Compose{}, err
	}
	return s.d.view(c, nil), nil
}

func (s *webService) Upload(ctx context.Context, name string, length int64, r web.Reader) (api.Upload, error) {
	if err := s.d.allow(ctx, scopeSubmit); err != nil {
		return api.Upload{}, err
	}
	u, err := s.d.receive(ctx, name, "", length, r)
	return viewUpload(&u), err
}

func (s *webService) Get(ctx context.Context, id string) (api.Compose, error) {
	return s.d.Get(ctx, id)
}

func (s *webService) Request(ctx context.Context, id string) (compose.Request, error) {
	c, err := s.d.store.Get(ctx, id)
	if err != nil {
		return compose.Request{}, err
	}
	return s.d.requestOf(ctx, c), nil
}

func (s *webService) List(ctx context.Context, state, cursor string) (api.ComposeList, error) {
	before, err := decodeCursor(cursor)
	if err != nil {
		return api.ComposeList{}, err
	}
	f := store.Filter{Before: before}
	if state != "" {
		f.States = []compose.State{compose.State(state)}
	}
	return s.d.List(ctx, f)
}

func (s *webService) Report(ctx context.Context, id string) (api.Report, error) {
	return s.d.Report(ctx, id)
}
func (s *webService) Queue(ctx context.Context) (api.Queue, error)       { return s.d.Queue(ctx) }
func (s *webService) Nodes(ctx context.Context) (api.Nodes, error)       { return s.d.Nodes(ctx) }
func (s *webService) Releases(ctx context.Context) (api.Releases, error) { return s.d.releases(ctx) }

func (s *webService) Problem(err error) api.Problem { return s.d.problemOf(err) }
