package updates_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/backendtest"
	"github.com/fedora-respin/respin/compose/updates"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// planOf is a Plan of the packages, as the resolver hands it to Describe.
func planOf(specs ...rpmtest.Spec) *compose.Plan {
	p := &compose.Plan{Request: compose.Request{Kind: compose.KindUpdatesImg, Release: "44", Arch: "x86_64"}, Epoch: 1767225600, VolID: "Fedora-44-updates-img-x86_64", Image: "x.iso"}
	for _, s := range specs {
		n := s.NEVRA()
		p.RPMs = append(p.RPMs, compose.PlanRPM{NEVRA: n.String(), Name: n.Name, Arch: n.Arch, File: n.FileName(), BuildTime: 1767225600})
	}
	return p
}

// put writes the packages into the side repo.
func put(t *testing.T, j *compose.BackendJob, p *compose.Plan, data ...[]byte) {
	t.Helper()
	for i := range p.RPMs {
		path := filepath.Join(j.SideRepo, p.RPMs[i].RepoPath())
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data[i], 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func named(name string, files ...rpmtest.File) rpmtest.Spec {
	return rpmtest.Spec{Name: name, Version: "1", Release: "1.fc44", Arch: "x86_64", Files: files}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	a, b := tool(4, "zstd"), named("other", rpmtest.File{Path: "/lib64/libother.so", Data: bytes.Repeat([]byte("other"), 1000)})
	backendtest.Run(t, backendtest.Suite{
		Backend: &updates.Backend{}, NoTools: true,
		Plan: func(*testing.T) *compose.Plan { return planOf(b, a) },
		Prepare: func(t *testing.T, p *compose.Plan, j *compose.BackendJob) {
			t.Helper()
			put(t, j, p, rpmtest.Build(b), rpmtest.Build(a))
		},
		Spoil: func(t *testing.T, p *compose.Plan, j *compose.BackendJob) {
			t.Helper()
			put(t, j, p, rpmtest.FlipPayload(rpmtest.Build(b)), rpmtest.Build(a))
		},
	})
}

func job(t *testing.T) *compose.BackendJob {
	t.Helper()
	return &compose.BackendJob{SideRepo: t.TempDir(), OutDir: t.TempDir(), LogDir: t.TempDir(), Temp: t.TempDir(), Log: io.Discard, Progress: func(string, int, string) {}}
}

func TestBackendMergesUsrAndKeepsSourcesOut(t *testing.T) {
	t.Parallel()
	spec := named("lib", rpmtest.File{Path: "/lib64/lib.so", Data: []byte("so")})
	source := rpmtest.Spec{Name: "lib", Version: "1", Release: "1.fc44", Arch: "x86_64", Files: []rpmtest.File{{Path: "lib.spec", Data: []byte("Name: lib\n")}}}
	p := planOf(spec)
	p.Request.VolID = "X"
	p.RPMs = append(p.RPMs, compose.PlanRPM{NEVRA: "lib-1-1.fc44.src", Name: "lib", Arch: "src", File: "lib-1-1.fc44.src.rpm"})
	backend, j := &updates.Backend{}, job(t)
	if err := backend.Describe(p); err != nil || p.Image != "updates.img" || p.VolID != "" || len(p.Warnings) != 2 {
		t.Fatalf("%v, image %q, volid %q, %v", err, p.Image, p.VolID, p.Warnings)
	}
	put(t, j, p, rpmtest.Build(spec), rpmtest.Source(source))
	made, err := backend.Build(t.Context(), p, j)
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(filepath.Join(j.OutDir, "updates.img"))
	if err != nil {
		t.Fatal(err)
	}
	if got := list(t, image); !strings.Contains(got, "usr/lib64/lib.so = so\n") || strings.Contains(got, "lib.spec") {
		t.Error(got)
	}
	proof, err := backend.Verify(t.Context(), p, j, made)
	if err != nil || len(proof.Packages) != 2 {
		t.Fatalf("%v, %+v", err, proof)
	}
	for i, where := range []string{"files in the updates image", "side repo"} {
		if e := proof.Packages[i]; e.Verdict != compose.VerdictIncluded || e.Repo != where || e.Requested != "1-1.fc44" {
			t.Errorf("%+v", e)
		}
	}
}

func TestBackendFailuresHaveCodes(t *testing.T) {
	t.Parallel()
	for code, specs := range map[compose.Code][]rpmtest.Spec{
		compose.CodeFileConflict: {named("a", rpmtest.File{Path: "/x", Data: []byte("a")}), named("b", rpmtest.File{Path: "/x", Data: []byte("b")})},
		compose.CodeFileRefused:  {named("a", rpmtest.File{Path: "/dev/x", Mode: 0o020600})},
	} {
		p, j := planOf(specs...), job(t)
		if err := (&updates.Backend{}).Describe(p); err != nil {
			t.Fatal(err)
		}
		var data [][]byte
		for _, s := range specs {
			data = append(data, rpmtest.Build(s))
		}
		put(t, j, p, data...)
		_, err := (&updates.Backend{}).Build(t.Context(), p, j)
		failed := compose.Diagnose(context.Background(), compose.StageCompose, err)
		if failed.Failure.Code != code || !strings.Contains(failed.Failure.Sentence, "a-1-1.fc44.x86_64") || failed.Failure.Remedy == "" {
			t.Errorf("%s: %+v", code, failed.Failure)
		}
	}
	err := (&updates.Backend{}).Describe(planOf())
	if refused, ok := errors.AsType[*compose.RefusedError](err); !ok || refused.Problems[0].Code != compose.CodeNoSources {
		t.Errorf("without packages: %v", err)
	}
}
