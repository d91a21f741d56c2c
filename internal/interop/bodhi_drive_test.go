//go:build interop

package interop_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fedora-respin/respin/bodhi"
)

// driver asks one Bodhi for everything the client can ask for.
type driver struct {
	*testing.T
	*bodhi.Client
}

// driveBodhi holds what the client brings from a server filled with newBodhiSeed.
func driveBodhi(t *testing.T, base string) {
	t.Helper()
	client, err := bodhi.New(base, bodhi.Options{RowsPerPage: 7, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	d := driver{t, client}
	d.updates()
	d.updateFilters()
	d.releases()
	d.people()
	d.pushes()
	d.views()
	d.misses()
}

// check fails when a call did, or when it brought something else.
func (d driver) check(name string, ok bool, got any, err error) {
	d.Helper()
	if err != nil || !ok {
		d.Errorf("%s: %+v, %v", name, got, err)
	}
}

// rows drains a sequence into one word a row.
func rows[T any](d driver, name string, seq iter.Seq2[*T, error], word func(*T) string) []string {
	d.Helper()
	var out []string
	for row, err := range seq {
		if err != nil {
			d.Errorf("%s: %v", name, err)
			return out
		}
		out = append(out, word(row))
	}
	return out
}

func (d driver) same(name string, got []string, want ...string) {
	d.Helper()
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		d.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// numbers is a word for each update: the last digits of its alias, in hex.
func numbers(u *bodhi.Update) string { return strings.TrimLeft(u.Alias[len("FEDORA-2026-"):], "0") }

func (d driver) updates() {
	ctx := d.Context()
	version, err := d.Version(ctx)
	d.check("version", version != "", version, err)
	all := rows(d, "all updates", d.Updates(ctx, bodhi.UpdateQuery{Releases: []string{"F40"}}), func(u *bodhi.Update) string { return u.Alias })
	d.check("all updates", len(all) == 60 && slices.IsSortedFunc(all, func(a, b string) int { return strings.Compare(b, a) }), all, nil)
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("pkg%02d", i), fmt.Sprintf("pkg%02d-extra", i))
	}
	joined := rows(d, "joined list", d.Updates(ctx, bodhi.UpdateQuery{Packages: names}), numbers)
	d.check("joined list", len(joined) == 30, joined, nil)
	page, err := d.UpdatesPage(ctx, bodhi.UpdateQuery{Users: []string{"ada"}}, 5)
	d.check("page", err == nil && len(page.Rows) == 2 && page.Pages == 5 && page.Total == 30 && page.RowsPerPage == 7, page, err)

	u, err := d.UpdateForBuild(ctx, "pkg05-1.5~rc1^git+1-1.fc40")
	d.check("build's update", err == nil && u.Alias == "FEDORA-2026-0000000005" && u.InTestingRepo() && u.FromTag != "" && u.Karma == 1 && u.Critpath, u, err)
	u, err = d.Update(ctx, "FEDORA-2026-0000000005")
	d.check("update", err == nil && len(u.Bugs) == 1 && u.Bugs[0].ID == 1001 && len(u.TestCases) == 1 && u.TestCases[0].Name == "QA:Testcase boots" && len(u.RPMBuilds()) == 2, u, err)
	decisions, err := d.TestResults(ctx, u.Alias)
	kept, _ := json.Marshal(decisions)
	d.check("test results", len(decisions) == 1 && decisions[0].Satisfied && len(decisions[0].TestResults) == 1 && !strings.Contains(string(kept), "@"), string(kept), err)
}

// updateFilters uses every parameter. The lists that come out were reckoned from
// the seed.
func (d driver) updateFilters() {
	ctx := d.Context()
	yes, no := true, false
	hour := func(n int) time.Time { return time.Date(2026, 1, 1, n, 0, 0, 0, time.UTC) }
	ada := []string{"ada"} // the first thirty
	for name, tt := range map[string]struct {
		q    bodhi.UpdateQuery
		want string
	}{
		"aliases":          {bodhi.UpdateQuery{Aliases: []string{"FEDORA-2026-0000000001", "FEDORA-2026-0000000002"}}, "2 1"},
		"update IDs":       {bodhi.UpdateQuery{UpdateIDs: []string{"FEDORA-2026-0000000003"}}, "3"},
		"builds":           {bodhi.UpdateQuery{Builds: []string{"pkg01-extra-1-1.fc40", "pkg04-1.4~rc1^git+1-1.fc40"}}, "4 1"},
		"packages":         {bodhi.UpdateQuery{Packages: []string{"pkg59"}}, "3b"},
		"release":          {bodhi.UpdateQuery{Release: "F40", Limit: 2}, "3b 3a"},
		"other release":    {bodhi.UpdateQuery{Releases: []string{"F42"}}, ""},
		"current":          {bodhi.UpdateQuery{Releases: []string{"__current__"}, Limit: 1}, "3b"},
		"user":             {bodhi.UpdateQuery{Users: ada, Limit: 1}, "1d"},
		"bugs":             {bodhi.UpdateQuery{Bugs: []int{1001, 7}}, "5"},
		"status":           {bodhi.UpdateQuery{Status: []bodhi.UpdateStatus{bodhi.StatusStable, bodhi.StatusObsolete}}, "9"},
		"gating":           {bodhi.UpdateQuery{Gating: []bodhi.TestGatingStatus{bodhi.GatingPassed, bodhi.GatingFailed}}, ""},
		"request":          {bodhi.UpdateQuery{Request: bodhi.RequestStable}, "7"},
		"severity":         {bodhi.UpdateQuery{Severity: bodhi.SeverityUrgent}, "7"},
		"suggest":          {bodhi.UpdateQuery{Suggest: bodhi.SuggestReboot}, ""},
		"type":             {bodhi.UpdateQuery{Type: bodhi.TypeSecurity}, "7"},
		"content type":     {bodhi.UpdateQuery{ContentType: bodhi.ContentRPM, Packages: []string{"pkg02"}}, "2"},
		"critpath":         {bodhi.UpdateQuery{Critpath: &yes}, "5"},
		"locked":           {bodhi.UpdateQuery{Locked: &yes}, "1e 7"},
		"pushed":           {bodhi.UpdateQuery{Pushed: &no, Users: ada, Limit: 2}, "1c 1a"},
		"side tag":         {bodhi.UpdateQuery{FromSideTag: &yes}, "5"},
		"submitted":        {bodhi.UpdateQuery{SubmittedSince: hour(2), SubmittedBefore: hour(4)}, "3 2"},
		"modified":         {bodhi.UpdateQuery{ModifiedSince: hour(2), ModifiedBefore: hour(4)}, ""},
		"approved":         {bodhi.UpdateQuery{ApprovedSince: hour(2), ApprovedBefore: hour(4)}, ""},
		"pushed to stable": {bodhi.UpdateQuery{PushedSince: hour(11), PushedBefore: hour(13)}, "9"},
		"like":             {bodhi.UpdateQuery{Like: "pkg1%.fc40", Users: ada, Limit: 1}, "13"},
		"search":           {bodhi.UpdateQuery{Search: "PKG05"}, "5"},
		"display user":     {bodhi.UpdateQuery{DisplayUser: &no, Limit: 1}, "3b"},
	} {
		d.same(name, rows(d, name, d.Updates(ctx, tt.q), numbers), strings.Fields(tt.want)...)
	}
}

func (d driver) releases() {
	ctx := d.Context()
	name := func(r *bodhi.Release) string { return r.Name }
	alias := []string{"FEDORA-2026-0000000005"}
	d.same("releases", rows(d, "releases", d.Releases(ctx, bodhi.ReleaseQuery{}), name), "F40", "F42")
	d.same("list of releases", rows(d, "list of releases", d.ListReleases(ctx, bodhi.ReleaseQuery{Name: "F_2"}), name), "F42")
	d.same("releases of an update", rows(d, "", d.Releases(ctx, bodhi.ReleaseQuery{Updates: alias, ExcludeArchived: true}), name), "F40")
	d.same("releases of a package", rows(d, "", d.Releases(ctx, bodhi.ReleaseQuery{Packages: []string{"pkg01"}}), name), "F40")
	d.same("releases by state", rows(d, "", d.Releases(ctx, bodhi.ReleaseQuery{States: []bodhi.ReleaseState{bodhi.ReleasePending, bodhi.ReleaseFrozen}}), name), "F42")
	page, err := d.ReleasesPage(ctx, bodhi.ReleaseQuery{Limit: 1}, 2)
	d.check("page of releases", err == nil && len(page.Rows) == 1 && page.Rows[0].Name == "F42" && page.Total == 2, page, err)
	for _, name := range []string{"F42", "f42", "Fedora 42"} {
		r, err := d.Release(ctx, name)
		d.check("release "+name, err == nil && r.IsRawhide() && r.State.Known() && r.CreateAutomaticUpdates && *r.MandatoryDays == 7, r, err)
	}

	nvr := func(b *bodhi.Build) string { return b.NVR }
	b, err := d.Build(ctx, "pkg05-1.5~rc1^git+1-1.fc40")
	d.check("build", err == nil && b.Signed && b.Type == bodhi.ContentRPM && *b.Epoch == 0, b, err)
	d.same("releases of a build", rows(d, "", d.Releases(ctx, bodhi.ReleaseQuery{IDs: []int{*b.ReleaseID}}), name), "F40")
	two := []string{"pkg05-1.5~rc1^git+1-1.fc40", "pkg05-extra-1-1.fc40"}
	d.same("builds of an update", rows(d, "", d.Builds(ctx, bodhi.BuildQuery{Updates: alias}), nvr), two...)
	d.same("builds of packages", rows(d, "", d.Builds(ctx, bodhi.BuildQuery{Packages: []string{"pkg05", "pkg05-extra"}, Releases: []string{"F40"}}), nvr), two...)
	d.same("build by NVR", rows(d, "", d.Builds(ctx, bodhi.BuildQuery{NVR: two[1]}), nvr), two[1])
	builds, err := d.BuildsPage(ctx, bodhi.BuildQuery{}, 18)
	d.check("page of builds", err == nil && len(builds.Rows) == 1 && builds.Total == 120, builds, err)

	pkg := func(p *bodhi.Package) string { return p.Name }
	d.same("package by name", rows(d, "", d.Packages(ctx, bodhi.PackageQuery{Name: "pkg05"}), pkg), "pkg05")
	d.same("packages like", rows(d, "", d.Packages(ctx, bodhi.PackageQuery{Like: "05-e"}), pkg), "pkg05-extra")
	found := rows(d, "packages", d.Packages(ctx, bodhi.PackageQuery{Search: "PKG0"}), pkg)
	d.check("packages", len(found) == 20, found, nil)
	packages, err := d.PackagesPage(ctx, bodhi.PackageQuery{Search: "extra"}, 9)
	d.check("page of packages", err == nil && len(packages.Rows) == 4 && packages.Total == 60, packages, err)
}

func (d driver) people() {
	ctx := d.Context()
	word := func(m *bodhi.Comment) string { return m.Author + " " + m.Text }
	const works, pushed, breaks = "bob works", "bodhi This update has been pushed to testing.", "ada Breaks 100% of it"
	alias := "FEDORA-2026-0000000005"
	for name, tt := range map[string]struct {
		q    bodhi.CommentQuery
		want []string
	}{
		"all":        {bodhi.CommentQuery{}, []string{breaks, pushed, works}},
		"of update":  {bodhi.CommentQuery{Updates: []string{alias}}, []string{pushed, works}},
		"of package": {bodhi.CommentQuery{Packages: []string{"pkg09"}}, []string{breaks}},
		"of user":    {bodhi.CommentQuery{Users: []string{"bob"}}, []string{works}},
		"to owner":   {bodhi.CommentQuery{UpdateOwners: []string{"ada"}, IgnoreUsers: []string{"bodhi"}}, []string{breaks, works}},
		"since":      {bodhi.CommentQuery{Since: time.Date(2026, 1, 1, 7, 0, 0, 0, time.UTC)}, []string{breaks, pushed}},
		"like":       {bodhi.CommentQuery{Like: "work"}, []string{works}},
	} {
		d.same("comments "+name, rows(d, name, d.Comments(ctx, tt.q), word), tt.want...)
	}
	page, err := d.CommentsPage(ctx, bodhi.CommentQuery{Users: []string{"bob"}}, 1)
	d.check("page of comments", err == nil && page.Total == 1, page, err)
	if err == nil && len(page.Rows) == 1 {
		m, err := d.Comment(ctx, page.Rows[0].ID)
		d.check("comment", err == nil && m.Text == "works" && m.UpdateAlias == alias && m.Karma == 1 && m.User.Name == "bob" && m.UserID == m.User.ID &&
			len(m.Bugs) == 1 && m.Bugs[0].Karma == 1 && m.Bugs[0].Bug.Title == "crash" && len(m.TestCases) == 1 && m.TestCases[0].TestCase.Name == "QA:Testcase boots", m, err)
	}

	name := func(u *bodhi.User) string { return u.Name }
	for word, q := range map[string]bodhi.UserQuery{
		"ada": {Groups: []string{"provenpackager"}}, "bob": {Name: "bo_"}, "bodhi": {Search: "ODH"}, "ada bodhi": {Like: "d"},
		"bob ": {Updates: []string{"FEDORA-2026-000000001e", "FEDORA-2026-000000001f"}}, "ada bob bodhi": {},
	} {
		got := rows(d, "users", d.Users(ctx, q), name)
		slices.Sort(got) // Bodhi sorts them by nothing
		d.same(fmt.Sprintf("users %+v", q), got, strings.Fields(word)...)
	}
	users, err := d.UsersPage(ctx, bodhi.UserQuery{Limit: 2}, 2)
	d.check("page of users", err == nil && len(users.Rows) == 1 && users.Total == 3, users, err)
	user, err := d.User(ctx, "ada")
	d.check("user", err == nil && slices.Contains(user.Groups, bodhi.Group{Name: "provenpackager"}) && len(user.Groups) == 2 && user.OpenID == "ada.id.example.org" && strings.Contains(user.URLs.CommentsBy, "/comments/?user=ada"), user, err)
	kept, _ := json.Marshal([]any{users, user})
	d.check("no address", !strings.Contains(string(kept), "@"), string(kept), nil)
}

func (d driver) pushes() {
	ctx := d.Context()
	yes, no := true, false
	nvr := func(o *bodhi.Override) string { return o.NVR }
	const active, gone = "pkg59-1.59~rc1^git+1-1.fc40", "pkg58-extra-1-1.fc40"
	for name, tt := range map[string]struct {
		q    bodhi.OverrideQuery
		want []string
	}{
		"of release": {bodhi.OverrideQuery{Releases: []string{"F40"}}, []string{active, gone}},
		"expired":    {bodhi.OverrideQuery{Expired: &yes}, []string{gone}},
		"in force":   {bodhi.OverrideQuery{Expired: &no, DisplayUser: &no}, []string{active}},
		"of build":   {bodhi.OverrideQuery{Builds: []string{active}}, []string{active}},
		"of package": {bodhi.OverrideQuery{Packages: []string{"pkg58-extra"}}, []string{gone}},
		"of user":    {bodhi.OverrideQuery{Users: []string{"ada"}}, []string{active}},
		"like":       {bodhi.OverrideQuery{Like: "58-"}, []string{gone}},
		"search":     {bodhi.OverrideQuery{Search: "PKG59"}, []string{active}},
	} {
		d.same("overrides "+name, rows(d, name, d.Overrides(ctx, tt.q), nvr), tt.want...)
	}
	o, err := d.Override(ctx, active)
	d.check("override", err == nil && o.Submitter.Name == "ada" && o.SubmitterID == o.Submitter.ID && !o.Expires.IsZero() && o.Expired.IsZero() && o.Build.NVR == active && o.BuildID > 0, o, err)
	page, err := d.OverridesPage(ctx, bodhi.OverrideQuery{Limit: 1}, 2)
	d.check("page of overrides", err == nil && len(page.Rows) == 1 && page.Rows[0].NVR == gone && page.Total == 2, page, err)

	composes, err := d.Composes(ctx)
	d.check("composes", len(composes) == 2 && composes[0].Security && composes[0].Request == bodhi.RequestStable, composes, err)
	c, err := d.Compose(ctx, "F40", bodhi.RequestTesting)
	d.check("compose", err == nil && c.State == bodhi.ComposeRequested && len(c.Updates) == 1 && c.Updates[0].Alias == "FEDORA-2026-000000001e" && c.ContentType == bodhi.ContentRPM && c.Release.Name == "F40" && !c.Created.IsZero(), c, err)
}

func (d driver) views() {
	ctx := d.Context()
	latest, err := d.LatestBuilds(ctx, "pkg01")
	const build = "pkg01-1.1~rc1^git+1-1.fc40"
	if diff := gocmp.Diff(map[string]string{"f40-updates": "pkg01-0.9-1.fc40", "f40-updates-candidate": build, "f40-updates-testing": build}, latest); diff != "" || err != nil {
		d.Error(diff, err)
	}
	tagged, err := d.LatestBuildsInTag(ctx, "f40-updates-candidate")
	d.check("latest builds in tag", len(tagged) == 2 && tagged[0].NVR == build && tagged[0].PackageName == "pkg01" && tagged[0].TagName == "f40-updates-candidate" && tagged[0].State == 1, tagged, err)
	for word, q := range map[string]bodhi.CandidateQuery{
		"3 1 4": {}, "3": {Package: "pkg01", Testing: true}, "3 1": {Prefix: "pkg"}, "3 4": {HideExisting: true},
	} {
		candidates, err := d.LatestCandidates(ctx, q)
		var got []string
		for _, c := range candidates {
			got = append(got, fmt.Sprint(c.ID))
		}
		d.check("candidates", !slices.ContainsFunc(candidates, func(c bodhi.Candidate) bool { return c.ReleaseName == "" || c.OwnerName == "" || c.PackageName == "" }), candidates, err)
		d.same(fmt.Sprintf("candidates %+v", q), got, strings.Fields(word)...)
	}
	for word, q := range map[string]bodhi.SideTagQuery{
		"f40-build-side-6 f40-build-side-7": {}, "f40-build-side-7": {User: "bob"}, "f40-build-side-6": {ContainsBuilds: true}, "": {User: "nobody"},
	} {
		tags, err := d.SideTags(ctx, q)
		d.check("side tags", err == nil, tags, err)
		var got []string
		for _, tag := range tags {
			got = append(got, tag.Name)
			d.check("builds of a side tag", len(tag.Builds) == 0 || tag.Builds[0].NVR == "other-1-1.fc42", tag, nil)
		}
		d.same(fmt.Sprintf("side tags %+v", q), got, strings.Fields(word)...)
	}
	groups, err := d.CritpathComponents(ctx, bodhi.CritpathQuery{Collection: "rawhide", ComponentType: bodhi.ContentRPM, Components: []string{"glibc", "gdm", "vim"}})
	if diff := gocmp.Diff(map[string][]string{"core": {"glibc"}, "critical-path-gnome": {"gdm"}}, groups); diff != "" || err != nil {
		d.Error(diff, err)
	}
	topics, err := d.MessageTopics(ctx)
	d.check("topics", slices.Contains(topics, "bodhi.update.edit"), topics, err)
	schema, err := d.MessageSchema(ctx, "bodhi.update.edit")
	d.check("schema", strings.Contains(string(schema), "$schema"), string(schema), err)
	d.check("health", true, nil, errors.Join(d.Live(ctx), d.Ready(ctx)))
}

func (d driver) misses() {
	ctx := d.Context()
	_, update := d.Update(ctx, "FEDORA-2026-ffffffffff")
	_, build := d.Build(ctx, "none-1-1")
	_, forBuild := d.UpdateForBuild(ctx, "none-1-1")
	_, release := d.Release(ctx, "F99")
	_, override := d.Override(ctx, "pkg00-extra-1-1.fc40")
	_, comment := d.Comment(ctx, 999999)
	_, user := d.User(ctx, "nobody")
	_, compose := d.Compose(ctx, "F42", bodhi.RequestTesting)
	_, schema := d.MessageSchema(ctx, "bodhi.none")
	_, results := d.TestResults(ctx, "FEDORA-2026-ffffffffff")
	for i, err := range []error{update, build, forBuild, release, override, comment, user, compose, schema, results} {
		d.check(fmt.Sprint("miss ", i), errors.Is(err, bodhi.ErrNotFound) && !errors.Is(err, bodhi.ErrUnreachable), err, nil)
	}
	_, err := d.Update(ctx, "pkg01")
	hint, ok := errors.AsType[*bodhi.PackageNameError](err)
	d.check("hint", ok && hint.Name == "pkg01", err, nil)
	for name, list := range map[string]error{
		"releases": last(d.Updates(ctx, bodhi.UpdateQuery{Releases: []string{"WinXP"}})), "user": last(d.Overrides(ctx, bodhi.OverrideQuery{Users: []string{"nobody"}})),
		"packages": last(d.Builds(ctx, bodhi.BuildQuery{Packages: []string{"none"}})), "groups": last(d.Users(ctx, bodhi.UserQuery{Groups: []string{"none"}})),
		"updates": last(d.Comments(ctx, bodhi.CommentQuery{Updates: []string{"none"}})),
	} {
		api, ok := errors.AsType[*bodhi.APIError](list)
		d.check("refused "+name, ok && api.JSON && api.StatusCode == http.StatusBadRequest && api.Errors[0].Name == name && strings.HasPrefix(api.Errors[0].Description, "Invalid "), list, nil)
	}
}

// last is the error a sequence ends with.
func last[T any](seq iter.Seq2[*T, error]) error {
	var end error
	for _, err := range seq {
		end = err
	}
	return end
}
