// Package backendtest holds the suite that every back end of compose passes:
// what compose.Backend promises, asked of a back end with its tools, or with
// stand-ins for them that keep the tools' rules.
//
//	func TestConformance(t *testing.T) {
//		backendtest.Run(t, backendtest.Suite{
//			Backend: &lorax.Backend{},
//			Plan:    func(t *testing.T) *compose.Plan { return examplePlan() },
//			Prepare: func(t *testing.T, p *compose.Plan, j *compose.BackendJob) { writeSideRepo(t, j.SideRepo) },
//			Tools:   func(t *testing.T) *proc.Runner { return standIns(t, "") },
//			Failing: func(t *testing.T) *proc.Runner { return standIns(t, "fail") },
//			Hanging: func(t *testing.T) (*proc.Runner, func() []int) { return standIns(t, "hang"), pids },
//		})
//	}
package backendtest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// Suite is a back end with all that it is tried with.
type Suite struct {
	Backend compose.Backend
	// Plan makes a Plan that the back end can carry out, as the resolver hands
	// it to Describe: complete, but for what Describe writes.
	Plan func(*testing.T) *compose.Plan
	// Prepare puts the inputs of a build into the job's directories: the side
	// repo, the base, the kickstart. It may set Base and Kickstart.
	Prepare func(*testing.T, *compose.Plan, *compose.BackendJob)
	// Tools is where the tools work, Failing where they start and then end with
	// an error after saying something.
	Tools, Failing func(*testing.T) *proc.Runner
	// Hanging is where a tool never ends and ignores TERM; the function returns
	// the ids of its processes once it hangs.
	Hanging func(*testing.T) (*proc.Runner, func() []int)
	// NoTools says that the back end runs no program: Tools, Failing and Hanging
	// are left out, Spoil is given, and the build is canceled at its first step.
	NoTools bool
	// Spoil damages the inputs of a build, so that it fails.
	Spoil func(*testing.T, *compose.Plan, *compose.BackendJob)
	// Loses are the fields of a compose.Repo that the back end cannot express,
	// by their JSON names.
	Loses []string
	// Damage makes a finished image one that Verify must refuse. Default: its
	// second half is lost.
	Damage func(t *testing.T, image string)
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Suite){
		"says what it makes":                        capabilities,
		"describes from the Plan alone":             describes,
		"warns of what it cannot express":           warns,
		"names the package of a missing tool":       missing,
		"makes what the Plan says":                  makes,
		"runs the same commands for the same Plan":  repeats,
		"keeps its word only to itself":             confined,
		"fails with logs and without an image":      fails,
		"leaves nothing when canceled":              cancels,
		"does not begin when canceled before":       canceledBefore,
		"refuses an image that is not what it made": damaged,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

// secret stands where a Plan may hold secrets; no argv may.
const secret = "S3cretThatNobodySees"

// described is the Suite's Plan after Describe.
func (s *Suite) described(t *testing.T) *compose.Plan {
	t.Helper()
	p := s.Plan(t)
	p.Request.Title, p.Request.Labels = secret, map[string]string{"note": secret}
	p.Request.Notify = []compose.Notify{{Email: secret + "@example.org"}}
	if p.Base != nil {
		p.Base.URL += "?token=" + secret
	}
	p.Backend = s.Backend.Name()
	if err := s.Backend.Describe(p); err != nil {
		t.Fatalf("describe: %v", err)
	}
	return p
}

// bench is one build's surroundings.
type bench struct {
	root string
	plan *compose.Plan
	job  *compose.BackendJob
	log  *safeBuffer
	ran  *spy
	said []int
	busy atomic.Bool
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p) //nolint:wrapcheck // a buffer does not fail
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// spy sees every command that is really run.
type spy struct {
	compose.Runner
	mu   sync.Mutex
	cmds []proc.Cmd
}

func (r *spy) Run(ctx context.Context, c proc.Cmd) error {
	r.mu.Lock()
	r.cmds = append(r.cmds, c)
	r.mu.Unlock()
	return r.Runner.Run(ctx, c) //nolint:wrapcheck // the error is the runner's to say
}

// setUp makes the directories of a build below a folder of their own.
func (s *Suite) setUp(t *testing.T, runner compose.Runner) *bench {
	t.Helper()
	if runner == nil { // no program is found through it
		runner = &proc.Runner{Env: []string{"PATH=" + t.TempDir()}}
	}
	b := &bench{root: t.TempDir(), plan: s.described(t), log: &safeBuffer{}, ran: &spy{Runner: runner}}
	dir := func(name string) string {
		path := filepath.Join(b.root, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	b.job = &compose.BackendJob{
		SideRepo: dir("side"), OutDir: dir("out"), LogDir: dir("logs"), CacheDir: dir("cache"), Temp: dir("tmp"), Runner: b.ran, Log: b.log,
		Progress: func(_ string, percent int, _ string) {
			if !b.busy.CompareAndSwap(false, true) {
				t.Error("two goroutines report progress at a time")
				return
			}
			b.said = append(b.said, percent)
			b.busy.Store(false)
		},
	}
	if b.plan.Kickstart != "" {
		b.job.Kickstart = filepath.Join(b.root, "frozen.ks")
		if err := os.WriteFile(b.job.Kickstart, []byte(b.plan.Kickstart), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Prepare(t, b.plan, b.job)
	tools, err := s.Backend.Probe(t.Context(), runner)
	if err != nil {
		t.Fatalf("probe: %v", err)
	}
	b.job.Tools = tools
	return b
}

// runner is where the tools work, nil without any.
func (s *Suite) runner(t *testing.T) compose.Runner {
	t.Helper()
	if s.NoTools {
		return nil
	}
	return s.Tools(t)
}

func (s *Suite) build(t *testing.T, b *bench) *compose.Made {
	t.Helper()
	made, err := s.Backend.Build(t.Context(), b.plan, b.job)
	if err != nil {
		t.Fatalf("build: %v\n%s", err, b.log.String())
	}
	return made
}

func (b *bench) image() string {
	return filepath.Join(b.job.OutDir, filepath.FromSlash(b.plan.Image))
}

func isShell(name string) bool {
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "zsh", "ksh", "env", "su", "sudo"}, filepath.Base(name))
}

// clone copies a Plan deeply.
func clone(t *testing.T, p *compose.Plan) *compose.Plan {
	t.Helper()
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var c compose.Plan
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

func contains(args []string, text string) bool {
	return slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, text) })
}
