package lint_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/kickstart/lint"
)

// FuzzRun: whatever a kickstart holds, each finding is one line with a known
// rule at a place of the file, and the SARIF log is JSON.
func FuzzRun(f *testing.F) {
	f.Add(good)
	f.Add("%packages --ignoremissing\nvim[\n-@^x\n@ --optional\n@^\n%end\n%post --nochroot\n%end\nrootpw \"\"\nuser --name=\n")
	f.Add("repo --name=a --baseurl=http://u:p@[\nservices --enabled=,\npart / --size=99999999999999999999\nsshpw a\nbootloader --password=#\n")
	f.Add("%include /a\n%ksappend b\n%pre\n%include \"\"\n%end\nselinux\nvnc --password=x\n\x00\u2028lang")
	f.Fuzz(func(t *testing.T, src string) {
		doc, _, err := kickstart.Check("f.ks", []byte(src), kickstart.Options{Version: kickstart.F44})
		if err != nil {
			return
		}
		ids := map[string]bool{}
		for _, r := range lint.Rules() {
			ids[r.ID] = true
		}
		lines := strings.Count(src, "\n") + 1
		for _, target := range []lint.Target{lint.TargetAuto, lint.TargetLive, lint.TargetDisk} {
			report, err := lint.Run(t.Context(), doc, lint.Options{Target: target, Universe: &shelf{packages: []string{"kernel"}, units: []string{}}})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range report.Findings {
				oddPlace := f.Pos.File != "f.ks" || f.Pos.Line < 0 || f.Pos.Line > lines && !strings.ContainsAny(src, "\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
				if !ids[f.Rule] || f.Severity < lint.Note || f.Severity > lint.Error || f.Message == "" || f.Remedy == "" || oddPlace {
					t.Fatalf("odd finding %+v", f)
				}
			}
			var buf bytes.Buffer
			if err := lint.WriteSARIF(&buf, report.Findings, lint.SARIFOptions{}); err != nil || !json.Valid(buf.Bytes()) {
				t.Fatalf("SARIF: %v", err)
			}
		}
	})
}
