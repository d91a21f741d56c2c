package dvd_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/diagnose"
	"github.com/fedora-respin/respin/compose/dvd"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/lorax"
	"github.com/fedora-respin/respin/internal/proc"
)

// loraxBuilt is the stand-in for lorax, built once for the tests of the package;
// TestMain removes it.
var loraxBuilt struct { //nolint:gochecknoglobals // as it says
	once sync.Once
	dir  string
	err  error
}

// chain is a world whose boot.iso is made by the stand-in of lorax. It returns
// the folder of that.
func chain(t *testing.T, set composetest.Settings) (*world, string) {
	t.Helper()
	if compose.HostArch() != "x86_64" {
		t.Skip("the small Fedora's images are for x86_64, and lorax makes them on it only")
	}
	b := &loraxBuilt
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "respin-standin-"); b.err == nil { //nolint:usetesting // it outlives the first test
			b.err = composetest.Install(t.Context(), b.dir, composetest.Settings{})
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	set.AnyUser = true
	if set.Runtime == nil {
		set.Runtime = []string{"kernel", "bash", "greeter-libs"}
	}
	dir := t.TempDir()
	if err := composetest.Link(dir, filepath.Join(b.dir, "standin"), set); err != nil {
		t.Fatal(err)
	}
	runner := tools(t)
	for i, v := range runner.Env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			runner.Env[i] = "PATH=" + path + ":" + dir + ":" + os.Getenv("PATH")
		}
	}
	return newWorldOf(t, runner, &dvd.Backend{}, &lorax.Backend{}), dir
}

// noBase is a request for a DVD that names no base and asks for the side repo's
// greeter by name.
func (w *world) noBase() compose.Request {
	r := w.request()
	r.Base, r.Packages, r.Require = nil, []string{"@editors", "greeter"}, []string{"greeter>=2.3", "vim>=9"}
	return r
}

func TestWithoutABaseLoraxMakesItFirst(t *testing.T) {
	t.Parallel()
	w, _ := chain(t, composetest.Settings{})
	plan, err := w.resolver.Resolve(t.Context(), w.noBase())
	if err != nil {
		t.Fatal(err)
	}
	first := plan.First
	if first == nil || first.Kind != compose.KindBootISO || first.Backend != "lorax" || plan.Backend != "dvd" || plan.Needs(nil) != "dvd_boot-iso" || first.Image == plan.Image {
		t.Fatalf("%+v", first)
	}
	// Only what the side repo brings is asked for in the installer; vim is the release's.
	if !slices.Equal(first.Packages, []string{"greeter"}) || !slices.Equal(first.Require, []string{"greeter>=2.3"}) || slices.Contains(first.Argv, "--installpkgs=vim") ||
		!slices.Contains(first.Argv, "--installpkgs=greeter") || !slices.Contains(first.Argv, "--volid="+plan.VolID) {
		t.Errorf("%+v", first)
	}
	for _, warning := range plan.Warnings {
		t.Errorf("warning %+v", warning)
	}
	dir := t.TempDir()
	var log bytes.Buffer
	var steps []int
	result, err := w.builder.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir, Log: &log, Progress: func(p compose.Progress) {
		if p.Stage == compose.StageCompose {
			steps = append(steps, p.Percent)
		}
	}})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if !slices.IsSorted(steps) || steps[0] != 40 || steps[len(steps)-1] != 80 {
		t.Errorf("progress %v", steps)
	}
	var commands []string
	for _, c := range result.Commands {
		commands = append(commands, c.Argv[0])
		if strings.Contains(strings.Join(c.Argv, " "), dir) {
			t.Errorf("a path of the host in %q", c.Argv)
		}
	}
	if commands = slices.Compact(commands); !slices.Equal(commands, []string{"lorax", "mdir", "xorriso"}) && !slices.Equal(commands, []string{"lorax", "xorriso"}) {
		t.Errorf("commands %q", commands)
	}
	installer := map[string]compose.Verdict{}
	for _, e := range result.Packages {
		if e.Verdict != compose.VerdictIncluded || !strings.HasPrefix(e.Path, "/Packages/") || e.Installer == nil {
			t.Errorf("%+v", e)
			continue
		}
		installer[e.Name] = e.Installer.Verdict
	}
	want := map[string]compose.Verdict{
		"greeter": compose.VerdictIncluded, "greeter-libs": compose.VerdictIncluded, "hello-docs": compose.VerdictIncluded,
		"greeter-devel": compose.VerdictNotInstalled, "clock": compose.VerdictNotInstalled,
	}
	if diff := cmp.Diff(want, installer); diff != "" {
		t.Errorf("in the installer: %s", diff)
	}
	contents(t, dir, plan, result)
}

// contents looks at what a chained build leaves.
func contents(t *testing.T, dir string, plan *compose.Plan, result *compose.Result) {
	t.Helper()
	paths := map[string]bool{}
	for _, a := range slices.Concat(result.Artifacts, result.Logs) {
		paths[a.Path] = true
	}
	for _, path := range []string{plan.Image, "packages.txt", "metadata/rpms.json", "logs/lorax.log", "logs/program.log", "logs/pkglists.tar.gz", "logs/compose.log"} {
		if !paths[path] {
			t.Errorf("%s is not in the result", path)
		}
	}
	if paths[plan.First.Image] || paths["os/.treeinfo"] {
		t.Error("the boot.iso is published")
	}
	out := filepath.Join(dir, compose.OutDir)
	list, err := os.ReadFile(filepath.Join(out, "packages.txt"))
	if err != nil || !strings.Contains(string(list), "greeter-2.3-4.fc44.x86_64\n") || strings.Contains(string(list), "vim") {
		t.Errorf("installed: %v\n%s", err, list)
	}
	grub, err := iso.ReadFile(filepath.Join(out, plan.Image), "boot/grub2/grub.cfg", 1<<20)
	if err != nil || !strings.Contains(string(grub), "hd:LABEL="+plan.VolID+" ") {
		t.Errorf("%v\n%s", err, grub)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left in the work directory: %v %v", entries, err)
	}
}

func TestAFailureOfTheFirstStepPublishesNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		set   composetest.Settings
		code  compose.Code
		stage compose.Stage
		says  string
	}{
		"lorax fails": {set: composetest.Settings{Fail: "depsolve"}, code: compose.Code(diagnose.DependencyProblem), stage: compose.StageCompose},
		"wrong image": {set: composetest.Settings{Fail: "volid"}, code: compose.CodeVerifyFailed, stage: compose.StageVerify, says: "volume id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := chain(t, tc.set)
			plan, err := w.resolver.Resolve(t.Context(), w.noBase())
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			result, err := w.builder.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir})
			if err == nil || result.Failure == nil || result.Failure.Code != tc.code || result.Failure.Stage != tc.stage || !strings.Contains(result.Failure.Sentence, tc.says) {
				t.Fatalf("got %v, %+v", err, result.Failure)
			}
			logsOnly(t, dir)
		})
	}
}

func logsOnly(t *testing.T, dir string) {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err == nil && !e.IsDir() && !strings.HasPrefix(rel, "out/logs/") && rel != "out/plan.json" && rel != "out/report.json" {
			found = append(found, rel)
		}
		return err
	})
	if err != nil || len(found) > 0 {
		t.Errorf("left: %q, %v", found, err)
	}
}

func TestCancelEndsTheFirstStep(t *testing.T) {
	t.Parallel()
	w, tools := chain(t, composetest.Settings{Fail: "hang"})
	plan, err := w.resolver.Resolve(t.Context(), w.noBase())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	done := make(chan *compose.Result, 1)
	go func() {
		result, _ := w.builder.Build(ctx, plan, compose.Work{ID: "c1", Dir: dir})
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
	if result := <-done; result.Failure == nil || result.Failure.Code != compose.CodeCanceled {
		t.Errorf("failure %+v", result.Failure)
	}
	for _, pid := range pids {
		if composetest.Alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	logsOnly(t, dir)
}

func TestOnlyHostsWithBothToolsOfferTheChain(t *testing.T) {
	t.Parallel()
	w, _ := chain(t, composetest.Settings{})
	can, missing := w.builder.Offers(t.Context())
	if !slices.Contains(can, compose.Offer{Kind: "dvd_boot-iso", Arch: "x86_64"}) || slices.Contains(can, compose.Offer{Kind: "dvd_boot-iso", Arch: "s390x"}) || len(missing) > 0 {
		t.Errorf("%v, missing %v", can, missing)
	}
	network := compose.Network{CacheDir: t.TempDir()}
	b, err := compose.NewBuilder(network, compose.BuilderOptions{
		Backends: []compose.Backend{&dvd.Backend{}, &lorax.Backend{}}, Runner: &proc.Runner{Env: tools(t).Env},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	can, missing = b.Offers(t.Context())
	if !slices.Contains(can, compose.Offer{Kind: compose.KindDVD, Arch: "s390x"}) || slices.ContainsFunc(can, func(o compose.Offer) bool { return o.Kind == "dvd_boot-iso" }) ||
		!strings.Contains(missing["dvd_boot-iso"], "lorax") {
		t.Errorf("without lorax: %v, missing %v", can, missing)
	}
}

func TestWithoutLoraxNothingIsFetched(t *testing.T) {
	t.Parallel()
	w, _ := chain(t, composetest.Settings{})
	plan, err := w.resolver.Resolve(t.Context(), w.noBase())
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	b, err := compose.NewBuilder(compose.Network{CacheDir: cache, AllowLoopback: true, MinFree: 1 << 20}, compose.BuilderOptions{
		Backends: []compose.Backend{&dvd.Backend{}, &lorax.Backend{}}, Runner: &proc.Runner{Env: tools(t).Env},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	dir := t.TempDir()
	result, err := b.Build(t.Context(), plan, compose.Work{ID: "c1", Dir: dir})
	if err == nil || result.Failure.Code != compose.CodeToolMissing || !strings.Contains(result.Failure.Sentence, "lorax") {
		t.Errorf("%v %+v", err, result.Failure)
	}
	if files, _ := filepath.Glob(filepath.Join(cache, "cas", "sha256", "*", "*")); len(files) > 0 {
		t.Errorf("fetched: %q", files)
	}
	logsOnly(t, dir)
}

func TestWhoRunsScriptsWithoutABase(t *testing.T) {
	t.Parallel()
	for _, r := range []struct {
		base *compose.Base
		runs bool
	}{{nil, true}, {&compose.Base{}, true}, {&compose.Base{URL: "https://example.org/boot.iso"}, false}} {
		if got := (&compose.Request{Kind: compose.KindDVD, Base: r.base}).RunsScripts(); got != r.runs {
			t.Errorf("%+v: %t", r.base, got)
		}
	}
	if problems := (&compose.Request{Kind: compose.KindDVD, Base: &compose.Base{SHA256: strings.Repeat("0", 64)}}).Check(); len(problems) != 1 || problems[0].Code != compose.CodeBaseRequired {
		t.Errorf("a digest alone: %+v", problems)
	}
}

func TestTheFirstStepIsRefusedWithTheRest(t *testing.T) {
	t.Parallel()
	w, _ := chain(t, composetest.Settings{})
	for field, change := range map[string]func(*compose.Request){
		"base":                func(r *compose.Request) { r.Release = "37" }, // older than lorax's back end knows
		"options.rootfs_size": func(r *compose.Request) { r.Options.RootfsSize = 3 },
	} {
		req := w.noBase()
		change(&req)
		plan, err := w.resolver.Resolve(t.Context(), req)
		if refused, ok := errors.AsType[*compose.RefusedError](err); ok {
			if refused.Problems[0].Field != field || refused.Problems[0].Code != compose.CodeBaseRequired {
				t.Errorf("%s: %+v", field, refused.Problems)
			}
			continue
		}
		if err != nil || !slices.ContainsFunc(plan.Warnings, func(w compose.Warning) bool { return w.Field == field }) || !slices.Contains(plan.First.Argv, "--rootfs-size=3") {
			t.Errorf("%s: %v, %+v", field, err, plan)
		}
	}
	with := w.request()
	with.Options.RootfsType = "erofs"
	if plan, err := w.resolver.Resolve(t.Context(), with); err != nil || plan.First != nil || !slices.ContainsFunc(plan.Warnings, func(w compose.Warning) bool { return w.Field == "options.rootfs_type" }) {
		t.Errorf("with a base: %v, %+v", err, plan)
	}
}
