package compose_test

import (
	"testing"

	"github.com/fedora-respin/respin/compose"
)

func TestShipsComparesAsRPMDoes(t *testing.T) {
	t.Parallel()
	report := []compose.PackageEntry{
		{Name: "a", Arch: "i686", Shipped: "1-1", Verdict: compose.VerdictIncluded},
		{Name: "a", Arch: "x86_64", Shipped: "1:2.0^git1-3.fc44", Verdict: compose.VerdictIncluded},
		{Name: "b", Arch: "noarch", Requested: "2-1", Shipped: "1-1", Verdict: compose.VerdictOlder},
	}
	for want, ok := range map[string]bool{
		"a": true, "a=1": true, "a=1-1": true, "a=1-2": false, "a>=1:2.0": true, "a>1:2.0": true, "a>1:2.0^git1": false,
		"a<=1:2.0^git1-3.fc44": true, "a>=1:3": false, "a<0.5": false, "a<1:0": true, "b": false, "c": false, "a=>1": false, "a>=": false,
	} {
		if err := compose.Ships(report, want); (err == nil) != ok {
			t.Errorf("%s: %v", want, err)
		}
	}
}
