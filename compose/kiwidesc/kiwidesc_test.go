package kiwidesc_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/fedora-respin/respin/compose/kiwidesc"
	"github.com/fedora-respin/respin/internal/limitio"
)

// entry is one entry of a test's archive.
type entry struct {
	name, text, link string
	kind             byte
	mode             int64
	size             int64 // where it is not that of text
}

func pack(tb testing.TB, entries ...entry) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Linkname: e.link, Typeflag: e.kind, Mode: e.mode, Size: int64(len(e.text))}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if e.size > 0 {
			h.Size = e.size
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(e.text)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	_ = w.Flush() // a lying size leaves the archive unfinished
	if e := entries[len(entries)-1]; e.size == 0 {
		if err := w.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	return b.Bytes()
}

const mainFile = `<?xml version="1.0"?>
<image schemaversion="7.5" name="Test">
<profiles>
<profile name="A" description="a"><requires profile="B"/><requires profile="ARM" arch="aarch64"/></profile>
<profile name="B" description="b"><requires profile="A"/></profile>
<profile name="ARM" description="arm" arch="aarch64"/>
<profile name="Own" description="own" import="true"/>
</profiles>
<preferences><version>44</version><packagemanager>dnf5</packagemanager><release-version> 44 </release-version></preferences>
<preferences profiles="B" arch="x86_64,aarch64"><version>9</version><type image="iso" volid="V" kernelcmdline="quiet" filesystem="erofs"/><type image="oem" format="qcow2" primary="true" installiso="true"/></preferences>
<preferences profiles="Own"><type image="oci" derived_from="obs://x"/></preferences>
<include from="this://./sub/more.xml"/>
<repository alias="one" priority="5"><source path="https://example.org/$releasever/"/></repository>
<repository alias="two" imageonly="true"><source path="https://example.org/"/></repository>
<repository alias="three" profiles="Own"><source path="https://example.org/"/></repository>
</image>
`

const moreFile = `<image><profiles><profile name="C" description="c"/></profiles><preferences profiles="C"><type image="tbz"/></preferences></image>`

func good() []entry {
	return []entry{
		{name: "pax_global_header", kind: tar.TypeXGlobalHeader},
		{name: "top/", kind: tar.TypeDir, mode: 0o755},
		{name: "top/Test.kiwi", text: mainFile},
		{name: "top/sub/more.xml", link: "real.xml", kind: tar.TypeSymlink},
		{name: "top/sub/real.xml", text: moreFile},
		{name: "top/config.sh", text: "#!/bin/sh\n", mode: 0o4755},
		{name: "top/copy.sh", link: "top/config.sh", kind: tar.TypeLink},
		{name: "top/root/etc/localtime", link: "/usr/share/zoneinfo/UTC", kind: tar.TypeSymlink},
	}
}

func goodArchive(tb testing.TB) []byte {
	tb.Helper()
	return pack(tb, slices.DeleteFunc(good(), func(e entry) bool { return e.kind == tar.TypeXGlobalHeader })...)
}

func open(t *testing.T, data []byte) *kiwidesc.Archive {
	t.Helper()
	a, err := kiwidesc.Open(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestSelectionFollowsKiwisRules(t *testing.T) {
	t.Parallel()
	d, err := open(t, goodArchive(t)).Description("")
	if err != nil {
		t.Fatal(err)
	}
	base := kiwidesc.Selection{Dir: "top", File: "Test.kiwi", Schema: "7.5", Name: "Test", Version: "44", Release: "44", Manager: "dnf5"}
	one := kiwidesc.Repo{Alias: "one", Source: "https://example.org/$releasever/", Priority: 5}
	for name, tc := range map[string]struct {
		profiles    []string
		image, arch string
		want        func(*kiwidesc.Selection)
	}{
		"profiles require each other": {[]string{"A"}, "iso", "x86_64", func(s *kiwidesc.Selection) {
			s.Profiles, s.Type = []string{"A", "B"}, kiwidesc.Type{Image: "iso", VolID: "V", KernelArgs: "quiet", Filesystem: "erofs"}
			s.Repos = []kiwidesc.Repo{one}
		}},
		"requirement of another arch": {[]string{"A"}, "iso", "aarch64", func(s *kiwidesc.Selection) {
			s.Profiles, s.Type = []string{"A", "B", "ARM"}, kiwidesc.Type{Image: "iso", VolID: "V", KernelArgs: "quiet", Filesystem: "erofs"}
			s.Repos = []kiwidesc.Repo{one}
		}},
		"primary type": {[]string{"B"}, "", "x86_64", func(s *kiwidesc.Selection) {
			s.Profiles, s.Type = []string{"B", "A"}, kiwidesc.Type{Image: "oem", Format: "qcow2", Install: true}
			s.Repos = []kiwidesc.Repo{one}
		}},
		"description's own choice": {nil, "oci", "x86_64", func(s *kiwidesc.Selection) {
			s.Profiles, s.Type = []string{"Own"}, kiwidesc.Type{Image: "oci", Derived: "obs://x"}
			s.Repos = []kiwidesc.Repo{one, {Alias: "three", Source: "https://example.org/"}}
		}},
		"profile of an included file": {[]string{"C"}, "tbz", "s390x", func(s *kiwidesc.Selection) {
			s.Profiles, s.Type, s.Repos = []string{"C"}, kiwidesc.Type{Image: "tbz"}, []kiwidesc.Repo{one}
		}},
	} {
		want := base
		want.Asked, want.Arch = tc.profiles, tc.arch
		tc.want(&want)
		got, err := d.Select(tc.profiles, tc.image, tc.arch)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for name, tc := range map[string]struct {
		profiles    []string
		image, arch string
		have        []string
	}{
		"no such profile": {[]string{"D"}, "iso", "x86_64", []string{"A", "B", "C", "Own"}},
		"profile's arch":  {[]string{"ARM"}, "iso", "x86_64", []string{"A", "B", "C", "Own"}},
		"type":            {[]string{"C"}, "iso", "x86_64", []string{"tbz"}},
		"type's arch":     {[]string{"B"}, "iso", "s390x", nil},
		"nothing at all":  {[]string{"B"}, "", "s390x", nil},
	} {
		_, err := d.Select(tc.profiles, tc.image, tc.arch)
		var missing *kiwidesc.SelectError
		if !errors.As(err, &missing) || !slices.Equal(missing.Have, tc.have) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if diff := cmp.Diff([]string{"A", "B"}, d.Choices("iso", "x86_64")); diff != "" {
		t.Error(diff)
	}
}

func TestWrongDescriptionsNameFileAndLine(t *testing.T) {
	t.Parallel()
	with := func(old, new string) []entry {
		list := slices.DeleteFunc(good(), func(e entry) bool { return e.kind == tar.TypeXGlobalHeader })
		for i := range list {
			list[i].text = strings.Replace(list[i].text, old, new, 1)
		}
		return list
	}
	for name, tc := range map[string]struct {
		entries []entry
		file    string
		want    string
	}{
		"open element":        {with("</profiles>", ""), "", "Test.kiwi:16: element <profiles> closed by </image>"},
		"no image":            {with("<image schemaversion=\"7.5\" name=\"Test\">", "<images>"), "", "Test.kiwi:2: the first element is images, not image"},
		"no name":             {with(" name=\"Test\"", ""), "", "Test.kiwi: the image has no name"},
		"include of the web":  {with("this://./sub/more.xml", "https://example.org/x"), "", `Test.kiwi:12: it includes "https://example.org/x", which is no part of the description`},
		"include of the host": {with("this://./sub/more.xml", "file:///etc/passwd"), "", `Test.kiwi:12: it includes "file:///etc/passwd", which is no part of the description`},
		"include that leaves": {with("this://./sub/more.xml", "this://../../x"), "", `Test.kiwi:12: it includes "this://../../x", which is no part of the description`},
		"include that is not": {with("this://./sub/more.xml", "this://./gone.xml"), "", "gone.xml: it is included, and is not in the description"},
		"include in include":  {with("<image><profiles>", "<image><include from='this://./x.xml'/><profiles>"), "", "sub/more.xml:1: it includes a file itself, which kiwi does not resolve"},
		"script as file":      {with("x", "x"), "config.sh", "config.sh: it is no XML file of a description"},
		"no such file":        {with("x", "x"), "Fedora.kiwi", "Fedora.kiwi: there is no such file in the description"},
		"priority":            {with(`priority="5"`, `priority="high"`), "", `Test.kiwi: the repository one has the priority "high"`},
		"type twice":          {with(`<type image="oem"`, `<type image="iso"`), "", "the type iso stands twice in the chosen profiles"},
		"entities":            {with(`name="Test"`, `name="&bomb;"`), "", "Test.kiwi:2: invalid character entity &bomb;"},
		"nothing":             {[]entry{{name: "README", text: "x"}}, "", "there is neither config.xml nor a .kiwi file at the top of the description"},
		"no version":          {with("<version>44</version>", ""), "", ""},
	} {
		d, err := open(t, pack(t, tc.entries...)).Description(tc.file)
		if err == nil {
			_, err = d.Select([]string{"B"}, "iso", "x86_64")
		}
		if tc.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var bad *kiwidesc.Error
		if !errors.As(err, &bad) || err.Error() != tc.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestEveryPackingIsRead(t *testing.T) {
	t.Parallel()
	data := goodArchive(t)
	var gz, xzed, zs bytes.Buffer
	g := gzip.NewWriter(&gz)
	_, _ = g.Write(data)
	_ = g.Close()
	x, err := xz.NewWriter(&xzed)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = x.Write(data)
	_ = x.Close()
	z, err := zstd.NewWriter(&zs)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = z.Write(data)
	_ = z.Close()
	for name, packed := range map[string][]byte{"plain": data, "gzip": gz.Bytes(), "xz": xzed.Bytes(), "zstd": zs.Bytes()} {
		a, err := kiwidesc.Open(bytes.NewReader(packed))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := a.Description("Test.kiwi"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnpackedFilesAreThoseOfTheArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := kiwidesc.Unpack(bytes.NewReader(goodArchive(t)), dir); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		info, err := e.Info()
		target, _ := os.Readlink(path)
		if !e.IsDir() {
			got[rel] = fmt.Sprintf("%s %s", info.Mode(), target)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"top/Test.kiwi": "-rw-r--r-- ", "top/config.sh": "-rwxr-xr-x ", "top/copy.sh": "-rwxr-xr-x ", "top/sub/real.xml": "-rw-r--r-- ",
		"top/sub/more.xml": "Lrwxrwxrwx real.xml", "top/root/etc/localtime": "Lrwxrwxrwx /usr/share/zoneinfo/UTC",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHostileArchivesAreRefusedAndLeaveNothingOutside(t *testing.T) {
	t.Parallel()
	many := make([]entry, kiwidesc.MaxEntries+1)
	for i := range many {
		many[i] = entry{name: fmt.Sprintf("d/%d", i)}
	}
	deep := entry{name: strings.Repeat("d/", 600) + "x"}
	for name, entries := range map[string][]entry{
		"absolute path":           {{name: "/etc/x", text: "x"}},
		"path that leads out":     {{name: "a/../../x", text: "x"}},
		"dots":                    {{name: "../x", text: "x"}},
		"absolute link":           {{name: "x", link: "/etc/passwd", kind: tar.TypeSymlink}},
		"link that leads out":     {{name: "a/x", link: "../../x", kind: tar.TypeSymlink}},
		"hard link out":           {{name: "x", link: "../x", kind: tar.TypeLink}},
		"hard link to nothing":    {{name: "x", link: "y", kind: tar.TypeLink}},
		"file through a link":     {{name: "root/a", link: "/tmp", kind: tar.TypeSymlink}, {name: "root/a/x", text: "x"}},
		"file below a file":       {{name: "a", text: "x"}, {name: "a/x", text: "x"}},
		"device":                  {{name: "x", kind: tar.TypeChar}},
		"pipe":                    {{name: "x", kind: tar.TypeFifo}},
		"the same twice":          {{name: "x", text: "x"}, {name: "./x", text: "y"}},
		"too many":                many,
		"too deep":                {deep},
		"a size that is not true": {{name: "x", text: "x", size: kiwidesc.MaxUnpacked + 1}},
	} {
		data := pack(t, entries...)
		outside := t.TempDir()
		dir := filepath.Join(outside, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := kiwidesc.Open(bytes.NewReader(data)); !refused(err) {
			t.Errorf("%s: read with %v", name, err)
		}
		err := kiwidesc.Unpack(bytes.NewReader(data), dir)
		if name != "file through a link" && !refused(err) || err == nil {
			t.Errorf("%s: unpacked with %v", name, err)
		}
		if left, _ := os.ReadDir(outside); len(left) != 1 {
			t.Errorf("%s: written outside: %v", name, left)
		}
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "web page": []byte("<!DOCTYPE html><html></html>"), "zip": []byte("PK\x03\x04xxxxxxxx"), "cut": goodArchive(t)[:700], "noise": bytes.Repeat([]byte("x"), 5000),
	} {
		if _, err := kiwidesc.Open(bytes.NewReader(data)); !refused(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func refused(err error) bool {
	var archive *kiwidesc.ArchiveError
	var large *limitio.TooLargeError
	return errors.As(err, &archive) || errors.As(err, &large)
}

// Zeros without end pack into a few kilobytes.
func TestBombsCostNoMoreThanTheirLimit(t *testing.T) {
	t.Parallel()
	packed := func(write func(io.Writer)) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		write(z)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	data := packed(func(w io.Writer) {
		if err := tar.NewWriter(w).WriteHeader(&tar.Header{Name: "x", Mode: 0o644, Size: kiwidesc.MaxUnpacked - 1<<10, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
	})
	zeros := packed(func(w io.Writer) { _, _ = w.Write(make([]byte, 1<<20)) })
	for range kiwidesc.MaxUnpacked >> 20 { // gzip's members follow each other
		data = append(data, zeros...)
	}
	data = append(data, packed(func(w io.Writer) { _, _ = w.Write(bytes.Repeat([]byte("x"), 4<<10)) })...)
	var large *limitio.TooLargeError
	if _, err := kiwidesc.Open(bytes.NewReader(data)); !errors.As(err, &large) || len(data) > 1<<20 {
		t.Errorf("%d bytes: got %v", len(data), err)
	}
}

// Whatever a description says, choosing ends soon.
func TestLargeDescriptionsAreChosenFromInTime(t *testing.T) {
	t.Parallel()
	large := func(n int) []byte {
		var b strings.Builder
		b.WriteString("<image name='a' schemaversion='7.5'><profiles>")
		for i := range n {
			fmt.Fprintf(&b, "<profile name='p%d'><requires profile='p%d'/></profile>", i, i+1)
		}
		fmt.Fprintf(&b, "<profile name='p%d'/></profiles><preferences profiles='p0'><version>1</version><type image='iso'/></preferences></image>", n)
		return pack(t, entry{name: "a.kiwi", text: b.String()})
	}
	d, err := open(t, large(1900)).Description("")
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if got := d.Choices("iso", "x86_64"); len(got) != 1 {
		t.Errorf("choices %v", got)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := open(t, large(2500)).Description(""); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("got %v", err)
	}
}

func TestPackedDirectoryIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("Test.kiwi", mainFile, 0o644)
	write("sub/more.xml", moreFile, 0o644)
	write("config.sh", "#!/bin/sh\n", 0o755)
	write(".git/config", "secret", 0o600)
	var packs [][]byte
	for range 2 {
		var b bytes.Buffer
		if err := kiwidesc.Pack(&b, dir); err != nil {
			t.Fatal(err)
		}
		packs = append(packs, b.Bytes())
		write("config.sh", "#!/bin/sh\n", 0o755) // another time
	}
	if !bytes.Equal(packs[0], packs[1]) {
		t.Error("two archives of the same files differ")
	}
	out := t.TempDir()
	if err := kiwidesc.Unpack(bytes.NewReader(packs[0]), out); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out, ".git")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the repository of git is in: %v", err)
	}
	if _, err := open(t, packs[0]).Description(""); err != nil {
		t.Error(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "x")); err != nil {
		t.Fatal(err)
	}
	if err := kiwidesc.Pack(&bytes.Buffer{}, dir); !refused(err) {
		t.Errorf("a link that leads out: %v", err)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(goodArchive(f))
	f.Add(pack(f, entry{name: "x.kiwi", text: "<image name='a'><include from='this://./x.kiwi'/></image>"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := kiwidesc.Open(bytes.NewReader(data))
		if err != nil {
			if !refused(err) {
				t.Errorf("an error of no type: %v", err)
			}
			return
		}
		d, err := a.Description("")
		if err != nil {
			return
		}
		for _, name := range d.Choices("iso", "x86_64") {
			if _, err := d.Select([]string{name}, "iso", "x86_64"); err != nil {
				t.Error(err)
			}
		}
	})
}
