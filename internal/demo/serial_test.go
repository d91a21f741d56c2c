package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const console = `GRUB loading.
rpm: /fake/before.rpm sha256=00 primary=ok
RESPIN-STANDIN begin
banner: this is a stand-in
cmdline: BOOT_IMAGE=/images/pxeboot/vmlinuz inst.ks=hd:LABEL=F44:/respin.ks
medium: /dev/sr0 label=F44
ks: /respin.ks sha256=aa
ks-repo: url --metalink=https://example.org/
ks-repo: repo --name=respin --baseurl=file:///run/install/repo/respin-repo/ --cost=1
repo: /respin-repo packages=2 primary=ok
rpm: /respin-repo/Packages/a/a-1-1.noarch.rpm sha256=bb primary=ok
rpm: /respin-repo/Packages/b/b-1^2-1.x86_64.rpm sha256=cc primary=MISMATCH
RESPIN-STANDIN end failed: a package differs from primary.xml
rpm: /fake/after.rpm sha256=00 primary=ok
`

func TestParseSerial(t *testing.T) {
	t.Parallel()
	got, err := parseSerial(strings.ReplaceAll(console, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &standinReport{
		cmdline: "BOOT_IMAGE=/images/pxeboot/vmlinuz inst.ks=hd:LABEL=F44:/respin.ks",
		medium:  "/dev/sr0 label=F44", ksSHA: "aa",
		ksRepos: []string{"url --metalink=https://example.org/", "repo --name=respin --baseurl=file:///run/install/repo/respin-repo/ --cost=1"},
		repos:   map[string]string{"/respin-repo": "packages=2 primary=ok"},
		rpms: map[string]serialRPM{
			"/respin-repo/Packages/a/a-1-1.noarch.rpm":   {"bb", "ok"},
			"/respin-repo/Packages/b/b-1^2-1.x86_64.rpm": {"cc", "MISMATCH"},
		},
		end: "RESPIN-STANDIN end failed: a package differs from primary.xml",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(standinReport{}, serialRPM{})); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if n := got.packages("/respin-repo"); n != 2 {
		t.Errorf("packages %d, want 2", n)
	}
	if n := got.packages("/other"); n != -1 {
		t.Errorf("packages of an unknown repository %d, want -1", n)
	}
}

func TestParseSerialThatIsNotWhole(t *testing.T) {
	t.Parallel()
	twice := strings.Replace(console, "RESPIN-STANDIN end", "rpm: /respin-repo/Packages/a/a-1-1.noarch.rpm sha256=bb primary=ok\nRESPIN-STANDIN end", 1)
	for name, text := range map[string]string{
		"empty": "", "no end": strings.ReplaceAll(console, "RESPIN-STANDIN end", ""), "no begin": "RESPIN-STANDIN end ok\n", "one twice": twice,
	} {
		if r, err := parseSerial(text); err == nil {
			t.Errorf("%s: no error, but %+v", name, r)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"task:1": "task:1", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "&": "&", "a\r\nb": `$'a\r\nb'`, "a&b": "'a&b'", "clock-5.0^2.rpm": "clock-5.0^2.rpm",
	} {
		if got := quote(arg); got != want {
			t.Errorf("quote(%q) = %s, want %s", arg, got, want)
		}
	}
}

func TestParseAnswer(t *testing.T) {
	t.Parallel()
	got, err := parseAnswer([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n{}\n"))
	if err != nil || got.status != 201 || got.header.Get("Location") != "/x" || string(got.body) != "{}\n" {
		t.Errorf("answer %+v, error %v", got, err)
	}
	for _, bad := range []string{"", "hello\r\n\r\n", "HTTP/1.1 no\r\n\r\n"} {
		if a, err := parseAnswer([]byte(bad)); err == nil {
			t.Errorf("%q: no error, but %+v", bad, a)
		}
	}
}
