package index_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func TestFromHeadersAnswersAsARepositoryDoes(t *testing.T) {
	t.Parallel()
	var list []*rpm.Package
	for _, s := range []rpmtest.Spec{
		{
			Name: "lib", Epoch: 1, Version: "2.0", Release: "1.fc44", Arch: "x86_64", Provides: rpmtest.Deps("cap = 3", "bare"),
			Files: []rpmtest.File{{Path: "/opt/lib/data"}},
		},
		{Name: "app", Version: "1", Release: "1", Requires: rpmtest.Deps("cap >= 2", "(a or b)"), Recommends: rpmtest.Deps("doc")},
	} {
		p, err := rpm.Read(bytes.NewReader(rpmtest.Build(s)))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	ix, err := index.FromHeaders(t.Context(), slices.Values(list))
	if err != nil || ix.Len() != 2 {
		t.Fatalf("%v", err)
	}
	lib := slices.Collect(ix.Named("lib"))[0]
	if lib.String() != "lib-1:2.0-1.fc44.x86_64" || lib.Location() != "lib-2.0-1.fc44.x86_64.rpm" {
		t.Errorf("%s at %s", lib, lib.Location())
	}
	for want, found := range map[string]int{"cap >= 2": 1, "cap > 3": 0, "cap = 3": 1, "bare": 1, "lib = 1:2.0": 1} {
		d := rpmtest.Dep(want)
		evr, _ := rpm.ParseEVR(d.EVR)
		n := len(slices.Collect(ix.Providers(index.Relation{Name: d.Name, Flags: d.Flags, EVR: evr})))
		if n != found {
			t.Errorf("%s: %d providers, want %d", want, n, found)
		}
	}
	if n := len(slices.Collect(ix.WithFile("/opt/lib/data"))); n != 1 {
		t.Errorf("%d packages with the file", n)
	}
	var texts []string
	for r := range slices.Collect(ix.Named("app"))[0].Relations(index.Requires) {
		texts = append(texts, r.String())
	}
	if !slices.Contains(texts, "cap >= 2") || !slices.Contains(texts, "(a or b)") {
		t.Errorf("requires %q", texts)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := index.FromHeaders(ctx, slices.Values(list)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
