//go:build interop

package interop_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	ks "github.com/fedora-respin/respin/kickstart"
)

// ksDiffer says how our verdict differs from pykickstart's, "" when it does not.
func ksDiffer(text string, version ks.Version, want ksAnswer) string {
	_, diags, err := ks.Check("m.ks", []byte(text), ks.Options{Version: version})
	if err != nil {
		if want.Error == nil {
			return fmt.Sprintf("we refuse: %v", err)
		}
		return ""
	}
	warned := 0
	for _, d := range diags {
		if d.Severity == ks.SeverityWarning {
			warned++
			continue
		}
		switch {
		case want.Error == nil:
			return "we refuse: " + d.String()
		case want.Crash:
			return ""
		case d.Pos.Line != want.Line && want.Line != 0:
			return fmt.Sprintf("we: %s, they: line %d: %s", d, want.Line, *want.Error)
		case !ksSameMessage(d.Message, *want.Error):
			return fmt.Sprintf("message: we: %s, they: %s", d, *want.Error)
		case warned != len(want.Warnings):
			return fmt.Sprintf("%d warnings, they %q", warned, want.Warnings)
		}
		return ""
	}
	switch {
	case want.Error != nil:
		return fmt.Sprintf("they refuse: line %d: %s", want.Line, *want.Error)
	case warned != len(want.Warnings):
		return fmt.Sprintf("%d warnings %v, they %q", warned, diags, want.Warnings)
	}
	return ""
}

// ksSameMessage compares messages: pykickstart has none for an include without
// a name, and a slip of the pen in one.
func ksSameMessage(ours, theirs string) bool {
	if strings.HasPrefix(theirs, "There was a problem reading from line") {
		return strings.HasSuffix(ours, "does not name a file")
	}
	if before, _, ok := strings.Cut(theirs, " could match "); ok {
		return strings.HasPrefix(ours, before) // the options come in another order
	}
	return strings.TrimSpace(ours) == strings.TrimSpace(strings.Replace(theirs, "One of ---", "One of --", 1))
}

// ksMeaning compares our views with pykickstart's data, and asks whether what
// Flatten prints still means the same to pykickstart: word for word where it
// had no complaint, and at least without an error where it had.
func ksMeaning(t *testing.T, oracle *ksOracle, text string, version ks.Version, want ksAnswer) string {
	t.Helper()
	doc, _, err := ks.Check("m.ks", []byte(text), ks.Options{Version: version})
	if err != nil {
		return err.Error()
	}
	if diff := ksViewsDiffer(doc, want.Views); diff != "" {
		return "views (-pykickstart +ours):\n" + diff
	}
	flat := doc.Flatten().String()
	got := oracle.ask(t, ksQuestion{Version: string(version), Text: &flat, Fill: true})
	switch {
	case got.Error != nil:
		return "flattened, it is refused: " + *got.Error + "\n" + flat
	case len(want.Warnings) > 0 || ksTwoSources(doc):
		return ""
	case len(got.Warnings) > 0:
		return fmt.Sprintf("flattened, it has warnings: %q\n%s", got.Warnings, flat)
	}
	if diff := gocmp.Diff(want.Text, got.Text); diff != "" {
		return "flattened, it means something else:\n" + diff
	}
	return ""
}

// ksTwoSources tells whether an installation source is there twice: pykickstart
// mixes their options, and we take the last.
func ksTwoSources(doc *ks.Document) bool {
	for _, name := range []string{"url", "nfs", "harddrive", "liveimg", "ostreesetup", "ostreecontainer", "updates"} {
		n := 0
		for range doc.Commands(name) {
			n++
		}
		if n > 1 {
			return true
		}
	}
	return false
}

// TestKickstartMutations compares verdict, line, message and warnings on
// kickstarts that nobody wrote. RESPIN_KSMUTATIONS and RESPIN_KSSEED make the
// run longer and different.
func TestKickstartMutations(t *testing.T) {
	number := func(name string, def int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return def
	}
	oracle := newOracle(t)
	m := newMutator(t, uint64(number("RESPIN_KSSEED", 1)))
	versions := []ks.Version{ks.F44, ks.F44, ks.F38, ks.F39, ks.F40, ks.F41, ks.F42, ks.F43, ks.F45, ks.F46, ks.RHEL9, ks.RHEL10}
	refused, differ := 0, 0
	total := number("RESPIN_KSMUTATIONS", 700)
	for range total {
		text, version := m.next(), versions[m.IntN(len(versions))]
		want := oracle.ask(t, ksQuestion{Version: string(version), Text: &text, Fill: true})
		if want.Error != nil {
			refused++
		}
		diff := ksDiffer(text, version, want)
		if diff == "" && want.Error == nil {
			diff = ksMeaning(t, oracle, text, version, want)
		}
		if diff != "" {
			differ++
			t.Errorf("%s: %s\n%s", version, diff, ksExcerpt(text))
		}
		if differ > number("RESPIN_KSMAX", 20) {
			t.Fatal("too many differences")
		}
	}
	t.Logf("%d kickstarts, %d refused", total, refused)
	if refused < total/10 || refused > total*9/10 {
		t.Errorf("%d of %d refused: the mutations are too wild or too tame", refused, total)
	}
}

// ksExcerpt shows a kickstart, a long one not wholly.
func ksExcerpt(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = fmt.Sprintf("%4d %q", i+1, l)
	}
	if len(lines) > 60 {
		lines = append(lines[:60], "...")
	}
	return strings.Join(lines, "\n")
}
