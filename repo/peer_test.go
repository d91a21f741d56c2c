package repo_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/mdxml"
	"github.com/fedora-respin/respin/repo/rpm"
)

// The shape of primary.xml for encoding/xml, the judge of ours.
type (
	peerPackage struct {
		Name    string `xml:"name"`
		Arch    string `xml:"arch"`
		Version peerEVR
		Sum     struct {
			Type  string `xml:"type,attr"`
			Value string `xml:",chardata"`
		} `xml:"checksum"`
		Summary     string `xml:"summary"`
		Description string `xml:"description"`
		Packager    string `xml:"packager"`
		URL         string `xml:"url"`
		Time        struct {
			File  int64 `xml:"file,attr"`
			Build int64 `xml:"build,attr"`
		} `xml:"time"`
		Size struct {
			Package   int64 `xml:"package,attr"`
			Installed int64 `xml:"installed,attr"`
			Archive   int64 `xml:"archive,attr"`
		} `xml:"size"`
		Location struct {
			Href string `xml:"href,attr"`
			Base string `xml:"base,attr"`
		} `xml:"location"`
		Format struct {
			License   string `xml:"license"`
			Vendor    string `xml:"vendor"`
			Group     string `xml:"group"`
			BuildHost string `xml:"buildhost"`
			SourceRPM string `xml:"sourcerpm"`
			Range     struct {
				Start int64 `xml:"start,attr"`
				End   int64 `xml:"end,attr"`
			} `xml:"header-range"`
			Provides    peerRelations `xml:"provides"`
			Requires    peerRelations `xml:"requires"`
			Conflicts   peerRelations `xml:"conflicts"`
			Obsoletes   peerRelations `xml:"obsoletes"`
			Suggests    peerRelations `xml:"suggests"`
			Enhances    peerRelations `xml:"enhances"`
			Recommends  peerRelations `xml:"recommends"`
			Supplements peerRelations `xml:"supplements"`
			Files       []struct {
				Type string `xml:"type,attr"`
				Path string `xml:",chardata"`
			} `xml:"file"`
		} `xml:"format"`
	}
	peerEVR struct {
		XMLName xml.Name `xml:"version"`
		Epoch   uint32   `xml:"epoch,attr"`
		Ver     string   `xml:"ver,attr"`
		Rel     string   `xml:"rel,attr"`
	}
	peerRelations struct {
		Entries []struct {
			Name  string `xml:"name,attr"`
			Flags string `xml:"flags,attr"`
			Epoch uint32 `xml:"epoch,attr"`
			Ver   string `xml:"ver,attr"`
			Rel   string `xml:"rel,attr"`
			Pre   string `xml:"pre,attr"`
		} `xml:"entry"`
	}
)

// peerPrimary reads primary.xml with encoding/xml.
func peerPrimary(r io.Reader) iter.Seq2[*repo.Entry, error] {
	return func(yield func(*repo.Entry, error) bool) {
		for dec := xml.NewDecoder(r); ; {
			tok, err := dec.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			start, ok := tok.(xml.StartElement)
			if err == nil && (!ok || start.Name.Local != "package") {
				continue
			}
			var p peerPackage
			if err == nil {
				err = dec.DecodeElement(&p, &start)
			}
			if !yield(p.entry(), err) || err != nil {
				return
			}
		}
	}
}

func (p *peerPackage) entry() *repo.Entry {
	f := &p.Format
	e := &repo.Entry{
		Name: p.Name, Arch: p.Arch, EVR: evrOf(p.Version.Epoch, p.Version.Ver, p.Version.Rel),
		Checksum: repo.Checksum{Type: p.Sum.Type, Value: p.Sum.Value},
		Summary:  p.Summary, Description: p.Description, Packager: p.Packager, URL: p.URL,
		License: f.License, Vendor: f.Vendor, Group: f.Group, BuildHost: f.BuildHost, SourceRPM: f.SourceRPM,
		FileTime: p.Time.File, BuildTime: p.Time.Build,
		Size: p.Size.Package, InstalledSize: p.Size.Installed, ArchiveSize: p.Size.Archive,
		HeaderStart: f.Range.Start, HeaderEnd: f.Range.End, Location: p.Location.Href, Base: p.Location.Base,
		Provides: f.Provides.list(), Requires: f.Requires.list(), Conflicts: f.Conflicts.list(), Obsoletes: f.Obsoletes.list(),
		Suggests: f.Suggests.list(), Enhances: f.Enhances.list(), Recommends: f.Recommends.list(), Supplements: f.Supplements.list(),
	}
	for _, x := range f.Files {
		e.Files = append(e.Files, repo.EntryFile{Path: x.Path, Type: x.Type})
	}
	return e
}

func evrOf(epoch uint32, ver, rel string) rpm.EVR {
	return rpm.EVR{Epoch: epoch, HasEpoch: epoch != 0, Version: ver, Release: rel}
}

func (r *peerRelations) list() (out []repo.Relation) {
	flags := map[string]rpm.DepFlags{
		"LT": rpm.DepLess, "LE": rpm.DepLess | rpm.DepEqual, "EQ": rpm.DepEqual, "GE": rpm.DepGreater | rpm.DepEqual, "GT": rpm.DepGreater,
	}
	for _, e := range r.Entries {
		out = append(out, repo.Relation{Name: e.Name, Flags: flags[e.Flags], EVR: evrOf(e.Epoch, e.Ver, e.Rel), Pre: e.Pre == "1"})
	}
	return out
}

func sharedRepo(tb testing.TB, name string) *repo.Repo {
	tb.Helper()
	r, err := repo.OpenDir(filepath.Join(shareddata.Dir(tb, "repodata"), name))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func plain(tb testing.TB, r *repo.Repo, kind string) []byte {
	tb.Helper()
	in, err := r.Stream(tb.Context(), kind)
	if err != nil {
		tb.Fatal(err)
	}
	defer in.Close()
	doc, err := io.ReadAll(in)
	if err != nil {
		tb.Fatal(err)
	}
	return doc
}

// TestPrimaryAgreesWithEncodingXML compares every field of a real repository.
func TestPrimaryAgreesWithEncodingXML(t *testing.T) {
	t.Parallel()
	doc := plain(t, sharedRepo(t, "cs9-baseos"), "primary")
	next, stop := iter.Pull2(peerPrimary(bytes.NewReader(doc)))
	defer stop()
	n := 0
	for got, err := range repo.Primary(bytes.NewReader(doc)) {
		if err != nil {
			t.Fatal(err)
		}
		want, err, ok := next()
		if err != nil || !ok {
			t.Fatalf("encoding/xml after %d packages: %v", n, err)
		}
		n++
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-encoding/xml +ours):\n%s", got.NEVRA(), diff)
		}
	}
	if _, _, more := next(); more || n != 1125 {
		t.Errorf("%d packages", n)
	}
}

func TestFilelistsOfOthersHoldThePrimaryFiles(t *testing.T) {
	t.Parallel()
	r := sharedRepo(t, "cs9-baseos")
	files := map[string]map[string]string{}
	for p, err := range r.Filelists(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		files[p.PkgID] = map[string]string{}
		for _, f := range p.Files {
			files[p.PkgID][f.Path] = f.Type
		}
	}
	for e, err := range r.Primary(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range e.Files {
			if kind, ok := files[e.Checksum.Value][f.Path]; !ok || kind != f.Type {
				t.Fatalf("%s: %s is %q in filelists, %v", e.NEVRA(), f.Path, kind, ok)
			}
		}
	}
}

// The benchmarks read the same document: run them together and compare.
func BenchmarkPrimary(b *testing.B) {
	doc := plain(b, sharedRepo(b, "cs9-appstream"), "primary")
	for name, read := range map[string]func() int{
		"encoding-xml": func() int { return count(b, peerPrimary(bytes.NewReader(doc))) },
		"ours":         func() int { return count(b, repo.Primary(bytes.NewReader(doc))) },
		"ours-mdxml": func() (n int) {
			if err := mdxml.ReadPrimary(bytes.NewReader(doc), func(*mdxml.Package) error { n++; return nil }); err != nil {
				b.Fatal(err)
			}
			return n
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if n := read(); n != 17649 {
					b.Fatal(n)
				}
			}
		})
	}
}

func count(tb testing.TB, seq iter.Seq2[*repo.Entry, error]) (n int) {
	tb.Helper()
	for _, err := range seq {
		if err != nil {
			tb.Fatal(err)
		}
		n++
	}
	return n
}

func TestOtherReadsBackWhatCreateWrote(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "rich.rpm"), rich())
	if _, err := repo.Create(t.Context(), dir, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var authors []string
	for p, err := range r.Other(t.Context()) {
		if err != nil || p.NEVRA.String() != "rich-2:1.0^git2-3.fc44.x86_64" {
			t.Fatal(p, err)
		}
		for _, c := range p.Changelogs {
			authors = append(authors, c.Author)
		}
	}
	if got := strings.Join(authors, "|"); got != "QA <qa@example.org> - 1.0-1|QA <qa@example.org> - 1.0-2|Zoë <qa@example.org> - 1.0-3" {
		t.Error(got)
	}
}
