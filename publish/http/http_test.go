package http_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/publish/dir"
	"github.com/fedora-respin/respin/publish/http"
	"github.com/fedora-respin/respin/publish/publishtest"
)

const token = "sesame"

// server is a daemon's upload side over a directory.
type server struct {
	base string
	url  string
	full atomic.Bool
	puts atomic.Int32
	// meddle, if set, sees each request first; true means it answered.
	meddle func(w nethttp.ResponseWriter, r *nethttp.Request) bool
}

func newServer(t *testing.T, change func(*http.Options)) *server {
	t.Helper()
	s := &server{base: t.TempDir()}
	d, err := dir.New(dir.Config{Base: s.base, URL: "https://host/images", MinFree: -1, Free: func(string) (int64, error) {
		if s.full.Load() {
			return 0, nil
		}
		return 1 << 40, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	opt := http.Options{Publisher: d, Authorize: func(r *nethttp.Request, _ string) error {
		if r.Header.Get("Authorization") != "Bearer "+token {
			return errors.New("wrong token")
		}
		return nil
	}}
	if change != nil {
		change(&opt)
	}
	h, err := http.NewHandler(opt)
	if err != nil {
		t.Fatal(err)
	}
	mux := nethttp.NewServeMux()
	mux.Handle("/upload/", nethttp.StripPrefix("/upload/", nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.Method == nethttp.MethodPut {
			s.puts.Add(1)
		}
		if s.meddle != nil && s.meddle(w, r) {
			return
		}
		h.ServeHTTP(w, r)
	})))
	ts := httptest.NewServer(mux)
	t.Cleanup(func() {
		ts.Close()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	s.url = ts.URL + "/upload"
	return s
}

func (s *server) open(t *testing.T) *http.Publisher {
	t.Helper()
	p, err := http.New(http.Config{URL: s.url, Token: token, Backoff: func(int) time.Duration { return time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestConformance(t *testing.T) {
	t.Parallel()
	publishtest.Run(t, func(t *testing.T) publishtest.Place {
		t.Helper()
		s := newServer(t, nil)
		return publishtest.Place{
			Root: s.base, Fill: s.full.Store, Bytewise: true,
			Open: func(t *testing.T) publish.Publisher { t.Helper(); return s.open(t) },
		}
	})
}

func scan(t *testing.T, files map[string][]byte) publish.Set {
	t.Helper()
	work := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(work, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set, err := publish.Scan(t.Context(), work)
	if err != nil {
		t.Fatal(err)
	}
	set.ID, set.Attempt = "x", 1
	return set
}

func TestBrokenConnectionIsResumed(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	set := scan(t, map[string][]byte{"big": bytes.Repeat([]byte("0123456789abcdef"), 200_000)})
	var broken atomic.Int32
	var ranges []string
	s.meddle = func(_ nethttp.ResponseWriter, r *nethttp.Request) bool {
		if r.Method != nethttp.MethodPut || !strings.HasSuffix(r.URL.Path, "/big") {
			return false
		}
		ranges = append(ranges, r.Header.Get("Content-Range"))
		if broken.Add(1) <= 2 {
			r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, 1_000_000), breaking{}))
		}
		return false
	}
	p := s.open(t)
	staged, err := p.Stage(t.Context(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finalize(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	want := []string{"", "bytes 1000000-3199999/3200000", "bytes 2000000-3199999/3200000"}
	if fmt.Sprint(ranges) != fmt.Sprint(want) {
		t.Errorf("ranges %q, want %q", ranges, want)
	}
}

// breaking ends the connection from the server's side.
type breaking struct{}

func (breaking) Read([]byte) (int, error) { panic(nethttp.ErrAbortHandler) }

func TestDamagedOnTheWayIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	data := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	set := scan(t, map[string][]byte{"a": data})
	// What is there already is not the start of this file.
	part := filepath.Join(s.base, ".staging/x.1/parts")
	if err := os.MkdirAll(part, 0o700); err != nil {
		t.Fatal(err)
	}
	sum := "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" // of the name "a"
	if err := os.WriteFile(filepath.Join(part, sum), bytes.Repeat([]byte("x"), 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	p := s.open(t)
	staged, err := p.Stage(t.Context(), set, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finalize(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(s.base, "x/a")); !bytes.Equal(got, data) {
		t.Error("damaged file published")
	}
	if n := s.puts.Load(); n != 3 { // half, whole, CHECKSUM
		t.Errorf("%d PUTs, want 3", n)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	set := scan(t, map[string][]byte{"a": make([]byte, 1000), "b": make([]byte, 1000)})
	for name, c := range map[string]struct {
		change func(*http.Options)
		want   func(error) bool
	}{
		"file":  {func(o *http.Options) { o.MaxFile = 999 }, isRefused},
		"set":   {func(o *http.Options) { o.MaxSet = 1999 }, func(err error) bool { return errors.Is(err, publish.ErrNoSpace) }},
		"files": {func(o *http.Options) { o.MaxFiles = 2 }, func(err error) bool { return errors.Is(err, publish.ErrNoSpace) }},
		"fits":  {func(o *http.Options) { o.MaxFile, o.MaxSet, o.MaxFiles = 1000, 2600, 3 }, func(err error) bool { return err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, c.change)
			for range 2 { // what is staged already does not count again
				if _, err := s.open(t).Stage(t.Context(), set, nil); !c.want(err) {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

func isRefused(err error) bool {
	_, ok := errors.AsType[*publish.RefusedError](err)
	return ok
}

func TestWrongToken(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	set := scan(t, map[string][]byte{"a": nil})
	for _, tok := range []publish.Secret{"", "guess-it"} {
		p, err := http.New(http.Config{URL: s.url, Token: tok})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Stage(t.Context(), set, nil)
		if !errors.Is(err, publish.ErrDenied) {
			t.Errorf("error %v, want ErrDenied", err)
		}
		if tok != "" && strings.Contains(fmt.Sprintf("%v %+v %#v", err, p, p), string(tok)) {
			t.Error("the token shows")
		}
	}
}

func TestServerAway(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	set := scan(t, map[string][]byte{"a": []byte("a")})
	var asked atomic.Int32
	s.meddle = func(w nethttp.ResponseWriter, _ *nethttp.Request) bool {
		asked.Add(1)
		w.WriteHeader(nethttp.StatusBadGateway)
		return true
	}
	if _, err := s.open(t).Stage(t.Context(), set, nil); !errors.Is(err, publish.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	if asked.Load() != 5 {
		t.Errorf("asked %d times, want 5", asked.Load())
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	p, err := http.New(http.Config{URL: gone.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stage(t.Context(), set, nil); !errors.Is(err, publish.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var leaked atomic.Bool
	elsewhere := httptest.NewServer(nethttp.HandlerFunc(func(_ nethttp.ResponseWriter, r *nethttp.Request) { leaked.Store(true) }))
	defer elsewhere.Close()
	s := newServer(t, nil)
	s.meddle = func(w nethttp.ResponseWriter, r *nethttp.Request) bool {
		nethttp.Redirect(w, r, elsewhere.URL, nethttp.StatusTemporaryRedirect)
		return true
	}
	_, err := s.open(t).Stage(t.Context(), scan(t, map[string][]byte{"a": nil}), nil)
	if err == nil || leaked.Load() {
		t.Errorf("error %v, followed: %v", err, leaked.Load())
	}
}

func TestSilentServer(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.meddle = func(_ nethttp.ResponseWriter, r *nethttp.Request) bool {
		<-r.Context().Done()
		return true
	}
	p, err := http.New(http.Config{URL: s.url, Token: token, Stall: 50 * time.Millisecond, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Stage(t.Context(), scan(t, map[string][]byte{"a": nil}), nil)
	if !errors.Is(err, publish.ErrUnavailable) || !strings.Contains(err.Error(), "no progress for") {
		t.Errorf("error %v", err)
	}
}

// Requests that no honest client makes.
func TestHandlerRefuses(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	digest := "sha-256=:LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564=:" // of "foo"
	for _, c := range []struct {
		method, path string
		header       map[string]string
		body         string
		status       int
	}{
		{"PUT", "x.1/a", map[string]string{"Repr-Digest": digest}, "foo", 201},
		{"PUT", "x.1/a", map[string]string{"Repr-Digest": digest}, "bar", 422},
		{"PUT", "x.1/a", nil, "foo", 400},
		{"PUT", "x.1/a", map[string]string{"Repr-Digest": "sha-256=:Zm9v:"}, "foo", 400},
		{"PUT", "x.1/b", map[string]string{"Repr-Digest": digest, "Content-Range": "bytes 1-2/3"}, "oo", 409},
		{"PUT", "x.1/b", map[string]string{"Repr-Digest": digest, "Content-Range": "bytes 0-1/3"}, "fo", 400},
		{"PUT", "x.1/b", map[string]string{"Repr-Digest": digest, "Content-Range": "bytes 0-99999999999999/100000000000000"}, "fo", 400},
		{"PUT", "x.1/%2e%2e/%2e%2e/b", map[string]string{"Repr-Digest": digest}, "foo", 400},
		{"PUT", "x.1/a%2f..%2fb", map[string]string{"Repr-Digest": digest}, "foo", 400},
		{"PUT", "x.1/a%00", map[string]string{"Repr-Digest": digest}, "foo", 400},
		{"PUT", "x.1/", map[string]string{"Repr-Digest": digest}, "foo", 400},
		{"PUT", "x/a", map[string]string{"Repr-Digest": digest}, "foo", 400},
		{"PUT", "x.01/a", map[string]string{"Repr-Digest": digest}, "foo", 400},
		{"PUT", "%2e%2e.1/a", map[string]string{"Repr-Digest": digest}, "foo", 400},
		{"POST", "x.1/finalize", nil, "{", 400},
		{"POST", "x.1/finalize", nil, `{"id":"y","attempt":1}`, 400},
		{"POST", "x.1/other", nil, "{}", 405},
		{"GET", ".staging", nil, "", 400},
		{"GET", "x/a", nil, "", 400},
		{"GET", "x", nil, "", 404},
		{"DELETE", "x?attempt=0", nil, "", 400},
		{"PATCH", "x.1/a", nil, "", 405},
	} {
		req, err := nethttp.NewRequestWithContext(t.Context(), c.method, s.url+"/"+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		for k, v := range c.header {
			req.Header.Set(k, v)
		}
		resp, err := nethttp.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: status %d, want %d: %s", c.method, c.path, resp.StatusCode, c.status, body)
		}
		if c.status >= 400 && !strings.Contains(string(body), `"code":`) {
			t.Errorf("%s %s: no problem in %q", c.method, c.path, body)
		}
	}
	if names, _ := os.ReadDir(filepath.Dir(s.base)); len(names) != 1 {
		t.Errorf("something lies outside: %v", names)
	}
}

func TestBadConfigurations(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "ftp://host/", "/upload", "http://"} {
		if _, err := http.New(http.Config{URL: u}); err == nil {
			t.Errorf("%q: no error", u)
		}
	}
	if _, err := http.NewHandler(http.Options{}); err == nil || !strings.Contains(err.Error(), "Publisher") || !strings.Contains(err.Error(), "Authorize") {
		t.Errorf("error %v, want both fields named", err)
	}
}

func Example() {
	base, err := os.MkdirTemp("", "base")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(base)
	store, err := dir.New(dir.Config{Base: filepath.Join(base, "srv"), URL: "https://images.example.org/"})
	if err != nil {
		panic(err)
	}
	defer store.Close()
	h, err := http.NewHandler(http.Options{Publisher: store, Authorize: func(*nethttp.Request, string) error { return nil }})
	if err != nil {
		panic(err)
	}
	daemon := httptest.NewServer(h)
	defer daemon.Close()

	// On the build node:
	out := filepath.Join(base, "out")
	if err := errors.Join(os.Mkdir(out, 0o755), os.WriteFile(filepath.Join(out, "boot.iso"), []byte("image\n"), 0o644)); err != nil {
		panic(err)
	}
	ctx := context.Background()
	set, err := publish.Scan(ctx, out)
	if err != nil {
		panic(err)
	}
	set.ID, set.Attempt = "f44-boot", 1
	p, err := http.New(http.Config{URL: daemon.URL, Token: "secret"})
	if err != nil {
		panic(err)
	}
	defer p.Close()
	staged, err := p.Stage(ctx, set, nil)
	if err != nil {
		panic(err)
	}
	loc, err := p.Finalize(ctx, staged)
	fmt.Println(loc.File("boot.iso"), err)
	// Output: https://images.example.org/f44-boot/boot.iso <nil>
}
