package runner

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// hosts are the ways to hold a command's processes that this host has.
func hosts(t *testing.T) map[string]*Host {
	t.Helper()
	all := map[string]*Host{"mark": {}}
	if dir := FindCgroup("test-" + strconv.Itoa(os.Getpid()) + t.Name()); dir != "" {
		t.Cleanup(func() { _ = os.Remove(dir) })
		all["cgroup"] = &Host{Cgroup: dir}
	} else {
		t.Log("no cgroup v2 that may be written here: only marks are tested")
	}
	return all
}

func dead(t *testing.T, dir string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(data)) + "/stat")
	if _, after, ok := strings.Cut(string(stat), ") "); err == nil && ok && after[0] != 'Z' {
		t.Fatalf("the child is alive: %s", stat)
	}
}

const stubborn = `setsid sh -c 'trap "" TERM; echo $$ >child.tmp; mv child.tmp child; while :; do sleep 0.1; done' & `

func needSetsid(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("no setsid (util-linux) on this host")
	}
}

func TestCancelKillsChildThatLeftTheSessionAndIgnoresTERM(t *testing.T) {
	t.Parallel()
	needSetsid(t)
	for name, h := range hosts(t) {
		h.Proc = &proc.Runner{Grace: 300 * time.Millisecond}
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for ctx.Err() == nil {
				if _, err := os.Stat(filepath.Join(dir, "child")); err == nil {
					cancel()
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		err := h.Run(ctx, proc.Cmd{Name: "sh", Args: []string{"-c", stubborn + "wait"}, Dir: dir})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		dead(t, dir)
	}
}

func TestEndOfToolKillsChildThatLeftTheSession(t *testing.T) {
	t.Parallel()
	needSetsid(t)
	for name, h := range hosts(t) {
		dir := t.TempDir()
		err := h.Run(t.Context(), proc.Cmd{Name: "sh", Args: []string{"-c", stubborn + "while ! test -e child; do sleep 0.05; done"}, Dir: dir})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		dead(t, dir)
		if left, _ := filepath.Glob(filepath.Join(h.Cgroup, runPrefix+"*")); h.Cgroup != "" && len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

func TestTimeLimitEndsTool(t *testing.T) {
	t.Parallel()
	h := &Host{Limits: Limits{Time: 100 * time.Millisecond}}
	err := h.Run(t.Context(), proc.Cmd{Name: "sleep", Args: []string{"60"}})
	var limit *compose.LimitError
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &limit) || limit.Resource != compose.ResourceTime || limit.Time != 100*time.Millisecond {
		t.Fatalf("got %v", err)
	}
}

func TestLimitsThatCannotBeKeptAreRefused(t *testing.T) {
	t.Parallel()
	h := &Host{Limits: Limits{CPUs: 1}}
	if err := h.Run(t.Context(), proc.Cmd{Name: "true"}); err == nil {
		t.Fatal("ran without its limit")
	}
}

func TestCleanRemovesMountsBelowWorkOnly(t *testing.T) {
	t.Parallel()
	work, other := filepath.Join(t.TempDir(), "a work dir"), t.TempDir()
	inner := filepath.Join(work, "job-1", "root")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{inner, other} {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
			t.Skipf("mounting is not permitted here: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	}
	removed, err := Clean(t.Context(), Owned{Work: work})
	if err != nil || len(removed) != 1 || removed[0] != "mount "+inner {
		t.Fatalf("removed %q, %v", removed, err)
	}
	if removed, err = Clean(t.Context(), Owned{Work: work}); err != nil || len(removed) != 0 {
		t.Fatalf("again: %q, %v", removed, err)
	}
}

func TestCleanKillsWhatRunsInLeftCgroup(t *testing.T) {
	t.Parallel()
	h, ok := hosts(t)["cgroup"]
	if !ok {
		t.Skip("no cgroup v2 that may be written here")
	}
	c := proc.Cmd{Name: "sleep", Args: []string{"600"}}
	if _, err := newCommandCgroup(h.Cgroup, &c); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- (&proc.Runner{}).Run(context.WithoutCancel(t.Context()), c) }()
	time.Sleep(100 * time.Millisecond)
	removed, err := Clean(t.Context(), Owned{Work: t.TempDir(), Cgroup: h.Cgroup})
	var killed *proc.Error
	if runErr := <-done; err != nil || len(removed) != 1 || !errors.As(runErr, &killed) || killed.Signal != syscall.SIGKILL {
		t.Fatalf("removed %q, %v; tool %v", removed, err, runErr)
	}
}

type cleanerFunc func(context.Context) ([]string, error)

func (f cleanerFunc) Clean(ctx context.Context) ([]string, error) { return f(ctx) }

// A podman that outlived its node makes its container after a look at what there is.
func TestCleanEndsProcessesBeforeItLooksForContainers(t *testing.T) {
	t.Parallel()
	node := "test-" + strconv.Itoa(os.Getpid()) + "-" + t.Name()
	client := exec.CommandContext(t.Context(), "sleep", "600")
	client.Env = append(os.Environ(), markVar+"="+ownedPrefix(node)+"x")
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	for len(environOf(client.Process.Pid)) == 0 { // Start returns a moment before execve(2) is over
		time.Sleep(time.Millisecond)
	}
	ended := make(chan struct{})
	go func() { _ = client.Wait(); close(ended) }()
	looked := cleanerFunc(func(context.Context) ([]string, error) {
		select {
		case <-ended:
			return []string{"container"}, nil
		case <-time.After(5 * time.Second):
			return nil, errors.New("the client is alive, and may make another container")
		}
	})
	removed, err := Clean(t.Context(), Owned{Node: node, Work: t.TempDir(), Roots: looked})
	if err != nil || len(removed) != 2 || removed[1] != "container" {
		t.Fatalf("removed %q, %v", removed, err)
	}
}

func TestLoopDevicesAreFoundByBackingFile(t *testing.T) {
	t.Parallel()
	sys := t.TempDir()
	for dev, file := range map[string]string{"loop0": "/work/job-1/x.img\n", "loop1": "/workshop/x.img\n", "loop2": "/work/y (deleted)\n"} {
		dir := filepath.Join(sys, dev, "loop")
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "backing_file"), []byte(file), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(loopDevices(sys, "/work"), " "); got != "loop0 loop2" {
		t.Fatalf("got %q", got)
	}
}

// The kernel escapes four characters of a path (mangle of fs/proc_namespace.c):
// whatever was read, written so again, is read the same.
func FuzzParseMounts(f *testing.F) {
	f.Add("36 35 98:0 / /mnt\\040x rw,noatime master:1 - tmpfs /dev/root rw\n")
	mangle := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`)
	f.Fuzz(func(t *testing.T, text string) {
		mounts := parseMounts(text)
		if len(mounts) > strings.Count(text, "\n")+1 {
			t.Fatalf("%d mounts", len(mounts))
		}
		for _, m := range mounts {
			if len(m.point) > len(text) || m.point == "" || strings.ContainsAny(m.fsType, " \n") {
				t.Fatalf("%+v", m)
			}
			again := parseMounts("1 1 0:1 / " + mangle.Replace(m.point) + " rw - " + m.fsType + " none rw\n")
			if len(again) != 1 || again[0] != m {
				t.Fatalf("%+v is read as %+v", m, again)
			}
		}
	})
}

func TestMountPointsAreReadAsTheKernelWritesThem(t *testing.T) {
	t.Parallel()
	for line, point := range map[string]string{
		"36 35 98:0 / /a\\040b\\011c\\134 rw shared:1 master:2 - ext4 /dev/x rw\n": "/a b\tc\\",
		"36 35 98:0 / /a\u00a0b\u2003c rw - ext4 /dev/x rw\n":                      "/a\u00a0b\u2003c", // not escaped
		"36 35 98:0 / /a\\400 rw - ext4 /dev/x rw\n":                               "/a\\400",
	} {
		if got := parseMounts(line); len(got) != 1 || got[0] != (mount{point: point, fsType: "ext4"}) {
			t.Errorf("%q is read as %+v", line, got)
		}
	}
}
