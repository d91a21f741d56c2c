package repo_test

import (
	"errors"
	"os"
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

// TestExchangeKeepsWhatIsNotOurs: with simple names repodata is replaced as a
// whole, or not when it holds a folder or is a link.
func TestExchangeKeepsWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, dir string){
		"files": func(t *testing.T, dir string) { t.Helper() },
		"folder": func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Mkdir(filepath.Join(dir, "repodata", "view"), 0o755); err != nil {
				t.Fatal(err)
			}
		},
		"link": func(t *testing.T, dir string) {
			t.Helper()
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			if err := errors.Join(os.Rename(filepath.Join(dir, "repodata"), elsewhere), os.Symlink(elsewhere, filepath.Join(dir, "repodata"))); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := repo.Options{SimpleFilenames: true, Compression: repo.None}
			create(t, dir, "a", o)
			prepare(t, dir)
			writeFile(t, filepath.Join(dir, "repodata", "repomd.xml.asc"), []byte("signature"))
			before := names(t, filepath.Join(dir, "repodata"))
			create(t, dir, "b", o)
			if got := names(t, filepath.Join(dir, "repodata")); !slices.Equal(got, before) {
				t.Errorf("%q, before %q", got, before)
			}
			if n, err := wholeRepository(dir); err != nil || n != 2 {
				t.Errorf("%d packages, %v", n, err)
			}
			if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) != 0 {
				t.Errorf("left behind: %q %v", left, err)
			}
		})
	}
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
