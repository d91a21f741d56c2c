package runner

import (
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/fedora-respin/respin/internal/proc"
)

// markVar is the environment variable that a command's processes inherit. Its
// value begins with the node's ownedPrefix.
const markVar = "RESPIN_RUN"

// mark finds the processes of a command by their environment, and while it runs
// by their parents as well: mock's wrapper hands no environment on.
type mark struct {
	entry string
	mu    sync.Mutex
	tool  int // 0: not started yet
	start string
}

func newMark(c *proc.Cmd, node string) group {
	m := &mark{entry: markVar + "=" + ownedPrefix(node) + rand.Text()}
	c.Env = append(slices.Clone(c.Env), m.entry)
	return m
}

func (m *mark) started(pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tool, m.start = pid, startOf(pid)
}

func (m *mark) pids() []int {
	m.mu.Lock()
	tool, start := m.tool, m.start
	m.mu.Unlock()
	var all []int
	// Once it has been waited for, the number may be a stranger's.
	if tool > 0 && start != "" && startOf(tool) == start {
		all = descendants(tool)
	}
	for _, pid := range processIDs() {
		if m.bears(pid) && !slices.Contains(all, pid) {
			all = append(all, pid)
		}
	}
	return slices.DeleteFunc(all, func(pid int) bool { return pid == os.Getpid() })
}

func (m *mark) terminate() { m.signal(syscall.SIGTERM) }
func (m *mark) kill()      { m.signal(syscall.SIGKILL) }

func (m *mark) signal(sig syscall.Signal) {
	found := m.pids()
	signalWhere(sig, func(pid int) bool { return slices.Contains(found, pid) })
}

func (m *mark) end() error {
	_, err := killWhere(m.bears)
	return err
}

func (m *mark) bears(pid int) bool { return slices.Contains(environOf(pid), m.entry) }

// markedBy finds what bears a mark of the node's, from whichever process of it.
func markedBy(node string) func(pid int) bool {
	prefix := markVar + "=" + ownedPrefix(node)
	return func(pid int) bool {
		return slices.ContainsFunc(environOf(pid), func(e string) bool { return strings.HasPrefix(e, prefix) })
	}
}
