//go:build interop

package interop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/livemedia"
	"github.com/fedora-respin/respin/compose/lorax"
	"github.com/fedora-respin/respin/compose/runner"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/koji"
)

// realPodman is the host's podman with a store of its own.
type realPodman struct {
	host    *runner.Host
	dir     string
	built   string
	busybox string
	env     []string
}

func newRealPodman(t *testing.T) *realPodman {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("privileged containers take root")
	}
	if _, err := exec.LookPath("podman"); err != nil {
		shareddata.Missing(t, "podman")
	}
	p := &realPodman{dir: t.TempDir()}
	var err error
	if p.busybox, err = composetest.Busybox(); err != nil {
		shareddata.Missing(t, err.Error())
	}
	if p.built, err = composetest.BuildStandIn(t.Context(), p.dir); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(p.dir, "storage.conf")
	store := fmt.Sprintf("[storage]\ndriver = \"vfs\"\nrunroot = %q\ngraphroot = %q\n", filepath.Join(p.dir, "run"), filepath.Join(p.dir, "graph"))
	if err := os.WriteFile(conf, []byte(store), 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = append(proc.BaseEnv(), "CONTAINERS_STORAGE_CONF="+conf)
	p.host = &runner.Host{Node: "real", Proc: &proc.Runner{Env: p.env, Grace: time.Second}}
	trial := proc.Cmd{Name: "podman", Args: []string{"run", "--rm", "--privileged", "--network=host", "--entrypoint=ls", p.image(t, "trial", composetest.Settings{}), "/usr"}}
	first := p.host.Run(t.Context(), trial)
	if first == nil {
		return p.cleaned(t)
	}
	p.modest(t)
	if err := p.host.Run(t.Context(), trial); err != nil {
		t.Skipf("podman runs no containers here: as it comes: %v; within this process's limits, with runc: %v", first, err)
	}
	t.Logf("podman does not run as it comes (%v): within this process's limits, with runc, it does", first)
	return p.cleaned(t)
}

// modest makes podman do where it may not raise limits, as in a container: it
// asks for none above this process's own. crun fails there even so.
func (p *realPodman) modest(t *testing.T) {
	t.Helper()
	var files, processes unix.Rlimit
	if err := errors.Join(unix.Getrlimit(unix.RLIMIT_NOFILE, &files), unix.Getrlimit(unix.RLIMIT_NPROC, &processes)); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(p.dir, "containers.conf")
	text := fmt.Sprintf("[containers]\ndefault_ulimits = [\"nofile=%d:%d\", \"nproc=%d:%d\"]\n[engine]\nruntime = \"runc\"\n",
		min(1024, files.Max), files.Max, min(1024, processes.Max), min(1024, processes.Max))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "CONTAINERS_CONF="+conf)
	p.host.Proc.Env = p.env
}

// cleaned looks at the end that no container is left, and removes the images.
func (p *realPodman) cleaned(t *testing.T) *realPodman {
	t.Helper()
	t.Cleanup(func() {
		if left := p.ps(t); left != "" {
			t.Errorf("containers are left: %s", left)
		}
		if err := p.host.Run(context.WithoutCancel(t.Context()), proc.Cmd{Name: "podman", Args: []string{"rmi", "--all", "--force"}}); err != nil {
			t.Error(err)
		}
	})
	return p
}

// image makes an image with the stand-in tools, and returns its name.
func (p *realPodman) image(t *testing.T, tag string, inside composetest.Settings) string {
	t.Helper()
	name, root, archive := "localhost/respin-standin:"+tag, filepath.Join(p.dir, "image-"+tag), filepath.Join(p.dir, tag+".tar")
	if err := composetest.FillRoot(root, p.built, p.busybox, []string{"lorax", "livemedia-creator", "anaconda"}, inside); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"tar", "-C", root, "-cf", archive, "."}, {"podman", "import", archive, name}} {
		if err := p.host.Run(t.Context(), proc.Cmd{Name: args[0], Args: args[1:]}); err != nil {
			t.Fatal(err)
		}
	}
	return name
}

func (p *realPodman) ps(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if err := p.host.Run(context.WithoutCancel(t.Context()), proc.Cmd{Name: "podman", Args: []string{"ps", "--all", "--external", "--format={{.Names}} {{.Status}}"}, Stdout: &out}); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String())
}

func (p *realPodman) roots(image string, l runner.Limits) *runner.Podman {
	return &runner.Podman{Host: p.host, Node: "real", Images: map[string]string{"default": image}, Limits: l}
}

// podmanPlans are a boot.iso and a live image with an update in them.
func podmanPlans(t *testing.T, network compose.Network, backends []compose.Backend) []*compose.Plan {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for _, name := range []string{"anaconda", "anaconda-core", "bash", "kernel", "dracut-live"} {
		names = append(names, name+"-5.3-1.fc44.x86_64")
	}
	repoOf(t, filepath.Join(dir, "repo"), names...)
	srv := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(dir, "repo"))))
	t.Cleanup(srv.Close)
	f, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hub, hubErr := koji.New(f.HubURL, koji.Options{TopURL: f.TopURL})
	updates, bodhiErr := bodhi.New(f.BodhiURL, bodhi.Options{})
	if err := errors.Join(hubErr, bodhiErr); err != nil {
		t.Fatal(err)
	}
	r, err := compose.NewResolver(hub, updates, network, compose.ResolverOptions{Backends: backends})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(r.Close(), f.Close()) })
	ks := "lang en_US.UTF-8\nkeyboard us\ntimezone Etc/UTC --utc\nrootpw --lock\nnetwork --bootproto=dhcp --device=link --activate\n" +
		"zerombr\nclearpart --all\npart / --size=8192 --fstype=ext4\nshutdown\nurl --url=" + srv.URL + "/\n%packages\nkernel\ndracut-live\nanaconda\n%end\n"
	var plans []*compose.Plan
	for _, req := range []compose.Request{
		{Kind: compose.KindBootISO, Repos: []compose.Repo{{ID: "fedora", BaseURL: srv.URL + "/"}}},
		{Kind: compose.KindLive, Kickstart: &compose.Kickstart{Text: ks}},
	} {
		req.Release, req.Arch, req.Sources, req.Packages, req.Require = "44", "x86_64", []string{f.Update}, []string{"greeter"}, []string{"greeter>=2.3"}
		plan, err := r.Resolve(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		plans = append(plans, plan)
	}
	return plans
}

// All share a store: podman's stores share their locks.
func TestRealPodman(t *testing.T) {
	p := newRealPodman(t)
	for name, test := range map[string]func(*testing.T, *realPodman){
		"composes are those of the host":                     composesAsOnTheHost,
		"containers end with their command":                  containersEndWithTheirCommand,
		"containers of a killed client go at the next start": containersOfAKilledClient,
		"nothing is left of a client killed at any moment":   clientKilledAtAnyMoment,
		"a container has only the memory that it is allowed": memoryOfAContainer,
	} {
		t.Run(name, func(t *testing.T) { test(t, p) })
	}
}

func composesAsOnTheHost(t *testing.T, p *realPodman) {
	t.Helper()
	if compose.HostArch() != "x86_64" {
		t.Skip("the small Fedora is of x86_64")
	}
	inside := composetest.Settings{Version: "46.0", AnyUser: true, Runtime: []string{"anaconda", "bash"}}
	onHost := t.TempDir()
	if err := composetest.Link(onHost, p.built, inside); err != nil {
		t.Fatal(err)
	}
	network := compose.Network{CacheDir: t.TempDir(), AllowLoopback: true, MinFree: 1 << 20}
	backends := []compose.Backend{&lorax.Backend{}, &livemedia.Backend{Lock: filepath.Join(t.TempDir(), "lock")}}
	plans := podmanPlans(t, network, backends)
	type outcome struct {
		Artifacts []string
		Packages  []compose.PackageEntry
	}
	made := map[string][]outcome{}
	for name, o := range map[string]compose.BuilderOptions{
		"host":   {Runner: &runner.Host{Proc: &proc.Runner{Env: []string{"PATH=" + onHost}}}},
		"podman": {Runner: p.host, Roots: p.roots(p.image(t, "whole", inside), runner.Limits{})},
	} {
		o.Backends = backends
		b, err := compose.NewBuilder(network, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, plan := range plans {
			var log bytes.Buffer
			result, err := b.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: t.TempDir(), RepoURL: "https://example.org/repos/c1/", Log: &log})
			if err != nil {
				t.Fatalf("%s in %s: %v\n%s", plan.Request.Kind, name, err, log.String())
			}
			one := outcome{Packages: result.Packages}
			for _, a := range result.Artifacts {
				if a.Type != compose.ArtifactReport { // has times
					one.Artifacts = append(one.Artifacts, a.Path+" "+a.SHA256)
				}
			}
			slices.Sort(one.Artifacts)
			made[name] = append(made[name], one)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(made["host"], made["podman"]); diff != "" || len(made["host"]) != 2 {
		t.Error(diff)
	}
}

func containersEndWithTheirCommand(t *testing.T, p *realPodman) {
	t.Helper()
	image := p.image(t, "hangs", composetest.Settings{Version: "46.0", Fail: "hang"})
	root, err := p.roots(image, runner.Limits{}).Begin(t.Context(), compose.RootJob{ID: "c1", Arch: "x86_64", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var missing *proc.NotFoundError
	if err := root.Run(t.Context(), proc.Cmd{Name: "nosuch", Package: "nosuch"}); !errors.As(err, &missing) || missing.Where != "image "+image {
		t.Errorf("a tool that is not there: %v", err)
	}
	var failed *proc.Error
	if err := root.Run(t.Context(), proc.Cmd{Name: "sh", Args: []string{"-c", "exit 127"}}); !errors.As(err, &failed) || failed.ExitCode != 127 || errors.As(err, &missing) && missing.Tool == "sh" {
		t.Errorf("a tool that ends with podman's own exit code: %v", err)
	}
	// lorax ignores TERM, and its monitor outlives the client.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := root.Run(ctx, proc.Cmd{Name: "lorax"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("canceled: %v", err)
	}
	if left := p.ps(t); left != "" {
		t.Errorf("containers are left: %s", left)
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
}

func containersOfAKilledClient(t *testing.T, p *realPodman) {
	t.Helper()
	image := p.image(t, "killed", composetest.Settings{})
	for name, label := range map[string]string{"respin-real.c1-1": "respin-real.", "respin-real-2.c1-1": "respin-real-2."} {
		client := exec.CommandContext(t.Context(), "podman", "run", "--rm", "--privileged", "--network=host", "--log-driver=none", "--name="+name,
			"--label=io.github.fedora-respin.node="+label, "--entrypoint=sleep", image, "3600")
		client.Env = p.env
		if err := client.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); !strings.Contains(p.ps(t), name+" Up"); {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not run: %s", name, p.ps(t))
			}
			time.Sleep(50 * time.Millisecond)
		}
		if err := client.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = client.Wait()
	}
	if running := p.ps(t); strings.Count(running, " Up") != 2 {
		t.Fatalf("the containers have gone with their clients, and the test shows nothing: %s", running)
	}
	removed, err := p.roots(image, runner.Limits{}).Clean(t.Context())
	if diff := cmp.Diff([]string{"container respin-real.c1-1"}, removed); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if left := p.ps(t); !strings.HasPrefix(left, "respin-real-2.c1-1 Up") || strings.Contains(left, "respin-real.c1") {
		t.Errorf("what is left is %q", left)
	}
	other := &runner.Podman{Host: p.host, Node: "real-2"}
	if removed, err := other.Clean(t.Context()); err != nil || len(removed) != 1 {
		t.Errorf("the other node's: %q, %v", removed, err)
	}
}

// A kill hits podman while it makes storage, while its monitor starts the
// container, while that runs.
func clientKilledAtAnyMoment(t *testing.T, p *realPodman) {
	t.Helper()
	image := p.image(t, "moment", composetest.Settings{})
	node := fmt.Sprintf("moment-%d", os.Getpid())
	roots := &runner.Podman{Host: p.host, Node: node}
	const sleep = "36007"
	run := func(kill time.Duration, args ...string) time.Duration {
		client := exec.CommandContext(t.Context(), "podman", append([]string{
			"run", "--rm", "--privileged", "--network=host", "--log-driver=none", "--name=respin-" + node + ".c1-1",
			"--label=io.github.fedora-respin.node=respin-" + node + ".", "--entrypoint=" + args[0], image,
		}, args[1:]...)...)
		client.Env = p.env
		begun := time.Now()
		if err := client.Start(); err != nil {
			t.Fatal(err)
		}
		if kill > 0 {
			time.Sleep(kill)
			_ = client.Process.Kill()
		}
		_ = client.Wait()
		return time.Since(begun)
	}
	whole := run(0, "ls", "/usr")
	t.Logf("a whole run takes %s", whole)
	outcomes := map[string]int{}
	for i := range 24 {
		run(whole*time.Duration(i+1)/12, "sleep", sleep)
		removed, err := roots.Clean(t.Context())
		outcomes[strings.Join(removed, " ")]++
		if err != nil {
			t.Fatalf("after %d/24 of two runs: removed %q, %v", i+1, removed, err)
		}
		if left := p.ps(t); left != "" {
			t.Fatalf("after %d/24 of two runs: containers are left: %s", i+1, left)
		}
		awaitNone(t, "sleep "+sleep)
		awaitNone(t, "respin-"+node+".c1-1")
	}
	t.Logf("removed: %v", outcomes)
}

// awaitNone waits until no process has this in its command line.
func awaitNone(t *testing.T, command string) {
	t.Helper()
	var running []string
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		running = nil
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			data, _ := os.ReadFile(file)
			if line := strings.TrimSuffix(strings.ReplaceAll(string(data), "\x00", " "), " "); strings.Contains(line, command) {
				running = append(running, filepath.Base(filepath.Dir(file))+" "+line)
			}
		}
		if len(running) == 0 {
			return
		}
	}
	t.Fatalf("still running: %q", running)
}

func memoryOfAContainer(t *testing.T, p *realPodman) {
	t.Helper()
	image := p.image(t, "greedy", composetest.Settings{Version: "46.0", AnyUser: true, Fail: "memory"})
	root, err := p.roots(image, runner.Limits{Memory: 128 << 20}).Begin(t.Context(), compose.RootJob{ID: "c1", Arch: "x86_64", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	err = root.Run(t.Context(), proc.Cmd{Name: "lorax", Args: []string{
		"--product=Fedora", "--version=44", "--release=44", "--source=http://127.0.0.1:1/", "--nomacboot", "--tmp=/tmp", "--logfile=/tmp/lorax.log", "/tmp/result",
	}})
	if closeErr := root.Close(); closeErr != nil {
		t.Error(closeErr)
	}
	var limit *compose.LimitError
	if !errors.As(err, &limit) || limit.Resource != compose.ResourceMemory {
		t.Fatalf("got %v", err)
	}
	t.Log(err)
}
