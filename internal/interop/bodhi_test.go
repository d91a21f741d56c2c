//go:build interop

package interop_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
	"github.com/fedora-respin/respin/internal/shareddata"
)

// A real bodhi-server, installed like this on Debian 12:
//
//	apt install python3-venv python3-dev python3-rpm python3-librepo gcc libpq-dev libkrb5-dev
//	python3 -m venv --system-site-packages V
//	V/bin/pip install bodhi-server==26.4.0 pyOpenSSL
//	RESPIN_BODHI_PYTHON=V/bin/python go test -tags interop -run Bodhi ./internal/interop
//
// bodhiServer runs it on SQLite with the development build system, filled with
// the updates of bodhiUpdates, and prints its address.
const bodhiServer = `
import datetime, json, os, sys
from unittest import mock
work = sys.argv[1]
with open(work + '/celeryconfig.py', 'w') as f:
    f.write('broker_url = "memory://"\ntask_always_eager = True\n')
settings = {
    'sqlalchemy.url': 'sqlite:///' + work + '/bodhi.db', 'authtkt.secret': 'abcdefgh', 'session.secret': 'ijklmnop',
    'authtkt.secure': 'false', 'authtkt.timeout': '1209600', 'buildsystem': 'dev', 'bugtracker': 'dummy', 'acl_system': 'dummy',
    'dogpile.cache.backend': 'dogpile.cache.memory', 'dogpile.cache.expiration_time': '0', 'celery_config': work + '/celeryconfig.py',
    'warm_cache_on_start': 'false', 'libravatar_enabled': 'false', 'openid_template': '{username}.id.example.org',
    'base_address': 'http://bodhi.example.org/', 'pyramid.includes': '', 'fedora.mandatory_days_in_testing': '7',
    # bodhi itself is a namespace package without a folder of its own.
    'cors_origins_ro': '*', 'cors_connect_src': 'https://*.example.org/', 'mako.directories': 'bodhi.server:templates',
    'greenwave_api_url': 'http://127.0.0.1:9/',
    'oidc.fedora.client_id': 'x', 'oidc.fedora.client_secret': 'y', 'oidc.fedora.server_metadata_url': 'https://id.example.org/',
    'openid.provider': 'https://id.example.org/', 'openid.url': 'https://id.example.org/', 'openid.sreg_required': 'email',
    'openid.success_callback': 'bodhi.server.auth.utils:remember_me',
}
ini = work + '/bodhi.ini'
with open(ini, 'w') as f:
    f.write('[app:main]\nuse = egg:bodhi-server\n' + ''.join('%s = %s\n' % kv for kv in settings.items()))
os.environ['BODHI_CONFIG'] = ini
from pyramid.paster import get_appsettings
from bodhi.server import buildsys, config, initialize_db, main, Session
from bodhi.server import models as m
config.config.load_config(get_appsettings(ini))
m.Base.metadata.create_all(initialize_db(config.config))
buildsys.setup_buildsystem({'buildsystem': 'dev'})
def moment(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')) if text else None
data = json.load(open(work + '/data.json'))
with mock.patch('bodhi.server.models.notifications'):
    s = Session()
    s.autoflush = False
    group = m.Group(name='packager')
    users, packages, releases = {}, {}, {}
    for name in data['users']:
        users[name] = m.User(name=name, email=name + '@example.org', groups=[group])
        s.add(users[name])
    for r in data['releases']:
        r['state'] = m.ReleaseState.from_string(r['state'])
        r['package_manager'] = m.PackageManager.from_string(r['package_manager'])
        releases[r['name']] = m.Release(**r)
        s.add(releases[r['name']])
    s.flush()
    for u in data['updates']:
        builds = []
        for nvr in u['nvrs']:
            name = nvr.rsplit('-', 2)[0]
            if name not in packages:
                packages[name] = m.RpmPackage(name=name)
                s.add(packages[name])
            builds.append(m.RpmBuild(nvr=nvr, release=releases[u['release']], signed=True, package=packages[name], epoch=0))
        s.add_all(builds)
        s.flush()
        o = m.Update(builds=builds, user=users[u['user']], release=releases[u['release']], notes=u['notes'],
            type=m.UpdateType.from_string(u['type']), severity=m.UpdateSeverity.from_string(u['severity']),
            status=m.UpdateStatus.from_string(u['status']), request=m.UpdateRequest.from_string(u['request']) if u['request'] else None,
            stable_karma=3, unstable_karma=-3, stable_days=7, autokarma=True, autotime=True, require_bugs=False, require_testcases=False,
            critpath=u['critpath'], date_submitted=moment(u['submitted']), date_testing=moment(u['testing']), date_stable=moment(u['stable']),
            pushed=bool(u['testing']), from_tag=u['from_tag'] or None)
        o.alias = u['alias']
        for bug in u['bugs']:
            o.bugs.append(m.Bug(bug_id=bug, title='crash'))
        for text in u['comments']:
            o.comments.append(m.Comment(text=text, karma=0, user=users['bob'], timestamp=o.date_submitted))
        s.add(o)
        s.flush()
    first = releases[data['releases'][0]['name']]
    when = datetime.datetime(2026, 1, 5, tzinfo=datetime.timezone.utc)
    s.add(m.Compose(release=first, request=m.UpdateRequest.stable, date_created=when, state_date=when))
    s.add(m.BuildrootOverride(build=builds[0], submitter=users['ada'], notes='n', submission_date=when,
        expiration_date=when + datetime.timedelta(days=3)))
    s.commit()
import waitress
server = waitress.create_server(main({}, **get_appsettings(ini)), host='127.0.0.1', port=0)
print('listening %s' % server.effective_port, flush=True)
server.run()
`

// seedUpdate is what both servers are filled with.
type seedUpdate struct {
	Alias    string   `json:"alias"`
	Release  string   `json:"release"`
	NVRs     []string `json:"nvrs"`
	User     string   `json:"user"`
	Notes    string   `json:"notes"`
	Type     string   `json:"type"`
	Severity string   `json:"severity"`
	Status   string   `json:"status"`
	Request  string   `json:"request"`
	FromTag  string   `json:"from_tag"`
	Critpath bool     `json:"critpath"`
	Bugs     []int    `json:"bugs"`
	Comments []string `json:"comments"`
	// RFC 3339; "" for never.
	Submitted string `json:"submitted"`
	Testing   string `json:"testing"`
	Stable    string `json:"stable"`
}

func bodhiUpdates() []seedUpdate {
	var out []seedUpdate
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 60 {
		at := start.Add(time.Duration(i) * time.Hour).Format(time.RFC3339)
		u := seedUpdate{
			Alias: fmt.Sprintf("FEDORA-2026-%010x", i), Release: "F40", User: []string{"ada", "bob"}[i/30], Notes: "notes",
			NVRs: []string{fmt.Sprintf("pkg%02d-1.%d~rc1^git+1-1.fc40", i, i), fmt.Sprintf("pkg%02d-extra-1-1.fc40", i)},
			Type: "bugfix", Severity: "low", Status: "pending", Request: "testing", Submitted: at, Bugs: []int{}, Comments: []string{},
		}
		if i%2 == 1 {
			u.Status, u.Request, u.Testing = "testing", "", at
		}
		switch i {
		case 5:
			u.FromTag, u.Bugs, u.Comments, u.Critpath = "f40-build-side-101", []int{1001}, []string{"works"}, true
		case 7:
			u.Status, u.Stable, u.Type, u.Severity = "stable", at, "security", "urgent"
		}
		out = append(out, u)
	}
	return out
}

// startBodhi runs a real bodhi-server until the test ends.
func startBodhi(t *testing.T, releases []bodhi.Release, updates []seedUpdate) string {
	t.Helper()
	python := cmp.Or(os.Getenv("RESPIN_BODHI_PYTHON"), "python3")
	if err := exec.CommandContext(t.Context(), python, "-c", "import bodhi.server, waitress").Run(); err != nil {
		shareddata.Missing(t, "bodhi-server in "+python+" (RESPIN_BODHI_PYTHON)")
	}
	work := t.TempDir()
	rows := make([]map[string]any, 0, len(releases))
	for _, r := range releases {
		rows = append(rows, map[string]any{
			"name": r.Name, "long_name": r.LongName, "id_prefix": r.IDPrefix, "version": r.Version, "dist_tag": r.DistTag, "branch": r.Branch,
			"stable_tag": r.StableTag, "testing_tag": r.TestingTag, "candidate_tag": r.CandidateTag, "pending_signing_tag": r.PendingSigningTag,
			"pending_testing_tag": r.PendingTestingTag, "pending_stable_tag": r.PendingStableTag, "override_tag": r.OverrideTag,
			"state": r.State, "composed_by_bodhi": r.ComposedByBodhi, "create_automatic_updates": r.CreateAutomaticUpdates,
			"package_manager": r.PackageManager, "testing_repository": r.TestingRepository, "mail_template": r.MailTemplate,
		})
	}
	data, err := json.Marshal(map[string]any{"releases": rows, "updates": updates, "users": []string{"ada", "bob", "bodhi"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "data.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd := exec.CommandContext(t.Context(), python, "-c", bodhiServer, work)
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if port, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			return "http://127.0.0.1:" + port
		}
	}
	cmd.Wait()
	t.Fatalf("bodhi-server did not start:\n%s", log.String())
	return ""
}

// fillBodhitest puts the same into ours.
func fillBodhitest(t *testing.T, releases []bodhi.Release, updates []seedUpdate) string {
	t.Helper()
	hub := bodhitest.New(bodhitest.Options{})
	for _, r := range releases {
		if err := hub.AddRelease(r); err != nil {
			t.Fatal(err)
		}
	}
	parse := func(s string) time.Time {
		at, _ := time.Parse(time.RFC3339, s)
		return at
	}
	for _, s := range updates {
		u := bodhitest.Update{
			Alias: s.Alias, Release: s.Release, User: s.User, Notes: s.Notes, Type: bodhi.UpdateType(s.Type), Severity: bodhi.UpdateSeverity(s.Severity),
			Status: bodhi.UpdateStatus(s.Status), Request: bodhi.UpdateRequest(s.Request), FromTag: s.FromTag, Critpath: s.Critpath,
			Submitted: parse(s.Submitted), Testing: parse(s.Testing), Stable: parse(s.Stable),
		}
		for _, nvr := range s.NVRs {
			u.Builds = append(u.Builds, bodhi.Build{NVR: nvr, Signed: true})
		}
		for _, id := range s.Bugs {
			u.Bugs = append(u.Bugs, bodhi.Bug{ID: id, Title: "crash"})
		}
		for _, text := range s.Comments {
			u.Comments = append(u.Comments, bodhitest.Comment{User: "bob", Text: text, Time: u.Submitted})
		}
		if _, err := hub.AddUpdate(u); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	return server.URL
}

// TestBodhi drives a real bodhi-server through the client, and holds bodhitest,
// filled with the same updates, against it answer by answer.
func TestBodhi(t *testing.T) {
	releases, updates := []bodhi.Release{bodhitest.Fedora(40), bodhitest.Rawhide(42)}, bodhiUpdates()
	theirs := startBodhi(t, releases, updates)
	ours := fillBodhitest(t, releases, updates)

	t.Run("client", func(t *testing.T) { driveBodhi(t, theirs) })
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
		"/packages/?search=PKG01", "/packages/?name=pkg01", "/packages/?like=kg01", "/composes/F42/testing", "/no/such/route", "/updates/none/get-test-results",
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
	}
	if slices.Contains([]string{"id", "user_id", "update_id", "avatar", "openid", "karma", "meets_testing_requirements", "critpath_groups", "testing_repository"}, name) {
		if v == nil || name == "critpath_groups" || name == "testing_repository" {
			return "string or null"
		}
		return fmt.Sprintf("%T", v)
	}
	return v
}

func driveBodhi(t *testing.T, base string) {
	t.Helper()
	ctx := t.Context()
	c, err := bodhi.New(base, bodhi.Options{RowsPerPage: 7})
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, ok bool, got any, err error) {
		t.Helper()
		if err != nil || !ok {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	version, err := c.Version(ctx)
	check("version", version != "", version, err)
	n, last := 0, ""
	for u, err := range c.Updates(ctx, bodhi.UpdateQuery{Releases: []string{"F40"}}) {
		check("row", err == nil && len(u.Builds) == 2 && (last == "" || u.Alias < last), u, err)
		if err != nil {
			return
		}
		n++
		last = u.Alias
	}
	check("all updates", n == 60, n, nil)
	n = 0
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("pkg%02d", i), fmt.Sprintf("pkg%02d-extra", i))
	}
	for _, err := range c.Updates(ctx, bodhi.UpdateQuery{Packages: names}) {
		check("joined row", err == nil, nil, err)
		n++
	}
	check("joined list", n == 30, n, nil)
	u, err := c.UpdateForBuild(ctx, "pkg05-1.5~rc1^git+1-1.fc40")
	check("build's update", err == nil && u.Alias == "FEDORA-2026-0000000005" && u.InTestingRepo() && u.FromTag != "", u, err)
	b, err := c.Build(ctx, "pkg05-1.5~rc1^git+1-1.fc40")
	check("build", err == nil && b.Signed && b.Type == bodhi.ContentRPM, b, err)
	r, err := c.Release(ctx, "F42")
	check("release", err == nil && r.IsRawhide() && r.State.Known(), r, err)
	o, err := c.Override(ctx, "pkg59-1.59~rc1^git+1-1.fc40")
	check("override", err == nil && o.Submitter.Name == "ada" && !o.Expires.IsZero(), o, err)
	n = 0
	for o, err := range c.Overrides(ctx, bodhi.OverrideQuery{Releases: []string{"F40"}}) {
		check("override row", err == nil && o.Notes == "n", o, err)
		n++
	}
	check("overrides", n == 1, n, nil)
	n = 0
	for m, err := range c.Comments(ctx, bodhi.CommentQuery{Updates: []string{"FEDORA-2026-0000000005"}}) {
		check("comment", err == nil && m.Text == "works" && m.Author == "bob" && m.UpdateAlias != "", m, err)
		n++
	}
	check("comments", n == 1, n, nil)
	user, err := c.User(ctx, "ada")
	check("user", err == nil && user.Groups[0].Name == "packager", user, err)
	composes, err := c.Composes(ctx)
	check("composes", len(composes) == 1, composes, err)
	compose, err := c.Compose(ctx, "F40", bodhi.RequestStable)
	check("compose", err == nil && compose.State == bodhi.ComposeRequested, compose, err)
	latest, err := c.LatestBuilds(ctx, "pkg01")
	check("latest builds", len(latest) > 0, latest, err)

	quick, err := bodhi.New(base, bodhi.Options{Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = quick.TestResults(ctx, "FEDORA-2026-0000000005")
	api, ok := errors.AsType[*bodhi.APIError](err)
	check("no Greenwave", ok && api.JSON && api.StatusCode == http.StatusBadGateway, err, nil)
	_, err = c.Update(ctx, "pkg01")
	_, ok = errors.AsType[*bodhi.PackageNameError](err)
	check("hint", ok, err, nil)
	_, err = c.Compose(ctx, "F42", bodhi.RequestTesting)
	check("no compose", errors.Is(err, bodhi.ErrNotFound), err, nil)
}
