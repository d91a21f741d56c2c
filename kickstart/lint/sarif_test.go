package lint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/kickstart/lint"
)

// object is a JSON object that is checked against the SARIF 2.1.0 schema's
// required and allowed properties.
type object map[string]any

// properties checks the names of an object's properties.
func (o object) properties(t *testing.T, what string, required []string, optional ...string) {
	t.Helper()
	for _, name := range required {
		if _, ok := o[name]; !ok {
			t.Errorf("%s has no %s", what, name)
		}
	}
	for name := range o {
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			t.Errorf("%s has a property %s that SARIF does not know", what, name)
		}
	}
}

func (o object) object(t *testing.T, name string) object {
	t.Helper()
	v, ok := o[name].(map[string]any)
	if !ok {
		t.Fatalf("%s is %T, not an object", name, o[name])
	}
	return v
}

func (o object) list(t *testing.T, name string) []object {
	t.Helper()
	v, ok := o[name].([]any)
	if !ok {
		t.Fatalf("%s is %T, not an array", name, o[name])
	}
	out := make([]object, len(v))
	for i, x := range v {
		if out[i], ok = x.(map[string]any); !ok {
			t.Fatalf("%s[%d] is %T, not an object", name, i, x)
		}
	}
	return out
}

func (o object) text(t *testing.T, name string) string {
	t.Helper()
	s, ok := o[name].(string)
	if !ok || s == "" {
		t.Errorf("%s is %#v, not a text", name, o[name])
	}
	return s
}

// TestSARIFIsWhatTheStandardSays: names, required properties, types and
// references of SARIF 2.1.0 (sections 3.13 to 3.52).
func TestSARIFIsWhatTheStandardSays(t *testing.T) {
	t.Parallel()
	list := []lint.Finding{
		{Rule: "validates", Severity: lint.Error, Pos: kickstart.Position{File: "spins/my spin#1.ks", Line: 3, Col: 9}, Message: "Unknown command: lnag", Remedy: "did you mean lang?"},
		{Rule: "maintainer", Severity: lint.Note, Pos: kickstart.Position{File: "/srv/é.ks"}, Message: `no comment names the "maintainers" <here>`},
		{Rule: "selinux", Severity: lint.Warning, Pos: kickstart.Position{File: "https://h/x.ks", Line: 1, Col: 1}, Message: "SELinux is disabled"},
	}
	var buf bytes.Buffer
	if err := lint.WriteSARIF(&buf, list, lint.SARIFOptions{Version: "1.2.3", URI: "https://example.org/"}); err != nil {
		t.Fatal(err)
	}
	var log object
	if err := json.Unmarshal(buf.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	log.properties(t, "the log", []string{"version", "runs"}, "$schema")
	if log["version"] != "2.1.0" {
		t.Errorf("version %v", log["version"])
	}
	runs := log.list(t, "runs")
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	runs[0].properties(t, "the run", []string{"tool"}, "results", "columnKind")
	driver := runs[0].object(t, "tool").object(t, "driver")
	driver.properties(t, "the driver", []string{"name"}, "version", "informationUri", "rules")
	driver.text(t, "name")
	rules := driver.list(t, "rules")
	ids := map[string]bool{}
	for _, r := range rules {
		r.properties(t, "a rule", []string{"id"}, "shortDescription", "fullDescription", "defaultConfiguration")
		r.object(t, "shortDescription").text(t, "text")
		r.object(t, "fullDescription").text(t, "text")
		level(t, r.object(t, "defaultConfiguration").text(t, "level"))
		id := r.text(t, "id")
		if ids[id] {
			t.Errorf("rule %s is there twice", id)
		}
		ids[id] = true
	}
	results := runs[0].list(t, "results")
	if len(results) != len(list) {
		t.Fatalf("%d results", len(results))
	}
	for i, r := range results {
		r.properties(t, "a result", []string{"message"}, "ruleId", "ruleIndex", "level", "locations")
		level(t, r.text(t, "level"))
		if n, ok := r["ruleIndex"].(float64); !ok || rules[int(n)]["id"] != r.text(t, "ruleId") || r["ruleId"] != list[i].Rule {
			t.Errorf("result %d points to the wrong rule", i)
		}
		if text := r.object(t, "message").text(t, "text"); !strings.HasPrefix(text, list[i].Message) || !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?.") {
			t.Errorf("message %q", text)
		}
		physical := r.list(t, "locations")[0].object(t, "physicalLocation")
		physical.properties(t, "a location", []string{"artifactLocation"}, "region")
		uri := physical.object(t, "artifactLocation").text(t, "uri")
		u, err := url.Parse(uri)
		if err != nil || u.Fragment != "" || strings.ContainsAny(uri, " é") {
			t.Errorf("%q is no URI reference: %v", uri, err)
		}
		if line := list[i].Pos.Line; line > 0 && physical.object(t, "region")["startLine"] != float64(line) {
			t.Errorf("result %d stands in %v", i, physical["region"])
		} else if line == 0 && physical["region"] != nil {
			t.Errorf("result %d is about the whole file, but stands in %v", i, physical["region"])
		}
	}
}

func level(t *testing.T, s string) {
	t.Helper()
	if !slices.Contains([]string{"none", "note", "warning", "error"}, s) {
		t.Errorf("level %q", s)
	}
}

func TestSARIFWithoutFindingsHasResults(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	if err := lint.WriteSARIF(&buf, nil, lint.SARIFOptions{}); err != nil {
		t.Fatal(err)
	}
	// Without the property a reader takes it that nothing was looked at.
	if !strings.Contains(buf.String(), `"results": []`) {
		t.Errorf("got %s", buf.String())
	}
	if err := lint.WriteSARIF(&buf, []lint.Finding{{Rule: "no-such"}}, lint.SARIFOptions{}); err == nil {
		t.Error("a finding of an unknown rule was written")
	}
}

func ExampleWriteSARIF() {
	var buf bytes.Buffer
	err := lint.WriteSARIF(&buf, []lint.Finding{{
		Rule: "selinux", Severity: lint.Warning, Pos: kickstart.Position{File: "spin.ks", Line: 4, Col: 1}, Message: "SELinux is disabled", Remedy: "write selinux --enforcing",
	}}, lint.SARIFOptions{Version: "1.0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, results, _ := strings.Cut(buf.String(), `"results": `)
	fmt.Println(strings.Join(strings.Fields(results), ""))
	// Output:
	// [{"ruleId":"selinux","ruleIndex":11,"level":"warning","message":{"text":"SELinuxisdisabled;writeselinux--enforcing."},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"spin.ks"},"region":{"startLine":4}}}]}]}]}
}
