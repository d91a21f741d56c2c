package notify_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/daemon/notify"
)

var update = flag.Bool("update", false, "write the golden files")

func succeeded() notify.Event {
	const base = "https://respin.example.org"
	sum := strings.Repeat("0123456789abcdef", 4)
	return notify.Event{
		ID: "c-20260301-7", Kind: "boot-iso", Release: "44", Arch: "x86_64", Title: "anaconda with the new storage page", State: notify.StateSucceeded,
		PageURL: base + "/composes/c-20260301-7", LogURL: base + "/api/v1/composes/c-20260301-7/log",
		ReportURL: base + "/api/v1/composes/c-20260301-7/report", RepoURL: base + "/repos/c-20260301-7/",
		RepoFileURL: base + "/repos/c-20260301-7/respin-c-20260301-7.repo",
		Artifacts: []notify.Artifact{
			{Name: "F44-anaconda.iso", URL: base + "/images/c-20260301-7/F44-anaconda.iso", Size: 851_443_712, SHA256: sum},
			{Name: "CHECKSUM", URL: base + "/images/c-20260301-7/CHECKSUM", Size: 412},
		},
		Packages: []notify.Package{
			{Name: "anaconda", Arch: "x86_64", Requested: "44.12-1.fc44", Shipped: "44.12-1.fc44", Verdict: "included", Size: 131072, SHA256: sum},
			{Name: "lorax", Arch: "x86_64", Requested: "44.3-1.fc44", Shipped: "44.2-1.fc44", Verdict: "older"},
			{Name: "vim-minimal", Arch: "x86_64", Requested: "2:9.1-1.fc44", Verdict: "missing"},
		},
		Expires: time.Date(2026, 3, 15, 12, 30, 0, 0, time.UTC),
	}
}

func events() map[string]notify.Event {
	minimal := notify.Event{ID: "c-1", State: notify.StateSucceeded}
	included := succeeded()
	included.Title, included.Packages = "", included.Packages[:1]
	failed := succeeded()
	failed.State, failed.Artifacts, failed.Packages, failed.Expires = notify.StateFailed, nil, nil, time.Time{}
	failed.Failure = &notify.Failure{
		Code: "tool_failed", Stage: "compose", Sentence: "xorriso stopped because the medium is full.", Remedy: "Leave packages out, or ask for a repo.",
		Evidence: []string{"xorriso : FAILURE : Image size exceeds free space", "xorriso : aborting", "exit status 32", "a fourth line"},
	}
	hostile := succeeded()
	hostile.Title = "x\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script>\u202egnp.exe"
	hostile.PageURL, hostile.LogURL = "javascript:alert(1)", "https://respin.example.org/\r\nlog"
	hostile.Artifacts = []notify.Artifact{{Name: `<img src=x onerror="alert(1)">`, URL: "https://respin.example.org/?a=1&b=\"><script>", Size: -1}}
	hostile.Packages = []notify.Package{{Name: "{{.ID}}", Verdict: "<b>"}}
	canceled := failed
	canceled.State, canceled.Failure = notify.StateCanceled, nil
	return map[string]notify.Event{
		"succeeded": succeeded(), "succeeded-minimal": minimal, "succeeded-included": included, "failed": failed,
		"failed-without-reason": {ID: "c-2", Kind: "repo", Release: "rawhide", State: notify.StateFailed}, "canceled": canceled, "hostile": hostile,
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	n, err := notify.New(notify.Config{Host: "mail.example.org", From: "respin@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	for name, event := range events() {
		c, err := n.Render(event)
		if err != nil {
			t.Fatal(err)
		}
		for suffix, got := range map[string]string{"txt": "Subject: " + c.Subject + "\n\n" + c.Text, "html": c.HTML} {
			file := filepath.Join("testdata", name+"."+suffix)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-golden +got; -update writes it):\n%s", file, diff)
			}
		}
	}
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	n, err := notify.New(notify.Config{Host: "mail.example.org", From: "respin@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := n.Render(events()["hostile"])
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(c.Subject, "\r\n") || strings.Contains(c.Subject, "\u202e") {
		t.Errorf("subject %q", c.Subject)
	}
	for _, bad := range []string{"<script", "<img", "javascript:", "\nBcc:", "\r"} {
		if strings.Contains(c.HTML, bad) || bad != "<script" && bad != "<img" && strings.Contains(c.Text, bad) {
			t.Errorf("%q came through:\n%s\n%s", bad, c.Text, c.HTML)
		}
	}
}

func TestLongEventsAreCut(t *testing.T) {
	t.Parallel()
	n, err := notify.New(notify.Config{Host: "mail.example.org", From: "respin@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	e := succeeded()
	e.Title = strings.Repeat("long ", 100_000)
	for i := range 5000 {
		e.Packages = append(e.Packages, notify.Package{Name: fmt.Sprintf("p%d", i), Verdict: "included"})
		e.Artifacts = append(e.Artifacts, notify.Artifact{Name: fmt.Sprintf("f%d", i)})
	}
	c, err := n.Render(e)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Text) > 20_000 || len(c.HTML) > 40_000 || len(c.Subject) > 200 {
		t.Errorf("%d, %d, %d bytes", len(c.Text), len(c.HTML), len(c.Subject))
	}
	for _, want := range []string{"and 4903 more, see the package report", "and 4972 more, see the page"} {
		if !strings.Contains(c.Text, want) || !strings.Contains(c.HTML, want) {
			t.Errorf("not said: %s", want)
		}
	}
}

// FuzzRender: whatever a title or a line of a log holds, the message is made, its
// subject is one line, and its HTML has no element of theirs.
func FuzzRender(f *testing.F) {
	f.Add("title", "https://example.org/", "line", "anaconda")
	f.Add("<script>\r\n", "javascript:x", "\x1b[31mred\xff", "{{.}}")
	n, err := notify.New(notify.Config{Host: "mail.example.org", From: "respin@example.org"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, title, url, line, name string) {
		for _, state := range []notify.State{notify.StateSucceeded, notify.StateFailed, notify.StateCanceled} {
			c, err := n.Render(notify.Event{
				ID: name, Title: title, State: state, PageURL: url, Failure: &notify.Failure{Sentence: line, Evidence: []string{line}},
				Packages: []notify.Package{{Name: name, Verdict: title}}, Artifacts: []notify.Artifact{{Name: name, URL: url}},
			})
			if err != nil {
				t.Fatal(err)
			}
			plain, err := n.Render(notify.Event{
				ID: "n", Title: "t", State: state, PageURL: "https://example.org/", Failure: &notify.Failure{Sentence: "l", Evidence: []string{"l"}},
				Packages: []notify.Package{{Name: "n", Verdict: "t"}}, Artifacts: []notify.Artifact{{Name: "n", URL: "https://example.org/"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(c.Subject, "\r\n") || strings.Count(c.HTML, "<") > strings.Count(plain.HTML, "<") {
				t.Errorf("%q\n%s", c.Subject, c.HTML)
			}
		}
	})
}
