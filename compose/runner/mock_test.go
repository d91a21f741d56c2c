package runner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/runner"
	"github.com/fedora-respin/respin/internal/proc"
)

func TestMockRunsArgumentsInTheChrootAndCleansUp(t *testing.T) {
	t.Parallel()
	h, dir := tools(t, composetest.Roots{})
	read, write := dirs(t)
	m := &runner.Mock{Host: h, Node: "n1"}
	root, err := m.Begin(t.Context(), compose.RootJob{ID: "c1", Release: "44", Arch: "x86_64", Read: []string{read, filepath.Join(read, "gone")}, Write: []string{write}})
	if err != nil {
		t.Fatal(err)
	}
	if path, err := root.Look("lorax", "lorax"); err != nil || path != "/usr/bin/lorax" {
		t.Fatalf("look: %q, %v", path, err)
	}
	var missing *proc.NotFoundError
	if _, err := root.Look("livemedia-creator", ""); !errors.As(err, &missing) || missing.Where != "mock chroot fedora-44-x86_64" {
		t.Fatalf("got %v", err)
	}
	// A command without arguments must not reach mock as a lone argument, nor an
	// argument a shell.
	if got := output(t, root, proc.Cmd{Name: "env", Env: []string{"X=$(id) ; a"}}); !strings.Contains(got, "X=$(id) ; a\n") || !strings.Contains(got, "HOME=/builddir\n") {
		t.Fatalf("got %q", got)
	}
	if got := output(t, root, proc.Cmd{Name: "ls", Args: []string{"kept", filepath.Join(write, "kept")}, Dir: read}); got != "kept\n"+write+"/kept\n" {
		t.Fatalf("got %q", got)
	}
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
	base := []string{
		"-r", "fedora-44-x86_64", "--uniqueext=respin-n1.c1", "--isolation=simple", "--enable-network", "--enable-plugin=bind_mount",
		"--plugin-option=bind_mount:dirs=[(" + strings.Join([]string{py(read), py(read) + "), (" + py(write), py(write)}, ", ") + ")]",
	}
	with := func(args ...string) []string { return append(append([]string{}, base...), args...) }
	places := func(name string) []string {
		return with("--quiet", "--chroot", "--", "/usr/bin/env", "ls", "-d", "-L", "--", "/usr/local/bin/"+name, "/usr/local/sbin/"+name, "/usr/bin/"+name, "/usr/sbin/"+name)
	}
	want := [][]string{
		{"--version"},
		with("--print-root-path"), with("--init"), with("--install", "lorax"), places("lorax"), places("livemedia-creator"),
		with("--quiet", "--chroot", "--", "/usr/bin/env", "X=$(id) ; a", "env"),
		with("--quiet", "--cwd="+read, "--chroot", "--", "/usr/bin/env", "ls", "kept", filepath.Join(write, "kept")),
		with("--clean"), with("--scrub=bootstrap"),
	}
	if diff := cmp.Diff(want, callsOf(t, dir, "mock")); diff != "" {
		t.Fatal(diff)
	}
	for _, kept := range []string{read, write} {
		if _, err := os.Stat(filepath.Join(kept, "kept")); err != nil {
			t.Error(err)
		}
	}
}

// py writes a text as Python does in double quotes, as far as the tests go.
func py(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, "ü", `\u00fc`).Replace(s) + `"`
}

func TestMockSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		roots   composetest.Roots
		release string
		read    string
		pkg     string
		says    string
	}{
		"too old":           {roots: composetest.Roots{Mock: "1.4.21"}, release: "44", says: "mock 1.4.21 of the build node is too old, 2.0 or newer is needed: update mock there"},
		"no configuration":  {release: "43", says: "mock has no configuration fedora-43-x86_64: update mock-core-configs, or name one for this release in runner.configs"},
		"stream":            {release: "9", says: "mock has no configuration centos-stream-9-x86_64"},
		"odd release":       {release: "../44", says: "is no release"},
		"relative path":     {release: "44", read: "here/repo", says: "is no absolute path"},
		"no UTF-8":          {release: "44", read: "/a\xff", says: "is no absolute path of UTF-8 characters"},
		"no such package":   {release: "44", pkg: "nosuch", says: "install nosuch in mock chroot fedora-44-x86_64"},
		"not in the chroot": {release: "44", says: "the tool lorax is not installed in mock chroot fedora-44-x86_64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := tools(t, tc.roots)
			m := &runner.Mock{Host: h, Node: "n1"}
			job := compose.RootJob{ID: "c1", Release: tc.release, Arch: "x86_64"}
			if tc.read != "" {
				job.Read = []string{tc.read}
			}
			root, err := m.Begin(t.Context(), job)
			if err == nil {
				_, err = root.Look("lorax", tc.pkg)
				if closeErr := root.Close(); closeErr != nil {
					t.Error(closeErr)
				}
			}
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestCanceledMockLeavesNothing(t *testing.T) {
	t.Parallel()
	h, _ := tools(t, composetest.Roots{Packages: map[string][]string{"lorax": {"lorax"}}, Inside: &composetest.Settings{Version: "46.0", Fail: "hang"}})
	m := &runner.Mock{Host: h, Node: "n1"}
	root, err := m.Begin(t.Context(), compose.RootJob{ID: "c1", Release: "44", Arch: "x86_64"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := root.Look("lorax", "lorax"); err != nil {
		t.Fatal(err)
	}
	// lorax ignores TERM, and has a child in the session that mock made for it.
	if err := root.Run(canceledAfter(t, 500*time.Millisecond), proc.Cmd{Name: "lorax"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMockCleansOnlyItsOwnChroots(t *testing.T) {
	t.Parallel()
	h, dir := tools(t, composetest.Roots{Configs: []string{"fedora-44-x86_64", "mine"}})
	base := filepath.Join(dir, "roots", "mock")
	m := &runner.Mock{Host: h, Node: "cleans", Dir: base, Configs: map[string]string{"44": "mine"}}
	others := []string{"fedora-44-x86_64", "fedora-44-x86_64-respin-cleans-2.c1"}
	for _, name := range append([]string{"fedora-44-x86_64-respin-cleans.c1", "fedora-44-x86_64-bootstrap-respin-cleans.c1", "mine-respin-cleans.c2", "unknown-respin-cleans.c3"}, others...) {
		if err := os.MkdirAll(filepath.Join(base, name, "root"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := m.Clean(t.Context())
	if err == nil || !strings.Contains(err.Error(), "unknown-respin-cleans.c3: none of the configurations") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"mock chroot fedora-44-x86_64-respin-cleans.c1", "mock chroot mine-respin-cleans.c2"}, removed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(append(others, "unknown-respin-cleans.c3"), composetest.Chroots(dir)); diff != "" {
		t.Error(diff)
	}
	if err := os.RemoveAll(base); err != nil {
		t.Fatal(err)
	}
}

// mock --clean removes through mounts that it does not know of, and a killed mock
// leaves those of its composes where mounts are shared with the host.
func TestLeftMountsInAMockChrootAreNotRemovedThrough(t *testing.T) {
	t.Parallel()
	h, dir := tools(t, composetest.Roots{})
	_, write := dirs(t)
	base := filepath.Join(dir, "roots", "mock")
	m := &runner.Mock{Host: h, Node: "mounts", Dir: base}
	at := filepath.Join(base, "fedora-44-x86_64-respin-mounts.c1", "root", write)
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := mountBind(write, at); err != nil {
		t.Fatal(err)
	}
	removed, err := m.Clean(t.Context())
	if err != nil || len(removed) != 1 {
		t.Fatalf("removed %q, %v", removed, err)
	}
	if _, err := os.Stat(filepath.Join(write, "kept")); err != nil {
		t.Fatal(err)
	}
}
