package compose

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose/diagnose"
	"github.com/fedora-respin/respin/internal/proc"
)

// toolFacts are what is known of the tool behind err; nil when there is none.
func toolFacts(ctx context.Context, stage Stage, err error) *diagnose.Facts {
	failed, ok := errors.AsType[*proc.Error](err)
	if !ok {
		return nil
	}
	return &diagnose.Facts{
		Tool: filepath.Base(failed.Tool), Stage: string(stage), Exit: max(failed.ExitCode, 0), Signal: failed.Signal,
		TimedOut: errors.Is(context.Cause(ctx), context.DeadlineExceeded),
	}
}

// explain reads the whole logs of a build whose tool failed: the last lines, all
// that Diagnose has, most often tell only what followed from the cause.
func (r *build) explain(ctx context.Context, failed *FailedError) {
	if failed.facts == nil {
		return
	}
	// The build's time may be over; its logs are read all the same.
	verdict, err := diagnose.New(diagnose.Options{}).ReadFiles(context.WithoutCancel(ctx), []string{filepath.Join(r.out, "logs")}, nil, *failed.facts)
	if err != nil {
		r.logger.Warn("read the logs of a failed build", "compose_id", r.work.ID, "error", err)
	}
	if verdict == nil {
		return
	}
	take(&failed.Failure, verdict)
	for i, line := range failed.Failure.Evidence {
		failed.Failure.Evidence[i] = strings.TrimPrefix(line, r.out+string(filepath.Separator))
	}
}

// take puts a verdict into a Failure. An unknown cause changes neither code nor
// sentence: that the tool failed is known.
func take(f *Failure, v *diagnose.Verdict) {
	if len(v.Evidence) > 0 {
		f.Evidence = nil
	}
	for _, e := range v.Evidence {
		f.Evidence = append(f.Evidence, e.String())
	}
	over := f.Code == CodeTimeLimit && v.Code == diagnose.TimeLimit // whose limit it was is known better
	if v.Code != diagnose.Unknown && !over {
		f.Code, f.Sentence, f.Remedy = Code(v.Code), v.Sentence, v.Remedy
	}
}

// withCauses adds to the catalog the causes that only logs tell.
func withCauses(list []CodeInfo) []CodeInfo {
	for _, c := range diagnose.Codes() {
		code := Code(c.Code)
		if !slices.ContainsFunc(list, func(i CodeInfo) bool { return i.Code == code }) {
			list = append(list, CodeInfo{Code: code, Meaning: c.Meaning, Remedy: c.Remedy})
		}
	}
	return list
}
