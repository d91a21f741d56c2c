package bodhi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
	"github.com/fedora-respin/respin/internal/limitio"
)

// newHub is a Bodhi with one release, and a client that does not wait long.
func newHub(t *testing.T) (*bodhitest.Server, *bodhi.Client) {
	t.Helper()
	hub := bodhitest.New(bodhitest.Options{})
	for _, r := range []bodhi.Release{bodhitest.Fedora(40), bodhitest.Rawhide(42)} {
		if err := hub.AddRelease(r); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	return hub, newClient(t, server.URL, bodhi.Options{})
}

func newClient(t *testing.T, url string, o bodhi.Options) *bodhi.Client {
	t.Helper()
	o.RetryPause = time.Millisecond
	c, err := bodhi.New(url, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func add(t *testing.T, hub *bodhitest.Server, u bodhitest.Update, nvrs ...string) string {
	t.Helper()
	u.Release = "F40"
	for _, nvr := range nvrs {
		u.Builds = append(u.Builds, bodhi.Build{NVR: nvr, Signed: true})
	}
	alias, err := hub.AddUpdate(u)
	if err != nil {
		t.Fatal(err)
	}
	return alias
}

// serve is a server that answers everything with one handler.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func text(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, body)
	}
}

func TestUpdateCarriesWhatBodhiHas(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	submitted := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	alias := add(t, hub, bodhitest.Update{
		Notes: "notes", Status: bodhi.StatusTesting, Severity: bodhi.SeverityHigh, FromTag: "f40-build-side-101234",
		Submitted: submitted, Bugs: []bodhi.Bug{{ID: 42, Title: "crash", Security: true}},
	}, "zlib-1.3^20260301-1.fc40", "anaconda-44.12-1.fc40")
	u, err := c.Update(t.Context(), alias)
	if err != nil {
		t.Fatal(err)
	}
	if !bodhi.IsAlias(alias) {
		t.Errorf("%s is no alias", alias)
	}
	if diff := cmp.Diff([]string{"anaconda-44.12-1.fc40", "zlib-1.3^20260301-1.fc40"}, u.NVRs()); diff != "" {
		t.Error(diff)
	}
	if u.FromTag != "f40-build-side-101234" || u.Severity != bodhi.SeverityHigh || u.Request != "" || u.Release.Name != "F40" ||
		!u.Submitted.Equal(submitted) || !u.InTestingRepo() || !u.Stable.IsZero() || u.User.Name != "packager" {
		t.Errorf("wrong members: %+v", u)
	}
	if diff := cmp.Diff([]bodhi.Bug{{ID: 42, Title: "crash", Security: true}}, u.Bugs); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsTellWhatToDo(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	add(t, hub, bodhitest.Update{}, "vim-9.1-1.fc40")
	ctx := t.Context()
	_, missing := c.Update(ctx, "FEDORA-2026-0123456789")
	_, pkg := c.Update(ctx, "vim")
	_, release := c.Release(ctx, "F99")
	_, build := c.Build(ctx, "vim-9.0-1.fc40")
	_, forBuild := c.UpdateForBuild(ctx, "vim-9.0-1.fc40")
	_, compose := c.Compose(ctx, "F40", bodhi.RequestTesting)
	_, path := c.Update(ctx, "../releases/F40")
	_, empty := c.Update(ctx, "")
	_, results := c.TestResults(ctx, "FEDORA-2026-0123456789")
	_, refused := first(c.Updates(ctx, bodhi.UpdateQuery{Releases: []string{"WinXP"}}))
	_, comma := first(c.Updates(ctx, bodhi.UpdateQuery{Packages: []string{"vim,emacs"}}))

	for name, tt := range map[string]struct {
		err                   error
		notFound, unreachable bool
		text                  string
	}{
		"unknown alias":      {missing, true, false, "Invalid update id"},
		"package for alias":  {pkg, true, false, "name of a package"},
		"unknown release":    {release, true, false, "No such release"},
		"unknown build":      {build, true, false, "No such build"},
		"build in no update": {forBuild, true, false, "not found"},
		"HTML 404":           {compose, true, false, `page "Fedora Updates System`},
		"path as alias":      {path, false, false, "is a path"},
		"empty alias":        {empty, false, false, "is empty"},
		"results of none":    {results, true, false, "Invalid update id"},
		"refused filter":     {refused, false, false, "Invalid releases specified: WinXP"},
		"list in a value":    {comma, false, false, "comma"},
	} {
		if tt.err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if errors.Is(tt.err, bodhi.ErrNotFound) != tt.notFound || errors.Is(tt.err, bodhi.ErrUnreachable) != tt.unreachable {
			t.Errorf("%s: wrong sentinel: %v", name, tt.err)
		}
		if !strings.Contains(tt.err.Error(), tt.text) {
			t.Errorf("%s: %q lacks %q", name, tt.err, tt.text)
		}
	}
	if hint, ok := errors.AsType[*bodhi.PackageNameError](pkg); !ok || hint.Name != "vim" {
		t.Errorf("no hint at the package: %v", pkg)
	}
	if api, ok := errors.AsType[*bodhi.APIError](refused); !ok || api.StatusCode != http.StatusBadRequest || !api.JSON || api.Errors[0].Name != "releases" {
		t.Errorf("400 lost its shape: %v", refused)
	}
}

func first[T any](seq func(func(*T, error) bool)) (*T, error) {
	for v, err := range seq {
		return v, err
	}
	return nil, nil //nolint:nilnil // an empty sequence is neither
}

func TestPassingFailuresAreSurvived(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]bodhitest.Fault{
		"proxy 503":     {Status: 503, Times: 2},
		"Bodhi 500":     {Status: 500, JSON: true, Times: 1},
		"429 with wait": {Status: 429, RetryAfter: "0", Times: 1},
		"cut off":       {Truncate: 40, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hub, c := newHub(t)
			alias := add(t, hub, bodhitest.Update{}, "vim-9.1-1.fc40")
			hub.SetFault(fault)
			if _, err := c.Update(t.Context(), alias); err != nil {
				t.Fatal(err)
			}
			if got := len(hub.Requests()); got != fault.Times+1 {
				t.Errorf("%d requests for %d faults", got, fault.Times)
			}
		})
	}
}

func TestLastingFailuresAreNamed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault       bodhitest.Fault
		requests    int
		unreachable bool
		text        string
	}{
		"proxy 503":        {bodhitest.Fault{Status: 503}, 3, true, `page "503 Service Unavailable"`},
		"proxy 502":        {bodhitest.Fault{Status: 502}, 3, true, "502"},
		"Bodhi's own 504":  {bodhitest.Fault{Status: 504, JSON: true}, 3, false, "Gateway Timeout (request)"},
		"cut off":          {bodhitest.Fault{Truncate: 10}, 3, true, "unexpected EOF"},
		"403 of a proxy":   {bodhitest.Fault{Status: 403}, 1, false, "403"},
		"long Retry-After": {bodhitest.Fault{Status: 503, RetryAfter: "3600"}, 1, true, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hub, c := newHub(t)
			hub.SetFault(tt.fault)
			_, err := c.Release(t.Context(), "F40")
			if err == nil || !strings.Contains(err.Error(), tt.text) || errors.Is(err, bodhi.ErrUnreachable) != tt.unreachable {
				t.Errorf("wrong error: %v", err)
			}
			if got := len(hub.Requests()); got != tt.requests {
				t.Errorf("%d requests, want %d", got, tt.requests)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	c := newClient(t, server.URL, bodhi.Options{Retries: -1})
	_, err := c.Version(t.Context())
	if !errors.Is(err, bodhi.ErrUnreachable) {
		t.Errorf("not unreachable: %v", err)
	}
}

func TestForeignAnswersAreNamed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handler     http.HandlerFunc
		text        string
		unreachable bool
	}{
		"login page":  {text("text/html", "<html><title>Sign in\n to Wi-Fi</title>"), `not JSON but "text/html" (page "Sign in to Wi-Fi")`, true},
		"other JSON":  {text("application/json", `{"hello": 1}`), "no member update", false},
		"wrong type":  {text("application/json", `{"update": {"alias": 7}}`), "alias", false},
		"broken JSON": {text("application/json", `{"update": {`), "unexpected end", true},
		"list":        {text("application/json", `[]`), "array", false},
		"other host":  {http.RedirectHandler("http://example.org/updates/x", http.StatusFound).ServeHTTP, "redirect to http://example.org", false},
		"circle": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, "circle", true},
		"not gzip at all": {gzipLie, "decompress", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, serve(t, tt.handler), bodhi.Options{Retries: -1})
			_, err := c.Update(t.Context(), "FEDORA-2026-0123456789")
			if err == nil || !strings.Contains(err.Error(), tt.text) || errors.Is(err, bodhi.ErrUnreachable) != tt.unreachable {
				t.Errorf("wrong error: %v", err)
			}
		})
	}
}

func gzipLie(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"version": "1"}`)
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	hub, _ := newHub(t)
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	alias := add(t, hub, bodhitest.Update{Notes: strings.Repeat("x", 10000)}, "vim-9.1-1.fc40")
	c := newClient(t, server.URL, bodhi.Options{MaxResponse: 9000})
	_, err := c.Update(t.Context(), alias)
	if _, ok := errors.AsType[*limitio.TooLargeError](err); !ok {
		t.Errorf("not bounded: %v", err)
	}
	if len(hub.Requests()) != 1 {
		t.Error("an answer that is too large was asked for again")
	}
}

func TestContextEndsTheWait(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	hub.SetFault(bodhitest.Fault{Latency: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Version(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, bodhi.ErrUnreachable) {
		t.Errorf("wrong error: %v", err)
	}

	hub.SetFault(bodhitest.Fault{Status: 503, RetryAfter: "30"})
	ctx, cancel = context.WithCancel(t.Context())
	stop := time.AfterFunc(50*time.Millisecond, cancel)
	defer stop.Stop()
	start := time.Now()
	_, err = c.Version(ctx)
	if !errors.Is(err, context.Canceled) || time.Since(start) > 20*time.Second {
		t.Errorf("Retry-After not interrupted: %v after %v", err, time.Since(start))
	}
}

func TestRequestsNameThemselves(t *testing.T) {
	t.Parallel()
	headers := make(chan http.Header, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header.Clone()
		text("application/json", `{"version": "8.1.1"}`)(w, r)
	})
	c := newClient(t, url+"/prefix/", bodhi.Options{UserAgent: "test/1"})
	if v, err := c.Version(t.Context()); err != nil || v != "8.1.1" {
		t.Fatal(v, err)
	}
	h := <-headers
	if h.Get("Accept") != "application/json" || h.Get("User-Agent") != "test/1" {
		t.Errorf("wrong header: %v", h)
	}
}

func TestNewNamesEverythingWrong(t *testing.T) {
	t.Parallel()
	_, err := bodhi.New("ftp://example.org", bodhi.Options{UserAgent: "Mozilla/5.0", RowsPerPage: 5000, MaxResponse: -1})
	for _, want := range []string{"baseURL", "UserAgent", "RowsPerPage", "MaxResponse"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in %v", want, err)
		}
	}
	_, err = bodhi.New("https://qa:secret@example.org", bodhi.Options{})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("credentials: %v", err)
	}
}

func TestIsAlias(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"FEDORA-2024-f39890a065": true, "FEDORA-EPEL-2024-0123456789": true, "FEDORA-EPEL-NEXT-2024-0123456789": true,
		"FEDORA-2012-12345": true, "fedora-2024-f39890a065": false, "FEDORA-2024-f39890a06": true, "FEDORA-2024-F39890A065": false,
		"FEDORA-2024-f39890a0651": false, "vim-9.1-1.fc40": false, "": false,
	} {
		if bodhi.IsAlias(s) != want || bodhi.IsAlias(s+" ") {
			t.Errorf("IsAlias(%q) is %v", s, !want)
		}
	}
}
