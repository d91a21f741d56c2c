package repo

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fedora-respin/respin/internal/limitio"
)

func TestLibcNewer(t *testing.T) {
	t.Parallel()
	// Rising: each is newer than the ones before it.
	rising := []string{
		"libc.so.6", "libc.so.6(x", "libc.so.6()(64bit)", "libc.so.6(GLIBC_PRIVATE)(64bit)",
		"libc.so.6(GLIBC_2.4)", "libc.so.6(GLIBC_2.10)(64bit)", "libc.so.6(GLIBC_2.34)(64bit)",
	}
	for i, a := range rising {
		for j, b := range rising {
			if got := libcNewer(a, b); got != (i > j) {
				t.Errorf("libcNewer(%q, %q) = %v", a, b, got)
			}
		}
	}
}

func TestGlobMatch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"*.rpm", "a/b.rpm", true},
		{"a/*", "a/b/c.rpm", true},
		{"?", "é", true},
		{"?", "ab", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"[ab]", "a", false},
		{"[ab]", "[ab]", true},
		{"kernel-debug*", "kernel-6.rpm", false},
		{"a**", "a", true},
	} {
		if got := globMatch(tc.pattern, tc.name); got != tc.want {
			t.Errorf("globMatch(%q, %q) = %v", tc.pattern, tc.name, got)
		}
	}
}

func TestIsStrtol(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": true, "0": true, "12": true, " 3": true, "-4": true, "+4": true, "x": false, "1x": false, "-": false, " ": false, "1 ": false} {
		if got := isStrtol(s); got != want {
			t.Errorf("isStrtol(%q) = %v", s, got)
		}
	}
}

// endless gives a head and then the letter a for ever.
type endless struct{ head io.Reader }

func (e endless) Read(p []byte) (int, error) {
	if n, err := e.head.Read(p); err == nil {
		return n, nil
	}
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestRepomdIsBounded(t *testing.T) {
	t.Parallel()
	_, err := ReadRepomd(endless{strings.NewReader(`<repomd xmlns="` + nsRepo + `"><revision>`)})
	if _, ok := errors.AsType[*limitio.TooLargeError](err); !ok {
		t.Errorf("endless repomd.xml: %v", err)
	}
}

// FuzzText: whatever a header holds becomes XML that a strict parser reads, and
// UTF-8 that XML can carry comes back unchanged.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a<b>&\"'\r\n\t", "Zoë € 😀", "\xff\xfe", "\xc0\x80", "\xed\xa0\x80", "\uffff", "a\x00b", "\xe2\x82", "]]>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc := append([]byte(nil), "<e"...)
		doc = appendAttr(doc, "a", s, true)
		doc = appendAttr(doc, "b", s, false)
		doc = append(appendText(append(doc, '>'), s), "</e>"...)
		var got struct {
			A    string `xml:"a,attr"`
			B    string `xml:"b,attr"`
			Text string `xml:",chardata"`
		}
		if err := xml.Unmarshal(doc, &got); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		want := cleanUTF8(s)
		if got.A != want || got.B != want || got.Text != want {
			t.Errorf("%q read back as %q, %q, %q", s, got.A, got.B, got.Text)
		}
		if utf8.ValidString(s) && validXML(s) && want != s {
			t.Errorf("%q was changed to %q", s, want)
		}
	})
}
