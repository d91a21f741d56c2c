package repo_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fedora-respin/respin/repo"
)

// wholeRepository reads repomd.xml and every file that it names, without a
// line of this package's reading, and returns how many packages they hold.
// Nothing may be missing, short or other than repomd.xml says.
func wholeRepository(dir string) (packages int, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "repodata", "repomd.xml"))
	if err != nil {
		return 0, err
	}
	if !bytes.HasSuffix(text, []byte("</repomd>\n")) {
		return 0, fmt.Errorf("repomd.xml ends in %q", text[max(0, len(text)-20):])
	}
	files := 0
	for part := range strings.SplitSeq(string(text), "<data ") {
		_, after, ok := strings.Cut(part, `<location href="`)
		if !ok {
			continue
		}
		href, after, _ := strings.Cut(after, `"`)
		_, rest, _ := strings.Cut(part, `<checksum type="sha256">`)
		sum, _, _ := strings.Cut(rest, "<")
		_, rest, _ = strings.Cut(after, "<size>")
		size, _, _ := strings.Cut(rest, "<")
		data, err := os.ReadFile(filepath.Join(dir, href))
		if err != nil {
			return 0, err
		}
		if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum || fmt.Sprint(len(data)) != size {
			return 0, fmt.Errorf("%s: %d bytes, sha256 %x; repomd.xml says %s, %s", href, len(data), got, size, sum)
		}
		files++
		if strings.Contains(href, "primary") {
			packages = bytes.Count(data, []byte("</package>"))
		}
	}
	if files < 3 {
		return 0, fmt.Errorf("repomd.xml names %d files:\n%s", files, text)
	}
	return packages, nil
}

// How many packages the two generations of the crash tests have.
const (
	smallGeneration = 5
	largeGeneration = 9
)

// watch reads the repository again and again until ctx ends.
func watch(ctx context.Context, dir string) (rounds int, err error) {
	for ; ctx.Err() == nil; rounds++ {
		n, err := wholeRepository(dir)
		if err != nil {
			return rounds, err
		}
		if n != smallGeneration && n != largeGeneration {
			return rounds, fmt.Errorf("%d packages: neither generation", n)
		}
	}
	return rounds, nil
}

// TestKillAtAnyMomentLeavesAWholeRepository starts a process that publishes one
// generation after the other, kills it hard at random moments, and reads the
// repository after each kill and all the time.
func TestKillAtAnyMomentLeavesAWholeRepository(t *testing.T) {
	t.Parallel()
	if mode := os.Getenv("REPO_TEST_WRITER"); mode != "" {
		kind, dir, _ := strings.Cut(mode, ":")
		publishForever(t, dir, kind)
	}
	for _, kind := range []string{"create", "update", "simple", "simple update"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for i := range largeGeneration {
				writeRPM(t, filepath.Join(dir, fmt.Sprintf("p%d.rpm", i)), simple(fmt.Sprint("p", i)))
			}
			create(t, dir, "", generation(true, kind))
			if strings.HasPrefix(kind, "simple") && !canExchange(t) {
				t.Skip("this file system cannot exchange directories: simple names are replaced one by one")
			}
			ctx, stop := context.WithCancel(t.Context())
			watched := make(chan error, 1)
			var rounds atomic.Int64
			go func() {
				if strings.HasPrefix(kind, "simple") {
					watched <- nil // a reader may meet newer files under a name it knows
					return
				}
				n, err := watch(ctx, dir)
				rounds.Store(int64(n))
				watched <- err
			}()
			r := rand.New(rand.NewPCG(44, 1))
			for i := range 25 {
				startAndKill(t, kind+":"+dir, time.Duration(r.IntN(60))*time.Millisecond)
				if _, err := wholeRepository(dir); err != nil {
					t.Fatalf("after kill %d: %v", i, err)
				}
			}
			stop()
			if err := <-watched; err != nil {
				t.Errorf("a reader beside the writers met: %v", err)
			}
			t.Logf("read %d times meanwhile", rounds.Load())
			// The lock is free, what was begun is swept, and an update is still right.
			mustUpdate(t, dir, repo.Options{KeepOld: -1, SimpleFilenames: strings.HasPrefix(kind, "simple")})
			for _, sub := range []string{".", "repodata"} {
				for _, n := range names(t, filepath.Join(dir, sub)) {
					if strings.HasPrefix(n, ".") && n != repo.CacheName {
						t.Errorf("left behind: %s", n)
					}
				}
			}
			if n := len(names(t, filepath.Join(dir, "repodata"))); n != 4 {
				t.Errorf("%d files in repodata", n)
			}
		})
	}
}

// generation is one of the two that take turns. They are not compressed, so
// that wholeRepository can count their packages.
func generation(large bool, kind string) repo.Options {
	o := repo.Options{Compression: repo.None, Update: strings.HasSuffix(kind, "update"), SimpleFilenames: strings.HasPrefix(kind, "simple")}
	if !large {
		for i := smallGeneration; i < largeGeneration; i++ {
			o.Excludes = append(o.Excludes, fmt.Sprintf("p%d.rpm", i))
		}
	}
	return o
}

// canExchange tells whether repodata can be replaced as a whole here: its inode
// then is another one afterwards.
func canExchange(t *testing.T) bool {
	t.Helper()
	dir := t.TempDir()
	create(t, dir, "a", repo.Options{SimpleFilenames: true})
	before, err := os.Stat(filepath.Join(dir, "repodata"))
	if err != nil {
		t.Fatal(err)
	}
	create(t, dir, "b", repo.Options{SimpleFilenames: true})
	after, err := os.Stat(filepath.Join(dir, "repodata"))
	if err != nil {
		t.Fatal(err)
	}
	return !os.SameFile(before, after)
}

// startAndKill runs this test as a writer and kills it once it has been at work
// for a while.
func startAndKill(t *testing.T, mode string, after time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKillAtAnyMomentLeavesAWholeRepository$")
	cmd.Env = append(os.Environ(), "REPO_TEST_WRITER="+mode)
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
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

func publishForever(t *testing.T, dir, kind string) {
	t.Helper()
	if _, err := io.WriteString(os.Stdout, "writing\n"); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		o := generation(i%2 == 1, kind)
		o.RepoTags = []string{fmt.Sprint(os.Getpid(), i)} // something new each time
		create(t, dir, "", o)
	}
}
