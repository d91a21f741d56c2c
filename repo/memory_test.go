package repo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// liveHeap indexes n packages and returns the most memory that was in use, garbage
// not counted, at ten moments of the run.
func liveHeap(t *testing.T, dir string, n int, o repo.Options) uint64 {
	t.Helper()
	var most uint64
	var kept []repo.Indexed // a caller that keeps what it is told must not keep headers alive
	o.Indexed = func(i repo.Indexed) { kept = append(kept, i) }
	o.Progress = func(done, total int, _ string) {
		if done%(total/10) != 0 {
			return
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	rep, err := repo.Create(t.Context(), dir, o)
	if err != nil || rep.Packages != n {
		t.Fatalf("%+v %v", rep, err)
	}
	runtime.KeepAlive(kept)
	return most
}

// TestMemoryDoesNotGrowWithThePackages: only names are kept of a package that
// was written. It is not parallel, so that no other test's memory counts.
func TestMemoryDoesNotGrowWithThePackages(t *testing.T) {
	const few, many = 2000, 5000 // even the few fill what may wait between readers and writers
	dirs := map[int]string{few: t.TempDir(), many: t.TempDir()}
	for n, dir := range dirs {
		for i := range n {
			s := simple(fmt.Sprintf("package-%06d", i))
			s.Compressor, s.Description = "none", strings.Repeat("what a header holds is not kept ", 400)
			path := filepath.Join(dir, s.Name+".rpm")
			if err := os.WriteFile(path, rpmtest.Build(s), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	settle()
	// A name, its NEVRA and the tables that hold them. What waits for the writers
	// is bounded, and is more or less of that by chance. A header has 14 KB here,
	// so one that were kept of each package would cost 42 MB.
	const perPackage, slack = 1000, 20 << 20
	for _, tc := range []struct {
		name string
		o    repo.Options
	}{
		{"full run", repo.Options{Workers: 2, Compression: repo.Gzip}},
		{"with a side cache", repo.Options{Workers: 2, Compression: repo.Gzip, Update: true}},
		{"nothing changed", repo.Options{Workers: 2, Compression: repo.Gzip, Update: true}},
		{"compressed anew", repo.Options{Workers: 2, Compression: repo.None, Update: true}},
	} {
		small, large := liveHeap(t, dirs[few], few, tc.o), liveHeap(t, dirs[many], many, tc.o)
		t.Logf("%s: %d KiB for %d packages, %d KiB for %d", tc.name, small>>10, few, large>>10, many)
		if large > small+(many-few)*perPackage+slack {
			t.Errorf("%s: %d KiB for %d packages, %d KiB for %d: more than names are kept", tc.name, small>>10, few, large>>10, many)
		}
	}
}
