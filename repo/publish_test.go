package repo_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

// TestKillAtAnyMomentLeavesAWholeRepository starts a process that publishes
// generation after generation, kills it hard at different moments, and reads
// the repository with every checksum after each.
func TestKillAtAnyMomentLeavesAWholeRepository(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("REPO_TEST_WRITER"); dir != "" {
		publishForever(t, dir)
	}
	dir := t.TempDir()
	for _, n := range []string{"a", "b", "c"} {
		create(t, dir, n, repo.Options{})
	}
	for i := range 12 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKillAtAnyMomentLeavesAWholeRepository$")
		cmd.Env = append(os.Environ(), "REPO_TEST_WRITER="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The first line says that it is at work.
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "writing\n" {
			t.Fatalf("writer said %q, %v", line, err)
		}
		time.Sleep(time.Duration(i) * 3 * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if got := locations(t, dir); len(got) != 3 {
			t.Fatalf("after kill %d: %q", i, got)
		}
		for _, kind := range []string{"filelists", "other"} {
			content(t, dir, kind)
		}
	}
	create(t, dir, "", repo.Options{KeepOld: -1}) // the lock is free, the rest is swept
	for _, n := range names(t, filepath.Join(dir, "repodata")) {
		if strings.HasPrefix(n, ".") {
			t.Errorf("left behind: %s", n)
		}
	}
}

func publishForever(t *testing.T, dir string) {
	t.Helper()
	if _, err := io.WriteString(os.Stdout, "writing\n"); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		when := stamp.Add(time.Duration(os.Getpid()+i) * time.Second) // other bytes each time
		create(t, dir, "", repo.Options{FileTime: when, KeepOld: -1})
	}
}
