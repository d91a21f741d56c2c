package kojitest_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/internal/wire"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// recordedHub is a hub with what the recorded one had in it.
func recordedHub(t *testing.T) *kojitest.Hub {
	t.Helper()
	h := kojitest.NewHub()
	arches := []string{"x86_64", "aarch64"}
	tags := []kojitest.Tag{
		{Name: "f42", Arches: arches},
		{Name: "f42-updates", Arches: arches, Parents: []string{"f42"}},
		{Name: "f42-updates-testing", Arches: arches, Parents: []string{"f42-updates"}},
		{Name: "other"},
		{Name: "f42-updates-candidate", Arches: arches, Parents: []string{"f42-updates"}},
		{Name: "f42-build", Arches: arches, Parents: []string{"f42-updates"}},
		{Name: "f42-build-side-101", Arches: arches, Parents: []string{"f42-build"}, Extra: map[string]any{"sidetag": true, "sidetag_user": "ada", "sidetag_user_id": 2}},
	}
	for _, tag := range tags {
		if _, err := h.AddTag(tag); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.AddTarget("f42", "f42-build", "f42-updates-candidate"); err != nil {
		t.Fatal(err)
	}
	epoch, source := 2, "git+https://src.example.invalid/rpms/ondemand-core#0123456789abcdef0123456789abcdef01234567"
	extra := map[string]any{"source": map[string]any{"original_url": "git+https://src.example.invalid/rpms/ondemand-core.git#f42"}}
	rpms := func(name, nvr string) []kojitest.RPM {
		signed := func(arch string) map[string][]byte {
			if nvr != "1.1-1.fc42" {
				return nil
			}
			return map[string][]byte{"5ff11124": makeRPM(t, fakeRPM{name: name, version: "1.1", release: "1.fc42", arch: arch, signature: "signed"})}
		}
		var out []kojitest.RPM
		for _, r := range []kojitest.RPM{
			{Name: name, Arch: "src"},
			{Name: name, Arch: "aarch64"},
			{Name: name, Arch: "x86_64"},
			{Name: name + "-data", Arch: "noarch"},
			{Name: name + "-debuginfo", Arch: "aarch64"},
			{Name: name + "-debuginfo", Arch: "x86_64"},
		} {
			r.Data = []byte(r.Name + nvr + r.Arch)
			r.Signed = signed(r.Arch)
			out = append(out, r)
		}
		return out
	}
	for _, b := range []kojitest.Build{
		{NVR: "ondemand-core-1.0-1.fc42", Owner: "admin", Tags: []string{"f42"}, RPMs: rpms("ondemand-core", "1.0-1.fc42")},
		{
			NVR: "ondemand-core-1.1-1.fc42", Owner: "ada", Source: source, Extra: extra, RPMs: rpms("ondemand-core", "1.1-1.fc42"),
			Tags: []string{"f42-updates-testing", "f42-build-side-101"},
		},
		{NVR: "ondemand-tool-3.2-1.fc42", Owner: "admin", Epoch: &epoch, Tags: []string{"f42"}, RPMs: append([]kojitest.RPM{{Name: "ondemand-tool", Arch: "src", Size: 5000000000}}, rpms("ondemand-tool", "3.2-1.fc42")[1:]...)},
		{NVR: "ondemand-core-0.2-deleted", State: koji.BuildDeleted},
		{NVR: "ondemand-core-0.3-failed", State: koji.BuildFailed},
		{NVR: "ondemand-core-0.0-building", Owner: "admin", Building: true},
	} {
		if _, err := h.AddBuild(b); err != nil {
			t.Fatal(err)
		}
	}
	addRecordedTasks(t, h)
	return h
}

func addRecordedTasks(t *testing.T, h *kojitest.Hub) {
	t.Helper()
	git := "git+https://src.example.invalid/rpms/ondemand-scratch#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	output := map[string][]byte{
		"build.log": []byte("log\n"), "root.log": []byte("log\n"), "hw_info.log": []byte("log\n"),
		"ondemand-scratch-0.1-1.fc42.src.rpm": nil, "ondemand-scratch-0.1-1.fc42.x86_64.rpm": nil,
		"ondemand-scratch-debuginfo-0.1-1.fc42.x86_64.rpm": nil, "ondemand-scratch-data-0.1-1.fc42.noarch.rpm": nil,
	}
	for _, task := range []kojitest.Task{
		{ID: 1, Method: "build", Source: git, Target: "f42", Scratch: true, Children: []kojitest.Task{
			{ID: 2, Arch: "x86_64", Output: output},
			{ID: 3, Arch: "aarch64"},
			{ID: 4, Method: "buildSRPMFromSCM", Label: "srpm", Request: []any{git, 1, map[string]any{"repo_id": 1, "scratch": true}}},
		}},
		{ID: 5, State: koji.TaskFailed, Failure: "BuildError: error building package (arch x86_64), mock exited with status 1; see build.log"},
		{ID: 6, State: koji.TaskCanceled},
		{ID: 7, State: koji.TaskOpen},
	} {
		if _, err := h.AddTask(task); err != nil {
			t.Fatal(err)
		}
	}
}

// differ lists where two answers differ in names, order or types.
func differ(path string, want, got any) []string {
	switch w := want.(type) {
	case wire.Struct:
		g, ok := got.(wire.Struct)
		if !ok || len(g) != len(w) {
			return []string{fmt.Sprintf("%s: %v instead of %v", path, got, want)}
		}
		byName := strings.Contains(path, "TaskOutput") && !strings.Contains(path, ".")
		var out []string
		for i, m := range w {
			other := g[i]
			if byName { // files come in the order of the disk
				v, _ := g.Get(m.Name)
				other = wire.Member{Name: m.Name, Value: v}
			}
			if m.Name != other.Name {
				return append(out, fmt.Sprintf("%s: member %d is %q instead of %q", path, i, other.Name, m.Name))
			}
			out = append(out, differ(path+"."+m.Name, m.Value, other.Value)...)
		}
		return out
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{fmt.Sprintf("%s: %v instead of %v", path, got, want)}
		}
		var out []string
		for i := range w {
			out = append(out, differ(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])...)
		}
		return out
	default:
		if a, b := fmt.Sprintf("%T", want), fmt.Sprintf("%T", got); a != b {
			return []string{fmt.Sprintf("%s: %s %v instead of %s %v", path, b, got, a, want)}
		}
		return nil
	}
}

// unserved are the recorded methods that neither our client nor koji's
// downloads need.
func unserved(name string) bool {
	for _, prefix := range []string{
		"_listapi", "create", "login", "sslLogin", "getLoggedIn", "fault-1002", "fault-1004", "fault-1007", "fault-1008", "fault-1009",
		"fault-1000-tag-exists", "fault-1-", "getBuildConfig", "getBuildLogs", "getBuildTargets", "getBuildType", "getChangelog", "getExternal",
		"getFullInh", "getInher", "getPackage", "getRPMDeps", "getRPMHeaders", "getRepo", "getUser", "getVolume", "listArch", "listBTypes",
		"listBuilds", "listPackages", "listRPMFiles", "listTags-", "listTasks", "listVolumes", "queryHistory", "repoInfo", "search", "system.",
		"tagHistory", "http-", "getLatestRPMS",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func post(t *testing.T, h http.Handler, body []byte) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/kojihub", bytes.NewReader(body)))
	return w.Result()
}

func TestAnswersHaveTheShapeOfTheRealHub(t *testing.T) {
	t.Parallel()
	dir := shareddata.Dir(t, "koji-wire")
	requests, err := filepath.Glob(filepath.Join(dir, "*.request.xml"))
	if err != nil || len(requests) < 100 {
		t.Fatalf("%d recordings: %v", len(requests), err)
	}
	h := recordedHub(t)
	compared := 0
	for _, path := range requests {
		name := strings.TrimSuffix(filepath.Base(path), ".request.xml")
		if unserved(name) {
			continue
		}
		compared++
		request, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		recorded, err := os.ReadFile(filepath.Join(dir, name+".response.xml"))
		if err != nil {
			t.Fatal(err)
		}
		h.Fail(kojitest.Failures{})
		if name == "fault-1014-offline" {
			h.Fail(kojitest.Failures{Offline: "planned outage"})
		}
		resp := post(t, h, request)
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Koji-Version") != "1.35.3" || resp.Header.Get("Content-Type") != "text/xml" {
			t.Errorf("%s: %s %v", name, resp.Status, resp.Header)
		}
		if strings.HasPrefix(name, "fault-") || strings.HasSuffix(name, "-nil") || name == "echo-types" || name == "getAPIVersion" || name == "getKojiVersion" ||
			strings.HasPrefix(name, "downloadTask") {
			if !bytes.Equal(recorded, answer) { // to the byte
				t.Errorf("%s:\n%s\ninstead of\n%s", name, answer, recorded)
			}
			continue
		}
		var want, got any
		if err := wire.DecodeResponse(bytes.NewReader(recorded), wire.Limits{Ordered: true}, &want); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := wire.DecodeResponse(bytes.NewReader(answer), wire.Limits{Ordered: true}, &got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, d := range differ(name, want, got) {
			t.Error(d)
		}
	}
	if compared < 40 {
		t.Errorf("only %d recordings compared", compared)
	}
}

func TestBadRequestsAreRefusedAsByTheRealHub(t *testing.T) {
	t.Parallel()
	dir := shareddata.Dir(t, "koji-wire")
	h := kojitest.NewHub()
	for name, body := range map[string]string{"http-400-empty": "", "http-400-notxml": "hello"} {
		recorded, err := os.ReadFile(filepath.Join(dir, name+".response.xml"))
		if err != nil {
			t.Fatal(err)
		}
		resp := post(t, h, []byte(body))
		answer, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusBadRequest || !bytes.Equal(answer, recorded) || resp.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %s %q instead of %q", name, resp.Status, answer, recorded)
		}
	}
	recorded, err := os.ReadFile(filepath.Join(dir, "http-405-get.response.xml"))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/kojihub", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" || w.Body.String() != string(recorded) {
		t.Errorf("GET: %d %q", w.Code, w.Body)
	}
}
