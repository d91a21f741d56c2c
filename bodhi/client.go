package bodhi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
)

// The instances of the Fedora project.
const (
	DefaultURL = "https://bodhi.fedoraproject.org"
	StagingURL = "https://bodhi.stg.fedoraproject.org"
)

const (
	defaultUserAgent   = "respin-bodhi/1 (+https://github.com/fedora-respin/respin)"
	defaultRows        = 50
	maxRows            = 100 // older servers refuse more
	defaultRetries     = 2
	defaultPause       = time.Second
	maxPause           = time.Minute
	defaultMaxResponse = 64 << 20
	// Bodhi's own request timeout (mod_wsgi) is 90 seconds.
	defaultTimeout = 100 * time.Second
)

// Options tunes a Client. The zero value is good for the public instance.
type Options struct {
	// HTTP sends the requests. It is copied and its CheckRedirect replaced.
	// Default: a client of its own with a timeout of 100 seconds a request,
	// proxies from the environment.
	HTTP *http.Client
	// UserAgent names the program, with a way to reach its people. Must not
	// contain "Mozilla": Bodhi answers browsers in HTML. Default: respin's.
	UserAgent string
	// RowsPerPage is the size of a page of a list, 1 to 100. Default: 50.
	RowsPerPage int
	// Retries is how often a request is repeated after a passing failure
	// (transport, 429, 500, 502, 503, 504). Default: 2; negative: never.
	Retries int
	// RetryPause is the wait before the first repetition; it doubles with each
	// one and is varied by a quarter. A Retry-After of the server up to a minute is
	// obeyed; a longer one ends the call. Default: 1 second.
	RetryPause time.Duration
	// MaxResponse bounds an answer, decompressed, in bytes. Default: 64 MiB.
	MaxResponse int64
	// Logger gets one debug line for each request. Default: none.
	Logger hclog.Logger
}

// Client reads from one Bodhi. It is safe for concurrent use. Bodhi is a small
// service: ask one thing at a time where that will do.
type Client struct {
	base        *url.URL
	http        *http.Client
	userAgent   string
	rows        int
	retries     int
	pause       time.Duration
	maxResponse int64
	log         hclog.Logger
}

// New makes a client of the Bodhi at baseURL (DefaultURL, StagingURL or one's
// own, http or https, a path prefix allowed). Nothing is sent yet. The error
// names everything that is wrong with the arguments.
func New(baseURL string, o Options) (*Client, error) {
	base, err := parseBase(baseURL)
	errs := []error{err}
	bad := func(cond bool, name string, value any, reason string) {
		if cond {
			errs = append(errs, &ArgumentError{Name: name, Value: fmt.Sprint(value), Reason: reason})
		}
	}
	bad(strings.Contains(o.UserAgent, "Mozilla"), "UserAgent", o.UserAgent, "looks like a browser's")
	bad(strings.ContainsAny(o.UserAgent, "\r\n"), "UserAgent", o.UserAgent, "contains a line break")
	bad(o.RowsPerPage < 0 || o.RowsPerPage > maxRows, "RowsPerPage", o.RowsPerPage, "not within 1 to 100")
	bad(o.RetryPause < 0, "RetryPause", o.RetryPause, "is negative")
	bad(o.MaxResponse < 0, "MaxResponse", o.MaxResponse, "is negative")
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("configure Bodhi client: %w", err)
	}
	c := &Client{
		base: base, http: newHTTP(o.HTTP), userAgent: or(o.UserAgent, defaultUserAgent),
		rows: or(o.RowsPerPage, defaultRows), retries: max(0, or(o.Retries, defaultRetries)),
		pause: or(o.RetryPause, defaultPause), maxResponse: or(o.MaxResponse, defaultMaxResponse), log: o.Logger,
	}
	if c.log == nil {
		c.log = hclog.NewNullLogger()
	}
	return c, nil
}

func parseBase(baseURL string) (*url.URL, error) {
	bad := func(reason string) (*url.URL, error) {
		return nil, &ArgumentError{Name: "baseURL", Value: baseURL, Reason: reason}
	}
	u, err := url.Parse(baseURL)
	switch {
	case err != nil:
		// The parser's text would repeat a password.
		return nil, &ArgumentError{Name: "baseURL", Reason: "is not a URL"}
	case u.User != nil:
		return nil, &ArgumentError{Name: "baseURL", Value: u.Redacted(), Reason: "carries credentials, which Bodhi has no use for"}
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("is neither http nor https")
	case u.Host == "":
		return bad("has no host")
	case u.RawQuery != "" || u.Fragment != "":
		return bad("has a query or a fragment")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

func newHTTP(given *http.Client) *http.Client {
	c := &http.Client{Timeout: defaultTimeout}
	if given != nil {
		copied := *given
		c = &copied
	}
	// Redirects carry meaning here (a package instead of an update): see follow.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
