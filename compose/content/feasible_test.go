package content_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/kickstart/lint"
)

func TestWhatCannotBeInstalledIsPassedOver(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pkgs    []pkg
		want    []string
		missing []lint.Missing
	}{
		"recommended": {
			pkgs: []pkg{{name: "a", recommends: "b,c"}, {name: "b", requires: "gone"}, {name: "c"}},
			want: []string{"a-1-1", "c-1-1"},
		},
		"what the recommended requires": {
			pkgs: []pkg{{name: "a", recommends: "b"}, {name: "b", requires: "c"}, {name: "c", requires: "(gone or lost)"}},
			want: []string{"a-1-1"},
		},
		"supplement": {
			pkgs: []pkg{{name: "a"}, {name: "b", supplements: "a", requires: "gone"}, {name: "c", supplements: "a"}},
			want: []string{"a-1-1", "c-1-1"},
		},
		"a circle, and something outside of it": {
			pkgs: []pkg{{name: "a", recommends: "b,d"}, {name: "b", requires: "c"}, {name: "c", requires: "b,gone"}, {name: "d", requires: "e"}, {name: "e", requires: "d"}},
			want: []string{"a-1-1", "d-1-1", "e-1-1"},
		},
		"who counted on a circle": {
			pkgs: []pkg{{name: "a", recommends: "d,b"}, {name: "b", requires: "c"}, {name: "c", requires: "d"}, {name: "d", requires: "b,gone"}},
			want: []string{"a-1-1"},
		},
		"another provider": {
			pkgs: []pkg{{name: "a", requires: "cap"}, {name: "b", provides: "cap", requires: "gone"}, {name: "longer", provides: "cap"}},
			want: []string{"a-1-1", "longer-1-1"},
		},
		"what conflicts comes last": {
			pkgs: []pkg{{name: "a", requires: "keep,cap"}, {name: "keep", conflicts: "b"}, {name: "b", provides: "cap"}, {name: "longer", provides: "cap"}},
			want: []string{"a-1-1", "keep-1-1", "longer-1-1"},
		},
		"by a conflict of its own": {
			pkgs: []pkg{{name: "a", requires: "keep,cap"}, {name: "keep"}, {name: "b", provides: "cap", conflicts: "keep"}, {name: "longer", provides: "cap"}},
			want: []string{"a-1-1", "keep-1-1", "longer-1-1"},
		},
		"only what conflicts, and itself": {
			pkgs: []pkg{{name: "a", requires: "keep,cap"}, {name: "keep", conflicts: "b"}, {name: "b", provides: "cap", conflicts: "b"}},
			want: []string{"a-1-1", "b-1-1", "keep-1-1"},
		},
		"an older version": {
			pkgs: []pkg{{name: "a", requires: "b"}, {name: "b", version: "2-1", requires: "gone"}, {name: "b", version: "1-1"}},
			want: []string{"a-1-1", "b-1-1"},
		},
		"the newest, else": {
			pkgs: []pkg{{name: "a", requires: "b"}, {name: "b", version: "2-1"}, {name: "b", version: "1-1"}},
			want: []string{"a-1-1", "b-2-1"},
		},
		"this very version, and the newest that others want": {
			pkgs: []pkg{{name: "a", requires: "b,c"}, {name: "c", requires: "b = 1-1"}, {name: "b", version: "2-1"}, {name: "b", version: "1-1"}},
			want: []string{"a-1-1", "b-1-1", "b-2-1", "c-1-1"},
		},
		"required and broken": {
			pkgs:    []pkg{{name: "a", requires: "b"}, {name: "b", requires: "gone"}},
			want:    []string{"a-1-1", "b-1-1"},
			missing: []lint.Missing{{Requirement: "gone", By: "b"}},
		},
		"named and broken": {
			pkgs:    []pkg{{name: "a", version: "1-1"}, {name: "a", version: "2-1", requires: "gone"}},
			want:    []string{"a-2-1"},
			missing: []lint.Missing{{Requirement: "gone", By: "a"}},
		},
	} {
		s, err := load(t, tt.pkgs).Select(t.Context(), kickstart.Packages{NoCore: true, Packages: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range s.Packages {
			got = append(got, fmt.Sprintf("%s-%s-%s", p.Name(), p.EVR().Version, p.EVR().Release))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if diff := cmp.Diff(tt.missing, s.Missing); diff != "" {
			t.Errorf("%s: missing (-want +got)\n%s", name, diff)
		}
	}
}

// A chain and a knot of requirements as no distribution has them cost neither the
// stack nor the patience.
func TestDeepRequirementsAreFollowed(t *testing.T) {
	t.Parallel()
	const n = 2000
	pkgs := []pkg{{name: "a", recommends: "p0,q0"}}
	for i := range n {
		pkgs = append(pkgs, pkg{name: "p" + strconv.Itoa(i), requires: "p" + strconv.Itoa(i+1)})
		// Each requires all of a circle that breaks at its end.
		pkgs = append(pkgs, pkg{name: "q" + strconv.Itoa(i), requires: "q" + strconv.Itoa((i+1)%n) + map[bool]string{true: ",gone"}[i == n-1]})
	}
	pkgs = append(pkgs, pkg{name: "p" + strconv.Itoa(n)})
	s, err := load(t, pkgs).Select(t.Context(), kickstart.Packages{NoCore: true, Packages: []string{"a"}})
	if err != nil || len(s.Packages) != n+2 || len(s.Missing) > 0 {
		t.Errorf("%v: %d packages, missing %v", err, len(s.Packages), s.Missing)
	}
}
