package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// stopGrace is how long a child may take to end by itself.
const stopGrace = 20 * time.Second

// child is a process that runs beside the demo: the daemon, a build node.
// internal/proc runs tools to their end and hides their process; a child's
// number is needed here, because one of them is killed.
type child struct {
	name string
	pid  int
	log  string // its output
	done chan struct{}
	err  error // once done is closed
}

// startChild runs argv in a process group of its own; its output is appended to
// a log in the work directory. The kernel kills it when the demo dies.
func (d *demo) startChild(name string, argv ...string) (*child, error) {
	c := &child{name: name, log: filepath.Join(d.dir, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(c.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	// No context: what ends a child is stop, so that it ends in order.
	cmd := exec.CommandContext(context.Background(), argv[0], argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = d.env(), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	go func() {
		// The parent-death signal belongs to the thread that starts the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what is left of its group
		}
		_ = log.Close()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c.pid = cmd.Process.Pid
	d.children = append(d.children, c)
	return c, nil
}

// ended says whether the child has ended.
func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// alive says how the child ended, if it did, with its last words.
func (c *child) alive() error {
	if !c.ended() {
		return nil
	}
	how := "with exit code 0"
	if c.err != nil {
		how = c.err.Error()
	}
	return fmt.Errorf("%s ended: %s; the end of %s:\n%s", c.name, how, short(c.log), lastLines(c.log, 8))
}

// lastLines returns the end of a text file.
func lastLines(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// stop ends the child as an operator does, and with force when that takes long.
func (c *child) stop() error {
	if c.ended() {
		return nil
	}
	_ = syscall.Kill(-c.pid, syscall.SIGTERM)
	select {
	case <-c.done:
		return nil
	case <-time.After(stopGrace):
	}
	c.kill()
	return fmt.Errorf("%s did not end within %v of TERM and was killed; its log is %s", c.name, stopGrace, c.log)
}

// kill is kill -9 of the whole group.
func (c *child) kill() {
	if !c.ended() {
		_ = syscall.Kill(-c.pid, syscall.SIGKILL)
	}
	<-c.done
}
