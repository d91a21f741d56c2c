//go:build interop

package interop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
)

// readWhole reads repomd.xml and every file that it names, with all checksums.
func readWhole(t *testing.T, dir, when string) {
	t.Helper()
	md, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	if len(md.Repomd.Data) < 3 {
		t.Fatalf("%s: repomd.xml names %d files", when, len(md.Repomd.Data))
	}
	for _, d := range md.Repomd.Data {
		in, err := md.Stream(t.Context(), d.Type)
		if err == nil {
			_, err = new(bytes.Buffer).ReadFrom(in)
			_ = in.Close()
		}
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
}

// TestKillNineLeavesAWholeRepository kills the real program at random moments
// of full runs and of updates over the data set, and reads what is left.
func TestKillNineLeavesAWholeRepository(t *testing.T) {
	t.Parallel()
	bin := respinBinary(t)
	dir, _ := linkData(t)
	if _, err := repo.Create(t.Context(), dir, repo.Options{}); err != nil {
		t.Fatal(err)
	}
	run := func(ctx context.Context, args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, bin, append([]string{"repo", "create", "-q", dir}, args...)...)
	}
	start := time.Now()
	_ = run(t.Context()).Run()
	takes := time.Since(start)
	r := rand.New(rand.NewPCG(44, 9))
	killed := 0
	for i := range 30 {
		args := []string{"--repo", fmt.Sprint("tag", i)}
		if i%2 == 1 {
			args = append(args, "--update")
			// Something to read again, and a package more or less.
			extra := filepath.Join(dir, "extra.rpm")
			if i%4 == 1 {
				writeRPM(t, extra, spec(fmt.Sprint("extra", i)))
			} else if err := os.Remove(extra); err != nil {
				t.Fatal(err)
			}
		}
		cmd := run(t.Context(), args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Int64N(int64(takes) * 5 / 4)))
		if err := cmd.Process.Kill(); err == nil {
			killed++
		}
		_ = cmd.Wait()
		readWhole(t, dir, fmt.Sprint("after kill ", i))
	}
	if killed == 0 {
		t.Error("nothing was killed")
	}
	_ = run(t.Context(), "--update").Run()
	fresh := t.TempDir()
	_ = run(t.Context(), "--outputdir", fresh).Run()
	compareMetadata(t, fresh, dir)
}

// TestKillAfterEverySystemCallThatChangesTheDisk lets strace kill the program
// after its first, second ... rename, link, removal and sync, in every way of
// publishing, and reads what is left after each.
func TestKillAfterEverySystemCallThatChangesTheDisk(t *testing.T) {
	t.Parallel()
	strace, bin := repoTool(t, "strace"), respinBinary(t)
	if out, err := exec.CommandContext(t.Context(), strace, "-f", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		shareddata.Missing(t, "the right to trace a process: "+string(out))
	}
	dir := t.TempDir()
	for i := range 6 {
		writeRPM(t, filepath.Join(dir, fmt.Sprintf("p%d.rpm", i)), spec(fmt.Sprint("p", i)))
	}
	for _, mode := range [][]string{{}, {"--update"}, {"--simple-md-filenames"}, {"--simple-md-filenames", "--update"}} {
		run := func(argv ...string) (killed bool) {
			t.Helper()
			argv = slices.Concat(argv, []string{bin, "repo", "create", "-q", dir}, mode)
			cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
			out, err := cmd.CombinedOutput()
			if e, ok := errors.AsType[*exec.ExitError](err); ok && !e.Exited() {
				return true
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
			}
			return false
		}
		run()
		kills := 0
		for _, calls := range []string{"renameat,renameat2", "linkat", "unlinkat", "fsync"} {
			for n := 1; ; n++ {
				// Something to publish: another time of a package, which its metadata show.
				touched := time.Unix(1_700_000_000+int64(kills), 0)
				if err := os.Chtimes(filepath.Join(dir, "p3.rpm"), touched, touched); err != nil {
					t.Fatal(err)
				}
				killed := run(strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace="+calls, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", calls, n))
				readWhole(t, dir, fmt.Sprintf("%v, killed at %s number %d", mode, calls, n))
				if !killed {
					break
				}
				kills++
			}
		}
		if kills < 5 {
			t.Errorf("%v: only %d kills", mode, kills)
		}
		run()
		readWhole(t, dir, "in the end")
		t.Logf("%v: %d kills", mode, kills)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != repo.CacheName {
		t.Errorf("left behind: %q %v", left, err)
	}
}
