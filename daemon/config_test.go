package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/daemon"
)

func TestConfigurationNamesEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "respin.yaml")
	text := "listn: 127.0.0.1:1\nkoji: {hub: ftp://x}\nqueue: {lease: 1ms}\nsmtp: {host: mail.example.org}\nlimits: {cache: -1}\npublish: [{s3: {}}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := daemon.LoadConfig(path, []string{"RESPIN_NOPE=1", "HOME=/x", "RESPIN_SERVER=http://x"})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{path, "RESPIN_NOPE", "listn", "s3", "koji.hub", "queue.lease", "limits.cache", "smtp.from"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in:\n%v", want, err)
		}
	}
	for _, other := range []string{"RESPIN_SERVER", "HOME"} {
		if strings.Contains(err.Error(), other) {
			t.Errorf("%s is named in:\n%v", other, err)
		}
	}
}

func TestEnvironmentGoesBeforeTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "respin.yaml")
	if err := os.WriteFile(path, []byte("ttl: 1h\nkoji: {hub: \"http://a.example.org/kojihub\"}\nsmtp: {host: m, from: a@example.org, password: geheim}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := daemon.LoadConfig(path, []string{"RESPIN_KOJI_HUB=http://b.example.org/kojihub", "RESPIN_LIMITS_TRUST_HOSTS=x:1,y:2", "RESPIN_NODE_SLOTS=3", "RESPIN_LIMITS_CACHE=1048576"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Koji.Hub != "http://b.example.org/kojihub" || c.TTL != time.Hour || c.Node.Slots != 3 || len(c.Limits.TrustHosts) != 2 || c.Limits.Cache != 1<<20 {
		t.Errorf("%+v", c)
	}
	if c.SMTP.Password.String() == "geheim" {
		t.Error("the password shows itself")
	}
}

func TestAnonymousCallersMaySubmitOnThisHostOnly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ listen, url, want string }{
		"loopback":       {"127.0.0.1:8080", "", "submit"},
		"localhost":      {"localhost:8080", "http://localhost:8080", "submit"},
		"public address": {"192.0.2.1:8080", "", "read"},
		"behind a proxy": {"127.0.0.1:8080", "https://respin.example.org", "read"},
	} {
		c := daemon.Defaults()
		c.Listen, c.URL = tc.listen, tc.url
		if err := c.Complete(); err != nil || c.Auth.Anonymous != tc.want {
			t.Errorf("%s: %s, %v", name, c.Auth.Anonymous, err)
		}
	}
}

func TestKeysComeFromFileAndEnvironment(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "respin.yaml")
	text := "keys: {releases: {44: [6d9f90a6, \"0x105EF944\"], rawhide: [f577861e]}}\ncopr: {url: \"https://copr.example.org/results/\"}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := daemon.LoadConfig(path, nil)
	if err != nil || len(c.Keys.Releases["44"]) != 2 || c.Keys.Releases["rawhide"][0] != "f577861e" || c.COPR.URL != "https://copr.example.org/results/" {
		t.Fatalf("%+v, %v", c.Keys, err)
	}
	c, err = daemon.LoadConfig("", []string{"RESPIN_KEYS_RELEASES=44=6d9f90a6 45=f577861e,31645531"})
	if err != nil || len(c.Keys.Releases["45"]) != 2 {
		t.Fatalf("%+v, %v", c.Keys, err)
	}
	for _, bad := range []string{"44=xyz", "44"} {
		if _, err := daemon.LoadConfig("", []string{"RESPIN_KEYS_RELEASES=" + bad}); err == nil || !strings.Contains(err.Error(), "keys.releases") && !strings.Contains(err.Error(), "RELEASE=ID") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	c.Keys = daemon.KeysConfig{Dir: t.TempDir()}
	if _, err := c.Keys.Load(); err == nil || !strings.Contains(err.Error(), "keys.dir") {
		t.Errorf("an empty folder: %v", err)
	}
}
