package pylorax

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testStages() []Stage {
	return []Stage{
		{"prepare", "checking for root privileges", 0},
		{"resolve", "Checking dependencies", 4},
		{"download", "Downloading packages", 6},
		{"install", "Preparing transaction from installation source", 30},
		{"configure", "doing post-install configuration", 54},
		{"runtime image", "creating the runtime image", 67},
		{"tree", "writing .treeinfo file", 99},
	}
}

func TestOutputBecomesProgress(t *testing.T) {
	t.Parallel()
	var said []string
	m := NewMonitor(testStages(), func(stage string, percent int, message string) {
		said = append(said, fmt.Sprintf("%s %d %s", stage, percent, message))
	})
	for _, line := range []string{
		"2026-11-26 00:00:00,123: checking for root privileges",
		"2026-11-26 00:00:01,123: Checking dependencies", "2026-11-26 00:00:01,200: 4 packages selected",
		"2026-11-26 00:00:02,000: Downloading packages", "Downloading 2 / 4 RPMs", "Downloading 9 / 4 RPMs, 1 / 2 (50%) done.",
		"2026-11-26 00:00:03,000: Preparing transaction from installation source",
		"2026-11-26 00:00:03,001: Install bash-5.3-1.fc44.x86_64", "2026-11-26 00:00:03,002: (3/4) vim-9-1.noarch",
		"2026-11-26 00:00:03,003: Checking dependencies", // a second time: nothing falls
		"2026-11-26 00:00:04,000: creating the runtime image", "something else", "", "2026-11-26 00:00:05,000: writing .treeinfo file",
	} {
		m.Line(line)
	}
	want := []string{
		"prepare 0 checking for root privileges", "resolve 4 Checking dependencies", "resolve 4 4 packages selected", "download 6 Downloading packages",
		"download 18 Downloading 2 / 4 RPMs", "download 30 Downloading 9 / 4 RPMs, 1 / 2 (50%) done.", "install 30 Preparing transaction from installation source",
		"install 36 Install bash-5.3-1.fc44.x86_64", "install 48 (3/4) vim-9-1.noarch", "runtime image 67 creating the runtime image", "tree 99 writing .treeinfo file",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
}

func TestReasonIsTheMostTellingLine(t *testing.T) {
	t.Parallel()
	const at = "2026-11-26 00:00:00,000 "
	for name, tc := range map[string]struct {
		console, log []string
		want         []string
	}{
		"arguments": {
			console: []string{"usage: lorax [-h] ...", "lorax: error: output directory /x should not exist."},
			want:    []string{"output directory /x should not exist."},
		},
		"solver of dnf 4": {
			console: []string{"Traceback (most recent call last):", "dnf.exceptions.DepsolveError: ", " Problem: conflicting requests", "  - nothing provides a needed by b-1-1.x86_64", "Cleaning up tempdir - /t"},
			log:     []string{at + "ERROR pylorax: something earlier"},
			want:    []string{"Problem: conflicting requests", "- nothing provides a needed by b-1-1.x86_64"},
		},
		"missing package": {
			console: []string{"Traceback (most recent call last):", "RuntimeError: Required installpkg failed."},
			log:     []string{at + "INFO pylorax: x", at + "ERROR pylorax: installpkg a failed: no package matched a", at + "ERROR pylorax: installpkg b failed: no package matched b", at + "INFO lorax: Cleaning up tempdir - /t"},
			want:    []string{"installpkg a failed: no package matched a", "installpkg b failed: no package matched b", "RuntimeError: Required installpkg failed."},
		},
		"critical": {
			console: []string{"2026: you need to install hfsplus-tools to create mac images"},
			log:     []string{at + "CRITICAL pylorax: you need to install hfsplus-tools to create mac images"},
			want:    []string{"you need to install hfsplus-tools to create mac images"},
		},
		"no repositories": {
			console: []string{"error: unable to create the dnf base object"},
			log:     []string{at + "ERROR pylorax: Problem fetching metadata: Failed to download metadata"},
			want:    []string{"Problem fetching metadata: Failed to download metadata", "error: unable to create the dnf base object"},
		},
		"nothing said": {console: []string{"x"}, want: nil},
	} {
		if diff := cmp.Diff(tc.want, reason(tc.console, tc.log)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func FuzzMonitor(f *testing.F) {
	f.Add("2026-11-26 00:00:00,123: checking for root privileges\n4 packages selected\n(99999999999999999999/0) x\nDownloading 1 / 0 RPMs\n")
	f.Add(" Problem: x\n  - y\nlorax: error: z\nA.Error: \n2026-11-26 00:00:00,000 ERROR a: b\nInstall a-1-1.noarch")
	f.Fuzz(func(t *testing.T, text string) {
		var said []int
		m := NewMonitor(testStages(), func(_ string, percent int, _ string) { said = append(said, percent) })
		lines := strings.Split(text, "\n")
		for _, line := range lines {
			m.Line(line)
		}
		if !slices.IsSorted(said) || len(said) > 0 && (said[0] < 0 || said[len(said)-1] > 100) {
			t.Errorf("percent: %v", said)
		}
		reason(m.tail, lines)
	})
}
