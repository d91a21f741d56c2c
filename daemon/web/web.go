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
	"context"
	"io"
	"io/fs"
	"net/http"

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
	Submit(ctx context.Context, req compose.Request) (api.Compose, error)
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
	service Service
	log     hclog.Logger
	version string
}

// New prepares the pages.
func New(service Service, o Options) (*Pages, error) {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	return &Pages{service: service, log: o.Logger, version: o.Version}, nil
}

// ServeHTTP answers for every path that is a page, and with a page for every other.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.NotFound(w, r)
}

// Listing writes the page of one directory below /images/ or /repos/.
func (p *Pages) Listing(w http.ResponseWriter, r *http.Request, entries []fs.DirEntry) {
	http.NotFound(w, r)
}
