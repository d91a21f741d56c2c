package lorax_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/backendtest"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/diagnose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/lorax"
)

// pipeline is a small Fedora whose builder has the stand-ins.
type pipeline struct{ *backendtest.World }

func newPipeline(t *testing.T, set composetest.Settings) (*pipeline, string) {
	t.Helper()
	runner, dir := built.Runner(t, set)
	return &pipeline{backendtest.NewWorld(t, []compose.Backend{&lorax.Backend{}}, compose.ResolverOptions{}, compose.BuilderOptions{Runner: runner})}, dir
}

func (p *pipeline) request(t *testing.T) compose.Request {
	t.Helper()
	return compose.Request{
		Kind: compose.KindBootISO, Release: "44", Arch: "x86_64", Sources: []string{p.Fedora.Update}, Packages: []string{"greeter"},
		Require: []string{"greeter>=2.3", "bash>=5"}, Repos: []compose.Repo{{ID: "fedora", BaseURL: release(t)}},
	}
}

func TestUpdateGoesIntoABootISO(t *testing.T) {
	t.Parallel()
	p, _ := newPipeline(t, composetest.Settings{})
	plan, err := p.Resolve(t.Context(), p.request(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Repos) != 1 || len(plan.Repos[0].RepomdSHA256) != 64 || !plan.Final || !slices.Contains(plan.Argv, "--isfinal") {
		t.Errorf("repos %+v, final %t, argv %q", plan.Repos, plan.Final, plan.Argv)
	}
	dir := t.TempDir()
	var log bytes.Buffer
	result, err := p.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir, Log: &log})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	verdicts := map[string]compose.Verdict{}
	for _, e := range result.Packages {
		verdicts[e.Name] = e.Verdict
	}
	want := map[string]compose.Verdict{
		"greeter": compose.VerdictIncluded, "greeter-libs": compose.VerdictIncluded, "hello-docs": compose.VerdictIncluded,
		"greeter-devel": compose.VerdictNotInstalled, "clock": compose.VerdictNotInstalled,
	}
	if diff := cmp.Diff(want, verdicts); diff != "" {
		t.Error(diff)
	}
	out := filepath.Join(dir, compose.OutDir)
	info, err := iso.Inspect(filepath.Join(out, plan.Image))
	if err != nil || info.VolumeID != plan.VolID {
		t.Errorf("image: %v %+v", err, info)
	}
	paths := map[string]bool{}
	for _, a := range slices.Concat(result.Artifacts, result.Logs) {
		paths[a.Path] = len(a.SHA256) == 64
	}
	for _, path := range []string{plan.Image, "os/images/install.img", "os/images/pxeboot/vmlinuz", "os/.treeinfo", "packages.txt", "plan.json", "report.json", "logs/lorax.log", "logs/program.log", "logs/pkglists.tar.gz"} {
		if !paths[path] {
			t.Errorf("%s is not in the result", path)
		}
	}
	list, err := os.ReadFile(filepath.Join(out, "packages.txt"))
	if err != nil || !strings.Contains(string(list), "greeter-2.3-4.fc44.x86_64\n") || !strings.Contains(string(list), "bash-5.3-1.fc44.x86_64\n") {
		t.Errorf("packages.txt: %v\n%s", err, list)
	}
	if len(result.Commands) != 1 || strings.Contains(strings.Join(result.Commands[0].Argv, " "), dir) {
		t.Errorf("commands %+v", result.Commands)
	}
	onlyOut(t, dir)
}

// onlyOut looks that nothing but the result is left of a build.
func onlyOut(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != compose.OutDir {
		t.Errorf("left in the work directory: %v %v", entries, err)
	}
}

func TestFailedBootISOLeavesLogsOnly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		set   composetest.Settings
		code  compose.Code
		stage compose.Stage
	}{
		"lorax fails": {composetest.Settings{Fail: "depsolve"}, compose.Code(diagnose.DependencyProblem), compose.StageCompose},
		"wrong image": {composetest.Settings{Fail: "volid"}, compose.CodeVerifyFailed, compose.StageVerify},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := newPipeline(t, tc.set)
			plan, err := p.Resolve(t.Context(), p.request(t))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			result, err := p.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir})
			if err == nil || result.Failure == nil || result.Failure.Code != tc.code || result.Failure.Stage != tc.stage {
				t.Fatalf("got %v, %+v", err, result.Failure)
			}
			onlyLogs(t, dir)
		})
	}
}

func onlyLogs(t *testing.T, dir string) {
	t.Helper()
	onlyOut(t, dir)
	logs := 0
	err := filepath.WalkDir(filepath.Join(dir, compose.OutDir), func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(filepath.Join(dir, compose.OutDir), path)
		switch {
		case err != nil || e.IsDir():
		case strings.HasPrefix(rel, "logs/"):
			logs++
		case rel != "plan.json" && rel != "report.json":
			t.Errorf("%s is left", rel)
		}
		return err
	})
	if err != nil || logs < 1 {
		t.Errorf("%d logs, %v", logs, err)
	}
}

func TestCanceledBootISOLeavesNothing(t *testing.T) {
	t.Parallel()
	p, tools := newPipeline(t, composetest.Settings{Fail: "hang"})
	plan, err := p.Resolve(t.Context(), p.request(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	done := make(chan *compose.Result, 1)
	go func() {
		result, _ := p.Build(ctx, plan, compose.Work{ID: "c1", Dir: dir})
		done <- result
	}()
	for len(composetest.Hanging(tools)) == 0 {
		select {
		case result := <-done:
			t.Fatalf("lorax did not hang: %+v", result.Failure)
		case <-time.After(20 * time.Millisecond):
		}
	}
	pids := composetest.Hanging(tools)
	cancel(compose.ErrCanceled)
	result := <-done
	if result.Failure == nil || result.Failure.Code != compose.CodeCanceled || result.Failure.Stage != compose.StageCompose {
		t.Errorf("failure %+v", result.Failure)
	}
	for _, pid := range pids {
		if composetest.Alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if mounts, err := os.ReadFile("/proc/self/mounts"); err == nil && strings.Contains(string(mounts), dir) {
		t.Errorf("something is mounted:\n%s", mounts)
	}
	onlyLogs(t, dir)
}
