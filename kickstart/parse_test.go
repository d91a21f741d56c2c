package kickstart_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

// parse reads a kickstart that must be right.
func parse(t *testing.T, src string, opts kickstart.Options) *kickstart.Document {
	t.Helper()
	doc, err := kickstart.Parse("test.ks", []byte(src), opts)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestPrintingGivesTheBytesBack(t *testing.T) {
	t.Parallel()
	dir, files := dataFiles(t)
	for _, file := range files {
		src := readFile(t, filepath.Join(dir, file))
		doc, _, err := kickstart.Check(file, src, kickstart.Options{})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if !bytes.Equal(doc.Bytes(), src) {
			t.Errorf("%s is not printed as it was read:\n%s", file, cmp.Diff(string(src), doc.String()))
		}
	}
}

func TestParseErrorsPointAtTheProblem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, src, want string
		opts            kickstart.Options
	}{
		{"quote", "lang en\nuser --name=\"a\n", "test.ks:2:13: No closing quotation; close the quote, or put the quote character itself in quotes", kickstart.Options{}},
		{"escape at the end", `lang \`, "test.ks:1:6: No escaped character; close the quote, or put the quote character itself in quotes", kickstart.Options{}},
		{"end of file in a section", "lang en\n%packages\nvim\n", "test.ks:3:1: Section %packages does not end with %end.; put %end after the section that starts on line 2", kickstart.Options{}},
		{"section in a section", "%post\ntrue\n%pre\n%end\n", "test.ks:3:1: Section %post does not end with %end.; put %end after the section that starts on line 1", kickstart.Options{}},
		{"unknown section", "%package\n%end\n", "test.ks:1:1: Unknown kickstart section: %package; did you mean %packages?", kickstart.Options{}},
		{"stray end", "lang en\n%end\n", "test.ks:2:1: Unknown kickstart section: %end; remove it: no section is open here", kickstart.Options{}},
		{"include without a name", "%include\n", "test.ks:1:1: %include does not name a file", kickstart.Options{}},
		{"unknown command", "lnag en\n", "test.ks:1:1: Unknown command: lnag; did you mean lang?", kickstart.Options{Version: kickstart.F44}},
		{"byte order mark", "\ufefflang en\n", "test.ks:1:1: Unknown command: \ufefflang; save the file without a byte order mark", kickstart.Options{Version: kickstart.F44}},
		{"removed command", "auth --enableshadow\n", "test.ks:1:1: auth has been removed.; use authselect", kickstart.Options{Version: kickstart.F44}},
		{"unknown option", "lang en\nrepo --name=a --baseul=http://h/\n", "test.ks:2:15: unrecognized arguments: --baseul=http://h/; did you mean --baseurl?", kickstart.Options{Version: kickstart.F44}},
		{"missing option", "repo --baseurl=http://h/\n", "test.ks:1:1: the following arguments are required: --name", kickstart.Options{Version: kickstart.F44}},
		{"bad number", "part / --size=big\n", "test.ks:1:8: argument --size: invalid int value: 'big'", kickstart.Options{Version: kickstart.F44}},
		{"bad package line", "%packages\nvim\n  -\n%end\n", "test.ks:3:3: a package exclusion without a name; remove the line", kickstart.Options{Version: kickstart.F44}},
		{"not UTF-8", "lang en\nuser --name=\xff\n", "test.ks:2:13: the text is not UTF-8; save the file as UTF-8", kickstart.Options{}},
		{"unknown version", "lang en\n", "test.ks: no option tables for version 'F12'; use one of F38, F39, F40, F41, F42, F43, F44, F45, F46, RHEL9, RHEL10, DEVEL", kickstart.Options{Version: "F12"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := kickstart.Parse("test.ks", []byte(tt.src), tt.opts)
			if _, ok := errors.AsType[*kickstart.ParseError](err); !ok {
				t.Fatalf("got %v, want a *ParseError", err)
			}
			if err.Error() != tt.want {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
		})
	}
}

// TestWordsAreSplitAsByShlex pins the lexer down where it surprises: pykickstart
// splits with shlex.split(line, comments=True).
func TestWordsAreSplitAsByShlex(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line string
		want []string
	}{
		{`a  b	c # d`, []string{"a", "b", "c"}},
		{`rootpw abc#def`, []string{"rootpw", "abc"}},
		{`rootpw 'abc#def'`, []string{"rootpw", "abc#def"}},
		{`a "b \"c\" \d \\" 'e\f'`, []string{"a", `b "c" \d \`, `e\f`}},
		{`a b\ c "" ''#x`, []string{"a", "b c", "", ""}},
		{`a --x="b c"'d'e`, []string{"a", "--x=b cde"}},
		{"a\u00a0b é", []string{"a\u00a0b", "é"}},
	}
	for _, tt := range tests {
		doc := parse(t, tt.line, kickstart.Options{})
		var got []string
		for c := range doc.Commands() {
			got = append(got, c.Name)
			for _, w := range c.Args {
				got = append(got, w.Text)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.line, diff)
		}
	}
}

// TestLinesEndWherePythonEndsThem: a form feed or U+2028 inside a value starts
// a new command for anaconda, so it must for us.
func TestLinesEndWherePythonEndsThem(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\u0085", "\u2028", "\u2029"} {
		doc := parse(t, "lang en"+end+"skipx", kickstart.Options{})
		if !doc.HasCommand("skipx") {
			t.Errorf("%q does not end a line", end)
		}
	}
}

func TestSectionsKeepTheirText(t *testing.T) {
	t.Parallel()
	doc := parse(t, "%post --nochroot --log=/root/x --interpreter /usr/bin/python3\n%if this is text\n  # kept\n\n%endless\n  %end # done\n%addon com_x --y 'z\"'\nfree text \"\n%end\n", kickstart.Options{Version: kickstart.F44})
	want := []kickstart.Script{{
		Section: "%post", Interpreter: "/usr/bin/python3", Log: "/root/x", NoChroot: true,
		Body: "%if this is text\n  # kept\n\n%endless\n",
		Pos:  kickstart.Position{File: "test.ks", Line: 1, Col: 1},
	}}
	if diff := cmp.Diff(want, doc.Scripts()); diff != "" {
		t.Errorf("scripts (-want +got):\n%s", diff)
	}
	var names []string
	for s := range doc.Sections() {
		names = append(names, fmt.Sprint(s.Name, " ", s.Pos().Line))
	}
	if diff := cmp.Diff([]string{"%post 1", "%addon 7"}, names); diff != "" {
		t.Errorf("sections (-want +got):\n%s", diff)
	}
}

func TestUnknownSectionsMayPass(t *testing.T) {
	t.Parallel()
	src := "%custom --x\nlnag\n%end\nlang en\n"
	doc := parse(t, src, kickstart.Options{Version: kickstart.F44, UnknownSections: true})
	if doc.String() != src || !doc.HasCommand("lang") {
		t.Errorf("got %q", doc)
	}
}

func TestLimitsEndInErrors(t *testing.T) {
	t.Parallel()
	deep := fstest.MapFS{}
	for i := range 40 {
		deep[fmt.Sprintf("%d.ks", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "%%include %d.ks\n", i+1)}
	}
	bomb := fstest.MapFS{"a.ks": {Data: []byte("lang en\n")}, "big.ks": {Data: bytes.Repeat([]byte("# 123456\n"), 1<<19)}}
	tests := []struct {
		name, src string
		opts      kickstart.Options
	}{
		{"bytes", strings.Repeat("lang en\n", 1<<20), kickstart.Options{}},
		{"line", "lang " + strings.Repeat("a", 1<<20) + "\n", kickstart.Options{}},
		{"line in a section", "%post\n" + strings.Repeat("a", 1<<20) + "\n%end\n", kickstart.Options{}},
		{"lines", strings.Repeat("\n", 200_001), kickstart.Options{}},
		{"sections", strings.Repeat("%post\n", 10_000), kickstart.Options{}},
		{"a million includes", strings.Repeat("%include a.ks\n", 1_000_000), kickstart.Options{Includes: kickstart.FSIncluder(bomb), Limits: kickstart.Limits{FileBytes: 1 << 30, TotalBytes: 1 << 30, Lines: 1 << 30}}},
		{"a million includes in a section", "%post\n" + strings.Repeat("%include a.ks\n", 1_000_000), kickstart.Options{Includes: kickstart.FSIncluder(bomb), Limits: kickstart.Limits{FileBytes: 1 << 30, TotalBytes: 1 << 30, Lines: 1 << 30}}},
		{"include depth", "%include 0.ks\n", kickstart.Options{Includes: kickstart.FSIncluder(deep)}},
		{"includes", strings.Repeat("%include a.ks\n", 10_000), kickstart.Options{Includes: kickstart.FSIncluder(bomb)}},
		{"included bytes", "%include big.ks\n", kickstart.Options{Includes: kickstart.FSIncluder(bomb)}},
		{"all bytes", strings.Repeat("%include big.ks\n", 10), kickstart.Options{Includes: kickstart.FSIncluder(bomb), Limits: kickstart.Limits{FileBytes: 5 << 20, Lines: 1 << 30}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := kickstart.Parse("test.ks", []byte(tt.src), tt.opts)
			var pe *kickstart.ParseError
			if !errors.As(err, &pe) || pe.Code != kickstart.CodeLimit {
				t.Errorf("got %.200v, want a *ParseError of code limit", err)
			}
		})
	}
}

// TestHostileInputStaysCheap: each of these was, or would be, quadratic.
func TestHostileInputStaysCheap(t *testing.T) {
	t.Parallel()
	var groups, unknown strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&groups, "@group%d\n", i)
	}
	for i := range 60_000 {
		fmt.Fprintf(&groups, "-@group%d\n", i)
	}
	for i := range 60_000 {
		fmt.Fprintf(&unknown, "command%d --option\n", i)
	}
	for name, src := range map[string]string{
		"groups":    "%packages\n" + groups.String() + "%end\n",
		"unknown":   unknown.String(),
		"appending": strings.Repeat("firewall "+strings.Repeat("--trust a ", 10_000)+"\n", 20),
		"words":     strings.Repeat("volgroup "+strings.Repeat("a ", 60_000)+"\n", 20),
		"partition": strings.Repeat("part /\n", 150_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			doc, diags, err := kickstart.Check("test.ks", []byte(src), kickstart.Options{Version: kickstart.F44})
			if err != nil {
				t.Fatal(err)
			}
			if len(diags) > 1100 {
				t.Errorf("%d diagnostics", len(diags))
			}
			doc.Packages()
			doc.Flatten()
			// A linear pass takes well under a second; a quadratic one minutes.
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestMemoryStaysBounded feeds what costs the most memory for each byte: words
// of one letter, lines of one, and the largest number of files.
func TestMemoryStaysBounded(t *testing.T) {
	line := strings.Repeat("a ", 64<<10-1) + "\n"
	words := []byte(strings.Repeat(line, 31))
	lines := []byte(strings.Repeat("a\n", 199_000))
	tree := fstest.MapFS{"words.ks": {Data: words}, "lines.ks": {Data: lines}}
	for name, src := range map[string][]byte{"words": words, "lines": lines, "words of files": []byte("%include words.ks\n%include words.ks\n")} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		doc, _, err := kickstart.Check("test.ks", src, kickstart.Options{Version: kickstart.F44, Includes: kickstart.FSIncluder(tree)})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		doc.Flatten()
		runtime.ReadMemStats(&after)
		if spent := (after.TotalAlloc - before.TotalAlloc) >> 20; spent > 200 {
			t.Errorf("%s: %d MiB were allocated for %d KiB", name, spent, len(src)>>10)
		} else {
			t.Logf("%s: %d MiB were allocated for %d KiB", name, spent, len(src)>>10)
		}
	}
}

func TestDuplicateIncludesWithoutBoundStop(t *testing.T) {
	t.Parallel()
	// Each file includes the next one twice: 2^16 files if nothing counted.
	tree := fstest.MapFS{}
	for i := range 15 {
		tree[fmt.Sprintf("%d.ks", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "%%include %d.ks\n%%include %d.ks\n", i+1, i+1)}
	}
	_, err := kickstart.Parse("test.ks", []byte("%include 0.ks\n"), kickstart.Options{Includes: kickstart.FSIncluder(tree), IgnoreMissing: true})
	var pe *kickstart.ParseError
	if !errors.As(err, &pe) || pe.Code != kickstart.CodeLimit {
		t.Errorf("got %v, want a *ParseError of code limit", err)
	}
}

func TestIncludesAreFollowedInsideTheRoot(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{
		"base/base.ks":     {Data: []byte("%include ../common/repo.ks\n%packages\n%include pkgs.inc\n%end\n")},
		"base/pkgs.inc":    {Data: []byte("vim\n-nano\n")},
		"common/repo.ks":   {Data: []byte("repo --name=fedora --mirrorlist=https://h/?a&b\n")},
		"common/loop.ks":   {Data: []byte("%include ../common/loop.ks\n")},
		"common/ending.ks": {Data: []byte("vim\n%end\n")},
		"common/broken.ks": {Data: []byte("lang en\nlnag en\n")},
	}
	opts := kickstart.Options{Version: kickstart.F44, Includes: kickstart.FSIncluder(tree)}
	doc, err := kickstart.Parse("spins/x.ks", []byte("%include ../base/base.ks\n"), opts)
	if err != nil {
		t.Fatal(err)
	}
	if r := doc.Repos(); len(r) != 1 || r[0].Name != "fedora" {
		t.Errorf("repos: %+v", r)
	}
	if p := doc.Packages(); !cmp.Equal(p.Packages, []string{"vim"}) || !cmp.Equal(p.Excluded, []string{"nano"}) {
		t.Errorf("packages: %+v", p)
	}
	for _, tt := range []struct{ name, src, want string }{
		{"missing", "lang en\n%include no.ks\n", "spins/x.ks:2:1: Unable to open the included file 'no.ks': it does not exist; give the file along, or allow missing includes"},
		{"absolute", "%include /etc/passwd\n", "spins/x.ks:1:1: Unable to open the included file '/etc/passwd': it does not exist; give the file along, or allow missing includes"},
		{"outside", "%include ../../../etc/passwd\n", "spins/x.ks:1:1: include ../../../etc/passwd: leads outside the kickstart's folder"},
		{"URL", "%ksappend http://h/x.ks\n", "spins/x.ks:1:1: include http://h/x.ks: URLs are not followed"},
		{"itself", "%include ../common/loop.ks\n", "common/loop.ks:1:1: the file includes itself: spins/x.ks > common/loop.ks > common/loop.ks"},
		{"end of the outer section", "%packages\n%include ../common/ending.ks\n%end\n", "common/ending.ks:2:1: an included file must not hold %end: it stands inside a %packages section"},
		{"error in the included file", "%include ../common/broken.ks\n", "common/broken.ks:2:1: Unknown command: lnag; did you mean lang?"},
	} {
		_, err := kickstart.Parse("spins/x.ks", []byte(tt.src), opts)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s:\n got  %v\n want %s", tt.name, err, tt.want)
		}
	}
	opts.IgnoreMissing = true
	if _, err := kickstart.Parse("spins/x.ks", []byte("%include no.ks\n%include /tmp/parts\n"), opts); err != nil {
		t.Errorf("missing includes were allowed: %v", err)
	}
}
