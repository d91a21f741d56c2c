//go:build interop

package interop_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// leftovers names what has to do with the plant's directory and is not meant to
// stay: half files, processes other than the daemon, mounts and loop devices.
func (p *plant) leftovers(t *testing.T) (left []string) {
	t.Helper()
	for _, sub := range []string{"data/work", "data/images/.staging", "tmp"} {
		entries, err := os.ReadDir(filepath.Join(p.dir, sub))
		if err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
		for _, e := range entries {
			// The cache and the lock of anaconda are meant to stay.
			if name := e.Name(); name != "cache" && name != "respin-anaconda.lock" {
				left = append(left, sub+"/"+name)
			}
		}
	}
	daemon := 0
	if p.daemon.cmd != nil {
		daemon = p.daemon.cmd.Process.Pid
	}
	pids, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range pids {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		cwd, _ := os.Readlink(filepath.Join(dir, "cwd"))
		environ, _ := os.ReadFile(filepath.Join(dir, "environ"))
		of := strings.Contains(string(cmdline), p.dir) || strings.HasPrefix(cwd, p.dir) || strings.Contains(string(environ), "TMPDIR="+p.dir)
		if of && pid != daemon && pid != os.Getpid() {
			left = append(left, "process "+strconv.Itoa(pid)+": "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, p.dir) {
			left = append(left, "mount "+line)
		}
	}
	loops, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, path := range loops {
		if file, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(file), p.dir) {
			left = append(left, path+" "+string(file))
		}
	}
	return left
}
