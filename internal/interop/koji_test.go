//go:build interop

package interop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// kojiPython returns a Python that has the package koji: RESPIN_KOJI_PYTHON, or
// one in a fresh environment. requests-gssapi is left out: it needs Kerberos'
// headers and serves logins only.
func kojiPython(t *testing.T) string {
	t.Helper()
	if python := os.Getenv("RESPIN_KOJI_PYTHON"); python != "" {
		return python
	}
	env := filepath.Join(t.TempDir(), "venv")
	python := filepath.Join(env, "bin", "python")
	system := "/usr/bin/python3" // the one that has the distribution's python3-rpm
	if _, err := os.Stat(system); err != nil {
		system = "python3"
	}
	for _, argv := range [][]string{
		{system, "-m", "venv", "--system-site-packages", env},
		{python, "-m", "pip", "install", "--quiet", "requests", "six", "python-dateutil", "defusedxml"},
		{python, "-m", "pip", "install", "--quiet", "--no-deps", "koji"},
	} {
		if out, err := runKoji(t, "", argv...); err != nil {
			shareddata.Missing(t, "the Python package koji ("+err.Error()+"\n"+out+")")
		}
	}
	return python
}

func runKoji(t *testing.T, dir string, argv ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	home := t.TempDir()
	cmd := proc.Cmd{Name: argv[0], Args: argv[1:], Dir: dir, Log: &out, Env: []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}}
	for _, name := range []string{"PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	var r proc.Runner
	err := r.Run(t.Context(), cmd)
	return out.String(), err
}

// kojiHub is a hub with a real RPM in it.
func kojiHub(t *testing.T) (*kojitest.Hub, *kojitest.Server) {
	t.Helper()
	rpm := filepath.Join(shareddata.Dir(t, "rpms"), "basesystem-10.0-7.noarch.rpm")
	h := kojitest.NewHub()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tag := range []kojitest.Tag{{Name: "f44", Arches: []string{"x86_64"}}, {Name: "f44-build", Parents: []string{"f44"}}} {
		_, err := h.AddTag(tag)
		check(err)
	}
	_, err := h.AddUser(kojitest.User{Name: "qa", Password: "test"})
	check(err)
	_, err = h.AddSideTag("f44-build", "qa")
	check(err)
	_, err = h.AddExternalRepo("f44", kojitest.ExternalRepo{Name: "ext", URL: "https://example.org/$arch/"})
	check(err)
	_, err = h.AddRepo(kojitest.Repo{Tag: "f44-build"})
	check(err)
	_, err = h.AddBuild(kojitest.Build{NVR: "basesystem-10.0-7", Tags: []string{"f44"}, RPMs: []kojitest.RPM{{Path: rpm}}})
	check(err)
	_, err = h.AddTask(kojitest.Task{
		Scratch: true, Source: "git+https://example.org/basesystem#1", Target: "f44",
		Children: []kojitest.Task{{Arch: "noarch", OutputPaths: map[string]string{"basesystem-10.0-7.noarch.rpm": rpm}, Output: map[string][]byte{"build.log": []byte("log\n")}}},
	})
	check(err)
	s, err := h.Start("127.0.0.1:0")
	check(err)
	t.Cleanup(func() { _ = s.Close() })
	return h, s
}

const kojiScript = `
import hashlib, sys, koji
s = koji.ClientSession(sys.argv[1])
b = s.getBuild('basesystem-10.0-7')
assert b['id'] == 1 and b['epoch'] is None and b['volume_name'] == 'DEFAULT', b
assert s.getBuild('no-1-1') is None
for call in (lambda: s.getBuild('no-1-1', strict=True), lambda: s.listTagged('no')):
    try:
        call()
        raise SystemExit('no fault')
    except koji.GenericError as e:
        assert str(e).startswith('No such '), e
try:
    s.getBuild('x', bogus=1)
    raise SystemExit('no fault')
except koji.ParameterError as e:
    assert "unexpected keyword argument 'bogus'" in str(e), e
tagged = s.listTagged('f44-build', inherit=True, latest=True)
assert [t['nvr'] for t in tagged] == ['basesystem-10.0-7'] and tagged[0]['tag_name'] == 'f44', tagged
s.multicall = True
s.listRPMs(buildID=1, arches=['noarch'])
s.getTag('f44-build-side-3')
s.getTag('no', strict=True)
rpms, tag, fault = s.multiCall()
start, size = koji.find_rpm_sighdr(sys.argv[2])
behind = open(sys.argv[2], 'rb').read()[start + size:]
assert rpms[0][0]['payloadhash'] == hashlib.md5(behind).hexdigest(), rpms
assert tag[0]['extra']['sidetag'] is True and fault['faultCode'] == 1000, (tag, fault)
with s.multicall(strict=True) as m:
    sigs = m.queryRPMSigs(rpm_id=1)
    info = m.getTaskInfo(1, request=True)
assert sigs.result == [] and info.result['request'][2] == {'scratch': True}, info.result
assert s.listTaskOutput(2, stat=True, all_volumes=True)['build.log']['DEFAULT']['st_size'] == '4'
assert s.downloadTaskOutput(2, 'build.log') == b'log\n'
assert s.echo(None, True, -1, 2**40, 1.5, 'é<&>', [1, [None]], {'k': ''}) == [None, True, -1, 2**40, 1.5, 'é<&>', [1, [None]], {'k': ''}]
u = koji.ClientSession(sys.argv[1], {'user': 'qa', 'password': 'test'})
assert u.login() and u.getLoggedInUser()['name'] == 'qa'
side = u.createSideTag('f44-build')
assert side['name'] == 'f44-build-side-%d' % side['id'], side
assert {t['name'] for t in u.listSideTags(user='qa')} == {'f44-build-side-3', side['name']}
u.tagBuild(side['name'], 'basesystem-10.0-7')
assert [b['nvr'] for b in u.listTagged(side['name'])] == ['basesystem-10.0-7']
u.untagBuild(side['name'], 'basesystem-10.0-7')
u.removeSideTag(side['name'])
u.logout()
for call in (lambda: s.createSideTag('f44-build'), lambda: koji.ClientSession(sys.argv[1], {'user': 'qa', 'password': 'x'}).login()):
    try:
        call()
        raise SystemExit('no fault')
    except (koji.ActionNotAllowed, koji.AuthError):
        pass
print('agreed', s.getKojiVersion(), s.hub_version_str)
`

// The real Python client and koji's own command line must take our test hub
// for a hub.
func TestPythonKojiTalksToKojitest(t *testing.T) {
	t.Parallel()
	python := kojiPython(t)
	h, s := kojiHub(t)
	rpm := filepath.Join(shareddata.Dir(t, "rpms"), "basesystem-10.0-7.noarch.rpm")
	dir := t.TempDir()
	script := filepath.Join(dir, "check.py")
	if err := os.WriteFile(script, []byte(kojiScript), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := runKoji(t, dir, python, script, s.HubURL, rpm); err != nil || !strings.Contains(out, "agreed 1.35.3") {
		t.Fatalf("%v\n%s", err, out)
	}
	config := filepath.Join(dir, "koji.conf")
	if err := os.WriteFile(config, []byte("[koji]\nserver = "+s.HubURL+"\ntopurl = "+s.TopURL+"\nauthtype = noauth\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	koji := func(args ...string) (string, error) {
		t.Helper()
		argv := append([]string{python, filepath.Join(filepath.Dir(python), "koji"), "--noauth", "-c", config}, args...)
		return runKoji(t, dir, argv...)
	}
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"version"}, "Hub:    1.35.3"},
		{[]string{"call", "getAPIVersion"}, "1"},
		{[]string{"call", "getBuild", "basesystem-10.0-7"}, "'nvr': 'basesystem-10.0-7'"},
		{[]string{"call", "--python", "listBuilds", "--kwargs", "{'state': 1, 'queryOpts': {'countOnly': True}}"}, "1"},
		{[]string{"list-api", "getBuild"}, "getBuild(buildInfo, strict=False)"},
		{[]string{"list-tagged", "--inherit", "--latest", "f44-build"}, "basesystem-10.0-7"},
		{[]string{"list-tagged", "--rpms", "f44"}, "basesystem-10.0-7.noarch"},
		{[]string{"latest-build", "f44-build", "basesystem"}, "basesystem-10.0-7"},
		{[]string{"list-builds", "--package=basesystem"}, "COMPLETE"},
		{[]string{"list-builds", "--pattern=base*", "--state=COMPLETE"}, "basesystem-10.0-7"},
		{[]string{"list-untagged"}, ""},
		{[]string{"buildinfo", "basesystem-10.0-7"}, "Tags: f44"},
		{[]string{"rpminfo", "basesystem-10.0-7.noarch"}, "License: LGPLv2"},
		{[]string{"search", "rpm", "base*"}, "basesystem-10.0-7.noarch.rpm"},
		{[]string{"search", "--regex", "tag", "^f44-build-side"}, "f44-build-side-3"},
		{[]string{"list-tags", "--build=basesystem-10.0-7"}, "f44"},
		{[]string{"taginfo", "f44-build"}, "Current repo: repo#1"},
		{[]string{"list-tag-inheritance", "f44-build"}, "f44 (1)"},
		{[]string{"list-tag-inheritance", "--reverse", "f44"}, "f44-build (2)"},
		{[]string{"list-pkgs", "--tag=f44"}, "basesystem"},
		{[]string{"list-targets"}, "f44-build-side-3"},
		{[]string{"list-external-repos", "--tag=f44-build", "--inherit"}, "ext"},
		{[]string{"list-sidetags", "--basetag=f44-build", "--user=qa"}, "f44-build-side-3"},
		{[]string{"list-history", "--tag=f44"}, "basesystem-10.0-7 tagged into f44"},
		{[]string{"list-history", "--build=basesystem-10.0-7"}, "still active"},
		{[]string{"list-tasks", "--quiet", "--all", "--after=2000-01-01"}, "build"},
		{[]string{"taskinfo", "-r", "1"}, "State: closed"},
		{[]string{"watch-task", "1"}, "completed successfully"},
		{[]string{"repoinfo", "1"}, "State: READY"},
		{[]string{"userinfo", "qa"}, "User name: qa"},
		{[]string{"list-volumes"}, "DEFAULT"},
		{[]string{"download-task", "--dirpertask", "1"}, "basesystem-10.0-7.noarch.rpm"},
		{[]string{"download-logs", "2"}, "build.log"},
	} {
		if out, err := koji(tc.args...); err != nil || !strings.Contains(out, tc.want) {
			t.Errorf("koji %v: %v, %q expected in\n%s", tc.args, err, tc.want, out)
		}
	}
	if out, err := runKoji(t, dir, python, "-c", "import rpm"); err != nil {
		shareddata.Missing(t, "python3-rpm, with which koji download-build checks RPMs ("+out+")")
	}
	// koji download-build compares the size, and the SIGMD5 that stands in the
	// file with the hub's; it does not compute it, so an altered payload would
	// pass, but not a file that is too short.
	if out, err := koji("download-build", "basesystem-10.0-7"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	file := filepath.Join(dir, "basesystem-10.0-7.noarch.rpm")
	want, err := os.ReadFile(rpm)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
		t.Errorf("downloaded: %d bytes, %v", len(got), err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	cut := func(data []byte) []byte { return data[:len(data)-1] }
	if err := h.AlterFile("packages/basesystem/10.0/7/noarch/basesystem-10.0-7.noarch.rpm", cut); err != nil {
		t.Fatal(err)
	}
	if out, err := koji("download-build", "basesystem-10.0-7"); err == nil || !strings.Contains(out, "does not match db size") {
		t.Errorf("a cut RPM: %v\n%s", err, out)
	}
}
