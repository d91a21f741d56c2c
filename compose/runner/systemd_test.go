package runner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/runner"
	"github.com/fedora-respin/respin/internal/proc"
)

// scopes is a host whose composes have scopes of the stand-in for systemd.
func scopes(t *testing.T) (*runner.Host, string) {
	t.Helper()
	h, dir := tools(t, composetest.Roots{})
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); f[2] == "cgroup2" {
			slice := filepath.Join(f[1], composetest.Slice(dir))
			if err := os.Mkdir(slice, 0o755); errors.Is(err, os.ErrExist) {
				t.Fatal(err)
			} else if err != nil {
				t.Skipf("no cgroup v2 that may be written here: %v", err)
			}
			t.Cleanup(func() { removeCgroups(t, slice) })
			h.Systemd = &runner.Systemd{Proc: h.Proc, Root: f[1]}
			return h, dir
		}
	}
	t.Skip("no cgroup v2 here")
	return nil, ""
}

// removeCgroups does what systemd does with an empty scope.
func removeCgroups(t *testing.T, dir string) {
	t.Helper()
	below, _ := filepath.Glob(filepath.Join(dir, "*/"))
	for _, d := range below {
		if st, err := os.Stat(d); err == nil && st.IsDir() {
			removeCgroups(t, d)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")); err != nil || len(data) > 0 {
		t.Errorf("%s is not empty: %q, %v", dir, data, err)
	}
	if err := os.Remove(dir); err != nil {
		t.Error(err)
	}
}

func TestEachComposeHasAScopeOfSystemd(t *testing.T) {
	t.Parallel()
	h, dir := scopes(t)
	root, err := h.Begin(t.Context(), compose.RootJob{ID: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	first := output(t, root, proc.Cmd{Name: "cat", Args: []string{"/proc/self/cgroup"}})
	second := output(t, root, proc.Cmd{Name: "cat", Args: []string{"/proc/self/cgroup"}})
	calls := callsOf(t, dir, "systemd-run")
	if len(calls) != 1 {
		t.Fatalf("calls %q", calls)
	}
	unit := strings.TrimPrefix(calls[0][4], "--unit=")
	want := []string{
		"--quiet", "--no-ask-password", "--scope", "--collect", "--unit=" + unit, "--description=Tools of a respin compose",
		"--property=Delegate=yes", "--property=KillSignal=SIGKILL", "--", "cat", "/proc/self/cgroup", "-",
	}
	if diff := cmp.Diff(want, calls[0]); diff != "" || !strings.HasPrefix(unit, "respin-n1.c1-") || !strings.HasSuffix(unit, ".scope") {
		t.Error(unit, diff)
	}
	for _, got := range []string{first, second} {
		if !strings.Contains(got, "/"+unit+"/run-") {
			t.Errorf("ran in %s", got)
		}
	}
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCancelKillsWhatLeftTheSessionInAScope(t *testing.T) {
	t.Parallel()
	h, _ := scopes(t)
	h.Proc.Grace = 200 * time.Millisecond
	dir := t.TempDir()
	// Without a mark: the environment is emptied.
	escape := `setsid env -i PATH=/usr/bin:/bin sh -c 'trap "" TERM; echo $$ >child.tmp; mv child.tmp child; while :; do sleep 0.1; done' & wait`
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(dir, "child")); err == nil {
				cancel()
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	defer cancel()
	if err := h.Run(ctx, proc.Cmd{Name: "sh", Args: []string{"-c", escape}, Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(data))); err != nil || composetest.Alive(pid) {
		t.Errorf("process %d is left, %v", pid, err)
	}
}

func TestScopesOfAKilledNodeAreStopped(t *testing.T) {
	t.Parallel()
	h, dir := scopes(t)
	other := *h
	other.Node = "n1-2"
	var roots []compose.Root
	for _, host := range []*runner.Host{h, &other} {
		root, err := host.Begin(t.Context(), compose.RootJob{ID: "c1"})
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, root)
	}
	removed, err := h.Systemd.Clean(t.Context(), h.Node)
	if err != nil || len(removed) != 1 || !strings.HasPrefix(removed[0], "scope respin-n1.c1-") {
		t.Fatalf("removed %q, %v", removed, err)
	}
	stops := callsOf(t, dir, "systemctl")
	if len(stops) != 2 || stops[1][0] != "stop" || len(stops[1]) != 3 {
		t.Errorf("calls %q", stops)
	}
	// Its holder is gone, and the other's is not.
	if err := roots[0].Close(); err == nil {
		t.Error("the stopped scope had still its holder")
	}
	if err := roots[1].Close(); err != nil {
		t.Error(err)
	}
}

func TestSystemdThatMakesNoScopeIsSaid(t *testing.T) {
	t.Parallel()
	h, dir := scopes(t)
	if err := os.Remove(filepath.Join(dir, "systemd-run")); err != nil {
		t.Fatal(err)
	}
	h.Proc.Env[0] = "PATH=" + dir
	var missing *proc.NotFoundError
	if _, err := h.Begin(t.Context(), compose.RootJob{ID: "c1"}); !errors.As(err, &missing) || !strings.Contains(err.Error(), "make scope respin-n1.c1-") {
		t.Fatalf("got %v", err)
	}
}

func TestThisHostsSystemdIsUsedOnlyWhenItIsTheFirstProcess(t *testing.T) {
	t.Parallel()
	comm, err := os.ReadFile("/proc/1/comm")
	if err != nil {
		t.Skip(err)
	}
	found := runner.FindSystemd(t.Context(), "test")
	if strings.TrimSpace(string(comm)) != "systemd" && found != nil {
		t.Fatalf("found, but the first process is %s", comm)
	}
	t.Logf("first process %s, used: %t", strings.TrimSpace(string(comm)), found != nil)
}
