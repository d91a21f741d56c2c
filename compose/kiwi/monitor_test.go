package kiwi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose"
)

func TestOutputBecomesProgress(t *testing.T) {
	t.Parallel()
	var said []string
	m := newMonitor(func(stage string, percent int, message string) {
		said = append(said, fmt.Sprintf("%s %d %s", stage, percent, message))
	})
	for _, text := range []string{
		"[ INFO    ]: 07:36:22 | Loading XML description: /d/config.xml",
		"[ INFO    ]: 07:36:22 | Support for XML markup available",
		"[ INFO    ]: 07:36:22 | Preparing new root system",
		"[ INFO    ]: 07:36:23 | Setting up repository dir:///r",
		"[ INFO    ]: 07:36:23 | Installing bootstrap packages",
		"[ INFO    ]: Processing: [                                        ] 0%",
		"[ INFO    ]: Processing: [####################                    ] 50%",
		"[ INFO    ]: Processing: [########################################] 100%",
		"[ INFO    ]: 07:36:23 | Installing system (chroot) for build type: iso",
		"[ INFO    ]: Processing: [##########                              ] 25%",
		"[ WARNING ]: 07:36:23 | Creating live ISO image", // no stage: it is a warning
		"[ INFO    ]: 07:40:00 | Creating live ISO image",
		"[ INFO    ]: 07:40:00 | Preparing new root system", // of a boot image inside
		"", "something else",
		"[ INFO    ]: 07:41:00 | Result files:",
	} {
		m.line(text)
	}
	want := []string{
		"prepare 0 Loading XML description: /d/config.xml", "prepare 1 Preparing new root system", "repositories 2 Setting up repository dir:///r",
		"bootstrap 3 Installing bootstrap packages", "bootstrap 3 0 % of the packages are installed", "bootstrap 7 50 % of the packages are installed", "bootstrap 12 100 % of the packages are installed",
		"install 12 Installing system (chroot) for build type: iso", "install 22 25 % of the packages are installed",
		"ISO 92 Creating live ISO image", "done 99 Result files:",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
}

func TestReasonIsTheMostTellingLine(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ console, want []string }{
		"profile": {
			[]string{"[ INFO    ]: 07:42:35 | Loading XML description: /d", "[ ERROR   ]: 07:42:35 | KiwiProfileNotFound: profile Nope not found for host arch x86_64"},
			[]string{"KiwiProfileNotFound: profile Nope not found for host arch x86_64"},
		},
		"solver": {
			[]string{
				"[ ERROR   ]: 07:44:31 | KiwiBootStrapPhaseFailed: Bootstrap package installation failed: Failed to resolve the transaction:",
				"Problem: conflicting requests", "  - nothing provides a needed by b-1-1.x86_64", ": ",
			},
			[]string{
				"Problem: conflicting requests", "- nothing provides a needed by b-1-1.x86_64",
				"KiwiBootStrapPhaseFailed: Bootstrap package installation failed: Failed to resolve the transaction:",
			},
		},
		"dnf 4": {
			[]string{
				"[ ERROR   ]: 07:44:31 | KiwiBootStrapPhaseFailed: Bootstrap package installation failed: No matches found for the following enable plugin patterns: priorities",
				"Error: Unable to find a match: nosuch", ": ",
			},
			[]string{
				"Error: Unable to find a match: nosuch",
				"KiwiBootStrapPhaseFailed: Bootstrap package installation failed: No matches found for the following enable plugin patterns: priorities",
			},
		},
		"last error": {
			[]string{"[ ERROR   ]: 07:44:31 | Failed to set type attribute: x", "[ ERROR   ]: 07:44:32 | KiwiRuntimeError: No repositories configured", "[ WARNING ]: 07:44:32 | remove_hierarchy: path is protected"},
			[]string{"KiwiRuntimeError: No repositories configured"},
		},
		"docopt": {
			[]string{"usage: kiwi-ng [global options] service <command> [<args>]", "Warning: found unmatched (duplicate?) arguments [Option(None, '--bogus', 0, True)]", "       kiwi-ng -h | --help"},
			[]string{"found unmatched (duplicate?) arguments [Option(None, '--bogus', 0, True)]"},
		},
		"typer":        {[]string{"Usage: kiwi-ng [OPTIONS] COMMAND [ARGS]...", "╭─ Error ─╮", "│ No such option: --bogus    │", "╰─────────╯"}, []string{"No such option: --bogus"}},
		"nothing said": {[]string{"x"}, nil},
	} {
		if diff := cmp.Diff(tc.want, reason(tc.console)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func FuzzMonitor(f *testing.F) {
	f.Add("[ INFO    ]: 07:36:22 | Loading XML description: x\n[ INFO    ]: Processing: [###] 999%\n[ ERROR   ]: 07:36:22 | KiwiX: y\n  - z\n: \n│ box │")
	f.Add("Warning: found unmatched\n[ ERROR ]: \nError: \n")
	f.Fuzz(func(t *testing.T, text string) {
		var said []int
		m := newMonitor(func(_ string, percent int, _ string) { said = append(said, percent) })
		lines := strings.Split(text, "\n")
		for _, one := range lines {
			m.line(one)
		}
		if !slices.IsSorted(said) || len(said) > 0 && (said[0] < 0 || said[len(said)-1] > 100) {
			t.Errorf("percent: %v", said)
		}
		reason(lines)
	})
}

func FuzzList(f *testing.F) {
	f.Add("bash|(none)|5.3|1.fc44|x86_64|(none)|GPL\nperl|4|5.40|1.fc44|x86_64|obs://a|b|c\ngpg-pubkey|(none)|a|b|(none)|(none)|pubkey\n\n")
	f.Add("a|b\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := readList(strings.NewReader(text))
		if err == nil && !slices.IsSortedFunc(list, func(a, b compose.Shipped) int { return strings.Compare(a.NEVRA, b.NEVRA) }) {
			t.Errorf("not sorted: %+v", list)
		}
	})
}

func TestListOfPackagesIsRead(t *testing.T) {
	t.Parallel()
	list, err := readList(strings.NewReader("perl|4|5.40|1.fc44|x86_64|(none)|GPL|or|Artistic\nbash|(none)|5.3|1.fc44|x86_64|(none)|GPL\ngpg-pubkey|(none)|a|b|(none)|(none)|pubkey\n"))
	if err != nil || len(list) != 2 || list[0].NEVRA != "bash-5.3-1.fc44.x86_64" || list[1].NEVRA != "perl-4:5.40-1.fc44.x86_64" {
		t.Errorf("got %+v, %v", list, err)
	}
	if _, err := readList(strings.NewReader("bash 5.3\n")); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("got %v", err)
	}
}
