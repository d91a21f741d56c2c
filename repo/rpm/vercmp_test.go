package rpm_test

import (
	"cmp"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/rpm"
)

func TestVercmpUpstreamCases(t *testing.T) {
	t.Parallel()
	n := 0
	for line := range strings.Lines(string(readFile(t, filepath.Join(shareddata.Dir(t, "rpmvercmp"), "cases.tsv")))) {
		cols := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(cols) != 3 {
			continue
		}
		n++
		want, err := strconv.Atoi(cols[2])
		if err != nil {
			t.Fatal(err)
		}
		if got := rpm.Vercmp(cols[0], cols[1]); got != want {
			t.Errorf("Vercmp(%q, %q) = %d, want %d", cols[0], cols[1], got, want)
		}
		if got := rpm.Vercmp(cols[1], cols[0]); got != -want {
			t.Errorf("Vercmp(%q, %q) = %d, want %d", cols[1], cols[0], got, -want)
		}
	}
	if n < 80 {
		t.Errorf("only %d cases", n)
	}
}

func TestVercmp(t *testing.T) {
	t.Parallel()
	ascending := []string{"~", "", "1.0~rc1", "1.0~rc1^git1", "1.0", "1.0^", "1.0^git1~pre", "1.0^git1", "1.0^git2", "1.0a", "1.0.1", "1.9", "1.10", "10"}
	for i, a := range ascending {
		for j, b := range ascending {
			if got, want := rpm.Vercmp(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("Vercmp(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1_0", "1.0", 0},
		{"1.0.", "1.0", 0},
		{"001", "1", 0},
		{"a", "1", -1},
		{"1.0.1", "1.0^git", 1},
		{"99999999999999999999999", "100000000000000000000000", -1},
		{"é", "", 0},
	} {
		if got := rpm.Vercmp(c.a, c.b); got != c.want {
			t.Errorf("Vercmp(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestEVRCompare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1:1-1", "2-9", 1},
		{"0:1-1", "1-1", 0},
		{"1-2", "1-10", -1},
		{"1", "1-1", -1},
		{"2.0^20240101git-1.fc44", "2.0-1.fc44", 1},
	} {
		a, err := rpm.ParseEVR(c.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := rpm.ParseEVR(c.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Compare(b); got != c.want {
			t.Errorf("%s against %s is %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestOverlaps(t *testing.T) {
	t.Parallel()
	const lt, gt, eq = rpm.DepLess, rpm.DepGreater, rpm.DepEqual
	for _, c := range []struct {
		af   rpm.DepFlags
		a    string
		bf   rpm.DepFlags
		b    string
		want bool
	}{
		{eq, "1.0-1", gt | eq, "1.0", true},
		{eq, "1.0-1", gt, "1.0", false},
		{eq, "1.0-1", gt, "1.0-0", true},
		{eq, "1:1.0-1", lt, "2.0", false},
		{lt, "2", gt, "1", true},
		{lt, "1", gt, "2", false},
		{lt, "1", gt, "1", false},
		{lt | eq, "1", gt | eq, "1", true},
		{0, "", gt, "5", true},
		{eq, "1^git", gt, "1", true},
		{eq, "1~rc", gt | eq, "1", false},
		{lt, "1.0-1", eq, "1.0", true}, // 1.0 stands for 1.0-0 too
		{gt, "1.0-1", eq, "1.0", true},
		{lt, "1.0-1", gt, "1.0", false},
		{lt, "1.0", lt, "1.0-1", true},
		{eq, "0:1", eq, "1", true},
		{eq, ":1", eq, "1", true},
		{eq, "00:1-1", eq, "1-1", true},
		{eq, "5000000000:1", gt, "4999999999:2", true},
		{eq, "x:1", eq, "x:1", true},
		{eq, "x:1", eq, "1", false},
		{eq, "1-2-3", eq, "1-2", false},
	} {
		a := rpm.Dependency{Name: "n", Flags: c.af, EVR: c.a}
		b := rpm.Dependency{Name: "n", Flags: c.bf, EVR: c.b}
		if got := rpm.Overlaps(a, b); got != c.want {
			t.Errorf("%v overlaps %v: %v", a, b, got)
		}
		if got := rpm.Overlaps(b, a); got != c.want {
			t.Errorf("%v overlaps %v: %v", b, a, got)
		}
	}
	if rpm.Overlaps(rpm.Dependency{Name: "a"}, rpm.Dependency{Name: "b"}) {
		t.Error("different names overlap")
	}
}
