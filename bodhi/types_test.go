package bodhi_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/internal/shareddata"
)

// recorded serves the answers of the real Bodhi that stand in the shared data.
func recorded(t *testing.T) *bodhi.Client {
	t.Helper()
	dir := shareddata.Dir(t, "bodhi")
	files := map[string]string{
		"/updates/": "updates-list.json", "/releases/": "releases-2022.json",
		"/updates/FEDORA-2022-553f70a692": "update-FEDORA-2022-553f70a692.json",
		"/updates/FEDORA-2022-9515529c96": "update-with-bugs-FEDORA-2022-9515529c96.json",
	}
	return newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := os.ReadFile(filepath.Join(dir, files[r.URL.Path]))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		w.Write(body)
	}), bodhi.Options{})
}

func TestRecordedUpdate(t *testing.T) {
	t.Parallel()
	c := recorded(t)
	u, err := c.Update(t.Context(), "FEDORA-2022-553f70a692")
	if err != nil {
		t.Fatal(err)
	}
	if u.FromTag != "f36-build-side-49460" || u.Status != bodhi.StatusStable || u.Type != bodhi.TypeEnhancement || u.Request != "" ||
		u.TestGating != bodhi.GatingIgnored || u.Suggest != bodhi.SuggestReboot || *u.StableKarma != 3 || *u.UnstableKarma != -3 ||
		u.CritpathGroups != nil || !u.Critpath || u.Release.Branch != "f36" || u.VersionHash != "ffac840e4a46fd36982465df9bb03ad1ed358757" {
		t.Errorf("wrong members: %+v", u)
	}
	if want := time.Date(2022, 1, 13, 14, 52, 44, 0, time.UTC); !u.Stable.Equal(want) || !u.PushedAt.Equal(want) || !u.Modified.IsZero() {
		t.Errorf("wrong times: %v %v %v", u.Stable, u.PushedAt, u.Modified)
	}
	if len(u.RPMBuilds()) != len(u.Builds) || u.Title != strings.Join(u.NVRs(), " ") || *u.Builds[0].Epoch != 0 {
		t.Errorf("wrong builds: %+v", u.Builds)
	}
	u, err = c.Update(t.Context(), "FEDORA-2022-9515529c96")
	if err != nil || len(u.Bugs) == 0 || u.Bugs[0].ID != 2069370 || !u.Bugs[0].Security {
		t.Errorf("wrong bugs: %+v, %v", u, err)
	}
}

func TestRecordedLists(t *testing.T) {
	t.Parallel()
	c := recorded(t)
	raw, err := os.ReadFile(filepath.Join(shareddata.Dir(t, "bodhi"), "updates-list.json"))
	if err != nil {
		t.Fatal(err)
	}
	emails := regexp.MustCompile(`"email": *"([^"]*)"`).FindAllStringSubmatch(string(raw), -1)
	if len(emails) == 0 {
		t.Fatal("the recording has no member email")
	}
	seen := 0
	for u, err := range c.Updates(t.Context(), bodhi.UpdateQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if !bodhi.IsAlias(u.Alias) || !u.Status.Known() || !u.Type.Known() || !u.Severity.Known() || !u.Suggest.Known() ||
			!u.Release.State.Known() || u.TestGating != "" && !u.TestGating.Known() || u.Submitted.IsZero() {
			t.Errorf("wrong members: %+v", u)
		}
		// The recording has the member email in every user; no reader of ours keeps
		// what stands there.
		kept, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range emails {
			if m[1] != "" && strings.Contains(string(kept), m[1]) {
				t.Errorf("kept %s of %s", m[1], u.Alias)
			}
		}
	}
	if seen != 12 {
		t.Errorf("%d updates, want 12", seen)
	}
	seen = 0
	for r, err := range c.Releases(t.Context(), bodhi.ReleaseQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if !r.State.Known() || !r.PackageManager.Known() || r.StableTag == "" {
			t.Errorf("wrong members: %+v", r)
		}
	}
	if seen != 4 {
		t.Errorf("%d releases, want 4", seen)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	moment := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]time.Time{
		`"2026-01-02 03:04:05"`: moment, `"2026-01-02T03:04:05Z"`: moment, `"2026-01-02T05:04:05+02:00"`: moment,
		`"2026-01-02T03:04:05"`: moment, `"2026-01-02"`: moment.Truncate(24 * time.Hour), `null`: {}, `""`: {},
	} {
		var got bodhi.Time
		if err := json.Unmarshal([]byte(in), &got); err != nil || !got.Equal(want) {
			t.Errorf("%s is %v, %v", in, got, err)
		}
		var day bodhi.Date
		if strings.Contains(in, "T05") || strings.Contains(in, "T03:04:05\"") {
			continue
		}
		if err := json.Unmarshal([]byte(in), &day); err != nil || !day.Equal(want.Truncate(24*time.Hour)) {
			t.Errorf("%s is %v, %v", in, day, err)
		}
	}
	for _, in := range []string{`"yesterday"`, `7`, `"2026-13-02 03:04:05"`} {
		var got bodhi.Time
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s accepted as %v", in, got)
		}
	}
	out, err := json.Marshal([]any{bodhi.Time{Time: moment}, bodhi.Time{}, bodhi.Date{Time: moment}, bodhi.Date{}})
	if diff := cmp.Diff(`["2026-01-02 03:04:05",null,"2026-01-02",null]`, string(out)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestUnknownMembersAndValuesSurvive(t *testing.T) {
	t.Parallel()
	var u bodhi.Update
	err := json.Unmarshal([]byte(`{"alias": "FEDORA-2026-0123456789", "status": "teleported", "user": null, "builds": null, "new": {"a": [1]},
		"critpath_groups": "core", "stable_days": null}`), &u)
	if err != nil || u.Status != "teleported" || u.Status.Known() || u.User != nil || *u.CritpathGroups != "core" || u.StableDays != nil {
		t.Errorf("%+v, %v", u, err)
	}
}

// FuzzUpdate: whatever a server sends ends as a value or an error, and what is
// accepted survives its own encoding.
func FuzzUpdate(f *testing.F) {
	f.Add([]byte(`{"update": {"alias": "FEDORA-2026-0123456789", "date_submitted": "2026-01-02 03:04:05", "builds": [{"nvr": "a-1-1", "epoch": 1}]}}`))
	f.Add([]byte(`{"update": {"alias": "x", "release": {"eol": "2026-01-02"}, "user": {"groups": [{}]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var answer struct{ Update bodhi.Update }
		if json.Unmarshal(data, &answer) != nil {
			return
		}
		once, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		var again struct{ Update bodhi.Update }
		if err := json.Unmarshal(once, &again); err != nil {
			t.Fatalf("%v: %s", err, once)
		}
		twice, _ := json.Marshal(again)
		if string(once) != string(twice) {
			t.Errorf("changed:\n%s\n%s", once, twice)
		}
	})
}
