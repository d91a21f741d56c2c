package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// Limits bound one command with all its processes. Zero fields bound nothing.
type Limits struct {
	Memory int64         // bytes, memory.max; needs a cgroup with the memory controller
	CPUs   float64       // processors, cpu.max; needs a cgroup with the cpu controller
	Time   time.Duration // of one command
}

// Host runs tools on this host. The zero value works. It is safe for concurrent
// use.
//
// With Cgroup every command is born in a cgroup v2 of its own, which is killed
// as a whole when the command ends or ctx does. Without, its processes are found
// by a mark in their environment, which a process that cleans its environment
// after leaving the process group escapes.
type Host struct {
	Proc   *proc.Runner // nil: the zero Runner
	Cgroup string       // directory of FindCgroup; "": none
	Limits Limits
}

var _ compose.Runner = (*Host)(nil)

// Look implements compose.Runner.
func (h *Host) Look(name, pkg string) (string, error) {
	return h.Proc.Look(name, pkg) //nolint:wrapcheck // it says what to install
}

// Run implements compose.Runner. Its errors are those of proc.Runner.Run; a
// cgroup that cannot be made, limited or emptied is one too.
func (h *Host) Run(ctx context.Context, c proc.Cmd) error {
	if h.Limits.Time > 0 {
		limited, cancel := context.WithTimeout(ctx, h.Limits.Time)
		defer cancel()
		ctx = limited
	}
	if h.Cgroup == "" && (h.Limits.Memory > 0 || h.Limits.CPUs > 0) {
		return fmt.Errorf("run %s: limits of memory and processors need a cgroup v2 that this process may make", c.Name)
	}
	var g group
	var err error
	if h.Cgroup != "" {
		g, err = newCgroup(h.Cgroup, h.Limits, &c)
	} else {
		g = newMark(&c)
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", c.Name, err)
	}
	// proc asks the process group to end; this asks those that have left it.
	stop := context.AfterFunc(ctx, g.terminate)
	err = h.Proc.Run(ctx, c)
	stop()
	return errors.Join(err, g.end())
}

// group is all processes of one command.
type group interface {
	terminate() // asks them to end
	end() error // kills them and waits until they are gone
}

// emptyTime is how long killed processes have to go: one in uninterruptible
// sleep goes when its disk answers.
const emptyTime = 20 * time.Second
