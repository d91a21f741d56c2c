package index_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	spec := func(name, version, arch string) rpmtest.Spec {
		return rpmtest.Spec{Name: name, Version: version, Release: "1", Arch: arch}
	}
	rebuilt := spec("same", "1", "noarch")
	rebuilt.Summary = "other"
	before := indexOf(t, makeRepo(t, spec("gone", "1", "noarch"), spec("up", "1", "noarch"), spec("down", "2", "noarch"), spec("same", "1", "noarch"),
		spec("equal", "1", "noarch"), spec("multi", "1", "noarch"), spec("multi", "2", "noarch"), spec("arch", "1", "x86_64")))
	after := indexOf(t, makeRepo(t, spec("up", "1.10", "noarch"), spec("down", "1~rc1", "noarch"), rebuilt, spec("equal", "1", "noarch"),
		spec("multi", "2", "noarch"), spec("multi", "3", "noarch"), spec("new", "1", "noarch"), spec("arch", "1", "aarch64")))
	var got []string
	for _, c := range index.Compare(before, after) {
		got = append(got, fmt.Sprintf("%s %s.%s %s %s", c.Kind, c.Name, c.Arch, c.Old, c.New))
		if (c.OldSize > 0) != (c.Old.Version != "") || (c.NewSize > 0) != (c.New.Version != "") {
			t.Errorf("sizes: %+v", c)
		}
	}
	want := []string{
		"added arch.aarch64  1-1", "removed arch.x86_64 1-1 ", "downgraded down.noarch 2-1 1~rc1-1", "removed gone.noarch 1-1 ",
		"upgraded multi.noarch 2-1 3-1", "removed multi.noarch 1-1 ", "added new.noarch  1-1", "rebuilt same.noarch 1-1 1-1", "upgraded up.noarch 1-1 1.10-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c := index.Compare(before, before); c != nil {
		t.Errorf("with itself: %v", c)
	}
}
