//go:build interop

package interop_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/daemon/client"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// plant is all that a daemon composes with: a small Fedora with a repository of
// its release and a boot.iso, stand-ins for the tools that no package of Debian's
// has, the real ones for the rest, and the daemon itself as its own process.
type plant struct {
	*composetest.Fedora
	bin, dir string // the program; everything of this plant
	tools    string // before all else in the daemon's PATH
	web      string // serves repo/ and boot.iso
	url      string // of the daemon
	daemon   *mortal
	api      *client.Client
	cfg      string
	orders   int // requests so far
}

// The groups of the release.
const plantGroups = `<comps><group><id>core</id><name>Core</name><packagelist>` +
	`<packagereq type="mandatory">bash</packagereq></packagelist></group></comps>`

// plantRelease is the repository: what the stand-ins for the installer and for
// anaconda want, what that requires, and older builds of what the update brings.
func plantRelease() []rpmtest.Spec {
	one := func(name, version string, requires ...string) rpmtest.Spec {
		return rpmtest.Spec{
			Name: name, Version: version, Release: "1.fc44", Arch: "x86_64", Requires: rpmtest.Deps(requires...), Compressor: "zstd",
			Files: []rpmtest.File{{Path: "/usr/share/" + name + "/README", Data: []byte(name + "\n")}},
		}
	}
	return []rpmtest.Spec{
		one("anaconda", "44.10", "anaconda-core"), one("anaconda-core", "44.10", "bash"), one("bash", "5.3"), one("kernel", "6.17.0"),
		one("dracut-live", "107"), one("vim", "9.1", "vim-data"), one("vim-data", "9.1"), one("greeter", "1.0"), one("greeter-libs", "1.0"),
	}
}

// newPlant makes one; start starts its daemon.
func newPlant(t *testing.T, bin, built string, set composetest.Settings) *plant {
	t.Helper()
	base := baseISO(t)
	f, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := &plant{Fedora: f, bin: bin, dir: t.TempDir()}
	t.Cleanup(func() { _ = f.Close() })
	for _, sub := range []string{"web/repo", "tools", "tmp"} {
		if err := os.MkdirAll(filepath.Join(p.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.tools = filepath.Join(p.dir, "tools")
	for _, s := range plantRelease() {
		put(t, filepath.Join(p.dir, "web/repo", s.NEVRA().FileName()), rpmtest.Build(s))
	}
	put(t, filepath.Join(p.dir, "comps.xml"), []byte(plantGroups))
	_, err = repo.Create(t.Context(), filepath.Join(p.dir, "web/repo"), repo.Options{Groupfile: filepath.Join(p.dir, "comps.xml")})
	if err := errors.Join(err, os.Symlink(base, filepath.Join(p.dir, "web/boot.iso"))); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(p.dir, "web"))))
	t.Cleanup(server.Close)
	p.web = server.URL
	put(t, filepath.Join(p.dir, "live.ks"), []byte(plantKickstart(p.web+"/repo/")))
	p.installTools(t, built, set)
	p.configure(t, strings.TrimPrefix(p.web, "http://"))
	return p
}

func plantKickstart(url string) string {
	return "lang en_US.UTF-8\nkeyboard us\ntimezone Etc/UTC --utc\nrootpw --lock\nnetwork --bootproto=dhcp --device=link --activate\n" +
		"zerombr\nclearpart --all\npart / --size=8192 --fstype=ext4\nshutdown\nurl --url=" + url + "\n%packages\nkernel\ndracut-live\nanaconda\n%end\n"
}

// installTools puts the stand-ins into the daemon's PATH, and before the real
// xorriso and mcopy a door that a test can close or make heavy.
func (p *plant) installTools(t *testing.T, built string, set composetest.Settings) {
	t.Helper()
	set.AnyUser = true
	set.Runtime = []string{"anaconda", "anaconda-core", "kernel", "bash"}
	if err := composetest.Link(p.tools, filepath.Join(built, "standin"), set); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"xorriso", "mcopy"} {
		real, err := (&proc.Runner{}).Look(name, "")
		if err != nil {
			shareddata.Missing(t, err.Error())
		}
		door := fmt.Sprintf("#!/bin/sh\nif [ -e %[1]s/%[2]s.fail ]; then cat %[1]s/%[2]s.fail >&2; exit 5; fi\n"+
			"if [ -e %[1]s/%[2]s.wait ]; then echo \"%[2]s waits\" >&2; sleep \"$(cat %[1]s/%[2]s.wait)\"; fi\nexec %[3]s \"$@\"\n", p.tools, name, real)
		if err := os.WriteFile(filepath.Join(p.tools, name), []byte(door), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// settings changes what the stand-ins do from now on.
func (p *plant) settings(t *testing.T, change func(*composetest.Settings)) {
	t.Helper()
	path := filepath.Join(p.tools, "standin.json")
	data, err := os.ReadFile(path)
	var set composetest.Settings
	if err := errors.Join(err, json.Unmarshal(data, &set)); err != nil {
		t.Fatal(err)
	}
	change(&set)
	if data, err = json.Marshal(set); err != nil {
		t.Fatal(err)
	}
	put(t, path, data)
}

func (p *plant) configure(t *testing.T, trust string) {
	t.Helper()
	listen := freeAddr(t)
	p.url, p.cfg = "http://"+listen, filepath.Join(p.dir, "respin.yaml")
	put(t, p.cfg, fmt.Appendf(nil, `
listen: %s
data: %s
queue: {listen: none, lease: 1s}
koji: {hub: %q, topurl: %q}
bodhi: {url: %q}
limits: {disk_floor: 1048576, trust_hosts: [%q]}
`, listen, filepath.Join(p.dir, "data"), p.HubURL, p.TopURL, p.BodhiURL, trust))
	log, err := os.Create(filepath.Join(p.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	p.daemon = &mortal{
		t: t, bin: p.bin, args: []string{"serve", "--config", p.cfg}, log: log,
		env: []string{"PATH=" + p.tools + ":" + os.Getenv("PATH"), "TMPDIR=" + filepath.Join(p.dir, "tmp")},
	}
	t.Cleanup(func() {
		p.daemon.kill()
		_ = log.Close()
		if t.Failed() {
			data, _ := os.ReadFile(log.Name())
			t.Logf("the daemon said:\n%s", tailBytes(data, 20_000))
		}
	})
	p.api = killClient(t, p.url)
}

func (p *plant) start(t *testing.T) {
	t.Helper()
	p.daemon.start()
	awaitReady(t, p.url)
	for range 300 {
		if nodes, err := p.api.Nodes(t.Context()); err == nil && len(nodes.Nodes) > 0 && nodes.Nodes[0].Online {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the daemon's node does not join")
}

// respin runs the command line as a user does and returns its standard output.
func (p *plant) respin(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.bin, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(mortalEnv(), "RESPIN_SERVER="+p.url)
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// standInsBuilt builds the stand-in tools once.
func standInsBuilt(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := composetest.Install(t.Context(), dir, composetest.Settings{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// order is the command line of a kind, and of flags behind it, after "build".
func (p *plant) order(kind string) []string {
	kind, flags, _ := strings.Cut(kind, " ")
	return append(p.orderOf(kind), strings.Fields(flags)...)
}

func (p *plant) orderOf(kind string) []string {
	repo, ks := "fedora="+p.web+"/repo/", filepath.Join(p.dir, "live.ks")
	base := []string{kind, p.Update, "--release", "44"}
	switch kind {
	case "remaster":
		return append(base, "--base-iso", p.web+"/boot.iso", "--boot-arg", "console=ttyS0,115200", "--updates-img")
	case "boot-iso":
		return append(base, "--repo", repo, "--package", "greeter", "--require", "greeter>=2.3", "--require", "bash>=5")
	case "dvd":
		return append(base, "--repo", repo, "--base-iso", p.web+"/boot.iso", "--package", "@core", "--package", "vim", "--package", "greeter")
	case "live", "disk", "pxe-live", "tar", "oci":
		return append(base, "--kickstart", ks, "--package", "greeter", "--require", "greeter>=2.3")
	}
	return base
}
