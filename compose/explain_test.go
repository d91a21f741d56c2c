package compose_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/diagnose"
	"github.com/fedora-respin/respin/internal/proc"
)

// shellBackend makes an image by a script, and says what the tools say.
type shellBackend struct {
	script string
	wrap   func(error) error
}

func (*shellBackend) Name() string { return "shell" }
func (*shellBackend) Makes() []compose.Capability {
	return []compose.Capability{{Kind: compose.KindRepoISO}}
}
func (*shellBackend) Describe(*compose.Plan) error                                  { return nil }
func (*shellBackend) Probe(context.Context, compose.Runner) ([]compose.Tool, error) { return nil, nil }

func (*shellBackend) Verify(context.Context, *compose.Plan, *compose.BackendJob, *compose.Made) (*compose.Proof, error) {
	return &compose.Proof{}, nil
}

func (b *shellBackend) Build(ctx context.Context, _ *compose.Plan, j *compose.BackendJob) (*compose.Made, error) {
	err := (&proc.Runner{TailLines: 2}).Run(ctx, proc.Cmd{Name: "sh", Args: []string{"-c", b.script}, Log: j.Log})
	if err != nil && b.wrap != nil {
		err = b.wrap(err)
	}
	return nil, err
}

func TestFailedToolIsExplainedFromItsWholeLog(t *testing.T) {
	t.Parallel()
	const spread = "echo 'Transaction failed: Rpm transaction failed.'; echo 'Install failed: novirt_install failed'; echo 'Image creation failed: novirt_install failed'; exit 1"
	for name, tc := range map[string]struct {
		backend  shellBackend
		code     compose.Code
		says     string
		evidence string
		remedy   bool
	}{
		"the cause stands before the last lines": {
			backend: shellBackend{script: `echo "tar: /x/y: Cannot write: No space left on device"; ` + spread},
			code:    compose.CodeDiskFull, says: "/x/y", evidence: "logs/compose.log:", remedy: true,
		},
		"a back end that wraps its tool's error": {
			backend: shellBackend{script: `echo "Public key for a.rpm is not installed"; ` + spread, wrap: func(err error) error {
				return &compose.FailedError{Err: err, Failure: compose.Failure{Code: compose.CodeToolFailed, Stage: compose.StageCompose, Sentence: "It failed."}}
			}},
			code: compose.Code(diagnose.BadSignature), says: "a.rpm", evidence: "logs/compose.log:", remedy: true,
		},
		"a back end that knows better": {
			backend: shellBackend{script: `echo "Error: GPG check FAILED"; exit 1`, wrap: func(err error) error {
				return &compose.FailedError{Err: err, Failure: compose.Failure{Code: compose.CodeBaseNotISO, Stage: compose.StageCompose, Sentence: "No ISO."}}
			}},
			code: compose.CodeBaseNotISO, says: "No ISO.",
		},
		"what nobody knows": {
			backend: shellBackend{script: `echo "the frobnicator failed"; exit 5`},
			code:    compose.CodeToolFailed, says: "sh ended with exit status 5: the frobnicator failed.", evidence: "the frobnicator failed",
		},
		"secrets": {
			backend: shellBackend{script: `echo "ERROR: get https://bob:hunter2@example.org/ failed"; exit 5`},
			code:    compose.CodeToolFailed, says: "https://***@example.org/", evidence: "https://***@example.org/",
		},
		"killed": {backend: shellBackend{script: `echo on; kill -9 $$`}, code: compose.Code(diagnose.Killed), says: "killed", evidence: "logs/compose.log:", remedy: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fedora(t)
			p := plan(t, f, compose.Request{Sources: []string{f.SmallUpdate}})
			p.Request.Kind, p.Backend, p.Image = compose.KindRepoISO, "shell", "x.iso"
			b := builder(t, compose.Network{AllowLoopback: true}, compose.BuilderOptions{Backends: []compose.Backend{&tc.backend}})
			dir := t.TempDir()
			_, err := b.Build(t.Context(), p, compose.Work{ID: "c1", Dir: dir})
			failed, ok := errors.AsType[*compose.FailedError](err)
			if !ok {
				t.Fatal(err)
			}
			got := failed.Failure
			if got.Code != tc.code || got.Stage != compose.StageCompose || !strings.Contains(got.Sentence, tc.says) || (got.Remedy != "") != tc.remedy || len(got.Evidence) > 3 {
				t.Errorf("%+v", got)
			}
			if all := fmt.Sprint(got); strings.Contains(all, dir) || strings.Contains(all, "hunter2") || !strings.Contains(strings.Join(got.Evidence, "\n"), tc.evidence) {
				t.Errorf("%s", all)
			}
			data, _ := os.ReadFile(filepath.Join(dir, "out", "report.json"))
			if !strings.Contains(string(data), `"`+string(tc.code)+`"`) {
				t.Errorf("report.json: %s", data)
			}
		})
	}
}

func TestCausesStandInTheCatalog(t *testing.T) {
	t.Parallel()
	all := map[compose.Code]compose.CodeInfo{}
	for _, i := range compose.Codes() {
		all[i.Code] = i
	}
	for _, c := range diagnose.Codes() {
		if all[compose.Code(c.Code)].Meaning == "" {
			t.Errorf("%s is missing", c.Code)
		}
	}
}
