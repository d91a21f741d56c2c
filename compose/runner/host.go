package runner

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// Limits bound what the tools of one compose take. Zero fields bound nothing. A
// tool that goes beyond is ended, with a *compose.LimitError; of processors there
// is nothing to go beyond.
type Limits struct {
	// Memory in bytes, of all processes of the compose together: memory.max with
	// no swap where a cgroup has the memory controller. Elsewhere their anonymous
	// memory is looked at several times a second, which a fast process outruns.
	Memory int64
	// CPUs are processors, cpu.max; it needs a cgroup with the cpu controller.
	CPUs float64
	// Time of one command.
	Time time.Duration
	// Disk in bytes, by which the compose's directory may grow while its tools
	// run. It is looked at, at most once a second.
	Disk int64
}

// Host runs tools on this host. The zero value works. It is safe for concurrent
// use.
//
// The processes of a command are held by the first of these that there is: a
// transient scope of systemd for each compose, a cgroup v2 for each compose, a
// mark in their environment. In a scope and in a cgroup every command is born in
// a cgroup of its own, which is killed as a whole when the command ends or ctx
// does. A process that cleans its environment after leaving the process group
// escapes a mark.
type Host struct {
	Proc    *proc.Runner // nil: the zero Runner
	Node    string       // names what is left behind, for Clean
	Systemd *Systemd     // of FindSystemd; nil: none
	Cgroup  string       // directory of FindCgroup; "": none
	Limits  Limits
}

var (
	_ compose.Runner = (*Host)(nil)
	_ compose.Roots  = (*Host)(nil)
)

// Look implements compose.Runner.
func (h *Host) Look(name, pkg string) (string, error) {
	return h.Proc.Look(name, pkg) //nolint:wrapcheck // it says what to install
}

// unbounded is for what has to be done whatever a compose has taken.
func (h *Host) unbounded() *Host {
	free := *h
	free.Limits = Limits{}
	return &free
}

// Run implements compose.Runner, for a command that belongs to no compose.
func (h *Host) Run(ctx context.Context, c proc.Cmd) error {
	s, err := h.begin(ctx, compose.RootJob{})
	if err != nil {
		return fmt.Errorf("run %s: %w", c.Name, err)
	}
	return errors.Join(s.Run(ctx, c), s.Close())
}

// Begin implements compose.Roots: the root is the host's own, and what runs in
// it is bounded together.
func (h *Host) Begin(ctx context.Context, j compose.RootJob) (compose.Root, error) {
	return h.begin(ctx, j)
}

func (h *Host) begin(ctx context.Context, j compose.RootJob) (*share, error) {
	s := &share{host: h, every: time.Second, end: func() error { return nil }}
	var err error
	switch {
	case h.Systemd != nil:
		var scope *scope
		if scope, err = h.Systemd.start(ctx, h.Node, j.ID); err == nil {
			s.dir, s.end = scope.dir, scope.close
		}
	case h.Cgroup != "":
		// Another process of the node may have ended, and found it empty.
		if err = makeParent(h.Cgroup); err == nil {
			s.dir, err = newCgroup(h.Cgroup)
		}
		s.end = func() error { return removeCgroup(s.dir) }
	}
	if err != nil {
		return nil, err
	}
	if s.sampled, err = limitCgroup(s.dir, h.Limits); err != nil {
		return nil, errors.Join(err, s.end())
	}
	if j.Dir != "" && h.Limits.Disk > 0 {
		if s.work, err = filepath.Abs(j.Dir); err != nil {
			return nil, errors.Join(fmt.Errorf("find the directory of the compose: %w", err), s.end())
		}
		s.base = usage(ctx, s.work)
	}
	return s, nil
}

// Held says for people what holds the processes of a command, and what bounds
// their memory.
func (h *Host) Held(ctx context.Context) (string, error) {
	s, err := h.begin(ctx, compose.RootJob{ID: "probe"})
	if err != nil {
		return "", err
	}
	held := "a mark in their environment, which is against accident only"
	switch {
	case h.Systemd != nil:
		held = "a transient scope of systemd for each compose"
	case h.Cgroup != "":
		held = "a cgroup v2 for each compose"
	}
	if h.Limits.Memory > 0 && s.sampled {
		held += "; their memory is looked at several times a second, as no memory controller is there"
	}
	return held, s.Close()
}
