package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// buildroot is one chroot of mock, as mockbuild/buildroot.py has it.
type buildroot struct {
	dir     string // basedir/ROOT-EXT
	binds   [][2]string
	mounted []string
	file    *os.File // of the lock
}

func (b *buildroot) root() string { return filepath.Join(b.dir, "root") }

// mockRoots are the chroot and its bootstrap chroot. Each name is that of the
// configuration's root with the unique extension.
func (s *session) mockRoots(c *mockCall) (main, boot *buildroot) {
	at := func(name string) *buildroot {
		if c.ext != "" {
			name += "-" + c.ext
		}
		return &buildroot{dir: filepath.Join(s.Roots.Dir, "mock", name)}
	}
	return at(c.root), at(c.root + "-bootstrap")
}

func (b *buildroot) lock(how int) error {
	if b.file == nil {
		f, err := os.OpenFile(filepath.Join(b.dir, "buildroot.lock"), os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		b.file = f
	}
	return syscall.Flock(int(b.file.Fd()), how|syscall.LOCK_NB)
}

// remove is delete: kill what is rooted there, unmount what this call knows of,
// and remove all, through what is mounted there besides.
func (b *buildroot) remove() int {
	if !exists(b.dir) {
		return 0
	}
	if b.lock(syscall.LOCK_EX) != nil {
		return mockError(mockLocked, "Build root is locked by another process.")
	}
	b.orphansKill()
	b.mounted = nil
	for _, bind := range b.binds {
		b.mounted = append(b.mounted, filepath.Join(b.root(), bind[1]))
	}
	b.umount()
	err := errors.Join(b.file.Close(), os.RemoveAll(b.dir))
	b.file = nil
	if err != nil {
		return mockError(mockFailed, "%v", err)
	}
	return 0
}

// mount is mountall_user. mock leaves the propagation of the host's mounts as it
// is, and systemd makes them shared: what mock mounts is seen on the host, and
// stays there when mock is killed.
func (b *buildroot) mount() int {
	for _, bind := range b.binds {
		from, to := bind[0], filepath.Join(b.root(), bind[1])
		st, err := os.Stat(from)
		if err == nil && st.IsDir() {
			err = os.MkdirAll(to, 0o755)
		} else if !exists(to) {
			err = errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, nil, 0o644))
		}
		if err == nil {
			err = syscall.Mount(from, to, "", syscall.MS_BIND, "")
		}
		if err != nil {
			// The exit code is that of mount(8).
			return mockError(32, "Command failed: \n # /bin/mount -n -o bind %s %s\nmount: %v", from, to, err)
		}
		b.mounted = append(b.mounted, to)
	}
	return 0
}

func (b *buildroot) umount() {
	for _, at := range slices.Backward(b.mounted) {
		_ = syscall.Unmount(at, 0)
	}
	b.mounted = nil
}

// orphansKill is that of mockbuild/util.py: what has its root there, TERM first.
func (b *buildroot) orphansKill() {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		deadline := time.Now().Add(settleTime)
		for sent := true; sent && time.Now().Before(deadline); {
			sent = false
			entries, _ := os.ReadDir("/proc")
			for _, e := range entries {
				pid, err := strconv.Atoi(e.Name())
				if err != nil {
					continue
				}
				if root, err := os.Readlink("/proc/" + e.Name() + "/root"); err == nil && root == b.root() {
					sent = syscall.Kill(pid, sig) == nil && sig == syscall.SIGKILL || sent
				}
			}
			if sent {
				time.Sleep(5 * time.Millisecond)
			}
		}
	}
}

// chroot is do_with_status of mockbuild/util.py: a session of its own, no input,
// both streams on standard output, a lone argument for the shell, and no network
// unless it was enabled.
func (b *buildroot) chroot(c *mockCall) int {
	argv := c.args
	if len(argv) == 1 {
		argv = []string{"/bin/sh", "-c", argv[0]}
	}
	_, _ = fmt.Fprintf(os.Stderr, "INFO: Running in chroot: %q\n", argv)
	cmd := exec.CommandContext(context.Background(), argv[0], argv[1:]...)
	cmd.Path, cmd.Err = argv[0], nil
	cmd.Env = []string{"TERM=vt100", "SHELL=/bin/bash", "HOME=/builddir", "HOSTNAME=mock", "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8"}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	cmd.Dir = "/"
	if c.cwd != "" {
		cmd.Dir = c.cwd
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Chroot: b.root()}
	if !c.network {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	}
	err := cmd.Run()
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return 0
	case !ok:
		// What Popen raises is caught by nobody.
		return mockError(mockFailed, "Exception(%s) Config(%s): %v", argv[0], c.root, err)
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 256 - int(ws.Signal()) // sys.exit(-9)
	}
	return exit.ExitCode()
}

// pythonPairs reads a list of pairs of texts as ast.literal_eval does.
func pythonPairs(text string) ([][2]string, error) {
	p := &literal{rest: text}
	var pairs [][2]string
	p.want("[")
	for p.err == nil && !p.has("]") {
		p.want("(")
		from := p.text()
		p.want(",")
		to := p.text()
		p.want(")")
		pairs = append(pairs, [2]string{from, to})
		if !p.has(",") {
			p.want("]")
			break
		}
	}
	if p.err == nil && strings.TrimSpace(p.rest) != "" {
		p.err = errors.New("more after the list")
	}
	return pairs, p.err
}

type literal struct {
	rest string
	err  error
}

func (p *literal) has(token string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " "), token)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *literal) want(token string) {
	if p.err == nil && !p.has(token) {
		p.err = fmt.Errorf("%q where %q is wanted", p.rest, token)
	}
}

func (p *literal) text() string {
	p.rest = strings.TrimLeft(p.rest, " ")
	// In double quotes Go's escapes of valid UTF-8 are Python's.
	quoted, err := strconv.QuotedPrefix(p.rest)
	if err != nil || !strings.HasPrefix(quoted, `"`) {
		p.err = errors.Join(p.err, fmt.Errorf("no text: %q", p.rest))
		return ""
	}
	p.rest = p.rest[len(quoted):]
	value, err := strconv.Unquote(quoted)
	p.err = errors.Join(p.err, err)
	return value
}
