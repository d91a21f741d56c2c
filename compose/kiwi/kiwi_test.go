package kiwi_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/backendtest"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/kiwi"
	"github.com/fedora-respin/respin/internal/proc"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	url := release(t)
	data := archive(t, files(url))
	for _, version := range []string{"10.3.11", "11.1.6"} {
		tools := func(fail string) func(*testing.T) *proc.Runner {
			return func(t *testing.T) *proc.Runner {
				t.Helper()
				runner, _ := built.runner(t, composetest.Settings{Fail: fail, Kiwi: version})
				return runner
			}
		}
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			backendtest.Run(t, backendtest.Suite{
				Backend: &kiwi.Backend{},
				Plan: func(t *testing.T) *compose.Plan {
					t.Helper()
					p := plan(t, compose.KindLive, data)
					p.Repos = []compose.PlanRepo{{Repo: compose.Repo{ID: "extra", BaseURL: url}}}
					return p
				},
				Prepare: func(t *testing.T, _ *compose.Plan, j *compose.BackendJob) {
					t.Helper()
					prepare(t, j, data)
				},
				Tools: tools(""), Failing: tools("depsolve"), Loses: []string{"cost", "includepkgs", "excludepkgs"},
				Hanging: func(t *testing.T) (*proc.Runner, func() []int) {
					t.Helper()
					runner, dir := built.runner(t, composetest.Settings{Fail: "hang", Kiwi: version})
					return runner, func() []int { return composetest.Hanging(dir) }
				},
			})
		})
	}
}

// prepare puts the side repo and the description's archive where a build has them.
func prepare(t *testing.T, j *compose.BackendJob, data []byte) {
	t.Helper()
	// t.TempDir names the test, with characters that kiwi would take for its own.
	j.SideRepo = filepath.Join(filepath.Dir(j.SideRepo), "side", "r")
	makeRepo(t, j.SideRepo, sideRPMs())
	j.Description = filepath.Join(filepath.Dir(j.Temp), "description.tar.gz")
	if err := os.WriteFile(j.Description, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// job is a build's surroundings.
func job(t *testing.T, data []byte, set composetest.Settings) *compose.BackendJob {
	t.Helper()
	runner, _ := built.runner(t, set)
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
	prepare(t, j, data)
	var err error
	if j.Tools, err = (&kiwi.Backend{}).Probe(t.Context(), runner); err != nil {
		t.Fatal(err)
	}
	return j
}

func build(t *testing.T, p *compose.Plan, j *compose.BackendJob) (*compose.Made, error) {
	t.Helper()
	b := &kiwi.Backend{}
	if err := b.Describe(p); err != nil {
		t.Fatal(err)
	}
	return b.Build(t.Context(), p, j)
}

func TestEveryKindIsMadeAndProven(t *testing.T) {
	t.Parallel()
	data := archive(t, files(release(t)))
	for _, kind := range []compose.Kind{compose.KindLive, compose.KindDisk, compose.KindTar, compose.KindOCI} {
		for _, version := range []string{"10.3.11", "11.1.6"} {
			t.Run(string(kind)+"-"+version, func(t *testing.T) {
				t.Parallel()
				p, j := plan(t, kind, data), job(t, data, composetest.Settings{Kiwi: version})
				p.Request.Exclude = []string{"logos"}
				made, err := build(t, p, j)
				if err != nil {
					t.Fatalf("%v\n%s", err, j.Log)
				}
				proof, err := (&kiwi.Backend{}).Verify(t.Context(), p, j, made)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]string{}
				for _, e := range proof.Packages {
					got[e.Name] = string(e.Verdict) + " " + e.Shipped
				}
				want := map[string]string{"anaconda-core": "not-installed ", "anaconda-live": "not-installed ", "hello": "included 10-1.fc44"}
				from := "kiwi-ng"
				if kind == compose.KindLive {
					want["anaconda-live"] = "included 44.12-1.fc44"
				}
				if kind != compose.KindOCI {
					from = "rpmdb"
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				var names []string
				for _, s := range proof.Shipped {
					names = append(names, s.NEVRA)
					if s.From != from {
						t.Errorf("%s is known from %s, not %s", s.NEVRA, s.From, from)
					}
				}
				if !slices.Contains(names, "bash-5.3-1.fc44.x86_64") || slices.Contains(names, "logos-44-1.fc44.noarch") {
					t.Errorf("shipped %v", names)
				}
				var made2 []string
				for _, a := range made.Artifacts {
					made2 = append(made2, a.Path)
				}
				base := strings.TrimSuffix(p.Image, map[compose.Kind]string{compose.KindLive: ".iso", compose.KindDisk: ".raw", compose.KindTar: ".tar.xz", compose.KindOCI: ".oci.tar.xz"}[kind])
				if diff := cmp.Diff([]string{p.Image, base + ".changes", base + ".packages", base + ".verified"}, made2); diff != "" {
					t.Error(diff)
				}
				if log, err := os.ReadFile(filepath.Join(j.LogDir, "kiwi.log")); err != nil || !strings.Contains(string(log), "| Result files:") {
					t.Errorf("log: %v %s", err, log)
				}
			})
		}
	}
}

func TestTooOldKiwiIsRefusedInOneSentence(t *testing.T) {
	t.Parallel()
	runner, _ := built.runner(t, composetest.Settings{Kiwi: "9.25.22"})
	_, err := (&kiwi.Backend{}).Probe(t.Context(), runner)
	var old *kiwi.TooOldError
	if !errors.As(err, &old) || old.Version != "9.25.22" || !strings.Contains(err.Error(), "install kiwi 10 or newer") {
		t.Fatalf("got %v", err)
	}
}
