package bodhitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/fedora-respin/respin/bodhi"
)

// Options tunes a Server; the zero value works.
type Options struct {
	// Now is the clock for updates without dates. Default: time.Now.
	Now func() time.Time
	// Version is what /api_version says. Default: 26.4.0.
	Version string
}

// Server is a Bodhi in memory. It is an http.Handler and safe for concurrent
// use, additions and faults included.
type Server struct {
	now     func() time.Time
	version string
	mux     *http.ServeMux

	mu        sync.Mutex
	releases  []*bodhi.Release
	updates   []*entry
	accounts  []*User
	overrides []Override
	composes  []*Compose
	decisions map[string][]bodhi.Decision
	tagged    map[string][]bodhi.KojiBuild
	sideTags  []bodhi.SideTag
	critpath  map[string]map[string][]string
	schemas   map[string]json.RawMessage
	serial    int
	fault     Fault
	requests  []string
}

// Fault is a way to fail. The parts combine.
type Fault struct {
	// Path restricts the fault to requests whose path starts so. Default: all.
	Path string
	// Times is how many requests are hit before all is well again. Default 0:
	// until SetFault is called with a zero Fault.
	Times int
	// Latency delays the answer, or ends it when the client goes away.
	Latency time.Duration
	// Status answers so, with the HTML page of a proxy, or in Bodhi's JSON.
	Status     int
	JSON       bool
	RetryAfter string // the header of that answer
	// Truncate cuts the body after so many bytes, below its Content-Length.
	Truncate int
	// DuplicateRows serves a collection as the joined queries of Bodhi before
	// 25.x did: rows come twice, pages hold fewer different rows than asked for.
	DuplicateRows bool
}

// New makes an empty Bodhi.
func New(o Options) *Server {
	s := &Server{
		now: o.Now, version: o.Version, mux: http.NewServeMux(), decisions: map[string][]bodhi.Decision{}, tagged: map[string][]bodhi.KojiBuild{},
		critpath: map[string]map[string][]string{}, schemas: map[string]json.RawMessage{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.version == "" {
		s.version = "26.4.0"
	}
	for path, serve := range map[string]http.HandlerFunc{
		"/api_version": s.serveVersion, "/healthz/live": s.serveLive, "/healthz/ready": s.serveReady,
		"/updates/{$}": s.serveUpdates, "/updates/{id}": s.serveUpdate, "/updates/{id}/get-test-results": s.serveTestResults,
		"/releases/{$}": s.serveReleases, "/list_releases/{$}": s.serveReleases, "/releases/{name}": s.serveRelease,
		"/builds/{$}": s.serveBuilds, "/builds/{nvr}": s.serveBuild, "/packages/{$}": s.servePackages,
		"/comments/{$}": s.serveComments, "/comments/{id}": s.serveComment, "/users/{$}": s.serveUsers, "/users/{name}": s.serveUser,
		"/overrides/{$}": s.serveOverrides, "/overrides/{nvr}": s.serveOverride, "/composes/{$}": s.serveComposes, "/composes/{release}/{request}": s.serveCompose,
		"/latest_builds": s.serveLatestBuilds, "/latest_builds_in_tag": s.serveLatestBuildsInTag, "/latest_candidates": s.serveLatestCandidates,
		"/get_sidetags": s.serveSideTags, "/get_critpath_components": s.serveCritpath, "/message-schemas/v1/{$}": s.serveTopics, "/message-schemas/v1/{topic}": s.serveSchema,
	} {
		s.mux.HandleFunc("GET "+path, serve)
	}
	for _, name := range []string{"updates", "releases", "list_releases", "builds", "packages", "comments", "users", "overrides", "composes"} {
		s.mux.HandleFunc("GET /"+name, addSlash)
	}
	s.mux.HandleFunc("/", notFoundPage)
	return s
}

// SetFault makes the following requests fail; a zero Fault heals.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Requests lists the paths with queries that were asked for, in order.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := s.next(r)
	if f.Latency > 0 {
		timer := time.NewTimer(f.Latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	if f.Status != 0 {
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		if f.JSON {
			answerErrors(w, f.Status, complaint{"body", "request", http.StatusText(f.Status)})
			return
		}
		page(w, f.Status, fmt.Sprintf("%d %s", f.Status, http.StatusText(f.Status)))
		return
	}
	if !wantsJSON(r) {
		page(w, http.StatusOK, "Fedora Updates System")
		return
	}
	if f.Truncate > 0 {
		t := &truncated{header: http.Header{}, status: http.StatusOK}
		s.mux.ServeHTTP(t, r)
		t.cut(w, f.Truncate)
		return
	}
	if f.DuplicateRows {
		r.Header.Set(duplicateHeader, "1")
	}
	s.mux.ServeHTTP(w, r)
}

// duplicateHeader carries Fault.DuplicateRows to the handlers of collections.
const duplicateHeader = "X-Bodhitest-Duplicate"

// next notes the request and takes one turn of the fault.
func (s *Server) next(r *http.Request) Fault {
	r.Header.Del(duplicateHeader)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.URL.RequestURI())
	f := s.fault
	if !strings.HasPrefix(r.URL.Path, f.Path) {
		return Fault{}
	}
	if f.Times > 0 {
		if s.fault.Times--; s.fault.Times == 0 {
			s.fault = Fault{}
		}
	}
	return f
}

// truncated buffers an answer to send less of it than announced.
type truncated struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (t *truncated) Header() http.Header         { return t.header }
func (t *truncated) WriteHeader(status int)      { t.status = status }
func (t *truncated) Write(p []byte) (int, error) { return t.body.Write(p) }

func (t *truncated) cut(w http.ResponseWriter, n int) {
	maps.Copy(w.Header(), t.header)
	w.Header().Set("Content-Length", fmt.Sprint(t.body.Len()))
	w.WriteHeader(t.status)
	_, _ = w.Write(t.body.Bytes()[:min(n, t.body.Len())])
}

// wantsJSON follows Bodhi's Accept rules: absent and */* count as JSON.
func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return accept == "" || strings.Contains(accept, "json") || strings.HasPrefix(accept, "*/*")
}

func (s *Server) serveVersion(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"version": s.version})
}

func addSlash(w http.ResponseWriter, r *http.Request) {
	u := url.URL{Path: r.URL.Path + "/", RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", u.RequestURI())
	moved(w, http.StatusTemporaryRedirect, "The resource has been moved to "+u.RequestURI())
}

// moved is the body that Pyramid, not Bodhi, gives a redirect.
func moved(w http.ResponseWriter, status int, message string) {
	pyramid(w, status, message+"; you should be redirected automatically.\n\n")
}

// pyramid answers as the framework below Bodhi does.
func pyramid(w http.ResponseWriter, status int, message string) {
	text := http.StatusText(status)
	answer(w, status, map[string]any{"message": message, "code": fmt.Sprintf("%d %s", status, text), "title": text})
}

// notFoundPage is what Pyramid's notfound_view gives for unknown routes, JSON
// asked for or not.
func notFoundPage(w http.ResponseWriter, _ *http.Request) {
	page(w, http.StatusNotFound, "Fedora Updates System")
}

func page(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html>\n<html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n", title, title)
}

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		page(w, http.StatusInternalServerError, "500 Internal Server Error")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func answerErrors(w http.ResponseWriter, status int, errs ...complaint) {
	answer(w, status, map[string]any{"status": "error", "errors": errs})
}

// collection answers with one page of rows.
func collection(w http.ResponseWriter, r *http.Request, p *params, name string, rows []any, extra map[string]any) {
	number := p.number("page", 1, 1, 0)
	size := p.number("rows_per_page", 20, 1, 1000)
	p.flag("chrome")
	if len(p.errs) > 0 {
		answerErrors(w, http.StatusBadRequest, p.errs...)
		return
	}
	total := len(rows)
	pages := (total + size - 1) / size
	// LIMIT on joined rows: every row stands twice, and a page of the joined
	// rows shows the different ones in it; the envelope counts joined rows, too.
	if r.Header.Get(duplicateHeader) != "" {
		joined := make([]any, 0, 2*total)
		for _, row := range rows {
			joined = append(joined, row, row)
		}
		rows, pages = joined, (2*total+size-1)/size
	}
	lo := len(rows)
	if number-1 < pages {
		lo = (number - 1) * size
	}
	env := map[string]any{
		name: append([]any{}, rows[lo:min(lo+size, len(rows))]...), "page": number, "pages": pages,
		"rows_per_page": size, "total": total,
	}
	maps.Copy(env, extra)
	answer(w, http.StatusOK, env)
}
