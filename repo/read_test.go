package repo_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
)

func readPrimary(doc string) ([]*repo.Entry, error) {
	var out []*repo.Entry
	for e, err := range repo.Primary(strings.NewReader(doc)) {
		if err != nil {
			return out, err
		}
		out = append(out, e)
	}
	return out, nil
}

func TestPrimaryReadsBackWhatCreateWrote(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "rich.rpm"), rich())
	var idx repo.Indexed
	_, err := repo.Create(t.Context(), dir, repo.Options{
		BaseURL: "https://example.org/r/", Indexed: func(i repo.Indexed) { idx = i },
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := readPrimary(content(t, dir, "primary"))
	if err != nil || len(got) != 1 {
		t.Fatalf("%d entries, %v", len(got), err)
	}
	pkg, err := rpm.Open(filepath.Join(dir, "rich.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	evr := func(e uint32, v, r string) rpm.EVR {
		return rpm.EVR{Epoch: e, HasEpoch: e != 0, Version: v, Release: r}
	}
	self := evr(2, "1.0^git2", "3.fc44")
	want := &repo.Entry{
		Name: "rich", EVR: self, Arch: "x86_64", Checksum: idx.Checksum,
		Summary: pkg.Summary, Description: pkg.Description, Packager: pkg.Packager, URL: pkg.URL, License: pkg.License,
		Vendor: pkg.Vendor, Group: pkg.Group, BuildHost: pkg.BuildHost, SourceRPM: pkg.SourceRPM,
		FileTime: stamp.Unix(), BuildTime: pkg.BuildTime, Size: pkg.FileSize, InstalledSize: int64(pkg.InstalledSize), ArchiveSize: int64(pkg.ArchiveSize),
		HeaderStart: pkg.HeaderStart, HeaderEnd: pkg.HeaderEnd, Location: "rich.rpm", Base: "https://example.org/r/",
		Provides: []repo.Relation{
			{Name: "rich", Flags: rpm.DepEqual, EVR: self},
			{Name: "rich(x86-64)", Flags: rpm.DepEqual, EVR: self},
			{Name: "virtual(Zoë)", Flags: rpm.DepEqual, EVR: evr(0, "1", "")},
		},
		Requires: []repo.Relation{
			{Name: "(a or b)"},
			{Name: "/usr/sbin/useradd", Pre: true},
			{Name: "late", Pre: true},
			{Name: "libfoo", Flags: rpm.DepGreater | rpm.DepEqual, EVR: evr(1, "2.0", "3")},
			{Name: "zlib"},
			{Name: "libc.so.6(GLIBC_2.34)(64bit)"},
		},
		Conflicts: []repo.Relation{{Name: "poor", Flags: rpm.DepLess, EVR: evr(0, "1", "")}},
		Obsoletes: []repo.Relation{{Name: "richer", Flags: rpm.DepLess | rpm.DepEqual, EVR: evr(0, "0.9", "1")}},
		Suggests:  []repo.Relation{{Name: "sug"}}, Enhances: []repo.Relation{{Name: "enh"}},
		Recommends: []repo.Relation{{Name: "rec"}}, Supplements: []repo.Relation{{Name: "sup"}},
		Files: []repo.EntryFile{{Path: "/etc/rich", Type: "dir"}, {Path: "/etc/rich/é&.conf"}, {Path: "/usr/bin/rich"}},
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if idx.NEVRA.String() != "rich-2:1.0^git2-3.fc44.x86_64" || idx.Location != "rich.rpm" || idx.Size != pkg.FileSize {
		t.Errorf("indexed %+v", idx)
	}
}

// TestEveryCutIsNoticed cuts a document at every byte.
func TestEveryCutIsNoticed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, n := range []string{"a", "b"} {
		writeRPM(t, filepath.Join(dir, n+".rpm"), simple(n))
	}
	if _, err := repo.Create(t.Context(), dir, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	doc := content(t, dir, "primary")
	for n := range doc {
		if _, err := readPrimary(doc[:n]); err == nil {
			t.Fatalf("a document of %d bytes was accepted when cut after %d:\n%s", len(doc), n, doc[:n])
		}
	}
	md, err := os.ReadFile(filepath.Join(dir, "repodata/repomd.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(md) - 1 { // the last byte is a line end
		if _, err := repo.ReadRepomd(bytes.NewReader(md[:n])); err == nil {
			t.Fatalf("repomd.xml was accepted when cut after %d of %d bytes", n, len(md))
		}
	}
}

const pkgXML = `<package type="rpm"><name>a</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/><location href="a.rpm"/></package>`

func TestMalformedPrimaryIsRefused(t *testing.T) {
	t.Parallel()
	root := `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">`
	if got, err := readPrimary(root + pkgXML + "</metadata>\n<!-- c -->\n"); err != nil || len(got) != 1 {
		t.Fatalf("the good one: %v", err)
	}
	for name, doc := range map[string]string{
		"empty":                  "",
		"not XML":                "hello",
		"another root":           `<repomd xmlns="http://linux.duke.edu/metadata/repo"></repomd>`,
		"another namespace":      `<metadata xmlns="http://example.org/"></metadata>`,
		"crossed elements":       root + `<package><name>a</package></name></metadata>`,
		"second root":            root + pkgXML + "</metadata><metadata/>",
		"text after the root":    root + pkgXML + "</metadata>x",
		"unknown entity":         root + strings.Replace(pkgXML, ">a<", ">&lol;<", 1) + "</metadata>",
		"not UTF-8":              root + strings.Replace(pkgXML, ">a<", ">\xff<", 1) + "</metadata>",
		"control character":      root + strings.Replace(pkgXML, ">a<", ">\x01<", 1) + "</metadata>",
		"another encoding":       `<?xml version="1.0" encoding="latin1"?>` + root + pkgXML + "</metadata>",
		"too deep":               root + strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40) + pkgXML + "</metadata>",
		"no name":                root + strings.Replace(pkgXML, "<name>a</name>", "", 1) + "</metadata>",
		"no location":            root + strings.Replace(pkgXML, `<location href="a.rpm"/>`, "", 1) + "</metadata>",
		"epoch is no number":     root + strings.Replace(pkgXML, `epoch="0"`, `epoch="x"`, 1) + "</metadata>",
		"size is no number":      root + strings.Replace(pkgXML, `<loc`, `<size package="1e9"/><loc`, 1) + "</metadata>",
		"unknown flags":          root + strings.Replace(pkgXML, `<loc`, `<format><rpm:requires><rpm:entry name="x" flags="NE"/></rpm:requires></format><loc`, 1) + "</metadata>",
		"dependency, no name":    root + strings.Replace(pkgXML, `<loc`, `<format><rpm:requires><rpm:entry/></rpm:requires></format><loc`, 1) + "</metadata>",
		"count is no number":     strings.Replace(root, `"1"`, `"many"`, 1) + pkgXML + "</metadata>",
		"attribute not quoted":   root + strings.Replace(pkgXML, `epoch="0"`, `epoch=0`, 1) + "</metadata>",
		"attribute with < in it": root + strings.Replace(pkgXML, `rel="1"`, `rel="<"`, 1) + "</metadata>",
	} {
		_, err := readPrimary(doc)
		if _, ok := errors.AsType[*repo.FormatError](err); !ok && name != "another encoding" || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := readPrimary(root + pkgXML + pkgXML + "</metadata>")
	count, ok := errors.AsType[*repo.CountError](err)
	if !ok || count.Announced != 1 || count.Held != 2 || len(got) != 2 {
		t.Errorf("wrong count: %d entries, %v", len(got), err)
	}
}

func TestRepomdReadsBack(t *testing.T) {
	t.Parallel()
	sum := func(s string) repo.Checksum { return repo.Checksum{Type: "sha256", Value: s} }
	want := &repo.Repomd{
		Revision: "r&1", ContentTags: []string{"c"}, RepoTags: []string{"a", "b"}, DistroTags: []repo.DistroTag{{CPEID: `c"ü`, Name: "ü"}, {Name: "n"}},
		Data: []repo.Data{
			{Type: "primary", Checksum: sum("aa"), OpenChecksum: sum("bb"), Href: "repodata/p", Base: "https://example.org/", Timestamp: 5, Size: 6, OpenSize: 7},
			{Type: "other", Checksum: sum("cc"), Href: "repodata/o"},
			{Type: "other_db", Checksum: sum("dd"), Href: "repodata/d", DatabaseVersion: 10},
			{Type: "other_zck", Checksum: sum("ee"), HeaderChecksum: sum("ff"), HeaderSize: 8, Href: "repodata/z"},
		},
	}
	var doc bytes.Buffer
	if _, err := want.WriteTo(&doc); err != nil {
		t.Fatal(err)
	}
	got, err := repo.ReadRepomd(bytes.NewReader(doc.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%s", diff, doc.String())
	}
}

// damaged makes a repository, changes its primary file and returns what a
// reader of it says.
func damaged(t *testing.T, c repo.Compression, change func(path string, data []byte) []byte) error {
	t.Helper()
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "rich.rpm"), rich())
	rep, err := repo.Create(t.Context(), dir, repo.Options{Compression: c})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, rep.Repomd.Find("primary").Href)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(path, data), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Primary(t.Context()) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestDamagedMetadataIsNoticed(t *testing.T) {
	t.Parallel()
	for _, c := range []repo.Compression{repo.Zstd, repo.Gzip, repo.XZ, repo.None} {
		for name, change := range map[string]func(string, []byte) []byte{
			"cut":      func(_ string, d []byte) []byte { return d[:len(d)-1] },
			"longer":   func(_ string, d []byte) []byte { return append(d, '\n') },
			"one bit":  func(_ string, d []byte) []byte { d[len(d)/2] ^= 1; return d },
			"last bit": func(_ string, d []byte) []byte { d[len(d)-1] ^= 1; return d },
			"empty":    func(string, []byte) []byte { return nil },
		} {
			if err := damaged(t, c, change); err == nil {
				t.Errorf("%s, %s: nobody noticed", c, name)
			}
		}
	}
	// A change that leaves good XML of the same size is seen by the checksum.
	err := damaged(t, repo.None, func(_ string, d []byte) []byte { return bytes.Replace(d, []byte("Tools"), []byte("Fools"), 1) })
	if sum, ok := errors.AsType[*repo.ChecksumError](err); !ok || sum.What != "checksum" {
		t.Errorf("altered text: %v", err)
	}
}

// editRepomd changes the text of repomd.xml.
func editRepomd(t *testing.T, dir, old, text string) {
	t.Helper()
	path := filepath.Join(dir, "repodata/repomd.xml")
	data, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s: %v", data, err)
	}
	writeFile(t, path, bytes.Replace(data, []byte(old), []byte(text), 1))
}

func TestRepomdCannotLeadAstray(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ old, text string }{
		"parent":         {`href="repodata/`, `href="../repodata/`},
		"absolute":       {`href="repodata/`, `href="/repodata/`},
		"backslash":      {`href="repodata/`, `href="repodata\..\`},
		"symbolic link":  {`href="repodata/`, `href="link/`},
		"unknown digest": {`type="sha256"`, `type="crc32"`},
		"too small":      {`<open-size>`, `<open-size>1</open-size><x>`},
	} {
		dir := t.TempDir()
		if _, err := repo.Create(t.Context(), dir, repo.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(dir, "repodata"), filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		if name == "too small" {
			editRepomd(t, dir, "</open-size>", "</x>")
		}
		editRepomd(t, dir, tc.old, tc.text)
		r, err := repo.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		in, err := r.Stream(t.Context(), "primary")
		if err == nil {
			_, err = io.ReadAll(in)
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestOpenOverHTTP(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "sub/rich.rpm"), rich())
	if _, err := repo.Create(t.Context(), dir, repo.Options{Compression: repo.Gzip}); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.StripPrefix("/x/y", http.FileServer(http.Dir(dir))))
	t.Cleanup(srv.Close)
	for _, base := range []string{srv.URL + "/x/y", srv.URL + "/x/y/"} {
		r, err := repo.Open(t.Context(), base, srv.Client())
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for e, err := range r.Primary(t.Context()) {
			if err != nil || e.Location != "sub/rich.rpm" {
				t.Fatalf("%v %v", e, err)
			}
			n++
		}
		if n != 1 {
			t.Errorf("%d packages", n)
		}
		if _, err := r.Stream(t.Context(), "updateinfo"); !errors.Is(err, repo.ErrNoData) {
			t.Errorf("updateinfo: %v", err)
		}
	}
	_, err := repo.Open(t.Context(), srv.URL+"/nowhere", srv.Client())
	if status, ok := errors.AsType[*repo.StatusError](err); !ok || status.Status != http.StatusNotFound {
		t.Errorf("nowhere: %v", err)
	}
	for _, bad := range []string{"ftp://example.org/", "file:///etc", "::"} {
		if _, err := repo.Open(t.Context(), bad, nil); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}

func TestLoopMayEndEarly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 3 {
		writeRPM(t, filepath.Join(dir, fmt.Sprintf("%d.rpm", i)), simple("a"))
	}
	if _, err := repo.Create(t.Context(), dir, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range repo.Primary(strings.NewReader(content(t, dir, "primary"))) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d rounds", n)
	}
}

func TestReadsRepodataOfOthers(t *testing.T) {
	t.Parallel()
	r, err := repo.OpenDir(filepath.Join(shareddata.Dir(t, "repodata"), "cs9-baseos"))
	if err != nil {
		t.Fatal(err)
	}
	n, files, rich := 0, 0, 0
	for e, err := range r.Primary(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		files += len(e.Files)
		for _, d := range e.Requires {
			if strings.HasPrefix(d.Name, "(") {
				rich++
			}
		}
	}
	if n != 1125 || files == 0 || rich == 0 {
		t.Errorf("%d packages, %d files, %d rich dependencies", n, files, rich)
	}
}
