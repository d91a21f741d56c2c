package composetest_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/internal/proc"
)

// The rules are those of mock's py/mock.py and mockbuild, podman-run(1) and its
// pflag, and systemd-run(1).
func TestStandInsForRootsKeepTheRulesOfTheRealOnes(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the stand-ins for mock and podman mount and chroot, which takes root")
	}
	built, err := composetest.BuildStandIn(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := composetest.InstallRoots(dir, built, composetest.Roots{Images: map[string][]string{"img": {"lorax"}}}); err != nil {
		t.Fatal(err)
	}
	mock := func(args ...string) []string {
		return append([]string{"mock", "-r", "fedora-44-x86_64", "--uniqueext=u"}, args...)
	}
	run := func(args ...string) []string { return append([]string{"podman", "run"}, args...) }
	for _, tc := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"mock: version", []string{"mock", "--version"}, 0, "6.7"},
		{"mock: no such configuration", []string{"mock", "-r", "fedora-99-x86_64", "--init"}, 3, "Non-existing Mock config 'fedora-99-x86_64'"},
		{"mock: isolation", mock("--isolation=chroot", "--init"), 5, "Unknown value: chroot"},
		{"mock: plugin", mock("--enable-plugin=bind", "--init"), 5, "Bad option for '--enable-plugin=bind'"},
		{"mock: plugin option", mock("--plugin-option=bind_mount", "--init"), 5, "Use --plugin-option 'plugin:key=value'"},
		{"mock: scrub", mock("--scrub=boot"), 2, "invalid choice: 'boot'"},
		{"mock: value", mock("--cwd", "--chroot"), 2, "expected one argument"},
		{"mock: install nothing", mock("--install"), 50, "You must specify a package list"},
		{"mock: no such package", mock("--install", "nosuch"), 30, "Unable to find a match: nosuch"},
		{"mock: no command", mock("--chroot"), 50, "You must specify a command"},
		{"mock: bad literal", mock(`--plugin-option=bind_mount:dirs=[("/a")]`, "--init"), 1, "not enough values to unpack"},
		{"mock: source that is not there", mock(`--plugin-option=bind_mount:dirs=[("/nosuch", "/x")]`, "--init"), 32, "/bin/mount -n -o bind /nosuch"},
		{"mock: lone argument goes to the shell", mock("--chroot", "--", "ls /"), 1, "/bin/sh"},
		{"mock: unknown option becomes an argument", mock("--chroot", "--nosuch", "--", "ls"), 1, "--nosuch"},
		{"mock: tool that is not in the chroot", mock("--chroot", "--", "/usr/bin/env", "lorax"), 127, "env: ‘lorax’"},
		{"mock: tool that is installed", mock("--install", "lorax"), 0, ""},
		{"mock: its version", mock("--chroot", "--", "/usr/bin/env", "lorax", "-V"), 0, "lorax-46.0"},
		{"mock: environment", mock("--chroot", "--", "/usr/bin/env", "A=1"), 0, "PATH=/usr/bin:/bin:/usr/sbin:/sbin"},
		{"mock: directory", mock("--cwd=/nosuch", "--chroot", "--", "/usr/bin/env", "A=1"), 1, "no such file or directory"},
		{"mock: clean", mock("--clean"), 0, ""},
		{"mock: scrub of the bootstrap chroot", mock("--scrub=bootstrap"), 0, ""},
		{"podman: version", []string{"podman", "--version"}, 0, "podman version 5.6.0"},
		{"podman: flag", run("--foo", "img"), 125, "unknown flag: --foo"},
		{"podman: flag after the image is the command's", run("--rm", "--network=host", "--entrypoint=ls", "img", "--foo", "/usr"), 0, "/usr"},
		{"podman: no image", run("--rm"), 125, "requires at least 1 arg(s)"},
		{"podman: unknown image", run("--pull=never", "other", "ls"), 125, "other: image not known"},
		{"podman: pull", run("other", "ls"), 125, "manifest unknown"},
		{"podman: pull policy", run("--pull=often", "img", "ls"), 125, `unsupported pull policy "often"`},
		{"podman: boolean", run("--rm=perhaps", "img", "ls"), 125, "strconv.ParseBool"},
		{"podman: source that is not there", run("--volume=/nosuch:/x", "img", "ls"), 125, "statfs /nosuch: no such file or directory"},
		{"podman: volume form", run("--volume=/usr:/x:ro:rw", "img", "ls"), 125, "incorrect volume format"},
		{"podman: volume option", run("--volume=/usr:/x:writable", "img", "ls"), 125, "invalid option writable"},
		{"podman: volume twice", run("--volume=/usr:/x", "--volume=/etc:/x", "img", "ls"), 125, "duplicate mount destination"},
		{"podman: container path", run("--volume=/usr:x", "img", "ls"), 125, "must be an absolute path"},
		{"podman: name", run("--name=a/b", "img", "ls"), 125, "names must match"},
		{"podman: command that is not there", run("--rm", "img", "nosuch"), 127, "executable file `nosuch` not found in $PATH"},
		{"podman: directory that is not there", run("--rm", "--workdir=/nosuch", "img", "ls"), 125, `workdir "/nosuch" does not exist`},
		{"podman: a container that stays", run("--name=stays", "img", "ls", "/usr"), 0, "/usr"},
		{"podman: its name again", run("--name=stays", "img", "ls"), 125, `the container name "stays" is already in use`},
		{"podman: time without force", []string{"podman", "rm", "--time=0", "stays"}, 125, "--force option must be specified to use the --time option"},
		{"podman: list", []string{"podman", "ps", "--all", "--format={{.Names}}"}, 0, "stays"},
		{"podman: filter", []string{"podman", "ps", "--all", "--format={{.Names}}", "--filter=shape=round"}, 125, "shape is an invalid filter"},
		{"podman: remove", []string{"podman", "rm", "stays"}, 0, "stays"},
		{"podman: remove what is gone", []string{"podman", "rm", "stays"}, 1, "no such container"},
		{"podman: ignore what is gone", []string{"podman", "rm", "--force", "--ignore", "--time=0", "stays"}, 0, ""},
		{"systemd-run: option", []string{"systemd-run", "--scope", "--nosuch", "true"}, 1, "unrecognized option '--nosuch'"},
		{"systemd-run: terminal", []string{"systemd-run", "--scope", "--pty", "true"}, 1, "--pty/--pipe is not compatible"},
		{"systemd-run: wait", []string{"systemd-run", "--scope", "--wait", "true"}, 1, "--wait may not be combined"},
		{"systemd-run: nothing to run", []string{"systemd-run", "--scope"}, 1, "Command line to execute required."},
		{"systemd-run: unit", []string{"systemd-run", "--scope", "--unit=a b.scope", "true"}, 1, "Invalid argument"},
		{"systemd-run: property", []string{"systemd-run", "--scope", "--property=MemoryMa=1", "true"}, 1, "Unknown assignment: MemoryMa=1"},
	} {
		var out bytes.Buffer
		r := &proc.Runner{Env: []string{"PATH=" + dir, "SECRET=1"}}
		err := r.Run(t.Context(), proc.Cmd{Name: tc.args[0], Args: tc.args[1:], Log: &out})
		code := 0
		if failed, ok := errors.AsType[*proc.Error](err); ok {
			code = failed.ExitCode
		}
		if code != tc.code || !strings.Contains(out.String(), tc.says) || strings.Contains(out.String(), "SECRET") {
			t.Errorf("%s: ended with %d, %v\n%s", tc.name, code, err, out.String())
		}
	}
	if left := append(composetest.Chroots(dir), composetest.Containers(dir)...); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

func TestMockStandInLocksItsChrootAndTakesTheNetworkAway(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the stand-in for mock mounts and chroots, which takes root")
	}
	built, err := composetest.BuildStandIn(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := composetest.InstallRoots(dir, built, composetest.Roots{}); err != nil {
		t.Fatal(err)
	}
	call := func(args ...string) *exec.Cmd {
		return exec.CommandContext(t.Context(), filepath.Join(dir, "mock"), append([]string{"-r", "fedora-44-x86_64", "--uniqueext=u"}, args...)...)
	}
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range []bool{true, false} {
		args := []string{"--chroot", "--", "/usr/bin/env", "sleep"}
		if network {
			args = append([]string{"--enable-network"}, args...)
		}
		sleeping := call(args...)
		if err := sleeping.Start(); err != nil {
			t.Fatal(err)
		}
		pid := rootedIn(t, filepath.Join(dir, "roots", "mock", "fedora-44-x86_64-u", "root"))
		if ns, err := os.Readlink("/proc/" + pid + "/ns/net"); err != nil || (ns == own) != network {
			t.Errorf("network %t: %s, %v", network, ns, err)
		}
		err := call("--clean").Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 60 {
			t.Errorf("clean of a chroot in use: %v", err)
		}
		if err := call("--orphanskill").Run(); err != nil {
			t.Error(err)
		}
		if err := sleeping.Wait(); err == nil {
			t.Error("the command was not killed")
		}
	}
	for _, what := range []string{"--clean", "--scrub=bootstrap"} {
		if err := call(what).Run(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if left := composetest.Chroots(dir); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// rootedIn waits for a process that has its root there.
func rootedIn(t *testing.T, root string) string {
	t.Helper()
	for t.Context().Err() == nil {
		found, _ := filepath.Glob("/proc/[0-9]*/root")
		for _, path := range found {
			if to, err := os.Readlink(path); err == nil && to == root {
				return filepath.Base(filepath.Dir(path))
			}
		}
	}
	t.Fatal("no process has its root in the chroot")
	return ""
}
