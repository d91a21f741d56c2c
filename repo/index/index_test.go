package index_test

import (
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func relationsOf(list []repo.Relation) []index.Relation {
	var out []index.Relation
	for _, r := range list {
		out = append(out, index.Relation{Name: r.Name, Flags: r.Flags, EVR: r.EVR})
	}
	return out
}

// compareWithPrimary holds an index against the packages one by one.
func compareWithPrimary(t *testing.T, r *repo.Repo, ix *index.Index) {
	t.Helper()
	next, stop := iter.Pull(ix.Packages())
	defer stop()
	for e, err := range r.Primary(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		p, ok := next()
		if !ok {
			t.Fatal("the index is too short")
		}
		for what, pair := range map[string][2]any{
			"NEVRA": {e.NEVRA(), p.NEVRA()}, "checksum": {e.Checksum, p.Checksum()}, "location": {e.Location, p.Location()},
			"base": {e.Base, p.Base()}, "summary": {e.Summary, p.Summary()}, "source": {e.SourceRPM, p.SourceRPM()},
			"size": {e.Size, p.Size()}, "installed": {e.InstalledSize, p.InstalledSize()}, "built": {e.BuildTime, p.BuildTime()},
			"provides": {relationsOf(e.Provides), slices.Collect(p.Relations(index.Provides))},
			"requires": {relationsOf(e.Requires), slices.Collect(p.Relations(index.Requires))},
			"conflict": {relationsOf(e.Conflicts), slices.Collect(p.Relations(index.Conflicts))},
			"obsolete": {relationsOf(e.Obsoletes), slices.Collect(p.Relations(index.Obsoletes))},
			"suggests": {relationsOf(e.Suggests), slices.Collect(p.Relations(index.Suggests))},
			"enhances": {relationsOf(e.Enhances), slices.Collect(p.Relations(index.Enhances))},
			"recommen": {relationsOf(e.Recommends), slices.Collect(p.Relations(index.Recommends))},
			"suppleme": {relationsOf(e.Supplements), slices.Collect(p.Relations(index.Supplements))},
		} {
			if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
				t.Fatalf("%s, %s (-primary +index):\n%s", e.NEVRA(), what, diff)
			}
		}
		var files []string
		for _, f := range e.Files {
			files = append(files, f.Path)
		}
		if diff := cmp.Diff(files, slices.Collect(p.Files())); diff != "" {
			t.Fatalf("%s, files (-primary +index):\n%s", e.NEVRA(), diff)
		}
	}
	if p, more := next(); more {
		t.Errorf("%s is too many", p)
	}
}

func TestIndexHoldsWhatPrimarySays(t *testing.T) {
	t.Parallel()
	r := sharedRepo(t, "cs9-baseos")
	ix := indexOf(t, r)
	compareWithPrimary(t, r, ix)
	again, err := load(saved(t, ix))
	if err != nil {
		t.Fatal(err)
	}
	compareWithPrimary(t, r, again)
}

// TestProvidersAreThoseOfALookAtEveryPackage asks for every requirement of a
// real repository, and compares with a search through all of it.
func TestProvidersAreThoseOfALookAtEveryPackage(t *testing.T) {
	t.Parallel()
	r := sharedRepo(t, "cs9-baseos")
	ix := indexOf(t, r)
	provides := map[string][]struct {
		r index.Relation
		p string
	}{}
	files := map[string][]string{}
	asked := map[index.Relation]bool{}
	for p := range ix.Packages() {
		for rel := range p.Relations(index.Provides) {
			provides[rel.Name] = append(provides[rel.Name], struct {
				r index.Relation
				p string
			}{rel, p.String()})
		}
		for f := range p.Files() {
			files[f] = append(files[f], p.String())
		}
		for rel := range p.Relations(index.Requires) {
			asked[rel] = true
		}
	}
	for rel := range asked {
		var want []string
		for _, o := range provides[rel.Name] {
			if o.r.Meets(rel) {
				want = append(want, o.p)
			}
		}
		if strings.HasPrefix(rel.Name, "/") {
			want = append(want, files[rel.Name]...)
		}
		if diff := cmp.Diff(want, names(ix.Providers(rel))); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", rel, diff)
		}
	}
	if len(asked) < 1000 {
		t.Errorf("only %d requirements", len(asked))
	}
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	ix := indexOf(t, makeRepo(
		t,
		rpmtest.Spec{Name: "a", Version: "1", Release: "1", Files: []rpmtest.File{{Path: "/usr/bin/a"}, {Path: "/usr/share/a"}}},
		rpmtest.Spec{Name: "a", Version: "2", Release: "1", Epoch: 1, Provides: rpmtest.Deps("cap = 2")},
		rpmtest.Spec{Name: "b", Version: "1", Release: "1", Provides: rpmtest.Deps("cap"), Arch: "x86_64"},
	))
	for what, tc := range map[string]struct{ got, want []string }{
		"name":               {names(ix.Named("a")), []string{"a-1-1.noarch", "a-1:2-1.noarch"}},
		"unknown name":       {names(ix.Named("z")), nil},
		"file":               {names(ix.WithFile("/usr/bin/a")), []string{"a-1-1.noarch"}},
		"not a primary file": {names(ix.WithFile("/usr/share/a")), nil},
		"capability":         {names(ix.Providers(index.Relation{Name: "cap"})), []string{"a-1:2-1.noarch", "b-1-1.x86_64"}},
		"version in range":   {names(ix.Providers(rel("cap", rpm.DepGreater|rpm.DepEqual, "2"))), []string{"a-1:2-1.noarch", "b-1-1.x86_64"}},
		"version too low":    {names(ix.Providers(rel("cap", rpm.DepGreater, "2"))), []string{"b-1-1.x86_64"}},
		"own name":           {names(ix.Providers(rel("a", rpm.DepEqual, "1"))), []string{"a-1-1.noarch"}},
		"path":               {names(ix.Providers(index.Relation{Name: "/usr/bin/a"})), []string{"a-1-1.noarch"}},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	offers := map[string]string{}
	for p, r := range ix.Offers("cap") {
		offers[p.String()] = r.String()
	}
	if diff := cmp.Diff(map[string]string{"a-1:2-1.noarch": "cap = 2", "b-1-1.x86_64": "cap"}, offers); diff != "" {
		t.Errorf("offers (-want +got):\n%s", diff)
	}
}

func rel(name string, flags rpm.DepFlags, version string) index.Relation {
	evr, err := rpm.ParseEVR(version)
	if err != nil {
		panic(err)
	}
	return index.Relation{Name: name, Flags: flags, EVR: evr}
}

func TestEmptyIndex(t *testing.T) {
	t.Parallel()
	for what, ix := range map[string]*index.Index{"zero": {}, "of nothing": indexOf(t, makeRepo(t))} {
		if ix.Len() != 0 || names(ix.Packages()) != nil || names(ix.Named("a")) != nil || names(ix.Providers(index.Relation{Name: "/a"})) != nil {
			t.Errorf("%s: it holds something", what)
		}
	}
	if _, err := load(saved(t, indexOf(t, makeRepo(t)))); err != nil {
		t.Error(err)
	}
}

func TestBuildFailsAsTheReaderDoes(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := index.Build(t.Context(), io.MultiReader(strings.NewReader("<metadata>"), iotest.ErrReader(broken)), 0)
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	_, err = index.Build(t.Context(), strings.NewReader("<metadata>"), 0)
	if _, ok := errors.AsType[*repo.FormatError](err); !ok {
		t.Errorf("%v", err)
	}
	long := `<metadata><package><name>` + strings.Repeat("a", 1<<20) + `</name><location href="a"/></package></metadata>`
	if _, err := index.Build(t.Context(), strings.NewReader(long), 0); err == nil {
		t.Error("a name of a megabyte was taken")
	}
}

func TestADamagedFileIsStale(t *testing.T) {
	t.Parallel()
	good := saved(t, indexOf(t, makeRepo(t, rpmtest.Spec{Name: "a", Version: "1", Release: "1"})))
	if _, err := load(good); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(good); n += 31 {
		if _, err := load(good[:n]); !errors.Is(err, index.ErrStale) {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(good), err)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		bad := slices.Clone(good)
		bad[rnd.IntN(len(bad))] ^= byte(1 + rnd.IntN(255))
		if _, err := load(bad); !errors.Is(err, index.ErrStale) {
			t.Fatalf("%v", err)
		}
	}
	if _, err := index.Load(strings.NewReader(string(good)), int64(len(good)), "sha256:11"); !errors.Is(err, index.ErrStale) {
		t.Errorf("of another repository: %v", err)
	}
	if _, err := load(append(slices.Clone(good), 0)); !errors.Is(err, index.ErrStale) {
		t.Errorf("longer: %v", err)
	}
}

// ask puts every question to an index, to see whether one leads out of it.
func ask(ix *index.Index) {
	for p := range ix.Packages() {
		_ = p.NEVRA().String() + p.Location() + p.Base() + p.Summary() + p.SourceRPM() + p.Checksum().String()
		for k := index.Provides; k <= index.Supplements; k++ {
			for r := range p.Relations(k) {
				names(ix.Providers(r))
			}
		}
		for f := range p.Files() {
			names(ix.WithFile(f))
		}
		names(ix.Named(p.Name()))
		for range ix.Offers(p.Name()) {
		}
	}
}

// FuzzLoad: a file with the right sum and wrong numbers is refused or answers.
func FuzzLoad(f *testing.F) {
	good := saved(f, indexOf(f, makeRepo(f, rpmtest.Spec{Name: "a", Version: "1", Release: "1", Files: []rpmtest.File{{Path: "/etc/a"}}})))
	f.Add(uint16(0), byte(1), uint16(1), byte(1))
	f.Fuzz(func(t *testing.T, at uint16, x byte, at2 uint16, y byte) {
		bad := slices.Clone(good)
		bad[int(at)%len(bad)] ^= x
		bad[int(at2)%len(bad)] ^= y
		reseal(bad)
		if ix, err := load(bad); err == nil {
			ask(ix)
		}
	})
}

func TestWrongNumbersUnderARightSum(t *testing.T) {
	t.Parallel()
	good := saved(t, indexOf(t, makeRepo(t, rpmtest.Spec{Name: "a", Version: "1", Release: "1", Files: []rpmtest.File{{Path: "/etc/a"}}})))
	rnd := rand.New(rand.NewPCG(3, 4))
	for at := 0; at < len(good)-4; at += 1 + rnd.IntN(20) {
		bad := slices.Clone(good)
		bad[at] ^= byte(1 + rnd.IntN(255))
		reseal(bad)
		if ix, err := load(bad); err == nil {
			ask(ix)
		}
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cache")
	r := makeRepo(t, rpmtest.Spec{Name: "a", Version: "1", Release: "1", Files: []rpmtest.File{{Path: "/usr/share/a"}, {Path: "/usr/share/d", Mode: 0o40755}}})
	other := makeRepo(t, rpmtest.Spec{Name: "b", Version: "1", Release: "1"})
	c := index.Cache{Dir: dir}
	for round := range 3 {
		ix, err := c.Open(t.Context(), r)
		if err != nil || ix.Len() != 1 {
			t.Fatal(ix, err)
		}
		paths, err := c.Paths(t.Context(), r, ix)
		if err != nil || paths.Len() != 2 {
			t.Fatal(paths, err)
		}
		if diff := cmp.Diff([]string{"a-1-1.noarch"}, names(paths.Owners(ix, "/usr/share/a"))); diff != "" {
			t.Error(diff)
		}
		if names(paths.Owners(ix, "/usr/share/d")) == nil || names(paths.Owners(ix, "/usr/share/b")) != nil {
			t.Error("directory or absent path")
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 2 {
			t.Fatal(files, err)
		}
		if round == 1 { // damage is mended
			for _, f := range files {
				if err := os.Truncate(filepath.Join(dir, f.Name()), 100); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	small := index.Cache{Dir: dir, MaxBytes: 1}
	if _, err := small.Open(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files in a cache of one byte", len(files))
	}
	if err := os.WriteFile(filepath.Join(t.TempDir(), "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if ix, err := index.Open(t.Context(), r, "/dev/null/cache"); err != nil || ix.Len() != 1 {
		t.Errorf("a cache that cannot be: %v", err)
	}
}

func TestPathsAreThoseOfFilelists(t *testing.T) {
	t.Parallel()
	r := sharedRepo(t, "cs9-baseos")
	ix := indexOf(t, r)
	paths, err := index.PathsFromRepo(t.Context(), ix, r)
	if err != nil {
		t.Fatal(err)
	}
	owners := map[string][]string{}
	total := 0
	for p, err := range r.Filelists(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		total += len(p.Files)
		for _, f := range p.Files {
			owners[f.Path] = append(owners[f.Path], p.NEVRA.String())
		}
	}
	if paths.Len() != total {
		t.Errorf("%d paths of %d", paths.Len(), total)
	}
	for path, want := range owners {
		if got := names(paths.Owners(ix, path)); !slices.Equal(want, got) {
			t.Fatalf("%s: %v, wants %v", path, got, want)
		}
	}
	if got := names(paths.Owners(ix, "/nowhere")); got != nil {
		t.Errorf("/nowhere: %v", got)
	}
}
