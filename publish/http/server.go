package http

import (
	"encoding/json"
	"errors"
	"fmt"
	nethttp "net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/publish/dir"
)

// Options of a Handler. Publisher and Authorize are required.
type Options struct {
	// Publisher stores what comes. The caller closes it.
	Publisher *dir.Publisher
	// Authorize decides whether the request may touch the set id. Its error
	// is answered as 401 without, 403 with an Authorization header; the error
	// text goes to the log only.
	Authorize func(r *nethttp.Request, id string) error
	// MaxFile is the most bytes of one file; 0 means 16 GiB.
	MaxFile int64
	// MaxSet is the most bytes of one attempt's files; 0 means 64 GiB.
	MaxSet int64
	// MaxFiles is the most files of one attempt; 0 means publish.MaxFiles.
	MaxFiles int
	// Logger gets what clients are not told; nil means none.
	Logger hclog.Logger
}

// Handler takes uploads. It expects paths that begin with the set's name:
// mount it with http.StripPrefix.
type Handler struct {
	opt Options

	mu    sync.Mutex
	usage map[string]*usage // by staging name
}

// usage is what an attempt takes up, uploads under way counted in full.
type usage struct {
	files int
	bytes int64
}

// NewHandler checks the options and returns a Handler.
func NewHandler(opt Options) (*Handler, error) {
	var errs []error
	if opt.Publisher == nil {
		errs = append(errs, errors.New("field Publisher is missing"))
	}
	if opt.Authorize == nil {
		errs = append(errs, errors.New("field Authorize is missing"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("create upload handler: %w", err)
	}
	if opt.MaxFile <= 0 {
		opt.MaxFile = 16 << 30
	}
	if opt.MaxSet <= 0 {
		opt.MaxSet = 64 << 30
	}
	if opt.MaxFiles <= 0 {
		opt.MaxFiles = publish.MaxFiles
	}
	if opt.Logger == nil {
		opt.Logger = hclog.NewNullLogger()
	}
	return &Handler{opt: opt, usage: map[string]*usage{}}, nil
}

// target is what a request's path names.
type target struct {
	id      string
	attempt int    // 0 for the published set
	path    string // file in the staging
}

// parseTarget reads ID (GET, DELETE) or ID.ATTEMPT/PATH (the others).
func parseTarget(r *nethttp.Request) (target, error) {
	name, path, below := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method == nethttp.MethodGet || r.Method == nethttp.MethodDelete {
		t := target{id: name}
		if below && path != "" {
			return t, &publish.RefusedError{Name: r.URL.Path, Reason: "it names no set"}
		}
		if s := r.URL.Query().Get("attempt"); s != "" {
			var err error
			if t.attempt, err = strconv.Atoi(s); err != nil || t.attempt < 1 {
				return t, &publish.RefusedError{Name: s, Reason: "an attempt is a number from 1"}
			}
		}
		return t, publish.CheckID(name)
	}
	id, attempt, err := publish.ParseStagingName(name)
	if err == nil && r.Method != nethttp.MethodPost {
		err = publish.CheckPath(path)
	}
	return target{id, attempt, path}, err
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	t, err := parseTarget(r)
	if err == nil {
		if aerr := h.opt.Authorize(r, t.id); aerr != nil {
			h.deny(w, r, t, aerr)
			return
		}
		err = h.serve(w, r, t)
	}
	if err != nil {
		h.fail(w, r, err)
	}
}

func (h *Handler) serve(w nethttp.ResponseWriter, r *nethttp.Request, t target) error {
	switch {
	case r.Method == nethttp.MethodHead:
		return h.head(w, r, t)
	case r.Method == nethttp.MethodPut:
		return h.put(w, r, t)
	case r.Method == nethttp.MethodPost && t.path == "finalize":
		return h.finalize(w, r, t)
	case r.Method == nethttp.MethodGet:
		return h.published(w, t)
	case r.Method == nethttp.MethodDelete:
		h.forget(t.id, t.attempt)
		if err := h.opt.Publisher.Remove(r.Context(), t.id, t.attempt); err != nil {
			return err
		}
		w.WriteHeader(nethttp.StatusNoContent)
		return nil
	}
	w.Header().Set("Allow", "GET, HEAD, PUT, POST, DELETE")
	writeProblem(w, problem{Status: nethttp.StatusMethodNotAllowed, Code: codeRefused, Detail: "this method does nothing here"})
	return nil
}

func (h *Handler) deny(w nethttp.ResponseWriter, r *nethttp.Request, t target, err error) {
	h.opt.Logger.Info("upload not allowed", "set", t.id, "method", r.Method, "remote", r.RemoteAddr, "error", err)
	p := problem{Status: nethttp.StatusForbidden, Code: codeDenied, Detail: "this token may not do that"}
	if r.Header.Get("Authorization") == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
		p.Status, p.Detail = nethttp.StatusUnauthorized, "a bearer token is needed"
	}
	writeProblem(w, p)
}

func (h *Handler) fail(w nethttp.ResponseWriter, r *nethttp.Request, err error) {
	p := describe(err)
	if r.Context().Err() != nil {
		h.opt.Logger.Debug("upload broke off", "path", r.URL.Path, "error", err)
	} else if p.Status >= 500 {
		h.opt.Logger.Error("upload failed", "path", r.URL.Path, "error", err)
	}
	if offset, ok := errors.AsType[*dir.OffsetError](err); ok {
		w.Header().Set(headerOffset, strconv.FormatInt(offset.Have, 10))
	}
	writeProblem(w, p)
}

func writeProblem(w nethttp.ResponseWriter, p problem) {
	p.Title = nethttp.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that has gone needs no answer
}

func writeJSON(w nethttp.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that has gone needs no answer
}

func (h *Handler) published(w nethttp.ResponseWriter, t target) error {
	digest, err := h.opt.Publisher.Digest(t.id)
	if err != nil {
		return err
	}
	if digest == "" {
		writeProblem(w, problem{Status: nethttp.StatusNotFound, Code: codeNotFound, Detail: "no such set is published"})
		return nil
	}
	writeJSON(w, map[string]string{"digest": digest})
	return nil
}

func (h *Handler) head(w nethttp.ResponseWriter, r *nethttp.Request, t target) error {
	size, complete, err := h.opt.Publisher.Uploaded(r.Context(), t.id, t.attempt, t.path)
	if err != nil {
		return err
	}
	w.Header().Set(headerComplete, "?0")
	if complete {
		sum, err := h.opt.Publisher.Sum(r.Context(), t.id, t.attempt, t.path)
		if err != nil {
			return err
		}
		w.Header().Set(headerComplete, "?1")
		w.Header().Set(headerDigest, formatDigest(sum))
	}
	w.Header().Set(headerOffset, strconv.FormatInt(size, 10))
	w.WriteHeader(nethttp.StatusOK)
	return nil
}

func (h *Handler) put(w nethttp.ResponseWriter, r *nethttp.Request, t target) error {
	rng, err := parseRange(r.Header.Get("Content-Range"), r.ContentLength)
	if err != nil {
		return err
	}
	f := publish.File{Path: t.path, Size: rng.total, SHA256: parseDigest(r.Header.Get(headerDigest))}
	if f.SHA256 == "" {
		return &publish.RefusedError{Name: headerDigest, Reason: "this header must give the file's SHA-256 as sha-256=:BASE64:"}
	}
	if at, err := nethttp.ParseTime(r.Header.Get("Last-Modified")); err == nil {
		f.ModTime = at
	}
	if f.Size > h.opt.MaxFile {
		return &limitio.TooLargeError{What: "the file " + f.Path, Limit: h.opt.MaxFile}
	}
	settle, err := h.reserve(r, t, f.Size)
	if err != nil {
		return err
	}
	have, err := h.opt.Publisher.Upload(r.Context(), t.id, t.attempt, f, rng.first, r.Body)
	settle(have)
	if err != nil {
		return err
	}
	if have < f.Size {
		return &dir.OffsetError{Have: have}
	}
	w.WriteHeader(nethttp.StatusCreated)
	return nil
}

// reserve counts the file in full against the attempt's limits until settle
// tells how much of it came.
func (h *Handler) reserve(r *nethttp.Request, t target, size int64) (settle func(have int64), err error) {
	before, _, err := h.opt.Publisher.Uploaded(r.Context(), t.id, t.attempt, t.path)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	name := publish.StagingName(t.id, t.attempt)
	u := h.usage[name]
	if u == nil {
		u = &usage{}
		if u.files, u.bytes, err = h.opt.Publisher.Usage(r.Context(), t.id, t.attempt); err != nil {
			return nil, err
		}
		h.usage[name] = u
	}
	if u.bytes-before+size > h.opt.MaxSet {
		return nil, fmt.Errorf("%w: the files of %s would take %d bytes, %d are allowed", publish.ErrNoSpace, name, u.bytes-before+size, h.opt.MaxSet)
	}
	if before == 0 {
		if u.files >= h.opt.MaxFiles {
			return nil, fmt.Errorf("%w: %s has %d files already, as many as are allowed", publish.ErrNoSpace, name, u.files)
		}
		u.files++
	}
	u.bytes += size - before
	return func(have int64) {
		h.mu.Lock()
		defer h.mu.Unlock()
		u.bytes -= size - have
	}, nil
}

// forget drops the count of an attempt, or of all of a set.
func (h *Handler) forget(id string, attempt int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range h.usage {
		owner, n, err := publish.ParseStagingName(name)
		if err == nil && owner == id && (attempt == 0 || n == attempt) {
			delete(h.usage, name)
		}
	}
}

func (h *Handler) finalize(w nethttp.ResponseWriter, r *nethttp.Request, t target) error {
	var staged publish.Staged
	if err := decodeJSON(r.Body, &staged); err != nil {
		return err
	}
	if staged.ID != t.id || staged.Attempt != t.attempt {
		return &publish.RefusedError{Name: staged.ID, Reason: "the record is of another attempt than the URL"}
	}
	if err := staged.Validate(); err != nil {
		return &publish.RefusedError{Name: staged.ID, Reason: err.Error()}
	}
	loc, err := h.opt.Publisher.Finalize(r.Context(), staged)
	if err != nil {
		return err
	}
	h.forget(t.id, t.attempt)
	writeJSON(w, loc)
	return nil
}
