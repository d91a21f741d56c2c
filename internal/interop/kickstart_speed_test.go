//go:build interop

package interop_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/internal/shareddata"
	ks "github.com/fedora-respin/respin/kickstart"
)

// ksMostRatio is the share of pykickstart's time that we may take.
const ksMostRatio = 0.05

// TestKickstartSpeed is `make bench-kickstart`: every real kickstart is parsed
// and validated for F44 by both, each in one process. Ours is the best of three
// runs around the one of pykickstart, which takes long enough to speak for
// itself.
func TestKickstartSpeed(t *testing.T) {
	python := filepath.Join(ksTools(t), "python")
	script := filepath.Join(shareddata.Root(t), "internal", "interop", "testdata", "ksspeed.py")
	dir, files := ksFiles(t)
	var paths []string
	bytes := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		paths = append(paths, filepath.Join(dir, name))
		bytes += len(files[name])
	}
	binary := filepath.Join(t.TempDir(), "respin")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/fedora-respin/respin/daemon/respin").CombinedOutput(); err != nil {
		t.Fatalf("build respin: %v\n%s", err, out)
	}
	var library, process, theirs, theirProcess time.Duration
	var ours, theirRefused int
	least := func(d *time.Duration, took time.Duration) {
		if *d == 0 || took < *d {
			*d = took
		}
	}
	for round := range 3 {
		start := time.Now()
		ours = 0
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ks.Parse(path, src, ks.Options{Version: ks.F44}); err != nil {
				ours++
			}
		}
		least(&library, time.Since(start))

		start = time.Now()
		args := append([]string{"kickstart", "validate", "--version", "F44", "--no-includes", "--quiet"}, paths...)
		out, err := exec.CommandContext(t.Context(), binary, args...).Output()
		least(&process, time.Since(start))
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 || !strings.Contains(string(out), ": error: ") {
			t.Fatalf("respin kickstart validate: %v\n%.500s", err, out)
		}

		if round != 1 {
			continue
		}
		start = time.Now()
		out, err = exec.CommandContext(t.Context(), python, append([]string{script, "F44"}, paths...)...).Output()
		theirProcess = time.Since(start)
		seconds := 0.0
		if _, errScan := fmt.Sscan(string(out), &theirRefused, &seconds); err != nil || errScan != nil {
			t.Fatalf("run pykickstart: %v, %v: %s", err, errScan, out)
		}
		theirs = time.Duration(seconds * float64(time.Second))
	}
	if ours != theirRefused {
		t.Errorf("we refuse %d kickstarts, pykickstart %d", ours, theirRefused)
	}
	ratio := func(a, b time.Duration) float64 { return float64(a) / float64(b) }
	fmt.Printf("\n%d kickstarts, %d KiB, %d refused by both; %s/%s\n\n", len(paths), bytes>>10, ours, runtime.GOOS, runtime.GOARCH)
	fmt.Printf("| what | respin | pykickstart | ratio | target |\n|---|---:|---:|---:|---:|\n")
	fmt.Printf("| library, in one process | %.1f ms | %.1f ms | %.4f | %.2f |\n", ms(library), ms(theirs), ratio(library, theirs), ksMostRatio)
	fmt.Printf("| whole process, start included | %.1f ms | %.1f ms | %.4f | %.2f |\n\n", ms(process), ms(theirProcess), ratio(process, theirProcess), ksMostRatio)
	if ratio(library, theirs) > ksMostRatio || ratio(process, theirProcess) > ksMostRatio {
		t.Error("the target is missed")
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
