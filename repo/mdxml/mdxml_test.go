package mdxml_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/repo/mdxml"
	"github.com/fedora-respin/respin/repo/rpm"
)

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

// cycle gives the same text again and again, after a head.
type cycle struct {
	head, text string
	at         int
}

func (c *cycle) Read(p []byte) (int, error) {
	if c.head != "" {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	n := copy(p, c.text[c.at:])
	c.at = (c.at + n) % len(c.text)
	return n, nil
}

const root = `<metadata xmlns="` + mdxml.NamespaceCommon + `">`

func TestPackagesAreBoundedOneByOne(t *testing.T) {
	t.Parallel()
	count := func(r io.Reader) (n int, err error) {
		err = mdxml.ReadPrimary(r, func(*mdxml.Package) error { n++; return nil })
		return n, err
	}
	pkg := `<package><name>` + strings.Repeat("a", 1<<20) + `</name><location href="a.rpm"/></package>`
	// Many packages may be longer together than one may be.
	if n, err := count(strings.NewReader(root + strings.Repeat(pkg, 80) + "</metadata>")); n != 80 || err != nil {
		t.Errorf("%d packages, %v", n, err)
	}
	n, err := count(endless{strings.NewReader(root + pkg + "<package><name>")})
	if _, ok := errors.AsType[*limitio.TooLargeError](err); !ok || n != 1 {
		t.Errorf("endless name: %d packages before it, %v", n, err)
	}
	// What is small in the file must not become large in memory.
	entries := strings.Repeat("<entry name='a'/>", 1<<19)
	lists := "<provides>" + entries + "</provides><requires>" + entries + "</requires>"
	n, err = count(strings.NewReader(root + "<package><name>a</name><location href='a'/><format>" + lists + "</format></package></metadata>"))
	if n != 0 || err == nil || !strings.Contains(err.Error(), "package of more than") {
		t.Errorf("a million dependencies: %d packages, %v", n, err)
	}
	for name, text := range map[string]string{
		"fields":       "<summary>" + strings.Repeat("a", 1<<16) + "</summary>",
		"files":        "<format><file>/a</file></format>",
		"dependencies": "<format><provides><entry name='a'/></provides></format>",
		"versions":     "<version ver='" + strings.Repeat("1", 1<<16) + "'/>",
	} {
		if n, err := count(&cycle{head: root + "<package>", text: text}); n != 0 || err == nil {
			t.Errorf("endless %s: %d packages, %v", name, n, err)
		}
	}
}

func TestErrorsOfTheCallerComeBackAsTheyAre(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	doc := root + strings.Repeat(`<package><name>a</name><location href="a"/></package>`, 3) + "</metadata>"
	n := 0
	err := mdxml.ReadPrimary(strings.NewReader(doc), func(*mdxml.Package) error {
		if n++; n == 2 {
			return stop
		}
		return nil
	})
	if err != stop || n != 2 { //nolint:errorlint // that it is not wrapped is the point
		t.Errorf("%d packages, %v", n, err)
	}
}

func TestFilelists(t *testing.T) {
	t.Parallel()
	doc := `<?xml version="1.0" encoding="UTF-8"?>
<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="2">
<package pkgid="aa" name="a" arch="noarch">
  <version epoch="3" ver="1" rel="2"/>
  <file>/usr/bin/a</file>
  <file type="dir">/usr/share/a &amp; b</file>
  <file type="ghost">/var/g</file>
  <file type="odd">/o</file>
</package>
<package pkgid="bb" name="b" arch="src"><version epoch="0" ver="2" rel="1"/></package>
</filelists>`
	var got []string
	err := mdxml.ReadFilelists(strings.NewReader(doc), func(p *mdxml.Files) error {
		line := fmt.Sprintf("%s %s-%s.%s", p.PkgID, p.Name, p.EVR.EVR(), p.Arch)
		for _, f := range p.Files {
			line += " " + f.Type + ":" + string(f.Path)
		}
		got = append(got, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"aa a-3:1-2.noarch :/usr/bin/a dir:/usr/share/a & b ghost:/var/g odd:/o", "bb b-2-1.src"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOther(t *testing.T) {
	t.Parallel()
	doc := `<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="1">
<package pkgid="aa" name="a" arch="noarch"><version epoch="0" ver="1" rel="2"/>
  <changelog author="Zo&#xEB; &lt;z@example.org&gt; - 1-1" date="1767182400">- first</changelog>
  <changelog author="" date="1767268800.5"></changelog>
</package></otherdata>`
	var got []rpm.Changelog
	err := mdxml.ReadOther(strings.NewReader(doc), func(p *mdxml.Changelogs) error {
		for _, c := range p.Entries {
			got = append(got, rpm.Changelog{Time: c.Time, Author: string(c.Author), Text: string(c.Text)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []rpm.Changelog{{Time: 1767182400, Author: "Zoë <z@example.org> - 1-1", Text: "- first"}, {Time: 1767268800}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFormatErrorsNameFileAndLine(t *testing.T) {
	t.Parallel()
	err := mdxml.ReadPrimary(strings.NewReader(root+"\n<package>\n<version epoch='x'/>"), func(*mdxml.Package) error { return nil })
	format, ok := errors.AsType[*mdxml.FormatError](err)
	if !ok || format.File != "primary.xml" || format.Line != 3 || !strings.Contains(err.Error(), "primary.xml, line 3") {
		t.Errorf("%v", err)
	}
	for name, err := range map[string]error{
		"filelists without pkgid": mdxml.ReadFilelists(strings.NewReader("<filelists><package/></filelists>"), func(*mdxml.Files) error { return nil }),
		"other of another kind":   mdxml.ReadOther(strings.NewReader("<filelists/>"), func(*mdxml.Changelogs) error { return nil }),
		"cut":                     mdxml.ReadOther(strings.NewReader("<otherdata>"), func(*mdxml.Changelogs) error { return nil }),
	} {
		if _, ok := errors.AsType[*mdxml.FormatError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
