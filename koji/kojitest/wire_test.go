package kojitest_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji/internal/wire"
	"github.com/fedora-respin/respin/koji/kojitest"
)

func post(t *testing.T, h http.Handler, body []byte, header http.Header) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/kojihub", bytes.NewReader(body))
	maps.Copy(r.Header, header)
	h.ServeHTTP(w, r)
	return w.Result()
}

// incomparable are the recordings whose answers are about more than what was
// put into the hub. The value says what is compared all the same.
func incomparable() map[string]string {
	return map[string]string{
		"_listapi":                   "no answer was recorded",
		"system.listMethods":         "shape; this hub has fewer methods",
		"login":                      "shape; session ids and keys are random",
		"sslLogin-gssapi-emulated":   "shape; session ids and keys are random",
		"getLoggedInUser-by-url":     "session",
		"getLoggedInUser":            "session",
		"createTag-authed":           "session",
		"createSideTag-authed":       "session",
		"fault-1002-bad-session":     "session",
		"fault-1007-auth-expired":    "session",
		"fault-1008-sequence":        "session",
		"fault-1009-retry":           "session",
		"fault-1000-tag-exists":      "session",
		"fault-1014-offline":         "offline",
		"listTaskOutput-stat":        "types; sizes and times of files",
		"listTaskOutput-stat-allvol": "types; sizes and times of files",
	}
}

// unordered are paths below which a real hub has no order of its own: what
// comes out of Python's dicts, of JSON in the database and of the disk.
func unordered(path string) bool {
	for _, part := range []string{".extra", "getBuildLogs", "listTaskOutput", "getTaskChildren", "queryHistory-", ".opts"} {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}

// differ lists where two answers differ. It reports, too, whether order had to
// be put aside for that.
func differ(path string, want, got any, values bool) (diffs []string, reordered bool) {
	switch w := want.(type) {
	case wire.Struct:
		return differStruct(path, w, got, values)
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{fmt.Sprintf("%s: %v instead of %v", path, got, want)}, false
		}
		if unordered(path) {
			less := func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
			w, g = slices.SortedFunc(slices.Values(w), less), slices.SortedFunc(slices.Values(g), less)
			reordered = true
		}
		for i := range w {
			d, r := differ(fmt.Sprintf("%s[%d]", path, i), w[i], g[i], values)
			diffs, reordered = append(diffs, d...), reordered || r
		}
		return diffs, reordered
	default:
		a, b := fmt.Sprintf("%T", want), fmt.Sprintf("%T", got)
		if values {
			a, b = fmt.Sprintf("%T %v", want, want), fmt.Sprintf("%T %v", got, got)
		}
		if a != b {
			return []string{fmt.Sprintf("%s: %s instead of %s", path, b, a)}, false
		}
		return nil, false
	}
}

func differStruct(path string, w wire.Struct, got any, values bool) (diffs []string, reordered bool) {
	g, ok := got.(wire.Struct)
	if !ok || len(g) != len(w) {
		return []string{fmt.Sprintf("%s: %v instead of %v", path, got, w)}, false
	}
	if unordered(path) {
		byName := func(a, b wire.Member) int { return strings.Compare(a.Name, b.Name) }
		w, g = slices.SortedFunc(slices.Values(w), byName), slices.SortedFunc(slices.Values(g), byName)
		reordered = true
	}
	for i, m := range w {
		if m.Name != g[i].Name {
			return append(diffs, fmt.Sprintf("%s: member %d is %q instead of %q", path, i, g[i].Name, m.Name)), reordered
		}
		d, r := differ(path+"."+m.Name, m.Value, g[i].Value, values)
		diffs, reordered = append(diffs, d...), reordered || r
	}
	return diffs, reordered
}

// Every recorded request is asked of a hub that was filled with the same things
// by Go calls, and the answer must be the recorded one: byte for byte, but for
// the exceptions above.
func TestAnswersAreThoseOfTheRealHub(t *testing.T) {
	t.Parallel()
	dir := shareddata.Dir(t, "koji-wire")
	requests, err := filepath.Glob(filepath.Join(dir, "*.request.xml"))
	if err != nil || len(requests) < 100 {
		t.Fatalf("%d recordings: %v", len(requests), err)
	}
	h := recordedHub(t)
	exact, close := 0, 0
	for _, path := range requests {
		name := strings.TrimSuffix(filepath.Base(path), ".request.xml")
		why := incomparable()[name]
		if strings.HasPrefix(name, "http-") || why == "session" || why == "offline" || strings.HasPrefix(why, "no ") {
			continue // tests of their own
		}
		request := must(os.ReadFile(path))
		recorded := must(os.ReadFile(filepath.Join(dir, name+".response.xml")))
		header := http.Header{}
		if name == "sslLogin-gssapi-emulated" {
			continue
		}
		resp := post(t, h, request, header)
		answer := must(io.ReadAll(resp.Body))
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Koji-Version") != "1.35.3" || resp.Header.Get("Content-Type") != "text/xml" {
			t.Errorf("%s: %s %v", name, resp.Status, resp.Header)
		}
		if bytes.Equal(recorded, answer) {
			exact++
			continue
		}
		close++
		var want, got any
		if err := wire.DecodeResponse(bytes.NewReader(recorded), wire.Limits{Ordered: true}, &want); err != nil {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(string(recorded), string(answer)))
			continue
		}
		if err := wire.DecodeResponse(bytes.NewReader(answer), wire.Limits{Ordered: true}, &got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "system.listMethods" {
			checkMethods(t, want, got)
			continue
		}
		diffs, reordered := differ(name, want, got, why == "")
		for _, d := range diffs {
			t.Error(d)
		}
		if len(diffs) == 0 && why == "" && !reordered {
			t.Errorf("%s: same values, other bytes\n%s", name, cmp.Diff(string(recorded), string(answer)))
		}
	}
	if exact < 80 || close > 20 {
		t.Errorf("%d answers to the byte, %d otherwise", exact, close)
	}
	t.Logf("%d answers to the byte, %d but for their order", exact, close)
}

// checkMethods: this hub has no method that the real one lacks.
func checkMethods(t *testing.T, want, got any) {
	t.Helper()
	theirs, _ := want.([]any)
	ours, _ := got.([]any)
	for _, m := range ours {
		if !slices.Contains(theirs, m) {
			t.Errorf("method %v is none of Koji", m)
		}
	}
}

// session is the recorded course of a login, in the order of the recording.
func TestSessionsGoAsRecorded(t *testing.T) {
	t.Parallel()
	dir := shareddata.Dir(t, "koji-wire")
	h := recordedHub(t)
	var session http.Header
	ask := func(name string, header http.Header, exact bool) any {
		t.Helper()
		resp := post(t, h, must(os.ReadFile(filepath.Join(dir, name+".request.xml"))), header)
		answer := must(io.ReadAll(resp.Body))
		recorded := must(os.ReadFile(filepath.Join(dir, name+".response.xml")))
		if exact && !bytes.Equal(recorded, answer) {
			t.Errorf("%s:\n%s", name, cmp.Diff(string(recorded), string(answer)))
		}
		var want, got any
		wantErr := wire.DecodeResponse(bytes.NewReader(recorded), wire.Limits{Ordered: true}, &want)
		if err := wire.DecodeResponse(bytes.NewReader(answer), wire.Limits{Ordered: true}, &got); fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s: %v instead of %v", name, err, wantErr)
		}
		if diffs, _ := differ(name, want, got, exact); len(diffs) > 0 {
			t.Errorf("%s: %v", name, diffs)
		}
		return got
	}
	ask("fault-1004-not-allowed", nil, true)
	ask("fault-1004-not-logged-in", nil, true)
	ask("fault-1002-bad-login", nil, true)
	ask("fault-1002-bad-session", http.Header{"Koji-Session-Id": {"77"}, "Koji-Session-Key": {"x"}}, true)
	ask("login", nil, false) // the first session, as on the recorded hub
	open := func(v any) http.Header {
		s, _ := v.(wire.Struct)
		id, _ := s.Get("session-id")
		key, _ := s.Get("session-key")
		return http.Header{"Koji-Session-Id": {fmt.Sprint(id)}, "Koji-Session-Key": {fmt.Sprint(key)}}
	}
	session = open(ask("login", nil, false))
	with := func(callnum string) http.Header {
		out := session.Clone()
		out.Set("Koji-Session-Callnum", callnum)
		return out
	}
	ask("getLoggedInUser", session, true)
	ask("createTag-authed", with("2"), true)
	ask("fault-1009-retry", with("2"), true)
	ask("fault-1008-sequence", with("1"), true)
	ask("createSideTag-authed", with("3"), true)
	ask("fault-1000-tag-exists", with("4"), true)
	h.ExpireSessions()
	ask("fault-1007-auth-expired", session, true)
	ask("fault-1002-sslLogin-nocert", nil, true)
	h.Negotiate(func(token string) string { return map[string]string{"token": "ada"}[token] })
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/kojihub/ssllogin", bytes.NewReader(must(os.ReadFile(filepath.Join(dir, "sslLogin-gssapi-emulated.request.xml")))))
	r.Header.Set("Authorization", "Negotiate token")
	h.ServeHTTP(w, r)
	var got any
	if err := wire.DecodeResponse(w.Body, wire.Limits{Ordered: true}, &got); err != nil {
		t.Fatal(err)
	}
	if diffs, _ := differ("sslLogin", recording(t, "sslLogin-gssapi-emulated"), got, false); len(diffs) > 0 {
		t.Error(diffs)
	}
	h.Fail(kojitest.Failures{Offline: "planned outage"})
	ask("fault-1014-offline", nil, true)
}

func TestBadRequestsAreRefusedAsByTheRealHub(t *testing.T) {
	t.Parallel()
	dir := shareddata.Dir(t, "koji-wire")
	h := kojitest.NewHub()
	for _, name := range []string{"http-400-empty", "http-400-notxml", "http-400-badxml"} {
		recorded := must(os.ReadFile(filepath.Join(dir, name+".response.xml")))
		resp := post(t, h, must(os.ReadFile(filepath.Join(dir, name+".request.xml"))), nil)
		answer, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusBadRequest || !bytes.Equal(answer, recorded) || resp.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %s %q instead of %q", name, resp.Status, answer, recorded)
		}
	}
	recorded := must(os.ReadFile(filepath.Join(dir, "http-405-get.response.xml")))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/kojihub", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" || w.Body.String() != string(recorded) {
		t.Errorf("GET: %d %q", w.Code, w.Body)
	}
}
