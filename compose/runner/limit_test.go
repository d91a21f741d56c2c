package runner_test

import (
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/lorax"
	"github.com/fedora-respin/respin/compose/runner"
)

// Nothing of this is said to the stand-ins: they really take memory, disk or
// time, and give up with another error when nobody ends them.
func TestLimitsEndAComposeWithTheirCode(t *testing.T) {
	t.Parallel()
	needRoot(t)
	cache := t.TempDir()
	network := compose.Network{CacheDir: cache, AllowLoopback: true, MinFree: 1 << 20}
	plan := plans(t, network)[compose.KindBootISO]
	for name, tc := range map[string]struct {
		fail   string
		limits runner.Limits
		code   compose.Code
	}{
		"memory": {"memory", runner.Limits{Memory: 256 << 20}, compose.CodeOutOfMemory},
		"disk":   {"fill", runner.Limits{Disk: 64 << 20}, compose.CodeDiskLimit},
		"time":   {"hang", runner.Limits{Time: 2 * time.Second}, compose.CodeTimeLimit},
		"none":   {"", runner.Limits{Memory: 2 << 30, Disk: 1 << 30, Time: time.Minute}, ""},
	} {
		for _, kind := range []string{"host", "mock", "podman"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				inside := &composetest.Settings{Version: "46.0", Fail: tc.fail, AnyUser: true, Runtime: []string{"anaconda", "bash"}}
				h, _ := tools(t, composetest.Roots{Images: map[string][]string{image: {"lorax"}}, Inside: inside})
				o := compose.BuilderOptions{Backends: []compose.Backend{&lorax.Backend{}}, Runner: h}
				h.Limits = tc.limits
				switch kind {
				case "host":
					dir := t.TempDir()
					if err := composetest.Link(dir, built(t), *inside); err != nil {
						t.Fatal(err)
					}
					h.Proc.Env[0] = "PATH=" + dir
				case "mock":
					o.Roots = &runner.Mock{Host: h, Node: "n1"}
				case "podman":
					o.Roots = &runner.Podman{Host: h, Node: "n1", Images: map[string]string{"default": image}, Limits: tc.limits}
					h.Limits.Memory = 0 // as the daemon does: podman keeps it
				}
				b, err := compose.NewBuilder(network, o)
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				result, err := b.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: t.TempDir()})
				if closeErr := b.Close(); closeErr != nil {
					t.Error(closeErr)
				}
				switch {
				case tc.code == "" && err != nil:
					t.Fatal(err)
				case tc.code != "" && (result.Failure == nil || result.Failure.Code != tc.code || result.Failure.Remedy == ""):
					t.Fatalf("after %s: %v, %+v", time.Since(begun), err, result.Failure)
				case tc.code != "":
					t.Logf("after %s: %s", time.Since(begun).Round(time.Millisecond), result.Failure.Sentence)
				}
			})
		}
	}
}

func TestProcessorsThatCannotBeBoundedAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	h := &runner.Host{Limits: runner.Limits{CPUs: 1}}
	if held, err := h.Held(t.Context()); err == nil {
		t.Fatalf("held by %s", held)
	}
	h.Limits = runner.Limits{Memory: 1 << 30}
	held, err := h.Held(t.Context())
	if err != nil || held != "a mark in their environment, which is against accident only; their memory is looked at several times a second, as no memory controller is there" {
		t.Fatalf("%q, %v", held, err)
	}
}
