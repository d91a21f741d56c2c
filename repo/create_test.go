package repo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func TestPackagesComeByBaseNameThenByFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, p := range []string{"z/a.rpm", "a/b.rpm", "B.rpm", "a.rpm", "a/a.rpm", "a/x/a.rpm", "a-b/a.rpm"} {
		writeRPM(t, filepath.Join(dir, p), simple("p"))
	}
	writeFile(t, filepath.Join(dir, "note.txt"), nil)
	if err := os.MkdirAll(filepath.Join(dir, "folder.rpm"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..", filepath.Join(dir, "a", "loop")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling.rpm")); err != nil {
		t.Fatal(err)
	}
	var seen []string
	rep, err := repo.Create(t.Context(), dir, repo.Options{
		Workers:  3,
		Progress: func(done, total int, name string) { seen = append(seen, fmt.Sprint(done, "/", total, name)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"B.rpm", "a.rpm", "a/a.rpm", "a-b/a.rpm", "a/x/a.rpm", "z/a.rpm", "a/b.rpm"}
	if diff := cmp.Diff(want, locations(t, dir)); diff != "" {
		t.Errorf("order:\n%s", diff)
	}
	if len(seen) != 7 || seen[0] != "1/7B.rpm" || seen[6] != "7/7b.rpm" {
		t.Errorf("progress %q", seen)
	}
	if rep.Packages != 7 || len(rep.Skipped) != 0 || len(rep.Duplicates) != 6 {
		t.Errorf("report %+v", rep)
	}
}

func TestUnreadableIsSkippedAndNamedAndTheRestIsCounted(t *testing.T) {
	t.Parallel()
	for _, c := range []repo.Compression{repo.Zstd, repo.Gzip, repo.XZ, repo.None} {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			good := rpmtest.Build(simple("good"))
			for i := range 12 {
				writeFile(t, filepath.Join(dir, fmt.Sprintf("good%d.rpm", i)), good)
			}
			writeFile(t, filepath.Join(dir, "cut.rpm"), good[:300])
			writeFile(t, filepath.Join(dir, "empty.rpm"), nil)
			bad := simple("bell")
			bad.Summary = "\a"
			writeRPM(t, filepath.Join(dir, "bell.rpm"), bad)
			rep, err := repo.Create(t.Context(), dir, repo.Options{Compression: c})
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, s := range rep.Skipped {
				paths = append(paths, s.Path)
			}
			if diff := cmp.Diff([]string{"bell.rpm", "cut.rpm", "empty.rpm"}, paths); diff != "" {
				t.Errorf("skipped:\n%s", diff)
			}
			if !errors.Is(rep.Skipped[0], repo.ErrControlChars) || !strings.Contains(rep.Skipped[0].Error(), "summary") {
				t.Errorf("reason %v", rep.Skipped[0])
			}
			for _, kind := range []string{"primary", "filelists", "other"} {
				if doc := content(t, dir, kind); !strings.Contains(doc[:300], ` packages="12">`) || strings.Count(doc, "</package>") != 12 {
					t.Errorf("%s starts %.250s", kind, doc)
				}
			}
			if n := len(locations(t, dir)); n != 12 {
				t.Errorf("%d packages read back", n)
			}
		})
	}
}

func TestEmptyRepository(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := repo.Create(t.Context(), dir, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	want := `<?xml version="1.0" encoding="UTF-8"?>
<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="0">
</otherdata>`
	if diff := cmp.Diff(want, content(t, dir, "other")); diff != "" {
		t.Error(diff)
	}
	if len(locations(t, dir)) != 0 {
		t.Error("packages from nowhere")
	}
}

func TestSameInputSameBytes(t *testing.T) {
	t.Parallel()
	var trees [2]map[string]string
	for i := range trees {
		dir := t.TempDir()
		for _, n := range []string{"a", "b", "c"} {
			writeRPM(t, filepath.Join(dir, n+".rpm"), simple(n))
			when := time.Unix(int64(1000*i), 0)
			if err := os.Chtimes(filepath.Join(dir, n+".rpm"), when, when); err != nil {
				t.Fatal(err)
			}
		}
		_, err := repo.Create(t.Context(), dir, repo.Options{
			Workers: 1 + 3*i, Revision: "1767225600", TimestampToRevision: true, FileTime: stamp,
		})
		if err != nil {
			t.Fatal(err)
		}
		trees[i] = map[string]string{}
		for _, n := range names(t, filepath.Join(dir, "repodata")) {
			path := filepath.Join(dir, "repodata", n)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			st, err := os.Stat(path)
			if err != nil || st.ModTime().Unix() != 1767225600 || st.Mode().Perm() != 0o644 {
				t.Errorf("%s: %v %v %v", n, st.ModTime(), st.Mode(), err)
			}
			trees[i][n] = string(data)
		}
	}
	if len(trees[0]) != 4 {
		t.Errorf("%d files in repodata", len(trees[0]))
	}
	if diff := cmp.Diff(trees[0], trees[1]); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}

func TestGroupfileAndExtraAreIndexed(t *testing.T) {
	t.Parallel()
	dir, in := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(in, "comps.xml"), []byte("<comps/>\n"))
	writeFile(t, filepath.Join(in, "modules.yaml"), []byte("document: modulemd\n"))
	rep, err := repo.Create(t.Context(), dir, repo.Options{
		Groupfile: filepath.Join(in, "comps.xml"),
		Extra:     []repo.Extra{{Type: "modules", Path: filepath.Join(in, "modules.yaml")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range r.Repomd.Data {
		types = append(types, d.Type)
	}
	if diff := cmp.Diff([]string{"primary", "filelists", "other", "group", "modules"}, types); diff != "" {
		t.Error(diff)
	}
	if got := content(t, dir, "group"); got != "<comps/>\n" {
		t.Errorf("comps %q", got)
	}
	if !strings.HasSuffix(r.Repomd.Find("group").Href, "-comps.xml.zst") {
		t.Errorf("href %s", r.Repomd.Find("group").Href)
	}
	if r.RepomdChecksum != rep.RepomdChecksum {
		t.Errorf("repomd.xml is %s, reported %s", r.RepomdChecksum, rep.RepomdChecksum)
	}
	_, err = repo.Create(t.Context(), dir, repo.Options{Groupfile: filepath.Join(in, "missing.xml")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing comps file: %v", err)
	}
	if again, err := repo.OpenDir(dir); err != nil || again.RepomdChecksum != rep.RepomdChecksum {
		t.Errorf("after a failed run: %v %v", again, err)
	}
	if left := names(t, filepath.Join(dir, "repodata")); len(left) != 6 {
		t.Errorf("a failed run left something behind: %q", left)
	}
}

func TestEveryBadOptionIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := repo.Create(t.Context(), t.TempDir(), repo.Options{
		Compression: "lzo", Checksum: "md5", Workers: -1, ChangelogLimit: -7, CutDirs: -1, TimestampToRevision: true, Revision: "r1",
		PkgList: []string{"../x.rpm"}, Extra: []repo.Extra{{Type: "primary", Path: "p"}}, RepoTags: []string{"\a"},
	})
	bad, ok := errors.AsType[*repo.OptionError](err)
	if !ok || len(bad.Problems) != 9 {
		t.Fatalf("%v", err)
	}
	for i, field := range []string{"Compression", "Checksum", "Workers", "ChangelogLimit", "CutDirs", "Revision", "PkgList", "Extra", "control"} {
		if !strings.HasPrefix(bad.Problems[i], field) {
			t.Errorf("problem %d is %q, want one of %s", i, bad.Problems[i], field)
		}
	}
}

func TestCanceledRunLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := rpmtest.Build(simple("a"))
	for i := range 50 {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("%d.rpm", i)), data)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := repo.Create(ctx, dir, repo.Options{Progress: func(done, _ int, _ string) {
		if done == 10 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if left := names(t, filepath.Join(dir, "repodata")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestMissingDirectoryIsNotMade(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "no")
	if _, err := repo.Create(t.Context(), dir, repo.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("made: %v", err)
	}
}

func TestPkgListNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeRPM(t, filepath.Join(dir, "a/a.rpm"), simple("a"))
	writeRPM(t, filepath.Join(dir, "b.rpm"), simple("b"))
	rep, err := repo.Create(t.Context(), dir, repo.Options{PkgList: []string{"gone.rpm", "a/a.rpm", "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Packages != 1 || len(rep.Skipped) != 2 || !errors.Is(rep.Skipped[1], os.ErrNotExist) {
		t.Errorf("%+v", rep)
	}
	if rep, err = repo.Create(t.Context(), dir, repo.Options{PkgList: []string{}}); err != nil || rep.Packages != 0 {
		t.Errorf("empty list: %+v %v", rep, err)
	}
}
