package koji

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// Secret is a text that no log and no message shows.
type Secret string

// String returns a placeholder.
func (Secret) String() string { return "[redacted]" }

// GoString returns a placeholder.
func (Secret) GoString() string { return "[redacted]" }

// MarshalText returns a placeholder.
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Login says how to become a user of the hub. Exactly one of Certificate,
// Negotiate and User is set. All need https, except on a loopback address.
//
// The first call logs in; an expired session is renewed. Reads run side by
// side; calls that may change something go one after the other, numbered
// (Koji-Session-Callnum), so that the hub never runs one twice.
type Login struct {
	// Certificate is a TLS client certificate; its common name is the user. It
	// is shown to <hub>/ssllogin only. Options.HTTP must have an *http.Transport
	// then, or none.
	Certificate *tls.Certificate
	// Negotiate adds what proves the user by GSSAPI (Kerberos) to the request
	// of the login: the header "Authorization: Negotiate ...". With
	// github.com/jcmturner/gokrb5 that is one call of spnego.SetSPNEGOHeader.
	// Fedora's hub accepts nothing else. It may be called again for a renewal.
	Negotiate func(*http.Request) error
	// User and Password are for test hubs that keep passwords.
	User     string
	Password Secret
	// ProxyUser is the user to act for, where the hub allows it.
	ProxyUser string
}

// session is an open session; it is replaced, never changed.
type session struct {
	id     int64
	key    Secret
	header bool // travels in headers, on older hubs in the URL
}

// auth opens sessions.
type auth struct {
	login   Login
	url     string // for the login
	http    *http.Client
	current atomic.Pointer[session]
	opening sync.Mutex
	writing sync.Mutex
	// calls counts the writes of the session callsOf; writing guards both.
	calls, callsOf int64
}

func newAuth(hub *url.URL, login Login, base *http.Client) (*auth, error) {
	methods := 0
	for _, given := range []bool{login.Certificate != nil, login.Negotiate != nil, login.User != "" || login.Password != ""} {
		if given {
			methods++
		}
	}
	switch {
	case methods != 1:
		return nil, fmt.Errorf("Login: %d of Certificate, Negotiate and User are set, not one", methods)
	case login.Certificate != nil && hub.Scheme != "https":
		return nil, errors.New("Login: a certificate is of use with https only")
	case hub.Scheme != "https" && !loopback(hub.Hostname()):
		return nil, errors.New("Login: secrets are sent over https only")
	}
	a := &auth{login: login, http: unredirected(base)}
	to := *hub
	if login.User == "" {
		to.Path = strings.TrimRight(to.Path, "/") + "/ssllogin"
		to.RawPath = ""
	}
	a.url = to.String()
	if login.Certificate == nil {
		return a, nil
	}
	transport, ok := base.Transport.(*http.Transport)
	if !ok && base.Transport != nil {
		return nil, errors.New("Login: Certificate needs an *http.Transport in Options.HTTP")
	}
	if transport == nil {
		transport = newTransport()
	}
	transport = transport.Clone()
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	transport.TLSClientConfig.Certificates = []tls.Certificate{*login.Certificate}
	a.http.Transport = transport
	return a, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// scrub takes what is secret out of a text that came from outside.
func (a *auth) scrub(text string) string {
	if a == nil {
		return text
	}
	secrets := []string{string(a.login.Password)}
	if s := a.current.Load(); s != nil {
		secrets = append(secrets, string(s.key))
	}
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, Secret("").String())
		}
	}
	return text
}

// target is where a request goes and what it takes along.
type target struct {
	url     string
	http    *http.Client
	prepare func(*http.Request) error
}

// target is that of a call: the hub, with the session if there is one.
func (c *core) target(s *session, req request) target {
	t := target{url: c.hub, http: c.http, prepare: func(*http.Request) error { return nil }}
	if s == nil {
		return t
	}
	number := ""
	if !req.reads {
		number = c.auth.number(s)
	}
	if !s.header {
		t.url = s.inURL(c.hub, number)
		return t
	}
	t.prepare = func(r *http.Request) error { s.inHeader(r, number); return nil }
	return t
}

// number is the number of the next write of a session; the caller holds writing.
func (a *auth) number(s *session) string {
	if a.callsOf != s.id {
		a.callsOf, a.calls = s.id, 0
	}
	n := a.calls
	a.calls++
	return strconv.FormatInt(n, 10)
}

func (s *session) inHeader(r *http.Request, number string) {
	r.Header.Set("Koji-Session-Id", strconv.FormatInt(s.id, 10))
	r.Header.Set("Koji-Session-Key", string(s.key))
	if number != "" {
		r.Header.Set("Koji-Session-Callnum", number)
	}
}

// inURL is for hubs before 1.30, which know of no headers.
func (s *session) inURL(hub, number string) string {
	q := url.Values{"session-id": {strconv.FormatInt(s.id, 10)}, "session-key": {string(s.key)}}
	if number != "" {
		q.Set("callnum", number)
	}
	glue := "?"
	if strings.Contains(hub, "?") {
		glue = "&"
	}
	return hub + glue + q.Encode()
}

// session returns the open session, opening one if there is none. old is a
// session that has expired, and nil otherwise; whoever comes first renews it.
func (c *core) session(ctx context.Context, old *session) (*session, error) {
	if s := c.auth.current.Load(); s != nil && s != old {
		return s, nil
	}
	c.auth.opening.Lock()
	defer c.auth.opening.Unlock()
	if s := c.auth.current.Load(); s != nil && s != old {
		return s, nil
	}
	s, err := c.open(ctx, old)
	if err != nil {
		return nil, fmt.Errorf("log in to koji: %w", err)
	}
	c.auth.current.Store(s)
	c.log.Debug("koji session opened", "renewed", old != nil)
	return s, nil
}

// instead returns the session that has taken the place of s, nil if none has.
func (a *auth) instead(s *session) *session {
	a.opening.Lock() // a renewal may be under way
	defer a.opening.Unlock()
	if now := a.current.Load(); now != s {
		return now
	}
	return nil
}

// open makes the call of the login; the session that it renews goes along.
func (c *core) open(ctx context.Context, old *session) (*session, error) {
	method, args := "sslLogin", []any{}
	if c.auth.login.User != "" {
		method, args = "login", []any{c.auth.login.User, string(c.auth.login.Password)}
	}
	k := keywords{}.text("proxyuser", c.auth.login.ProxyUser).on("renew", old != nil)
	if len(k) > 0 {
		args = append(args, Keywords(k))
	}
	body, err := wire.EncodeCall(method, args...)
	if err != nil {
		return nil, fmt.Errorf("call koji %s: %w", method, err)
	}
	to := target{url: c.auth.url, http: c.auth.http, prepare: func(r *http.Request) error {
		if old != nil && old.header {
			old.inHeader(r, "")
		}
		if c.auth.login.Negotiate == nil {
			return nil
		}
		return c.auth.login.Negotiate(r)
	}}
	if old != nil && !old.header {
		to.url = old.inURL(to.url, "")
	}
	var answer *struct {
		ID     int64  `koji:"session-id"`
		Key    string `koji:"session-key"`
		Header bool   `koji:"header-auth"`
	}
	if err := c.roundTrip(ctx, request{method: method, body: body}, to, 1, &answer); err != nil {
		return nil, err
	}
	if answer == nil || answer.Key == "" {
		return nil, &DecodeError{Method: method, Err: errors.New("no session in the answer")}
	}
	return &session{id: answer.ID, key: Secret(answer.Key), header: answer.Header}, nil
}

var errNoLogin = errors.New("the client has no Options.Login")

// Login opens the session now instead of with the first call. Wrong credentials
// are a *Fault of class ErrAuth.
func (c *Client) Login(ctx context.Context) error {
	if c.auth == nil {
		return fmt.Errorf("log in to koji: %w", errNoLogin)
	}
	_, err := c.session(ctx, nil)
	return err
}

// Logout ends the session, if one is open. The next call opens another.
func (c *Client) Logout(ctx context.Context) error {
	if c.auth == nil {
		return nil
	}
	c.auth.opening.Lock()
	defer c.auth.opening.Unlock()
	s := c.auth.current.Load()
	if s == nil {
		return nil
	}
	body, err := wire.EncodeCall("logout")
	if err == nil {
		// Not numbered: it may end the session beside a call that hangs.
		err = c.attempts(ctx, request{method: "logout", body: body, reads: true}, s, nil)
	}
	c.auth.current.Store(nil)
	if err != nil && !errors.Is(err, ErrAuth) { // an expired session is over, too
		return fmt.Errorf("log out of koji: %w", err)
	}
	return nil
}
