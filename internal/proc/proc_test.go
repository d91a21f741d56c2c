package proc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/proc"
)

func sh(script string) proc.Cmd { return proc.Cmd{Name: "sh", Args: []string{"-c", script}} }

func TestRunTeesBothStreamsAndSplitsLines(t *testing.T) {
	t.Parallel()
	var log, stdout bytes.Buffer
	var lines []string
	c := sh(`printf 'a\r50%%\rb\n'; printf 'no newline'; sleep 0.2; echo err >&2`)
	c.Log, c.Stdout = &log, &stdout
	c.OnLine = func(s proc.Stream, l string) { lines = append(lines, fmt.Sprintf("%d:%s", s, l)) }
	if err := (&proc.Runner{}).Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != "a\r50%\rb\nno newline" || !strings.Contains(log.String(), "err\n") {
		t.Fatalf("stdout %q, log %q", stdout.String(), log.String())
	}
	for _, want := range []string{"1:a", "1:50%", "1:b", "1:no newline", "2:err"} {
		if !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("no line %q in %q", want, lines)
		}
	}
}

func TestErrorKeepsLastLinesAndCode(t *testing.T) {
	t.Parallel()
	r := &proc.Runner{TailLines: 2}
	err := r.Run(t.Context(), sh("echo one; echo two; echo three; exit 7"))
	var e *proc.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	if e.ExitCode != 7 || e.Signal != 0 || cmp.Diff([]string{"two", "three"}, e.Tail) != "" {
		t.Fatalf("got %+v", e)
	}
	if want := "run sh: exit code 7: three"; err.Error() != want {
		t.Fatalf("got %q, want %q", err, want)
	}
	err = r.Run(t.Context(), sh("kill -SEGV $$"))
	if !errors.As(err, &e) || e.Signal != syscall.SIGSEGV || e.ExitCode != -1 {
		t.Fatalf("got %+v", err)
	}
}

func TestLongLineComesInBoundedPieces(t *testing.T) {
	t.Parallel()
	longest, total := 0, 0
	c := sh(`head -c 100000 /dev/zero | tr '\0' x; echo; echo end`)
	c.OnLine = func(_ proc.Stream, l string) { longest, total = max(longest, len(l)), total+len(l) }
	if err := (&proc.Runner{MaxLine: 1000}).Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if longest != 1000 || total != 100003 {
		t.Fatalf("longest %d, total %d", longest, total)
	}
}

func TestEnvironmentIsCleanAndOverridable(t *testing.T) {
	t.Setenv("RESPIN_PROC_SECRET", "x")
	var out bytes.Buffer
	c := proc.Cmd{Name: "env", Env: []string{"LANG=C", "EXTRA=1"}, Stdout: &out}
	if err := (*proc.Runner)(nil).Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	got := "\n" + out.String()
	if strings.Contains(got, "RESPIN_PROC_SECRET") || !strings.Contains(got, "\nLANG=C\n") || !strings.Contains(got, "\nEXTRA=1\n") {
		t.Fatalf("environment:%s", got)
	}
	if !strings.Contains(got, "/usr/sbin") {
		t.Fatalf("no sbin folder in PATH:%s", got)
	}
}

func TestStdinIsEmptyOrGiven(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"", "hello"} {
		var out bytes.Buffer
		c := proc.Cmd{Name: "cat", Stdout: &out}
		if want != "" {
			c.Stdin = strings.NewReader(want)
		}
		if err := (&proc.Runner{}).Run(t.Context(), c); err != nil || out.String() != want {
			t.Fatalf("got %q, %v; want %q", out.String(), err, want)
		}
	}
}

func TestMissingToolNamesPackage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"respin-no-such-tool", "/nonexistent/tool", ""} {
		err := (&proc.Runner{}).Run(t.Context(), proc.Cmd{Name: name, Package: "some-package"})
		var nf *proc.NotFoundError
		if !errors.As(err, &nf) || nf.Tool != name || !strings.Contains(err.Error(), "install some-package") {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestLogFailureIsReportedAndToolStillEnds(t *testing.T) {
	t.Parallel()
	c := sh("head -c 300000 /dev/zero")
	c.Log = fullDisk{}
	if err := (&proc.Runner{}).Run(t.Context(), c); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A shell that ignores TERM, with a grandchild that ignores it too: both are gone
// when Run returns.
func TestCancelKillsTermIgnoringGrandchild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := sh(`trap '' TERM; sh -c 'trap "" TERM; echo $$ >child.tmp; mv child.tmp child; while :; do sleep 0.1; done' & echo $$ >leader; wait; while :; do sleep 0.1; done`)
	c.Dir = dir
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(dir, "child")); err == nil {
				cancel()
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	err := (&proc.Runner{Grace: 300 * time.Millisecond}).Run(ctx, c)
	var e *proc.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.Signal != syscall.SIGKILL {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{"leader", "child"} {
		waitGone(t, readPID(t, filepath.Join(dir, name)))
	}
}

// A tool that ends while a background process keeps its output open does not
// block Run, and the background process is killed.
func TestLeftoverOfGroupIsKilledWhenToolEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := sh(`sleep 600 & echo $! >child; exit 0`)
	c.Dir = dir
	start := time.Now()
	if err := (&proc.Runner{}).Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d > 60*time.Second {
		t.Fatalf("took %v", d)
	}
	waitGone(t, readPID(t, filepath.Join(dir, "child")))
}

func TestEscapedProcessDoesNotBlockRun(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("no setsid")
	}
	if err := (&proc.Runner{}).Run(t.Context(), sh(`setsid sleep 20 & sleep 0.2`)); err != nil {
		t.Fatal(err)
	}
}

// A tool that takes TERM as a reason to end politely was cut short all the same.
func TestCancelIsAnErrorThoughToolExitsZero(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := sh(`trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done`)
	c.OnLine = func(_ proc.Stream, l string) {
		if l == "ready" {
			cancel()
		}
	}
	var e *proc.Error
	if err := (&proc.Runner{}).Run(ctx, c); !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.ExitCode != 0 {
		t.Fatalf("got %v", err)
	}
}

func TestCanceledContextStartsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := sh("touch started")
	c.Dir = t.TempDir()
	if err := (&proc.Runner{}).Run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "started")); err == nil {
		t.Fatal("the tool was started")
	}
}

func readPID(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// waitGone accepts a zombie: who reaps an orphan is the machine's business.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		if _, after, ok := strings.Cut(string(stat), ") "); ok && after[0] == 'Z' {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still alive: %s", pid, stat)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func ExampleRunner_Run() {
	var r proc.Runner
	var out bytes.Buffer
	err := r.Run(context.Background(), proc.Cmd{Name: "echo", Args: []string{"one", "two"}, Stdout: &out})
	fmt.Printf("%v %q\n", err, out.String())
	err = r.Run(context.Background(), proc.Cmd{Name: "no-such-tool", Package: "no-such-package"})
	fmt.Println(err)
	// Output:
	// <nil> "one two\n"
	// the tool no-such-tool is not installed; install no-such-package
}
