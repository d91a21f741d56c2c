package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const blobSize = 10_000

// shelf serves files /0, /1 and so on of blobSize bytes.
type shelf struct {
	url  string
	hits *atomic.Int32
}

func newShelf(t *testing.T) shelf {
	t.Helper()
	url, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var n byte
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &n); err != nil {
			http.NotFound(w, r)
			return
		}
		serveBlob(blob(blobSize, 100+n))(w, r)
	})
	return shelf{url, hits}
}

func (s shelf) want(n int) Want {
	return Want{URLs: []string{fmt.Sprintf("%s/%d", s.url, n)}, Size: blobSize, Key: fmt.Sprintf("file %d", n)}
}

// fill gets the files 0 to n-1 and returns their paths.
func (s shelf) fill(t *testing.T, f *Fetcher, n int) []string {
	t.Helper()
	wants := make([]Want, n)
	for i := range wants {
		wants[i] = s.want(i)
	}
	paths, err := f.All(t.Context(), wants, nil)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// age makes the last use of the cached file that long ago.
func age(t *testing.T, f *Fetcher, path string, d time.Duration) {
	t.Helper()
	at := time.Now().Add(-d)
	if err := os.Chtimes(path, at, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// standing says which of paths exist.
func standing(t *testing.T, paths []string) (there []int) {
	t.Helper()
	for i, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			there = append(there, i)
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return there
}

func wantStanding(t *testing.T, paths []string, want ...int) {
	t.Helper()
	if diff := cmp.Diff(want, standing(t, paths)); diff != "" {
		t.Errorf("files in the cache (-want +got):\n%s", diff)
	}
}

func prune(t *testing.T, f *Fetcher, wantRemoved int) {
	t.Helper()
	removed, freed, err := f.Prune(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if removed != wantRemoved || freed != int64(wantRemoved)*blobSize {
		t.Errorf("removed %d files, freed %d bytes; want %d files", removed, freed, wantRemoved)
	}
}

func countFiles(t *testing.T, pattern ...string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(pattern...))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestPruneRemovesTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	dir, s := t.TempDir(), newShelf(t)
	f := open(t, dir, func(o *Options) { o.MaxCache = 3 * blobSize })
	unbound := open(t, dir, nil)
	paths := s.fill(t, unbound, 5)
	for i, hours := range []int{3, 50, 2, 40, 30} {
		age(t, f, paths[i], time.Duration(hours)*time.Hour)
	}
	// The time of the content belongs to those who link the file and says nothing.
	built := time.Unix(1_000_000_000, 0)
	if err := os.Chtimes(paths[2], time.Time{}, built); err != nil {
		t.Fatal(err)
	}
	// A Get counts as use.
	if _, err := unbound.Get(t.Context(), s.want(1)); err != nil {
		t.Fatal(err)
	}
	prune(t, unbound, 0)
	prune(t, f, 2)
	wantStanding(t, paths, 0, 1, 2)
	prune(t, f, 0)
	if n := countFiles(t, dir, "keys", "*", "*"); n != 3 {
		t.Errorf("%d keys stand, want 3", n)
	}
	if info, err := os.Stat(paths[2]); err != nil || !info.ModTime().Equal(built) {
		t.Errorf("time of the cached file: %v, %v", info, err)
	}
	before := s.hits.Load()
	path, err := unbound.Get(t.Context(), s.want(3))
	if err != nil || path != paths[3] || s.hits.Load() != before+1 {
		t.Errorf("removed file: %s, %v, %d requests", path, err, s.hits.Load()-before)
	}
}

func TestDownloadKeepsTheCacheWithinItsBound(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	f := open(t, t.TempDir(), func(o *Options) { o.MaxCache = 4 * blobSize })
	paths := s.fill(t, f, 4)
	age(t, f, paths[0], 3*time.Hour)
	age(t, f, paths[1], 5*time.Hour)
	age(t, f, paths[2], 4*time.Hour)
	// File 1 is the oldest, but it is wanted.
	more, err := f.All(t.Context(), []Want{s.want(4), s.want(1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantStanding(t, append(paths, more[0]), 1, 3, 4)
	if n := s.hits.Load(); n != 5 {
		t.Errorf("%d downloads, want 5", n)
	}
	// What was used during the last hour stays even beyond the bound.
	more = s.fill(t, f, 7)
	wantStanding(t, more, 0, 1, 2, 3, 4, 5, 6)
}

func TestLinkedFilesAreFreeOfCharge(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	dir := t.TempDir()
	f := open(t, filepath.Join(dir, "cache"), func(o *Options) { o.MaxCache = 1 })
	paths := s.fill(t, f, 2)
	for _, path := range paths {
		age(t, f, path, 2*time.Hour)
	}
	link := filepath.Join(dir, "linked")
	if err := Link(paths[0], link); err != nil {
		t.Fatal(err)
	}
	prune(t, f, 1)
	wantStanding(t, paths, 0)
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	prune(t, f, 1)
	wantStanding(t, paths)
}

func TestSessionHoldsAgainstOtherFetchers(t *testing.T) {
	t.Parallel()
	dir, s := t.TempDir(), newShelf(t)
	f := open(t, dir, nil)
	other := open(t, dir, func(o *Options) { o.MaxCache = 1 })
	paths := s.fill(t, f, 4)
	held, err := f.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := held.Get(t.Context(), s.want(0)); err != nil {
		t.Fatal(err)
	}
	if err := held.Claim(t.Context(), []Want{s.want(2), s.want(9)}); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		age(t, f, path, 2*time.Hour)
	}
	prune(t, other, 2)
	wantStanding(t, paths, 0, 2)
	if err := errors.Join(held.Close(), held.Close()); err != nil {
		t.Error(err)
	}
	prune(t, other, 2)
	wantStanding(t, paths)
	if _, err := held.Get(t.Context(), s.want(0)); !errors.Is(err, ErrClosed) {
		t.Errorf("closed session: %v", err)
	}
}

// TestSessionOfAnotherProcess is the other process too.
func TestSessionOfAnotherProcess(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("FETCH_TEST_HOLD"); dir != "" {
		f := open(t, dir, nil)
		held, err := f.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		path, err := held.Get(t.Context(), Want{URLs: []string{"http://127.0.0.1:1/"}, Key: "file 0"})
		if err != nil {
			t.Fatal(err)
		}
		age(t, f, path, 2*time.Hour)
		fmt.Println("holding")
		time.Sleep(time.Hour) // until killed
	}
	dir, s := t.TempDir(), newShelf(t)
	f := open(t, dir, func(o *Options) { o.MaxCache = 1 })
	paths := s.fill(t, f, 2)
	for _, path := range paths {
		age(t, f, path, 2*time.Hour)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSessionOfAnotherProcess$", "-test.v")
	cmd.Env = append(os.Environ(), "FETCH_TEST_HOLD="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, holding := bufio.NewScanner(out), false
	for !holding && lines.Scan() {
		holding = lines.Text() == "holding"
	}
	if !holding {
		t.Fatalf("the other process ended: %v", cmd.Wait())
	}
	prune(t, f, 1)
	wantStanding(t, paths, 0)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if n := countFiles(t, dir, "holds", "*"); n != 1 {
		t.Fatalf("%d holds before pruning, want the killed process's", n)
	}
	prune(t, f, 1)
	wantStanding(t, paths)
	if n := countFiles(t, dir, "holds", "*"); n != 0 {
		t.Errorf("%d holds are left", n)
	}
}

// disk answers free as a disk of the given size would that holds the cache only.
func disk(t *testing.T, f *Fetcher, size int64) {
	t.Helper()
	f.free = func(dir string) (int64, error) {
		free := size
		err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && e.IsDir() {
				return nil
			}
			if info, err := e.Info(); err == nil {
				free -= info.Size()
			}
			return err
		})
		return free, err
	}
}

func TestFullDiskMakesTheCacheGiveWay(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	f := open(t, t.TempDir(), func(o *Options) { o.MinFree = 5000 })
	paths := s.fill(t, f, 4)
	// Room for the four, the keys, the floor, and not for a fifth.
	disk(t, f, 4*blobSize+8000)
	age(t, f, paths[1], 3*time.Hour)
	age(t, f, paths[2], 4*time.Hour)
	fifth, err := f.Get(t.Context(), s.want(4))
	if err != nil {
		t.Fatal(err)
	}
	wantStanding(t, append(paths, fifth), 0, 1, 3, 4)

	// Held files and those just handed out do not give way, and nothing is
	// removed in vain.
	held, err := f.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := held.Get(t.Context(), s.want(0)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{paths[0], paths[1]} {
		age(t, f, path, 9*time.Hour)
	}
	var full *DiskFullError
	if err := f.MakeRoom(t.Context(), 2*blobSize); !errors.As(err, &full) || full.Need != 2*blobSize+5000 {
		t.Errorf("error %v, want *DiskFullError", err)
	}
	wantStanding(t, append(paths, fifth), 0, 1, 3, 4)
	if err := f.MakeRoom(t.Context(), blobSize); err != nil {
		t.Error(err)
	}
	wantStanding(t, append(paths, fifth), 0, 3, 4)
}

func TestPruneEndsWithTheContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir, nil)
	s := newShelf(t)
	s.fill(t, f, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := f.Prune(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	lock, err := waitLock(t.Context(), filepath.Join(dir, "prune.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.release()
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, _, err := f.Prune(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v while another prunes, want the deadline", err)
	}
}

// TestNothingHeldVanishes lets every file look old at once while one Fetcher
// prunes all it may and others get files in sessions.
func TestNothingHeldVanishes(t *testing.T) {
	t.Parallel()
	const files, rounds = 4, 40
	dir, s := t.TempDir(), newShelf(t)
	pruner := open(t, dir, func(o *Options) { o.MaxCache = 1 })
	ctx, stop := context.WithCancel(t.Context())
	var getters, others sync.WaitGroup
	others.Go(func() {
		old := time.Now().Add(-2 * time.Hour)
		for ctx.Err() == nil {
			for i := range files {
				_ = os.Chtimes(pruner.casPath(sumOf(blob(blobSize, 100+byte(i)))), old, time.Time{})
			}
			time.Sleep(time.Millisecond)
		}
	})
	var removed int
	others.Go(func() {
		for ctx.Err() == nil {
			n, _, err := pruner.Prune(ctx)
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			removed += n
			time.Sleep(time.Millisecond)
		}
	})
	for g := range 3 {
		f := open(t, dir, nil)
		getters.Go(func() {
			for i := range rounds {
				held, err := f.Session(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				n := (i + g) % files
				path, err := held.Get(ctx, s.want(n))
				if err == nil {
					time.Sleep(3 * time.Millisecond)
					_, err = os.ReadFile(path)
				}
				if err := errors.Join(err, held.Close()); err != nil && !errors.Is(err, errGone) {
					t.Error(err)
				}
			}
		})
	}
	getters.Wait()
	stop()
	others.Wait()
	if removed == 0 {
		t.Error("nothing was pruned meanwhile")
	}
}
