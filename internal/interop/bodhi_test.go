//go:build interop

package interop_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestBodhi drives a real bodhi-server through the client, and holds bodhitest,
// filled with the same updates, against it answer by answer.
func TestBodhi(t *testing.T) {
	seed := newBodhiSeed()
	theirs := startBodhi(t, seed, startKoji(t).HubURL)
	ours := fillBodhitest(t, seed)

	t.Run("client", func(t *testing.T) { driveBodhi(t, theirs) })
	t.Run("client on ours", func(t *testing.T) { driveBodhi(t, ours) })
	t.Run("same answers", func(t *testing.T) {
		for _, path := range bodhiPaths() {
			want, got := askBodhi(t, theirs+path), askBodhi(t, ours+path)
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-bodhi-server +bodhitest):\n%s", path, diff)
			}
		}
	})
}

// bodhiPaths leaves out what SQLite does differently from Bodhi's PostgreSQL: LIKE
// there ignores case.
func bodhiPaths() []string {
	return []string{
		"/updates/FEDORA-2026-0000000000", "/updates/FEDORA-2026-0000000005", "/updates/FEDORA-2026-0000000007", "/updates/none", "/updates/pkg01", "/updates",
		"/updates/", "/updates/?page=3", "/updates/?page=4", "/updates/?rows_per_page=7&page=2", "/updates/?no_such_parameter=1", "/updates/?packages=pkg01",
		"/updates/?builds=pkg01-1.1~rc1^git%2B1-1.fc40", "/updates/?builds=pkg01-1-1.fc40", "/updates/?packages=none", "/updates/?alias=FEDORA-2026-0000000001,FEDORA-2026-0000000002",
		"/updates/?updateid=FEDORA-2026-0000000001", "/updates/?status=stable&status=pending&user=ada", "/updates/?status=pending,testing", "/updates/?gating=passed", "/updates/?gating=x",
		"/updates/?releases=F42", "/updates/?releases=40&user=bob", "/updates/?releases=f40&rows_per_page=3", "/updates/?releases=WinXP", "/updates/?releases=__bogus__", "/updates/?releases=__pending__",
		"/updates/?releases=__current__", "/updates/?release=F40&bugs=1001", "/updates/?bugs=x", "/updates/?bugs=5", "/updates/?user=nobody", "/updates/?request=testing&user=ada", "/updates/?severity=urgent",
		"/updates/?severity=x", "/updates/?type=security", "/updates/?content_type=flatpak", "/updates/?critpath=true", "/updates/?pushed=maybe", "/updates/?locked=1", "/updates/?from_side_tag=true",
		"/updates/?submitted_since=2026-01-03&submitted_before=2026-01-03T04:00:00Z", "/updates/?submitted_since=soon", "/updates/?pushed_since=2026-01-01", "/updates/?pushed_since=2026-01-03", "/updates/?pushed_before=2026-01-02", "/updates/?modified_since=2026-01-01",
		"/updates/?like=pkg05", "/updates/?search=PKG05", "/updates/?search=0000000007", "/updates/?like=a&like=b", "/updates/?rows_per_page=1001", "/updates/?page=0", "/updates/?page=x", "/updates/?builds=",
		"/releases/", "/releases/F40", "/releases/f40", "/releases/Fedora%2040", "/releases/F99", "/releases/?state=pending&state=frozen", "/releases/?state=current,pending", "/releases/?ids=2", "/releases/?ids=a",
		"/releases/?name=F4%25&rows_per_page=1", "/releases/?exclude_archived=true", "/releases/?packages=pkg01", "/releases/?packages=none", "/releases?name=F40", "/list_releases/",
		"/builds/pkg01-1.1~rc1%5Egit+1-1.fc40", "/builds/none-1-1", "/builds/?packages=pkg01&packages=pkg02", "/builds/?packages=none", "/builds/?updates=FEDORA-2026-0000000001", "/builds/?nvr=pkg03-extra-1-1.fc40",
		"/packages/?search=PKG01", "/packages/?name=pkg01", "/packages/?like=kg01", "/packages/?rows_per_page=3&page=2", "/composes/", "/composes/F40/stable", "/composes/F42/testing", "/composes/F40/x",
		"/comments/", "/comments/?chrome=false", "/comments/?chrome=false&updates=FEDORA-2026-0000000005", "/comments/?packages=pkg05", "/comments/?packages=none", "/comments/?updates=none", "/comments/?user=bob",
		"/comments/?user=nobody", "/comments/?update_owner=ada&ignore_user=bob", "/comments/?ignore_user=nobody", "/comments/?since=2026-01-01T10:00:00Z", "/comments/?since=soon", "/comments/?like=works", "/comments/?search=nothing%20so",
		"/comments/999999", "/comments/x", "/comments/?rows_per_page=1&page=2",
		"/overrides/", "/overrides/?expired=true", "/overrides/?expired=false&display_user=0", "/overrides/?builds=pkg58-extra-1-1.fc40", "/overrides/?builds=none-1-1", "/overrides/?packages=pkg59", "/overrides/?packages=none",
		"/overrides/?releases=F40", "/overrides/?releases=F42", "/overrides/?releases=F99", "/overrides/?user=bob", "/overrides/?user=nobody", "/overrides/?like=pkg59", "/overrides/?search=PKG58", "/overrides/pkg59-1.59~rc1%5Egit+1-1.fc40",
		"/overrides/pkg00-extra-1-1.fc40", "/overrides/none-1-1",
		"/users/", "/users/?name=b%25", "/users/?search=ODH", "/users/?like=d", "/users/?groups=provenpackager", "/users/?groups=none", "/users/?updates=FEDORA-2026-0000000001", "/users/?updates=none", "/users/?packages=none", "/users/ada", "/users/nobody",
		"/latest_builds?package=pkg01", "/latest_builds?package=none", "/latest_builds_in_tag", "/latest_candidates", "/latest_candidates?package=pkg01&testing=true", "/latest_candidates?prefix=pkg0&hide_existing=1",
		"/get_critpath_components", "/get_critpath_components?components=glibc,gdm", "/get_critpath_components?collection=f39", "/get_critpath_components?component_type=flatpak", "/message-schemas/v1/none",
		"/no/such/route", "/updates/none/get-test-results", "/updates/FEDORA-2026-0000000005/get-test-results", "/healthz/live", "/healthz/ready", "/api_version",
	}
}

// bodhiAnswer is an answer without what may differ.
type bodhiAnswer struct {
	Status   int
	Type     string
	Location string
	Body     any
}

func askBodhi(t *testing.T, address string) bodhiAnswer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + req.URL.Host
	a := bodhiAnswer{Status: resp.StatusCode, Type: resp.Header.Get("Content-Type")}
	// Relative or absolute: both are legal, and the same.
	if location, err := resp.Location(); err == nil {
		a.Location = strings.TrimPrefix(location.String(), base)
	}
	if !strings.HasPrefix(a.Type, "application/json") {
		return a
	}
	body = []byte(strings.NewReplacer(base, "BASE", "http://bodhi.example.org", "BASE").Replace(string(body)))
	if err := json.Unmarshal(body, &a.Body); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	a.Body = normalize("", a.Body)
	return a
}

// normalize blots out what depends on the order of a database, on the clock and
// on Koji; the type stays.
func normalize(name string, v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, member := range x {
			x[k] = normalize(k, member)
		}
	case []any:
		for i := range x {
			x[i] = normalize(name, x[i])
		}
		if name == "groups" { // a relation without an order
			slices.SortFunc(x, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	if slices.Contains([]string{"id", "user_id", "update_id", "comment_id", "build_id", "submitter_id", "avatar", "meets_testing_requirements", "critpath_groups", "testing_repository"}, name) {
		if v == nil || name == "critpath_groups" || name == "testing_repository" {
			return "string or null"
		}
		return fmt.Sprintf("%T", v)
	}
	return v
}
