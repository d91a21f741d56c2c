package daemon

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/store"
)

// statusError is an api.Problem as huma wants its errors.
type statusError struct{ api.Problem }

func (e *statusError) Error() string             { return e.Detail }
func (e *statusError) GetStatus() int            { return e.Status }
func (e *statusError) ContentType(string) string { return "application/problem+json" }
func (e *statusError) GetHeaders() http.Header   { return problemHeaders(e.Status) }
func (e *statusError) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[api.Problem](), true, "Problem")
}

// problemHeaders are what HTTP wants beside some statuses.
func problemHeaders(status int) http.Header {
	h := http.Header{}
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusTooManyRequests:
		h.Set("Retry-After", "60")
	}
	return h
}

// useProblems makes huma's own errors (a bad query parameter, a missing route)
// the same documents as ours. huma keeps its error constructor in a variable of
// the package, so it is set once for the process.
var useProblems = sync.OnceFunc(func() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		code := codeBadRequest
		switch status {
		case http.StatusNotFound:
			code = codeNotFound
		case http.StatusRequestEntityTooLarge:
			code = codeTooLarge
		case http.StatusUnprocessableEntity:
			code = compose.CodeInvalidRequest
		case http.StatusInternalServerError:
			code = compose.CodeInternal
		}
		p := problem(code, status, msg, "GET /openapi.json describes the call.")
		for _, err := range errs {
			one := compose.Problem{Code: code, Sentence: err.Error()}
			if detail, ok := err.(huma.ErrorDetailer); ok {
				one.Field, one.Sentence = detail.ErrorDetail().Location, detail.ErrorDetail().Message
			}
			p.Problems = append(p.Problems, one)
		}
		return &statusError{p}
	}
})

// answer turns an error of the daemon into one for huma.
func (d *Daemon) answer(err error) error {
	if err == nil {
		return nil
	}
	return &statusError{d.problemOf(err)}
}

// schemaName names a type in the OpenAPI document. Types of compose carry its
// name, because api has some of the same (Problem).
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if strings.HasSuffix(t.PkgPath(), "/compose") {
		return "Compose" + name
	}
	return name
}

// rest registers every call of the REST interface on mux.
func (d *Daemon) rest(mux *http.ServeMux) huma.API {
	useProblems()
	config := huma.DefaultConfig("respin", d.version)
	config.Info.Description = "Fedora images on demand: side repos, remastered boot images and more, with proof that the requested builds are inside."
	config.DocsPath = ""     // the bundled page loads scripts of others
	config.SchemasPath = ""  // everything stands in /openapi.json
	config.CreateHooks = nil // no $schema member in answers
	config.Transformers = nil
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	a := humago.New(mux, config)
	d.restComposes(a)
	d.restActions(a)
	d.restServer(a)
	d.restUploads(a)
	d.restTokens(a)
	return a
}

type body[T any] struct{ Body T }

type idInput struct {
	ID string `path:"id" doc:"id of the compose" maxLength:"64"`
}

// requestBody documents a body that this package decodes itself, so that every
// unknown field and wrong type is answered in our words.
func requestBody(a huma.API) *huma.RequestBody {
	schema := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[compose.Request](), true, "Request")
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: schema}, "application/yaml": {Schema: schema},
	}}
}

func op(id, method, path, summary string, errors ...int) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Errors: errors}
}

type requestInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"the same key again answers with the compose that it made"`
	Fresh          bool   `query:"fresh" doc:"build even when the same Plan stands built"`
	RawBody        []byte
}

type submitOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     api.Compose
}

func (d *Daemon) restComposes(a huma.API) {
	resolve := op("resolve", http.MethodPost, "/api/v1/resolve", "The Plan of a request, or everything that is wrong with it", 422, 502, 503, 507)
	resolve.RequestBody, resolve.MaxBodyBytes, resolve.SkipValidateBody = requestBody(a), compose.MaxRequestSize, true
	huma.Register(a, resolve, func(ctx context.Context, in *requestInput) (*body[*compose.Plan], error) {
		req, err := decodeRequest(in.RawBody)
		if err != nil {
			return nil, d.answer(err)
		}
		plan, err := d.Resolve(ctx, req)
		return &body[*compose.Plan]{plan}, d.answer(err)
	})

	submit := op("submit", http.MethodPost, "/api/v1/composes", "Submit a request", 401, 403, 422, 429, 502, 503, 507)
	submit.RequestBody, submit.MaxBodyBytes, submit.SkipValidateBody = requestBody(a), compose.MaxRequestSize, true
	submit.DefaultStatus = http.StatusAccepted
	huma.Register(a, submit, func(ctx context.Context, in *requestInput) (*submitOutput, error) {
		if err := d.allow(ctx, scopeSubmit); err != nil {
			return nil, d.answer(err)
		}
		req, err := decodeRequest(in.RawBody)
		if err != nil {
			return nil, d.answer(err)
		}
		c, reused, err := d.Submit(ctx, req, SubmitOptions{IdempotencyKey: in.IdempotencyKey, Fresh: in.Fresh, Owner: ownerOf(ctx)})
		if err != nil {
			return nil, d.answer(err)
		}
		return d.submitted(ctx, c, reused)
	})

	list := op("list", http.MethodGet, "/api/v1/composes", "The composes, newest first", 400, 422)
	list.RejectUnknownQueryParameters = true
	huma.Register(a, list, func(ctx context.Context, in *struct {
		State   []string `query:"state" maxItems:"16" enum:"resolving,queued,building,publishing,succeeded,failed,canceled,expired"`
		Kind    string   `query:"kind"`
		Release string   `query:"release"`
		Arch    string   `query:"arch"`
		Owner   string   `query:"owner"`
		Source  string   `query:"source"`
		Label   string   `query:"label" doc:"key=value"`
		Limit   int      `query:"limit" default:"50" minimum:"1" maximum:"500"`
		Cursor  string   `query:"cursor" doc:"next of the page before"`
	},
	) (*body[api.ComposeList], error) {
		f := store.Filter{Kind: in.Kind, Release: in.Release, Arch: in.Arch, Owner: in.Owner, Source: in.Source, Label: in.Label, Limit: in.Limit}
		for _, s := range in.State {
			f.States = append(f.States, compose.State(s))
		}
		var err error
		if f.Before, err = decodeCursor(in.Cursor); err != nil {
			return nil, d.answer(err)
		}
		page, err := d.List(ctx, f)
		return &body[api.ComposeList]{page}, d.answer(err)
	})

	huma.Register(a, op("show", http.MethodGet, "/api/v1/composes/{id}", "One compose", 404), func(ctx context.Context, in *idInput) (*body[api.Compose], error) {
		c, err := d.Get(ctx, in.ID)
		return &body[api.Compose]{c}, d.answer(err)
	})
	huma.Register(a, op("plan", http.MethodGet, "/api/v1/composes/{id}/plan", "Its Plan", 404), func(ctx context.Context, in *idInput) (*body[*compose.Plan], error) {
		c, err := d.store.Get(ctx, in.ID)
		if err == nil && c.Plan == nil {
			err = refuseCall(codeNotFound, http.StatusNotFound, "The compose has no Plan yet.", "Wait until it is resolved.")
		}
		if err != nil {
			return nil, d.answer(err)
		}
		return &body[*compose.Plan]{c.Plan}, nil
	})
	huma.Register(a, op("report", http.MethodGet, "/api/v1/composes/{id}/report", "Its package report", 404), func(ctx context.Context, in *idInput) (*body[api.Report], error) {
		r, err := d.Report(ctx, in.ID)
		return &body[api.Report]{r}, d.answer(err)
	})
	huma.Register(a, op("artifacts", http.MethodGet, "/api/v1/composes/{id}/artifacts", "Its files", 404), func(ctx context.Context, in *idInput) (*body[api.Artifacts], error) {
		c, err := d.store.Get(ctx, in.ID)
		if err != nil {
			return nil, d.answer(err)
		}
		d.fillURLs(c)
		out := api.Artifacts{ID: c.ID, Artifacts: []compose.Artifact{}, Logs: []compose.Artifact{}}
		if c.Result != nil && c.State.Done() && c.State != compose.StateExpired {
			out.Artifacts, out.SideRepo = append(out.Artifacts, c.Result.Artifacts...), c.Result.SideRepo
			out.Logs = append(out.Logs, c.Result.Logs...)
		}
		return &body[api.Artifacts]{out}, nil
	})
	d.restStreams(a)
}

// submitted answers a submission: 202 for a new compose, 200 for one that stood.
func (d *Daemon) submitted(ctx context.Context, c *store.Compose, reused bool) (*submitOutput, error) {
	v, err := d.viewOne(ctx, c)
	if err != nil {
		return nil, d.answer(err)
	}
	v.Reused = reused
	out := &submitOutput{Status: http.StatusAccepted, Location: v.Links.Self, Body: v}
	if reused {
		out.Status = http.StatusOK
	}
	return out, nil
}

func (d *Daemon) restActions(a huma.API) {
	act := func(id, method, path, summary, scope string, fn func(context.Context, string) (*store.Compose, error)) {
		huma.Register(a, op(id, method, path, summary, 401, 403, 404, 409), func(ctx context.Context, in *idInput) (*body[api.Compose], error) {
			if err := d.allow(ctx, scope); err != nil {
				return nil, d.answer(err)
			}
			if _, err := fn(ctx, in.ID); err != nil {
				return nil, d.answer(err)
			}
			c, err := d.Get(ctx, in.ID)
			return &body[api.Compose]{c}, d.answer(err)
		})
	}
	act("cancel", http.MethodPost, "/api/v1/composes/{id}/cancel", "Cancel it", scopeCancel, d.Cancel)
	act("delete", http.MethodDelete, "/api/v1/composes/{id}", "Remove its files now; the record stays", scopeCancel, d.Expire)

	retry := op("retry", http.MethodPost, "/api/v1/composes/{id}/retry", "Build the same Plan again", 401, 403, 404, 409, 429, 507)
	retry.DefaultStatus = http.StatusAccepted
	huma.Register(a, retry, func(ctx context.Context, in *idInput) (*submitOutput, error) {
		if err := d.allow(ctx, scopeSubmit); err != nil {
			return nil, d.answer(err)
		}
		c, err := d.Retry(ctx, in.ID, ownerOf(ctx))
		if err != nil {
			return nil, d.answer(err)
		}
		return d.submitted(ctx, c, false)
	})
	huma.Register(a, op("renew", http.MethodPost, "/api/v1/composes/{id}/renew", "Keep its files longer", 401, 403, 404, 409), func(ctx context.Context, in *struct {
		ID   string `path:"id" doc:"id of the compose" maxLength:"64"`
		Body struct {
			TTL compose.Duration `json:"ttl" doc:"from now, like 336h"`
		}
	},
	) (*body[api.Compose], error) {
		if err := d.allow(ctx, scopeRenew); err != nil {
			return nil, d.answer(err)
		}
		ttl := time.Duration(in.Body.TTL)
		if ttl < time.Minute || ttl > 10*365*24*time.Hour {
			return nil, d.answer(compose.Refuse(compose.Problem{Code: compose.CodeInvalidRequest, Field: "ttl", Sentence: "The ttl is not between a minute and ten years.", Remedy: "Write it like 336h."}))
		}
		if _, err := d.Renew(ctx, in.ID, ttl); err != nil {
			return nil, d.answer(err)
		}
		c, err := d.Get(ctx, in.ID)
		return &body[api.Compose]{c}, d.answer(err)
	})
	huma.Register(a, op("clone", http.MethodPost, "/api/v1/composes/{id}/clone", "The request that made it, to edit", 404), func(ctx context.Context, in *idInput) (*body[compose.Request], error) {
		c, err := d.store.Get(ctx, in.ID)
		if err != nil {
			return nil, d.answer(err)
		}
		return &body[compose.Request]{d.requestOf(ctx, c)}, nil
	})
}

// requestOf is the request of c as the caller of ctx may see it: whom to tell is
// for those who could have named them.
func (d *Daemon) requestOf(ctx context.Context, c *store.Compose) compose.Request {
	req := c.Request
	if d.allow(ctx, scopeSubmit) != nil {
		req.Notify = nil
	}
	return req
}

// cursors are opaque to callers.
func encodeCursor(seq int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(seq, 10)))
}

func decodeCursor(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		var seq int64
		if seq, err = strconv.ParseInt(string(text), 10, 64); err == nil && seq > 0 {
			return seq, nil
		}
	}
	return 0, refuseCall(codeBadRequest, http.StatusBadRequest, "The cursor is not one that this server gave.", "Start without a cursor.")
}

func decodeRequest(body []byte) (compose.Request, error) {
	return compose.DecodeRequest(bytes.NewReader(body))
}
