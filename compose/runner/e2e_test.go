package runner_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/livemedia"
	"github.com/fedora-respin/respin/compose/lorax"
	"github.com/fedora-respin/respin/compose/runner"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
)

// release serves a small release.
func release(t *testing.T) string {
	t.Helper()
	in, out := t.TempDir(), t.TempDir()
	var items []siderepo.Item
	for _, p := range [][2]string{{"anaconda", "anaconda-core"}, {"anaconda-core", "bash"}, {"bash", ""}, {"kernel", ""}, {"dracut-live", ""}} {
		spec := rpmtest.Spec{Name: p[0], Version: "5.3", Release: "1.fc44", Arch: "x86_64", Compressor: "zstd", Files: []rpmtest.File{{Path: "/usr/share/" + p[0] + "/README", Data: []byte(p[0])}}}
		if p[1] != "" {
			spec.Requires = rpmtest.Deps(p[1])
		}
		name := p[0] + "-5.3-1.fc44.x86_64.rpm"
		if err := os.WriteFile(filepath.Join(in, name), rpmtest.Build(spec), 0o600); err != nil {
			t.Fatal(err)
		}
		items = append(items, siderepo.Item{Path: filepath.Join(in, name), Name: name})
	}
	if _, err := siderepo.Write(t.Context(), filepath.Join(out, "repo"), items, siderepo.Options{ID: "r", BaseURL: "https://example.org/", Time: time.Unix(1793000000, 0), Compression: repo.Gzip}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(out, "repo"))))
	t.Cleanup(srv.Close)
	return srv.URL + "/"
}

const liveKickstart = "lang en_US.UTF-8\nkeyboard us\ntimezone Etc/UTC --utc\nrootpw --lock\nnetwork --bootproto=dhcp --device=link --activate\n" +
	"zerombr\nclearpart --all\npart / --size=8192 --fstype=ext4\nshutdown\nurl --url=URL\n%packages\nkernel\ndracut-live\nanaconda\n%end\n"

func backends(t *testing.T) []compose.Backend {
	t.Helper()
	return []compose.Backend{&lorax.Backend{}, &livemedia.Backend{Lock: filepath.Join(t.TempDir(), "lock")}}
}

// plans resolves a boot.iso and a live image with an update in them, once for all
// runners: what they make of one Plan is compared.
func plans(t *testing.T, network compose.Network) map[compose.Kind]*compose.Plan {
	t.Helper()
	if compose.HostArch() != "x86_64" {
		t.Skip("the small Fedora's images are for x86_64, and are made on it only")
	}
	f, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hub, err := koji.New(f.HubURL, koji.Options{TopURL: f.TopURL})
	if err != nil {
		t.Fatal(err)
	}
	updates, err := bodhi.New(f.BodhiURL, bodhi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := compose.NewResolver(hub, updates, network, compose.ResolverOptions{Backends: backends(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(r.Close(), f.Close()); err != nil {
			t.Error(err)
		}
	})
	url := release(t)
	made := map[compose.Kind]*compose.Plan{}
	for _, kind := range []compose.Kind{compose.KindBootISO, compose.KindLive} {
		req := compose.Request{Kind: kind, Release: "44", Arch: "x86_64", Sources: []string{f.Update}, Packages: []string{"greeter"}, Require: []string{"greeter>=2.3", "bash>=5"}}
		if kind == compose.KindLive {
			req.Kickstart = &compose.Kickstart{Text: strings.ReplaceAll(liveKickstart, "URL", url)}
		} else {
			req.Repos = []compose.Repo{{ID: "fedora", BaseURL: url}}
		}
		if made[kind], err = r.Resolve(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

// outcome is what does not depend on where the tools ran.
type outcome struct {
	Artifacts []string
	Logs      []string
	Packages  []compose.PackageEntry
	Commands  []compose.Command
}

func build(t *testing.T, b *compose.Builder, plan *compose.Plan) outcome {
	t.Helper()
	dir := t.TempDir()
	var log bytes.Buffer
	result, err := b.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir, RepoURL: "https://example.org/repos/c1/", Log: &log})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	o := outcome{Packages: result.Packages, Commands: result.Commands}
	for _, a := range result.Artifacts {
		if a.Path != "report.json" { // has times
			o.Artifacts = append(o.Artifacts, a.Path+" "+a.SHA256)
		}
	}
	for _, l := range result.Logs {
		o.Logs = append(o.Logs, l.Path)
	}
	slices.Sort(o.Artifacts)
	slices.Sort(o.Logs)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left in the work directory: %v %v", left, err)
	}
	return o
}

func TestWholeComposesAreTheSameOnEveryRunner(t *testing.T) {
	t.Parallel()
	needRoot(t)
	network := compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MinFree: 1 << 20}
	inside := &composetest.Settings{Version: "46.0", AnyUser: true, Runtime: []string{"anaconda", "anaconda-core", "kernel", "bash"}}
	roots := composetest.Roots{Images: map[string][]string{image: {"lorax", "livemedia-creator", "anaconda"}}, Inside: inside}
	onHost := t.TempDir()
	if err := composetest.Link(onHost, built(t), *inside); err != nil {
		t.Fatal(err)
	}
	plain := host(onHost)
	plain.Proc.Env = []string{"PATH=" + onHost} // roots have no mksquashfs either
	mockHost, _ := tools(t, roots)
	podmanHost, _ := tools(t, roots)
	options := map[string]compose.BuilderOptions{
		"host":   {Runner: plain},
		"mock":   {Runner: mockHost, Roots: &runner.Mock{Host: mockHost, Node: "n1"}},
		"podman": {Runner: podmanHost, Roots: &runner.Podman{Host: podmanHost, Node: "n1", Images: map[string]string{"default": image}}},
	}
	made := plans(t, network)
	want := map[compose.Kind]outcome{}
	for _, name := range []string{"host", "mock", "podman"} {
		o := options[name]
		o.Backends = backends(t)
		b, err := compose.NewBuilder(network, o)
		if err != nil {
			t.Fatal(err)
		}
		for kind, plan := range made {
			got := build(t, b, plan)
			if name == "host" {
				want[kind] = got
				continue
			}
			if diff := cmp.Diff(want[kind], got); diff != "" {
				t.Errorf("%s in %s is not what it is on the host:\n%s", kind, name, diff)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	for kind, o := range want {
		if len(o.Artifacts) < 3 || len(o.Packages) < 3 || len(o.Commands) != 1 {
			t.Errorf("%s: %+v", kind, o)
		}
	}
}

func TestCanceledComposesLeaveOnlyLogs(t *testing.T) {
	t.Parallel()
	needRoot(t)
	network := compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MinFree: 1 << 20}
	made := plans(t, network)
	for _, name := range []string{"mock", "podman"} {
		for kind, plan := range made {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				h, dir := tools(t, composetest.Roots{
					Images: map[string][]string{image: {"lorax", "livemedia-creator", "anaconda"}}, Inside: &composetest.Settings{Version: "46.0", Fail: "hang", AnyUser: true},
				})
				o := compose.BuilderOptions{Backends: backends(t), Runner: h, Roots: &runner.Mock{Host: h, Node: "n1"}}
				if name == "podman" {
					o.Roots = &runner.Podman{Host: h, Node: "n1", Images: map[string]string{"default": image}}
				}
				b, err := compose.NewBuilder(network, o)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				work := t.TempDir()
				done := make(chan error, 1)
				var result *compose.Result
				go func() {
					var err error
					result, err = b.Build(ctx, plan, compose.Work{ID: "c1", Dir: work})
					done <- err
				}()
				awaitHang(t, dir, done, &strings.Builder{})
				cancel(compose.ErrCanceled)
				if err := <-done; err == nil || result.Failure == nil || result.Failure.Code != compose.CodeCanceled {
					t.Errorf("%v, %+v", err, result.Failure)
				}
				if left, err := filepath.Glob(filepath.Join(work, "*")); err != nil || len(left) != 1 || filepath.Base(left[0]) != compose.OutDir {
					t.Errorf("left %q, %v", left, err)
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
