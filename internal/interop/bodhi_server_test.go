//go:build interop

package interop_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// A real bodhi-server, installed like this on Debian 12:
//
//	apt install python3-venv python3-dev python3-rpm python3-librepo gcc libpq-dev libkrb5-dev
//	python3 -m venv --system-site-packages V
//	V/bin/pip install bodhi-server==26.4.0 pyOpenSSL
//	RESPIN_BODHI_PYTHON=V/bin/python go test -tags interop -run Bodhi ./internal/interop
//
// bodhiServer runs it on SQLite, filled with a bodhiSeed, on a Koji hub and a
// Greenwave of the test, and prints its address.
const bodhiServer = `
import datetime, json, os, sys
from unittest import mock
work = sys.argv[1]
data = json.load(open(work + '/data.json'))
with open(work + '/celeryconfig.py', 'w') as f:
    f.write('broker_url = "memory://"\ntask_always_eager = True\n')
settings = {
    'sqlalchemy.url': 'sqlite:///' + work + '/bodhi.db', 'authtkt.secret': 'abcdefgh', 'session.secret': 'ijklmnop',
    'authtkt.secure': 'false', 'authtkt.timeout': '1209600', 'buildsystem': 'koji', 'koji_hub': data['koji'], 'bugtracker': 'dummy', 'acl_system': 'dummy',
    'dogpile.cache.backend': 'dogpile.cache.memory', 'dogpile.cache.expiration_time': '0', 'celery_config': work + '/celeryconfig.py',
    'warm_cache_on_start': 'false', 'libravatar_enabled': 'false', 'openid_template': '{username}.id.example.org',
    'base_address': 'http://bodhi.example.org/', 'pyramid.includes': '', 'fedora.mandatory_days_in_testing': '7',
    # bodhi itself is a namespace package without a folder of its own.
    'cors_origins_ro': '*', 'cors_connect_src': 'https://*.example.org/', 'mako.directories': 'bodhi.server:templates',
    'greenwave_api_url': data['greenwave'], 'critpath.type': 'json', 'critpath.jsonpath': work,
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
# Once: main's own call, which would log in by Kerberos, is then without effect.
buildsys.setup_buildsystem(config.config, authenticate=False)
def moment(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')) if text else None
with mock.patch('bodhi.server.models.notifications'):
    s = Session()
    s.autoflush = False
    groups, users, packages, releases, built, aliases = {}, {}, {}, {}, {}, {}
    for u in data['users']:
        for name in u['groups']:
            groups.setdefault(name, m.Group(name=name))
        users[u['name']] = m.User(name=u['name'], email=u['name'] + '@example.org', groups=[groups[name] for name in u['groups']])
        s.add(users[u['name']])
        s.flush()
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
            built[nvr] = builds[-1]
        s.add_all(builds)
        s.flush()
        o = m.Update(builds=builds, user=users[u['user']], release=releases[u['release']], notes=u['notes'],
            type=m.UpdateType.from_string(u['type']), severity=m.UpdateSeverity.from_string(u['severity']),
            status=m.UpdateStatus.from_string(u['status']), request=m.UpdateRequest.from_string(u['request']) if u['request'] else None,
            stable_karma=3, unstable_karma=-3, stable_days=7, autokarma=True, autotime=True, require_bugs=False, require_testcases=False,
            critpath=u['critpath'], date_submitted=moment(u['submitted']), date_testing=moment(u['testing']), date_stable=moment(u['stable']),
            pushed=bool(u['testing']), from_tag=u['from_tag'] or None)
        o.alias = u['alias']
        bugs = [m.Bug(bug_id=bug, title='crash') for bug in u['bugs']]
        cases = [m.TestCase(name=name) for name in u['test_cases']]
        o.bugs.extend(bugs)
        builds[0].testcases.extend(cases)
        aliases[o.alias] = o
        s.add(o)
        s.flush()
        for c in u['comments']:
            comment = m.Comment(text=c['text'], karma=c['karma'], user=users[c['user']], timestamp=moment(c['time']))
            comment.bug_feedback = [m.BugKarma(karma=c['bug_karma'], bug=bug) for bug in bugs]
            comment.testcase_feedback = [m.TestCaseKarma(karma=c['bug_karma'], testcase=case) for case in cases]
            o.comments.append(comment)
            s.flush()
    # Locked updates with the request of the compose are those that are in it.
    for c in data['composes']:
        compose = m.Compose(release=releases[c['release']], request=m.UpdateRequest.from_string(c['request']), date_created=moment(c['created']))
        compose.state_date = moment(c['created'])
        s.add(compose)
        s.flush()
        for alias in c['updates']:
            aliases[alias].locked = True
    for o in data['overrides']:
        s.add(m.BuildrootOverride(build=built[o['nvr']], submitter=users[o['submitter']], notes=o['notes'], submission_date=moment(o['submitted']),
            expiration_date=moment(o['expires']), expired_date=moment(o['expired'])))
    s.commit()
import waitress
server = waitress.create_server(main({}, **get_appsettings(ini)), host='127.0.0.1', port=0)
print('listening %s' % server.effective_port, flush=True)
server.run()
`

// bodhiSeed is what both servers are filled with.
type bodhiSeed struct {
	Releases  []bodhi.Release `json:"-"`
	Users     []seedUser      `json:"users"`
	Updates   []seedUpdate    `json:"updates"`
	Overrides []seedOverride  `json:"overrides"`
	Composes  []seedCompose   `json:"composes"`
}

type seedUser struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups"`
}

type seedUpdate struct {
	Alias     string        `json:"alias"`
	Release   string        `json:"release"`
	NVRs      []string      `json:"nvrs"`
	User      string        `json:"user"`
	Notes     string        `json:"notes"`
	Type      string        `json:"type"`
	Severity  string        `json:"severity"`
	Status    string        `json:"status"`
	Request   string        `json:"request"`
	FromTag   string        `json:"from_tag"`
	Critpath  bool          `json:"critpath"`
	Bugs      []int         `json:"bugs"`
	TestCases []string      `json:"test_cases"`
	Comments  []seedComment `json:"comments"`
	// RFC 3339; "" for never.
	Submitted string `json:"submitted"`
	Testing   string `json:"testing"`
	Stable    string `json:"stable"`
}

type seedComment struct {
	User  string `json:"user"`
	Text  string `json:"text"`
	Karma int    `json:"karma"`
	// BugKarma is the vote on every bug and test case of the update.
	BugKarma int    `json:"bug_karma"`
	Time     string `json:"time"`
}

type seedOverride struct {
	NVR       string `json:"nvr"`
	Submitter string `json:"submitter"`
	Notes     string `json:"notes"`
	Submitted string `json:"submitted"`
	Expires   string `json:"expires"`
	Expired   string `json:"expired"`
}

type seedCompose struct {
	Release string   `json:"release"`
	Request string   `json:"request"`
	Created string   `json:"created"`
	Updates []string `json:"updates"`
}

func newBodhiSeed() bodhiSeed {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	hour := func(n int) string { return start.Add(time.Duration(n) * time.Hour).Format(time.RFC3339) }
	s := bodhiSeed{
		Releases: []bodhi.Release{bodhitest.Fedora(40), bodhitest.Rawhide(42)},
		Users:    []seedUser{{"ada", []string{"packager", "provenpackager"}}, {"bob", []string{"packager"}}, {"bodhi", []string{}}},
		Overrides: []seedOverride{
			{"pkg59-1.59~rc1^git+1-1.fc40", "ada", "n", hour(100), hour(172), ""},
			{"pkg58-extra-1-1.fc40", "bob", "gone", hour(90), hour(95), hour(95)},
		},
		Composes: []seedCompose{
			{"F40", "testing", hour(200), []string{"FEDORA-2026-000000001e"}}, {"F40", "stable", hour(201), []string{"FEDORA-2026-0000000007"}},
		},
	}
	for i := range 60 {
		u := seedUpdate{
			Alias: fmt.Sprintf("FEDORA-2026-%010x", i), Release: "F40", User: []string{"ada", "bob"}[i/30], Notes: "notes",
			NVRs: []string{fmt.Sprintf("pkg%02d-1.%d~rc1^git+1-1.fc40", i, i), fmt.Sprintf("pkg%02d-extra-1-1.fc40", i)},
			Type: "bugfix", Severity: "low", Status: "pending", Request: "testing", Submitted: hour(i), Bugs: []int{}, TestCases: []string{}, Comments: []seedComment{},
		}
		if i%2 == 1 {
			u.Status, u.Request, u.Testing = "testing", "", hour(i)
		}
		switch i {
		case 5:
			u.FromTag, u.Bugs, u.TestCases, u.Critpath = "f40-build-side-101", []int{1001}, []string{"QA:Testcase boots"}, true
			u.Comments = []seedComment{{"bob", "works", 1, 1, hour(6)}, {"bodhi", "This update has been pushed to testing.", 0, 0, hour(7)}}
		case 7:
			u.Request, u.Type, u.Severity = "stable", "security", "urgent"
		case 9:
			u.Status, u.Stable = "stable", hour(12)
			u.Comments = []seedComment{{"ada", "Breaks 100% of it", -1, 0, hour(10)}}
		}
		s.Updates = append(s.Updates, u)
	}
	return s
}

// startKoji is the hub that stands behind either Bodhi.
func startKoji(t *testing.T) *kojitest.Server {
	t.Helper()
	hub := kojitest.NewHub()
	for _, name := range []string{"f40-updates", "f40-updates-candidate", "f40-updates-testing", "f42-updates-candidate", "f40-build"} {
		if _, err := hub.AddTag(kojitest.Tag{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	var side [2]string
	for i, user := range []string{"ada", "bob"} {
		var err error
		if side[i], err = hub.AddSideTag("f40-build", user); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range []kojitest.Build{
		{NVR: "pkg00-1.0~rc1^git+1-1.fc40", Tags: []string{"f40-updates-candidate"}},
		{NVR: "pkg01-0.9-1.fc40", Tags: []string{"f40-updates"}},
		{NVR: "pkg01-1.1~rc1^git+1-1.fc40", Tags: []string{"f40-updates-candidate", "f40-updates-testing"}, Owner: "ada"},
		{NVR: "other-1-1.fc42", Tags: []string{"f42-updates-candidate", side[0]}},
	} {
		if _, err := hub.AddBuild(b); err != nil {
			t.Fatal(err)
		}
	}
	server, err := hub.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// startGreenwave answers each batch of builds in the words of Greenwave, with
// the address of whoever waived; updates of pkg02 are refused.
func startGreenwave(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/decision" || strings.Contains(string(asked), "pkg02") {
			http.Error(w, `{"message": "no"}`, http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"policies_satisfied": true, "summary": "All required tests passed", "applicable_policies": ["bodhiupdate_bodhipush_openqa"],
			"satisfied_requirements": [{"testcase": "update.install_default", "type": "test-result-passed"}], "unsatisfied_requirements": [],
			"results": [{"id": 7, "outcome": "PASSED"}], "waivers": [{"username": "ada", "comment": "ask ada@example.org"}]}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// startBodhi runs a real bodhi-server until the test ends.
func startBodhi(t *testing.T, seed bodhiSeed, kojiHub string) string {
	t.Helper()
	python := cmp.Or(os.Getenv("RESPIN_BODHI_PYTHON"), "python3")
	if err := exec.CommandContext(t.Context(), python, "-c", "import bodhi.server, waitress").Run(); err != nil {
		shareddata.Missing(t, "bodhi-server in "+python+" (RESPIN_BODHI_PYTHON)")
	}
	work := t.TempDir()
	rows := make([]map[string]any, 0, len(seed.Releases))
	for _, r := range seed.Releases {
		rows = append(rows, map[string]any{
			"name": r.Name, "long_name": r.LongName, "id_prefix": r.IDPrefix, "version": r.Version, "dist_tag": r.DistTag, "branch": r.Branch,
			"stable_tag": r.StableTag, "testing_tag": r.TestingTag, "candidate_tag": r.CandidateTag, "pending_signing_tag": r.PendingSigningTag,
			"pending_testing_tag": r.PendingTestingTag, "pending_stable_tag": r.PendingStableTag, "override_tag": r.OverrideTag,
			"state": r.State, "composed_by_bodhi": r.ComposedByBodhi, "create_automatic_updates": r.CreateAutomaticUpdates,
			"package_manager": r.PackageManager, "testing_repository": r.TestingRepository, "mail_template": r.MailTemplate,
		})
	}
	data, err := json.Marshal(struct {
		bodhiSeed
		Rows      []map[string]any `json:"releases"`
		Koji      string           `json:"koji"`
		Greenwave string           `json:"greenwave"`
	}{seed, rows, kojiHub, startGreenwave(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "rawhide.json"), []byte(`{"rpm": {"core": ["bash", "glibc"], "critical-path-gnome": ["gdm"]}}`), 0o600); err != nil {
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
func fillBodhitest(t *testing.T, seed bodhiSeed) string {
	t.Helper()
	hub := bodhitest.New(bodhitest.Options{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	parse := func(s string) time.Time {
		at, _ := time.Parse(time.RFC3339, s)
		return at
	}
	for _, r := range seed.Releases {
		must(hub.AddRelease(r))
	}
	for _, u := range seed.Users {
		must(hub.AddUser(bodhitest.User{Name: u.Name, Groups: u.Groups}))
	}
	for _, s := range seed.Updates {
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
		for i, name := range s.TestCases {
			u.TestCases = append(u.TestCases, bodhi.TestCase{ID: i + 1, Name: name})
		}
		for _, c := range s.Comments {
			remark := bodhitest.Comment{User: c.User, Text: c.Text, Karma: c.Karma, Time: parse(c.Time)}
			for _, bug := range u.Bugs {
				remark.Bugs = append(remark.Bugs, bodhi.BugFeedback{BugID: bug.ID, Karma: c.BugKarma})
			}
			for _, test := range u.TestCases {
				remark.TestCases = append(remark.TestCases, bodhi.TestCaseFeedback{TestCaseID: test.ID, Karma: c.BugKarma})
			}
			u.Comments = append(u.Comments, remark)
		}
		_, err := hub.AddUpdate(u)
		must(err)
	}
	for _, o := range seed.Overrides {
		must(hub.AddOverride(bodhitest.Override{NVR: o.NVR, Notes: o.Notes, Submitter: o.Submitter, Submitted: parse(o.Submitted), Expires: parse(o.Expires), Expired: parse(o.Expired)}))
	}
	for _, c := range seed.Composes {
		must(hub.AddCompose(bodhitest.Compose{Release: c.Release, Request: bodhi.UpdateRequest(c.Request), Created: parse(c.Created), Updates: c.Updates}))
	}
	fillViews(t, hub)
	server := httptest.NewServer(hub)
	t.Cleanup(server.Close)
	return server.URL
}

// fillViews gives ours what startKoji and startGreenwave have.
func fillViews(t *testing.T, hub *bodhitest.Server) {
	t.Helper()
	candidate := bodhi.KojiBuild{ID: 3, NVR: "pkg01-1.1~rc1^git+1-1.fc40", OwnerName: "ada", OwnerID: 2}
	other := bodhi.KojiBuild{ID: 4, NVR: "other-1-1.fc42", OwnerName: "releng"}
	hub.SetTagged("f40-updates", bodhi.KojiBuild{ID: 2, NVR: "pkg01-0.9-1.fc40", OwnerName: "releng"})
	hub.SetTagged("f40-updates-candidate", candidate, bodhi.KojiBuild{ID: 1, NVR: "pkg00-1.0~rc1^git+1-1.fc40", OwnerName: "releng"})
	hub.SetTagged("f40-updates-testing", candidate)
	hub.SetTagged("f42-updates-candidate", other)
	hub.SetTagged("f40-build-side-6", other)
	decision := bodhi.Decision{
		Satisfied: true, Summary: "All required tests passed", Policies: []string{"bodhiupdate_bodhipush_openqa"},
		Met:   []json.RawMessage{json.RawMessage(`{"testcase": "update.install_default", "type": "test-result-passed"}`)},
		Unmet: []json.RawMessage{}, TestResults: []json.RawMessage{json.RawMessage(`{"id": 7, "outcome": "PASSED"}`)},
		Waivers: []json.RawMessage{json.RawMessage(`{"username": "ada", "comment": "ask ada@example.org"}`)},
	}
	for _, tag := range []bodhi.SideTag{{ID: 6, Name: "f40-build-side-6", User: "ada"}, {ID: 7, Name: "f40-build-side-7", User: "bob"}} {
		if err := hub.AddSideTag(tag); err != nil {
			t.Fatal(err)
		}
	}
	if err := hub.SetDecisions("FEDORA-2026-0000000005", decision); err != nil {
		t.Fatal(err)
	}
	hub.SetCritpath("rawhide", map[string][]string{"core": {"bash", "glibc"}, "critical-path-gnome": {"gdm"}})
	hub.SetMessageSchema("bodhi.update.edit", json.RawMessage(`{"type": "object", "$schema": "http://json-schema.org/draft-04/schema#"}`))
}
