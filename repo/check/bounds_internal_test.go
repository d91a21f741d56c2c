package check

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/repo/index"
)

// tangled is a repository of n packages, each of which provides and does not
// want what the others provide.
func tangled(t *testing.T, n int, more string) Repo {
	t.Helper()
	var b strings.Builder
	b.WriteString(`<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm">`)
	for i := range n {
		fmt.Fprintf(&b, `<package type="rpm"><name>p%d</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/>`+
			`<checksum type="sha256" pkgid="YES">%064x</checksum><location href="p%d.rpm"/><format>`+
			`<rpm:provides><rpm:entry name="x"/></rpm:provides><rpm:conflicts><rpm:entry name="x"/></rpm:conflicts>%s</format></package>`, i, i, i, more)
	}
	b.WriteString("</metadata>")
	ix, err := index.Build(t.Context(), strings.NewReader(b.String()), 0)
	if err != nil {
		t.Fatal(err)
	}
	return Repo{Name: "side", Index: ix}
}

func TestPairsAreCountedAndNotAllListed(t *testing.T) {
	t.Parallel()
	const n = 150
	report, err := Run(t.Context(), tangled(t, n, ""), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Problems) != maxPairs || report.Omitted != n*(n-1)-maxPairs {
		t.Errorf("%d problems, %d omitted", len(report.Problems), report.Omitted)
	}
}

func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	side := tangled(t, 3, "")
	u := newUniverse(t.Context(), "", side, nil)
	u.work, u.poll = maxWork, maxWork
	c := &checker{universe: u, report: &Report{}, byVerdict: map[*verdict]*miss{}, pairs: map[Code]int{}}
	if err := c.run(); !errors.Is(err, ErrTooComplex) {
		t.Errorf("got %v", err)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ë", 1<<16)
	side := tangled(t, 1, `<rpm:requires><rpm:entry name="`+long+`"/></rpm:requires>`)
	report, err := Run(t.Context(), side, nil, Options{})
	if err != nil || len(report.Problems) != 1 {
		t.Fatalf("%v, %d problems", err, len(report.Problems))
	}
	p := report.Problems[0]
	if want := strings.Repeat("ë", maxText/2) + "..."; p.Requirement != want || !strings.HasPrefix(p.Text, "nothing provides ëë") || len(p.Text) > maxText+3 {
		t.Errorf("requirement of %d bytes, text of %d", len(p.Requirement), len(p.Text))
	}
}
