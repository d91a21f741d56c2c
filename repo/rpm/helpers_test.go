package rpm_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/rpm"
)

// sample is one line of the manifest of shared data.
type sample struct {
	path  string
	facts map[string]string // "arch=noarch" as key and value, bare words as key only
}

func (s sample) readable() bool { return s.facts["rpm4.18"] != "FAIL" }

// samples lists the real packages of shared data.
func samples(tb testing.TB) []sample {
	tb.Helper()
	dir := shareddata.Dir(tb, "rpms")
	data, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		shareddata.Missing(tb, "rpms/MANIFEST.tsv")
	}
	var list []sample
	for line := range strings.Lines(string(data)) {
		cols := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(cols) != 5 || cols[0] == "file" {
			continue
		}
		s := sample{path: filepath.Join(dir, filepath.Base(cols[0])), facts: map[string]string{}}
		for word := range strings.FieldsSeq(cols[4]) {
			key, value, _ := strings.Cut(word, "=")
			s.facts[key] = value
		}
		if _, err := os.Stat(s.path); err == nil {
			list = append(list, s)
		}
	}
	if len(list) < 200 {
		tb.Fatalf("only %d packages in %s", len(list), dir)
	}
	return list
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// deps lists the dependencies of one kind.
func deps(p *rpm.Package, kind rpm.DepKind) []rpm.Dependency {
	return slices.Collect(p.Dependencies(kind))
}
