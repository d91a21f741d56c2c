package repo_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fedora-respin/respin/repo"
)

// create publishes a generation that differs from the others by its revision
// and, with add, by a package more.
func create(t *testing.T, dir, add string, opts repo.Options) {
	t.Helper()
	if add != "" {
		writeRPM(t, filepath.Join(dir, add+".rpm"), simple(add))
	}
	if _, err := repo.Create(t.Context(), dir, opts); err != nil {
		t.Fatal(err)
	}
}

func TestOldGenerationsStayForAWhile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	repodata := filepath.Join(dir, "repodata")
	create(t, dir, "a", repo.Options{})
	old, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	foreign := []string{"repomd.xml.asc", "productid", "primary.xml.gz"}
	for _, n := range foreign {
		writeFile(t, filepath.Join(repodata, n), []byte("somebody's"))
	}
	writeFile(t, filepath.Join(repodata, ".respin-tmp-123"), []byte("of a killed run"))

	create(t, dir, "b", repo.Options{})
	for e, err := range old.Primary(t.Context()) { // a reader that came before
		if err != nil || e.Name != "a" {
			t.Fatalf("%v %v", e, err)
		}
	}
	if n := len(names(t, repodata)); n != 3+3+1+len(foreign) {
		t.Errorf("after the second run: %q", names(t, repodata))
	}
	create(t, dir, "c", repo.Options{KeepOld: time.Hour})
	if n := len(names(t, repodata)); n != 3+3+3+1+len(foreign) {
		t.Errorf("after the third run: %q", names(t, repodata))
	}
	create(t, dir, "", repo.Options{KeepOld: -1})
	if n := len(names(t, repodata)); n != 3+1+len(foreign) {
		t.Errorf("after the last run: %q", names(t, repodata))
	}
	if got := locations(t, dir); !slices.Equal(got, []string{"a.rpm", "b.rpm", "c.rpm"}) {
		t.Errorf("holds %q", got)
	}
}

func TestUnreadableOldRepomdCostsNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, dir, "a", repo.Options{})
	before := len(names(t, filepath.Join(dir, "repodata")))
	writeFile(t, filepath.Join(dir, "repodata", "repomd.xml"), []byte("<repomd><data"))
	create(t, dir, "b", repo.Options{KeepOld: -1})
	if n := len(names(t, filepath.Join(dir, "repodata"))); n != before+3 {
		t.Errorf("%d files, want %d", n, before+3)
	}
}

func TestSecondWriterIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "a.rpm"), simple("a"))
	var inner error
	create(t, dir, "", repo.Options{Progress: func(int, int, string) {
		_, inner = repo.Create(t.Context(), dir, repo.Options{})
	}})
	if !errors.Is(inner, repo.ErrLocked) {
		t.Errorf("got %v", inner)
	}
	create(t, dir, "", repo.Options{})
}

func TestSimpleFilenames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		create(t, dir, "a", repo.Options{SimpleFilenames: true, Compression: repo.Gzip})
	}
	want := []string{"filelists.xml.gz", "other.xml.gz", "primary.xml.gz", "repomd.xml"}
	if got := names(t, filepath.Join(dir, "repodata")); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
