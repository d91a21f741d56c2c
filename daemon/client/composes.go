package client

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// SubmitOptions go with a request.
type SubmitOptions struct {
	// IdempotencyKey makes a repeated Submit answer with the compose that the
	// first one made. Default none.
	IdempotencyKey string
	// Fresh builds even when the same Plan stands built.
	Fresh bool
}

// Submit asks for a compose. Its Reused says that one stood already; a request
// that cannot be built is a *ProblemError with every reason in Problems.
func (c *Client) Submit(ctx context.Context, req compose.Request, o SubmitOptions) (api.Compose, error) {
	k := post(v1("composes")...)
	k.body, k.header, k.query = req, http.Header{}, url.Values{}
	if o.IdempotencyKey != "" {
		k.header.Set("Idempotency-Key", o.IdempotencyKey)
	}
	if o.Fresh {
		k.query.Set("fresh", "true")
	}
	var made api.Compose
	err := c.json(ctx, k, &made)
	return made, err
}

// Resolve returns the Plan of a request without building it.
func (c *Client) Resolve(ctx context.Context, req compose.Request) (*compose.Plan, error) {
	k := post(v1("resolve")...)
	k.body = req
	return answer[*compose.Plan](ctx, c, k)
}

// answer makes a call whose answer is a T.
func answer[T any](ctx context.Context, c *Client, k call) (T, error) {
	var out T
	err := c.json(ctx, k, &out)
	return out, err
}

// Get returns one compose.
func (c *Client) Get(ctx context.Context, id string) (api.Compose, error) {
	return answer[api.Compose](ctx, c, get(v1("composes", id)...))
}

// Plan returns the Plan of a compose.
func (c *Client) Plan(ctx context.Context, id string) (*compose.Plan, error) {
	return answer[*compose.Plan](ctx, c, get(v1("composes", id, "plan")...))
}

// Report returns the package report of a compose.
func (c *Client) Report(ctx context.Context, id string) (api.Report, error) {
	return answer[api.Report](ctx, c, get(v1("composes", id, "report")...))
}

// Artifacts lists the files of a compose.
func (c *Client) Artifacts(ctx context.Context, id string) (api.Artifacts, error) {
	return answer[api.Artifacts](ctx, c, get(v1("composes", id, "artifacts")...))
}

// Cancel ends a compose; one that has ended keeps its state.
func (c *Client) Cancel(ctx context.Context, id string) (api.Compose, error) {
	return answer[api.Compose](ctx, c, post(v1("composes", id, "cancel")...))
}

// Retry builds the Plan of a compose again, as a new compose.
func (c *Client) Retry(ctx context.Context, id string) (api.Compose, error) {
	return answer[api.Compose](ctx, c, post(v1("composes", id, "retry")...))
}

// Renew keeps the files of a compose for ttl from now.
func (c *Client) Renew(ctx context.Context, id string, ttl compose.Duration) (api.Compose, error) {
	k := post(v1("composes", id, "renew")...)
	k.body = struct {
		TTL compose.Duration `json:"ttl"`
	}{ttl}
	return answer[api.Compose](ctx, c, k)
}

// Clone returns the request that made a compose, to edit and submit again.
func (c *Client) Clone(ctx context.Context, id string) (compose.Request, error) {
	return answer[compose.Request](ctx, c, post(v1("composes", id, "clone")...))
}

// Delete removes the files of a compose now; its record stays.
func (c *Client) Delete(ctx context.Context, id string) (api.Compose, error) {
	return answer[api.Compose](ctx, c, call{method: http.MethodDelete, path: v1("composes", id)})
}

// ListOptions choose composes. The zero value is all of them.
type ListOptions struct {
	States  []compose.State // one of these
	Kind    string
	Release string
	Arch    string
	Owner   string
	Source  string // as it was typed in the request
	Label   string // "key=value"
	Limit   int    // of one page, at most 500; 0: the server's default
	Cursor  string // Next of the page before
}

func (o ListOptions) query() url.Values {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	states := make([]string, len(o.States))
	for i, s := range o.States {
		states[i] = string(s)
	}
	set("state", strings.Join(states, ","))
	set("kind", o.Kind)
	set("release", o.Release)
	set("arch", o.Arch)
	set("owner", o.Owner)
	set("source", o.Source)
	set("label", o.Label)
	set("cursor", o.Cursor)
	if o.Limit > 0 {
		set("limit", strconv.Itoa(o.Limit))
	}
	return q
}

// List returns one page of composes, newest first.
func (c *Client) List(ctx context.Context, o ListOptions) (api.ComposeList, error) {
	k := get(v1("composes")...)
	k.query = o.query()
	return answer[api.ComposeList](ctx, c, k)
}

// All yields the composes of all pages, which are fetched as they are needed.
// The sequence ends after the first error.
func (c *Client) All(ctx context.Context, o ListOptions) iter.Seq2[api.Compose, error] {
	return func(yield func(api.Compose, error) bool) {
		for {
			page, err := c.List(ctx, o)
			if err != nil {
				yield(api.Compose{}, err)
				return
			}
			for i := range page.Composes {
				if !yield(page.Composes[i], nil) {
					return
				}
			}
			if page.Next == "" || page.Next == o.Cursor {
				return
			}
			o.Cursor = page.Next
		}
	}
}

// Log returns the log of a compose from offset in bytes to where it ends now;
// the caller closes it. name is a log of its artifacts, "" the running log. At
// or behind the end the log is empty. To follow a log, read the log events of
// Events.
func (c *Client) Log(ctx context.Context, id, name string, offset int64) (io.ReadCloser, error) {
	k := get(v1("composes", id, "log")...)
	k.query, k.header = url.Values{}, http.Header{}
	if name != "" {
		k.query.Set("name", name)
	}
	if offset > 0 {
		k.header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	req, err := c.request(ctx, k, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, req.URL, err)
	}
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && offset > 0:
		return http.NoBody, resp.Body.Close()
	case resp.StatusCode >= http.StatusBadRequest:
		defer func() { _ = resp.Body.Close() }()
		return nil, problemOf(resp)
	case resp.StatusCode == http.StatusOK && offset > 0: // a server between ours and us knows no Range
		if _, err := io.CopyN(io.Discard, resp.Body, offset); err != nil && err != io.EOF { //nolint:errorlint // CopyN gives io.EOF as it is
			_ = resp.Body.Close()
			return nil, c.unreachable(ctx, req.URL, err)
		}
	}
	return resp.Body, nil
}
