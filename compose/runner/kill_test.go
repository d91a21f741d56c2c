package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/lorax"
	"github.com/fedora-respin/respin/compose/runner"
)

// builderVar makes the test's program a builder that is killed.
const builderVar = "RESPIN_TEST_BUILDER"

// killedJob is what that builder is told.
type killedJob struct {
	Node   string
	Runner string // host, mock or podman
	Tools  string // folder of the stand-ins
	Cache  string
	Work   string
	Cgroup string
	Plan   *compose.Plan
}

func (j *killedJob) host() *runner.Host {
	h := host(j.Tools)
	h.Node, h.Cgroup = j.Node, j.Cgroup
	return h
}

func (j *killedJob) mock() *runner.Mock {
	return &runner.Mock{Host: j.host(), Node: j.Node, Dir: filepath.Join(j.Tools, "roots", "mock")}
}

func (j *killedJob) podman() *runner.Podman {
	return &runner.Podman{Host: j.host(), Node: j.Node, Images: map[string]string{"default": image}}
}

// builderToKill builds until somebody kills it.
func builderToKill() int {
	var j killedJob
	if err := json.Unmarshal([]byte(os.Getenv(builderVar)), &j); err != nil {
		fmt.Println(err)
		return 1
	}
	o := compose.BuilderOptions{Backends: []compose.Backend{&lorax.Backend{}}, Runner: j.host()}
	switch j.Runner {
	case "mock":
		o.Roots = j.mock()
	case "podman":
		o.Roots = j.podman()
	}
	b, err := compose.NewBuilder(compose.Network{CacheDir: j.Cache, AllowLoopback: true, MinFree: 1 << 20}, o)
	if err == nil {
		_, err = b.Build(context.Background(), j.Plan, compose.Work{ID: "c1", Dir: filepath.Join(j.Work, "job-c1.1"), Log: os.Stdout})
	}
	fmt.Println("nobody has killed the builder:", err)
	return 1
}

// ours are the processes that a stand-in of dir, or something in its roots, is.
func ours(dir string) []int {
	var pids []int
	found, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, path := range found {
		if to, err := os.Readlink(path); err == nil && strings.HasPrefix(to, dir+"/") {
			var pid int
			if _, err := fmt.Sscanf(path, "/proc/%d/exe", &pid); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func TestKilledBuilderLeavesNothingAfterTheNextStart(t *testing.T) {
	t.Parallel()
	needRoot(t)
	cache := t.TempDir()
	plan := plans(t, compose.Network{CacheDir: cache, AllowLoopback: true, MinFree: 1 << 20})[compose.KindBootISO]
	for _, kind := range []string{"host", "mock", "podman"} {
		for _, held := range []string{"cgroup", "mark"} {
			t.Run(kind+" "+held, func(t *testing.T) {
				t.Parallel()
				killAndClean(t, kind, held, cache, plan)
			})
		}
	}
}

func killAndClean(t *testing.T, kind, held, cache string, plan *compose.Plan) {
	t.Helper()
	inside := &composetest.Settings{Version: "46.0", Fail: "hang", AnyUser: true}
	_, dir := tools(t, composetest.Roots{Images: map[string][]string{image: {"lorax"}}, Inside: inside})
	if kind == "host" {
		dir = t.TempDir()
		if err := composetest.Link(dir, built(t), *inside); err != nil {
			t.Fatal(err)
		}
	}
	j := killedJob{Node: fmt.Sprintf("test-%d-%s", os.Getpid(), strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())), Runner: kind, Tools: dir, Cache: cache, Work: t.TempDir(), Plan: plan}
	if held == "cgroup" {
		j.Cgroup = runner.FindCgroup(j.Node)
		if j.Cgroup == "" {
			t.Skip("no cgroup v2 that may be written here")
		}
		t.Cleanup(func() { _ = os.Remove(j.Cgroup) })
	}
	data, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), builderVar+"="+string(data))
	cmd.Stdout = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	awaitHang(t, dir, ended, &log)
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-ended
	time.Sleep(200 * time.Millisecond) // what the kernel ends with its parent has gone
	if left := ours(dir); len(left) == 0 {
		t.Fatal("nothing was left to remove: the test shows nothing")
	}
	loop := loopDevice(t, filepath.Join(j.Work, "job-c1.1", "image"))
	kept := filepath.Join(cache, "backend", "lorax", "kept")
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	removed, err := j.clean(t.Context())
	t.Logf("removed %q", removed)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); len(ours(dir)) > 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond) // init has to reap them
	}
	if left := ours(dir); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	nothingLeft(t, dir)
	if loop != "" && !slices.Contains(removed, "loop device "+loop) {
		t.Errorf("loop device %s is left", loop)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the cache was removed through a mount: %v", err)
	}
	// The kernel frees a loop device when the last who looks at it has closed it,
	// which may be a losetup of somebody else.
	again, err := j.clean(t.Context())
	for deadline := time.Now().Add(5 * time.Second); err == nil && len(again) > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
		again, err = j.clean(t.Context())
	}
	if err != nil || len(again) > 0 {
		t.Errorf("the second time: %q, %v", again, err)
	}
}

// clean is what a node does at its start.
func (j *killedJob) clean(ctx context.Context) ([]string, error) {
	owned := runner.Owned{Node: j.Node, Work: j.Work, Cgroup: j.Cgroup}
	switch j.Runner {
	case "mock":
		owned.Roots = j.mock()
	case "podman":
		owned.Roots = j.podman()
	}
	return runner.Clean(ctx, owned) //nolint:wrapcheck // a test's
}

// awaitHang waits until lorax hangs, wherever it is.
func awaitHang(t *testing.T, dir string, ended <-chan error, log *strings.Builder) {
	t.Helper()
	patterns := []string{"pids", "roots/mock/*/root/usr/bin/pids", "roots/podman/containers/*/rootfs/usr/bin/pids"}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, p := range patterns {
			if found, _ := filepath.Glob(filepath.Join(dir, p)); len(found) > 0 {
				return
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("the builder has ended: %v\n%s", err, log.String())
		default:
		}
	}
	t.Fatal("lorax does not hang")
}

// A kill hits at any moment: while mock makes its chroot or installs into it,
// while podman pulls, between two commands.
func TestBuilderKilledAtAnyMomentLeavesNothingAfterTheNextStart(t *testing.T) {
	t.Parallel()
	needRoot(t)
	cache := t.TempDir()
	plan := plans(t, compose.Network{CacheDir: cache, AllowLoopback: true, MinFree: 1 << 20})[compose.KindBootISO]
	for _, kind := range []string{"mock", "podman"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			inside := &composetest.Settings{Version: "46.0", AnyUser: true, Runtime: []string{"anaconda", "bash"}}
			_, dir := tools(t, composetest.Roots{Registry: map[string][]string{image: {"lorax"}}, Inside: inside})
			j := killedJob{Node: fmt.Sprintf("any-%s-%d", kind, os.Getpid()), Runner: kind, Tools: dir, Cache: cache, Work: t.TempDir(), Plan: plan}
			whole := j.run(t, 0)
			t.Logf("a whole build takes %s", whole)
			for i := range 10 {
				j.run(t, whole*time.Duration(i+1)/12)
				removed, err := j.clean(t.Context())
				if err != nil {
					t.Fatalf("removed %q, %v", removed, err)
				}
				for deadline := time.Now().Add(5 * time.Second); len(ours(dir)) > 0 && time.Now().Before(deadline); {
					time.Sleep(10 * time.Millisecond)
				}
				nothingLeft(t, dir)
			}
		})
	}
}

// run builds, and kills the builder after a while unless that is 0.
func (j *killedJob) run(t *testing.T, kill time.Duration) time.Duration {
	t.Helper()
	data, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), builderVar+"="+string(data))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if kill > 0 {
		time.Sleep(kill)
		_ = cmd.Process.Kill()
	}
	_ = cmd.Wait()
	return time.Since(begun)
}
