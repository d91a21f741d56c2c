package repo_test

import (
	"bytes"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/bench/xmlpeer"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/mdxml"
)

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
	next, stop := iter.Pull2(xmlpeer.Primary(bytes.NewReader(doc)))
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
		"encoding-xml": func() int { return count(b, xmlpeer.Primary(bytes.NewReader(doc))) },
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
