package kickstart_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

func TestScriptsAreAddedAndReadBack(t *testing.T) {
	t.Parallel()
	doc := parse(t, "lang en", kickstart.Options{})
	scripts := []kickstart.Script{
		{Section: "%post", Interpreter: "/bin/sh", Body: "# it's\n%if text\n  %files\necho \"a"},
		{Section: "%post", Interpreter: "/usr/bin/python3", Log: "/root/my log", NoChroot: true, ErrorOnFail: true, Body: "x\n"},
		{Section: "%onerror", Interpreter: "/bin/sh"},
	}
	for _, s := range scripts {
		if err := doc.AddScript(s); err != nil {
			t.Fatal(err)
		}
	}
	want := "lang en\n\n%post\n# it's\n%if text\n  %files\necho \"a\n%end\n\n" +
		"%post --interpreter=/usr/bin/python3 --log=\"/root/my log\" --erroronfail --nochroot\nx\n%end\n\n%onerror\n%end\n"
	if diff := cmp.Diff(want, doc.String()); diff != "" {
		t.Fatalf("printed (-want +got):\n%s", diff)
	}
	again := parse(t, doc.String(), kickstart.Options{Version: kickstart.F44}).Scripts()
	for i := range again {
		again[i].Pos = kickstart.Position{}
	}
	scripts[0].Body += "\n"
	if diff := cmp.Diff(scripts, again); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestAddSectionRefusesWhatIsNoText(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"%end", "a\n  %end x\n", "%post", "\t%packages", "%include /etc/passwd", "%ksappend x", "a\r%end", "a\u2028%end", "a\v%end", "%end\u00a0", "%end '", "a\x00b",
		"%pre-install", "%addon x", "%anaconda", "%certificate", "%traceback", "%onerror",
	} {
		doc := parse(t, "lang en\n", kickstart.Options{})
		err := doc.AddSection("%post", nil, body)
		if _, ok := errors.AsType[*kickstart.ValueError](err); !ok || doc.String() != "lang en\n" {
			t.Errorf("%q: got %v, printed %q", body, err, doc)
		}
	}
	doc := parse(t, "lang en\n", kickstart.Options{})
	for name, err := range map[string]error{
		"packages":    doc.AddSection("%packages", nil, "vim"),
		"unknown":     doc.AddSection("%custom", nil, ""),
		"end":         doc.AddSection("%end", nil, ""),
		"header":      doc.AddSection("%addon", []string{"a\n%end"}, ""),
		"log":         doc.AddScript(kickstart.Script{Section: "%post", Log: "x"}),
		"interpreter": doc.AddScript(kickstart.Script{Section: "%post", Interpreter: "sh\n"}),
		"no script":   doc.AddScript(kickstart.Script{Section: "%addon"}),
		"nochroot":    doc.AddScript(kickstart.Script{Section: "%pre", NoChroot: true}),
	} {
		if _, ok := errors.AsType[*kickstart.ValueError](err); !ok {
			t.Errorf("%s: got %v, want a *ValueError", name, err)
		}
	}
	if doc.String() != "lang en\n" {
		t.Errorf("refused, but printed %q", doc)
	}
}

func TestReposAndURLAreReplaced(t *testing.T) {
	t.Parallel()
	doc := parse(t, "url --url=http://old # old\nurl --mirrorlist=http://older\nrepo --name=a\nrepo --name b --cost=5\nrepo --name=c\n", kickstart.Options{})
	if n := doc.RemoveRepo("b"); n != 1 {
		t.Errorf("removed %d", n)
	}
	if err := doc.SetURL(kickstart.URL{Metalink: "https://h/?a&b", NoVerifySSL: true, SSLCACert: "/etc/my ca"}); err != nil {
		t.Fatal(err)
	}
	want := "url --metalink=https://h/?a&b --sslcacert=\"/etc/my ca\" --noverifyssl\nrepo --name=a\nrepo --name=c\n"
	if doc.String() != want {
		t.Errorf("printed %q, want %q", doc, want)
	}
	for _, u := range []kickstart.URL{{}, {URL: "x"}, {URL: "http://a", Metalink: "http://b"}, {URL: "http://a b"}, {URL: "http://a", SSLCACert: "ca"}} {
		if err := doc.SetURL(u); err == nil || !strings.HasPrefix(err.Error(), "kickstart value ") {
			t.Errorf("%+v: got %v", u, err)
		}
	}
}
