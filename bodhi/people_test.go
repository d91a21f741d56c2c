package bodhi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
)

// peopled is a Bodhi with two updates, their comments, overrides and a push.
func peopled(t *testing.T) (*bodhitest.Server, *bodhi.Client, string, string) {
	t.Helper()
	hub, c := newHub(t)
	at := func(hour int) time.Time { return time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC) }
	for _, u := range []bodhitest.User{{Name: "ada", Groups: []string{"packager", "provenpackager"}}, {Name: "bob", Groups: []string{"qa"}}} {
		if err := hub.AddUser(u); err != nil {
			t.Fatal(err)
		}
	}
	vim := add(t, hub, bodhitest.Update{User: "ada", Submitted: at(1), Type: bodhi.TypeSecurity, Comments: []bodhitest.Comment{
		{User: "bob", Text: "works for me", Karma: 1, Time: at(2)}, {User: "bodhi", Text: "pushed", Time: at(3)},
	}}, "vim-9.1-1.fc40")
	nano := add(t, hub, bodhitest.Update{User: "bob", Submitted: at(4), Comments: []bodhitest.Comment{{User: "ada", Text: "breaks", Karma: -1, Time: at(5)}}}, "nano-8-1.fc40")
	for _, o := range []bodhitest.Override{
		{NVR: "vim-9.1-1.fc40", Notes: "for ctags", Submitter: "ada", Submitted: at(6), Expires: at(9)},
		{NVR: "nano-8-1.fc40", Submitter: "bob", Submitted: at(7), Expires: at(8), Expired: at(8)},
	} {
		if err := hub.AddOverride(o); err != nil {
			t.Fatal(err)
		}
	}
	for _, push := range []bodhitest.Compose{
		{Release: "F40", Updates: []string{nano}, Created: at(1)},
		{Release: "F40", Request: bodhi.RequestStable, State: bodhi.ComposePunging, Updates: []string{vim}, Created: at(2), Error: "no space"},
	} {
		if err := hub.AddCompose(push); err != nil {
			t.Fatal(err)
		}
	}
	return hub, c, vim, nano
}

// all drains a sequence into one word for each row.
func all[T any](t *testing.T, seq iter.Seq2[*T, error], word func(*T) string) string {
	t.Helper()
	var out []string
	for row, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, word(row))
	}
	return strings.Join(out, " | ")
}

func TestCommentsAreSelected(t *testing.T) {
	t.Parallel()
	_, c, vim, nano := peopled(t)
	since := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)
	for want, q := range map[string]bodhi.CommentQuery{
		"breaks | pushed | works for me": {},
		"pushed | works for me":          {Updates: []string{vim}},
		"breaks":                         {Packages: []string{"nano"}},
		"works for me":                   {Users: []string{"bob"}},
		"breaks | works for me":          {IgnoreUsers: []string{"bodhi"}},
		"breaks | pushed":                {Since: since},
		"pushed":                         {UpdateOwners: []string{"ada"}, Limit: 1},
	} {
		if got := all(t, c.Comments(t.Context(), q), func(m *bodhi.Comment) string { return m.Text }); got != want {
			t.Errorf("%+v selects %q, want %q", q, got, want)
		}
	}
	if got := all(t, c.Comments(t.Context(), bodhi.CommentQuery{Like: "works%me"}), func(m *bodhi.Comment) string { return m.Author }); got != "bob" {
		t.Errorf("like selects those of %q", got)
	}
	page, err := c.CommentsPage(t.Context(), bodhi.CommentQuery{Updates: []string{nano}}, 1)
	if err != nil || page.Total != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	m, err := c.Comment(t.Context(), page.Rows[0].ID)
	if err != nil || m.Text != "breaks" || m.Karma != -1 || m.Author != "ada" || m.UpdateAlias != nano || m.User.Name != "ada" || m.UserID != m.User.ID || m.UpdateID == 0 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := c.Comment(t.Context(), 77); !errors.Is(err, bodhi.ErrNotFound) {
		t.Errorf("a comment that is not: %v", err)
	}
}

func TestUsersAreSelected(t *testing.T) {
	t.Parallel()
	_, c, vim, _ := peopled(t)
	name := func(u *bodhi.User) string { return u.Name }
	for want, q := range map[string]bodhi.UserQuery{
		"ada | bob | bodhi": {},
		"ada":               {Updates: []string{vim}},
		"bob | bodhi":       {Name: "bo%"},
		"bodhi":             {Search: "ODH"},
		"bob":               {Groups: []string{"qa"}},
	} {
		if got := all(t, c.Users(t.Context(), q), name); got != want {
			t.Errorf("%+v selects %q, want %q", q, got, want)
		}
	}
	if got := all(t, c.Users(t.Context(), bodhi.UserQuery{Like: "d"}), name); got != "ada | bodhi" {
		t.Errorf("like selects %q", got)
	}
	u, err := c.User(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]bodhi.Group{{Name: "packager"}, {Name: "provenpackager"}}, u.Groups); diff != "" {
		t.Error(diff)
	}
	if u.URLs == nil || !strings.HasSuffix(u.URLs.RecentUpdates, "/updates/?user=ada") || u.URLs.CommentsOnRSS == "" || u.OpenID == "" {
		t.Errorf("addresses of what is the user's: %+v", u)
	}
	if _, err := c.User(t.Context(), "eve"); !errors.Is(err, bodhi.ErrNotFound) {
		t.Errorf("a user who is not: %v", err)
	}
	_, err = first(c.Users(t.Context(), bodhi.UserQuery{Groups: []string{"none"}}))
	if api, ok := errors.AsType[*bodhi.APIError](err); !ok || api.StatusCode != http.StatusBadRequest || api.Errors[0].Name != "groups" {
		t.Errorf("a group that is not: %v", err)
	}
	page, err := c.UsersPage(t.Context(), bodhi.UserQuery{Limit: 2}, 2)
	if err != nil || len(page.Rows) != 1 || page.Total != 3 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestOverridesAreSelected(t *testing.T) {
	t.Parallel()
	_, c, _, _ := peopled(t)
	yes, no := true, false
	for want, q := range map[string]bodhi.OverrideQuery{
		"nano-8-1.fc40 | vim-9.1-1.fc40": {Releases: []string{"F40"}},
		"nano-8-1.fc40":                  {Expired: &yes},
		"vim-9.1-1.fc40":                 {Expired: &no},
		"":                               {Releases: []string{"F42"}},
	} {
		if got := all(t, c.Overrides(t.Context(), q), func(o *bodhi.Override) string { return o.NVR }); got != want {
			t.Errorf("%+v selects %q, want %q", q, got, want)
		}
	}
	for _, q := range []bodhi.OverrideQuery{
		{Builds: []string{"vim-9.1-1.fc40"}}, {Packages: []string{"vim"}}, {Users: []string{"ada"}}, {Like: "m-9"}, {Search: "VIM"},
	} {
		page, err := c.OverridesPage(t.Context(), q, 1)
		if err != nil || page.Total != 1 || page.Rows[0].Notes != "for ctags" || page.Rows[0].Submitter.Name != "ada" || page.Rows[0].Expires.Hour() != 9 {
			t.Errorf("%+v selects %+v, %v", q, page, err)
		}
	}
	if _, err := c.Override(t.Context(), "vim-9.0-1.fc40"); !errors.Is(err, bodhi.ErrNotFound) {
		t.Errorf("an override that is not: %v", err)
	}
}

func TestComposesInProgress(t *testing.T) {
	t.Parallel()
	hub, c, vim, nano := peopled(t)
	composes, err := c.Composes(t.Context())
	if err != nil || len(composes) != 2 {
		t.Fatalf("%+v, %v", composes, err)
	}
	// Security first, though it began later.
	urgent := composes[0]
	if urgent.Request != bodhi.RequestStable || !urgent.Security || urgent.State != bodhi.ComposePunging || urgent.Error != "no space" || urgent.ContentType != bodhi.ContentRPM {
		t.Errorf("%+v", urgent)
	}
	if diff := cmp.Diff([]bodhi.UpdateSummary{{Alias: vim, Title: "vim-9.1-1.fc40"}}, urgent.Updates); diff != "" {
		t.Error(diff)
	}
	yes := true
	if got := aliases(t, c, bodhi.UpdateQuery{Locked: &yes}); !cmp.Equal(got, []string{nano, vim}) {
		t.Errorf("locked: %v", got)
	}
	if err := hub.EndCompose("F40", bodhi.RequestStable); err != nil {
		t.Fatal(err)
	}
	if got := aliases(t, c, bodhi.UpdateQuery{Locked: &yes}); !cmp.Equal(got, []string{nano}) {
		t.Errorf("locked after the end: %v", got)
	}
	if _, err := c.Compose(t.Context(), "F40", bodhi.RequestStable); !errors.Is(err, bodhi.ErrNotFound) || errors.Is(err, bodhi.ErrUnreachable) {
		t.Errorf("a push that has ended: %v", err)
	}
}

func TestPackagesAreSelected(t *testing.T) {
	t.Parallel()
	_, c, _, _ := peopled(t)
	for want, q := range map[string]bodhi.PackageQuery{"nano | vim": {}, "vim": {Name: "vim"}, "nano": {Like: "an"}} {
		if got := all(t, c.Packages(t.Context(), q), func(p *bodhi.Package) string { return p.Name }); got != want {
			t.Errorf("%+v selects %q, want %q", q, got, want)
		}
	}
	page, err := c.PackagesPage(t.Context(), bodhi.PackageQuery{Search: "VIM"}, 1)
	if err != nil || page.Total != 1 || page.Rows[0].Type != bodhi.ContentRPM {
		t.Errorf("%+v, %v", page, err)
	}
}

// Votes have two names in what Bodhi has answered over the years.
func TestVotesUnderEitherName(t *testing.T) {
	t.Parallel()
	c := newClient(t, serve(t, text("application/json", `{"comment": {"id": 7, "text": "x",
		"bug_feedback": [{"bug_id": 42, "karma": 1, "feedback": 1, "comment_id": 7, "bug": {"bug_id": 42, "title": null}}, {"bug_id": 43, "feedback": -1, "comment_id": null}],
		"testcase_feedback": [{"testcase_id": 3, "karma": -1, "testcase": {"id": 3, "name": "boots"}}]}}`)), bodhi.Options{})
	m, err := c.Comment(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	seven := 7
	want := &bodhi.Comment{
		ID: 7, Text: "x", Bugs: []bodhi.BugFeedback{{BugID: 42, CommentID: &seven, Karma: 1, Bug: &bodhi.Bug{ID: 42}}, {BugID: 43, Karma: -1}},
		TestCases: []bodhi.TestCaseFeedback{{TestCaseID: 3, Karma: -1, TestCase: &bodhi.TestCase{ID: 3, Name: "boots"}}},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
}

// No address that a server sends comes out of any call.
func TestNoAddressIsKept(t *testing.T) {
	t.Parallel()
	hub, c, vim, _ := peopled(t)
	if err := hub.SetDecisions(vim, bodhi.Decision{
		Summary: "waived by ada@example.org", Policies: []string{"p"},
		Waivers: []json.RawMessage{json.RawMessage(`{"username": "ada", "contact": "ada\u0040example.org", "links": {"mailto:ada@example.org": 1}, "n": 12345678901234567890}`)},
	}); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	must := func(v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if kept := fmt.Sprintf("%+v", v); strings.Contains(kept, "@") {
			t.Errorf("kept: %s", kept)
		}
		kept, err := json.Marshal(v)
		if err != nil || strings.Contains(string(kept), "@") || strings.Contains(string(kept), "example.org/avatar") {
			t.Errorf("kept: %s, %v", kept, err)
		}
	}
	must(c.Update(ctx, vim))
	must(c.UpdatesPage(ctx, bodhi.UpdateQuery{}, 1))
	must(c.CommentsPage(ctx, bodhi.CommentQuery{}, 1))
	must(c.UsersPage(ctx, bodhi.UserQuery{}, 1))
	must(c.User(ctx, "ada"))
	must(c.OverridesPage(ctx, bodhi.OverrideQuery{}, 1))
	must(c.Composes(ctx))
	decisions, err := c.TestResults(ctx, vim)
	must(decisions, err)
	for i := range decisions {
		for _, waiver := range decisions[i].Waivers {
			if got := string(waiver); strings.Contains(got, "0040") || !strings.Contains(got, "12345678901234567890") {
				t.Errorf("waiver %s", got)
			}
		}
	}
}

// What is logged and what stands in errors has no address, whoever brought it.
func TestNoAddressIsLogged(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &logged, Mutex: &sync.Mutex{}})
	c := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/updates/":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"status": "error", "errors": [{"location": "querystring", "name": "user", "description": "Invalid users specified: ada@example.org"}]}`)
		case "/builds/":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"builds": [{"nvr": "a-1-1", "epoch": "ada@example.org"}], "page": 1, "pages": 1, "total": 1}`)
		case "/releases/F40":
			w.Header().Set("Location", "https://id.example.org/login?user=ada%40example.org")
			w.WriteHeader(http.StatusFound)
		default:
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, "<title>ask ada@example.org</title>")
		}
	}), bodhi.Options{Logger: log, Retries: 1})
	ctx := t.Context()
	_, list := first(c.Updates(ctx, bodhi.UpdateQuery{Users: []string{"ada@example.org"}}))
	_, builds := first(c.Builds(ctx, bodhi.BuildQuery{}))
	_, release := c.Release(ctx, "F40")
	_, user := c.User(ctx, "ada@example.org")
	_, argument := c.User(ctx, "../ada@example.org")
	for _, err := range []error{list, builds, release, user, argument} {
		if err == nil || strings.Contains(err.Error(), "@example") || strings.Contains(err.Error(), "%40example") {
			t.Errorf("error %v", err)
		}
		if api, ok := errors.AsType[*bodhi.APIError](err); ok {
			type plain bodhi.APIError
			if kept := fmt.Sprintf("%+v", plain(*api)); strings.Contains(kept, "@example") || strings.Contains(kept, "%40example") {
				t.Errorf("error %s", kept)
			}
		}
	}
	if got := logged.String(); !strings.Contains(got, "asked Bodhi") || strings.Contains(got, "@example") || strings.Contains(got, "%40example") {
		t.Errorf("log %s", got)
	}
}
