package kickstart_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

// FuzzParse: whatever comes in is printed as it came, and nothing panics.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "lang en_US.UTF-8\n", "%packages --nocore\n@core --optional\n-vim # x\n%end\n", "%post\n%if\n%end # x\r\n", "part / --size=1\u2028text",
		"%include a\n%ksappend b\n", "volgroup vg --pesize=4 pv.1 -- x\n", "user --name=\"a\\\"b\" 'c", "\xff", "repo --name=a --baseurl=--\n", "realm join --x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, v := range []kickstart.Version{kickstart.F44, kickstart.RHEL9} {
			doc, _, err := kickstart.Check("f.ks", []byte(src), kickstart.Options{Version: v})
			if err != nil {
				if _, ok := errors.AsType[*kickstart.ParseError](err); !ok {
					t.Fatalf("%v is no *ParseError", err)
				}
				return
			}
			if doc.String() != src {
				t.Fatalf("printed %q, read %q", doc, src)
			}
			doc.Packages()
			doc.Repos()
			doc.Partitions()
			doc.Scripts()
			flat := doc.Flatten()
			if _, _, err := kickstart.Check("f.ks", flat.Bytes(), kickstart.Options{}); err != nil {
				t.Fatalf("the flattened kickstart cannot be read: %v", err)
			}
		}
	})
}

// outline lists the commands and sections of a kickstart.
func outline(doc *kickstart.Document) []string {
	var out []string
	for n := range doc.Walk() {
		switch n := n.(type) {
		case *kickstart.Command:
			words := []string{n.Name}
			for _, w := range n.Args {
				words = append(words, w.Text)
			}
			out = append(out, strings.Join(words, "\x00"))
		case *kickstart.Section:
			out = append(out, n.Source())
		}
	}
	return out
}

// FuzzAddRepo: whatever values a repo carries, it is refused, or the printed
// kickstart holds what it held before and this one repo.
func FuzzAddRepo(f *testing.F) {
	f.Add("side", "https://h/$releasever/", "", "vim", "http://p:1", 5)
	f.Add("a\n%post", "https://h/\n", "x", "a,b", "", -1)
	f.Add("side", "https://h/\"'\\#", "/ca #x", "*", "a:b'", 0)
	f.Add("--", "a:--", "--", "--", "--", 1)
	f.Add("s", "a:\u2028", "\u0085", "\v", "\f", 1)
	f.Fuzz(func(t *testing.T, name, url, cert, pkg, proxy string, cost int) {
		const src = "lang en # x\nrepo --name=fedora --baseurl=http://h/\n\n%post\ntrue\n%end\n"
		doc := parse(t, src, kickstart.Options{})
		before := outline(doc)
		r := kickstart.Repo{Name: name, BaseURL: url, SSLCACert: cert, ExcludePkgs: []string{pkg}, Proxy: proxy, Cost: cost}
		if err := doc.AddRepo(r); err != nil {
			var ve *kickstart.ValueError
			if !errors.As(err, &ve) && !errors.Is(err, kickstart.ErrDuplicateRepo) {
				t.Fatalf("%v is no *ValueError", err)
			}
			if doc.String() != src {
				t.Fatalf("refused, but printed %q", doc)
			}
			return
		}
		again := parse(t, doc.String(), kickstart.Options{Version: kickstart.F44})
		after := outline(again)
		if len(after) != len(before)+1 {
			t.Fatalf("%d items became %d: %q", len(before), len(after), doc)
		}
		if diff := cmp.Diff(before, append(after[:2:2], after[3:]...)); diff != "" {
			t.Fatalf("the rest changed (-want +got):\n%s", diff)
		}
		repos := again.Repos()
		if len(repos) != 2 {
			t.Fatalf("%d repos: %q", len(repos), doc)
		}
		r.Pos = repos[1].Pos
		if diff := cmp.Diff(r, repos[1], cmp.Comparer(func(a, b []string) bool { return strings.Join(a, ",") == strings.Join(b, ",") })); diff != "" {
			t.Fatalf("read back (-want +got):\n%s", diff)
		}
	})
}
