//go:build interop

package interop_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/internal/shareddata"
)

// The kernel's limits take a cgroup v2 with controllers, which a container or a
// host with cgroup v1 does not have: the tests of compose/runner run under a
// kernel of their own.
const cgroupScript = `mount -t cgroup2 cgroup /sys/fs/cgroup
echo "+memory +cpu" >/sys/fs/cgroup/cgroup.subtree_control
/program -test.v -test.run '^(TestKernel|TestCancelKillsChild|TestEndOfTool|TestCleanKills)'
echo "ended with $?"
`

func TestKernelKeepsTheLimitsOfAComposeInAMachine(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" {
		t.Skip("the machine is an x86_64")
	}
	program := filepath.Join(t.TempDir(), "runner.test")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", program, "./compose/runner")
	cmd.Dir = shareddata.Root(t)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir, err := standInDir()
	if err != nil {
		t.Fatal(err)
	}
	serial, err := composetest.RunInMachine(t.Context(), composetest.MachineOptions{Dir: dir, Program: program, Script: cgroupScript})
	var noKernel *composetest.NoKernelError
	var missing *proc.NotFoundError
	if errors.As(err, &noKernel) || errors.As(err, &missing) {
		shareddata.Missing(t, err.Error())
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, serial)
	}
	for _, want := range []string{"--- PASS: TestKernelEndsAToolAtItsMemory", "--- PASS: TestKernelBoundsProcessors", "--- PASS: TestCleanKillsWhatRunsInLeftCgroup", "ended with 0"} {
		if !strings.Contains(serial, want) {
			t.Errorf("%q is not on the console:\n%s", want, serial)
		}
	}
}
