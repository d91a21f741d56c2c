package siderepo_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
	"github.com/fedora-respin/respin/repo/siderepo"
)

func writeRPM(t *testing.T, path string, s rpmtest.Spec) siderepo.Item {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, rpmtest.Build(s), 0o644); err != nil {
		t.Fatal(err)
	}
	return siderepo.Item{Path: path}
}

// items writes three packages, with times of their own each call.
func items(t *testing.T) []siderepo.Item {
	t.Helper()
	dir := t.TempDir()
	return []siderepo.Item{
		writeRPM(t, filepath.Join(dir, "Zeta-1-1.noarch.rpm"), rpmtest.Spec{Name: "Zeta", Version: "1", Release: "1", BuildTime: 1767000000}),
		writeRPM(t, filepath.Join(dir, "alpha-2-1.noarch.rpm"), rpmtest.Spec{Name: "alpha", Epoch: 1, Version: "2", Release: "1", BuildTime: 1767100000}),
		writeRPM(t, filepath.Join(dir, "3proxy-1-1.noarch.rpm"), rpmtest.Spec{Name: "3proxy", Version: "1", Release: "1"}),
	}
}

// tree reads everything below a directory: names, contents, and the times that
// Write sets.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			out[rel+"/"] = st.ModTime().UTC().String()
			return nil
		}
		data, err := os.ReadFile(path)
		if !strings.HasSuffix(rel, ".rpm") { // a link: its time is the source's
			data = append(data, st.ModTime().UTC().String()...)
		}
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustWrite(t *testing.T, dir string, in []siderepo.Item, o siderepo.Options) *siderepo.Repo {
	t.Helper()
	if o.ID == "" {
		o.ID = "42"
	}
	r, err := siderepo.Write(t.Context(), dir, in, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// nothingBeside tells that no temporary or lock file was left.
func nothingBeside(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*"))
	if err != nil || len(names) != 0 {
		t.Errorf("left beside the repository: %q %v", names, err)
	}
}

func TestWriteLaysOutARepository(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "repo")
	in := items(t)
	pkg, err := rpm.Open(in[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	built := time.Unix(pkg.BuildTime, 0)
	// One item has its build time already, as a cache of respin gives it.
	if err := os.Chtimes(in[0].Path, built, built); err != nil {
		t.Fatal(err)
	}
	got := mustWrite(t, dir, in, siderepo.Options{BaseURL: "https://example.org/composes/42/repo/"})
	var files []string
	for name := range tree(t, dir) {
		if !strings.HasPrefix(name, "repodata/") {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	want := []string{
		"./", "Packages/", "Packages/3/", "Packages/3/3proxy-1-1.noarch.rpm", "Packages/a/", "Packages/a/alpha-2-1.noarch.rpm",
		"Packages/z/", "Packages/z/Zeta-1-1.noarch.rpm", "respin-42.repo",
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Error(diff)
	}
	if got.Revision != "1767225600" { // the newest build time
		t.Errorf("revision %s", got.Revision)
	}
	r, err := repo.OpenDir(dir)
	if err != nil || r.RepomdChecksum != got.Repomd || r.Repomd.Revision != got.Revision {
		t.Fatalf("repomd %v %v, reported %v", r, err, got)
	}
	i := 0
	for e, err := range r.Primary(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		p := got.Packages[i]
		if e.NEVRA().String() != p.NEVRA.String() || e.Checksum.Value != p.SHA256 || e.Size != p.Size || e.Location != p.Location {
			t.Errorf("package %d: %+v, reported %+v", i, e, p)
		}
		i++
	}
	if i != 3 || got.Packages[2].NEVRA.String() != "alpha-1:2-1.noarch" {
		t.Errorf("%d packages %+v", i, got.Packages)
	}
	text, err := os.ReadFile(filepath.Join(dir, got.RepoFileName))
	if err != nil || string(text) != got.RepoFile || !strings.Contains(got.RepoFile, "\nbaseurl=https://example.org/composes/42/repo/\n") {
		t.Errorf("%s %v", text, err)
	}
	a, err1 := os.Stat(in[0].Path)
	b, err2 := os.Stat(filepath.Join(dir, "Packages/z/Zeta-1-1.noarch.rpm"))
	if err1 != nil || err2 != nil || !os.SameFile(a, b) {
		t.Errorf("not linked: %v %v", err1, err2)
	}
	// The others keep their own time where they are: they are copied.
	a, err1 = os.Stat(in[1].Path)
	b, err2 = os.Stat(filepath.Join(dir, "Packages/a/alpha-2-1.noarch.rpm"))
	if err1 != nil || err2 != nil || os.SameFile(a, b) {
		t.Errorf("linked: %v %v", err1, err2)
	}
	if again, err := rpm.Open(filepath.Join(dir, "Packages/a/alpha-2-1.noarch.rpm")); err != nil || b.ModTime().Unix() != again.BuildTime {
		t.Errorf("time %v, %v", b.ModTime(), err)
	}
	nothingBeside(t, dir)
}

func TestSameItemsSameBytes(t *testing.T) {
	t.Parallel()
	one, two := filepath.Join(t.TempDir(), "repo"), filepath.Join(t.TempDir(), "repo")
	o := siderepo.Options{BaseURL: "https://example.org/r/", Workers: 1}
	mustWrite(t, one, items(t), o)
	time.Sleep(1100 * time.Millisecond) // file times in whole seconds differ
	shuffled := items(t)
	slices.Reverse(shuffled)
	o.Workers = 3
	mustWrite(t, two, shuffled, o)
	if diff := cmp.Diff(tree(t, one), tree(t, two)); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	o.Time = time.Unix(1700000000, 0)
	if r := mustWrite(t, two, shuffled, o); r.Revision != "1700000000" {
		t.Errorf("revision %s", r.Revision)
	}
}

func TestReplacesAsAWhole(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "repo")
	in := items(t)
	mustWrite(t, dir, in, siderepo.Options{ID: "old"})
	before := tree(t, dir)
	neighbor := filepath.Join(filepath.Dir(dir), ".respin-tmp-repo-2-77")
	stale := filepath.Join(filepath.Dir(dir), ".respin-tmp-repo-77")
	for _, d := range []string{neighbor, stale} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}

	bad := filepath.Join(t.TempDir(), "bad-1-1.noarch.rpm")
	if err := os.WriteFile(bad, rpmtest.Build(rpmtest.Spec{Name: "bad", Version: "1", Release: "1"})[:200], 0o644); err != nil {
		t.Fatal(err)
	}
	bell := writeRPM(t, filepath.Join(t.TempDir(), "bell.rpm"), rpmtest.Spec{Name: "bell", Version: "1", Release: "1", Summary: "\a"})
	for _, item := range []siderepo.Item{{Path: bad}, bell, {Path: bad + ".gone"}, {Path: in[0].Path, Name: "../x.rpm"}, {Path: in[0].Path, Name: "x"}, {Path: in[0].Path, Name: ".x.rpm"}} {
		_, err := siderepo.Write(t.Context(), dir, append(slices.Clone(in[1:]), item), siderepo.Options{ID: "new"})
		if broken, ok := errors.AsType[*siderepo.ItemError](err); !ok || broken.Path != item.Path {
			t.Errorf("%+v: %v", item, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := siderepo.Write(ctx, dir, in, siderepo.Options{ID: "new"}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("failed runs changed the repository:\n%s", diff)
	}
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed run left still stands: %v", err)
	}
	if err := os.Remove(neighbor); err != nil {
		t.Errorf("another repository's work was swept: %v", err)
	}

	mustWrite(t, dir, in[:1], siderepo.Options{ID: "new"})
	got := tree(t, dir)
	if _, ok := got["respin-old.repo"]; ok || got["respin-new.repo"] == "" || got["Packages/a/"] != "" {
		t.Errorf("old files remain: %v", got)
	}
	nothingBeside(t, dir)
}

func TestClashesAreNamed(t *testing.T) {
	t.Parallel()
	in := items(t)
	one := writeRPM(t, filepath.Join(t.TempDir(), "one.rpm"), rpmtest.Spec{Name: "alpha", Epoch: 1, Version: "2", Release: "1", Summary: "another"})
	two := writeRPM(t, filepath.Join(t.TempDir(), "two.rpm"), rpmtest.Spec{Name: "beta", Version: "2", Release: "1"})
	two.Name = "Zeta-1-1.noarch.rpm"
	for what, item := range map[string]siderepo.Item{"NEVRA": one, "file name": two} {
		_, err := siderepo.Write(t.Context(), filepath.Join(t.TempDir(), "r"), append(slices.Clone(in), item), siderepo.Options{ID: "1"})
		clash, ok := errors.AsType[*siderepo.ClashError](err)
		if !ok || clash.What != what || clash.Second != item.Path || !strings.HasSuffix(clash.First, ".noarch.rpm") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCopiesAreTakenOnce(t *testing.T) {
	t.Parallel()
	in := items(t)
	data, err := os.ReadFile(in[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "copy.rpm")
	if err := os.WriteFile(other, data, 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.rpm")
	if err := os.Symlink(in[1].Path, link); err != nil {
		t.Fatal(err)
	}
	r := mustWrite(t, filepath.Join(t.TempDir(), "r"), append(in, siderepo.Item{Path: other}, siderepo.Item{Path: link}), siderepo.Options{})
	if len(r.Packages) != 3 {
		t.Errorf("%+v", r.Packages)
	}
}

// TestPrivateFileIsCopied: a link would share the mode that keeps a web server out.
func TestPrivateFileIsCopied(t *testing.T) {
	t.Parallel()
	in, dir := items(t), filepath.Join(t.TempDir(), "r")
	if err := os.Chmod(in[0].Path, 0o600); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, dir, in, siderepo.Options{})
	a, err1 := os.Stat(in[0].Path)
	b, err2 := os.Stat(filepath.Join(dir, "Packages/z/Zeta-1-1.noarch.rpm"))
	if err1 != nil || err2 != nil || os.SameFile(a, b) || a.Mode().Perm() != 0o600 || b.Mode().Perm() != 0o644 {
		t.Errorf("%v %v %v %v", a.Mode(), err1, b.Mode(), err2)
	}
}

func TestForeignDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	precious := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(precious, []byte("years"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := siderepo.Write(t.Context(), dir, items(t), siderepo.Options{ID: "1"}); !errors.Is(err, siderepo.ErrForeign) {
		t.Errorf("got %v", err)
	}
	if data, err := os.ReadFile(precious); err != nil || string(data) != "years" {
		t.Errorf("%q %v", data, err)
	}
}

func TestBadIDIsRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "a b", "a/b", "a\nb", "é", strings.Repeat("a", 101)} {
		if _, err := siderepo.Write(t.Context(), filepath.Join(t.TempDir(), "r"), nil, siderepo.Options{ID: id}); !errors.Is(err, siderepo.ErrID) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestSecondWriterIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "r")
	var inner error
	mustWrite(t, dir, items(t), siderepo.Options{Progress: func(int, int, string) {
		_, inner = siderepo.Write(t.Context(), dir, nil, siderepo.Options{ID: "2"})
	}})
	if !errors.Is(inner, siderepo.ErrLocked) {
		t.Errorf("got %v", inner)
	}
}

func TestEmptySideRepo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "r")
	r := mustWrite(t, dir, nil, siderepo.Options{})
	if len(r.Packages) != 0 || r.Revision != "0" || !strings.Contains(r.RepoFile, "baseurl=file://"+dir+"\n") {
		t.Errorf("%+v", r)
	}
}

func TestRepoFile(t *testing.T) {
	t.Parallel()
	got := siderepo.RepoFile(siderepo.Config{ID: "42", Name: "evil\nenabled=0", BaseURL: "file:///run/install/repo", Required: true, GPGKeys: []string{"file:///k1", "file:///k2"}})
	want := `[respin-42]
name=evil enabled=0
baseurl=file:///run/install/repo
enabled=1
gpgcheck=1
gpgkey=file:///k1 file:///k2
repo_gpgcheck=0
priority=1
cost=1
skip_if_unavailable=0
metadata_expire=300
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
