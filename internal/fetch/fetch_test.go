package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// blob is reproducible noise.
func blob(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// open returns a Fetcher for loopback servers that does not pause.
func open(t *testing.T, dir string, change func(*Options)) *Fetcher {
	t.Helper()
	opt := Options{
		Policy:  Policy{AllowLoopback: true},
		Backoff: func(int) time.Duration { return time.Millisecond },
		MinFree: -1,
	}
	if change != nil {
		change(&opt)
	}
	f, err := New(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// serve answers every request with h and counts them.
func serve(t *testing.T, h http.HandlerFunc) (url string, hits *atomic.Int32) {
	t.Helper()
	hits = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, hits
}

func serveBlob(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+sumOf(data)[:16]+`"`)
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Unix(1700000000, 0), bytes.NewReader(data))
	}
}

func wantFile(t *testing.T, path string, data []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, data) {
		t.Fatalf("file of %d bytes with digest %s, want %d bytes with %s", len(got), sumOf(got), len(data), sumOf(data))
	}
	if filepath.Base(path) != sumOf(data) {
		t.Errorf("file is called %s, want its digest", filepath.Base(path))
	}
}

func wantNoParts(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(dir, "part"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		t.Errorf("left behind: part/%s", e.Name())
	}
}

func TestGetDownloadsVerifiesAndCaches(t *testing.T) {
	t.Parallel()
	data := blob(300_000, 1)
	base, hits := serve(t, serveBlob(data))
	dir := t.TempDir()
	f := open(t, dir, nil)
	for _, w := range []Want{
		{URLs: []string{base + "/x"}, Size: int64(len(data)), Key: "k"},
		{URLs: []string{base + "/x"}, SHA256: strings.ToUpper(sumOf(data))},
		{URLs: []string{base + "/gone"}, Key: "k"},
	} {
		path, err := f.Get(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, data)
		if info, _ := os.Stat(path); info.Mode().Perm() != 0o444 {
			t.Errorf("mode %v, want read-only", info.Mode())
		}
	}
	if n := hits.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	// Neither digest nor key: nothing says that the server's file is the same.
	if _, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}}); err != nil || hits.Load() != 2 {
		t.Errorf("error %v after %d requests, want none after 2", err, hits.Load())
	}
	wantNoParts(t, dir)
}

func TestDamagedCacheFileIsFetchedAgain(t *testing.T) {
	t.Parallel()
	data := blob(10_000, 2)
	base, hits := serve(t, serveBlob(data))
	f := open(t, t.TempDir(), nil)
	w := Want{URLs: []string{base + "/x"}, SHA256: sumOf(data)}
	path, err := f.Get(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(data)
	bad[5000] ^= 1
	if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, bad, 0o644), os.Chtimes(path, time.Now(), time.Now().Add(time.Second))); err != nil {
		t.Fatal(err)
	}
	if path, err = f.Get(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if hits.Load() != 2 {
		t.Errorf("%d requests, want 2", hits.Load())
	}
}

// breaking serves data but cuts the connection after step bytes of each answer.
func breaking(data []byte, step int, ranges *[]string, mu *sync.Mutex) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		*ranges = append(*ranges, r.Header.Get("Range")+"|"+r.Header.Get("If-Range"))
		mu.Unlock()
		from := 0
		w.Header().Set("ETag", `"v1"`)
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		end := min(from+step, len(data))
		_, _ = w.Write(data[from:end])
		if end < len(data) {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}
}

func TestBrokenTransferIsResumed(t *testing.T) {
	t.Parallel()
	data := blob(250_000, 3)
	var ranges []string
	var mu sync.Mutex
	base, _ := serve(t, breaking(data, 100_000, &ranges, &mu))
	f := open(t, t.TempDir(), nil)
	// No digest: only the validator tells that the rest belongs to the start.
	path, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}})
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	want := []string{"|", `bytes=100000-|"v1"`, `bytes=200000-|"v1"`}
	if diff := cmp.Diff(want, ranges); diff != "" {
		t.Error(diff)
	}
}

func TestResumeAfterRestartOfTheProcess(t *testing.T) {
	t.Parallel()
	data := blob(250_000, 4)
	var ranges []string
	var mu sync.Mutex
	broken, _ := serve(t, breaking(data, 100_000, &ranges, &mu))
	dir := t.TempDir()
	w := Want{URLs: []string{broken + "/x"}, SHA256: sumOf(data), Size: int64(len(data))}
	first := open(t, dir, func(o *Options) { o.Retries = -1 })
	if _, err := first.Get(t.Context(), w); !errors.Is(err, ErrUnreachable) {
		t.Fatalf("error %v, want one that is ErrUnreachable", err)
	}
	// Another process, another mirror: the digest makes that safe.
	var seen string
	whole, _ := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Range")
		serveBlob(data)(rw, r)
	})
	w.URLs = []string{whole + "/y"}
	path, err := open(t, dir, nil).Get(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if seen != "bytes=100000-" {
		t.Errorf("asked for range %q", seen)
	}
	wantNoParts(t, dir)
}

func TestChangedFileIsNotGluedTogether(t *testing.T) {
	t.Parallel()
	old, data := blob(200_000, 5), blob(200_000, 6)
	var n atomic.Int32
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			w.Header().Set("ETag", `"old"`)
			w.Header().Set("Content-Length", strconv.Itoa(len(old)))
			_, _ = w.Write(old[:50_000])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		serveBlob(data)(w, r) // If-Range does not match: the whole file
	})
	path, err := open(t, t.TempDir(), nil).Get(t.Context(), Want{URLs: []string{base + "/x"}})
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
}

func TestWrongBytesInThePartAreThrownAway(t *testing.T) {
	t.Parallel()
	data := blob(200_000, 7)
	base, hits := serve(t, serveBlob(data))
	dir := t.TempDir()
	w := Want{URLs: []string{base + "/x"}, SHA256: sumOf(data), Size: int64(len(data))}
	part := filepath.Join(dir, "part", hexSum(w.id())+".part")
	if err := errors.Join(os.MkdirAll(filepath.Dir(part), 0o755), os.WriteFile(part, blob(90_000, 8), 0o644)); err != nil {
		t.Fatal(err)
	}
	path, err := open(t, dir, nil).Get(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if hits.Load() != 2 {
		t.Errorf("%d requests, want 2: the rest, then the whole", hits.Load())
	}
}

func TestBusyServerIsAskedAgain(t *testing.T) {
	t.Parallel()
	data := blob(50_000, 9)
	var hits atomic.Int32
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch hits.Add(1) {
		case 1:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			serveBlob(data)(w, r)
		}
	})
	start := time.Now()
	path, err := open(t, t.TempDir(), nil).Get(t.Context(), Want{URLs: []string{base + "/x"}, SHA256: sumOf(data)})
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if d := time.Since(start); d < time.Second {
		t.Errorf("done after %v, but the server asked for a second", d)
	}
}

func TestNextMirrorAnswers(t *testing.T) {
	t.Parallel()
	data := blob(50_000, 10)
	good, _ := serve(t, serveBlob(data))
	page := "<!DOCTYPE HTML><html><head><title>Moved\n to the wiki</title></head></html>"
	for name, h := range map[string]http.HandlerFunc{
		"missing":       http.NotFound,
		"broken":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"altered":       serveBlob(blob(50_000, 11)),
		"short":         serveBlob(data[:40_000]),
		"long":          serveBlob(append(bytes.Clone(data), 1)),
		"html":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(page)) },
		"long, chunked": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data); flush(w); _, _ = w.Write(data) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad, _ := serve(t, h)
			w := Want{URLs: []string{"gopher://x/", bad + "/x", good + "/x"}, Size: int64(len(data)), SHA256: sumOf(data)}
			path, err := open(t, t.TempDir(), nil).Get(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			wantFile(t, path, data)
		})
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

func TestConcurrentGetsShareOneDownload(t *testing.T) {
	t.Parallel()
	data := blob(100_000, 12)
	gate := make(chan struct{})
	base, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-gate
		serveBlob(data)(w, r)
	})
	f := open(t, t.TempDir(), nil)
	w := Want{URLs: []string{base + "/x"}, SHA256: sumOf(data)}
	// The one who started it leaves; the download goes on for the others.
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := f.Get(ctx, w); first <- err }()
	waitFor(t, func() bool { return hits.Load() == 1 })
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := f.Get(t.Context(), w); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.flights[w.id()].waiters == 6
	})
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	close(gate)
	wg.Wait()
	if hits.Load() != 1 {
		t.Errorf("%d requests, want 1", hits.Load())
	}
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestTwoFetchersOnOneDirectory(t *testing.T) {
	t.Parallel()
	data := blob(400_000, 13)
	base, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Millisecond)
		serveBlob(data)(w, r)
	})
	dir := t.TempDir()
	a, b := open(t, dir, nil), open(t, dir, nil)
	var wg sync.WaitGroup
	for _, f := range []*Fetcher{a, b} {
		wg.Go(func() {
			if _, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}, SHA256: sumOf(data)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if hits.Load() != 1 {
		t.Errorf("%d requests, want 1: the second waits for the first's lock", hits.Load())
	}
	wantNoParts(t, dir)
}

func TestCloseEndsDownloads(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	base, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	})
	defer close(gate)
	f := open(t, t.TempDir(), nil)
	errc := make(chan error, 1)
	go func() { _, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}}); errc <- err }()
	waitFor(t, func() bool { return hits.Load() == 1 })
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-errc; !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
	if _, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}}); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

func TestSilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	data := blob(60_000, 14)
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data[:1000])
		flush(w)
		<-r.Context().Done()
	})
	f := open(t, t.TempDir(), func(o *Options) { o.Stall = 50 * time.Millisecond; o.Retries = 1 })
	_, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}})
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "nothing came for") {
		t.Errorf("error %v, want a stall", err)
	}
}
