package repo_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

var update = flag.Bool("update", false, "write the golden files") //nolint:gochecknoglobals // a flag

// TestPackageBytes holds the XML of one package with everything in it. The
// interop suite compares the same with createrepo_c itself; this one needs no
// tool. The package's own digest, size and header range are masked: they are
// those of the maker of the RPM.
func TestPackageBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "rich.rpm"), rich())
	data := rpmtest.Build(rich())
	if _, err := repo.Create(t.Context(), dir, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"primary", "filelists", "other"} {
		got := content(t, dir, kind) + "\n"
		got = strings.ReplaceAll(got, fmt.Sprintf("%x", sha256.Sum256(data)), "PKGID")
		got = strings.Replace(got, fmt.Sprintf(`size package="%d"`, len(data)), `size package="SIZE"`, 1)
		got = regexp.MustCompile(`header-range start="\d+" end="\d+"`).ReplaceAllString(got, "header-range")
		golden := filepath.Join("testdata", kind+".golden")
		if *update {
			writeFile(t, golden, []byte(got))
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

func TestPreRules(t *testing.T) {
	t.Parallel()
	for rule, want := range map[repo.PreRule]int{repo.Pre2x: 2, repo.Pre017: 1} {
		dir := t.TempDir()
		writeRPM(t, filepath.Join(dir, "rich.rpm"), rich())
		if _, err := repo.Create(t.Context(), dir, repo.Options{Pre: rule}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(content(t, dir, "primary"), ` pre="1"`); got != want {
			t.Errorf("rule %d: %d entries are pre, want %d", rule, got, want)
		}
	}
}
