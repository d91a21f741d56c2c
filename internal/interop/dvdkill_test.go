//go:build interop

package interop_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/daemon/client"
)

// TestKillNineWhileLoraxMakesTheBootISO kills the daemon with its node while the
// first of a DVD's two steps runs. Nothing of it stays, and the next attempt makes
// and publishes the whole.
func TestKillNineWhileLoraxMakesTheBootISO(t *testing.T) {
	t.Parallel()
	if compose.HostArch() != "x86_64" {
		t.Skip("the small Fedora's images are for x86_64, and lorax makes them on it only")
	}
	cache := filepath.Dir(baseISO(t))
	tools := t.TempDir()
	set := composetest.Settings{Runtime: []string{"bash"}, Bootable: cache, AnyUser: true, Fail: "hang"}
	if err := composetest.Install(t.Context(), tools, set); err != nil {
		t.Fatal(err)
	}
	bin := respinBinary(t)
	fedora, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fedora.Close() })
	files := httptest.NewServer(http.FileServer(http.Dir(smallRelease(t))))
	t.Cleanup(files.Close)
	dir, listen := t.TempDir(), freeAddr(t)
	config := filepath.Join(dir, "respin.yaml")
	put(t, config, fmt.Appendf(nil, `
listen: %s
data: %s
queue: {listen: %q, lease: 2s}
koji: {hub: %q, topurl: %q}
bodhi: {url: %q}
limits: {disk_floor: 1048576, trust_hosts: [%q]}
`, listen, filepath.Join(dir, "data"), freeAddr(t), fedora.HubURL, fedora.TopURL, fedora.BodhiURL, strings.TrimPrefix(files.URL, "http://")))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = log.Close()
		if t.Failed() {
			data, _ := os.ReadFile(log.Name())
			t.Logf("the processes said:\n%s", tailBytes(data, 20_000))
		}
	})
	daemon := &mortal{t: t, bin: bin, args: []string{"serve", "--config", config}, log: log, env: []string{"PATH=" + tools + ":" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}}
	t.Cleanup(daemon.kill)
	daemon.start()
	url := "http://" + listen
	awaitReady(t, url)
	c := killClient(t, url)
	made, err := c.Submit(t.Context(), compose.Request{
		Kind: compose.KindDVD, Release: "44", Arch: "x86_64", Sources: []string{fedora.Update}, Packages: []string{"greeter"},
		Repos: []compose.Repo{{ID: "fedora", BaseURL: files.URL + "/"}},
	}, client.SubmitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); len(composetest.Hanging(tools)) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("lorax was not run")
		}
	}
	pids := composetest.Hanging(tools)
	daemon.kill()
	if published := visible(filepath.Join(dir, "data", "images")); len(published) > 0 {
		t.Errorf("published: %q", published)
	}
	set.Fail, set.Version = "", "46.0"
	data, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(tools, "standin.json"), data)
	daemon.start()
	awaitReady(t, url)
	got := awaitDone(t, c, made.ID)
	if got.State != compose.StateSucceeded {
		t.Fatalf("%s %+v", got.State, got.Failure)
	}
	for _, pid := range pids {
		if composetest.Alive(pid) {
			t.Errorf("process %d of the killed attempt is left", pid)
		}
	}
	if published := visible(filepath.Join(dir, "data", "images")); !slices.Equal(published, []string{made.ID}) {
		t.Errorf("published: %q", published)
	}
	if left := visible(filepath.Join(dir, "data", "work")); slices.ContainsFunc(left, func(name string) bool { return strings.HasPrefix(name, "job-") }) {
		t.Errorf("left in the work directory: %q", left)
	}
	image := filepath.Join(dir, "data", "images", made.ID, "Fedora-44-dvd-x86_64.iso")
	if err := iso.CheckMD5(t.Context(), image, nil); err != nil {
		t.Error(err)
	}
	report, err := c.Report(t.Context(), made.ID)
	if err != nil || !slices.ContainsFunc(report.Packages, func(e compose.PackageEntry) bool {
		return e.Name == "greeter" && e.Verdict == compose.VerdictIncluded && e.Installer != nil && e.Installer.Verdict == compose.VerdictIncluded
	}) {
		t.Errorf("report: %v %+v", err, report.Packages)
	}
}

// visible lists a folder without what is on its way.
func visible(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}
