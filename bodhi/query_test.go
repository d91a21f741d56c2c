package bodhi_test

import (
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
)

// Bodhi ignores parameters it does not know and selects everything, so each name
// is held against the schemas of bodhi-server.
func TestEveryFieldOfAQueryIsSent(t *testing.T) {
	t.Parallel()
	asked := make(chan url.Values, 1)
	c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Query()
		http.Error(w, "no", http.StatusTeapot)
	}), bodhi.Options{RowsPerPage: 9})
	ctx := t.Context()
	yes, no := true, false
	day := func(n int) time.Time { return time.Date(2026, 1, n, 1, 0, 0, 0, time.FixedZone("CET", 3600)) }
	two := []string{"a", "b"}

	updates := bodhi.UpdateQuery{
		Aliases: two, UpdateIDs: two, Builds: two, Packages: two, Releases: two, Release: "F40", Users: two, Bugs: []int{1, 2},
		Status: []bodhi.UpdateStatus{bodhi.StatusPending, bodhi.StatusTesting}, Gating: []bodhi.TestGatingStatus{bodhi.GatingPassed, bodhi.GatingFailed},
		Request: bodhi.RequestStable, Severity: bodhi.SeverityHigh, Suggest: bodhi.SuggestReboot, Type: bodhi.TypeSecurity, ContentType: bodhi.ContentFlatpak,
		Critpath: &yes, Locked: &no, Pushed: &yes, FromSideTag: &no,
		SubmittedSince: day(1), SubmittedBefore: day(2), ModifiedSince: day(3), ModifiedBefore: day(4), ApprovedSince: day(5), ApprovedBefore: day(6), PushedSince: day(7), PushedBefore: day(8),
		Like: "x%", Search: "y z", DisplayUser: &no, Limit: 5,
	}
	releases := bodhi.ReleaseQuery{
		IDs: []int{3, 4}, Name: "F4%", Updates: two, Packages: two, States: []bodhi.ReleaseState{bodhi.ReleasePending, bodhi.ReleaseFrozen}, ExcludeArchived: true, Limit: 5,
	}
	builds := bodhi.BuildQuery{NVR: "a-1-1", Packages: two, Releases: two, Updates: two, Limit: 5}
	comments := bodhi.CommentQuery{Updates: two, Packages: two, Users: two, UpdateOwners: two, IgnoreUsers: two, Since: day(1), Like: "x", Limit: 5}
	overrides := bodhi.OverrideQuery{Builds: two, Packages: two, Releases: two, Users: two, Expired: &no, Like: "x", Search: "y", DisplayUser: &yes, Limit: 5}
	packages := bodhi.PackageQuery{Name: "vim", Like: "vi%", Search: "im", Limit: 5}
	users := bodhi.UserQuery{Name: "a%", Like: "d", Search: "A", Groups: two, Updates: two, Limit: 5}
	candidates := bodhi.CandidateQuery{Package: "vim", Prefix: "v", Testing: true, HideExisting: true}
	sideTags := bodhi.SideTagQuery{User: "ada", ContainsBuilds: true}
	critpath := bodhi.CritpathQuery{Collection: "f44", ComponentType: bodhi.ContentRPM, Components: two}

	for name, tt := range map[string]struct {
		query any
		ask   func()
		want  string
	}{
		"updates": {
			updates, drain(c.Updates(ctx, updates)),
			"alias=a&alias=b&updateid=a&updateid=b&builds=a&builds=b&packages=a&packages=b&releases=a&releases=b&release=F40&user=a&user=b&bugs=1&bugs=2" +
				"&status=pending&status=testing&gating=passed&gating=failed&request=stable&severity=high&suggest=reboot&type=security&content_type=flatpak" +
				"&critpath=true&locked=false&pushed=true&from_side_tag=false&submitted_since=2026-01-01T00:00:00Z&submitted_before=2026-01-02T00:00:00Z" +
				"&modified_since=2026-01-03T00:00:00Z&modified_before=2026-01-04T00:00:00Z&approved_since=2026-01-05T00:00:00Z&approved_before=2026-01-06T00:00:00Z" +
				"&pushed_since=2026-01-07T00:00:00Z&pushed_before=2026-01-08T00:00:00Z&like=x%25&search=y+z&display_user=false&page=1&rows_per_page=5",
		},
		"releases": {
			releases, drain(c.Releases(ctx, releases)),
			"ids=3&ids=4&name=F4%25&updates=a&updates=b&packages=a&packages=b&state=pending&state=frozen&exclude_archived=true&page=1&rows_per_page=5",
		},
		"list of releases": {
			releases, drain(c.ListReleases(ctx, releases)),
			"ids=3&ids=4&name=F4%25&updates=a&updates=b&packages=a&packages=b&state=pending&state=frozen&exclude_archived=true&page=1&rows_per_page=5",
		},
		"builds": {
			builds, drain(c.Builds(ctx, builds)),
			"nvr=a-1-1&packages=a&packages=b&releases=a&releases=b&updates=a&updates=b&page=1&rows_per_page=5",
		},
		"comments": {
			comments, drain(c.Comments(ctx, comments)),
			"updates=a&updates=b&packages=a&packages=b&user=a&user=b&update_owner=a&update_owner=b&ignore_user=a&ignore_user=b&since=2026-01-01T00:00:00Z&like=x&chrome=false&page=1&rows_per_page=5",
		},
		"overrides": {
			overrides, drain(c.Overrides(ctx, overrides)),
			"builds=a&builds=b&packages=a&packages=b&releases=a&releases=b&user=a&user=b&expired=false&like=x&search=y&display_user=true&page=1&rows_per_page=5",
		},
		"packages": {packages, drain(c.Packages(ctx, packages)), "name=vim&like=vi%25&search=im&page=1&rows_per_page=5"},
		"users":    {users, drain(c.Users(ctx, users)), "name=a%25&like=d&search=A&groups=a&groups=b&updates=a&updates=b&page=1&rows_per_page=5"},
		"candidates": {
			candidates, func() { _, _ = c.LatestCandidates(ctx, candidates) },
			"package=vim&prefix=v&testing=true&hide_existing=true",
		},
		"side tags": {sideTags, func() { _, _ = c.SideTags(ctx, sideTags) }, "user=ada&contains_builds=true"},
		"critpath":  {critpath, func() { _, _ = c.CritpathComponents(ctx, critpath) }, "collection=f44&component_type=rpm&components=a,b"},
		"page":      {nil, func() { _, _ = c.PackagesPage(ctx, bodhi.PackageQuery{Name: "vim"}, 7) }, "name=vim&page=7&rows_per_page=9"},
	} {
		if tt.query != nil {
			v := reflect.ValueOf(tt.query)
			for i := range v.NumField() {
				if v.Field(i).IsZero() {
					t.Errorf("%s: the test leaves out %s", name, v.Type().Field(i).Name)
				}
			}
		}
		tt.ask()
		want, err := url.ParseQuery(tt.want)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, <-asked); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// drain makes a call of a sequence.
func drain[T any](seq iter.Seq2[*T, error]) func() {
	return func() {
		for range seq {
		}
	}
}

func TestPagesAreAsTheServerCutsThem(t *testing.T) {
	t.Parallel()
	hub, c := newHub(t)
	want := fill(t, hub, 120)
	for number, rows := range map[int]int{1: 50, 3: 20, 4: 0} {
		page, err := c.UpdatesPage(t.Context(), bodhi.UpdateQuery{}, number)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Rows) != rows || page.Number != number || page.Pages != 3 || page.RowsPerPage != 50 || page.Total != 120 {
			t.Errorf("page %d: %d rows, %d of %d, %d a page, %d in all", number, len(page.Rows), page.Number, page.Pages, page.RowsPerPage, page.Total)
		}
		if rows > 0 && page.Rows[0].Alias != want[(number-1)*50] {
			t.Errorf("page %d begins with %s", number, page.Rows[0].Alias)
		}
	}
	page, err := c.UpdatesPage(t.Context(), bodhi.UpdateQuery{Limit: 7}, 2)
	if err != nil || len(page.Rows) != 7 || page.RowsPerPage != 7 || page.Rows[0].Alias != want[7] {
		t.Errorf("a limit is the size of the page: %+v, %v", page, err)
	}
	before := len(hub.Requests())
	if _, err := c.UpdatesPage(t.Context(), bodhi.UpdateQuery{}, 0); err == nil {
		t.Error("there is no page 0")
	}
	if _, err := c.UpdatesPage(t.Context(), bodhi.UpdateQuery{Users: []string{"a b"}}, 1); err == nil {
		t.Error("a space within a name")
	}
	if len(hub.Requests()) != before {
		t.Error("something was sent")
	}
}
