package compose_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

func TestLimitsVersionsAndRootsFailWithTheirCode(t *testing.T) {
	t.Parallel()
	killed := &proc.Error{Tool: "lorax", ExitCode: -1, Signal: 9, Tail: []string{"No space left on device"}}
	for name, tc := range map[string]struct {
		err  error
		want compose.Failure
	}{
		"memory": {fmt.Errorf("%w: %w", &compose.LimitError{Resource: compose.ResourceMemory, Bytes: 1 << 30}, killed), compose.Failure{
			Code: compose.CodeOutOfMemory, Sentence: "The tools of the compose wanted more memory than the 1.0 GiB that this node allows them.",
			Remedy: "Name fewer packages, or ask the operator for a higher runner.memory.",
		}},
		// A back end that has made a failure of what it saw knows less.
		"disk": {&compose.FailedError{Failure: compose.Failure{Code: compose.CodeToolFailed}, Err: errors.Join(killed, &compose.LimitError{Resource: compose.ResourceDisk, Bytes: 1 << 20})}, compose.Failure{
			Code: compose.CodeDiskLimit, Sentence: "The tools of the compose wrote more than the 1.0 MiB that this node allows them.",
			Remedy: "Name fewer packages, or ask the operator for a higher runner.disk.",
		}},
		"time": {&compose.LimitError{Resource: compose.ResourceTime, Time: time.Hour}, compose.Failure{
			Code: compose.CodeTimeLimit, Sentence: "A tool of the compose ran longer than the 1h0m0s that this node allows it.",
			Remedy: "Look for what hung in the last lines of the log, or ask the operator for a higher runner.time.",
		}},
		"old": {fmt.Errorf("probe: %w", &compose.VersionError{Tool: "lorax", Version: "28.14", Oldest: "34", Package: "lorax", Where: "image i"}), compose.Failure{
			Code: compose.CodeToolMissing, Sentence: "lorax 28.14 of image i is too old: 34 or newer is needed.", Remedy: "Update the package lorax there.",
		}},
		"no root": {&compose.RootError{Sentence: "mock has no configuration x", Remedy: "name one", Err: &proc.Error{Tool: "mock", ExitCode: 3}}, compose.Failure{
			Code: compose.CodeToolMissing, Sentence: "Mock has no configuration x.", Remedy: "Name one.",
		}},
		"not in the root": {fmt.Errorf("look: %w", &proc.NotFoundError{Tool: "lorax", Package: "lorax", Where: "image i"}), compose.Failure{
			Code: compose.CodeToolMissing, Sentence: "There is no lorax in the image i of the build node.", Remedy: "Install the package lorax there.",
		}},
	} {
		got := compose.Diagnose(t.Context(), compose.StageCompose, tc.err).Failure
		tc.want.Stage = compose.StageCompose
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(compose.ErrCanceled)
	if got := compose.Diagnose(ctx, compose.StageCompose, &compose.LimitError{Resource: compose.ResourceTime}).Failure.Code; got != compose.CodeCanceled {
		t.Errorf("a canceled compose that was beyond a limit as well has code %s", got)
	}
}

func TestVersionsAreComparedByTheirNumbers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b  string
		older bool
	}{{"1.4.21", "2.0", true}, {"2.0", "2.0", false}, {"10.0", "9.9", false}, {"34", "34.0.1", true}, {"34.9.26", "34", false}, {"4.0.0-rc1", "4.0", false}, {"3.4.4", "4.0", true}, {"", "1", true}} {
		if got := compose.OlderVersion(tc.a, tc.b); got != tc.older {
			t.Errorf("%q before %q: %t", tc.a, tc.b, got)
		}
	}
}
