package koji_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
)

const password = "a very secret password"

// loginHub is a hub with a user and a tag to make side tags of.
func loginHub(t *testing.T) *kojitest.Hub {
	t.Helper()
	h := kojitest.NewHub()
	must(h.AddTag(kojitest.Tag{Name: "f44-build"}))
	must(h.AddUser(kojitest.User{Name: "ada", Password: password, Principals: []string{"ada@EXAMPLE.ORG"}}))
	return h
}

func clientOf(t *testing.T, h http.Handler, opts koji.Options) *koji.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	opts.Backoff = noPause
	return must(koji.New(s.URL+"/kojihub", opts))
}

func TestAnonymousCallersWriteNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := clientOf(t, loginHub(t), koji.Options{})
	if _, err := c.CreateSideTag(ctx, "f44-build", koji.SideTagOptions{}); !errors.Is(err, koji.ErrActionNotAllowed) {
		t.Errorf("%v", err)
	}
	if u, err := c.GetLoggedInUser(ctx); u != nil || err != nil {
		t.Errorf("%v %v", u, err)
	}
	if err := c.Login(ctx); err == nil {
		t.Error("logged in without a Login")
	}
	if err := c.Logout(ctx); err != nil {
		t.Error(err)
	}
}

func TestPasswordLogin(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h := loginHub(t)
	c := clientOf(t, h, koji.Options{Login: &koji.Login{User: "ada", Password: password}})
	side, err := c.CreateSideTag(ctx, "f44-build", koji.SideTagOptions{Debuginfo: true})
	if err != nil || !strings.HasPrefix(side.Name, "f44-build-side-") || side.TaskID != nil {
		t.Fatalf("%+v %v", side, err)
	}
	if tag := must(c.GetTag(ctx, side.Name)); tag.SideTagUser() != "ada" || !tag.WithDebuginfo() {
		t.Errorf("%+v", tag)
	}
	if u := must(c.GetLoggedInUser(ctx)); u.Name != "ada" || *u.AuthType != koji.AuthNormal || u.Type != koji.UserNormal || u.Principals[0] != "ada@EXAMPLE.ORG" {
		t.Errorf("%+v", u)
	}
	if err := c.RemoveSideTag(ctx, side.Name); err != nil {
		t.Error(err)
	}
	if _, err := c.GetTag(ctx, side.Name); !errors.Is(err, koji.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := c.Logout(ctx); err != nil {
		t.Error(err)
	}
	if err := c.Login(ctx); err != nil { // and in again
		t.Error(err)
	}
	wrong := clientOf(t, h, koji.Options{Login: &koji.Login{User: "ada", Password: "wrong"}})
	if _, err := wrong.GetAPIVersion(ctx); !errors.Is(err, koji.ErrAuth) || errors.Is(err, koji.ErrAuthExpired) {
		t.Errorf("%v", err)
	}
}

func TestExpiredSessionIsRenewedOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h := loginHub(t)
	c := clientOf(t, h, koji.Options{Login: &koji.Login{User: "ada", Password: password}})
	must(c.CreateSideTag(ctx, "f44-build", koji.SideTagOptions{}))
	h.ExpireSessions()
	// Many at once: one of them renews, and none fails.
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if u, err := c.GetLoggedInUser(ctx); err != nil || u == nil {
				t.Errorf("%v %v", u, err)
			}
		})
	}
	wg.Wait()
	h.ExpireSessions()
	if _, err := c.CreateSideTag(ctx, "f44-build", koji.SideTagOptions{}); err != nil { // a write, too
		t.Error(err)
	}
	logins := 0
	for _, m := range h.Calls() {
		if m == "login" {
			logins++
		}
	}
	if logins != 3 {
		t.Errorf("%d logins", logins)
	}
	if side := must(c.ListSideTags(ctx, "f44-build", "ada")); len(side) != 2 {
		t.Errorf("%+v", side)
	}
}

func TestNegotiateLogin(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h := loginHub(t)
	h.Negotiate(func(token string) string { return map[string]string{"spnego-token": "ada"}[token] })
	asked := 0
	c := clientOf(t, h, koji.Options{Login: &koji.Login{Negotiate: func(r *http.Request) error {
		asked++
		if !strings.HasSuffix(r.URL.Path, "/kojihub/ssllogin") {
			t.Errorf("negotiated for %s", r.URL)
		}
		r.Header.Set("Authorization", "Negotiate spnego-token")
		return nil
	}}})
	if u := must(c.GetLoggedInUser(ctx)); u.Name != "ada" || *u.AuthType != koji.AuthGSSAPI || asked != 1 {
		t.Errorf("%+v, asked %d times", u, asked)
	}
	noTicket := errors.New("no ticket")
	broken := clientOf(t, h, koji.Options{Login: &koji.Login{Negotiate: func(*http.Request) error { return noTicket }}})
	if _, err := broken.GetAPIVersion(ctx); !errors.Is(err, noTicket) || errors.Is(err, koji.ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

// authority makes a certificate that signs others, and one for a user.
func authority(t *testing.T, user string) (*x509.CertPool, tls.Certificate) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	root := must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key))))
	pool := x509.NewCertPool()
	pool.AddCert(root)
	own := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: user}, NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	return pool, tls.Certificate{Certificate: [][]byte{must(x509.CreateCertificate(rand.Reader, leaf, root, own.Public(), key))}, PrivateKey: own}
}

func TestCertificateLogin(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool, cert := authority(t, "ada")
	h := loginHub(t)
	shown := map[string]bool{}
	var mu sync.Mutex
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		shown[r.URL.Path] = shown[r.URL.Path] || len(r.TLS.PeerCertificates) > 0
		mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	s.TLS = &tls.Config{ClientCAs: pool, ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	c := must(koji.New(s.URL+"/kojihub", koji.Options{HTTP: s.Client(), Login: &koji.Login{Certificate: &cert}}))
	if u := must(c.GetLoggedInUser(ctx)); u.Name != "ada" || *u.AuthType != koji.AuthSSL {
		t.Errorf("%+v", u)
	}
	if !shown["/kojihub/ssllogin"] || shown["/kojihub"] {
		t.Errorf("the certificate was shown at %v", shown)
	}
}

// What an anonymous reader sends must not look like a session, reads are not
// numbered, writes are.
func TestSessionHeaders(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h := loginHub(t)
	var mu sync.Mutex
	seen := map[string][]string{}
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := string(must(io.ReadAll(r.Body)))
		_, method, _ := strings.Cut(body, "<methodName>")
		method, _, _ = strings.Cut(method, "<")
		mu.Lock()
		seen[method] = append(seen[method], fmt.Sprint(r.Header.Get("Koji-Session-Id") != "", r.Header.Get("Koji-Session-Key") != "", " ", r.Header.Get("Koji-Session-Callnum"), r.URL.RawQuery))
		mu.Unlock()
		r.Body = io.NopCloser(strings.NewReader(body))
		h.ServeHTTP(w, r)
	})
	c := clientOf(t, spy, koji.Options{Login: &koji.Login{User: "ada", Password: password}})
	must(c.GetAPIVersion(ctx))
	must(c.CreateSideTag(ctx, "f44-build", koji.SideTagOptions{}))
	must(c.CreateSideTag(ctx, "f44-build", koji.SideTagOptions{}))
	must(clientOf(t, spy, koji.Options{}).GetKojiVersion(ctx))
	for method, want := range map[string]string{
		"login": "[false false ]", "getAPIVersion": "[true true ]", "createSideTag": "[true true 0 true true 1]", "getKojiVersion": "[false false ]",
	} {
		if got := fmt.Sprint(seen[method]); got != want {
			t.Errorf("%s: %s instead of %s", method, got, want)
		}
	}
}

func TestOldHubsGetTheSessionInTheURL(t *testing.T) {
	t.Parallel()
	const login = "<?xml version='1.0'?><methodResponse><params><param><value><struct><member><name>session-id</name><value><int>7</int></value></member>" +
		"<member><name>session-key</name><value><string>1-abc&amp;</string></value></member></struct></value></param></params></methodResponse>"
	var query atomic.Value
	c := hubOf(t, koji.Options{Login: &koji.Login{User: "ada", Password: password}}, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(string(must(io.ReadAll(r.Body))), "<methodName>login<") {
			_, _ = io.WriteString(w, login)
			return
		}
		query.Store(r.URL.Query().Encode())
		_, _ = io.WriteString(w, one)
	})
	must(c.GetAPIVersion(t.Context()))
	if got := query.Load(); got != "session-id=7&session-key=1-abc%26" {
		t.Errorf("%v", got)
	}
}

// Whatever goes wrong, neither the password nor the key of the session comes
// out: not in logs, not in errors, not when options are printed.
func TestNothingSecretComesOut(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h := loginHub(t)
	var key atomic.Value
	key.Store("none yet")
	echo := false
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k := r.Header.Get("Koji-Session-Key"); k != "" {
			key.Store(k)
		}
		if echo { // a proxy that shows the request
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprintf(w, "request was: %v %s", r.Header, must(io.ReadAll(r.Body)))
			return
		}
		h.ServeHTTP(w, r)
	})
	var log strings.Builder
	login := &koji.Login{User: "ada", Password: password}
	opts := koji.Options{Login: login, Retries: 1, Logger: hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Trace})}
	c := clientOf(t, spy, opts)
	must(c.GetAPIVersion(ctx))
	out := fmt.Sprintf("%v %+v %#v %s", login, opts.Login, *login, must(login.Password.MarshalText()))
	h.ExpireSessions()
	must(c.CreateSideTag(ctx, "f44-build", koji.SideTagOptions{}))
	echo = true
	for _, call := range []func() error{
		func() error { _, err := c.GetAPIVersion(ctx); return err }, func() error { _, err := c.CreateSideTag(ctx, "x", koji.SideTagOptions{}); return err },
		func() error { return c.Logout(ctx) },
	} {
		out += fmt.Sprintf("%v %+v", call(), call())
	}
	echo = false
	h.Fail(kojitest.Failures{TruncateAfter: 5})
	_, err := c.GetAPIVersion(ctx)
	out += fmt.Sprint(err) + log.String()
	if k := key.Load().(string); strings.Contains(out, k) || strings.Contains(out, password) {
		t.Errorf("key %q or the password in\n%s", k, out)
	}
	if !strings.Contains(out, "request was") || !strings.Contains(log.String(), "koji session opened") {
		t.Errorf("the test has seen nothing:\n%s", out)
	}
}

func TestLoginsThatCannotBe(t *testing.T) {
	t.Parallel()
	_, cert := authority(t, "ada")
	negotiate := func(*http.Request) error { return nil }
	for name, tc := range map[string]struct {
		hub  string
		opts koji.Options
	}{
		"none":             {koji.DefaultHubURL, koji.Options{Login: &koji.Login{}}},
		"two":              {koji.DefaultHubURL, koji.Options{Login: &koji.Login{Negotiate: negotiate, User: "ada", Password: "x"}}},
		"plain password":   {"http://koji.example.org/kojihub", koji.Options{Login: &koji.Login{User: "ada", Password: "x"}}},
		"plain ticket":     {"http://koji.example.org/kojihub", koji.Options{Login: &koji.Login{Negotiate: negotiate}}},
		"plain cert":       {"http://127.0.0.1/kojihub", koji.Options{Login: &koji.Login{Certificate: &cert}}},
		"cert, own client": {koji.DefaultHubURL, koji.Options{HTTP: &http.Client{Transport: http.NewFileTransport(http.Dir("."))}, Login: &koji.Login{Certificate: &cert}}},
	} {
		if _, err := koji.New(tc.hub, tc.opts); err == nil || !strings.Contains(err.Error(), "Login") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
