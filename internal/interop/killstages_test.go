//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/cli"
	"github.com/fedora-respin/respin/daemon/client"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// point is where a compose is broken off: when the log of its build has a line,
// or when a path of the data directory is there.
type point struct {
	stage compose.Stage
	log   string // a regular expression
	path  string // a glob, with ID for the compose
}

// stages are where every kind is broken off: each stage as it begins, half staged,
// and published but not yet recorded so.
var stages = []point{
	{stage: compose.StageFetch, log: "stage fetch:"},
	{stage: compose.StageSideRepo, log: "stage siderepo:"},
	{stage: compose.StageKickstart, log: "stage kickstart:"},
	{stage: compose.StageCompose, log: "stage compose:"},
	{stage: compose.StageVerify, log: "stage verify:"},
	{stage: compose.StagePublish, path: "images/.staging/ID.*/set/*"},
	{stage: compose.StagePublish, path: "images/ID"},
}

// during are points in a tool's run, by what it says.
func during(lines ...string) (list []point) {
	for _, line := range lines {
		list = append(list, point{stage: compose.StageCompose, log: line})
	}
	return list
}

// brittle are the kinds that run tools, with what their tools say on the way. What
// happens before and after the tool is the same for all of them: one is killed at
// every stage, the others from the tool on.
var brittle = map[string]struct{ kill, cancel []point }{
	"boot-iso": {
		kill:   slices.Concat(during("installing runtime packages", "Downloading 3 /", "creating the runtime image", "writing .treeinfo file"), stages[4:]),
		cancel: slices.Concat(stages, during("installing runtime packages", "Downloading 3 /")),
	},
	"live": {
		kill:   slices.Concat(stages[:4], during("Running anaconda", "Disk Image install successful", "Building boot.iso"), stages[4:]),
		cancel: slices.Concat(stages, during("Running anaconda")),
	},
	"dvd":      {kill: slices.Concat(during("xorriso waits", "mcopy waits"), stages[4:]), cancel: slices.Concat(stages[3:], during("xorriso waits"))},
	"remaster": {kill: slices.Concat(during("xorriso waits", "mcopy waits"), stages[4:]), cancel: slices.Concat(stages[3:], during("mcopy waits"))},
	"remaster --smoke-boot": {
		kill:   []point{{stage: compose.StageSmoke, log: "stage smoke:"}},
		cancel: []point{{stage: compose.StageSmoke, log: "stage smoke:"}},
	},
}

// A daemon and its node killed with SIGKILL, and composes canceled, at every stage
// of every kind that runs tools.
func TestKillAndCancelAtEveryStage(t *testing.T) {
	t.Parallel()
	bin, built := respinBinary(t), standInsBuilt(t)
	var mu sync.Mutex
	met := map[compose.Stage]bool{}
	t.Cleanup(func() {
		for _, s := range compose.Stages() {
			if !met[s] && !t.Failed() {
				t.Errorf("nothing was killed in stage %s", s)
			}
		}
	})
	for kind, at := range brittle {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, bin, built, composetest.Settings{Pace: 10})
			for _, name := range []string{"xorriso", "mcopy"} {
				put(t, filepath.Join(p.tools, name+".wait"), []byte("0.1\n"))
			}
			// What is fetched first comes slowly enough to be met.
			p.Hub.FailFiles(kojitest.Failures{Latency: 200 * time.Millisecond})
			p.start(t)
			kill := func(at ...point) {
				for _, stage := range p.killAt(t, kind, at...) {
					mu.Lock()
					met[stage] = true
					mu.Unlock()
				}
			}
			// A node may be lost twice over a compose.
			for pair := range slices.Chunk(at.kill, 2) {
				kill(pair...)
			}
			// The stage of a millisecond is not met each time.
			missed := func(s compose.Stage) bool {
				mu.Lock()
				defer mu.Unlock()
				return !met[s]
			}
			for try := 0; kind == "live" && missed(compose.StageKickstart) && try < 5; try++ {
				kill(stages[2])
			}
			if kind == "live" {
				p.killWhileResolving(t, kind)
			}
			if kind == "boot-iso" {
				p.killWhileHanging(t, kind)
				p.killAt(t, kind, during("running runtime-install.tmpl", "running runtime-install.tmpl", "running runtime-install.tmpl")...)
			}
			for _, at := range at.cancel {
				p.cancelAt(t, kind, at)
			}
		})
	}
}

// submit asks for a compose until the daemon has taken it.
func (p *plant) submit(t *testing.T, kind string) (id string) {
	t.Helper()
	p.orders++
	args := slices.Concat([]string{"build", "--fresh", "--quiet", "--idempotency-key", fmt.Sprintf("%s-%d", kind, p.orders)}, p.order(kind))
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		code, stdout, stderr := p.respin(t, args...)
		if code == 0 {
			return strings.TrimSpace(stdout)
		}
		if code != cli.ExitUnreachable {
			t.Fatalf("%s: exit code %d: %s", kind, code, stderr)
		}
	}
	t.Fatalf("%s: the request is not taken", kind)
	return ""
}

// await returns when a compose has come to a point; false when it ended before.
func (p *plant) await(t *testing.T, id string, at point) bool {
	t.Helper()
	re, asked := regexp.MustCompile(at.log), time.Now()
	for deadline := asked.Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Microsecond) {
		if at.path != "" {
			if there, _ := filepath.Glob(filepath.Join(p.dir, "data", strings.ReplaceAll(at.path, "ID", id))); len(there) > 0 {
				return true
			}
		} else if re.MatchString(p.buildLog(id)) {
			return true
		}
		if time.Since(asked) > 200*time.Millisecond {
			asked = time.Now()
			if c, err := p.api.Get(t.Context(), id); err == nil && c.State.Done() {
				return false
			}
		}
	}
	t.Errorf("%s does not come to %+v", id, at)
	return false
}

// buildLog is the log of the build that runs now.
func (p *plant) buildLog(id string) string {
	logs, _ := filepath.Glob(filepath.Join(p.dir, "data/work/job-"+id+".*/out/logs/compose.log"))
	if len(logs) == 0 {
		return ""
	}
	data, _ := os.ReadFile(logs[len(logs)-1])
	return string(data)
}

// reached is the last stage that a build's log names.
func reached(log string) compose.Stage {
	all := regexp.MustCompile(`(?m)^[0-9:]+ stage ([a-z]+):`).FindAllStringSubmatch(log, -1)
	if len(all) == 0 {
		return ""
	}
	return compose.Stage(all[len(all)-1][1])
}

// cancelAt cancels a compose at a point. It ends as canceled with nothing but its
// logs published, or whole where it was published already.
func (p *plant) cancelAt(t *testing.T, kind string, at point) {
	t.Helper()
	id := p.submit(t, kind)
	if !p.await(t, id, at) {
		t.Errorf("%s was over before %+v", kind, at)
		return
	}
	if _, err := p.api.Cancel(t.Context(), id); err != nil && at.stage != compose.StagePublish {
		t.Errorf("%s: cancel at %+v: %v", kind, at, err)
	}
	c := p.awaitEnd(t, id)
	switch {
	case c.State == compose.StateCanceled && c.Failure != nil && c.Failure.Code == compose.CodeCanceled:
		for _, a := range c.Artifacts {
			if a.Path != "plan.json" && a.Path != "report.json" {
				t.Errorf("%s, canceled at %+v: %s is published", kind, at, a.Path)
			}
		}
	case c.State == compose.StateSucceeded && (at.stage == compose.StageVerify || at.stage == compose.StagePublish):
	default:
		t.Errorf("%s, canceled at %+v: %s %+v", kind, at, c.State, c.Failure)
	}
	p.checkTidy(t)
	p.checkPublished(t, &c)
}

// killAt kills the daemon each time the compose has come to the next of the
// points, and starts it again. The compose succeeds and is published once, or has
// lost its node too often. It returns the stages that were really met.
func (p *plant) killAt(t *testing.T, kind string, list ...point) (met []compose.Stage) {
	t.Helper()
	id := p.submit(t, kind)
	for _, at := range list {
		if !p.await(t, id, at) {
			t.Errorf("%s was over before %+v", kind, at)
			break
		}
		p.daemon.kill()
		stage := at.stage
		if at.path == "" {
			stage = reached(p.buildLog(id))
		}
		met = append(met, stage)
		p.start(t)
	}
	c := p.awaitEnd(t, id)
	switch {
	case len(list) < 3 && c.State == compose.StateSucceeded:
	case len(list) == 3 && c.State == compose.StateFailed && c.Failure.Code == compose.CodeNodeLost:
	default:
		t.Errorf("%s, killed at %+v: %s %+v", kind, list, c.State, c.Failure)
	}
	p.checkTidy(t)
	if c.State == compose.StateSucceeded {
		p.checkPublished(t, &c)
	}
	return met
}

// killWhileHanging kills the daemon while its tool, and a child of that, do
// nothing and heed no signal but KILL.
func (p *plant) killWhileHanging(t *testing.T, kind string) {
	t.Helper()
	p.settings(t, func(s *composetest.Settings) { s.Fail = "hang" })
	id := p.submit(t, kind)
	if !p.await(t, id, point{log: "the stand-in hangs"}) {
		t.Errorf("%s does not hang", kind)
	}
	p.daemon.kill()
	pids := composetest.Hanging(p.tools)
	p.settings(t, func(s *composetest.Settings) { s.Fail = "" })
	p.start(t)
	if c := p.awaitEnd(t, id); c.State != compose.StateSucceeded {
		t.Errorf("%s, killed while its tool hung: %s %+v", kind, c.State, c.Failure)
	}
	p.checkTidy(t)
	for _, pid := range pids {
		if composetest.Alive(pid) {
			t.Errorf("%s: process %d is left", kind, pid)
		}
	}
	if len(pids) != 2 {
		t.Errorf("%s: processes %v of a tool with a child", kind, pids)
	}
}

// killWhileResolving kills the daemon before it has answered a request.
func (p *plant) killWhileResolving(t *testing.T, kind string) {
	t.Helper()
	before := p.all(t)
	p.Hub.Fail(kojitest.Failures{Latency: 100 * time.Millisecond})
	taken := make(chan string, 1)
	go func() { taken <- p.submit(t, kind) }()
	for deadline := time.Now().Add(10 * time.Second); len(p.all(t)) == len(before) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	p.daemon.kill()
	p.Hub.Fail(kojitest.Failures{})
	p.start(t)
	id := <-taken
	if c := p.awaitEnd(t, id); c.State != compose.StateSucceeded {
		t.Errorf("%s, killed while it was resolved: %s %+v", kind, c.State, c.Failure)
	}
	if after := p.all(t); len(after) != len(before)+1 {
		t.Errorf("%s: %d composes of one request", kind, len(after)-len(before))
	}
	p.checkTidy(t)
}

func (p *plant) all(t *testing.T) (list []api.Compose) {
	t.Helper()
	for c, err := range p.api.All(t.Context(), client.ListOptions{}) {
		if err == nil {
			list = append(list, c)
		}
	}
	return list
}

func (p *plant) awaitEnd(t *testing.T, id string) api.Compose {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		c, err := p.api.Get(ctx, id)
		if err == nil && c.State.Done() {
			return c
		}
		if ctx.Err() != nil {
			t.Fatalf("compose %s does not end: %v, %+v", id, err, c)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
