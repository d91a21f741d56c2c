package remaster_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/remaster"
)

func TestDescribeTellsOfAnUpdatesImage(t *testing.T) {
	t.Parallel()
	p := &compose.Plan{Request: compose.Request{Kind: compose.KindRemaster, Options: compose.Options{UpdatesImg: true}}, VolID: "F44", RPMs: []compose.PlanRPM{{File: "a-1-1.noarch.rpm"}}}
	if err := (&remaster.Backend{}).Describe(p); err != nil || !slices.Contains(p.Argv, "/updates.img") {
		t.Errorf("%v: %q", err, p.Argv)
	}
	p.RPMs = nil
	err := (&remaster.Backend{}).Describe(p)
	if refused, ok := errors.AsType[*compose.RefusedError](err); !ok || refused.Problems[0].Code != compose.CodeNoSources || refused.Problems[0].Field != "options.updates_img" {
		t.Errorf("without packages: %v", err)
	}
}
