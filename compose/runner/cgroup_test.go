package runner

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// controlled is a host whose kernel bounds memory and processors. Where this one
// does not, internal/interop runs these tests in a virtual machine that does.
func controlled(t *testing.T, l Limits) *Host {
	t.Helper()
	dir := FindCgroup("test-" + strconv.Itoa(os.Getpid()) + t.Name())
	if dir == "" {
		t.Skip("no cgroup v2 that may be written here")
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	data, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil || !strings.Contains(string(data), "memory") || !strings.Contains(string(data), "cpu") {
		t.Skipf("this cgroup v2 has not the controllers memory and cpu, only %q", strings.TrimSpace(string(data)))
	}
	return &Host{Cgroup: dir, Limits: l}
}

// hungry takes memory in a child of the tool: 64 MiB and more of a line without
// an end, which tail(1) has to hold.
const hungry = "tail -n 1 /dev/zero >/dev/null; echo the tool goes on"

func TestKernelEndsAToolAtItsMemory(t *testing.T) {
	t.Parallel()
	h := controlled(t, Limits{Memory: 64 << 20, Time: time.Minute})
	root, err := h.Begin(t.Context(), compose.RootJob{ID: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := root.(*share); !ok || s.sampled {
		t.Error("the kernel bounds the memory, and it is looked at besides")
	}
	var out strings.Builder
	err = root.Run(t.Context(), proc.Cmd{Name: "sh", Args: []string{"-c", hungry}, Stdout: &out})
	var limit *compose.LimitError
	if !errors.As(err, &limit) || limit.Resource != compose.ResourceMemory || limit.Bytes != 64<<20 {
		t.Errorf("got %v", err)
	}
	if out.String() != "" {
		t.Errorf("a tool that lost its child %s", out.String())
	}
	// What a command of the compose did is not held against the next one.
	if err := root.Run(t.Context(), proc.Cmd{Name: "sh", Args: []string{"-c", "exit 3"}}); errors.As(err, &limit) || err == nil {
		t.Errorf("got %v", err)
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
}

func TestKernelBoundsProcessors(t *testing.T) {
	t.Parallel()
	h := controlled(t, Limits{CPUs: 0.2, Time: 2 * time.Second})
	root, err := h.Begin(t.Context(), compose.RootJob{ID: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	s, ok := root.(*share)
	if !ok {
		t.Fatalf("%T", root)
	}
	if err := root.Run(t.Context(), proc.Cmd{Name: "sh", Args: []string{"-c", "while :; do :; done"}}); err == nil {
		t.Error("ended by itself")
	}
	data, err := os.ReadFile(filepath.Join(s.dir, "cpu.stat"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(line, "usage_usec "); ok {
			used, err := strconv.Atoi(strings.TrimSpace(text))
			t.Logf("took %d ms of a processor in two seconds", used/1000)
			if err != nil || used > 900_000 || used == 0 {
				t.Errorf("took %d microseconds where 400000 are allowed: %v", used, err)
			}
		}
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
}

// doctor and the daemon share a node's cgroup where both are in the same one.
func TestCgroupThatAnotherProcessRemovedIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := FindCgroup("test-" + strconv.Itoa(os.Getpid()) + t.Name())
	if dir == "" {
		t.Skip("no cgroup v2 that may be written here")
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := (&Host{Cgroup: dir}).Run(t.Context(), proc.Cmd{Name: "true"}); err != nil {
		t.Fatal(err)
	}
}
