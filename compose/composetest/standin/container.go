package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Names that the monitor and the first process of a container are called by.
const (
	conmonName = "conmon"
	initName   = "crun"
)

// containerSpec is a container with its state.
type containerSpec struct {
	Name       string
	Labels     []string
	Env        []string
	Dir        string
	Argv       []string
	Mounts     []containerMount
	OwnNetwork bool
	Rm         bool
	Memory     int64
	Running    bool
	Pid        int
	ExitCode   int
	OOMKilled  bool
}

type containerMount struct {
	From, To string
	ReadOnly bool
}

func (c *containerSpec) save(dir string) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, ".config.json")
	return errors.Join(os.WriteFile(tmp, data, 0o600), os.Rename(tmp, filepath.Join(dir, "config.json")))
}

func loadContainer(dir string) (*containerSpec, error) {
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	c := &containerSpec{}
	return c, json.Unmarshal(data, c)
}

// conmon leaves its parent, as conmon does by forking twice.
func (s *session) conmon(args []string) int {
	if len(args) == 2 {
		return s.monitor(args[0])
	}
	if len(args) != 1 {
		return fatal("conmon: one container is wanted")
	}
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.dir, conmonName), args[0], "forked")
	cmd.Env, cmd.Stdout, cmd.Stderr = os.Environ(), os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fatal("conmon: %v", err)
	}
	return 0
}

// monitor starts the container's first process and waits for it, whatever becomes
// of the client.
func (s *session) monitor(dir string) int {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	leaveCgroup()
	c, err := loadContainer(dir)
	if err != nil {
		return fatal("conmon: %v", err)
	}
	if err := s.place(filepath.Join(s.dir, initName)); err != nil {
		return fatal("conmon: %v", err)
	}
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.dir, initName), dir)
	cmd.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "container=podman", "HOME=/root", "TERM=xterm"}, c.Env...)
	cmd.Stdout, cmd.Stderr = drain{os.Stdout}, drain{os.Stderr}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC}
	if c.OwnNetwork {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNET
	}
	if err := cmd.Start(); err != nil {
		_ = os.WriteFile(exitFile(dir), []byte(strconv.Itoa(podmanFailed)), 0o600)
		return podmanError(podmanFailed, "crun: %v: OCI runtime error", err)
	}
	c.Running, c.Pid = true, cmd.Process.Pid
	if err := c.save(dir); err != nil { // removed meanwhile
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return fatal("conmon: %v", err)
	}
	done := make(chan struct{})
	killed := make(chan bool, 1)
	go func() { killed <- c.watchMemory(done) }()
	_ = cmd.Wait()
	close(done)
	c.OOMKilled = <-killed
	c.Running, c.ExitCode = false, cmd.ProcessState.ExitCode()
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		c.ExitCode = 128 + int(ws.Signal())
	}
	if err := os.WriteFile(exitFile(dir), []byte(strconv.Itoa(c.ExitCode)), 0o600); err != nil {
		return fatal("conmon: %v", err)
	}
	if c.Rm {
		_ = s.unregister(dir)
	} else {
		_ = c.save(dir) // removed meanwhile
	}
	return c.ExitCode
}

// leaveCgroup goes where the client's end is not this one's: podman has systemd
// put its containers elsewhere, too.
func leaveCgroup() {
	data, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			_ = os.WriteFile(filepath.Join(f[1], "cgroup.procs"), []byte("0"), 0o600)
		}
	}
}

// watchMemory stands in for the kernel: it kills the container's first process
// when that has more memory than is allowed.
func (c *containerSpec) watchMemory(done <-chan struct{}) bool {
	killed := false
	for {
		select {
		case <-done:
			return killed
		case <-time.After(20 * time.Millisecond):
		}
		data, _ := os.ReadFile("/proc/" + strconv.Itoa(c.Pid) + "/statm")
		f := bytes.Fields(data)
		if c.Memory == 0 || len(f) < 2 {
			continue
		}
		if pages, _ := strconv.ParseInt(string(f[1]), 10, 64); pages*int64(os.Getpagesize()) > c.Memory {
			killed = syscall.Kill(c.Pid, syscall.SIGKILL) == nil
		}
	}
}

// drain takes all, also when nobody listens any more.
type drain struct{ w io.Writer }

func (d drain) Write(p []byte) (int, error) {
	_, _ = d.w.Write(p)
	return len(p), nil
}

// containerInit is the first process of a container: it mounts, goes into the
// root, and becomes the command.
func (s *session) containerInit(args []string) int {
	if len(args) != 1 {
		return fatal("crun: one container is wanted")
	}
	c, err := loadContainer(args[0])
	if err != nil {
		return fatal("crun: %v", err)
	}
	root := filepath.Join(args[0], "rootfs")
	if err := c.enter(root); err != nil {
		return podmanError(podmanFailed, "crun: %v: OCI runtime error", err)
	}
	if err := os.Chdir(c.Dir); err != nil {
		return podmanError(podmanFailed, "workdir %q does not exist on container %s", c.Dir, c.Name)
	}
	path, err := exec.LookPath(c.Argv[0])
	if errors.Is(err, os.ErrPermission) {
		return podmanError(podmanDenied, "crun: open executable: Permission denied: OCI permission denied")
	}
	if err != nil {
		return podmanError(podmanMissing, "crun: executable file `%s` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found", c.Argv[0])
	}
	err = syscall.Exec(path, c.Argv, os.Environ())
	return podmanError(podmanDenied, "crun: %v: OCI permission denied", err)
}

func (c *containerSpec) enter(root string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	mounts := slices.Clone(c.Mounts)
	// What lies within another comes after it.
	slices.SortStableFunc(mounts, func(a, b containerMount) int { return len(a.To) - len(b.To) })
	for _, m := range mounts {
		to := filepath.Join(root, m.To)
		st, err := os.Stat(m.From)
		if err == nil && st.IsDir() {
			err = os.MkdirAll(to, 0o755)
		} else if err == nil && !exists(to) {
			err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, nil, 0o644))
		}
		if err == nil {
			err = syscall.Mount(m.From, to, "", syscall.MS_BIND, "")
		}
		if err == nil && m.ReadOnly {
			err = syscall.Mount("", to, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
		}
		if err != nil {
			return fmt.Errorf("mount %s: %w", m.To, err)
		}
	}
	if err := syscall.Mount("proc", filepath.Join(root, "proc"), "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := syscall.Chroot(root); err != nil {
		return fmt.Errorf("enter root: %w", err)
	}
	return os.Chdir("/")
}
