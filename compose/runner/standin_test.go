package runner_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/runner"
	"github.com/fedora-respin/respin/internal/proc"
)

// standIn builds the stand-in tools once for all tests of the package.
var standIn struct { //nolint:gochecknoglobals // one build for all tests
	once       sync.Once
	dir, built string
	err        error
}

func TestMain(m *testing.M) {
	if os.Getenv(builderVar) != "" {
		os.Exit(builderToKill())
	}
	code := m.Run()
	if standIn.dir != "" {
		_ = os.RemoveAll(standIn.dir)
	}
	os.Exit(code)
}

func built(t *testing.T) string {
	t.Helper()
	standIn.once.Do(func() {
		if standIn.dir, standIn.err = os.MkdirTemp("", "respin-standin-"); standIn.err == nil { //nolint:usetesting // it outlives the first test
			standIn.built, standIn.err = composetest.BuildStandIn(t.Context(), standIn.dir)
		}
	})
	if standIn.err != nil {
		t.Fatal(standIn.err)
	}
	return standIn.built
}

// needRoot is for tests whose stand-ins mount and change their root.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("the stand-ins for mock and podman mount and chroot, which takes root")
	}
	dir := t.TempDir()
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("mounting is not permitted here: %v", err)
	}
	if err := syscall.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
}

// tools installs stand-ins for mock, podman and systemd, and returns a host that
// has them and nothing else of its own.
func tools(t *testing.T, r composetest.Roots) (*runner.Host, string) {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	if err := composetest.InstallRoots(dir, built(t), r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nothingLeft(t, dir) })
	return host(dir), dir
}

func host(dir string) *runner.Host {
	return &runner.Host{Node: "n1", Proc: &proc.Runner{Env: []string{"PATH=" + dir + ":/usr/bin:/bin", "LANG=C.UTF-8"}, Grace: time.Second}}
}

// nothingLeft looks that no mount, chroot, container or process is left of roots.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), dir) {
		t.Errorf("%v: still mounted below %s:\n%s", err, dir, grep(string(mounts), dir))
	}
	if left := append(composetest.Chroots(dir), composetest.Containers(dir)...); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	for _, link := range []string{"exe", "root"} {
		found, _ := filepath.Glob("/proc/[0-9]*/" + link)
		for _, path := range found {
			if to, err := os.Readlink(path); err == nil && strings.HasPrefix(to, dir+"/") {
				command, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
				t.Errorf("%s still runs: %q", to, command)
			}
		}
	}
}

func grep(text, word string) string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}

func output(t *testing.T, r compose.Runner, c proc.Cmd) string {
	t.Helper()
	var out bytes.Buffer
	c.Stdout = &out
	if err := r.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// callsOf are a tool's arguments, call by call.
func callsOf(t *testing.T, dir, tool string) [][]string {
	t.Helper()
	all, err := composetest.Calls(dir)
	if err != nil {
		t.Fatal(err)
	}
	var some [][]string
	for _, call := range all {
		if call[0] == tool {
			some = append(some, call[1:])
		}
	}
	return some
}

// dirs are what a compose reads and writes, with a file in each.
func dirs(t *testing.T) (read, write string) {
	t.Helper()
	top := t.TempDir()
	read, write = filepath.Join(top, `side "repo" ü`), filepath.Join(top, "out")
	for _, dir := range []string{read, write} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "kept"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return read, write
}

func canceledAfter(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func mountBind(from, to string) error { return syscall.Mount(from, to, "", syscall.MS_BIND, "") } //nolint:wrapcheck // a test's

// loopDevice makes one of a file, and returns its name; "" where that is not
// permitted.
func loopDevice(t *testing.T, file string) string {
	t.Helper()
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "losetup", "--find", "--show", file).Output()
	if err != nil {
		t.Logf("no loop device is made here: %v", err)
		return ""
	}
	return filepath.Base(strings.TrimSpace(string(out)))
}
