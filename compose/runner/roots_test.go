package runner_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/runner"
	"github.com/fedora-respin/respin/internal/proc"
)

// The stand-ins note how they are called, one argument a line, keep the real
// ones' rules as far as they matter here, and run the inner command on the host.
const (
	mockStandIn = `#!/bin/sh
for a; do printf '%s\n' "$a"; done >>"$0.calls"; echo . >>"$0.calls"
[ "$1" = -r ] || exit 5
while [ $# -gt 0 ]; do
	case $1 in
	--chroot)
		shift; [ "$1" = -- ] && shift
		[ $# -gt 0 ] || exit 50
		[ $# -gt 1 ] || exec sh -c "$1"
		exec "$@" ;;
	--cwd=*) cd "${1#--cwd=}" || exit 1 ;;
	--install) [ $# -gt 1 ] || exit 50; [ "$2" != no-such ] || exit 30 ;;
	esac
	shift
done
`
	podmanStandIn = `#!/bin/sh
for a; do printf '%s\n' "$a"; done >>"$0.calls"; echo . >>"$0.calls"
[ "$1" = ps ] && { printf 'respin-n1.old-1\nrespin-n1-2.other-1\n'; exit 0; }
[ "$1" = run ] || exit 0
shift
while [ $# -gt 0 ]; do
	case $1 in
	--entrypoint=*) tool=${1#--entrypoint=} ;;
	--env=*) export "${1#--env=}" ;;
	--workdir=*) cd "${1#--workdir=}" || exit 126 ;;
	-*) ;;
	*) break ;;
	esac
	shift
done
[ $# -gt 0 ] || exit 125
shift
exec "$tool" "$@"
`
)

func standIn(t *testing.T, name, script string) (host compose.Runner, calls func() [][]string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	h := &runner.Host{Proc: &proc.Runner{Env: []string{"PATH=" + dir + ":/usr/bin:/bin"}, Grace: time.Second}}
	return h, func() [][]string {
		data, err := os.ReadFile(path + ".calls")
		if err != nil {
			t.Fatal(err)
		}
		var all [][]string
		for call := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n.\n"), "\n.\n") {
			all = append(all, strings.Split(call, "\n"))
		}
		return all
	}
}

func output(t *testing.T, r compose.Runner, c proc.Cmd) string {
	t.Helper()
	var out bytes.Buffer
	c.Stdout = &out
	if err := r.Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestMockRunsArgumentsWithoutShellAndCleansUp(t *testing.T) {
	t.Parallel()
	host, calls := standIn(t, "mock", mockStandIn)
	m := &runner.Mock{Host: host, Node: "n1"}
	root, err := m.Begin(t.Context(), compose.RootJob{ID: "c1", Release: "44", Arch: "x86_64", Read: []string{`/side "repo"`}, Write: []string{"/out"}})
	if err != nil {
		t.Fatal(err)
	}
	if path, err := root.Look("printenv", "coreutils"); err != nil || path != "printenv" {
		t.Fatalf("look: %q, %v", path, err)
	}
	var missing *proc.NotFoundError
	if _, err := root.Look("respin-no-such-tool", ""); !errors.As(err, &missing) {
		t.Fatalf("got %v", err)
	}
	// A command without arguments must not reach mock as a lone argument.
	if got := output(t, root, proc.Cmd{Name: "pwd", Dir: "/usr"}); got != "/usr\n" {
		t.Fatalf("got %q", got)
	}
	if got := output(t, root, proc.Cmd{Name: "echo", Args: []string{"$(id)", "; a  b"}, Env: []string{"X=1"}}); got != "$(id) ; a  b\n" {
		t.Fatalf("got %q", got)
	}
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
	base := []string{
		"-r", "fedora-44-x86_64", "--uniqueext=respin-n1.c1", "--isolation=simple", "--enable-network", "--enable-plugin=bind_mount",
		`--plugin-option=bind_mount:dirs=[("/side \"repo\"", "/side \"repo\""), ("/out", "/out")]`,
	}
	with := func(args ...string) []string { return append(append([]string{}, base...), args...) }
	want := [][]string{
		with("--init"), with("--install", "coreutils"), with("--quiet", "--chroot", "--", "/usr/bin/env", "which", "printenv"),
		with("--quiet", "--chroot", "--", "/usr/bin/env", "which", "respin-no-such-tool"),
		with("--quiet", "--cwd=/usr", "--chroot", "--", "/usr/bin/env", "pwd"),
		with("--quiet", "--chroot", "--", "/usr/bin/env", "X=1", "echo", "$(id)", "; a  b"), with("--clean"), with("--scrub=bootstrap"),
	}
	if diff := cmp.Diff(want, calls()); diff != "" {
		t.Fatal(diff)
	}
}

func TestMockCleansOnlyItsOwnChroots(t *testing.T) {
	t.Parallel()
	host, calls := standIn(t, "mock", mockStandIn)
	m := &runner.Mock{Host: host, Node: "n1", Dir: t.TempDir()}
	for _, name := range []string{"fedora-44-x86_64-respin-n1.c1", "fedora-44-x86_64-respin-n1-2.c1", "fedora-44-x86_64"} {
		if err := os.Mkdir(filepath.Join(m.Dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := m.Clean(t.Context())
	if err != nil || cmp.Diff([]string{"mock chroot fedora-44-x86_64-respin-n1.c1"}, removed) != "" {
		t.Fatalf("removed %q, %v", removed, err)
	}
	if got := calls(); len(got) != 2 || got[0][1] != "fedora-44-x86_64" || got[0][2] != "--uniqueext=respin-n1.c1" {
		t.Fatalf("calls %q", got)
	}
}

func TestPodmanRunsInImageOfRelease(t *testing.T) {
	t.Parallel()
	host, calls := standIn(t, "podman", podmanStandIn)
	side, out := t.TempDir(), t.TempDir()
	p := &runner.Podman{Host: host, Node: "n1", Images: map[string]string{"44": "example.org/tools:44"}, Volumes: []string{"respin-dnf:/var/cache/libdnf5"}, Limits: runner.Limits{Memory: 1 << 30, CPUs: 1.5}}
	if _, err := p.Begin(t.Context(), compose.RootJob{ID: "c1", Release: "43"}); err == nil {
		t.Fatal("ran without an image")
	}
	root, err := p.Begin(t.Context(), compose.RootJob{ID: "c1", Release: "44", Arch: "x86_64", Read: []string{side}, Write: []string{out}})
	if err != nil {
		t.Fatal(err)
	}
	if got := output(t, root, proc.Cmd{Name: "sh", Args: []string{"-c", "pwd; echo $X"}, Dir: "/usr", Env: []string{"X=a b"}}); got != "/usr\na b\n" {
		t.Fatalf("got %q", got)
	}
	want := [][]string{{
		"run", "--rm", "--privileged", "--pull=missing", "--network=host", "--memory=1073741824", "--cpus=1.5", "--volume=respin-dnf:/var/cache/libdnf5",
		"--volume=" + side + ":" + side + ":ro", "--volume=" + out + ":" + out + ":rw", "--name=respin-n1.c1-1", "--env=X=a b", "--workdir=/usr",
		"--entrypoint=sh", "example.org/tools:44", "-c", "pwd; echo $X",
	}}
	if diff := cmp.Diff(want, calls()); diff != "" {
		t.Fatal(diff)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := root.Run(ctx, proc.Cmd{Name: "sleep", Args: []string{"60"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if got := calls(); cmp.Diff([]string{"rm", "--force", "--ignore", "--time=0", "respin-n1.c1-2"}, got[len(got)-1]) != "" {
		t.Fatalf("the canceled container was not removed: %q", got)
	}
	removed, err := p.Clean(t.Context())
	if err != nil || cmp.Diff([]string{"container respin-n1.old-1"}, removed) != "" {
		t.Fatalf("removed %q, %v", removed, err)
	}
}
