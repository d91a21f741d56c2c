package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// mock's exit codes (mockbuild/exception.py).
const (
	mockFailed     = 1
	mockUsage      = 2
	mockConfig     = 3
	mockBadCmdline = 5
	mockYum        = 30
	mockNoArgs     = 50
	mockLocked     = 60
)

// mockCall is one call of mock as command_parse of py/mock.py reads it.
type mockCall struct {
	mode      string
	root      string // -r
	ext       string // --uniqueext
	isolation string
	cwd       string
	network   bool
	rootPath  bool
	version   bool
	scrub     []string
	plugins   map[string]bool
	options   []string // --plugin-option
	args      []string
}

func mockModes() []string {
	return []string{"rebuild", "chain", "buildsrpm", "shell", "chroot", "clean", "init", "installdeps", "install", "update", "remove", "orphanskill", "copyin", "copyout", "list-chroots", "debug-config"}
}

func mockPlugins() []string {
	return []string{"tmpfs", "root_cache", "yum_cache", "mount", "bind_mount", "ccache", "selinux", "package_state", "chroot_scan", "lvm_root", "compress_logs", "sign"}
}

// parseMock keeps the rules of argparse's parse_known_args: an option that is not
// known becomes an argument, and after "--" everything is one.
func parseMock(args []string) (c *mockCall, wrong string) {
	c = &mockCall{mode: "rebuild", root: "default", plugins: map[string]bool{"bind_mount": true}}
	values := map[string]func(string){
		"-r": func(v string) { c.root = v }, "--root": func(v string) { c.root = v },
		"--uniqueext": func(v string) { c.ext = v }, "--isolation": func(v string) { c.isolation = v }, "--cwd": func(v string) { c.cwd = v },
		"--scrub":         func(v string) { c.scrub = append(c.scrub, v) },
		"--enable-plugin": func(v string) { c.plugins[v] = true }, "--disable-plugin": func(v string) { c.plugins[v] = false },
		"--plugin-option": func(v string) { c.options = append(c.options, v) },
		"--resultdir":     func(string) {}, "--rootdir": func(string) {}, "--configdir": func(string) {}, "--config-opts": func(string) {}, "--arch": func(string) {},
	}
	flags := map[string]func(){
		"--enable-network": func() { c.network = true }, "-q": func() {}, "--quiet": func() {}, "-v": func() {}, "--verbose": func() {}, "--unpriv": func() {},
		"-p": func() { c.rootPath = true }, "--print-root-path": func() { c.rootPath = true }, "--version": func() { c.version = true }, "-n": func() {}, "--no-clean": func() {},
	}
	for _, mode := range mockModes() {
		flags["--"+mode] = func() { c.mode = mode }
	}
	flags["-i"] = flags["--install"]
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			c.args = append(c.args, args[i:]...)
			break
		}
		name, value, inline := strings.Cut(args[i], "=")
		take, flag := values[name], flags[name]
		switch {
		case take == nil && flag == nil:
			c.args = append(c.args, args[i])
		case flag != nil && inline:
			return c, fmt.Sprintf("argument %s: ignored explicit argument '%s'", name, value)
		case flag != nil:
			flag()
		case !inline && (i+1 == len(args) || strings.HasPrefix(args[i+1], "-")):
			return c, fmt.Sprintf("argument %s: expected one argument", name)
		default:
			if !inline {
				i++
				value = args[i]
			}
			take(value)
		}
	}
	if len(c.args) > 0 && c.args[0] == "--" {
		c.args = c.args[1:]
	}
	if len(c.scrub) > 0 {
		c.mode = "clean"
	}
	for _, what := range c.scrub {
		if !slices.Contains([]string{"chroot", "cache", "root-cache", "c-cache", "yum-cache", "dnf-cache", "lvm", "overlayfs", "bootstrap", "all"}, what) {
			return c, fmt.Sprintf("argument --scrub: invalid choice: '%s'", what)
		}
	}
	return c, ""
}

// check is load_config and set_config_opts_per_cmdline of mockbuild/config.py.
func (s *session) checkMock(c *mockCall) (binds [][2]string, code int) {
	bad := func(code int, format string, args ...any) ([][2]string, int) {
		return nil, mockError(code, format, args...)
	}
	if !slices.Contains(s.Roots.Configs, c.root) {
		_ = mockError(0, "Could not find required config file: /etc/mock/%s.cfg", c.root)
		return bad(mockConfig, "Non-existing Mock config '%s'", c.root)
	}
	for name := range c.plugins {
		if !slices.Contains(mockPlugins(), name) {
			return bad(mockBadCmdline, "Bad option for '--enable-plugin=%s'. Expecting one of: %q", name, mockPlugins())
		}
	}
	if !slices.Contains([]string{"", "simple", "nspawn", "auto"}, c.isolation) {
		return bad(mockBadCmdline, "Bad option for '--isolation'. Unknown value: %s", c.isolation)
	}
	for _, option := range c.options {
		plugin, kv, ok := strings.Cut(option, ":")
		key, value, set := strings.Cut(kv, "=")
		if !ok || !set {
			return bad(mockBadCmdline, "Bad option for '--plugin-option' (%s).  Use --plugin-option 'plugin:key=value'", option)
		}
		if !slices.Contains(mockPlugins(), plugin) {
			return bad(mockBadCmdline, "Bad option for '--plugin-option' (%s).  No such plugin: %s", option, plugin)
		}
		if plugin != "bind_mount" || key != "dirs" || !c.plugins[plugin] {
			continue
		}
		pairs, err := pythonPairs(value)
		if err != nil {
			return bad(mockFailed, "ValueError: not enough values to unpack (expected 2, got 1)")
		}
		binds = pairs
	}
	return binds, 0
}

func mockError(code int, format string, args ...any) int {
	_, _ = fmt.Fprintf(os.Stderr, "ERROR: "+format+"\n", args...)
	return code
}

// consolehelper is /usr/bin/mock: it becomes mock itself with an environment of
// its own (usermode; etc/consolehelper/mock).
func (s *session) consolehelper(args []string) int {
	env := []string{fmt.Sprintf("USERHELPER_UID=%d", os.Getuid()), "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash", "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/root/bin"}
	for _, key := range []string{"COLUMNS", "SSH_AUTH_SOCK", "http_proxy", "ftp_proxy", "https_proxy", "no_proxy", "MOCK_TRACE_LOG"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	self := filepath.Join(s.dir, s.prog)
	return fatal("become mock: %v", syscall.Exec(self, append([]string{self}, args...), env))
}

// mock is main of py/mock.py.
func (s *session) mock(args []string) int {
	if os.Getenv("USERHELPER_UID") == "" {
		return s.consolehelper(args)
	}
	// mock changes its user, and so is not ended with its parent (prctl(2)).
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); err != nil {
		return fatal("prctl: %v", err)
	}
	c, wrong := parseMock(args)
	switch {
	case c.version:
		fmt.Println(s.Roots.Mock)
		return 0
	case wrong != "":
		_, _ = fmt.Fprintf(os.Stderr, "usage: mock [options]\nmock: error: %s\n", wrong)
		return mockUsage
	}
	binds, code := s.checkMock(c)
	if code != 0 {
		return code
	}
	main, boot := s.mockRoots(c)
	if c.rootPath {
		fmt.Println(main.root() + "/")
		return 0
	}
	_, _ = fmt.Fprintf(os.Stderr, "WARNING: a stand-in for mock %s, for tests only\n", s.Roots.Mock) // also with --quiet
	main.binds = binds
	// A signal ends what runs in the chroot, and then mock (handle_signals).
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	go func() {
		got, _ := (<-signals).(syscall.Signal)
		main.orphansKill()
		main.umount()
		os.Exit(128 + int(got))
	}()
	defer main.umount()
	return s.mockMode(c, main, boot)
}

func (s *session) mockMode(c *mockCall, main, boot *buildroot) int {
	switch c.mode {
	case "init":
		if code := main.remove(); code != 0 {
			return code
		}
		return s.initMock(main, boot)
	case "clean":
		if len(c.scrub) == 0 {
			return main.remove()
		}
		code := 0
		for _, what := range c.scrub {
			if what == "bootstrap" || what == "all" {
				code = max(code, boot.remove())
			}
			if what == "chroot" || what == "all" {
				code = max(code, main.remove())
			}
		}
		return code
	case "install":
		if len(c.args) == 0 {
			return mockError(mockNoArgs, "You must specify a package list to install.")
		}
		if code := s.initMock(main, boot); code != 0 {
			return code
		}
		return s.installMock(main, c.args)
	case "chroot":
		if len(c.args) == 0 {
			return mockError(mockNoArgs, "You must specify a command to run with --chroot")
		}
		if code := s.initMock(main, boot); code != 0 {
			return code
		}
		return main.chroot(c)
	case "orphanskill":
		main.orphansKill()
		return 0
	}
	return mockError(mockNoArgs, "the stand-in does not know the mode %s", c.mode)
}

func (s *session) initMock(main, boot *buildroot) int {
	for _, b := range []*buildroot{boot, main} {
		if code := s.initBuildroot(b); code != 0 {
			return code
		}
	}
	return main.mount()
}

// initBuildroot is initialize of mockbuild/buildroot.py: an exclusive lock while
// the root is made, a shared one from then on.
func (s *session) initBuildroot(b *buildroot) int {
	if err := os.MkdirAll(b.dir, 0o775); err != nil {
		return fatal("%v", err)
	}
	if b.lock(syscall.LOCK_EX) == nil && !exists(filepath.Join(b.root(), ".initialized")) {
		if err := errors.Join(s.fillRoot(b.root(), nil), os.WriteFile(filepath.Join(b.root(), ".initialized"), nil, 0o600)); err != nil {
			return fatal("%v", err)
		}
	}
	if b.lock(syscall.LOCK_SH) != nil {
		return mockError(mockLocked, "Build root is locked by another process.")
	}
	return 0
}

func (s *session) installMock(b *buildroot, packages []string) int {
	for _, pkg := range packages {
		tools, ok := s.Roots.Packages[pkg]
		if !ok {
			_, _ = fmt.Fprintf(os.Stderr, "No match for argument: %s\nError: Unable to find a match: %s\n", pkg, pkg)
			return mockError(mockYum, "Command failed: \n # /usr/bin/dnf-3 --installroot %s/ install %s", b.root(), pkg)
		}
		for _, name := range tools {
			if err := s.place(filepath.Join(b.root(), "usr/bin", name)); err != nil {
				return fatal("%v", err)
			}
		}
	}
	return 0
}

// settleTime is how long killed processes have to go.
const settleTime = 10 * time.Second
