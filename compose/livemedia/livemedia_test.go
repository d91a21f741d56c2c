package livemedia_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/backendtest"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/livemedia"
	"github.com/fedora-respin/respin/internal/proc"
)

var update = flag.Bool("update", false, "write the golden files") //nolint:gochecknoglobals // a flag of the test binary

func release(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	backendtest.Repo(t, dir+"/repo", releaseRPMs())
	srv := httptest.NewServer(http.FileServer(http.Dir(dir + "/repo")))
	t.Cleanup(srv.Close)
	return srv.URL + "/"
}

func backend(t *testing.T) *livemedia.Backend {
	t.Helper()
	return &livemedia.Backend{Lock: filepath.Join(t.TempDir(), "lock")}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	url := release(t)
	tools := func(fail string) func(*testing.T) *proc.Runner {
		return func(t *testing.T) *proc.Runner {
			t.Helper()
			runner, _ := built.Runner(t, composetest.Settings{Fail: fail})
			return runner
		}
	}
	b := backend(t)
	t.Run("suite", func(t *testing.T) {
		t.Parallel()
		backendtest.Run(t, backendtest.Suite{
			Backend: b,
			Plan: func(*testing.T) *compose.Plan {
				p := plan(compose.KindLive, url)
				p.Repos = []compose.PlanRepo{{Repo: compose.Repo{ID: "extra", BaseURL: url}}}
				return p
			},
			Prepare: func(t *testing.T, _ *compose.Plan, j *compose.BackendJob) {
				t.Helper()
				backendtest.Repo(t, j.SideRepo+"/r", sideRPMs())
				j.SideRepo += "/r"
			},
			Tools: tools(""), Failing: tools("anaconda"), Loses: []string{"priority", "gpgcheck"},
			Hanging: func(t *testing.T) (*proc.Runner, func() []int) {
				t.Helper()
				runner, dir := built.Runner(t, composetest.Settings{Fail: "hang"})
				return runner, func() []int { return composetest.Hanging(dir) }
			},
		})
	})
}

func build(ctx context.Context, t *testing.T, b *livemedia.Backend, p *compose.Plan, set composetest.Settings) (*compose.Made, *compose.BackendJob, error) {
	t.Helper()
	if err := b.Describe(p); err != nil {
		t.Fatal(err)
	}
	runner, _ := built.Runner(t, set)
	dir := t.TempDir()
	j := &compose.BackendJob{
		SideRepo: dir + "/side", OutDir: dir + "/out", LogDir: dir + "/logs", CacheDir: dir + "/cache", Temp: dir + "/tmp",
		Runner: runner, Progress: func(string, int, string) {}, Log: &bytes.Buffer{},
	}
	for _, d := range []string{j.OutDir, j.LogDir, j.CacheDir, j.Temp} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	backendtest.Repo(t, j.SideRepo, sideRPMs())
	var err error
	if j.Tools, err = b.Probe(t.Context(), runner); err != nil {
		t.Fatal(err)
	}
	made, err := b.Build(ctx, p, j)
	return made, j, err
}

func kinds() []compose.Kind {
	return []compose.Kind{compose.KindLive, compose.KindDisk, compose.KindPXELive, compose.KindTar, compose.KindOCI}
}

func TestEveryKindIsMadeAndProven(t *testing.T) {
	t.Parallel()
	url := release(t)
	for _, kind := range kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p, b := plan(kind, url), backend(t)
			made, j, err := build(t.Context(), t, b, p, composetest.Settings{})
			if err != nil {
				t.Fatalf("%v\n%s", err, j.Log)
			}
			proof, err := b.Verify(t.Context(), p, j, made)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, e := range proof.Packages {
				got[e.Name] = string(e.Verdict) + " " + e.Shipped
			}
			want := map[string]string{"anaconda": "included 44.12-1.fc44", "anaconda-core": "included 44.12-1.fc44", "anaconda-live": "not-installed ", "hello": "included 10-1.fc44"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if !slices.Contains(proof.Shipped, compose.Shipped{NEVRA: "kernel-6.17.0-1.fc44.x86_64", From: "anaconda"}) {
				t.Errorf("shipped %+v", proof.Shipped)
			}
			for _, name := range []string{"livemedia.log", "program.log", "anaconda/packaging.log"} {
				if _, err := os.Stat(filepath.Join(j.LogDir, name)); err != nil {
					t.Error(err)
				}
			}
			if kind == compose.KindPXELive && !slices.ContainsFunc(made.Artifacts, func(a compose.Artifact) bool { return a.Path == "vmlinuz-6.17.0" && a.Type == compose.ArtifactBoot }) {
				t.Errorf("artifacts %+v", made.Artifacts)
			}
		})
	}
}

func TestArgvIsFrozenForKindsReleasesAndVersions(t *testing.T) {
	t.Parallel()
	url := release(t)
	check := func(t *testing.T, name, text string) {
		t.Helper()
		path := filepath.Join("testdata", "golden", name+".txt")
		if *update {
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	names := map[string]string{"42": "F42", "43": "F43", "44": "F44", "45": "F45", "rawhide": "Frawhide", "10": "EL10", "eln": "eln"}
	for release, prefix := range names {
		for _, kind := range kinds() {
			p := plan(kind, "http://release/")
			p.Request.Release, p.Final, p.Image, p.VolID = release, release < "45", "Fedora-"+release+"-"+string(kind)+"-x86_64.iso", "Fedora-"+release+"-live-x86_64"
			if err := backend(t).Describe(p); err != nil {
				t.Fatal(err)
			}
			check(t, prefix+"-"+string(kind), strings.Join(p.Argv, "\n")+"\n---\n"+p.Kickstart)
		}
	}
	virt := plan(compose.KindLive, "http://release/")
	virt.Request.Options.Virt, virt.Request.BootArgs, virt.Base = true, []string{"console=ttyS0", "quiet"}, &compose.PlanBase{URL: "http://release/boot.iso"}
	if err := backend(t).Describe(virt); err != nil {
		t.Fatal(err)
	}
	check(t, "F44-live-virt", strings.Join(virt.Argv, "\n")+"\n")
	for _, version := range []string{"40.5", "41.3", "43.0", "46.0"} {
		made, _, err := build(t.Context(), t, backend(t), plan(compose.KindLive, url), composetest.Settings{Version: version})
		if err != nil {
			t.Fatal(err)
		}
		check(t, "livemedia-creator-"+version, strings.Join(made.Commands[0].Argv, "\n")+"\n")
	}
}

func TestKickstartsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*compose.Plan)
		code   compose.Code
	}{
		"none":           {func(p *compose.Plan) { p.Kickstart = "" }, compose.CodeBadKickstart},
		"no dracut-live": {func(p *compose.Plan) { p.Kickstart = strings.ReplaceAll(p.Kickstart, "dracut-live\n", "") }, compose.CodeBadKickstart},
		"no network":     {func(p *compose.Plan) { p.Kickstart = strings.ReplaceAll(p.Kickstart, "network ", "# ") }, compose.CodeBadKickstart},
		"open include":   {func(p *compose.Plan) { p.Kickstart += "%include other.ks\n" }, compose.CodeBadKickstart},
		"virt, no base":  {func(p *compose.Plan) { p.Request.Options.Virt = true }, compose.CodeBaseRequired},
		"volume id":      {func(p *compose.Plan) { p.VolID = "a b" }, compose.CodeBadVolID},
	} {
		p := plan(compose.KindLive, "http://release/")
		tc.change(p)
		err := backend(t).Describe(p)
		if refused, ok := errors.AsType[*compose.RefusedError](err); !ok || !refused.Has(tc.code) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestFailedInstallationIsTold(t *testing.T) {
	t.Parallel()
	_, _, err := build(t.Context(), t, backend(t), plan(compose.KindLive, release(t)), composetest.Settings{Fail: "anaconda"})
	f := compose.Diagnose(t.Context(), compose.StageCompose, err).Failure
	if f.Code != compose.CodeToolFailed || !strings.Contains(f.Sentence, "Running anaconda failed") {
		t.Errorf("got %+v", f)
	}
}

// Two anacondas on one host would write over each other's root.
func TestOneBuildOfAHostRunsAnaconda(t *testing.T) {
	t.Parallel()
	b := backend(t)
	f, err := os.Create(b.Lock)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	_, _, err = build(ctx, t, b, plan(compose.KindLive, release(t)), composetest.Settings{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// The forms are those of anaconda's branches fedora-42 and rhel-10 (dnf 4), and of
// fedora-43 and main (libdnf5); packaging.log and the log of a virtual machine.
func TestInstalledPackagesAreReadFromEveryAnaconda(t *testing.T) {
	t.Parallel()
	const logger = "anaconda.modules.payloads.payload.dnf.transaction_progress:"
	for name, text := range map[string]string{
		"dnf 4": "INFO:" + logger + "Installed: bash-5.2.37-1.fc42.x86_64 1748772557 0a1b2c\nINFO:" + logger + "Configuring (running scriptlet for): glibc-2.41-5.fc42.x86_64 1748772557 0a1b2c\n" +
			"INFO:" + logger + "Installed: vim-minimal-2:9.1.1-1.fc42.x86_64 1748772557 0a1b2c\n",
		"libdnf5": "DEBUG:" + logger + "Starting the installation. Total packages: 2\nDEBUG:" + logger + "Installing - bash-0:5.2.37-1.fc42.x86_64\nDEBUG:" + logger + "Configuring - unknown, glibc-0:2.41-5.fc42.x86_64, Trans fileTriggerIn\n" +
			"DEBUG:" + logger + "Installing - vim-minimal-2:9.1.1-1.fc42.x86_64\nDEBUG:" + logger + "Done - True\n",
		"virtual machine": "03:23:44,301 WARNING org.fedoraproject.Anaconda.Modules.Payloads:DEBUG:" + logger + "Installing - bash-0:5.2.37-1.fc42.x86_64\nInstalling bash.x86_64 (1/2)\n" +
			"03:23:44,302 WARNING org.fedoraproject.Anaconda.Modules.Payloads:DEBUG:" + logger + "Installing - vim-minimal-2:9.1.1-1.fc42.x86_64\n",
	} {
		p, dir := plan(compose.KindTar, "http://release/"), t.TempDir()
		p.Image = "x"
		log := filepath.Join(dir, "anaconda", "packaging.log")
		if name == "virtual machine" {
			log = filepath.Join(dir, "virt-install.log")
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(log), 0o755), os.WriteFile(log, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "x"), []byte("\xfd7zXZ\x00"), 0o600)); err != nil {
			t.Fatal(err)
		}
		proof, err := (&livemedia.Backend{}).Verify(t.Context(), p, &compose.BackendJob{OutDir: dir, LogDir: dir}, &compose.Made{Artifacts: []compose.Artifact{{Path: "x"}}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := []compose.Shipped{{NEVRA: "bash-5.2.37-1.fc42.x86_64", From: "anaconda"}, {NEVRA: "vim-minimal-2:9.1.1-1.fc42.x86_64", From: "anaconda"}}
		if diff := cmp.Diff(want, proof.Shipped); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func FuzzLog(f *testing.F) {
	f.Add("12:00 INF packaging: Installed: vim-2:9.1-1.fc44.x86_64 1793000000 abcdef\n")
	f.Add("DEBUG:x:Installing - vim-2:9.1-1.fc44.x86_64\nDEBUG:x:Installing - -0:.\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "anaconda"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "anaconda", "packaging.log"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := plan(compose.KindTar, "http://release/")
		p.Image = "x"
		if err := os.WriteFile(filepath.Join(dir, "x"), []byte("\xfd7zXZ\x00"), 0o600); err != nil {
			t.Fatal(err)
		}
		j := &compose.BackendJob{OutDir: dir, LogDir: dir}
		_, _ = (&livemedia.Backend{}).Verify(t.Context(), p, j, &compose.Made{Artifacts: []compose.Artifact{{Path: "x"}}}) // must not panic
	})
}
