package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/compose/composetest"
)

// applets are what every root has of coreutils, as far as it is called there.
func applets() []string { return []string{"env", "ls", "sleep"} }

// fillRoot makes a root that has the tools and nothing of the host.
func (s *session) fillRoot(root string, tools []string) error {
	for _, dir := range []string{"usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "etc", "proc", "dev", "tmp", "var/tmp", "root", "builddir"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return fmt.Errorf("make root: %w", err)
		}
	}
	if err := unix.Mknod(filepath.Join(root, "dev/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make /dev/null: %w", err)
	}
	for _, name := range append(applets(), tools...) {
		if err := s.place(filepath.Join(root, "usr/bin", name)); err != nil {
			return err
		}
	}
	inside := composetest.Settings{Version: "46.0"}
	if s.Roots.Inside != nil {
		inside = *s.Roots.Inside
	}
	inside.Roots = nil
	return composetest.WriteSettings(filepath.Join(root, "usr/bin"), inside)
}

// place puts this program where a tool of a root is.
func (s *session) place(path string) error {
	self := filepath.Join(s.dir, s.prog)
	err := os.Link(self, path)
	if err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	in, err := os.Open(self) // on another file system
	if err != nil {
		return fmt.Errorf("place tool: %w", err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return fmt.Errorf("place tool: %w", err)
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// envApplet is env(1): assignments, then a command that is looked for in PATH.
func envApplet(args []string) int {
	env := os.Environ()
	for len(args) > 0 && strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	if len(args) == 0 {
		fmt.Println(strings.Join(env, "\n"))
		return 0
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "env: ‘%s’: No such file or directory\n", args[0])
		return 127
	}
	err = syscall.Exec(path, args, env)
	_, _ = fmt.Fprintf(os.Stderr, "env: ‘%s’: %v\n", args[0], err)
	return 126
}

// lsApplet is ls(1) with names and no look into directories.
func lsApplet(args []string) int {
	code := 0
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			continue
		}
		if _, err := os.Stat(arg); err != nil {
			_, _ = fmt.Fprintf(os.Stderr, "ls: cannot access '%s': No such file or directory\n", arg)
			code = 2
			continue
		}
		fmt.Println(arg)
	}
	return code
}
