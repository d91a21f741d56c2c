// Package proc is the one way to run an external tool: an argument list and no
// shell, an explicit environment, a process group of its own that is ended as a
// whole, output teed to a log, and the last lines kept for the error.
//
//	var r proc.Runner // the zero value works
//	err := r.Run(ctx, proc.Cmd{
//		Name:   "xorriso",
//		Args:   []string{"-version"},
//		Log:    logFile,
//		OnLine: func(s proc.Stream, line string) { report(line) },
//	})
//	var missing *proc.NotFoundError // what to install
//	var failed *proc.Error          // exit code, signal, last lines
//
// When ctx ends, the group gets TERM, and KILL once Runner.Grace is over. When
// the tool ends by itself, what is left of its group is killed. A process that
// has left the group with setsid(2) is not reached; the caller that must reach
// those uses package compose/runner. On Linux the tool is also
// killed when this process dies.
package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Defaults of the Runner's fields.
const (
	DefaultGrace     = 10 * time.Second
	DefaultTailLines = 40
	DefaultMaxLine   = 16 << 10 // bytes
)

// drainTime is how long output is still read after the tool has ended while a
// process outside its group holds the pipe open.
const drainTime = 2 * time.Second

// Stream tells standard output from standard error.
type Stream int

// The two streams that OnLine hears about.
const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// Cmd describes one run of a tool.
type Cmd struct {
	// Name is a path, or a name that is looked up in the PATH of the command's
	// environment (with the system's sbin folders, which a user's PATH lacks).
	Name string
	Args []string // without the name
	Dir  string   // working directory; default: this process's
	// Env holds KEY=VALUE entries that are added to BaseEnv, or replace its.
	// Nothing else is inherited.
	Env     []string
	Stdin   io.Reader // default: empty
	Stdout  io.Writer // gets standard output as it is, besides Log
	Log     io.Writer // gets both streams as they come; calls are serialized
	OnLine  func(Stream, string)
	Package string // what to install when Name is missing, for the error
	// PrivateMounts gives the tool a mount namespace of its own, where this
	// process may make one (Linux, root): what it mounts goes when its last
	// process ends, and is seen by nobody else.
	PrivateMounts bool
	// Cgroup is an open directory of a cgroup v2 that the tool is born in, so that
	// no child of it can be outside; nil: this process's.
	Cgroup *os.File
	// Started is told the tool's process id, before any of its output; nil: nobody.
	Started func(pid int)
}

// Runner runs tools. The zero value (or a nil pointer) works and may be used
// by many goroutines.
type Runner struct {
	Grace     time.Duration // between TERM and KILL; default DefaultGrace
	TailLines int           // lines kept for Error.Tail; default DefaultTailLines
	MaxLine   int           // bytes; a longer line is handed on in pieces; default DefaultMaxLine
	Env       []string      // replaces BaseEnv when not nil
}

// BaseEnv is the environment that every tool gets: PATH with the sbin folders,
// HOME, LANG=C.UTF-8, and TMPDIR and SOURCE_DATE_EPOCH when this process has
// them.
func BaseEnv() []string {
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/local/bin:/usr/bin:/bin"
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if !slices.Contains(filepath.SplitList(path), dir) {
			path += string(filepath.ListSeparator) + dir
		}
	}
	home := os.Getenv("HOME")
	if home == "" {
		home = "/"
	}
	env := []string{"PATH=" + path, "HOME=" + home, "LANG=C.UTF-8"}
	for _, key := range []string{"TMPDIR", "SOURCE_DATE_EPOCH"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return env
}

// Look returns the path of the tool name, or a *NotFoundError that names pkg.
func (r *Runner) Look(name, pkg string) (string, error) {
	return look(name, pkg, r.environ(nil))
}

func (r *Runner) environ(extra []string) []string {
	base := BaseEnv()
	if r != nil && r.Env != nil {
		base = slices.Clone(r.Env)
	}
	// exec uses the last of several entries with the same key.
	return append(base, extra...)
}

func look(name, pkg string, env []string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		if isExecutable(name) {
			return name, nil
		}
		return "", &NotFoundError{Tool: name, Package: pkg}
	}
	var path string
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	for _, dir := range filepath.SplitList(path) {
		if p := filepath.Join(dir, name); name != "" && filepath.IsAbs(p) && isExecutable(p) {
			return p, nil
		}
	}
	return "", &NotFoundError{Tool: name, Package: pkg}
}

func isExecutable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode().Perm()&0o111 != 0
}

// Run runs c to its end. Its errors are a *NotFoundError, a *Error (which wraps
// ctx's error when ctx ended the run), or what starting the tool or writing the
// log gave.
func (r *Runner) Run(ctx context.Context, c Cmd) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("run %s: %w", c.Name, err)
	}
	env := r.environ(c.Env)
	path, err := look(c.Name, c.Package, env)
	if err != nil {
		return err
	}
	// The context is watched in wait: exec's own watching kills one process only.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, c.Args...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.Dir, env, c.Stdin
	cmd.WaitDelay = drainTime
	cmd.SysProcAttr = sysProcAttr(&c)
	out := r.newSink(c)
	started := c.Started
	if started == nil {
		started = func(int) {}
	}
	// The kernel ties the parent-death signal to the thread that started the
	// child, so one locked thread starts it and stays until it has ended.
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- r.runLocked(ctx, cmd, out, started)
	}()
	err = <-done
	return result(c, err, out)
}

func (r *Runner) runLocked(ctx context.Context, cmd *exec.Cmd, out *sink, started func(int)) error {
	outR, outW, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", errors.Join(err, outR.Close(), outW.Close()))
	}
	cmd.Stdout, cmd.Stderr = outW, errW
	err = cmd.Start()
	_, _ = outW.Close(), errW.Close()
	if err != nil {
		_, _ = outR.Close(), errR.Close()
		return fmt.Errorf("start: %w", err)
	}
	started(cmd.Process.Pid)
	var readers sync.WaitGroup
	readers.Go(func() { out.drain(Stdout, outR) })
	readers.Go(func() { out.drain(Stderr, errR) })
	err = r.wait(ctx, cmd)
	drained := make(chan struct{})
	go func() { readers.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(drainTime):
	}
	// Closing ends a reader whose pipe a process outside the group still holds.
	_, _ = outR.Close(), errR.Close()
	<-drained
	return err
}

// wait watches ctx and the tool's end, and leaves nothing of its group alive.
func (r *Runner) wait(ctx context.Context, cmd *exec.Cmd) error {
	grace := DefaultGrace
	if r != nil && r.Grace > 0 {
		grace = r.Grace
	}
	ended := make(chan struct{})
	cut := false
	var watcher sync.WaitGroup
	watcher.Go(func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		cut = true
		killGroup(cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(grace):
			killGroup(cmd.Process.Pid, syscall.SIGKILL)
		}
	})
	// The tool is waited for without being reaped: until then its number cannot
	// belong to another group, so neither kill can hit a stranger.
	waitEnded(cmd.Process.Pid)
	close(ended)
	watcher.Wait()
	killGroup(cmd.Process.Pid, syscall.SIGKILL)
	err := cmd.Wait()
	if cut {
		return &cutShortError{err: err, cause: ctx.Err()}
	}
	return err
}

// cutShortError carries from wait to result that ctx ended the run, whatever
// exit code the tool then chose.
type cutShortError struct{ err, cause error }

func (e *cutShortError) Error() string { return e.cause.Error() }
func (e *cutShortError) Unwrap() error { return e.err }

func result(c Cmd, err error, out *sink) error {
	tail, logErr := out.finish()
	if err == nil {
		if logErr != nil {
			return fmt.Errorf("write output of %s: %w", c.Name, logErr)
		}
		return nil
	}
	e := &Error{Tool: c.Name, Args: slices.Clone(c.Args), Tail: tail}
	cut, isCut := errors.AsType[*cutShortError](err)
	if isCut {
		e.Cause = cut.cause
	}
	exit, isExit := errors.AsType[*exec.ExitError](err)
	if !isCut && !isExit {
		return fmt.Errorf("run %s: %w", c.Name, err)
	}
	if isExit {
		e.ExitCode = exit.ExitCode()
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			e.Signal = ws.Signal()
		}
	}
	return e
}
