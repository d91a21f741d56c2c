package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// cleanTime is how long removing a root may take: it happens after a
// cancellation too, when the compose's own context is over.
const cleanTime = 5 * time.Minute

var (
	releaseName = regexp.MustCompile(`^([1-9][0-9]{0,2}|rawhide|eln)$`)
	archName    = regexp.MustCompile(`^[a-z0-9_]{1,16}$`)
)

// Mock makes one mock chroot for each compose, of the release that it composes.
// It is safe for concurrent use. mock bind-mounts with one option for all, so
// that what a compose only reads can be written in the chroot too.
type Mock struct {
	Host      compose.Runner    // runs mock; required
	Node      string            // names the chroots of this node
	Isolation string            // simple or nspawn; default simple: nspawn of some hosts makes no loop devices
	Release   string            // what tools are probed in; default "rawhide"
	Configs   map[string]string // mock's configuration by release; default fedora-RELEASE-ARCH
	Dir       string            // where mock keeps its chroots; default /var/lib/mock
}

var _ compose.Roots = (*Mock)(nil)

// Begin implements compose.Roots. The chroot is made by mock --init.
func (m *Mock) Begin(ctx context.Context, j compose.RootJob) (compose.Root, error) {
	if _, err := m.Host.Look("mock", "mock"); err != nil {
		return nil, err //nolint:wrapcheck // it says what to install
	}
	if j.Release == "" {
		j.Release = orDefault(m.Release, "rawhide")
	}
	if !releaseName.MatchString(j.Release) || !archName.MatchString(j.Arch) {
		return nil, fmt.Errorf("make mock chroot: %q, %q is no release and architecture", j.Release, j.Arch)
	}
	config := orDefault(m.Configs[j.Release], "fedora-"+j.Release+"-"+j.Arch)
	root := &mockRoot{mock: m, ctx: ctx, installed: map[string]bool{}, base: m.base(config, ownedPrefix(m.Node)+safeName(j.ID), slices.Concat(j.Read, j.Write))}
	if err := root.call(ctx, proc.Cmd{}, "--init"); err != nil {
		return nil, errors.Join(fmt.Errorf("make mock chroot: %w", err), root.Close())
	}
	return root, nil
}

// base is what every call of one chroot begins with.
func (m *Mock) base(config, ext string, dirs []string) []string {
	args := []string{"-r", config, "--uniqueext=" + ext, "--isolation=" + orDefault(m.Isolation, "simple"), "--enable-network"}
	if len(dirs) > 0 {
		var binds []string
		for _, dir := range dirs {
			// A Python literal; Go's escapes are Python's as well.
			q := strconv.QuoteToASCII(dir)
			binds = append(binds, "("+q+", "+q+")")
		}
		args = append(args, "--enable-plugin=bind_mount", "--plugin-option=bind_mount:dirs=["+strings.Join(binds, ", ")+"]")
	}
	return args
}

// Clean removes the chroots that a killed process of this node left.
func (m *Mock) Clean(ctx context.Context) ([]string, error) {
	marker := "-" + ownedPrefix(m.Node)
	dirs, _ := filepath.Glob(filepath.Join(orDefault(m.Dir, "/var/lib/mock"), "*"+marker+"*"))
	var removed []string
	var errs []error
	for _, dir := range dirs {
		config, id, _ := strings.Cut(filepath.Base(dir), marker)
		config = strings.TrimSuffix(config, "-bootstrap")
		root := &mockRoot{mock: m, base: m.base(config, ownedPrefix(m.Node)+id, nil)}
		err := root.remove(ctx)
		if err == nil {
			removed = append(removed, "mock chroot "+filepath.Base(dir))
		}
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

// mockRoot is the chroot of one compose.
type mockRoot struct {
	mock *Mock
	base []string
	ctx  context.Context //nolint:containedctx // of Begin, for Look, which has none

	mu        sync.Mutex
	installed map[string]bool
}

func (r *mockRoot) call(ctx context.Context, c proc.Cmd, args ...string) error {
	c.Name, c.Package, c.Args = "mock", "mock", append(slices.Clone(r.base), args...)
	return r.mock.Host.Run(ctx, c) //nolint:wrapcheck // the error says what ran
}

// Look installs the package into the chroot, once, and looks for the tool there.
func (r *mockRoot) Look(name, pkg string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if pkg != "" && !r.installed[pkg] {
		if err := r.call(r.ctx, proc.Cmd{}, "--install", pkg); err != nil {
			return "", fmt.Errorf("install %s in the mock chroot: %w", pkg, err)
		}
		r.installed[pkg] = true
	}
	err := r.call(r.ctx, proc.Cmd{}, "--quiet", "--chroot", "--", "/usr/bin/env", "which", name)
	if failed, ok := errors.AsType[*proc.Error](err); ok && failed.ExitCode == 1 {
		return "", &proc.NotFoundError{Tool: name, Package: pkg}
	}
	if err != nil {
		return "", fmt.Errorf("look for %s in the mock chroot: %w", name, err)
	}
	return name, nil
}

// Run runs the command in the chroot. mock gives a lone argument to a shell, so
// that env goes first, which also carries the environment.
func (r *mockRoot) Run(ctx context.Context, c proc.Cmd) error {
	args := []string{"--quiet"}
	if c.Dir != "" {
		args = append(args, "--cwd="+c.Dir)
	}
	args = append(args, "--chroot", "--", "/usr/bin/env")
	args = append(append(append(args, c.Env...), c.Name), c.Args...)
	c.Env, c.Dir, c.PrivateMounts = nil, "", false // mock's mounts are found again by --clean
	return r.call(ctx, c, args...)
}

func (r *mockRoot) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	for _, what := range []string{"--clean", "--scrub=bootstrap"} {
		if err := r.call(ctx, proc.Cmd{}, what); err != nil {
			return fmt.Errorf("remove mock chroot: %w", err)
		}
	}
	return nil
}

// Close removes the chroot with what is mounted in it.
func (r *mockRoot) Close() error { return r.remove(r.ctx) }

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
