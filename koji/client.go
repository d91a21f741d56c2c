package koji

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// Fedora's hub and its files.
const (
	DefaultHubURL = "https://koji.fedoraproject.org/kojihub"
	DefaultTopURL = "https://kojipkgs.fedoraproject.org"
)

// Defaults of Options.
const (
	DefaultRetries     = 2
	DefaultTimeout     = 10 * time.Minute
	DefaultMaxRequest  = int64(4 << 20)
	DefaultMaxResponse = int64(wire.DefaultMaxBytes)
	DefaultMaxStream   = int64(16 << 30)
	DefaultMaxDepth    = wire.DefaultMaxDepth
	DefaultBatchSize   = 200
	// MaxBatchSize is the largest BatchSize. A hub answers a multiCall in one
	// transaction, so larger ones block it.
	MaxBatchSize = 500
	// DefaultUserAgent is sent unless Options.UserAgent says otherwise.
	DefaultUserAgent = "respin-koji/1"
)

// Options of New. The zero value works.
type Options struct {
	// HTTP makes the requests; a proxy or another way in goes into its
	// Transport. Redirects are never followed. Default: a client of this
	// package's own with its own connections.
	HTTP *http.Client
	// TopURL is where the hub's files are. Default: DefaultTopURL for Fedora's
	// hub, else /kojifiles beside the hub, as a stock installation has it.
	TopURL    string
	UserAgent string // default DefaultUserAgent
	// Login makes the calls those of a user. Default: nil, anonymous, which is
	// enough for everything that reads.
	Login *Login
	// Logger hears about every request (debug) and repetition (warn); neither
	// arguments nor secrets are logged. Default: nothing is logged.
	Logger hclog.Logger
	// MaxRequest is the longest request in bytes; a Batch that would be longer
	// is sent in several. Default 4 MiB, which a stock hub accepts.
	MaxRequest int64
	// MaxResponse is the longest answer in bytes, uncompressed. Default 256 MiB.
	MaxResponse int64
	// MaxStream is the longest answer of a call that iterates, of which no more
	// than a row is held. Default 16 GiB.
	MaxStream int64
	// MaxDepth is how deep arrays and structs may stand in each other. Default 64.
	MaxDepth int
	// Timeout bounds one attempt, the answer's body included; while an answer is
	// iterated over it bounds the wait for the next row. Default 10 minutes: a
	// hub may think long about a large tag. The context bounds all.
	Timeout time.Duration
	// Retries is how often a call that only reads is repeated after a broken
	// connection, a truncated answer, HTTP 408, 429 or 5xx. Default 2; negative: never.
	Retries int
	// Backoff returns the pause before the n-th repetition (from 1). Default:
	// 0.5 s, doubled each time, at most 10 s, with random jitter of +-50 %. A
	// longer Retry-After of the answer is kept, up to a minute.
	Backoff func(n int) time.Duration
	// BatchSize is how many calls of a Batch go into one request. Default 200, at most MaxBatchSize.
	BatchSize int
}

// Client calls one hub. It is safe for concurrent use, and calls run side by
// side.
type Client struct {
	*core
	event int // that questions about tags are pinned to; 0 is now
}

// core is what a client and its snapshots share.
type core struct {
	hub     string // to post to
	shown   string // the same without credentials, for messages
	http    *http.Client
	opts    Options
	log     hclog.Logger
	paths   PathInfo
	version atomic.Pointer[string]
	methods atomic.Pointer[map[string]bool]
	auth    *auth // nil for anonymous
}

// New returns a client of the hub at hubURL, such as DefaultHubURL. It makes no
// connection. All bad values are named in one error.
func New(hubURL string, opts Options) (*Client, error) {
	hub, err := parseURL("hub URL", hubURL)
	if opts.TopURL == "" && err == nil {
		opts.TopURL = topURLOf(hub)
	}
	errs := []error{err}
	if opts.TopURL != "" {
		_, err := parseURL("TopURL", opts.TopURL)
		errs = append(errs, err)
	}
	errs = append(errs, opts.check()...)
	opts = opts.withDefaults()
	var session *auth
	if opts.Login != nil && hub != nil {
		session, err = newAuth(hub, *opts.Login, opts.HTTP)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("configure koji client: %w", err)
	}
	return &Client{core: &core{
		hub: hub.String(), shown: redact(hub), http: unredirected(opts.HTTP), opts: opts, log: opts.Logger,
		paths: PathInfo{TopURL: opts.TopURL}, auth: session,
	}}, nil
}

// unredirected is a copy of hc that hands redirects back.
func unredirected(hc *http.Client) *http.Client {
	out := *hc
	out.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &out
}

func (o Options) check() []error {
	var errs []error
	if min(o.MaxRequest, o.MaxResponse, o.MaxStream, int64(o.MaxDepth), int64(o.Timeout)) < 0 {
		errs = append(errs, errors.New("MaxRequest, MaxResponse, MaxStream, MaxDepth and Timeout must not be negative"))
	}
	if o.BatchSize < 0 || o.BatchSize > MaxBatchSize {
		errs = append(errs, fmt.Errorf("BatchSize %d is not in 0..%d", o.BatchSize, MaxBatchSize))
	}
	if strings.ContainsAny(o.UserAgent, "\r\n") {
		errs = append(errs, errors.New("UserAgent contains a line break"))
	}
	return errs
}

func (o Options) withDefaults() Options {
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: newTransport()}
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	o.UserAgent = or(o.UserAgent, DefaultUserAgent)
	o.MaxRequest = or(o.MaxRequest, DefaultMaxRequest)
	o.MaxResponse = or(o.MaxResponse, DefaultMaxResponse)
	o.MaxStream = or(o.MaxStream, DefaultMaxStream)
	o.MaxDepth = or(o.MaxDepth, DefaultMaxDepth)
	o.Timeout = or(o.Timeout, DefaultTimeout)
	o.Retries = or(o.Retries, DefaultRetries)
	o.BatchSize = or(o.BatchSize, DefaultBatchSize)
	return o
}

func or[T comparable](v, fallback T) T {
	if v == *new(T) {
		return fallback
	}
	return v
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 15 * time.Second,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     90 * time.Second,
		ForceAttemptHTTP2:   true,
	}
}

func parseURL(what, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: no URL", what) // the error would show credentials
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s %q: neither http://host nor https://host", what, redact(u))
	}
	return u, nil
}

// redact shows u without user, password and query, which may hold a session.
func redact(u *url.URL) string {
	shown := *u
	shown.User, shown.RawQuery, shown.Fragment = nil, "", ""
	return shown.String()
}

func topURLOf(hub *url.URL) string {
	if hub.Host == "koji.fedoraproject.org" {
		return DefaultTopURL
	}
	top := *hub
	top.User, top.RawQuery, top.Fragment, top.RawPath = nil, "", "", ""
	top.Path = strings.TrimSuffix(strings.TrimRight(top.Path, "/"), "/kojihub") + "/kojifiles"
	return top.String()
}

// Paths returns where this hub's files are.
func (c *Client) Paths() PathInfo { return c.paths }

// Snapshot returns a view of the same hub in which questions about tags,
// targets and packages of tags are answered as of an event (GetLastEvent), so
// that several answers fit together. Options with an Event of their own keep
// it; builds, RPMs and tasks have no history and are as they are now. 0 ends
// the pinning.
func (c *Client) Snapshot(event int) *Client { return &Client{core: c.core, event: event} }

// Event returns the event of a snapshot, 0 for a client that is not pinned.
func (c *Client) Event() int { return c.event }

// Keywords are named arguments of a hub's method; as the last argument of Call
// they are sent the way Koji expects them (__starstar). A nil value is sent as
// nil: leave out what is not meant.
type Keywords = wire.Keywords

// Call calls any method of the hub and reads the answer into out, a non-nil
// pointer, or nil to drop it. Arguments are nil, booleans, numbers, strings,
// []byte, time.Time (sent as seconds since 1970), slices, maps with string
// keys, and Keywords. out may be made of structs whose fields carry
// `koji:"member"` tags, pointers, slices, maps with string keys, time.Time and
// any; what it holds after an error is undefined.
//
// The call is repeated like every other one if the method's name says that it
// only reads (get, list, query, search, ...).
//
// Errors: *Fault, *HTTPError, *TransportError, *DecodeError, or the context's.
func (c *Client) Call(ctx context.Context, method string, args []any, out any) error {
	body, err := wire.EncodeCall(method, args...)
	if err != nil {
		return fmt.Errorf("call koji %s: %w", method, err)
	}
	return c.roundTrips(ctx, request{method: method, body: body, reads: readsOnly(method)}, out)
}

// readMethods are the methods that change nothing though their names do not
// say so (kojihub.RootExports).
const readMethods = " echo _listapi system.listMethods system.methodSignature system.methodHelp repoInfo showOpts showSession" +
	" hello mavenEnabled winEnabled count countAndFilterResults filterResults downloadTaskOutput checkTagAccess checkTagPackage hasPerm" +
	" resultIterator search tagChangedSinceEvent tagFirstChangeEvent tagLastChangeEvent taskFinished taskReport buildFromRPM findBuildID" +
	" buildReferences untaggedBuilds repo.get repo.query repo.queryQueue repo.references "

// readsOnly reports whether a method changes nothing, going by its name.
func readsOnly(method string) bool {
	if strings.Contains(readMethods, " "+method+" ") {
		return true
	}
	for _, prefix := range []string{"get", "list", "query"} {
		if strings.HasPrefix(method, prefix) {
			// getNextTask and the like hand out work, but only to hosts.
			return !strings.HasPrefix(method, "getNext") || method == "getNextRelease"
		}
	}
	return false
}
