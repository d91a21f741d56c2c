package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// cleanTime is how long removing a root may take: it happens after a
// cancellation too, when the compose's own context is over.
const cleanTime = 5 * time.Minute

// OldestMock is the first mock with --isolation and --scrub=bootstrap (its
// release notes).
const OldestMock = "2.0"

// Exit codes of mock (mockbuild/exception.py).
const (
	mockNoConfig = 3
	mockLocked   = 60
)

var (
	releaseName = regexp.MustCompile(`^([1-9][0-9]{0,2}|rawhide|eln)$`)
	archName    = regexp.MustCompile(`^[a-z0-9_]{1,16}$`)
)

// Mock makes one mock chroot for each compose, of the release that it composes.
// It is safe for concurrent use. mock bind-mounts with one option for all, so
// that what a compose only reads can be written in the chroot too.
//
// mock's wrapper (consolehelper) hands no environment on, and mock gives up that
// the kernel ends it with its parent: what it runs is found by its root.
type Mock struct {
	Host      *Host             // runs mock; required
	Node      string            // names the chroots of this node
	Isolation string            // simple or nspawn; default simple: nspawn of some hosts makes no loop devices
	Release   string            // what tools are probed in; default "rawhide"
	Configs   map[string]string // mock's configuration by release; default those of mock-core-configs
	Dir       string            // where mock keeps its chroots (basedir); default /var/lib/mock

	client client
}

var _ compose.Roots = (*Mock)(nil)

// Version is that of the host's mock; one that is too old is a
// *compose.VersionError, none a *proc.NotFoundError.
func (m *Mock) Version(ctx context.Context) (string, error) {
	return m.client.check(ctx, m.Host, "mock", OldestMock)
}

// config names mock's configuration for a release (mock-core-configs).
func (m *Mock) config(release, arch string) string {
	name := m.Configs[release]
	switch n, err := strconv.Atoi(release); {
	case name != "":
		return name
	case err == nil && n < compose.FirstFedora:
		return "centos-stream-" + release + "-" + arch
	}
	return "fedora-" + release + "-" + arch
}

// Begin implements compose.Roots. The chroot is made by mock --init.
func (m *Mock) Begin(ctx context.Context, j compose.RootJob) (compose.Root, error) {
	if _, err := m.Version(ctx); err != nil {
		return nil, err
	}
	if j.Release == "" {
		j.Release = orDefault(m.Release, "rawhide")
	}
	if !releaseName.MatchString(j.Release) || !archName.MatchString(j.Arch) {
		return nil, fmt.Errorf("make mock chroot: %q, %q is no release and architecture", j.Release, j.Arch)
	}
	config := m.config(j.Release, j.Arch)
	ext := ownedPrefix(m.Node) + safeName(j.ID)
	base, err := m.base(config, ext, slices.Concat(j.Read, j.Write))
	if err != nil {
		return nil, err
	}
	host, err := m.Host.Begin(ctx, j)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it is about
	}
	root := &mockRoot{mock: m, host: host, ctx: ctx, config: config, ext: ext, installed: map[string]bool{}, base: base}
	if err := root.make(ctx); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// base is what every call of one chroot begins with.
func (m *Mock) base(config, ext string, dirs []string) ([]string, error) {
	args := []string{"-r", config, "--uniqueext=" + ext, "--isolation=" + orDefault(m.Isolation, "simple"), "--enable-network"}
	var binds []string
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) || !utf8.ValidString(dir) {
			return nil, fmt.Errorf("make mock chroot: %q cannot be mounted: it is no absolute path of UTF-8 characters", dir)
		}
		if !exists(dir) {
			continue // mount would fail
		}
		// A Python literal; of UTF-8, Go's escapes are Python's as well.
		q := strconv.QuoteToASCII(dir)
		binds = append(binds, "("+q+", "+q+")")
	}
	if len(binds) > 0 {
		args = append(args, "--enable-plugin=bind_mount", "--plugin-option=bind_mount:dirs=["+strings.Join(binds, ", ")+"]")
	}
	return args, nil
}

// Clean removes the chroots that a killed process of this node left, with what
// runs in them: mock is not ended with its parent.
func (m *Mock) Clean(ctx context.Context) ([]string, error) {
	var removed []string
	var errs []error
	marker := "--uniqueext=" + ownedPrefix(m.Node)
	n, err := killWhere(func(pid int) bool {
		return slices.ContainsFunc(argumentsOf(pid), func(arg string) bool { return strings.HasPrefix(arg, marker) })
	})
	if errs = append(errs, err); n > 0 {
		removed = append(removed, fmt.Sprintf("processes of mock: %d", n))
	}
	suffix := "-" + ownedPrefix(m.Node)
	// A chroot and its bootstrap chroot are removed together.
	roots := map[string]string{}
	dirs, _ := filepath.Glob(filepath.Join(orDefault(m.Dir, "/var/lib/mock"), "*"+suffix+"*"))
	for _, dir := range dirs {
		if name, id, ok := strings.Cut(filepath.Base(dir), suffix); ok {
			roots[strings.TrimSuffix(name, "-bootstrap")+suffix+id] = dir
		}
	}
	for _, name := range slices.Sorted(maps.Keys(roots)) {
		if err := m.removeLeft(ctx, name); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, "mock chroot "+name)
	}
	return removed, errors.Join(errs...)
}

// removeLeft removes the chroot of a directory's name. The name begins with what
// the configuration calls its root, which is most often its own name.
func (m *Mock) removeLeft(ctx context.Context, name string) error {
	of, id, _ := strings.Cut(name, "-"+ownedPrefix(m.Node))
	ext := ownedPrefix(m.Node) + id
	configs := []string{of}
	for _, config := range m.Configs {
		if !slices.Contains(configs, config) {
			configs = append(configs, config)
		}
	}
	slices.Sort(configs[1:])
	var errs []error
	for _, config := range configs {
		base, err := m.base(config, ext, nil)
		if err != nil {
			return err
		}
		host, err := m.Host.Begin(ctx, compose.RootJob{ID: id})
		if err != nil {
			return err //nolint:wrapcheck // it says what it is about
		}
		root := &mockRoot{mock: m, host: host, ctx: ctx, config: config, ext: ext, base: base}
		if err = root.find(ctx); err == nil && filepath.Base(filepath.Dir(root.path)) == name {
			return root.Close()
		}
		errs = append(errs, err, host.Close())
	}
	return fmt.Errorf("remove mock chroot %s: none of the configurations %q is its own; remove it by hand: %w", name, configs, errors.Join(append(errs, os.ErrNotExist)...))
}

// mockRoot is the chroot of one compose.
type mockRoot struct {
	mock   *Mock
	host   compose.Root // what runs mock
	config string
	ext    string // the unique extension
	path   string // of the chroot on the host
	base   []string
	ctx    context.Context //nolint:containedctx // of Begin, for Look, which has none

	mu        sync.Mutex
	installed map[string]bool
}

// Where names the chroot for people.
func (r *mockRoot) Where() string { return "mock chroot " + r.config }

func (r *mockRoot) call(ctx context.Context, c proc.Cmd, args ...string) error {
	return r.callBy(ctx, r.host, c, args...)
}

func (r *mockRoot) callBy(ctx context.Context, host compose.Runner, c proc.Cmd, args ...string) error {
	c.Name, c.Package, c.Args = "mock", "mock", append(slices.Clone(r.base), args...)
	return host.Run(ctx, c) //nolint:wrapcheck // the error says what ran
}

// find asks mock for the chroot's place, which also tells whether there is such a
// configuration, and whether this user may run mock.
func (r *mockRoot) find(ctx context.Context) error {
	var mu sync.Mutex
	err := r.call(ctx, proc.Cmd{OnLine: func(from proc.Stream, line string) {
		mu.Lock()
		defer mu.Unlock()
		if from == proc.Stdout && filepath.IsAbs(line) {
			r.path = filepath.Clean(line)
		}
	}}, "--print-root-path")
	if failed, ok := errors.AsType[*proc.Error](err); ok && failed.ExitCode == mockNoConfig {
		return &compose.RootError{Sentence: "mock has no configuration " + r.config, Remedy: "update mock-core-configs, or name one for this release in runner.configs", Err: err}
	}
	if err == nil && (r.path == "" || filepath.Dir(r.path) == "/") {
		err = fmt.Errorf("mock says %q for the chroot's place", r.path)
	}
	if err != nil {
		return fmt.Errorf("make mock chroot: %w", err)
	}
	return nil
}

func (r *mockRoot) make(ctx context.Context) error {
	if err := r.find(ctx); err != nil {
		return err
	}
	if err := r.call(ctx, proc.Cmd{}, "--init"); err != nil {
		return fmt.Errorf("make mock chroot: %w", err)
	}
	return nil
}

// Look installs the package into the chroot, once, and looks for the tool there.
func (r *mockRoot) Look(name, pkg string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if pkg != "" && !r.installed[pkg] {
		if err := r.call(r.ctx, proc.Cmd{}, "--install", pkg); err != nil {
			return "", fmt.Errorf("install %s in %s: %w", pkg, r.Where(), err)
		}
		r.installed[pkg] = true
	}
	return lookInside(r.ctx, r, r.Where(), name, pkg)
}

// Run runs the command in the chroot. mock gives a lone argument to a shell, so
// that env goes first, which also carries the environment. mock writes both
// streams of the command to its own standard output.
func (r *mockRoot) Run(ctx context.Context, c proc.Cmd) error {
	args := []string{"--quiet"}
	if c.Dir != "" {
		args = append(args, "--cwd="+c.Dir)
	}
	args = append(args, "--chroot", "--", "/usr/bin/env")
	args = append(append(append(args, c.Env...), c.Name), c.Args...)
	c.Env, c.Dir, c.PrivateMounts = nil, "", false // mock has a mount namespace of its own
	err := r.call(ctx, c, args...)
	if err == nil {
		return nil
	}
	return errors.Join(err, r.killInside())
}

// ours tells whether a path of the host is in the chroot or its bootstrap chroot.
func (r *mockRoot) ours() func(path string) bool {
	top := filepath.Dir(filepath.Dir(r.path))
	if resolved, err := filepath.EvalSymlinks(top); err == nil { // the kernel names resolved paths
		top = resolved
	}
	return func(path string) bool {
		rel, ok := strings.CutPrefix(path, top+"/")
		name, _, inside := strings.Cut(rel, "/")
		return ok && inside && strings.HasSuffix(name, "-"+r.ext)
	}
}

// unmount undoes what a killed mock mounted. mock keeps the propagation of the
// host's mounts, which systemd makes shared, so that they stay on the host; and
// mock --clean would remove what is mounted there, if that call does not name it.
func (r *mockRoot) unmount() error {
	mounts, err := readMounts()
	ours := r.ours()
	for _, m := range slices.Backward(mounts) {
		if !ours(m.point) {
			continue
		}
		if e := unix.Unmount(m.point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); e != nil {
			err = errors.Join(err, fmt.Errorf("unmount %s: %w", m.point, e))
		}
	}
	return err
}

// killInside ends what mock left running when it was killed itself. With the
// isolation nspawn the processes have the machine's root, and go with the machine.
func (r *mockRoot) killInside() error {
	if r.path == "" {
		return nil
	}
	ours := r.ours()
	_, err := killWhere(func(pid int) bool {
		root, err := os.Readlink(procFile(pid, "root"))
		return err == nil && ours(root)
	})
	return err
}

func (r *mockRoot) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	if err := errors.Join(r.killInside(), r.unmount()); err != nil {
		return fmt.Errorf("remove mock chroot: %w", err)
	}
	for _, what := range []string{"--clean", "--scrub=bootstrap"} {
		// Not in the compose's share, which may be full.
		err := r.callBy(ctx, r.mock.Host.unbounded(), proc.Cmd{}, what)
		if failed, ok := errors.AsType[*proc.Error](err); ok && failed.ExitCode == mockLocked {
			err = fmt.Errorf("another mock still uses it: %w", err)
		}
		if err != nil {
			return fmt.Errorf("remove mock chroot: %w", err)
		}
	}
	return nil
}

// Close removes the chroot with what is mounted in it.
func (r *mockRoot) Close() error {
	if r.path == "" { // there is none
		return r.host.Close()
	}
	return errors.Join(r.remove(r.ctx), r.host.Close())
}

// ownedPrefix begins the name of everything of a node's. The dot ends it: node
// a must not own what is node a-1's.
func ownedPrefix(node string) string { return "respin-" + safeName(node) + "." }

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// exists leaves out what a mount would fail for.
func exists(path string) bool { _, err := os.Stat(path); return err == nil }
