package runner

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/fedora-respin/respin/internal/proc"
)

// markVar is the environment variable that a command's processes inherit.
const markVar = "RESPIN_RUN"

// mark finds the processes of a command by their environment.
type mark struct{ entry []byte }

func newMark(c *proc.Cmd) group {
	entry := markVar + "=" + rand.Text()
	c.Env = append(slices.Clone(c.Env), entry)
	return &mark{entry: []byte(entry)}
}

func (m *mark) terminate() { m.signal(syscall.SIGTERM) }

// end looks until a look finds nobody: a process may fork while it is looked for.
func (m *mark) end() error {
	deadline := time.Now().Add(emptyTime)
	for m.signal(syscall.SIGKILL) > 0 {
		if time.Now().After(deadline) {
			return errors.New("processes of an ended command stay alive")
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

// signal sends sig to every process that bears the mark and returns how many.
func (m *mark) signal(sig syscall.Signal) int {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	n := 0
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() || !m.bears(dir) {
			continue
		}
		// The handle is taken first and the mark looked at again: the number may
		// have gone to a stranger in between.
		p, err := os.FindProcess(pid)
		if err != nil {
			continue
		}
		if m.bears(dir) && p.Signal(sig) == nil {
			n++
		}
		_ = p.Release()
	}
	return n
}

// bears is false for a zombie: its environment is gone.
func (m *mark) bears(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "environ"))
	return err == nil && slices.ContainsFunc(bytes.Split(data, []byte{0}), func(e []byte) bool { return bytes.Equal(e, m.entry) })
}
