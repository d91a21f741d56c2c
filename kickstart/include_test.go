package kickstart_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/kickstart"
)

// TestIncludedScriptsLoseTheirFirstComments: pykickstart reads an included file
// as commands up to its first line of text, and anaconda with it.
func TestIncludedScriptsLoseTheirFirstComments(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{
		"a.inc": {Data: []byte("#!/bin/bash\n\n%include b.inc\n# lost too\necho a\n# kept\n")},
		"b.inc": {Data: []byte("# lost\necho 'b'\n\n# kept\n")},
	}
	opts := kickstart.Options{Version: kickstart.F44, Includes: kickstart.FSIncluder(tree)}
	doc := parse(t, "%post\n%include a.inc\n%end\n", opts)
	const body = "echo 'b'\n\n# kept\necho a\n# kept\n"
	if got := doc.Scripts()[0].Body; got != body {
		t.Errorf("body %q, want %q", got, body)
	}
	if got, want := doc.Flatten().String(), "%post\n"+body+"%end\n"; got != want {
		t.Errorf("flattened %q, want %q", got, want)
	}
	tree["a.inc"].Data = []byte("# it's fine here\nit's not here\n")
	_, err := kickstart.Parse("test.ks", []byte("%post\n%include a.inc\n%end\n"), opts)
	if pe, ok := errors.AsType[*kickstart.ParseError](err); !ok || pe.Code != kickstart.CodeQuote || pe.File != "a.inc" || pe.Line != 2 {
		t.Errorf("got %v, want an open quote in a.inc:2", err)
	}
}

// TestAppendedFilesWorkInSectionsToo: %ksappend is replaced before anything is
// read, so it knows no sections and takes no comments away.
func TestAppendedFilesWorkInSectionsToo(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"a.ks": {Data: []byte("# kept\necho it's fine\n")}, "end.ks": {Data: []byte("x\n%end\n")}}
	opts := kickstart.Options{Version: kickstart.F44, Includes: kickstart.FSIncluder(tree)}
	src := "%post\n%ksappend a.ks\n%end\n"
	doc := parse(t, src, opts)
	if got, want := doc.Scripts()[0].Body, "# kept\necho it's fine\n"; got != want {
		t.Errorf("body %q, want %q", got, want)
	}
	if doc.String() != src {
		t.Errorf("printed %q", doc)
	}
	if got, want := doc.Flatten().String(), "%post\n# kept\necho it's fine\n%end\n"; got != want {
		t.Errorf("flattened %q, want %q", got, want)
	}
	if got := parse(t, src, kickstart.Options{}).Scripts()[0].Body; got != "%ksappend a.ks\n" {
		t.Errorf("without an Includer the line is text, got %q", got)
	}
	if _, err := kickstart.Parse("test.ks", []byte("%post\n%ksappend end.ks\n%end\n"), opts); err == nil {
		t.Error("the appended file ends the section of another")
	}
}

func TestPositionsPointIntoIncludedFiles(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{
		"a.ks":  {Data: []byte("lang en\n  repo --name=x --baseurl=http://h/\n%packages\n%include p\n%end\n")},
		"p":     {Data: []byte("# c\nvim\n@core\n")},
		"z.ks":  {Data: []byte("user --name=z\n")},
		"s.inc": {Data: []byte("true\n")},
	}
	doc := parse(t, "%include a.ks\n%ksappend z.ks\n%post\n%include s.inc\n%end\n", kickstart.Options{Version: kickstart.F44, Includes: kickstart.FSIncluder(tree)})
	var got []string
	for n := range doc.Walk() {
		got = append(got, fmt.Sprintf("%s %T", n.Pos(), n))
	}
	for p := range doc.PackageLines() {
		got = append(got, p.Pos.String()+" "+p.Name)
	}
	got = append(got, doc.Repos()[0].Pos.String()+" repo", doc.Users()[0].Pos.String()+" user")
	for s := range doc.Sections("%post") {
		got = append(got, s.Lines[0].Pos().String()+" line", s.Lines[0].Include.File+" "+s.Lines[0].Include.Pos().String())
	}
	want := []string{
		"test.ks:1:1 *kickstart.Include", "a.ks:1:1 *kickstart.Command", "a.ks:2:1 *kickstart.Command", "a.ks:3:1 *kickstart.Section",
		"test.ks:2:1 *kickstart.Include", "z.ks:1:1 *kickstart.Command", "test.ks:3:1 *kickstart.Section",
		"p:2:1 vim", "p:3:1 core", "a.ks:2:1 repo", "z.ks:1:1 user", "test.ks:4:1 line", "s.inc test.ks:4:1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
}

func TestURLsAreFollowedByTheFetcherOnly(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"http://h/ks/base.ks":     "lang en\n%include sub/more.ks\n%include ../top.ks\n",
		"http://h/ks/sub/more.ks": "keyboard us\n",
		"http://h/top.ks":         "timezone UTC\n",
		"http://h/evil.ks":        "%include /etc/passwd\n",
		"http://h/file.ks":        "%include file:///etc/passwd\n",
		"http://h/loop.ks":        "%include http://h/loop.ks#again\n",
	}
	var asked []string
	fetch := func(address string) (io.ReadCloser, error) {
		asked = append(asked, address)
		text, ok := pages[address]
		if !ok {
			return nil, fmt.Errorf("get %s: %w", address, fs.ErrNotExist)
		}
		return io.NopCloser(strings.NewReader(text)), nil
	}
	local := fstest.MapFS{"passwd": {Data: []byte("lang local\n")}, "top.ks": {Data: []byte("lang local\n")}}
	opts := kickstart.Options{Version: kickstart.F44, Includes: kickstart.URLIncluder(kickstart.FSIncluder(local), fetch)}
	doc := parse(t, "%include http://h/ks/base.ks\n%include top.ks\n", opts)
	if diff := cmp.Diff([]string{"http://h/ks/base.ks", "http://h/ks/sub/more.ks", "http://h/top.ks"}, asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	if l := doc.Locale(); l.Lang != "local" || l.Keymap != "us" || l.Timezone != "UTC" {
		t.Errorf("read %+v", l)
	}
	for src, code := range map[string]kickstart.Code{
		"%include http://h/evil.ks\n":    kickstart.CodeMissingInclude,
		"%include http://h/missing.ks\n": kickstart.CodeMissingInclude,
		"%include http://h/file.ks\n":    kickstart.CodeInclude,
		"%include http://h/loop.ks\n":    kickstart.CodeInclude,
		"%include ftp://h/x.ks\n":        kickstart.CodeInclude,
		"%include http:///x.ks\n":        kickstart.CodeInclude,
	} {
		_, err := kickstart.Parse("test.ks", []byte(src), opts)
		if pe, ok := errors.AsType[*kickstart.ParseError](err); !ok || pe.Code != code {
			t.Errorf("%q: got %v, want code %s", src, err, code)
		}
	}
}

// TestWhatIsNoFileOfTheFolderIsNotFollowed: a tree of kickstarts may hold anything.
func TestWhatIsNoFileOfTheFolderIsNotFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.ks")
	inside := filepath.Join(dir, "in")
	for _, err := range []error{
		os.Mkdir(inside, 0o755),
		os.WriteFile(secret, []byte("lang secret\n"), 0o600),
		os.Symlink(secret, filepath.Join(inside, "link.ks")),
		os.Symlink("..", filepath.Join(inside, "up")),
		os.Mkdir(filepath.Join(inside, "folder"), 0o755),
		syscall.Mkfifo(filepath.Join(inside, "pipe"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"link.ks", "up/secret.ks", "folder", "pipe"} {
		_, err := kickstart.Parse("x.ks", []byte("%include "+name+"\n"), kickstart.Options{Includes: kickstart.FSIncluder(root.FS())})
		if err == nil {
			t.Errorf("%s was followed", name)
		}
	}
}
