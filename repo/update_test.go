package repo_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// settle waits until files that were just written count as unchanged when they
// are.
func settle() { time.Sleep(150 * time.Millisecond) }

// snapshot reads repomd.xml and every file that it names.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	files := []string{"repodata/repomd.xml"}
	for _, d := range r.Repomd.Data {
		files = append(files, d.Href)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		out[f] = string(data)
	}
	return out
}

// fixed makes two runs comparable to the byte.
func fixed(o repo.Options) repo.Options {
	o.Revision, o.TimestampToRevision = "1767225600", true
	return o
}

// mustUpdate updates dir and compares with a run that knows nothing of it.
func mustUpdate(t *testing.T, dir string, o repo.Options) *repo.Report {
	t.Helper()
	o = fixed(o)
	fresh := o
	fresh.OutputDir = t.TempDir()
	want, err := repo.Create(t.Context(), dir, fresh)
	if err != nil {
		t.Fatal(err)
	}
	o.Update, o.DiscardExtra = true, true
	var indexed []string
	o.Indexed = func(i repo.Indexed) { indexed = append(indexed, fmt.Sprint(i)) }
	got, err := repo.Create(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snapshot(t, fresh.OutputDir), snapshot(t, dir)); diff != "" {
		t.Fatalf("update differs from a fresh run (-fresh +update):\n%s", diff)
	}
	if got.Packages != want.Packages || len(indexed) != want.Packages || len(got.Skipped) != len(want.Skipped) {
		t.Fatalf("update: %d packages, %d told of, skipped %v; fresh: %d, skipped %v", got.Packages, len(indexed), got.Skipped, want.Packages, want.Skipped)
	}
	if diff := cmp.Diff(want.Duplicates, got.Duplicates); diff != "" {
		t.Fatalf("duplicates (-fresh +update):\n%s", diff)
	}
	if got.RepomdChecksum != want.RepomdChecksum {
		t.Fatalf("repomd.xml %v, fresh %v", got.RepomdChecksum, want.RepomdChecksum)
	}
	return got
}

// grow writes n packages and a first metadata with a side cache.
func grow(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		s := simple(fmt.Sprint("p", i))
		s.Files = []rpmtest.File{{Path: "/usr/bin/p", Data: []byte("x")}}
		writeRPM(t, filepath.Join(dir, fmt.Sprintf("p%d.rpm", i)), s)
	}
	settle()
	if rep := mustUpdate(t, dir, repo.Options{}); rep.Reused != 0 {
		t.Fatalf("reused %d of nothing", rep.Reused)
	}
	return dir
}

// state is what a reader of a file sees change.
func state(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, n := range names(t, filepath.Join(dir, "repodata")) {
		st, err := os.Stat(filepath.Join(dir, "repodata", n))
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, "repodata", n))
		if err != nil {
			t.Fatal(err)
		}
		out[n] = fmt.Sprint(st.ModTime().UnixNano(), len(data))
	}
	return out
}

func TestNothingChangedLeavesRepodataAlone(t *testing.T) {
	t.Parallel()
	dir := grow(t, 3)
	before := state(t, dir)
	for _, o := range []repo.Options{{}, fixed(repo.Options{})} {
		o.Update = true
		rep, err := repo.Create(t.Context(), dir, o)
		if err != nil || !rep.Unchanged || rep.Reused != 3 || rep.Packages != 3 || rep.Repomd.Revision != "1767225600" {
			t.Fatalf("%+v %v", rep, err)
		}
		if r, err := repo.OpenDir(dir); err != nil || r.RepomdChecksum != rep.RepomdChecksum {
			t.Errorf("repomd.xml is %v, reported %v", r, rep.RepomdChecksum)
		}
	}
	if diff := cmp.Diff(before, state(t, dir)); diff != "" {
		t.Errorf("files changed:\n%s", diff)
	}
	// A link renews the change time: the package is read, and found unchanged.
	if err := os.Link(filepath.Join(dir, "p1.rpm"), filepath.Join(t.TempDir(), "x")); err != nil {
		t.Fatal(err)
	}
	rep, err := repo.Create(t.Context(), dir, repo.Options{Update: true})
	if err != nil || !rep.Unchanged || rep.Reused != 2 {
		t.Errorf("after a link: %+v %v", rep, err)
	}
	if diff := cmp.Diff(before, state(t, dir)); diff != "" {
		t.Errorf("files changed:\n%s", diff)
	}
}

// TestUnchangedPackagesAreNotRead makes every RPM unreadable behind the back of
// a run that is told to trust modification times.
func TestUnchangedPackagesAreNotRead(t *testing.T) {
	t.Parallel()
	dir := grow(t, 4)
	before := snapshot(t, dir)
	for i := range 3 {
		path := filepath.Join(dir, fmt.Sprintf("p%d.rpm", i))
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, make([]byte, st.Size()))
	}
	rep, err := repo.Create(t.Context(), dir, repo.Options{Update: true, TrustMTime: true})
	if err != nil || !rep.Unchanged || rep.Reused != 4 {
		t.Fatalf("%+v %v", rep, err)
	}
	// One more package: three of the others come from the files of the last run.
	writeRPM(t, filepath.Join(dir, "p00.rpm"), simple("new"))
	if err := os.Remove(filepath.Join(dir, "p3.rpm")); err != nil {
		t.Fatal(err)
	}
	rep, err = repo.Create(t.Context(), dir, fixed(repo.Options{Update: true, TrustMTime: true}))
	if err != nil || rep.Unchanged || rep.Reused != 3 || rep.Packages != 4 {
		t.Fatalf("%+v %v", rep, err)
	}
	if got := locations(t, dir); !slices.Equal(got, []string{"p0.rpm", "p00.rpm", "p1.rpm", "p2.rpm"}) {
		t.Errorf("holds %q", got)
	}
	// Without that trust the truth comes out.
	rep, err = repo.Create(t.Context(), dir, repo.Options{Update: true})
	if err != nil || rep.Packages != 1 || len(rep.Skipped) != 3 {
		t.Errorf("%+v %v", rep, err)
	}
	if len(before) != 4 {
		t.Errorf("%d files", len(before))
	}
}

// TestChangeRightAfterReadingIsSeen overwrites a package at once after it was
// indexed, with the same size, time and inode.
func TestChangeRightAfterReadingIsSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "p.rpm")
	var packages [2][]byte
	for i := range packages {
		s := simple("p")
		s.Summary = fmt.Sprint(i)
		packages[i] = rpmtest.Build(s)
	}
	if len(packages[0]) != len(packages[1]) {
		t.Fatal("the packages differ in size")
	}
	for i := range 40 {
		writeFile(t, path, packages[i%2])
		if _, err := repo.Create(t.Context(), dir, repo.Options{Update: true, KeepOld: -1}); err != nil {
			t.Fatal(err)
		}
		if doc := content(t, dir, "primary"); !strings.Contains(doc, fmt.Sprintf("<summary>%d</summary>", i%2)) {
			t.Fatalf("round %d: the change went unseen", i)
		}
	}
}

func TestOnlyWhatChangedIsWritten(t *testing.T) {
	t.Parallel()
	dir := grow(t, 3)
	core := state(t, dir)
	delete(core, "repomd.xml")
	in := t.TempDir()
	comps := filepath.Join(in, "comps.xml")
	kept := func(step string) {
		t.Helper()
		now := state(t, dir)
		for name, s := range core {
			if now[name] != s {
				t.Errorf("%s: %s was written again", step, name)
			}
		}
	}
	update := func(o repo.Options) *repo.Report {
		t.Helper()
		o.Update = true
		rep, err := repo.Create(t.Context(), dir, o)
		if err != nil || rep.Reused != 3 {
			t.Fatalf("%+v %v", rep, err)
		}
		return rep
	}
	if rep := update(repo.Options{Revision: "7"}); rep.Unchanged || rep.Repomd.Revision != "7" {
		t.Errorf("revision: %+v", rep)
	}
	kept("revision")
	if rep := update(repo.Options{RepoTags: []string{"x"}}); rep.Unchanged || rep.Repomd.Revision == "7" {
		t.Errorf("tags: %+v", rep)
	}
	kept("tags")
	writeFile(t, comps, []byte("<comps/>\n"))
	if rep := update(repo.Options{Groupfile: comps}); rep.Unchanged || rep.Repomd.Find("group") == nil {
		t.Errorf("group: %+v", rep)
	}
	kept("group")
	if rep := update(repo.Options{Groupfile: comps}); !rep.Unchanged {
		t.Errorf("same group: %+v", rep)
	}
	if rep := update(repo.Options{}); !rep.Unchanged || rep.Repomd.Find("group") == nil {
		t.Errorf("group not mentioned: %+v", rep)
	}
	writeFile(t, comps, []byte("<comps><!-- new --></comps>\n"))
	if rep := update(repo.Options{Groupfile: comps}); rep.Unchanged {
		t.Errorf("another group: %+v", rep)
	}
	if got := content(t, dir, "group"); !strings.Contains(got, "new") {
		t.Errorf("group %s", got)
	}
	if rep := update(repo.Options{DiscardExtra: true}); rep.Unchanged || rep.Repomd.Find("group") != nil {
		t.Errorf("group discarded: %+v", rep)
	}
	kept("group discarded")
	// Compression concerns every file, but no RPM is read.
	if rep := update(repo.Options{Compression: repo.Gzip}); rep.Unchanged || !strings.HasSuffix(rep.Repomd.Find("primary").Href, ".gz") {
		t.Errorf("compression: %+v", rep)
	}
	locations(t, dir)
}

func TestDamagedMetadataAreMadeAnew(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, path string){
		"flip": func(t *testing.T, path string) {
			t.Helper()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			writeFile(t, path, data)
		},
		"cut": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Truncate(path, 20); err != nil {
				t.Fatal(err)
			}
		},
		"gone": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"folder": func(t *testing.T, path string) {
			t.Helper()
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755), os.Remove(path)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, victim := range []string{"primary", "filelists", "other", "group", "repomd.xml"} {
			t.Run(name+" "+victim, func(t *testing.T) {
				t.Parallel()
				dir := grow(t, 2)
				comps := filepath.Join(t.TempDir(), "comps.xml")
				writeFile(t, comps, []byte("<comps/>\n"))
				rep := mustUpdate(t, dir, repo.Options{Groupfile: comps})
				path := filepath.Join(dir, "repodata", victim)
				if d := rep.Repomd.Find(victim); d != nil {
					path = filepath.Join(dir, d.Href)
				}
				damage(t, path)
				if rep := mustUpdate(t, dir, repo.Options{Groupfile: comps}); rep.Unchanged || rep.Packages != 2 {
					t.Errorf("%+v", rep)
				}
				content(t, dir, "group")
			})
		}
	}
	t.Run("kept metadata that are damaged", func(t *testing.T) {
		t.Parallel()
		dir := grow(t, 1)
		comps := filepath.Join(t.TempDir(), "comps.xml")
		writeFile(t, comps, []byte("<comps/>\n"))
		rep := mustUpdate(t, dir, repo.Options{Groupfile: comps})
		if err := os.Remove(filepath.Join(dir, rep.Repomd.Find("group").Href)); err != nil {
			t.Fatal(err)
		}
		rep, err := repo.Create(t.Context(), dir, repo.Options{Update: true})
		if err != nil || rep.Repomd.Find("group") != nil || len(rep.Warnings) != 1 || !strings.Contains(rep.Warnings[0], "group") {
			t.Errorf("%+v %v", rep, err)
		}
	})
}

// TestDamagedCacheIsNoticed damages the side cache in many ways; what comes out
// is right each time.
func TestDamagedCacheIsNoticed(t *testing.T) {
	t.Parallel()
	dir := grow(t, 2)
	path := filepath.Join(dir, repo.CacheName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	variants := [][]byte{nil, []byte("x"), append(slices.Clone(whole), 0), bytes.Repeat([]byte{0}, len(whole))}
	for i := 0; i < len(whole); i += 61 {
		flipped := slices.Clone(whole)
		flipped[i] ^= 0x10
		variants = append(variants, flipped, whole[:i])
	}
	for i, v := range variants {
		writeFile(t, path, v)
		rep, err := repo.Create(t.Context(), dir, fixed(repo.Options{Update: true}))
		if err != nil || rep.Reused != 0 || !rep.Unchanged || rep.Packages != 2 {
			t.Fatalf("variant %d: %+v %v", i, rep, err)
		}
	}
	// The last run has made a good one.
	if rep := mustUpdate(t, dir, repo.Options{}); rep.Reused != 2 {
		t.Errorf("%+v", rep)
	}
}

func TestCacheMayBeLostOrOfAnotherRepository(t *testing.T) {
	t.Parallel()
	dir, other := grow(t, 2), grow(t, 3)
	data, err := os.ReadFile(filepath.Join(other, repo.CacheName))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, repo.CacheName), data)
	if rep := mustUpdate(t, dir, repo.Options{}); rep.Reused != 0 {
		t.Errorf("foreign cache: %+v", rep)
	}
	if err := os.Remove(filepath.Join(dir, repo.CacheName)); err != nil {
		t.Fatal(err)
	}
	if rep := mustUpdate(t, dir, repo.Options{}); rep.Reused != 0 {
		t.Errorf("no cache: %+v", rep)
	}
	// A folder stands where the cache would go: everything works, only slower.
	if err := errors.Join(os.Remove(filepath.Join(dir, repo.CacheName)), os.MkdirAll(filepath.Join(dir, repo.CacheName, "x"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if rep := mustUpdate(t, dir, repo.Options{}); rep.Reused != 0 || rep.Packages != 2 {
			t.Errorf("unusable cache: %+v", rep)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".respin-tmp-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
}

func TestCacheIsWrittenWhereItIsNamed(t *testing.T) {
	t.Parallel()
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "cache")
	writeRPM(t, filepath.Join(dir, "a.rpm"), simple("a"))
	settle()
	if _, err := repo.Create(t.Context(), dir, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a.rpm", "repodata"}) {
		t.Errorf("a run that was not asked for a cache leaves %q", got)
	}
	if _, err := repo.Create(t.Context(), dir, repo.Options{Cache: cache}); err != nil {
		t.Fatal(err)
	}
	rep, err := repo.Create(t.Context(), dir, repo.Options{Cache: cache, Update: true})
	if err != nil || rep.Reused != 1 {
		t.Errorf("%+v %v", rep, err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a.rpm", "repodata"}) {
		t.Errorf("%q", got)
	}
}
