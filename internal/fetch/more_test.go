package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/shareddata"
)

func TestFullDisk(t *testing.T) {
	t.Parallel()
	data := blob(100_000, 30)
	base, hits := serve(t, serveBlob(data))
	chunked, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 40 { // 40 MB without saying so
			flush(w)
			_, _ = w.Write(make([]byte, 1_000_000))
		}
	})
	for name, c := range map[string]struct {
		url  string
		size int64
		free []int64 // answers in turn, the last one stays
		want DiskFullError
	}{
		"known before":    {base, 100_000, []int64{100_999}, DiskFullError{Need: 101_000, Free: 100_999}},
		"told by server":  {base, 0, []int64{100_999}, DiskFullError{Need: 101_000, Free: 100_999}},
		"during transfer": {chunked, 0, []int64{50_000_000, 999}, DiskFullError{Need: 1000, Free: 999}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			f := open(t, dir, func(o *Options) { o.MinFree = 1000 })
			var n atomic.Int32
			f.free = func(string) (int64, error) { return c.free[min(int(n.Add(1))-1, len(c.free)-1)], nil }
			_, err := f.Get(t.Context(), Want{URLs: []string{c.url + "/x", c.url + "/y"}, Size: c.size})
			var full *DiskFullError
			if !errors.As(err, &full) {
				t.Fatalf("error %v, want *DiskFullError", err)
			}
			c.want.Path = dir
			if diff := cmp.Diff(c.want, *full); diff != "" {
				t.Error(diff)
			}
			wantNoParts(t, dir)
		})
	}
	t.Cleanup(func() {
		if hits.Load() > 2 {
			t.Errorf("%d requests: another mirror does not make room", hits.Load())
		}
	})
}

func TestNoSpaceFromTheSystemIsDiskFull(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		shareddata.Missing(t, "/dev/full")
	}
	defer full.Close()
	_, werr := full.WriteString("x")
	f := open(t, t.TempDir(), nil)
	if e, ok := errors.AsType[*DiskFullError](f.diskError(werr, 7)); !ok || e.Need != 7 {
		t.Errorf("error %v, want *DiskFullError for 7 bytes", e)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	data := blob(100_000, 31)
	ranged, hits := serve(t, serveBlob(data))
	plain, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data)
	})
	chunked, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { flush(w); _, _ = w.Write(data) })
	var tries atomic.Int32
	flaky, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
		serveBlob(data)(w, r)
	})
	empty, _ := serve(t, serveBlob(nil))
	f := open(t, t.TempDir(), nil)
	for name, c := range map[string]struct {
		url   string
		n     int
		want  []byte
		total int64
	}{
		"range":   {ranged, 1000, data[:1000], 100_000},
		"whole":   {ranged, 200_000, data, 100_000},
		"ignored": {plain, 1000, data[:1000], 100_000},
		"chunked": {chunked, 1000, data[:1000], -1},
		"flaky":   {flaky, 10, data[:10], 100_000},
		"empty":   {empty, 10, nil, 0},
	} {
		got, total, err := f.Head(t.Context(), c.url+"/x", c.n)
		if err != nil || !bytes.Equal(got, c.want) || total != c.total {
			t.Errorf("%s: %d bytes of %d, error %v; want %d of %d", name, len(got), total, err, len(c.want), c.total)
		}
	}
	if hits.Load() != 2 {
		t.Errorf("%d requests for two heads", hits.Load())
	}
	missing, _ := serve(t, http.NotFound)
	_, _, err := f.Head(t.Context(), missing+"/x", 10)
	if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != 404 {
		t.Errorf("error %v, want status 404", err)
	}
	for _, n := range []int{0, -1, MaxHead + 1} {
		if _, _, err := f.Head(t.Context(), ranged, n); err == nil {
			t.Errorf("%d bytes: no error", n)
		}
	}
	if _, _, err := f.Head(t.Context(), "http://10.0.0.1/x", 1); err == nil {
		t.Error("private address: no error")
	}
}

func TestAllGetsEverythingInOrder(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var now, most int
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		i, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		serveBlob(blob(10_000+i, byte(i)))(w, r)
		mu.Lock()
		now--
		mu.Unlock()
	})
	f := open(t, t.TempDir(), func(o *Options) { o.PerHost = 3 })
	var wants []Want
	var sum int64
	for i := range 20 {
		data := blob(10_000+i, byte(i))
		sum += int64(len(data))
		w := Want{URLs: []string{fmt.Sprintf("%s/%d", base, i)}, SHA256: sumOf(data)}
		if i%2 == 0 {
			w.Size = int64(len(data))
		}
		wants = append(wants, w)
	}
	var last Progress
	var finished int
	paths, err := f.All(t.Context(), wants, func(p Progress) {
		if p.AllDone < last.AllDone {
			t.Errorf("progress went back from %d to %d", last.AllDone, p.AllDone)
		}
		if p.Finished {
			finished++
		}
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		wantFile(t, path, blob(10_000+i, byte(i)))
	}
	if finished != 20 || last.FilesDone != 20 || last.FilesWant != 20 || last.AllDone != sum || last.AllTotal != sum {
		t.Errorf("%d finished, last progress %+v, want 20 files and %d bytes", finished, last, sum)
	}
	if most > 3 {
		t.Errorf("%d transfers at a time, want at most 3", most)
	}
}

func TestAllNamesEveryProblem(t *testing.T) {
	t.Parallel()
	data := blob(1000, 33)
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/good" {
			serveBlob(data)(w, r)
			return
		}
		http.NotFound(w, r)
	})
	f := open(t, t.TempDir(), nil)
	paths, err := f.All(t.Context(), []Want{
		{URLs: []string{base + "/a"}},
		{URLs: []string{base + "/good"}, SHA256: sumOf(data)},
		{URLs: []string{base + "/b"}},
		{},
	}, nil)
	if paths != nil || err == nil {
		t.Fatalf("%v, error %v", paths, err)
	}
	for _, s := range []string{"/a: HTTP status 404", "/b: HTTP status 404", "no URL given"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q is missing in %v", s, err)
		}
	}
}

func TestAllStopsAtTheTotalLimit(t *testing.T) {
	t.Parallel()
	data := blob(1000, 34)
	base, hits := serve(t, serveBlob(data))
	f := open(t, t.TempDir(), func(o *Options) { o.MaxTotal = 1500; o.Parallel = 1 })
	for _, size := range []int64{1000, -1} {
		_, err := f.All(t.Context(), []Want{
			{URLs: []string{base + "/a"}, Size: size}, {URLs: []string{base + "/b"}, Size: size}, {URLs: []string{base + "/c"}, Size: size},
		}, nil)
		if _, ok := errors.AsType[*RefusedError](err); !ok {
			t.Errorf("error %v, want *RefusedError", err)
		}
	}
	if hits.Load() > 2 {
		t.Errorf("%d requests, want none for known sizes and two for unknown ones", hits.Load())
	}
}

func TestAllEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	base, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	f := open(t, t.TempDir(), nil)
	if _, err := f.All(ctx, []Want{{URLs: []string{base + "/a"}}, {URLs: []string{base + "/b"}}}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir, nil)
	old := time.Now().Add(-2 * time.Hour)
	write := func(name string, at time.Time) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("x"), 0o644), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"part/old.part", "part/old.json", "part/alone.json", "part/lone.lock", "part/held.part", "part/held.json", "keys/ab/" + atomicfile.TempPrefix + "1", "part/" + atomicfile.TempPrefix + "2"} {
		write(name, old)
	}
	write("part/new.part", time.Now())
	write("part/new.json", old)
	held, err := tryLock(filepath.Join(dir, "part/held.part"))
	if err != nil || held == nil {
		t.Fatal(held, err)
	}
	defer held.release()
	if err := f.sweep(time.Now()); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, pattern := range []string{"keys/*/*", "part/*"} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern))
		left = append(left, names...)
	}
	for i := range left {
		left[i] = strings.TrimPrefix(left[i], dir+"/")
	}
	if diff := cmp.Diff([]string{"part/held.json", "part/held.part", "part/new.json", "part/new.part"}, left); diff != "" {
		t.Error(diff)
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "dst")
	if err := errors.Join(os.WriteFile(src, []byte("new"), 0o444), os.WriteFile(dst, []byte("old"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds the link in place
		if err := Link(src, dst); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := os.Stat(src)
	b, _ := os.Stat(dst)
	if !os.SameFile(a, b) {
		t.Error("not linked")
	}
	// /dev/shm is another file system on most systems; a copy has to do there.
	if shm, err := os.MkdirTemp("/dev/shm", "link"); err == nil { //nolint:usetesting // t.TempDir is on this file system
		defer os.RemoveAll(shm)
		if err := Link(src, filepath.Join(shm, "x")); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(filepath.Join(shm, "x")); string(got) != "new" {
			t.Errorf("copy holds %q", got)
		}
	}
	if err := Link(filepath.Join(dir, "none"), dst); err == nil {
		t.Error("missing source: no error")
	}
	if names, _ := os.ReadDir(dir); len(names) != 2 {
		t.Errorf("left behind: %v", names)
	}
}

// collector collects the bytes and asks the function in the end.
type collector struct {
	bytes.Buffer
	ask func([]byte) error
}

func (j *collector) Verdict() error { return j.ask(j.Bytes()) }

func judged(ask func([]byte) error) func() Judge {
	return func() Judge { return &collector{ask: ask} }
}

func TestKeyWithAnotherJudgeIsFetchedAgain(t *testing.T) {
	t.Parallel()
	old, data := blob(1000, 35), blob(1000, 36)
	var n atomic.Int32
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			serveBlob(old)(w, r)
			return
		}
		serveBlob(data)(w, r)
	})
	f := open(t, t.TempDir(), nil)
	if _, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}, Key: "k"}); err != nil {
		t.Fatal(err)
	}
	path, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}, Key: "k", Judge: judged(func(got []byte) error {
		if !bytes.Equal(got, data) {
			return errors.New("stale")
		}
		return nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	data := blob(600_000, 37)
	base, _ := serve(t, serveBlob(data))
	f := open(t, t.TempDir(), func(o *Options) { o.BytesPerSecond = 400_000 })
	start := time.Now()
	if _, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}}); err != nil {
		t.Fatal(err)
	}
	// The first second's worth passes at once.
	if d := time.Since(start); d < 400*time.Millisecond {
		t.Errorf("600 kB at 400 kB/s came in %v", d)
	}
}
