package compose_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/proc"
)

// nativeOnly is a back end that runs programs of the target.
type nativeOnly struct{ copier }

func (nativeOnly) Makes() []compose.Capability {
	return []compose.Capability{{Kind: compose.KindBootISO, Native: true, Arches: []string{compose.HostArch(), "s390x"}}, {Kind: compose.KindRemaster}}
}

func (nativeOnly) Probe(context.Context, compose.Runner) ([]compose.Tool, error) { return nil, nil }

func TestForeignArchitecturesAreNotOffered(t *testing.T) {
	t.Parallel()
	built := false
	b := builder(t, compose.Network{}, compose.BuilderOptions{Backends: []compose.Backend{nativeOnly{copier{&built}}}})
	can, missing := b.Offers(t.Context())
	counts := map[compose.Kind]int{}
	for _, o := range can {
		counts[o.Kind]++
		if o.Kind == compose.KindBootISO && o.Arch != compose.HostArch() {
			t.Errorf("offered: %+v", o)
		}
	}
	if len(missing) != 0 || counts[compose.KindRepo] != 4 || counts[compose.KindRemaster] != 4 || counts[compose.KindBootISO] != 1 {
		t.Errorf("offers %v, missing %v", counts, missing)
	}
	foreign := "s390x"
	if compose.HostArch() == foreign {
		t.Skip("this host is the foreign one")
	}
	result, err := b.Build(t.Context(), &compose.Plan{
		Backend: "copier", Image: "a.iso", Request: compose.Request{Kind: compose.KindBootISO, Release: "44", Arch: foreign},
	}, compose.Work{ID: "c1", Dir: t.TempDir()})
	if err == nil || built || result.Failure.Code != compose.CodeToolMissing || !strings.Contains(result.Failure.Sentence, foreign) {
		t.Errorf("%v %+v", err, result.Failure)
	}
}

// other makes what nativeOnly makes, and lacks its tool.
type other struct{ nativeOnly }

func (other) Name() string { return "other" }

func (other) Probe(context.Context, compose.Runner) ([]compose.Tool, error) {
	return nil, &proc.NotFoundError{Tool: "tool-x", Package: "x"}
}

func TestSecondBackEndOfAKindIsOfferedByItsName(t *testing.T) {
	t.Parallel()
	built := false
	first, second := nativeOnly{copier{&built}}, other{nativeOnly{copier{&built}}}
	for name, tc := range map[string]struct {
		backends      []compose.Backend
		offered, lack compose.Kind
	}{
		"second lacks its tool": {[]compose.Backend{first, second}, "boot-iso", "boot-iso-by-other"},
		"first lacks its tool":  {[]compose.Backend{second, first}, "boot-iso-by-copier", "boot-iso"},
	} {
		can, missing := builder(t, compose.Network{}, compose.BuilderOptions{Backends: tc.backends}).Offers(t.Context())
		if !slices.ContainsFunc(can, func(o compose.Offer) bool { return o.Kind == tc.offered }) || !strings.Contains(missing[tc.lack], "tool-x") || missing[tc.offered] != "" {
			t.Errorf("%s: offers %v, missing %v", name, can, missing)
		}
		kind, backend := compose.SplitJobKind(tc.offered)
		if job := compose.JobKind(tc.backends, kind, backend); kind != compose.KindBootISO || job != tc.offered {
			t.Errorf("%s: %s %s is %s", name, kind, backend, job)
		}
	}
}
