package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fedora-respin/respin/internal/proc"
)

const (
	runPrefix = "run-"
	cpuPeriod = 100000 // microseconds, the kernel's default in cpu.max
)

// FindCgroup makes the cgroup that the commands of a node go below: respin-NODE
// in this process's own cgroup v2. Where there is no cgroup v2, or this process
// may make none, or the kernel lacks cgroup.kill (older than 5.14), it is "".
//
// The controllers memory and cpu are switched on as far as the kernel allows;
// under systemd that takes Delegate=yes and a DelegateSubgroup=.
func FindCgroup(node string) string {
	mounts, err := readMounts()
	if err != nil {
		return ""
	}
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	own, found := "", false
	for line := range strings.Lines(string(self)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			own, found = path, true
		}
	}
	for _, m := range mounts {
		if m.fsType != "cgroup2" || !found || strings.Contains(own, "/..") {
			continue
		}
		dir := filepath.Join(m.point, own)
		for _, c := range []string{"+memory", "+cpu"} {
			_ = write(dir, "cgroup.subtree_control", c) // not delegated, or busy
		}
		parent := filepath.Join(dir, "respin-"+safeName(node))
		if makeParent(parent) != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(parent, "cgroup.kill")); err != nil || !canBeBornIn(parent) {
			_ = os.Remove(parent)
			continue
		}
		return parent
	}
	return ""
}

// makeParent makes a node's cgroup, and hands on the controllers that are there.
func makeParent(parent string) error {
	if err := os.Mkdir(parent, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make cgroup: %w", err)
	}
	for _, c := range []string{"+memory", "+cpu"} {
		_ = write(parent, "cgroup.subtree_control", c) // the kernel may have none
	}
	return nil
}

// canBeBornIn tries what every command will do.
func canBeBornIn(parent string) bool {
	c := proc.Cmd{Name: "true"}
	g, err := newCommandCgroup(parent, &c)
	if err != nil {
		return false
	}
	err = (*proc.Runner)(nil).Run(context.Background(), c)
	return errors.Join(err, g.end()) == nil
}

func safeName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, s)
}

func write(dir, name, text string) error {
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		return fmt.Errorf("set up cgroup: %w", err)
	}
	return nil
}

// newCgroup makes a cgroup of a name that Clean finds.
func newCgroup(parent string) (string, error) {
	dir := filepath.Join(parent, runPrefix+rand.Text()[:12])
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("make cgroup: %w", err)
	}
	return dir, nil
}

// limitCgroup bounds a cgroup with all below it. Sampled says that there is no
// memory controller, or no cgroup (dir is ""): the memory has to be looked at.
func limitCgroup(dir string, l Limits) (sampled bool, err error) {
	has := func(name string) bool { return dir != "" && exists(filepath.Join(dir, name)) }
	var errs []error
	if l.CPUs > 0 {
		if !has("cpu.max") {
			return false, errors.New("a limit of processors needs systemd or a cgroup v2 that has the cpu controller: take runner.cpus out of the configuration, or delegate that controller to the node")
		}
		errs = append(errs, write(dir, "cpu.max", fmt.Sprintf("%d %d", max(1000, int64(l.CPUs*cpuPeriod)), cpuPeriod)))
	}
	if l.Memory == 0 || !has("memory.max") {
		return l.Memory > 0, errors.Join(errs...)
	}
	errs = append(errs, write(dir, "memory.max", strconv.FormatInt(l.Memory, 10)))
	if has("memory.swap.max") {
		errs = append(errs, write(dir, "memory.swap.max", "0"))
	}
	// A tool that has lost one of its processes goes on to fail in odd words.
	errs = append(errs, write(dir, "memory.oom.group", "1"))
	return false, errors.Join(errs...)
}

// oomKills is how many processes of the cgroup, and of those below it, the
// kernel has killed for memory (memory.events).
func oomKills(dir string) int {
	if dir == "" {
		return 0
	}
	data, _ := os.ReadFile(filepath.Join(dir, "memory.events"))
	for line := range strings.Lines(string(data)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			n, _ := strconv.Atoi(text)
			return n
		}
	}
	return 0
}

// cgroup is one command's.
type cgroup struct {
	dir  string
	file *os.File
}

// newCommandCgroup makes the cgroup that a command is born in.
func newCommandCgroup(parent string, c *proc.Cmd) (group, error) {
	dir, err := newCgroup(parent)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open cgroup: %w", err), os.Remove(dir))
	}
	c.Cgroup = f
	return &cgroup{dir: dir, file: f}, nil
}

func (g *cgroup) started(int) {}
func (g *cgroup) kill()       { _ = write(g.dir, "cgroup.kill", "1") }

func (g *cgroup) pids() []int {
	var all []int
	_ = filepath.WalkDir(g.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil //nolint:nilerr // it went meanwhile
		}
		data, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		for field := range strings.FieldsSeq(string(data)) {
			if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
				all = append(all, pid)
			}
		}
		return nil
	})
	return all
}

func (g *cgroup) terminate() {
	for _, pid := range g.pids() {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
}

func (g *cgroup) end() error { return errors.Join(g.file.Close(), removeCgroup(g.dir)) }

// removeCgroup kills everything in the cgroup and those below it, and removes
// them, deepest first.
func removeCgroup(dir string) error {
	if err := write(dir, "cgroup.kill", "1"); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	deadline := time.Now().Add(emptyTime)
	for {
		err := removeTree(dir)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("empty cgroup: %w", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, removeTree(filepath.Join(dir, e.Name())))
		}
	}
	if err == nil {
		err = syscall.Rmdir(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err //nolint:wrapcheck // the caller says what it was for
}
