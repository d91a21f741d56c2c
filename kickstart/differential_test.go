package kickstart_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/kickstart"
)

// dataFiles lists the real kickstarts of the shared data by their path under
// ks/, in the order of PROVENANCE.tsv.
func dataFiles(t *testing.T) (dir string, files []string) {
	t.Helper()
	dir = filepath.Join(shareddata.Dir(t, "kickstart"), "ks")
	for _, line := range tsv(t, filepath.Join(dir, "PROVENANCE.tsv")) {
		files = append(files, line[0])
	}
	if len(files) < 500 {
		t.Fatalf("only %d kickstarts in %s", len(files), dir)
	}
	return dir, files
}

func tsv(t *testing.T, file string) [][]string {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(src)) {
		out = append(out, strings.Split(strings.TrimRight(line, "\n"), "\t"))
	}
	return out
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return src
}

// exceptions are the files whose verdict or message differs from pykickstart's
// on purpose, each with the reason.
func exceptions() map[string]string {
	return map[string]string{}
}

// TestVerdictsOfPykickstart compares our verdict on every real kickstart with
// the one that pykickstart 3.74 gave for F44 (includes not followed).
func TestVerdictsOfPykickstart(t *testing.T) {
	t.Parallel()
	dir, files := dataFiles(t)
	want := map[string]string{}
	for _, line := range tsv(t, filepath.Join(dir, "VALIDATION-F44.tsv")) {
		want[line[0]] = strings.TrimPrefix(line[1], "The following problem occurred on ")
	}
	expected := exceptions()
	refused := 0
	for _, file := range files {
		_, err := kickstart.Parse(file, readFile(t, filepath.Join(dir, file)), kickstart.Options{Version: kickstart.F44})
		got := ""
		if err != nil {
			refused++
			got = asPykickstart(t, err)
		}
		same := (got == "") == (want[file] == "") && strings.HasPrefix(got, want[file])
		reason, excepted := expected[file]
		switch {
		case !same && !excepted:
			t.Errorf("%s:\n got  %q\n want %q", file, got, want[file])
		case same && excepted:
			t.Errorf("%s is listed as an exception (%s) but agrees now", file, reason)
		}
	}
	if refused < len(want)-len(expected) {
		t.Errorf("refused %d files, pykickstart refuses %d", refused, len(want))
	}
}
