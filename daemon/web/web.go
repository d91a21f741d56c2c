// Package web serves respin's pages: the form for a new compose, the list, one
// compose with its progress and downloads, and the queue.
//
//	pages, err := web.New(service, web.Options{Logger: log, Version: "1.2.0"})
//	if err != nil {
//		return err
//	}
//	mux.Handle("/", pages)
//
// The pages are made with html/template from embedded files, load nothing from
// elsewhere, and work without JavaScript; the one script adds what a reload
// would otherwise show. Cross-origin posts must be refused before they get here
// (http.CrossOriginProtection), and so must callers who may not submit: what
// the [Service] answers to them is shown as it is.
package web

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// Reader is the content of an upload.
type Reader = io.Reader

// Service is what the pages ask for. Its methods are called concurrently, with
// the context of the browser's request.
type Service interface {
	// Submit starts a compose, or gives back the one that stands already.
	// The same request with the same once, which is not empty, starts nothing again.
	Submit(ctx context.Context, req compose.Request, once string) (api.Compose, error)
	// Cancel stops an unfinished compose.
	Cancel(ctx context.Context, id string) error
	// Retry builds the same plan again.
	Retry(ctx context.Context, id string) (api.Compose, error)
	// Upload stores a file of the user's own. The length is in bytes, or -1 when
	// it is not known before the end. r is read to its end unless that fails.
	Upload(ctx context.Context, name string, length int64, r Reader) (api.Upload, error)
	// Get returns one compose.
	Get(ctx context.Context, id string) (api.Compose, error)
	// Request returns what was asked for, to edit and ask again.
	Request(ctx context.Context, id string) (compose.Request, error)
	// List returns a page of composes, newest first; state and cursor may be empty.
	List(ctx context.Context, state, cursor string) (api.ComposeList, error)
	// Report returns the package report of a compose.
	Report(ctx context.Context, id string) (api.Report, error)
	// Queue returns who waits and who is being built.
	Queue(ctx context.Context) (api.Queue, error)
	// Nodes returns the build nodes.
	Nodes(ctx context.Context) (api.Nodes, error)
	// Releases says what can be built here.
	Releases(ctx context.Context) (api.Releases, error)
	// Problem turns any error of the others into what a user may read.
	Problem(err error) api.Problem
}

// Options are the settings of the pages; the zero value works.
type Options struct {
	Logger  hclog.Logger // default: none
	Version string       // shown at the foot of each page; default: nothing
}

// Pages serves the pages. Make one with New.
type Pages struct {
	service   Service
	log       hclog.Logger
	version   string
	now       func() time.Time
	mux       *http.ServeMux
	static    map[string]static
	templates map[string]*template.Template
}

// New prepares the pages. An error means that the program was built wrong.
func New(service Service, o Options) (*Pages, error) {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	p := &Pages{service: service, log: o.Logger, version: o.Version, now: time.Now}
	var err error
	if p.static, err = loadStatic(); err != nil {
		return nil, err
	}
	if p.templates, err = p.parse(); err != nil {
		return nil, err
	}
	p.mux = p.routes()
	return p, nil
}

func (p *Pages) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.newCompose)
	mux.HandleFunc("POST /{$}", p.submit)
	mux.HandleFunc("POST /recognize", p.recognize)
	mux.HandleFunc("GET /composes", p.composes)
	mux.HandleFunc("GET /composes/{id}", p.compose)
	mux.HandleFunc("POST /composes/{id}/cancel", p.cancel)
	mux.HandleFunc("POST /composes/{id}/retry", p.retry)
	mux.HandleFunc("GET /queue", p.queue)
	mux.HandleFunc("GET /static/{file}", p.serveStatic)
	mux.HandleFunc("/", p.notFound)
	return mux
}

// ServeHTTP answers for every path that is a page, and with a page for every other.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	p.mux.ServeHTTP(w, r)
}

// secure forbids whatever the pages do not need, so that a hole in one of them
// is of little use.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: with that a browser sends "Origin: null" with a form, and
	// the check against cross-origin posts takes it for a foreign one.
	h.Set("Referrer-Policy", "same-origin")
}

// pageNames are the pages; each is templates/NAME.html inside templates/layout.html.
func pageNames() []string { return []string{"new", "composes", "compose", "queue", "error", "listing"} }

func (p *Pages) parse() (map[string]*template.Template, error) {
	layout, err := template.New("layout").Funcs(p.funcs()).ParseFS(files, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	all := map[string]*template.Template{}
	for _, name := range pageNames() {
		page, err := layout.Clone()
		if err == nil {
			page, err = page.ParseFS(files, "templates/"+name+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("parse template of page %s: %w", name, err)
		}
		all[name] = page
	}
	return all, nil
}

// view is what the layout needs of every page.
type view struct {
	Title   string // of the window
	Nav     string // which link of the navigation is the current one
	Refresh int    // seconds after which a browser without scripts loads it again; 0: never
	Page    any
}

// render writes a page, or nothing of it when it fails half-way.
func (p *Pages) render(w http.ResponseWriter, status int, name string, v view) {
	var b bytes.Buffer
	if err := p.templates[name].ExecuteTemplate(&b, "layout.html", v); err != nil {
		p.log.Error("render page", "page", name, "error", err)
		http.Error(w, "The page cannot be shown; the server's log says more.", http.StatusInternalServerError)
		return
	}
	p.write(w, status, b.Bytes())
}

// renderPart writes one template of parts.html alone.
func (p *Pages) renderPart(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := p.templates["new"].ExecuteTemplate(&b, name, data); err != nil {
		p.log.Error("render part", "part", name, "error", err)
		http.Error(w, "The server's log says more.", http.StatusInternalServerError)
		return
	}
	p.write(w, http.StatusOK, b.Bytes())
}

func (p *Pages) write(w http.ResponseWriter, status int, html []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	if _, err := w.Write(html); err != nil {
		p.log.Debug("write page", "error", err) // the browser has gone
	}
}

// errorPage is the page of an error.
type errorPage struct {
	Problem api.Problem
	Back    string // where to go on, a path here
}

// fail answers with the page of an error of the service.
func (p *Pages) fail(w http.ResponseWriter, err error, back string) {
	p.showProblem(w, p.service.Problem(err), back)
}

func (p *Pages) showProblem(w http.ResponseWriter, problem api.Problem, back string) {
	if problem.Status < http.StatusBadRequest || problem.Status > 599 {
		problem.Status = http.StatusInternalServerError
	}
	if problem.Title == "" {
		problem.Title = http.StatusText(problem.Status)
	}
	p.render(w, problem.Status, "error", view{Title: problem.Title, Page: errorPage{problem, back}})
}

func (p *Pages) notFound(w http.ResponseWriter, _ *http.Request) {
	p.showProblem(w, api.Problem{
		Title: "Page not found", Status: http.StatusNotFound, Code: "not-found",
		Detail: "Nothing is at this address.", Remedy: "The list of composes shows what there is.",
	}, "/composes")
}
