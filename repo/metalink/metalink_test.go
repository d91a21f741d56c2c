package metalink_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/mdxml"
	"github.com/fedora-respin/respin/repo/metalink"
)

const sample = `<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager"><files>
<file name="other.xml"><resources><url protocol="http">http://x.example.org/</url></resources></file>
<file name="repomd.xml"><mm0:timestamp>5</mm0:timestamp><size>3</size>
<verification><hash type="md5">aa</hash><hash type="sha256">%s</hash>%s</verification>
<mm0:alternates><mm0:alternate><mm0:timestamp>4</mm0:timestamp><size>2</size><verification><hash type="sha256">%s</hash></verification></mm0:alternate></mm0:alternates>
<resources maxconnections="1">
<url protocol="rsync" preference="100">rsync://a.example.org/f/repodata/repomd.xml</url>
<url protocol="http" location="DE" preference="50">http://b.example.org/f/repodata/repomd.xml</url>
<url protocol="https" location="US" preference="99">https://c.example.org/f/repodata/repomd.xml</url>
</resources></file></files></metalink>`

func doc(newest, older, sha512Of string) string {
	extra := ""
	if sha512Of != "" {
		extra = fmt.Sprintf(`<hash type="sha512">%x</hash>`, sha512.Sum512([]byte(sha512Of)))
	}
	return fmt.Sprintf(sample, hash(newest), extra, hash(older))
}

func hash(s string) string { return fmt.Sprintf("%X", sha256.Sum256([]byte(s))) }

func TestRead(t *testing.T) {
	t.Parallel()
	m, err := metalink.Read(strings.NewReader(doc("new", "old", "")))
	if err != nil {
		t.Fatal(err)
	}
	want := []metalink.URL{
		{URL: "https://c.example.org/f/repodata/repomd.xml", Location: "US", Preference: 99},
		{URL: "http://b.example.org/f/repodata/repomd.xml", Location: "DE", Preference: 50},
	}
	if diff := cmp.Diff(want, m.URLs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m.Timestamp != 5 || m.Size != 3 || len(m.Hashes) != 2 || len(m.Alternates) != 1 || m.Alternates[0].Timestamp != 4 {
		t.Errorf("%+v", m)
	}
	if got := metalink.Base(m.URLs[0].URL); got != "https://c.example.org/f" {
		t.Error(got)
	}
}

// TestStrongestDigestCounts: a file whose sha256 is right and whose sha512 is
// not has been tampered with.
func TestStrongestDigestCounts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		doc, data string
		want      bool
	}{
		"newest":            {doc("new", "old", ""), "new", true},
		"alternate":         {doc("new", "old", ""), "old", true},
		"neither":           {doc("new", "old", ""), "x", false},
		"sha512":            {doc("x", "old", "new"), "new", true},
		"sha256 beside it":  {doc("new", "old", "x"), "new", false},
		"md5 vouches never": {strings.ReplaceAll(doc("new", "old", ""), "sha256", "md5"), "new", false},
	} {
		m, err := metalink.Read(strings.NewReader(tc.doc))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Accepts([]byte(tc.data)); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := m.Vouches(); got != !strings.HasPrefix(name, "md5") {
			t.Errorf("%s: vouches %v", name, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"cut":          doc("a", "b", "")[:900],
		"another root": "<metadata/>",
		"bad number":   strings.Replace(doc("a", "b", ""), "<size>3", "<size>x", 1),
		"preference":   strings.Replace(doc("a", "b", ""), `preference="50"`, `preference="high"`, 1),
	} {
		_, err := metalink.Read(strings.NewReader(text))
		if _, ok := errors.AsType[*mdxml.FormatError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"only a comment": `<?xml version="1.0"?><metalink xmlns="http://www.metalinker.org/"><!-- unknown arch --></metalink>`,
		"only rsync":     strings.NewReplacer("http://b", "rsync://b", "https://c", "ftp://c").Replace(doc("a", "b", "")),
	} {
		if _, err := metalink.Read(strings.NewReader(text)); !errors.Is(err, metalink.ErrNoMirrors) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadMirrorlist(t *testing.T) {
	t.Parallel()
	got, err := metalink.ReadMirrorlist(strings.NewReader("# repo = fedora-44 arch = x86_64 country = global\n\nhttp://a.example.org/f/\r\nrsync://b.example.org/f\nhttps://c.example.org/f\nnonsense\n"))
	if diff := cmp.Diff([]string{"http://a.example.org/f", "https://c.example.org/f"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := metalink.ReadMirrorlist(strings.NewReader("# bad arch\n")); !errors.Is(err, metalink.ErrNoMirrors) {
		t.Errorf("%v", err)
	}
}

func TestReadsMetalinksOfOthers(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob(filepath.Join(shareddata.Dir(t, "metalink"), "*.xml"))
	if err != nil || len(names) < 2 {
		t.Fatal(names, err)
	}
	for _, n := range names {
		f, err := os.Open(n)
		if err != nil {
			t.Fatal(err)
		}
		m, err := metalink.Read(f)
		if err != nil {
			t.Fatalf("%s: %v", n, err)
		}
		if len(m.URLs) < 10 || !m.Vouches() || m.Size == 0 {
			t.Errorf("%s: %d mirrors", n, len(m.URLs))
		}
		if strings.Contains(n, "alternates") && len(m.Alternates) == 0 {
			t.Errorf("%s: no alternates", n)
		}
		_ = f.Close()
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(doc("a", "b", "c")))
	f.Fuzz(func(t *testing.T, doc []byte) {
		m, err := metalink.Read(strings.NewReader(string(doc)))
		if err != nil {
			return
		}
		m.Accepts(doc)
		for dec := xml.NewDecoder(strings.NewReader(string(doc))); ; {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("accepted, but encoding/xml refuses %q: %v", doc, err)
			}
		}
	})
}

func ExampleRead() {
	m, err := metalink.Read(strings.NewReader(doc("repomd of today", "repomd of yesterday", "")))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(metalink.Base(m.URLs[0].URL), m.Accepts([]byte("repomd of yesterday")))
	// Output:
	// https://c.example.org/f true
}
