package bodhi_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
)

// aliases drains a list of updates.
func aliases(t *testing.T, c *bodhi.Client, q bodhi.UpdateQuery) []string {
	t.Helper()
	var out []string
	for u, err := range c.Updates(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, u.Alias)
	}
	return out
}

func fill(t *testing.T, hub *bodhitest.Server, n int) []string {
	t.Helper()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var want []string
	for i := range n {
		alias := add(t, hub, bodhitest.Update{Submitted: start.Add(time.Duration(i) * time.Hour)}, fmt.Sprintf("p%d-1-1.fc40", i))
		want = append(want, alias)
	}
	slices.Reverse(want) // newest first
	return want
}

func TestListsAreCompleteAndWithoutRepetition(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 50, 51, 137} {
		for _, duplicates := range []bool{false, true} {
			t.Run(fmt.Sprint(n, duplicates), func(t *testing.T) {
				t.Parallel()
				hub, c := newHub(t)
				want := fill(t, hub, n)
				hub.SetFault(bodhitest.Fault{DuplicateRows: duplicates})
				if diff := cmp.Diff(want, aliases(t, c, bodhi.UpdateQuery{})); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestLimitAsksForNoMore(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	want := fill(t, hub, 120)
	for limit, pages := range map[int]int{3: 1, 50: 1, 60: 2} {
		before := len(hub.Requests())
		if diff := cmp.Diff(want[:limit], aliases(t, c, bodhi.UpdateQuery{Limit: limit})); diff != "" {
			t.Error(diff)
		}
		if got := len(hub.Requests()) - before; got != pages {
			t.Errorf("limit %d took %d requests", limit, got)
		}
	}
}

func TestListsCanBeRangedTwiceAndLeft(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	fill(t, hub, 60)
	seq := c.Updates(t.Context(), bodhi.UpdateQuery{})
	for range seq {
		break
	}
	if got := len(hub.Requests()); got != 1 {
		t.Errorf("left after one row, but %d requests", got)
	}
	for range 2 {
		n := 0
		for range seq {
			n++
		}
		if n != 60 {
			t.Errorf("%d rows", n)
		}
	}
}

// A new update that arrives between two pages moves every row by one.
func TestRowsThatMoveBetweenPages(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	want := fill(t, hub, 80)
	var got []string
	for u, err := range c.Updates(t.Context(), bodhi.UpdateQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			add(t, hub, bodhitest.Update{Submitted: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}, "late-1-1.fc40")
		}
		got = append(got, u.Alias)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Bodhi before 25.x (and a proxy that strips the query) can answer with the same
// page again and again, or with a total that is never reached.
func TestListsEndOnStrangeServers(t *testing.T) {
	t.Parallel()
	row := `{"alias": "FEDORA-2026-0123456789"}`
	for name, tt := range map[string]struct {
		body string
		want int
		text string
	}{
		"same page for ever": {`{"updates": [` + row + `], "page": 1, "pages": 100000, "total": 100000}`, 1, "repeats the same rows"},
		"empty page":         {`{"updates": [], "page": 1, "pages": 100000, "total": 100000}`, 0, ""},
		"ghost rows":         {`{"updates": [{}, ` + row + `], "page": 1, "pages": 1, "total": 2}`, 1, ""},
		"no list":            {`{"page": 1, "pages": 1, "total": 2}`, 0, "no member updates"},
		"no envelope":        {`{"updates": [` + row + `]}`, 0, "no number"},
		"list of other":      {`{"updates": [7], "page": 1, "pages": 1, "total": 1}`, 0, "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, serve(t, text("application/json", tt.body)), bodhi.Options{})
			n := 0
			var last error
			for u, err := range c.Updates(t.Context(), bodhi.UpdateQuery{}) {
				if err != nil {
					last = err
				} else if u.Alias != "" {
					n++
				}
			}
			if n != tt.want || (last == nil) != (tt.text == "") || last != nil && !strings.Contains(last.Error(), tt.text) {
				t.Errorf("%d rows, error %v", n, last)
			}
		})
	}
}

// Every filter must reach the server under its own name: a misspelled one would
// be ignored there and select all three.
func TestEveryFilterSelects(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	day := func(d int) time.Time { return time.Date(2026, 5, d, 12, 0, 0, 0, time.UTC) }
	one := add(t, hub, bodhitest.Update{
		Status: bodhi.StatusStable, Request: bodhi.RequestStable, Severity: bodhi.SeverityUrgent, Suggest: bodhi.SuggestReboot,
		Type: bodhi.TypeSecurity, Gating: bodhi.GatingPassed, FromTag: "f40-build-side-1", Critpath: true, Locked: true, User: "ada",
		Bugs: []bodhi.Bug{{ID: 1001}}, Submitted: day(10), Testing: day(10), Stable: day(11), Modified: day(12), Approved: day(13),
	}, "vim-9.1-1.fc40")
	add(t, hub, bodhitest.Update{Submitted: day(1), User: "bob", Modified: day(1), Approved: day(1)}, "nano-8-1.fc40")
	other := bodhitest.Update{Release: "F42", Submitted: day(2), Builds: []bodhi.Build{{NVR: "ed-1-1.fc42", Type: bodhi.ContentFlatpak}}}
	flatpak, err := hub.AddUpdate(other)
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	for name, tt := range map[string]struct {
		q    bodhi.UpdateQuery
		want string
	}{
		"alias":             {bodhi.UpdateQuery{Aliases: []string{one, "FEDORA-2026-0000000000"}}, one},
		"builds":            {bodhi.UpdateQuery{Builds: []string{"vim-9.1-1.fc40"}}, one},
		"packages":          {bodhi.UpdateQuery{Packages: []string{"vim", "emacs"}}, one},
		"releases":          {bodhi.UpdateQuery{Releases: []string{"F42"}}, flatpak},
		"release state":     {bodhi.UpdateQuery{Releases: []string{"__pending__"}}, flatpak},
		"users":             {bodhi.UpdateQuery{Users: []string{"ada"}}, one},
		"bugs":              {bodhi.UpdateQuery{Bugs: []int{1001, 5}}, one},
		"status":            {bodhi.UpdateQuery{Status: []bodhi.UpdateStatus{bodhi.StatusTesting, bodhi.StatusStable}}, one},
		"gating":            {bodhi.UpdateQuery{Gating: []bodhi.TestGatingStatus{bodhi.GatingPassed, bodhi.GatingIgnored}}, one},
		"request":           {bodhi.UpdateQuery{Request: bodhi.RequestStable}, one},
		"severity":          {bodhi.UpdateQuery{Severity: bodhi.SeverityUrgent}, one},
		"suggest":           {bodhi.UpdateQuery{Suggest: bodhi.SuggestReboot}, one},
		"type":              {bodhi.UpdateQuery{Type: bodhi.TypeSecurity}, one},
		"content":           {bodhi.UpdateQuery{ContentType: bodhi.ContentFlatpak}, flatpak},
		"critpath":          {bodhi.UpdateQuery{Critpath: &yes}, one},
		"locked":            {bodhi.UpdateQuery{Locked: &yes}, one},
		"pushed":            {bodhi.UpdateQuery{Pushed: &yes}, one},
		"side tag":          {bodhi.UpdateQuery{FromSideTag: &yes}, one},
		"submitted since":   {bodhi.UpdateQuery{SubmittedSince: day(10)}, one},
		"submitted between": {bodhi.UpdateQuery{SubmittedSince: day(2), SubmittedBefore: day(10)}, flatpak},
		"modified since":    {bodhi.UpdateQuery{ModifiedSince: day(12)}, one},
		"modified span":     {bodhi.UpdateQuery{ModifiedSince: day(2), ModifiedBefore: day(13)}, one},
		"approved since":    {bodhi.UpdateQuery{ApprovedSince: day(13)}, one},
		"approved span":     {bodhi.UpdateQuery{ApprovedSince: day(2), ApprovedBefore: day(14)}, one},
		"pushed since":      {bodhi.UpdateQuery{PushedSince: day(11)}, one},
		"pushed before":     {bodhi.UpdateQuery{PushedBefore: day(12)}, one},
		"like":              {bodhi.UpdateQuery{Like: "vim-9"}, one},
		"search":            {bodhi.UpdateQuery{Search: "VIM"}, one},
	} {
		if got := aliases(t, c, tt.q); !cmp.Equal(got, []string{tt.want}) {
			t.Errorf("%s selects %v, want %s", name, got, tt.want)
		}
	}
}

func TestUpdateForBuildPrefersTheLiveOne(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	day := func(d int) time.Time { return time.Date(2026, 5, d, 0, 0, 0, 0, time.UTC) }
	add(t, hub, bodhitest.Update{Status: bodhi.StatusUnpushed, Submitted: day(9)}, "vim-9.1-1.fc40")
	live := add(t, hub, bodhitest.Update{Submitted: day(3)}, "vim-9.1-1.fc40")
	u, err := c.UpdateForBuild(t.Context(), "vim-9.1-1.fc40")
	if err != nil || u.Alias != live {
		t.Fatalf("%v, %v", u, err)
	}
	if err := hub.ChangeUpdate(live, func(u *bodhitest.Update) { u.Status = bodhi.StatusUnpushed }); err != nil {
		t.Fatal(err)
	}
	u, err = c.UpdateForBuild(t.Context(), "vim-9.1-1.fc40")
	if err != nil || u.Status != bodhi.StatusUnpushed || !u.Submitted.Equal(day(9)) {
		t.Fatalf("%v, %v", u, err)
	}
}

func TestReleasesAndBuilds(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	epel := bodhitest.Fedora(9)
	epel.Name, epel.IDPrefix, epel.State = "EPEL-9", "FEDORA-EPEL", bodhi.ReleaseArchived
	if err := hub.AddRelease(epel); err != nil {
		t.Fatal(err)
	}
	epoch := 2
	alias, err := hub.AddUpdate(bodhitest.Update{Release: "F40", Builds: []bodhi.Build{{NVR: "vim-9.1~rc1^git+1-1.fc40", Epoch: &epoch}}})
	if err != nil {
		t.Fatal(err)
	}
	names := func(q bodhi.ReleaseQuery) string {
		var out []string
		for r, err := range c.Releases(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, r.Name)
		}
		return strings.Join(out, " ")
	}
	for want, q := range map[string]bodhi.ReleaseQuery{
		"EPEL-9 F40 F42": {},
		"F40 F42":        {ExcludeArchived: true},
		"F42":            {States: []bodhi.ReleaseState{bodhi.ReleasePending, bodhi.ReleaseFrozen}},
		"F40":            {Updates: []string{alias}},
		"EPEL-9":         {IDs: []int{3}},
		"":               {Name: "G%"},
	} {
		if got := names(q); got != want {
			t.Errorf("%+v selects %q, want %q", q, got, want)
		}
	}
	if got := names(bodhi.ReleaseQuery{Packages: []string{"vim"}, Name: "F4_"}); got != "F40" {
		t.Error(got)
	}
	r, err := c.Release(t.Context(), "Fedora 40")
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := r.FedoraVersion(); n != 40 || !ok || r.IsRawhide() || !r.HasTestingRepo() {
		t.Errorf("wrong release: %+v", r)
	}
	b, err := c.Build(t.Context(), "vim-9.1~rc1^git+1-1.fc40")
	if err != nil || *b.Epoch != 2 || b.Type != bodhi.ContentRPM || *b.ReleaseID != 1 {
		t.Errorf("%+v, %v", b, err)
	}
	b, err = first(c.Builds(t.Context(), bodhi.BuildQuery{Updates: []string{alias}}))
	if err != nil || b == nil || b.NVR != "vim-9.1~rc1^git+1-1.fc40" {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := first(c.Builds(t.Context(), bodhi.BuildQuery{Packages: []string{"emacs"}})); err == nil {
		t.Error("an unknown package is refused by Bodhi")
	}
	p, err := first(c.Packages(t.Context(), bodhi.PackageQuery{Search: "VI"}))
	if err != nil || p == nil || p.Name != "vim" {
		t.Errorf("%+v, %v", p, err)
	}
	composes, err := c.Composes(t.Context())
	if err != nil || len(composes) != 0 {
		t.Errorf("%v, %v", composes, err)
	}
}

// The collections bodhitest does not keep, answered as section 4 of the models
// writes them.
func TestSmallerEndpoints(t *testing.T) {
	t.Parallel()
	const envelope = `"page": 1, "pages": 1, "rows_per_page": 50, "total": 1`
	answers := map[string]string{
		"/comments/": `{"comments": [{"id": 7, "text": "works", "karma": 1, "timestamp": "2026-01-02 03:04:05", "update_id": 3, "user_id": 9,
			"author": "ada", "update_alias": "FEDORA-2026-0123456789", "user": {"id": 9, "name": "ada", "email": "ada@example.org", "groups": []}}], "chrome": false, ` + envelope + `}`,
		"/overrides/vim-9.1-1.fc40": `{"override": {"nvr": "vim-9.1-1.fc40", "notes": "n", "submission_date": "2026-01-02 03:04:05", "expiration_date": "2026-01-05 03:04:05",
			"expired_date": null, "build_id": 1, "submitter_id": 9, "build": {"nvr": "vim-9.1-1.fc40", "signed": true, "type": "rpm", "epoch": 2}, "submitter": {"id": 9, "name": "ada"}}}`,
		"/users/ada": `{"user": {"id": 9, "name": "ada", "email": "ada@example.org", "groups": [{"name": "packager"}]}, "urls": {}}`,
		"/composes/F40/testing": `{"compose": {"release_id": 1, "request": "testing", "state": "punging", "state_date": "2026-01-02 03:04:05", "checkpoints": "{}", "error_message": null,
			"release": {"name": "F40"}, "security": true, "update_summary": [{"alias": "FEDORA-2026-0123456789", "title": "vim"}]}}`,
		"/updates/FEDORA-2026-0123456789/get-test-results": `{"decisions": [{"policies_satisfied": true, "summary": "All required tests passed", "applicable_policies": ["p"], "results": [{}], "new": 1}]}`,
		"/latest_builds": `{"f40-updates": "vim-9.1-1.fc40"}`,
	}
	queries := make(chan url.Values, 20)
	c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		queries <- r.URL.Query()
		text("application/json", answers[r.URL.Path])(w, r)
	}), bodhi.Options{Retries: -1})
	ctx := t.Context()

	comment, err := first(c.Comments(ctx, bodhi.CommentQuery{Updates: []string{"FEDORA-2026-0123456789"}}))
	if err != nil || comment.Author != "ada" || comment.Karma != 1 || comment.Timestamp.Format(time.DateTime) != "2026-01-02 03:04:05" {
		t.Errorf("%+v, %v", comment, err)
	}
	if q := <-queries; q.Get("chrome") != "false" || q.Get("updates") != "FEDORA-2026-0123456789" {
		t.Errorf("wrong query %v", q)
	}
	override, err := c.Override(ctx, "vim-9.1-1.fc40")
	if err != nil || !override.Expired.IsZero() || override.Expires.Day() != 5 || *override.Build.Epoch != 2 {
		t.Errorf("%+v, %v", override, err)
	}
	user, err := c.User(ctx, "ada")
	if err != nil || user.Groups[0].Name != "packager" || strings.Contains(fmt.Sprintf("%+v", user), "@") {
		t.Errorf("%+v, %v", user, err)
	}
	compose, err := c.Compose(ctx, "F40", bodhi.RequestTesting)
	if err != nil || compose.State != bodhi.ComposePunging || len(compose.Updates) != 1 {
		t.Errorf("%+v, %v", compose, err)
	}
	decisions, err := c.TestResults(ctx, "FEDORA-2026-0123456789")
	if err != nil || len(decisions) != 1 || !decisions[0].Satisfied || len(decisions[0].TestResults) != 1 {
		t.Errorf("%+v, %v", decisions, err)
	}
	builds, err := c.LatestBuilds(ctx, "vim")
	if err != nil || builds["f40-updates"] != "vim-9.1-1.fc40" {
		t.Errorf("%v, %v", builds, err)
	}
}

func TestQueriesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	many := make([]string, 500)
	for i := range many {
		many[i] = fmt.Sprintf("package-with-a-long-name-%d", i)
	}
	for name, q := range map[string]bodhi.UpdateQuery{
		"space": {Releases: []string{"Fedora 40"}}, "empty": {Builds: []string{""}}, "control": {Search: "a\nb"},
		"too many": {Packages: many}, "limit": {Limit: -1},
	} {
		_, err := first(c.Updates(t.Context(), q))
		if _, ok := errors.AsType[*bodhi.ArgumentError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(hub.Requests()) != 0 {
		t.Error("something was sent")
	}
}
