package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fedora-respin/respin/internal/proc"
)

// scopeTime is how long systemd may take for a scope.
const scopeTime = 30 * time.Second

// Systemd makes a transient scope for each compose: a part of the cgroup tree
// that systemd leaves to whoever asked for it (Delegate=yes, systemd.resource-
// control(5)), and that systemctl shows. What runs in it and its limits are as in
// any other cgroup. It is safe for concurrent use.
type Systemd struct {
	Proc *proc.Runner // runs systemd-run and systemctl; nil: the zero Runner
	// Root is where the cgroup v2 is mounted.
	Root string
}

// FindSystemd returns nil where systemd is not the first process (sd_booted(3)),
// where this process is not root, or where no scope can be made.
func FindSystemd(ctx context.Context, node string) *Systemd {
	if _, err := os.Lstat("/run/systemd/system"); err != nil || os.Geteuid() != 0 {
		return nil
	}
	s := &Systemd{Root: unifiedMount()}
	if s.Root == "" || s.try(ctx, node) != nil {
		return nil
	}
	return s
}

// try does what will be done for every compose.
func (s *Systemd) try(ctx context.Context, node string) error {
	scope, err := s.start(ctx, node, "probe")
	if err != nil {
		return err
	}
	c := proc.Cmd{Name: "true"}
	g, err := newCommandCgroup(scope.dir, &c)
	if err == nil {
		err = errors.Join(s.Proc.Run(ctx, c), g.end())
	}
	return errors.Join(err, scope.close())
}

func unifiedMount() string {
	mounts, _ := readMounts()
	for _, m := range mounts {
		if m.fsType == "cgroup2" {
			return m.point
		}
	}
	return ""
}

// scope is that of one compose.
type scope struct {
	dir    string // cgroup for the tools, below the scope's own
	stdin  io.Closer
	ended  chan error
	cancel context.CancelFunc
}

// scopeArgs is the call of systemd-run. With --scope it becomes the command
// itself: cat says the cgroup, and then holds the scope until its input ends,
// which it does when this process dies too. The scope goes with its last process.
func scopeArgs(unit string) []string {
	return []string{
		"--quiet", "--no-ask-password", "--scope", "--collect", "--unit=" + unit, "--description=Tools of a respin compose",
		"--property=Delegate=yes", "--property=KillSignal=SIGKILL", "--", "cat", "/proc/self/cgroup", "-",
	}
}

// start makes the scope of a compose.
func (s *Systemd) start(ctx context.Context, node, id string) (*scope, error) {
	unit := ownedPrefix(node) + safeName(id) + "-" + rand.Text()[:6] + ".scope"
	input, stdin := io.Pipe()
	// The scope outlives a cancellation: what was canceled is ended in it.
	hold, cancel := context.WithCancel(context.WithoutCancel(ctx))
	sc := &scope{stdin: stdin, ended: make(chan error, 1), cancel: cancel}
	var pid atomic.Int64
	own := make(chan string, 1)
	go func() {
		sc.ended <- s.Proc.Run(hold, proc.Cmd{
			Name: "systemd-run", Package: "systemd", Args: scopeArgs(unit), Stdin: input,
			Started: func(id int) { pid.Store(int64(id)) },
			OnLine: func(from proc.Stream, line string) {
				if path, ok := strings.CutPrefix(line, "0::"); ok && from == proc.Stdout && strings.Contains(path, unit) {
					select {
					case own <- path:
					default:
					}
				}
			},
		})
		_ = input.Close()
	}()
	timer := time.NewTimer(scopeTime)
	defer timer.Stop()
	var err error
	select {
	case path := <-own:
		if err = sc.settle(filepath.Join(s.Root, path), int(pid.Load())); err == nil {
			return sc, nil
		}
	case err = <-sc.ended:
		sc.ended <- nil
		err = errors.Join(errors.New("systemd-run has ended at once"), err)
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = errors.New("systemd does not answer")
	}
	return nil, fmt.Errorf("make scope %s: %w", unit, errors.Join(err, sc.close()))
}

// settle moves the holder aside, since a cgroup with controllers for others has
// no processes of its own, and makes the cgroup of the tools.
func (sc *scope) settle(dir string, holder int) error {
	aside := filepath.Join(dir, "holder")
	if err := errors.Join(os.Mkdir(aside, 0o755), write(aside, "cgroup.procs", strconv.Itoa(holder))); err != nil {
		return fmt.Errorf("move the holder of the scope: %w", err)
	}
	for _, c := range []string{"+memory", "+cpu"} {
		_ = write(dir, "cgroup.subtree_control", c) // the kernel may have none
	}
	var err error
	sc.dir, err = newCgroup(dir)
	return err
}

// close kills what runs in the scope, which is its end.
func (sc *scope) close() error {
	var err error
	if sc.dir != "" {
		err = removeCgroup(sc.dir)
	}
	_ = sc.stdin.Close() // never fails
	select {
	case ended := <-sc.ended:
		if sc.dir != "" { // or the reason is known
			err = errors.Join(err, ended)
		}
	case <-time.After(scopeTime):
		sc.cancel()
		err = errors.Join(err, <-sc.ended)
	}
	sc.cancel()
	return err
}

// Clean stops the scopes that a killed process of the node left.
func (s *Systemd) Clean(ctx context.Context, node string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, cleanTime)
	defer cancel()
	var units []string
	prefix := ownedPrefix(node)
	err := s.Proc.Run(ctx, proc.Cmd{
		Name: "systemctl", Package: "systemd", Args: []string{"list-units", "--type=scope", "--all", "--plain", "--no-legend", "--full", "--no-pager", prefix + "*.scope"},
		OnLine: func(from proc.Stream, line string) {
			if fields := strings.Fields(line); from == proc.Stdout && len(fields) > 0 && strings.HasPrefix(fields[0], prefix) {
				units = append(units, fields[0])
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("list scopes: %w", err)
	}
	var removed []string
	var errs []error
	for _, unit := range units {
		// KillSignal=SIGKILL: nothing in it is asked.
		if err := s.Proc.Run(ctx, proc.Cmd{Name: "systemctl", Package: "systemd", Args: []string{"stop", "--no-ask-password", unit}}); err != nil {
			errs = append(errs, fmt.Errorf("stop scope %s: %w", unit, err))
			continue
		}
		removed = append(removed, "scope "+unit)
	}
	return removed, errors.Join(errs...)
}
