package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/client"
	"github.com/fedora-respin/respin/internal/proc"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	answer := func(status int, code compose.Code, problems ...compose.Problem) error {
		return &client.ProblemError{Problem: api.Problem{Status: status, Code: code, Problems: problems}}
	}
	one := compose.Problem{Code: compose.CodeBadSource}
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"done", nil, 0},
		{"anything", errors.New("x"), 1},
		{"interrupted", context.Canceled, 1},
		{"interrupted while following", &detachedError{"x"}, 1},
		{"wrong usage", usagef("x"), 2},
		{"bad configuration", &daemon.ConfigError{Err: errors.New("x")}, 2},
		{"unreadable configuration", &configError{errors.New("x")}, 2},
		{"refused here", compose.Refuse(one), 3},
		{"refused", answer(http.StatusUnprocessableEntity, one.Code, one), 3},
		{"over quota", answer(http.StatusTooManyRequests, compose.CodeQuota, compose.Problem{Code: compose.CodeQuota}), 3},
		{"tool missing", answer(http.StatusServiceUnavailable, compose.CodeToolMissing, compose.Problem{Code: compose.CodeToolMissing}), 3},
		{"disk full", answer(http.StatusInsufficientStorage, compose.CodeDiskFull, compose.Problem{Code: compose.CodeDiskFull}), 3},
		{"upload too large", answer(http.StatusRequestEntityTooLarge, "too-large"), 3},
		{"upstream error", answer(http.StatusBadGateway, compose.CodeUpstreamError, compose.Problem{Code: compose.CodeUpstreamError}), 3},
		{"koji away", answer(http.StatusBadGateway, compose.CodeKojiUnreachable, compose.Problem{Code: compose.CodeKojiUnreachable}), 8},
		{"koji away, among others", answer(http.StatusUnprocessableEntity, one.Code, one, compose.Problem{Code: compose.CodeKojiUnreachable}), 8},
		{"bodhi away, here", compose.Refuse(compose.Problem{Code: compose.CodeBodhiUnreachable}), 8},
		{"failed", &endedError{api.Compose{State: compose.StateFailed}}, 4},
		{"canceled", &endedError{api.Compose{State: compose.StateCanceled}}, 5},
		{"failed here", &compose.FailedError{Failure: compose.Failure{Code: compose.CodeToolFailed}}, 4},
		{"canceled here", &compose.FailedError{Failure: compose.Failure{Code: compose.CodeCanceled}}, 5},
		{"no such compose", answer(http.StatusNotFound, compose.CodeComposeNotFound), 6},
		{"no token", answer(http.StatusUnauthorized, "unauthorized"), 7},
		{"wrong scope", answer(http.StatusForbidden, "not-allowed"), 7},
		{"nobody answers", &client.UnreachableError{URL: "x", Err: errors.New("x")}, 8},
		{"wrapped", fmt.Errorf("follow: %w", &client.UnreachableError{}), 8},
		{"a proxy answers", answer(http.StatusBadGateway, ""), 8},
		{"starting", answer(http.StatusServiceUnavailable, "unavailable"), 8},
		{"another server", &url.Error{Op: "Get", URL: "x", Err: errors.New("x")}, 8},
		{"conflict", answer(http.StatusConflict, "conflict"), 1},
		{"server's fault", answer(http.StatusInternalServerError, compose.CodeInternal), 1},
		{"said", &saidError{ExitRefused}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(tt.err); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
			var out bytes.Buffer
			if got := newApp(Env{Stderr: &out, Stdout: &out}, &Globals{}).report(tt.err); got != tt.want {
				t.Errorf("report gives %d, want %d", got, tt.want)
			}
			if _, said := tt.err.(*saidError); tt.err != nil && !said && out.Len() == 0 { //nolint:errorlint // the table's own values
				t.Error("nothing was said")
			}
		})
	}
}

// What others wrote must not steer the terminal.
func TestMessagesAreCleaned(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := newApp(Env{Stderr: &out, Stdout: &out}, &Globals{})
	a.report(&endedError{api.Compose{ID: "x", State: compose.StateFailed, Failure: &compose.Failure{
		Code: compose.CodeToolFailed, Sentence: "It broke.\x1b[2J", Evidence: []string{"\x1b]0;title\x07"},
	}}})
	a.printTable(&table{head: []string{"A", "B"}, rows: [][]string{{"\x1b[31m", "x\ny"}}})
	a.pairs("k", "\x9b1m", "empty", "")
	if strings.ContainsAny(out.String(), "\x1b\x07\u009b") || strings.Contains(out.String(), "empty") {
		t.Errorf("%q", out.String())
	}
}

func TestMissingToolsAndWhatInstallsThem(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("probe: %w", errors.Join(&proc.NotFoundError{Tool: "xorriso"}, fmt.Errorf("x: %w", &proc.NotFoundError{Tool: "mcopy"}), errors.New("other")))
	if got := strings.Join(missingTools(err), " "); got != "xorriso mcopy" {
		t.Errorf("missing tools are %q", got)
	}
	var out bytes.Buffer
	a := newApp(Env{Stdout: &out}, &Globals{})
	a.printInstall([]doctorTool{{Name: "mcopy", Debian: "mtools", Fedora: "mtools"}, {Name: "mdir", Debian: "mtools", Fedora: "mtools"}, {Name: "lorax", Fedora: "lorax"}})
	want := `
To install what is missing:
  Fedora:         sudo dnf install mtools lorax
  Debian, Ubuntu: sudo apt install mtools
  Debian has no package of lorax.
`
	if out.String() != want {
		t.Errorf("printed %q", out.String())
	}
}
