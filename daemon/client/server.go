package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// Queue returns who waits for what and what is being built.
func (c *Client) Queue(ctx context.Context) (api.Queue, error) {
	return answer[api.Queue](ctx, c, get(v1("queue")...))
}

// Nodes returns the build nodes.
func (c *Client) Nodes(ctx context.Context) (api.Nodes, error) {
	return answer[api.Nodes](ctx, c, get(v1("nodes")...))
}

// Drain lets a node finish and take nothing new; with undo it takes work again.
func (c *Client) Drain(ctx context.Context, node string, undo bool) (api.Nodes, error) {
	k := post(v1("nodes", node, "drain")...)
	if undo {
		k.query = url.Values{"undo": {"true"}}
	}
	return answer[api.Nodes](ctx, c, k)
}

// Releases says what can be built.
func (c *Client) Releases(ctx context.Context) (api.Releases, error) {
	return answer[api.Releases](ctx, c, get(v1("releases")...))
}

// Errors returns the catalog of codes.
func (c *Client) Errors(ctx context.Context) (api.Errors, error) {
	return answer[api.Errors](ctx, c, get(v1("errors")...))
}

// SourceOptions say which RPMs of a source are meant.
type SourceOptions struct {
	Release   string
	Arch      string // default: the server's own
	Debuginfo bool
	Multilib  bool // i686 too, on x86_64
	Source    bool // source RPMs too
	// Signatures is the policy for the source's signatures; "" is the default.
	Signatures compose.SignaturePolicy
}

// Source says what a source stands for right now.
func (c *Client) Source(ctx context.Context, source string, o SourceOptions) (api.SourceInfo, error) {
	k := get(v1("sources")...)
	k.query = url.Values{"s": {source}}
	if o.Release != "" {
		k.query.Set("release", o.Release)
	}
	if o.Arch != "" {
		k.query.Set("arch", o.Arch)
	}
	if o.Signatures != "" {
		k.query.Set("signatures", string(o.Signatures))
	}
	for name, on := range map[string]bool{"debuginfo": o.Debuginfo, "multilib": o.Multilib, "source_rpms": o.Source} {
		if on {
			k.query.Set(name, "true")
		}
	}
	return answer[api.SourceInfo](ctx, c, k)
}

// Version is the version that the server says it is.
func (c *Client) Version(ctx context.Context) (string, error) {
	doc, err := answer[struct {
		Info struct {
			Title   string `json:"title"`
			Version string `json:"version"`
		} `json:"info"`
	}](ctx, c, get("openapi.json"))
	if err == nil && doc.Info.Title != "respin" {
		err = &FormatError{URL: c.URL(), Reason: "what answers there is not respin"}
	}
	return doc.Info.Version, err
}

// CreateToken makes an API token. Its Secret, and with scope node its
// Credentials, are in this answer only.
func (c *Client) CreateToken(ctx context.Context, name string, scopes []string) (api.Token, error) {
	k := post(v1("tokens")...)
	k.body = struct {
		Name   string   `json:"name"`
		Scopes []string `json:"scopes"`
	}{name, scopes}
	return answer[api.Token](ctx, c, k)
}

// Tokens lists the API tokens, without their secrets.
func (c *Client) Tokens(ctx context.Context) ([]api.Token, error) {
	return answer[[]api.Token](ctx, c, get(v1("tokens")...))
}

// RevokeToken makes a token invalid.
func (c *Client) RevokeToken(ctx context.Context, id string) (api.Token, error) {
	return answer[api.Token](ctx, c, call{method: http.MethodDelete, path: v1("tokens", id)})
}

// Upload sends an RPM or an ISO of size bytes; name ends in .rpm or .iso. The
// server refuses what is not what its name says with a *ProblemError.
func (c *Client) Upload(ctx context.Context, name string, size int64, r io.Reader) (api.Upload, error) {
	return c.upload(ctx, url.Values{"name": {name}}, size, r)
}

// UploadFile sends a file of any content, for the medium of a remaster.
func (c *Client) UploadFile(ctx context.Context, name string, size int64, r io.Reader) (api.Upload, error) {
	return c.upload(ctx, url.Values{"name": {name}, "type": {api.UploadFile}}, size, r)
}

func (c *Client) upload(ctx context.Context, query url.Values, size int64, r io.Reader) (api.Upload, error) {
	var u api.Upload
	k := post(v1("uploads")...)
	k.query = query
	k.header = http.Header{
		"Content-Type": {"application/octet-stream"},
		// A refusal, as for want of room, comes before gigabytes were sent.
		"Expect": {"100-continue"},
	}
	// Not r itself: the transport would close a file of the caller's.
	req, err := c.request(ctx, k, io.NopCloser(r))
	if err != nil {
		return u, err
	}
	req.ContentLength = size
	resp, err := c.roundTrip(req)
	if err != nil {
		return u, err
	}
	defer func() { _ = resp.Body.Close() }()
	return u, c.decode(resp, &u)
}

// UploadInfo returns what was uploaded under id, the SHA-256 of the content; ok
// is false when nothing was.
func (c *Client) UploadInfo(ctx context.Context, id string) (u api.Upload, ok bool, err error) {
	u, err = answer[api.Upload](ctx, c, get(v1("uploads", id)...))
	if p, is := errors.AsType[*ProblemError](err); is && p.Status == http.StatusNotFound {
		return u, false, nil
	}
	return u, err == nil, err
}
