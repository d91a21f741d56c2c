package daemon_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
)

// smallRelease serves what an installer is made of.
func smallRelease(t *testing.T) string {
	t.Helper()
	in, out := t.TempDir(), t.TempDir()
	var items []siderepo.Item
	for _, name := range []string{"anaconda", "anaconda-core", "bash", "kernel"} {
		file := name + "-5.3-1.fc44.x86_64.rpm"
		if err := os.WriteFile(filepath.Join(in, file), rpmtest.Build(rpmtest.Spec{Name: name, Version: "5.3", Release: "1.fc44", Arch: "x86_64"}), 0o600); err != nil {
			t.Fatal(err)
		}
		items = append(items, siderepo.Item{Path: filepath.Join(in, file), Name: file})
	}
	if _, err := siderepo.Write(t.Context(), filepath.Join(out, "repo"), items, siderepo.Options{ID: "r", BaseURL: "https://example.org/", Time: time.Unix(1793000000, 0), Compression: repo.Gzip}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(out, "repo"))))
	t.Cleanup(srv.Close)
	return srv.URL + "/"
}

// A boot.iso goes the whole way, from the request to the hosted image, with each
// runner of the configuration; where it ran is not to be seen in it.
func TestBootISOIsTheSameWithEveryRunnerOfTheConfiguration(t *testing.T) { //nolint:paralleltest // it sets PATH, which the tools are found by
	if os.Geteuid() != 0 || compose.HostArch() != "x86_64" {
		t.Skip("the stand-ins for mock and podman mount and chroot, which takes root, and the small Fedora is of x86_64")
	}
	built, err := composetest.BuildStandIn(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inside := composetest.Settings{Version: "46.0", AnyUser: true, Runtime: []string{"anaconda", "anaconda-core", "kernel", "bash"}}
	url := smallRelease(t)
	type outcome struct {
		Packages []compose.PackageEntry
		Image    string
	}
	var want outcome
	for _, kind := range []string{"host", "mock", "podman"} {
		tools := t.TempDir()
		roots := composetest.Roots{Images: map[string][]string{"img": {"lorax"}}, Inside: &inside}
		if kind == "host" {
			err = composetest.Link(tools, built, inside)
		} else {
			err = composetest.InstallRoots(tools, built, roots)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", tools) // the host's mksquashfs is not in the roots
		w := newWorld(t, func(c *daemon.Config) {
			c.Limits.TrustHosts = []string{strings.Trim(strings.TrimPrefix(url, "http://"), "/")}
			c.Runner = daemon.RunnerConfig{Kind: kind, Images: daemon.ReleaseNames{"default": "img"}, ProbeRelease: "44", BaseDir: filepath.Join(tools, "roots", "mock"), Disk: 1 << 30, Memory: 2 << 30, Time: time.Minute}
		})
		made := w.submit(compose.Request{
			Kind: compose.KindBootISO, Release: "44", Arch: "x86_64", Sources: []string{w.fedora.Update}, Packages: []string{"greeter"}, Require: []string{"greeter>=2.3"},
			Repos: []compose.Repo{{ID: "fedora", BaseURL: url}},
		})
		c := w.await(made.ID)
		if c.State != compose.StateSucceeded {
			t.Fatalf("%s: %s %+v\n%s", kind, c.State, c.Failure, w.log.String())
		}
		var report api.Report
		w.call(http.MethodGet, "/api/v1/composes/"+c.ID+"/report", nil, &report)
		got := outcome{Packages: report.Packages}
		for _, a := range c.Artifacts {
			if a.Type == compose.ArtifactISO {
				got.Image = a.Name + " " + a.SHA256
			}
		}
		if !strings.Contains(w.log.String(), "runner="+kind) {
			t.Errorf("the operator is not told of %s:\n%s", kind, w.log.String())
		}
		if kind == "host" {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" || got.Image == "" || len(got.Packages) < 3 {
			t.Errorf("%s: %+v\n%s", kind, got, diff)
		}
		w.stop()
		if left := slices.Concat(composetest.Chroots(tools), composetest.Containers(tools)); len(left) > 0 {
			t.Errorf("%s: left %q", kind, left)
		}
	}
}
