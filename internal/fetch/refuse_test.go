package fetch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBadAnswersAreNamed(t *testing.T) {
	t.Parallel()
	data := blob(20_000, 20)
	page := "\n<!doctype HTML>\n<html><head><title>OpenH264 -\n Wiki</title></head>"
	type want struct {
		text        string
		unreachable bool
	}
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		w    Want
		want want
	}{
		"missing": {
			func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no \x07such\n file", http.StatusNotFound) },
			Want{},
			want{"get URL/x: HTTP status 404: no such file", false},
		},
		"server trouble": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
			Want{},
			want{"get URL/x: HTTP status 500", true},
		},
		"error page": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, page)
			},
			Want{},
			want{"get URL/x: HTTP status 403: OpenH264 - Wiki", false},
		},
		"page instead of file": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) },
			Want{},
			want{`get URL/x: the server answered with an HTML page ("OpenH264 - Wiki") instead of the file`, false},
		},
		"redirected to a page": {
			func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/x" {
					http.Redirect(w, r, "/wiki", http.StatusFound)
					return
				}
				_, _ = io.WriteString(w, page)
			},
			Want{},
			want{`get URL/x: the server answered with an HTML page ("OpenH264 - Wiki") at URL/wiki instead of the file`, false},
		},
		"altered": {
			serveBlob(data),
			Want{SHA256: sumOf(data[1:])},
			want{"verify URL/x: sha256 is " + sumOf(data) + ", wanted " + sumOf(data[1:]), false},
		},
		"other size": {
			serveBlob(data), Want{Size: 20_001}, want{"verify URL/x: size is 20000, wanted 20001", false},
		},
		"checked by the caller": {
			serveBlob(data),
			Want{Judge: judged(func([]byte) error { return errors.New("no magic") })},
			want{"check URL/x: no magic", false},
		},
		"redirect loop": {
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) },
			Want{},
			want{"refuse URL/x: more than 10 redirects", false},
		},
		"redirect to a file": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "file:///etc/passwd")
				w.WriteHeader(http.StatusFound)
			},
			Want{},
			want{"refuse URL/x: a redirect must not lead to a file (file:///etc/passwd)", false},
		},
		"redirect to a private address": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://10.1.2.3/x", http.StatusFound)
			},
			Want{},
			want{"refuse URL/x: the address 10.1.2.3 belongs to a private network (http://10.1.2.3/x)", false},
		},
		"too large": {
			func(w http.ResponseWriter, _ *http.Request) {
				for range 200 {
					_, _ = w.Write(blob(10_000, 21))
					flush(w)
				}
			},
			Want{},
			want{"refuse URL/x: the file is larger than the limit of 1000000 bytes", false},
		},
		"said to be too large": {
			func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "1000001") },
			Want{},
			want{"refuse URL/x: the file is larger than the limit of 1000000 bytes", false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, _ := serve(t, c.h)
			dir := t.TempDir()
			f := open(t, dir, func(o *Options) { o.Retries = 1; o.MaxFile = 1_000_000 })
			c.w.URLs = []string{base + "/x"}
			path, err := f.Get(t.Context(), c.w)
			if err == nil {
				t.Fatalf("no error but %s", path)
			}
			got := want{strings.ReplaceAll(err.Error(), base, "URL"), errors.Is(err, ErrUnreachable)}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Error(diff)
			}
			wantNoParts(t, dir)
			if files, _ := filepath.Glob(filepath.Join(dir, "cas/sha256/*/*")); files != nil {
				t.Errorf("files got a name: %v", files)
			}
		})
	}
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	f := open(t, t.TempDir(), func(o *Options) { o.Retries = 1 })
	user := strings.Replace(s.URL, "http://", "http://me:sesame@", 1)
	_, err := f.Get(t.Context(), Want{URLs: []string{user + "/x"}})
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("error %v, want ErrUnreachable", err)
	}
	if strings.Contains(err.Error(), "sesame") {
		t.Errorf("the password stands in the error: %v", err)
	}
}

func TestPolicyURLs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url    string
		policy Policy
		reason string // "" for allowed
	}{
		{"https://example.org/x", Policy{}, ""},
		{"http://8.8.8.8/x", Policy{}, ""},
		{"ftp://example.org/x", Policy{}, `the scheme "ftp" is not allowed, only http and https`},
		{"file:///etc/passwd", Policy{}, "file URLs are not allowed"},
		{"file:///srv/x", Policy{AllowFile: true}, ""},
		{"file://other/srv/x", Policy{AllowFile: true}, "a file URL must not name another host"},
		{"http:///x", Policy{}, "the host is missing"},
		{"http://127.0.0.1/x", Policy{}, "the address 127.0.0.1 is this machine itself"},
		{"http://127.0.0.1/x", Policy{AllowLoopback: true}, ""},
		{"http://0.0.0.0/x", Policy{}, "the address 0.0.0.0 is this machine itself"},
		{"http://[::1]/x", Policy{AllowPrivate: true}, "the address ::1 is this machine itself"},
		{"http://[::ffff:127.0.0.1]/x", Policy{}, "the address 127.0.0.1 is this machine itself"},
		{"http://[64:ff9b::10.0.0.1]/x", Policy{}, "the address 10.0.0.1 belongs to a private network"},
		{"http://[2002:c0a8:101::]/x", Policy{}, "the address 192.168.1.1 belongs to a private network"},
		{"http://169.254.169.254/latest", Policy{}, "the address 169.254.169.254 belongs to a private network"},
		{"http://[fe80::1]/x", Policy{}, "the address fe80::1 belongs to a private network"},
		{"http://[fd00::1]/x", Policy{}, "the address fd00::1 belongs to a private network"},
		{"http://100.64.1.1/x", Policy{}, "the address 100.64.1.1 belongs to a private network"},
		{"http://192.168.1.1/x", Policy{AllowPrivate: true}, ""},
		{"http://224.0.0.1/x", Policy{AllowPrivate: true, AllowLoopback: true}, "the address 224.0.0.1 is no server's"},
		{"http://10.0.0.1/x", Policy{TrustHosts: []string{"10.0.0.1"}}, ""},
		{"http://10.0.0.1:81/x", Policy{TrustHosts: []string{"10.0.0.1:80"}}, "the address 10.0.0.1 belongs to a private network"},
		{"https://10.0.0.1/x", Policy{TrustHosts: []string{"10.0.0.1:443"}}, ""},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := c.policy.CheckURL(u); err != nil {
			refused, ok := errors.AsType[*RefusedError](err)
			if !ok {
				t.Fatalf("%s: %T", c.url, err)
			}
			got = refused.Reason
		}
		if got != c.reason {
			t.Errorf("%s: %q, want %q", c.url, got, c.reason)
		}
	}
}

// A name that means a public address when looked at and this machine when
// dialed: only the dialed address counts.
func TestAddressIsJudgedWhenDialed(t *testing.T) {
	t.Parallel()
	base, hits := serve(t, serveBlob(blob(10, 22)))
	f := open(t, t.TempDir(), func(o *Options) { o.Policy.AllowLoopback = false })
	for _, u := range []string{strings.Replace(base, "127.0.0.1", "localhost", 1), base} {
		_, err := f.Get(t.Context(), Want{URLs: []string{u + "/x"}})
		if _, ok := errors.AsType[*RefusedError](err); !ok || errors.Is(err, ErrUnreachable) {
			t.Errorf("error %v, want *RefusedError", err)
		}
	}
	// A caller's own dialer leads anywhere; the connection's end is judged.
	own := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(base, "http://"))
		},
	}}
	f = open(t, t.TempDir(), func(o *Options) { o.Policy.AllowLoopback = false; o.HTTP = own })
	_, err := f.Get(t.Context(), Want{URLs: []string{"http://example.org/x"}})
	if _, ok := errors.AsType[*RefusedError](err); !ok {
		t.Errorf("error %v, want *RefusedError", err)
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests arrived", hits.Load())
	}
	f = open(t, t.TempDir(), func(o *Options) {
		o.Policy = Policy{TrustHosts: []string{strings.TrimPrefix(base, "http://")}}
	})
	if _, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}}); err != nil {
		t.Errorf("trusted host: %v", err)
	}
}

func TestProxyDialsButDoesNotWidenThePolicy(t *testing.T) {
	t.Parallel()
	data := blob(5_000, 23)
	var asked string
	proxy, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		serveBlob(data)(w, r)
	})
	via, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, t.TempDir(), func(o *Options) {
		o.Policy = Policy{}
		o.HTTP = &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(via)}}
	})
	if _, err := f.Get(t.Context(), Want{URLs: []string{"http://host.invalid/x"}}); err != nil {
		t.Fatal(err)
	}
	if asked != "http://host.invalid/x" {
		t.Errorf("proxy was asked for %q", asked)
	}
	_, err = f.Get(t.Context(), Want{URLs: []string{"http://localhost/y"}})
	var refused *RefusedError
	if !errors.As(err, &refused) || hits.Load() != 1 {
		t.Errorf("error %v after %d requests, want *RefusedError after 1", err, hits.Load())
	}
}

func TestNewRefusesAnUnknownTransport(t *testing.T) {
	t.Parallel()
	_, err := New(t.TempDir(), Options{HTTP: &http.Client{Transport: http.NewFileTransport(http.Dir("/"))}})
	if err == nil || !strings.Contains(err.Error(), "only *http.Transport") {
		t.Errorf("error %v", err)
	}
}

func TestFileURL(t *testing.T) {
	t.Parallel()
	data := blob(30_000, 24)
	src := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(src, data, 0o644); err != nil {
		t.Fatal(err)
	}
	u := (&url.URL{Scheme: "file", Path: src}).String()
	f := open(t, t.TempDir(), func(o *Options) { o.Policy.AllowFile = true })
	path, err := f.Get(t.Context(), Want{URLs: []string{u}, SHA256: sumOf(data)})
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if head, total, err := f.Head(t.Context(), u, 10); err != nil || total != 30_000 || string(head) != string(data[:10]) {
		t.Errorf("head %x of %d, error %v", head, total, err)
	}
	for _, bad := range []string{"file://" + filepath.Dir(src), "file:///nowhere/at/all", "file:///dev/zero"} {
		_, err := f.Get(t.Context(), Want{URLs: []string{bad}})
		if _, ok := errors.AsType[*RefusedError](err); !ok {
			t.Errorf("%s: error %v, want *RefusedError", bad, err)
		}
	}
}

func FuzzParseContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 5-9/*", "bytes */10", "bytes 9-5/10", "bytes -1-5/10", "bytes 0-9/5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		first, total, ok := parseContentRange(s)
		if ok && (first < 0 || total < -1 || total >= 0 && first >= total) {
			t.Errorf("%q: first %d of %d", s, first, total)
		}
	})
}

func FuzzPolicy(f *testing.F) {
	for _, s := range []string{"http://127.1/", "http://[::ffff:10.0.0.1]/", "http://0x7f.1/", "file:///x", "http://a:b@c/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.Parse(s)
		if err != nil || (Policy{}).CheckURL(u) != nil {
			return
		}
		if u.Scheme != "http" && u.Scheme != "https" {
			t.Errorf("%q passed", s)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.Unmap().IsLoopback()) {
			t.Errorf("%q passed", s)
		}
	})
}
