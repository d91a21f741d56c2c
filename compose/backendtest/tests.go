package backendtest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

func capabilities(t *testing.T, s Suite) {
	t.Helper()
	made := s.Backend.Makes()
	if s.Backend.Name() == "" || len(made) == 0 {
		t.Fatalf("%q makes %v", s.Backend.Name(), made)
	}
	p := s.Plan(t)
	found := false
	for _, c := range made {
		if !slices.Contains(compose.Kinds(), c.Kind) || c.Kind == compose.KindRepo {
			t.Errorf("no kind for a back end: %q", c.Kind)
		}
		for _, arch := range c.Arches {
			if !slices.Contains(compose.Arches(), arch) {
				t.Errorf("no arch: %q", arch)
			}
		}
		found = found || c.Kind == p.Request.Kind
	}
	if !found {
		t.Errorf("the Plan's kind %q is none of %+v", p.Request.Kind, made)
	}
}

func describes(t *testing.T, s Suite) {
	t.Helper()
	p := s.Plan(t)
	p.Backend = s.Backend.Name()
	again := clone(t, p)
	for _, one := range []*compose.Plan{p, again} {
		if err := s.Backend.Describe(one); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("two copies of a Plan are described differently:\n%s", diff)
	}
	if (len(p.Argv) == 0) != s.NoTools || (len(p.Tools) == 0) != s.NoTools || p.Image == "" {
		t.Fatalf("argv %q, tools %v, image %q", p.Argv, p.Tools, p.Image)
	}
	if s.NoTools {
		return
	}
	for _, tool := range p.Tools {
		if tool.Package == "" || tool.Version != "" || tool.Options != nil {
			t.Errorf("a Plan names tools with packages, and does not know what a node has: %+v", tool)
		}
	}
	if isShell(p.Argv[0]) {
		t.Errorf("a shell: %q", p.Argv)
	}
	for _, arg := range p.Argv {
		if strings.Contains(arg, "/tmp/") || strings.Contains(arg, os.TempDir()+"/") || strings.Contains(arg, "$(") {
			t.Errorf("the argument %q knows a host", arg)
		}
	}
	if hidden := s.described(t); contains(hidden.Argv, secret) {
		t.Errorf("a secret in %q", hidden.Argv)
	}
}

// warns looks that nothing of the repo model is lost in silence.
func warns(t *testing.T, s Suite) {
	t.Helper()
	p := s.Plan(t)
	if len(p.Repos) == 0 {
		if len(s.Loses) > 0 {
			t.Error("the Plan has no repository to lose something of")
		}
		return // it installs nothing
	}
	set := map[string]func(*compose.Repo){
		"priority":    func(r *compose.Repo) { r.Priority = 7 },
		"cost":        func(r *compose.Repo) { r.Cost = 7 },
		"gpgcheck":    func(r *compose.Repo) { r.GPGCheck, r.GPGKeys = true, []string{"https://example.org/key.asc"} },
		"includepkgs": func(r *compose.Repo) { r.IncludePkgs = []string{"vim*"} },
		"excludepkgs": func(r *compose.Repo) { r.ExcludePkgs = []string{"vim*"} },
	}
	for field, change := range set {
		one := clone(t, p)
		one.Backend = s.Backend.Name()
		change(&one.Repos[0].Repo)
		if err := s.Backend.Describe(one); err != nil {
			t.Errorf("%s: %v", field, err)
			continue
		}
		warned := slices.ContainsFunc(one.Warnings, func(w compose.Warning) bool {
			return strings.HasPrefix(w.Field, "repos") && strings.HasSuffix(w.Field, field) && w.Sentence != "" && w.Code != ""
		})
		if lost := slices.Contains(s.Loses, field); lost != warned {
			t.Errorf("%s cannot be expressed: %t, and a warning: %t (%+v)", field, lost, warned, one.Warnings)
		}
	}
}

func missing(t *testing.T, s Suite) {
	t.Helper()
	_, err := s.Backend.Probe(t.Context(), &proc.Runner{Env: []string{"PATH=" + t.TempDir()}})
	if s.NoTools {
		if err != nil {
			t.Errorf("no tool is needed, and none is missed: %v", err)
		}
		return
	}
	var none *proc.NotFoundError
	if !errors.As(err, &none) || none.Tool == "" || none.Package == "" {
		t.Fatalf("got %v", err)
	}
}

func makes(t *testing.T, s Suite) {
	t.Helper()
	b := s.setUp(t, s.runner(t))
	made := s.build(t, b)
	if len(made.Artifacts) == 0 || made.Artifacts[0].Path != b.plan.Image {
		t.Fatalf("the first artifact is not %s: %+v", b.plan.Image, made.Artifacts)
	}
	seen := map[string]bool{}
	for _, a := range made.Artifacts {
		st, err := os.Lstat(filepath.Join(b.job.OutDir, filepath.FromSlash(a.Path)))
		if err != nil || !st.Mode().IsRegular() || a.Type == "" || a.Name == "" || seen[a.Path] || !fs.ValidPath(a.Path) {
			t.Errorf("artifact %+v: %v", a, err)
		}
		seen[a.Path] = true
	}
	if len(b.said) == 0 || !slices.IsSorted(b.said) || b.said[0] < 0 || b.said[len(b.said)-1] > 100 {
		t.Errorf("progress: %v", b.said)
	}
	proof, err := s.Backend.Verify(t.Context(), b.plan, b.job, made)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	if len(proof.Packages) != len(b.plan.RPMs) {
		t.Fatalf("%d entries for %d RPMs", len(proof.Packages), len(b.plan.RPMs))
	}
	for i, e := range proof.Packages {
		if r := &b.plan.RPMs[i]; e.Name != r.Name || e.Arch != r.Arch || e.Verdict == "" {
			t.Errorf("entry %d: %+v for %s", i, e, r.NEVRA)
		}
	}
	if !slices.IsSortedFunc(proof.Shipped, func(a, b compose.Shipped) int { return strings.Compare(a.NEVRA, b.NEVRA) }) {
		t.Error("the shipped packages are not sorted")
	}
}

func repeats(t *testing.T, s Suite) {
	t.Helper()
	var runs [][]compose.Command
	for range 2 {
		b := s.setUp(t, s.runner(t))
		made := s.build(t, b)
		if (len(made.Commands) == 0) != s.NoTools {
			t.Fatalf("recorded commands: %v", made.Commands)
		}
		for _, c := range made.Commands {
			if c.Tool == "" || len(c.Argv) == 0 || contains(c.Argv, b.root) {
				t.Errorf("the command %+v is without tool or tells a directory of the host", c)
			}
		}
		runs = append(runs, made.Commands)
	}
	if diff := cmp.Diff(runs[0], runs[1]); diff != "" {
		t.Errorf("the same Plan ran differently:\n%s", diff)
	}
}

func confined(t *testing.T, s Suite) {
	t.Helper()
	b := s.setUp(t, s.runner(t))
	before := list(t, b.root)
	s.build(t, b)
	if (len(b.ran.cmds) == 0) != s.NoTools {
		t.Errorf("run through the job's runner: %v", b.ran.cmds)
	}
	for _, c := range b.ran.cmds {
		if isShell(c.Name) || contains(c.Args, secret) || contains(c.Env, secret) {
			t.Errorf("a shell, or a secret in argv or environment: %s %q %q", c.Name, c.Args, c.Env)
		}
		if b.plan.Kickstart != "" && contains(c.Args, b.plan.Kickstart) {
			t.Errorf("the kickstart's text is an argument of %s", c.Name)
		}
	}
	for path := range list(t, b.root) {
		first, _, _ := strings.Cut(path, "/")
		if !before[path] && !slices.Contains([]string{"out", "logs", "cache", "tmp"}, first) {
			t.Errorf("%s was written outside the job's directories", path)
		}
	}
}

func list(t *testing.T, root string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		found[filepath.ToSlash(rel)] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func fails(t *testing.T, s Suite) {
	t.Helper()
	var b *bench
	if s.NoTools {
		b = s.setUp(t, nil)
		s.Spoil(t, b.plan, b.job)
	} else {
		b = s.setUp(t, s.Failing(t))
	}
	_, err := s.Backend.Build(t.Context(), b.plan, b.job)
	if err == nil {
		t.Fatal("a failing tool made an image")
	}
	failed := compose.Diagnose(t.Context(), compose.StageCompose, err)
	if f := failed.Failure; f.Code == compose.CodeInternal || f.Sentence == "" || f.Stage != compose.StageCompose {
		t.Errorf("failure %+v", f)
	}
	logs, _ := os.ReadDir(b.job.LogDir)
	if len(logs) == 0 && b.log.String() == "" {
		t.Error("no log is left")
	}
	b.nothingLeft(t)
}

func (b *bench) nothingLeft(t *testing.T) {
	t.Helper()
	if _, err := os.Lstat(b.image()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an image is left: %v", err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err == nil && strings.Contains(string(mounts), b.root) {
		t.Errorf("something is mounted:\n%s", mounts)
	}
}

func cancels(t *testing.T, s Suite) {
	t.Helper()
	if s.NoTools {
		cancelsAtFirstStep(t, s)
		return
	}
	runner, hangs := s.Hanging(t)
	runner.Grace = 100 * time.Millisecond
	b := s.setUp(t, runner)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	done := make(chan error, 1)
	go func() {
		_, err := s.Backend.Build(ctx, b.plan, b.job)
		done <- err
	}()
	var pids []int
	for len(pids) == 0 {
		select {
		case err := <-done:
			t.Fatalf("the hanging tool ended: %v\n%s", err, b.log.String())
		case <-time.After(20 * time.Millisecond):
			pids = hangs()
		}
	}
	cancel(compose.ErrCanceled)
	err := <-done
	if failed := compose.Diagnose(ctx, compose.StageCompose, err); err == nil || failed.Failure.Code != compose.CodeCanceled {
		t.Errorf("got %v", err)
	}
	for _, pid := range pids {
		gone(t, pid)
	}
	b.nothingLeft(t)
}

// cancelsAtFirstStep cancels what runs no program that could hang.
func cancelsAtFirstStep(t *testing.T, s Suite) {
	t.Helper()
	b := s.setUp(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	b.job.Progress = func(string, int, string) { cancel(compose.ErrCanceled) }
	_, err := s.Backend.Build(ctx, b.plan, b.job)
	if failed := compose.Diagnose(ctx, compose.StageCompose, err); err == nil || failed.Failure.Code != compose.CodeCanceled {
		t.Errorf("got %v", err)
	}
	b.nothingLeft(t)
}

// gone accepts a zombie: who reaps an orphan is the machine's business.
func gone(t *testing.T, pid int) {
	t.Helper()
	for range 1000 {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return
		}
		if _, after, ok := strings.Cut(string(stat), ") "); ok && after[0] == 'Z' {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

func canceledBefore(t *testing.T, s Suite) {
	t.Helper()
	b := s.setUp(t, s.runner(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Backend.Build(ctx, b.plan, b.job); err == nil {
		t.Error("an image was made after the cancellation")
	}
	b.nothingLeft(t)
}

func damaged(t *testing.T, s Suite) {
	t.Helper()
	b := s.setUp(t, s.runner(t))
	made := s.build(t, b)
	if s.Damage != nil {
		s.Damage(t, b.image())
	} else {
		st, err := os.Stat(b.image())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(b.image(), st.Size()/2); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Backend.Verify(t.Context(), b.plan, b.job, made); err == nil {
		t.Error("a damaged image was found to be right")
	}
}
