package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/fedora-respin/respin/compose/composetest"
)

var unitName = regexp.MustCompile(`^[a-zA-Z0-9:_.\\-]{1,249}\.scope$`)

// scopeProperties are those that a transient scope takes, as far as they are
// asked for (systemd.scope(5), systemd.kill(5), systemd.resource-control(5)).
func scopeProperties() []string {
	return []string{"Delegate", "KillMode", "KillSignal", "SendSIGKILL", "MemoryMax", "MemoryHigh", "MemorySwapMax", "CPUQuota", "CPUWeight", "TasksMax", "RuntimeMaxSec", "OOMPolicy", "TimeoutStopSec"}
}

// slice is where the stand-in's scopes are: a cgroup v2 of this host.
func (s *session) slice() (string, error) {
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			dir := filepath.Join(f[1], composetest.Slice(s.dir))
			return dir, os.MkdirAll(dir, 0o755)
		}
	}
	return "", errors.New("no cgroup v2")
}

// systemdRun is systemd-run --scope: it makes the scope, moves into it, and
// becomes the command.
func (s *session) systemdRun(args []string) int {
	fail := func(format string, args ...any) int {
		_, _ = fmt.Fprintf(os.Stderr, format+"\n", args...)
		return 1
	}
	p := &pflags{
		bools: []string{"--scope", "--user", "--quiet", "-q", "--collect", "-G", "--no-ask-password", "--wait", "--pty", "-t", "--pipe", "-P", "--no-block"},
		takes: []string{"--unit", "-u", "--property", "-p", "--description", "--slice", "--uid", "--gid", "--nice", "--setenv", "-E"},
	}
	wrong := p.parse(args, false)
	if name, ok := strings.CutPrefix(wrong, "unknown flag: "); ok {
		return fail("systemd-run: unrecognized option '%s'", name)
	}
	unit := p.last("--unit", "run-standin.scope")
	switch {
	case wrong != "":
		return fail("systemd-run: %s", wrong)
	case len(p.rest) == 0:
		return fail("Command line to execute required.")
	case !p.on("--scope"):
		return fail("the stand-in makes scopes only")
	case p.on("--pty") || p.on("--pipe") || p.on("-t") || p.on("-P"):
		return fail("--pty/--pipe is not compatible in timer or --scope mode.")
	case p.on("--wait"):
		return fail("--wait may not be combined with --scope.")
	case !unitName.MatchString(unit):
		return fail("Failed to mangle scope name: Invalid argument")
	}
	for _, property := range p.values["--property"] {
		name, _, ok := strings.Cut(property, "=")
		if !ok {
			return fail("Not an assignment: %s", property)
		}
		if !slices.Contains(scopeProperties(), name) {
			return fail("Unknown assignment: %s", property)
		}
	}
	slice, err := s.slice()
	if err != nil {
		return fail("Failed to connect to bus: %v", err)
	}
	dir := filepath.Join(slice, unit)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fail("Failed to start transient scope unit: Unit %s was already loaded or has a fragment file.", unit)
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0o600); err != nil {
		return fail("Failed to start transient scope unit: %v", err)
	}
	path, err := exec.LookPath(p.rest[0])
	if err != nil {
		return fail("Failed to find executable %s: No such file or directory", p.rest[0])
	}
	return fail("Failed to execute: %v", syscall.Exec(path, p.rest, os.Environ()))
}

// systemctl lists scopes by pattern and stops them.
func (s *session) systemctl(args []string) int {
	p := &pflags{bools: []string{"--all", "--plain", "--no-legend", "--full", "--no-pager", "--no-ask-password"}, takes: []string{"--type"}}
	if wrong := p.parse(args, true); wrong != "" || len(p.rest) == 0 {
		_, _ = fmt.Fprintln(os.Stderr, "systemctl: "+wrong)
		return 1
	}
	slice, err := s.slice()
	if err != nil {
		return fatal("%v", err)
	}
	if p.rest[0] == "list-units" {
		for _, pattern := range p.rest[1:] {
			found, _ := filepath.Glob(filepath.Join(slice, pattern))
			for _, dir := range found {
				fmt.Printf("%s loaded active running Tools of a respin compose\n", filepath.Base(dir))
			}
		}
		return 0
	}
	for _, unit := range p.rest[1:] {
		dir := filepath.Join(slice, unit)
		if !exists(dir) {
			_, _ = fmt.Fprintf(os.Stderr, "Failed to stop %s: Unit %s not loaded.\n", unit, unit)
			return 5
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0o600); err != nil {
			return fatal("%v", err)
		}
	}
	return 0
}
