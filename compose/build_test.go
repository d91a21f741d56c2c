package compose_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/koji/kojitest"
	"github.com/fedora-respin/respin/repo"
)

func builder(t *testing.T, network compose.Network, o compose.BuilderOptions) *compose.Builder {
	t.Helper()
	if network.CacheDir == "" {
		network.CacheDir = t.TempDir()
	}
	if network.MinFree == 0 {
		network.MinFree = 1 << 20
	}
	b, err := compose.NewBuilder(network, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func plan(t *testing.T, f *composetest.Fedora, req compose.Request) *compose.Plan {
	t.Helper()
	req.Kind, req.Arch = compose.KindRepo, "x86_64"
	p, err := resolver(t, f).Resolve(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tree lists the files below dir with their content's digest.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func stream(t *testing.T, r *repo.Repo, kind string) string {
	t.Helper()
	in, err := r.Stream(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	data, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestBuildMakesAVerifiedSideRepoTwiceTheSame(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	p := plan(t, f, compose.Request{Sources: []string{f.Update, task(f.Task)}})
	b := builder(t, compose.Network{AllowLoopback: true}, compose.BuilderOptions{})
	var trees []map[string]string
	for range 2 {
		dir := t.TempDir()
		var log bytes.Buffer
		last := 0
		result, err := b.Build(t.Context(), p, compose.Work{
			ID: "c1", Dir: dir, RepoURL: "https://respin.example.org/repos/c1/", Log: &log,
			Progress: func(p compose.Progress) {
				if p.Percent < last {
					t.Errorf("percent falls from %d to %d", last, p.Percent)
				}
				last = p.Percent
			},
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, log.String())
		}
		if len(result.Packages) != len(p.RPMs) || result.SideRepo.Packages != len(p.RPMs) {
			t.Fatalf("%d packages, %+v", len(result.Packages), result.SideRepo)
		}
		for i, e := range result.Packages {
			if e.Verdict != compose.VerdictIncluded || e.SigMD5 != p.RPMs[i].SigMD5 || len(e.SHA256) != 64 {
				t.Errorf("%+v", e)
			}
		}
		if len(result.Timings) != 5 || result.Timings[0].Stage != compose.StageFetch || result.Timings[4].Stage != compose.StageVerify {
			t.Errorf("timings %+v", result.Timings)
		}
		if !strings.Contains(result.SideRepo.RepoText, "baseurl=https://respin.example.org/repos/c1/") {
			t.Errorf(".repo file: %s", result.SideRepo.RepoText)
		}
		opened, err := repo.OpenDir(filepath.Join(dir, "out", "repo"))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err := range opened.Primary(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != len(p.RPMs) {
			t.Errorf("the repodata name %d packages", n)
		}
		for _, want := range []string{"<id>" + f.Update + "</id>", `type="security"`, "<severity>Moderate</severity>", `id="1234567"`, "<filename>hello-docs"} {
			if text := stream(t, opened, "updateinfo"); !strings.Contains(text, want) {
				t.Errorf("updateinfo.xml has no %s:\n%s", want, text)
			}
		}
		trees = append(trees, tree(t, filepath.Join(dir, "out", "repo")))
		if _, err := os.Stat(filepath.Join(dir, "tmp")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("temporary files are left: %v", err)
		}
	}
	if diff := cmp.Diff(trees[0], trees[1]); diff != "" {
		t.Error("the same plan gave different bytes")
	}
}

func TestBuildFailsWithCodeAndLeavesOnlyLogs(t *testing.T) {
	t.Parallel()
	rpmOf := func(f *composetest.Fedora, part string) string {
		for _, name := range f.Hub.Files() {
			if strings.Contains(name, part) {
				return name
			}
		}
		t.Fatalf("no file %s", part)
		return ""
	}
	for name, tc := range map[string]struct {
		trouble func(*composetest.Fedora)
		req     compose.Request
		network compose.Network
		code    compose.Code
		stage   compose.Stage
		says    string
	}{
		"payload altered": {
			trouble: func(f *composetest.Fedora) { _ = f.Hub.CorruptFile(rpmOf(f, "hello-docs-1.0-1.fc44.noarch")) },
			code:    compose.CodeRPMAltered, stage: compose.StageFetch, says: "hello-docs-1.0-1.fc44.noarch.rpm",
		},
		"another RPM of that name": {
			trouble: func(f *composetest.Fedora) {
				_ = f.Hub.AlterFile(rpmOf(f, "hello-docs-1.0-1.fc44.noarch"), func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("hello"), []byte("jello")) })
			},
			code: compose.CodeRPMAltered, stage: compose.StageFetch, says: "hello-docs",
		},
		"truncated": {
			trouble: func(f *composetest.Fedora) {
				_ = f.Hub.AlterFile(rpmOf(f, "greeter-libs-2.3-4.fc44.x86_64"), func(b []byte) []byte { return b[:len(b)/2] })
			},
			code: compose.CodeRPMAltered, stage: compose.StageFetch, says: "greeter-libs",
		},
		"gone": {
			trouble: func(f *composetest.Fedora) { _ = f.Hub.RemoveFile(rpmOf(f, "greeter-libs-2.3-4.fc44.x86_64")) },
			code:    compose.CodeFetchFailed, stage: compose.StageFetch, says: "404",
		},
		"disk full":             {network: compose.Network{MinFree: 1 << 60}, code: compose.CodeDiskFull, stage: compose.StageFetch, says: "disk"},
		"required is not there": {req: compose.Request{Require: []string{"greeter>=9"}}, code: compose.CodeVerifyFailed, stage: compose.StageVerify, says: "greeter>=9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fedora(t)
			tc.req.Sources = []string{f.Update}
			p := plan(t, f, tc.req)
			if tc.trouble != nil {
				tc.trouble(f)
			}
			tc.network.AllowLoopback = true
			dir := t.TempDir()
			result, err := builder(t, tc.network, compose.BuilderOptions{}).Build(t.Context(), p, compose.Work{ID: "c1", Dir: dir})
			failed, ok := errors.AsType[*compose.FailedError](err)
			if !ok || failed.Failure.Code != tc.code || failed.Failure.Stage != tc.stage || !strings.Contains(failed.Failure.Sentence, tc.says) {
				t.Fatalf("got %v: %+v", err, result.Failure)
			}
			if result.Failure == nil || len(result.Artifacts) == 0 || len(result.Logs) != 1 {
				t.Errorf("result %+v", result)
			}
			for path := range tree(t, filepath.Join(dir, "out")) {
				if path != "plan.json" && path != "report.json" && !strings.HasPrefix(path, "logs/") {
					t.Errorf("%s is left", path)
				}
			}
			var report compose.Result
			data, _ := os.ReadFile(filepath.Join(dir, "out", "report.json"))
			if err := json.Unmarshal(data, &report); err != nil || report.Failure == nil || report.Failure.Code != tc.code {
				t.Errorf("report.json: %v %s", err, data)
			}
		})
	}
}

func TestBuildStopsWhenCanceled(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	p := plan(t, f, compose.Request{Sources: []string{f.Update}})
	f.Hub.FailFiles(kojitest.Failures{Latency: 3_600_000_000_000})
	ctx, cancel := context.WithCancelCause(t.Context())
	b := builder(t, compose.Network{AllowLoopback: true}, compose.BuilderOptions{})
	_, err := b.Build(ctx, p, compose.Work{ID: "c1", Dir: t.TempDir(), Progress: func(compose.Progress) { cancel(compose.ErrCanceled) }})
	if failed, ok := errors.AsType[*compose.FailedError](err); !ok || failed.Failure.Code != compose.CodeCanceled {
		t.Fatalf("got %v", err)
	}
}

func TestFailureShowsNoPathOfTheNode(t *testing.T) {
	t.Parallel()
	f := fedora(t)
	p := plan(t, f, compose.Request{Sources: []string{f.SmallUpdate}})
	dir := t.TempDir()
	// A file stands where the result belongs, in a directory that is not respin's to clear.
	b := builder(t, compose.Network{AllowLoopback: true}, compose.BuilderOptions{})
	if err := os.WriteFile(filepath.Join(dir, "tmp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	result, err := b.Build(t.Context(), p, compose.Work{ID: "c1", Dir: dir})
	if err == nil || result.Failure == nil || result.Failure.Code != compose.CodeInternal {
		t.Fatalf("%v, %+v", err, result.Failure)
	}
	if strings.Contains(result.Failure.Sentence, dir) || !strings.Contains(err.Error(), dir) {
		t.Errorf("users read %q, operators %q", result.Failure.Sentence, err)
	}
}
