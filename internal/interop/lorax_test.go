//go:build interop

package interop_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/backendtest"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/lorax"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
)

// probeRPM is a package that no release has.
const probeRPM = "respin-probe-1.0-1.noarch"

// repoOf makes a repository of small packages.
func repoOf(t *testing.T, dir string, names ...string) {
	t.Helper()
	in := t.TempDir()
	var items []siderepo.Item
	for _, nevra := range names {
		parts := regexp.MustCompile(`^(.*)-([^-]+)-([^-]+)\.([^.]+)$`).FindStringSubmatch(nevra)
		path := filepath.Join(in, nevra+".rpm")
		data := rpmtest.Build(rpmtest.Spec{Name: parts[1], Version: parts[2], Release: parts[3], Arch: parts[4], Files: []rpmtest.File{{Path: "/usr/share/" + parts[1] + "/README", Data: []byte(nevra)}}})
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		items = append(items, siderepo.Item{Path: path, Name: nevra + ".rpm"})
	}
	if _, err := siderepo.Write(t.Context(), dir, items, siderepo.Options{ID: "c1", BaseURL: "https://example.org/", Time: time.Unix(1793000000, 0), Compression: repo.Gzip}); err != nil {
		t.Fatal(err)
	}
}

// loraxJob builds a boot.iso with the probe in it and verifies it.
func loraxJob(t *testing.T, runner *proc.Runner, release string, repos []compose.Repo) (image string, proof *compose.Proof, j *compose.BackendJob) {
	t.Helper()
	b := &lorax.Backend{}
	p := &compose.Plan{
		Request: compose.Request{Kind: compose.KindBootISO, Release: release, Arch: compose.HostArch(), Packages: []string{"respin-probe"}},
		RPMs:    []compose.PlanRPM{{NEVRA: probeRPM, Name: "respin-probe", Arch: "noarch", File: probeRPM + ".rpm"}},
		VolID:   "respin-interop-" + release, Image: "boot-" + release + ".iso", Final: true, Epoch: 1793000000,
	}
	for _, r := range repos {
		p.Repos = append(p.Repos, compose.PlanRepo{Repo: r})
	}
	if err := b.Describe(p); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	j = &compose.BackendJob{
		SideRepo: dir + "/side", OutDir: dir + "/out", LogDir: dir + "/logs", CacheDir: dir + "/cache", Temp: dir + "/tmp", Runner: runner, Log: t.Output(),
		Progress: func(stage string, percent int, message string) { t.Logf("%d%% %s: %s", percent, stage, message) },
	}
	for _, d := range []string{j.OutDir, j.LogDir, j.CacheDir, j.Temp} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	repoOf(t, j.SideRepo, probeRPM)
	var err error
	if j.Tools, err = b.Probe(t.Context(), runner); err != nil {
		t.Fatal(err)
	}
	made, err := b.Build(t.Context(), p, j)
	if err != nil {
		t.Fatal(err)
	}
	if proof, err = b.Verify(t.Context(), p, j, made); err != nil {
		t.Fatal(err)
	}
	if e := proof.Packages[0]; e.Verdict != compose.VerdictIncluded {
		t.Errorf("the probe: %+v", e)
	}
	return filepath.Join(j.OutDir, p.Image), proof, j
}

// The real lorax is in no package of Debian's, so this is not among what
// RESPIN_INTEROP promises: make interop-lorax runs it on a Fedora.
func TestRealLorax(t *testing.T) {
	runner := &proc.Runner{}
	path, err := runner.Look(lorax.Tool, lorax.Package)
	if err != nil {
		t.Skipf("there is no real lorax here (%v): sudo dnf install lorax, on a host of the release", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("lorax needs root")
	}
	release := os.Getenv("RESPIN_LORAX_RELEASE")
	if release == "" {
		data, err := os.ReadFile("/etc/os-release")
		m := regexp.MustCompile(`(?m)^VERSION_ID="?(\d+)`).FindStringSubmatch(string(data))
		if err != nil || m == nil {
			t.Skip("this host does not say its release; set RESPIN_LORAX_RELEASE")
		}
		release = m[1]
	}
	repos := compose.DefaultRepos(release, compose.HostArch(), true)
	if urls := os.Getenv("RESPIN_LORAX_REPOS"); urls != "" {
		repos = nil
		for i, u := range strings.Fields(urls) {
			repos = append(repos, compose.Repo{ID: "repo-" + string(rune('a'+i)), BaseURL: u})
		}
	}
	image, proof, _ := loraxJob(t, runner, release, repos)
	t.Logf("%s: %s with %d packages, volume %s", path, image, len(proof.Shipped), proof.Image.VolID)
}

func TestRemasterKeepsThePromisesOfBackEnds(t *testing.T) {
	t.Parallel()
	base := baseISO(t)
	bad := func(script string) (*proc.Runner, string) {
		dir := t.TempDir()
		script = "#!/bin/sh\ncase \"$*\" in *-version*|*--version*) echo 'xorriso 1.5.4'; exit 0;; esac\n" + script
		if err := os.WriteFile(filepath.Join(dir, "xorriso"), []byte(strings.ReplaceAll(script, "@DIR@", dir)), 0o755); err != nil {
			t.Fatal(err)
		}
		return &proc.Runner{Env: []string{"PATH=" + dir + ":" + os.Getenv("PATH")}}, dir
	}
	backendtest.Run(t, backendtest.Suite{
		Backend: &remaster.Backend{},
		Plan: func(*testing.T) *compose.Plan {
			return &compose.Plan{
				Request: compose.Request{Kind: compose.KindRemaster, Release: "44", Arch: "x86_64", BootArgs: []string{"inst.text"}},
				RPMs:    []compose.PlanRPM{{NEVRA: probeRPM, Name: "respin-probe", Arch: "noarch", File: probeRPM + ".rpm"}},
				Base:    &compose.PlanBase{URL: "https://example.org/boot.iso"}, Kickstart: "text\n", VolID: "F44", Image: "f44.iso", Epoch: 1793000000,
			}
		},
		Prepare: func(t *testing.T, _ *compose.Plan, j *compose.BackendJob) {
			t.Helper()
			repoOf(t, filepath.Join(j.SideRepo, "r"), probeRPM)
			j.SideRepo, j.Base = filepath.Join(j.SideRepo, "r"), base
		},
		Tools:   func(*testing.T) *proc.Runner { return &proc.Runner{} },
		Failing: func(*testing.T) *proc.Runner { r, _ := bad("echo 'libburn : SORRY : no' >&2; exit 5\n"); return r },
		Hanging: func(*testing.T) (*proc.Runner, func() []int) {
			r, dir := bad("trap '' TERM\nsleep 600 &\necho $$ $! >@DIR@/.p; mv @DIR@/.p @DIR@/pids\nwhile :; do sleep 1; done\n")
			return r, func() []int { return composetest.Hanging(dir) }
		},
	})
}
