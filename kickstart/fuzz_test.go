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
			again, diags, err := kickstart.Check("f.ks", flat.Bytes(), kickstart.Options{Version: v})
			if err != nil {
				t.Fatalf("the flattened kickstart cannot be read: %v", err)
			}
			if before, after := refusals(doc.Validate(v)), refusals(diags); before == 0 && after > 0 {
				t.Fatalf("flattened, it has errors: %v\n%q", diags, flat)
			}
			if twice := again.Flatten().String(); twice != flat.String() {
				t.Fatalf("flattened again it changes: %q, %q", flat, twice)
			}
		}
	})
}

// refusals counts the errors among diagnostics.
func refusals(diags []kickstart.Diagnostic) int {
	n := 0
	for _, d := range diags {
		if d.Severity == kickstart.SeverityError {
			n++
		}
	}
	return n
}

// FuzzSetOption: whatever line and value there are, the option is refused, or it
// is there with that value afterwards, once, and no other word has changed.
func FuzzSetOption(f *testing.F) {
	f.Add("part / --size=5120 --fstype='ext4' # why", "--size", "8192")
	f.Add("user --name 'a b' --gecos=x --name=c", "--name", "\"'\\#")
	f.Add("  bootloader\t--append=\"a --size b\" --append c#d", "--append", "")
	f.Add("network --device", "--device", "--x")
	f.Fuzz(func(t *testing.T, line, option, value string) {
		doc, _, err := kickstart.Check("f.ks", []byte(line+"\nlang en\n"), kickstart.Options{})
		if err != nil {
			return
		}
		var c *kickstart.Command
		for c = range doc.Commands() {
			break
		}
		if c == nil || c.Name == "" || c.Source() != line+"\n" || doc.Nodes()[0] != kickstart.Node(c) {
			return
		}
		nodes := len(doc.Nodes())
		others := withoutOption(c, option)
		if err := doc.SetOption(c, option, value); err != nil {
			if doc.String() != line+"\nlang en\n" {
				t.Fatalf("refused with %v, but printed %q", err, doc)
			}
			return
		}
		again := parse(t, doc.String(), kickstart.Options{})
		if len(again.Nodes()) != nodes {
			t.Fatalf("%d nodes became %d: %q", nodes, len(again.Nodes()), doc)
		}
		edited, ok := again.Nodes()[0].(*kickstart.Command)
		if !ok || edited.Name != c.Name {
			t.Fatalf("%q is another command now: %q", line, doc)
		}
		places := 0
		for _, w := range edited.Args {
			if w.Text == option+"="+value {
				places++
			}
		}
		if places != 1 {
			t.Fatalf("%s=%q stands there %d times: %q", option, value, places, doc)
		}
		if diff := cmp.Diff(others, withoutOption(edited, option)); diff != "" {
			t.Fatalf("other words changed (-want +got):\n%s\n%q, %q", diff, line, doc)
		}
	})
}

// withoutOption lists the words of a command but for an option, and what may be
// its value.
func withoutOption(c *kickstart.Command, option string) []string {
	var out []string
	skip := false
	for _, w := range c.Args {
		name, _, inline := strings.Cut(w.Text, "=")
		switch {
		case name == option:
			skip = !inline
		case skip && !strings.HasPrefix(w.Text, "--"):
			skip = false
		default:
			skip = false
			out = append(out, w.Text)
		}
	}
	return out
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
