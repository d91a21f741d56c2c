//go:build interop

package interop_test

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fedora-respin/respin/internal/shareddata"
)

// TestDemo is the main job from end to end: what `make demo` shows.
func TestDemo(t *testing.T) {
	t.Parallel()
	for tool, pkg := range map[string]string{
		"xorriso": "xorriso", "mcopy": "mtools", "qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static",
	} {
		if _, err := exec.LookPath(tool); err != nil {
			shareddata.Missing(t, tool+" (Debian: "+pkg+")")
		}
	}
	root := shareddata.Root(t)
	dir := t.TempDir()
	respin, demo := filepath.Join(dir, "respin"), filepath.Join(dir, "demo")
	for bin, pkg := range map[string]string{respin: "./daemon/respin", demo: "./internal/demo"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, pkg)
		build.Dir = root
		build.Env = append(build.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", pkg, err, out)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, demo, "-respin", respin, "-cache", filepath.Join(root, ".cache", "demo"), "-work", filepath.Join(dir, "work"))
	cmd.Dir = root
	// TERM lets the demo end its children.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("demo: %v\n%s", err, out.String())
	}
	_, table, _ := strings.Cut(out.String(), "facts\n")
	if !strings.Contains(out.String(), "Every step held.") {
		t.Errorf("the demo ends with 0, but not every step held:\n%s", table)
	}
	t.Log("\n" + table)
}
