package runner

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processIDs are those of all processes of this host that can be seen.
func processIDs() []int {
	entries, _ := os.ReadDir("/proc")
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// parentOf is a process's parent; 0 when it is gone.
func parentOf(pid int) int {
	ppid, _ := strconv.Atoi(statField(pid, 4))
	return ppid
}

// startOf is when a process started, which with its number names it for good; ""
// when it is gone.
func startOf(pid int) string { return statField(pid, 22) }

// statField is a field of proc_pid_stat(5), counted from 1 as there.
func statField(pid, n int) string {
	data, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return ""
	}
	// The second is in parentheses and may hold anything.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) <= n-3 {
		return ""
	}
	return fields[n-3]
}

// descendants are a process and all below it.
func descendants(root int) []int {
	children := map[int][]int{}
	for _, pid := range processIDs() {
		ppid := parentOf(pid)
		children[ppid] = append(children[ppid], pid)
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		for _, pid := range children[all[i]] {
			if !slices.Contains(all, pid) {
				all = append(all, pid)
			}
		}
	}
	return all
}

// signalWhere sends sig to every process that is looked for, never to this one,
// and returns to how many.
func signalWhere(sig syscall.Signal, wanted func(pid int) bool) int {
	n := 0
	for _, pid := range processIDs() {
		if pid == os.Getpid() || !wanted(pid) {
			continue
		}
		// The handle is taken first and the process looked at again: the number
		// may have gone to a stranger in between.
		p, err := os.FindProcess(pid)
		if err != nil {
			continue
		}
		if wanted(pid) && p.Signal(sig) == nil {
			n++
		}
		_ = p.Release()
	}
	return n
}

// killWhere kills until a look finds nobody: a process may fork while it is
// looked for. It returns how many the first look found.
func killWhere(wanted func(pid int) bool) (int, error) {
	deadline := time.Now().Add(emptyTime)
	first := signalWhere(syscall.SIGKILL, wanted)
	for n := first; n > 0; n = signalWhere(syscall.SIGKILL, wanted) {
		if time.Now().After(deadline) {
			return first, errors.New("processes of an ended command stay alive")
		}
		time.Sleep(5 * time.Millisecond)
	}
	return first, nil
}

// environOf and argumentsOf are those that a process was started with; none for
// a zombie.
func environOf(pid int) []string   { return zeroTerminated(procFile(pid, "environ")) }
func argumentsOf(pid int) []string { return zeroTerminated(procFile(pid, "cmdline")) }

func zeroTerminated(path string) []string {
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
}
