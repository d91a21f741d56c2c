package repo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// garden is a directory of RPMs that a test edits at random.
type garden struct {
	t     *testing.T
	dir   string
	r     *rand.Rand
	count int
}

func (g *garden) spec() rpmtest.Spec {
	g.count++
	s := rpmtest.Spec{
		Name: fmt.Sprintf("pkg%d", g.r.IntN(30)), Version: fmt.Sprint(g.r.IntN(9)), Release: "1",
		Summary:    strings.Repeat("x", g.r.IntN(5)) + fmt.Sprint(g.count),
		Files:      []rpmtest.File{{Path: fmt.Sprintf("/usr/bin/f%d", g.r.IntN(50)), Data: []byte("x")}},
		Changelogs: []rpm.Changelog{{Time: 3, Author: "QA", Text: "- c"}, {Time: 2, Author: "QA", Text: "- b"}},
	}
	for i := range g.r.IntN(4) {
		s.Requires = append(s.Requires, rpm.Dependency{Name: fmt.Sprint("dep", i)})
	}
	return s
}

// pick returns one of the files, or "".
func (g *garden) pick() string {
	var all []string
	for _, pattern := range []string{"*.rpm", "*/*.rpm"} {
		names, err := filepath.Glob(filepath.Join(g.dir, pattern))
		if err != nil {
			g.t.Fatal(err)
		}
		all = append(all, names...)
	}
	if len(all) == 0 {
		return ""
	}
	return all[g.r.IntN(len(all))]
}

func (g *garden) newPath() string {
	g.count++
	return filepath.Join(g.dir, []string{"", "a", "b"}[g.r.IntN(3)], fmt.Sprintf("%c%d.rpm", 'a'+rune(g.r.IntN(6)), g.count))
}

func (g *garden) must(err error) {
	g.t.Helper()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		g.t.Fatal(err)
	}
}

// sameSize makes another package of exactly the size of the one at path.
func (g *garden) sameSize(path string) []byte {
	st, err := os.Stat(path)
	g.must(err)
	s := g.spec()
	for n := 0; ; n++ {
		s.Description = strings.Repeat("d", n)
		if b := rpmtest.Build(s); int64(len(b)) >= st.Size() {
			// What follows the payload belongs to the file and to its checksum.
			return append(b, make([]byte, max(0, int(st.Size())-len(b)))...)[:st.Size()]
		}
	}
}

// edit changes one thing.
func (g *garden) edit() string {
	path := g.pick()
	if path == "" || g.r.IntN(4) == 0 {
		writeRPM(g.t, g.newPath(), g.spec())
		return "add"
	}
	switch g.r.IntN(11) {
	case 0:
		g.must(os.Remove(path))
		return "remove"
	case 1:
		to := g.newPath()
		g.must(os.MkdirAll(filepath.Dir(to), 0o755))
		g.must(os.Rename(path, to))
		return "rename"
	case 2:
		writeRPM(g.t, path, g.spec())
		return "overwrite"
	case 3: // same size, same modification time, same inode
		st, err := os.Stat(path)
		g.must(err)
		g.must(os.WriteFile(path, g.sameSize(path), 0o644))
		g.must(os.Chtimes(path, st.ModTime(), st.ModTime()))
		return "overwrite and set the time back"
	case 4: // same size, same modification time, another inode
		st, err := os.Stat(path)
		g.must(err)
		g.must(os.WriteFile(path+".new", g.sameSize(path), 0o644))
		g.must(os.Chtimes(path+".new", st.ModTime(), st.ModTime()))
		g.must(os.Rename(path+".new", path))
		return "replace and set the time back"
	case 5:
		g.must(os.Truncate(path, int64(g.r.IntN(300))))
		return "break"
	case 6:
		when := time.Unix(1767000000+int64(g.r.IntN(1000)), 0)
		g.must(os.Chtimes(path, when, when))
		return "touch"
	case 7:
		to := g.newPath()
		g.must(os.MkdirAll(filepath.Dir(to), 0o755))
		g.must(os.Link(path, to))
		return "link"
	case 8:
		to := g.newPath()
		g.must(os.MkdirAll(filepath.Dir(to), 0o755))
		g.must(os.Symlink(path, to))
		return "symlink"
	case 9:
		g.must(os.Chmod(path, 0o600))
		return "chmod"
	default: // swap two files
		other := g.pick()
		g.must(os.Rename(path, path+".tmp"))
		g.must(os.Rename(other, path))
		g.must(os.Rename(path+".tmp", other))
		return "swap"
	}
}

func (g *garden) options() repo.Options {
	o := repo.Options{Workers: 1 + g.r.IntN(3), KeepOld: -1}
	switch g.r.IntN(8) {
	case 0:
		o.ChangelogLimit = 1
	case 1:
		o.LocationPrefix = "p"
	case 2:
		o.BaseURL = "https://example.org/"
	case 3:
		o.SimpleFilenames = true
	case 4:
		o.Compression = []repo.Compression{repo.Gzip, repo.None, repo.XZ}[g.r.IntN(3)]
	case 5:
		o.Excludes = []string{"c*"}
	case 6:
		o.RepoTags = []string{"tag"}
	}
	return o
}

// TestUpdateIsAFreshRun edits a repository at random and updates it after each
// few edits: with an eye on the clock and without, with other options and back.
func TestUpdateIsAFreshRun(t *testing.T) {
	t.Parallel()
	for seed := range 3 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			g := &garden{t: t, dir: t.TempDir(), r: rand.New(rand.NewPCG(uint64(seed), 1))}
			o, reused := repo.Options{KeepOld: -1}, 0
			for round := range 20 {
				if round%3 == 1 {
					settle()
				}
				var done []string
				for range g.r.IntN(4) {
					done = append(done, g.edit())
				}
				if g.r.IntN(4) == 0 {
					o = g.options()
				}
				rep := mustUpdate(t, g.dir, o)
				reused += rep.Reused
				t.Logf("round %d: %q, %d packages, %d reused, unchanged %v", round, done, rep.Packages, rep.Reused, rep.Unchanged)
			}
			if reused == 0 {
				t.Error("nothing was ever reused")
			}
		})
	}
}
