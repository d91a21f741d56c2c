// Package client is a typed client of respin's REST interface, for programs and
// for the command line. It needs net/http and the wire types of daemon/api only.
//
//	c, err := client.New("http://127.0.0.1:8080", client.Options{})
//	made, err := c.Submit(ctx, compose.Request{Kind: compose.KindRepo, Release: "44",
//		Sources: []string{"FEDORA-2026-1a2b3c4d5e"}}, client.SubmitOptions{})
//	var refused *client.ProblemError
//	if errors.As(err, &refused) {
//		for _, p := range refused.Problems {
//			fmt.Println(p.Field, p.Sentence, p.Remedy)
//		}
//	}
//	for event, err := range c.Events(ctx, made.ID, "") {
//		fmt.Println(event.Stage, event.Percent, event.Message)
//	}
//
// Every call takes a context and is bounded in memory. A call that the server
// answered with an error is a *ProblemError; errors.Is(err, ErrUnreachable)
// tells that no server answered.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fedora-respin/respin/internal/limitio"
)

// DefaultURL is where `respin serve` listens when nothing is configured.
const DefaultURL = "http://127.0.0.1:8080"

// DefaultUserAgent is sent when Options names none.
const DefaultUserAgent = "respin"

// maxAnswer bounds a JSON answer, in bytes. The largest is the Plan of a side
// repo of some ten thousand RPMs at about 600 bytes each.
const maxAnswer = 64 << 20

// Options of New. The zero value works.
type Options struct {
	// HTTP makes the requests. Default: a client of this package's own, without
	// a time limit for the whole of a call, because logs, uploads and downloads
	// take as long as they take.
	HTTP *http.Client
	// Token is sent as bearer token to the server, and to no other host. Default none.
	Token     string
	UserAgent string // default DefaultUserAgent
	// Patience is how long Events tries to come back to a server that is gone.
	// Default 5 minutes.
	Patience time.Duration
	// Pause is the wait before the first attempt to come back; it doubles up to
	// 10 seconds. Default half a second.
	Pause time.Duration
}

// Client calls one server. It is safe for concurrent use.
type Client struct {
	base  *url.URL // without a slash at the end
	http  *http.Client
	token string
	agent string

	patience, pause time.Duration
}

// New returns a client of the server at baseURL, such as DefaultURL. The error
// says what is wrong with the URL.
func New(baseURL string, o Options) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("read server URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("read server URL: %q is not like %s", baseURL, DefaultURL)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawQuery, u.Fragment = "", ""
	c := &Client{base: u, http: o.HTTP, token: o.Token, agent: o.UserAgent, patience: o.Patience, pause: o.Pause}
	if c.http == nil {
		c.http = defaultHTTP()
	}
	if c.agent == "" {
		c.agent = DefaultUserAgent
	}
	if c.patience == 0 {
		c.patience = 5 * time.Minute
	}
	if c.pause == 0 {
		c.pause = 500 * time.Millisecond
	}
	return c, nil
}

func defaultHTTP() *http.Client {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return &http.Client{}
	}
	t = t.Clone()
	// A request is resolved by asking Koji before the answer begins, and an
	// uploaded image is read through.
	t.ResponseHeaderTimeout = 10 * time.Minute
	return &http.Client{Transport: t}
}

// URL is the server's address, without a slash at the end.
func (c *Client) URL() string { return c.base.String() }

// call is one request.
type call struct {
	method string
	path   []string // segments below the base; they are escaped here
	query  url.Values
	body   any // sent as JSON when not nil
	header http.Header
}

func get(path ...string) call  { return call{method: http.MethodGet, path: path} }
func post(path ...string) call { return call{method: http.MethodPost, path: path} }

// v1 puts the version of the interface in front.
func v1(path ...string) []string { return append([]string{"api", "v1"}, path...) }

// request builds the HTTP request of a call.
func (c *Client) request(ctx context.Context, k call, body io.Reader) (*http.Request, error) {
	escaped := make([]string, len(k.path))
	for i, p := range k.path {
		escaped[i] = url.PathEscape(p)
	}
	target := c.base.String() + "/" + strings.Join(escaped, "/")
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	maps.Copy(req.Header, k.header)
	c.sign(req)
	return req, nil
}

// sign adds who we are. The token goes to the server alone: downloads may lead
// to other hosts.
func (c *Client) sign(req *http.Request) {
	req.Header.Set("User-Agent", c.agent)
	if c.token != "" && req.URL.Scheme == c.base.Scheme && req.URL.Host == c.base.Host {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
}

// send makes the call and returns the answer's head; the caller closes the body.
// An answer of 400 and above is a *ProblemError.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	var body io.Reader
	if k.body != nil {
		data, err := json.Marshal(k.body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(data)
		if k.header == nil {
			k.header = http.Header{}
		}
		k.header.Set("Content-Type", "application/json")
	}
	req, err := c.request(ctx, k, body)
	if err != nil {
		return nil, err
	}
	return c.roundTrip(req)
}

func (c *Client) roundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(req.Context(), req.URL, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer func() { _ = resp.Body.Close() }()
		return nil, problemOf(resp)
	}
	return resp, nil
}

// json makes the call and decodes its answer into out.
func (c *Client) json(ctx context.Context, k call, out any) error {
	if k.header == nil {
		k.header = http.Header{}
	}
	k.header.Set("Accept", "application/json")
	resp, err := c.send(ctx, k)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return c.decode(resp, out)
}

func (c *Client) decode(resp *http.Response, out any) error {
	data, err := limitio.ReadAll(resp.Body, maxAnswer, "the server's answer")
	if err != nil {
		return c.unreachable(resp.Request.Context(), resp.Request.URL, err)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return &FormatError{URL: resp.Request.URL.Redacted(), Reason: "the answer is no JSON of respin's: " + err.Error()}
	}
	return nil
}
