package runner_test

import (
	"context"
	"errors"
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

const image = "example.org/tools:44"

func TestPodmanRunsInTheImageOfTheRelease(t *testing.T) {
	t.Parallel()
	h, dir := tools(t, composetest.Roots{Registry: map[string][]string{image: {"lorax"}}})
	read, write := dirs(t)
	p := &runner.Podman{Host: h, Node: "n1", Images: map[string]string{"44": image}, Volumes: []string{"respin-dnf:/var/cache/libdnf5"}, Limits: runner.Limits{CPUs: 1.5}}
	root, err := p.Begin(t.Context(), compose.RootJob{ID: "c1", Release: "44", Arch: "x86_64", Read: []string{read}, Write: []string{write}})
	if err != nil {
		t.Fatal(err)
	}
	if path, err := root.Look("lorax", "lorax"); err != nil || path != "/usr/bin/lorax" {
		t.Fatalf("look: %q, %v", path, err)
	}
	if got := output(t, root, proc.Cmd{Name: "env", Env: []string{"X=a b"}}); !strings.Contains(got, "X=a b\n") || !strings.Contains(got, "container=podman\n") {
		t.Fatalf("got %q", got)
	}
	if got := output(t, root, proc.Cmd{Name: "ls", Args: []string{"kept"}, Dir: read}); got != "kept\n" {
		t.Fatalf("got %q", got)
	}
	var missing *proc.NotFoundError
	if err := root.Run(t.Context(), proc.Cmd{Name: "livemedia-creator", Package: "lorax-lmc-novirt"}); !errors.As(err, &missing) || missing.Where != "image "+image {
		t.Fatalf("got %v", err)
	}
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
	run := func(n string, args ...string) []string {
		return append([]string{
			"run", "--privileged", "--pull=never", "--log-driver=none", "--network=host", "--label=io.github.fedora-respin.node=respin-n1.", "--rm", "--cpus=1.5", "--volume=respin-dnf:/var/cache/libdnf5",
			"--volume=" + read + ":" + read + ":ro", "--volume=" + write + ":" + write + ":rw", "--name=respin-n1.c1-" + n,
		}, args...)
	}
	want := [][]string{
		{"--version"},
		{"image", "exists", image},
		{"pull", "--quiet", image},
		run("1", "--entrypoint=ls", image, "-d", "-L", "--", "/usr/local/bin/lorax", "/usr/local/sbin/lorax", "/usr/bin/lorax", "/usr/sbin/lorax"),
		{"rm", "--force", "--ignore", "--time=0", "respin-n1.c1-1"}, // ls ended with 2
		run("2", "--env=X=a b", "--entrypoint=env", image),
		run("3", "--workdir="+read, "--entrypoint=ls", image, "kept"),
		run("4", "--entrypoint=livemedia-creator", image),
		{"rm", "--force", "--ignore", "--time=0", "respin-n1.c1-4"},
	}
	if diff := cmp.Diff(want, callsOf(t, dir, "podman")); diff != "" {
		t.Fatal(diff)
	}
}

func TestPodmanSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		roots   composetest.Roots
		images  map[string]string
		release string
		read    string
		volumes []string
		says    string
	}{
		"too old":      {roots: composetest.Roots{Podman: "3.4.4"}, release: "44", says: "podman 3.4.4 of the build node is too old, 4.0 or newer is needed: update podman there"},
		"no image":     {images: map[string]string{"43": image}, release: "44", says: `no image is configured for release "44": name one in runner.images`},
		"odd image":    {images: map[string]string{"44": "--rm"}, release: "44", says: "no image is configured"},
		"cannot pull":  {images: map[string]string{"44": "example.org/gone:44"}, release: "44", says: "bring it by hand (podman pull), or correct runner.images"},
		"colon":        {release: "44", read: "/a:b", says: "no absolute path without colon and comma"},
		"relative":     {release: "44", read: "work/repo", says: "no absolute path"},
		"not in image": {images: map[string]string{"44": "example.org/empty:44"}, release: "44", says: "the tool lorax is not installed in image example.org/empty:44; install lorax"},
		"bad volume":   {release: "44", volumes: []string{"a b:/x"}, says: "invalid volume name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.roots.Images = map[string][]string{image: {"lorax"}, "example.org/empty:44": nil}
			h, _ := tools(t, tc.roots)
			if tc.images == nil {
				tc.images = map[string]string{"default": image}
			}
			p := &runner.Podman{Host: h, Node: "n1", Images: tc.images, Volumes: tc.volumes}
			job := compose.RootJob{ID: "c1", Release: tc.release, Arch: "x86_64"}
			if tc.read != "" {
				job.Read = []string{tc.read}
			}
			root, err := p.Begin(t.Context(), job)
			if err == nil {
				_, err = root.Look("lorax", "lorax")
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

func TestCanceledContainerIsGone(t *testing.T) {
	t.Parallel()
	h, dir := tools(t, composetest.Roots{Images: map[string][]string{image: {"lorax"}}, Inside: &composetest.Settings{Version: "46.0", Fail: "hang"}})
	p := &runner.Podman{Host: h, Node: "n1", Images: map[string]string{"default": image}}
	root, err := p.Begin(t.Context(), compose.RootJob{ID: "c1", Arch: "x86_64"})
	if err != nil {
		t.Fatal(err)
	}
	if err := root.Run(canceledAfter(t, 500*time.Millisecond), proc.Cmd{Name: "lorax"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if left := composetest.Containers(dir); len(left) > 0 {
		t.Fatalf("left: %q", left)
	}
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryLimitOfAContainerIsTyped(t *testing.T) {
	t.Parallel()
	h, _ := tools(t, composetest.Roots{Images: map[string][]string{image: {"lorax"}}, Inside: &composetest.Settings{Version: "46.0", Fail: "memory", AnyUser: true}})
	p := &runner.Podman{Host: h, Node: "n1", Images: map[string]string{"default": image}, Limits: runner.Limits{Memory: 128 << 20}}
	root, err := p.Begin(t.Context(), compose.RootJob{ID: "c1", Arch: "x86_64"})
	if err != nil {
		t.Fatal(err)
	}
	err = root.Run(t.Context(), greedy(t.TempDir(), "/tmp"))
	var limit *compose.LimitError
	if !errors.As(err, &limit) || limit.Resource != compose.ResourceMemory || limit.Bytes != 128<<20 {
		t.Fatalf("got %v", err)
	}
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
}

// greedy is a lorax that the stand-in accepts, up to where it takes what it was
// told to.
func greedy(logs, tmp string) proc.Cmd {
	return proc.Cmd{Name: "lorax", Dir: "/", Env: []string{"TMPDIR=/tmp"}, Args: []string{
		"--product=Fedora", "--version=44", "--release=44", "--source=http://127.0.0.1:1/", "--nomacboot", "--tmp=" + tmp,
		"--logfile=" + filepath.Join(map[bool]string{true: "/tmp", false: logs}[tmp == "/tmp"], "lorax.log"), filepath.Join(tmp, "result"),
	}}
}
