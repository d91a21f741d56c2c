package bodhitest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
	"github.com/fedora-respin/respin/internal/shareddata"
)

func newHub(t *testing.T) (*bodhitest.Server, string) {
	t.Helper()
	hub := bodhitest.New(bodhitest.Options{})
	if err := hub.AddRelease(bodhitest.Fedora(40)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	return hub, server.URL
}

// get asks without following redirects.
func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestShapeOfTheRecordedAnswers holds every member and its JSON type against
// answers of the real Bodhi. The recordings are of 2022; what changed since is
// listed, with the version that changed it.
func TestShapeOfTheRecordedAnswers(t *testing.T) {
	t.Parallel()
	dir := shareddata.Dir(t, "bodhi")
	hub, base := newHub(t)
	at := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	alias, err := hub.AddUpdate(bodhitest.Update{
		Alias: "FEDORA-2026-0123456789", Release: "F40", Status: bodhi.StatusStable, FromTag: "f40-build-side-1", Gating: bodhi.GatingPassed,
		Builds: []bodhi.Build{{NVR: "vim-9.1-1.fc40", Signed: true}}, Bugs: []bodhi.Bug{{ID: 7, Title: "crash"}},
		Comments: []bodhitest.Comment{{User: "bodhi", Text: "pushed", Time: at}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for file, path := range map[string]string{
		"update-FEDORA-2022-553f70a692.json":           "/updates/" + alias,
		"update-with-bugs-FEDORA-2022-9515529c96.json": "/updates/" + alias,
		"updates-list.json":                            "/updates/",
		"releases-2022.json":                           "/releases/",
	} {
		want, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		_, got := get(t, base+path)
		real, ours := shape(t, want), shape(t, []byte(got))
		for path := range real {
			compare(t, file, path, real, ours)
		}
		for path := range ours {
			compare(t, file, path, real, ours)
		}
	}
}

// compare holds one path of both shapes against each other. Below a list that is
// empty, or a member that is null on one side, nothing can be said.
func compare(t *testing.T, file, path string, real, ours map[string]string) {
	t.Helper()
	for _, pair := range [][2]map[string]string{{real, ours}, {ours, real}} {
		if _, ok := pair[0][path]; !ok {
			continue
		}
		at := path
		for _, ok := pair[1][at]; !ok && at != ""; _, ok = pair[1][at] {
			at = at[:strings.LastIndexAny(at, ".[")]
		}
		if at != path && pair[1][at] != "" && !strings.HasPrefix(path[len(at):], "[]") {
			t.Errorf("%s: %s is on one side only", file, path)
		}
	}
	if r, o := real[path], ours[path]; r != "" && o != "" && r != o {
		t.Errorf("%s: %s is %s in the recording and %s here", file, path, r, o)
	}
}

// changed since the recordings: members that went, and members that came.
var changed = []string{
	".requirements", // gone in 8.0
	".compose",      // gone with 6.0's release.composes
	"feedback[]",    // Bodhi 8.1 had feedback and karma, later ones karma alone
	".critpath_groups", ".released_on", ".setting_status", ".ci_allowed",
	"mandatory_days_in_testing", "min_karma",
}

// shape maps each path of a JSON text to the types found there.
func shape(t *testing.T, data []byte) map[string]string {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	types := map[string][]string{}
	collect("", v, types)
	out := map[string]string{}
	for path, found := range types {
		// null says nothing of the type; most members may be null.
		found = slices.DeleteFunc(found, func(s string) bool { return s == "null" })
		slices.Sort(found)
		out[path] = strings.Join(slices.Compact(found), "|")
	}
	return out
}

func collect(path string, v any, types map[string][]string) {
	if slices.ContainsFunc(changed, func(c string) bool { return strings.HasSuffix(path, c) }) {
		return
	}
	types[path] = append(types[path], kind(v))
	switch v := v.(type) {
	case map[string]any:
		for k, member := range v {
			collect(path+"."+k, member, types)
		}
	case []any:
		for _, element := range v {
			collect(path+"[]", element, types)
		}
	}
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	case []any:
		return "list"
	}
	return "object"
}

func TestQuirks(t *testing.T) {
	t.Parallel()
	hub, base := newHub(t)
	for i := range 25 {
		if _, err := hub.AddUpdate(bodhitest.Update{Release: "F40", Builds: []bodhi.Build{{NVR: fmt.Sprintf("p%d-1-1.fc40", i)}}}); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/updates/?no_such_parameter=1":          {200, `"total":25`},
		"/updates/":                              {200, `"rows_per_page":20`},
		"/updates/?page=7":                       {200, `"updates":[]`},
		"/updates/?packages=none":                {200, `"pages":0`},
		"/updates/?packages=p1,p2":               {200, `"total":2`},
		"/updates/?status=pending&status=stable": {200, `"total":25`},
		"/updates/?status=pending,stable":        {400, `"name":"status.0"`},
		"/updates/?releases=WinXP":               {400, "Invalid releases specified: WinXP"},
		"/updates/?releases=40":                  {200, `"total":25`},
		"/updates/?releases=f40&releases=F40":    {200, `"total":25`},
		"/updates/?pushed=maybe":                 {400, "is neither in ('false', '0') nor in ('true', '1')"},
		"/updates/?submitted_since=soon":         {400, "Invalid date"},
		"/updates/?bugs=x":                       {400, "Invalid bug ID specified: ['x']"},
		"/updates/?like=a&like=b":                {400, "is not a string"},
		"/updates/?rows_per_page=1001":           {400, "1001 is greater than maximum value 1000"},
		"/updates/?page=0":                       {400, "0 is less than minimum value 1"},
		"/updates/?user=nobody":                  {400, "Invalid users specified: nobody"},
		"/updates/p1":                            {302, ""},
		"/updates":                               {307, ""},
		"/updates/none":                          {404, `"description":"Invalid update id"`},
		"/releases/F99":                          {404, `"description":"No such release"`},
		"/releases/?state=current":               {200, `"total":1`},
		"/releases/?state=current,pending":       {400, `state.0`},
		"/list_releases/":                        {200, `"name":"F40"`},
		"/builds/?packages=none":                 {400, "Invalid packages specified: none"},
		"/builds/?nvr=p1-1-1.fc40":               {200, `"total":1`},
		"/composes/F40/testing":                  {404, "<html>"},
		"/no/such/route":                         {404, "<html>"},
		"/api_version":                           {200, `{"version":"26.4.0"}`},
		"/updates/none/get-test-results":         {404, "Invalid update id"},
	} {
		resp, body := get(t, base+path)
		if resp.StatusCode != want.status || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d %.300s", path, resp.StatusCode, body)
		}
		if isHTML := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"); isHTML == strings.HasPrefix(body, "{") {
			t.Errorf("%s: Content-Type %s for %.40q", path, resp.Header.Get("Content-Type"), body)
		}
	}
	resp, _ := get(t, base+"/updates/p1")
	if got := resp.Header.Get("Location"); got != base+"/updates/?packages=p1" {
		t.Errorf("Location %s", got)
	}
}

func TestBrowsersGetPages(t *testing.T) {
	t.Parallel()
	_, base := newHub(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/updates/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/html") {
		t.Errorf("Content-Type %s", got)
	}
}

func TestAdditionsAreChecked(t *testing.T) {
	t.Parallel()
	hub, _ := newHub(t)
	add := func(u bodhitest.Update) error {
		_, err := hub.AddUpdate(u)
		return err
	}
	vim := []bodhi.Build{{NVR: "vim-9.1-1.fc40"}}
	if err := add(bodhitest.Update{Alias: "FEDORA-2026-0000", Release: "F40", Builds: vim}); err != nil {
		t.Fatal(err)
	}
	for name, u := range map[string]bodhitest.Update{
		"unknown release": {Release: "F1"},
		"no NVR":          {Release: "F40", Builds: []bodhi.Build{{NVR: "vim"}}},
		"build taken":     {Release: "F40", Builds: vim},
		"alias taken":     {Alias: "FEDORA-2026-0000", Release: "F40"},
	} {
		if err := add(u); err == nil {
			t.Errorf("%s accepted", name)
		}
	}
	if err := hub.AddRelease(bodhi.Release{}); err == nil {
		t.Error("release without a name accepted")
	}
	if err := hub.ChangeUpdate("FEDORA-2026-9999", func(*bodhitest.Update) {}); err == nil {
		t.Error("unknown update changed")
	}
}

func TestFaultsOfOnePath(t *testing.T) {
	t.Parallel()
	hub, base := newHub(t)
	hub.SetFault(bodhitest.Fault{Path: "/updates/", Status: 503, RetryAfter: "5"})
	if resp, _ := get(t, base+"/releases/F40"); resp.StatusCode != http.StatusOK {
		t.Errorf("another path is hit: %d", resp.StatusCode)
	}
	resp, body := get(t, base+"/updates/")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "5" || !strings.Contains(body, "<html>") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	hub.SetFault(bodhitest.Fault{})
	if resp, _ := get(t, base+"/updates/"); resp.StatusCode != http.StatusOK {
		t.Error("not healed")
	}
	if got := hub.Requests(); !cmp.Equal(got, []string{"/releases/F40", "/updates/", "/updates/"}) {
		t.Errorf("requests %v", got)
	}
}
