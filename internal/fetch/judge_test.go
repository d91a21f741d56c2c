package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// summer is a Judge that sums for itself and ends what does not begin right.
type summer struct {
	bytes.Buffer
	start []byte
	made  *atomic.Int32
}

func (s *summer) Write(b []byte) (int, error) {
	n, _ := s.Buffer.Write(b)
	if k := min(len(s.start), s.Len()); !bytes.Equal(s.Bytes()[:k], s.start[:k]) {
		return 0, errors.New("no such start")
	}
	return n, nil
}

func (s *summer) Verdict() error            { return nil }
func (s *summer) Sum256() [sha256.Size]byte { return sha256.Sum256(s.Bytes()) }

func summing(start []byte) (*atomic.Int32, func() Judge) {
	made := &atomic.Int32{}
	return made, func() Judge {
		made.Add(1)
		return &summer{start: start, made: made}
	}
}

func TestJudgeSeesEachByteOnce(t *testing.T) {
	t.Parallel()
	data := blob(400_000, 50)
	base, hits := serve(t, serveBlob(data))
	dir := t.TempDir()
	made, judge := summing(data[:100])
	f := open(t, dir, nil)
	for range 3 {
		path, err := f.Get(t.Context(), Want{URLs: []string{base + "/x"}, Key: "k", Judge: judge})
		if err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, data)
	}
	if hits.Load() != 1 || made.Load() != 1 {
		t.Errorf("%d requests and %d judges, want one of each", hits.Load(), made.Load())
	}
	// Another process has not seen the file, and reads it once.
	other := open(t, dir, nil)
	for range 2 {
		if _, err := other.Get(t.Context(), Want{URLs: []string{base + "/x"}, Key: "k", Judge: judge}); err != nil {
			t.Fatal(err)
		}
	}
	if hits.Load() != 1 || made.Load() != 2 {
		t.Errorf("%d requests and %d judges after the second process, want 1 and 2", hits.Load(), made.Load())
	}
}

func TestJudgeEndsATransferEarly(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	base, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 500 {
			n, err := w.Write(blob(100_000, 51))
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	good := blob(1000, 52)
	mirror, _ := serve(t, serveBlob(good))
	_, judge := summing(good[:10])
	path, err := open(t, t.TempDir(), nil).Get(t.Context(), Want{URLs: []string{base + "/x", mirror + "/x"}, Judge: judge})
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, good)
	if sent.Load() > 25_000_000 {
		t.Errorf("%d bytes were sent after the first showed that they are wrong", sent.Load())
	}
}

func TestJudgeSeesResumedBytesToo(t *testing.T) {
	t.Parallel()
	data := blob(500_000, 53)
	var ranges []string
	base, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		if len(ranges) == 1 {
			w.Header().Set("ETag", `"`+sumOf(data)[:16]+`"`)
			w.Header().Set("Content-Length", "500000")
			_, _ = w.Write(data[:200_000])
			flush(w)
			panic(http.ErrAbortHandler)
		}
		serveBlob(data)(w, r)
	})
	dir := t.TempDir()
	_, judge := summing(data[:10])
	w := Want{URLs: []string{base + "/x"}, Key: "k", Judge: judge}
	first := open(t, dir, func(o *Options) { o.Retries = -1 })
	if _, err := first.Get(t.Context(), w); err == nil {
		t.Fatal("got a file that broke off")
	}
	path, err := open(t, dir, nil).Get(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, data)
	if hits.Load() != 2 || !strings.HasPrefix(ranges[1], "bytes=") || ranges[1] == "bytes=0-" {
		t.Errorf("asked for %q, want the rest", ranges)
	}
	wantNoParts(t, dir)
}

// TestPartOfAnEarlierBootIsNotTrusted: without a digest nobody would notice what
// a power cut took out of the middle.
func TestPartOfAnEarlierBootIsNotTrusted(t *testing.T) {
	t.Parallel()
	data := blob(300_000, 54)
	for _, known := range []bool{false, true} {
		var ranges []string
		base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			ranges = append(ranges, r.Header.Get("Range"))
			if len(ranges) == 1 {
				w.Header().Set("ETag", `"`+sumOf(data)[:16]+`"`)
				w.Header().Set("Content-Length", "300000")
				_, _ = w.Write(data[:100_000])
				flush(w)
				panic(http.ErrAbortHandler)
			}
			serveBlob(data)(w, r)
		})
		dir := t.TempDir()
		w := Want{URLs: []string{base + "/x"}}
		if known {
			w.SHA256 = sumOf(data)
		}
		first := open(t, dir, func(o *Options) { o.Retries = -1 })
		first.boot = "before"
		if _, err := first.Get(t.Context(), w); err == nil {
			t.Fatal("got a file that broke off")
		}
		path, err := open(t, dir, nil).Get(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, data)
		if resumed := ranges[1] != ""; resumed != known {
			t.Errorf("digest known: %t, asked for %q", known, ranges)
		}
	}
}

// TestDamagedFileWithJudge: what a power cut left under a good name is noticed
// by the digest, whatever the judge says.
func TestDamagedFileWithJudge(t *testing.T) {
	t.Parallel()
	data := blob(100_000, 55)
	base, hits := serve(t, serveBlob(data))
	for name, damage := range map[string]func([]byte) []byte{
		"empty": func([]byte) []byte { return nil }, "cut": func(b []byte) []byte { return b[:5000] },
		"zeros": func(b []byte) []byte { return make([]byte, len(b)) },
	} {
		dir := t.TempDir()
		_, judge := summing(data[:10])
		w := Want{URLs: []string{base + "/x"}, Key: "k", Judge: judge}
		path, err := open(t, dir, nil).Get(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, damage(data), 0o600)); err != nil {
			t.Fatal(err)
		}
		before := hits.Load()
		path, err = open(t, dir, nil).Get(t.Context(), w)
		if err != nil || hits.Load() != before+1 {
			t.Fatalf("%s: %v, %d more requests", name, err, hits.Load()-before)
		}
		wantFile(t, path, data)
	}
}

func TestMakeServesWhatNoMirrorHas(t *testing.T) {
	t.Parallel()
	head, tail := blob(1000, 56), blob(200_000, 57)
	whole := append(bytes.Clone(head), tail...)
	mux := http.NewServeMux()
	mux.HandleFunc("/head", serveBlob(head))
	mux.HandleFunc("/tail", serveBlob(tail))
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	base, hits := serve(t, mux.ServeHTTP)
	join := func(parts ...string) func(context.Context, io.Writer, func(Want) (string, error)) error {
		return func(_ context.Context, w io.Writer, get func(Want) (string, error)) error {
			for _, part := range parts {
				path, err := get(Want{URLs: []string{base + part}})
				if err != nil {
					return err
				}
				data, err := os.ReadFile(path)
				if err == nil {
					_, err = w.Write(data)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	dir := t.TempDir()
	f := open(t, dir, nil)
	path, err := f.Get(t.Context(), Want{URLs: []string{base + "/gone"}, SHA256: sumOf(whole), Size: int64(len(whole)), Make: join("/head", "/tail")})
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, whole)
	if n := hits.Load(); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	wantNoParts(t, dir)
	for name, tc := range map[string]struct {
		want Want
		says string
	}{
		"another file":   {Want{URLs: []string{base + "/gone"}, SHA256: sumOf(blob(9, 58)), Make: join("/tail", "/head")}, "sha256 is"},
		"part missing":   {Want{URLs: []string{base + "/gone"}, Make: join("/head", "/neck")}, "/neck: HTTP status 404"},
		"judged":         {Want{URLs: []string{base + "/gone"}, Make: join("/head"), Judge: judged(func([]byte) error { return errors.New("no magic") })}, "no magic"},
		"server trouble": {Want{URLs: []string{base + "/busy"}, Make: join("/head")}, "HTTP status 503"},
	} {
		if _, err := f.Get(t.Context(), tc.want); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
	wantNoParts(t, dir)
	if diff := cmp.Diff(3, countFiles(t, dir, "cas", "sha256", "*", "*")); diff != "" { // whole, head and tail
		t.Error(diff)
	}
	small := open(t, filepath.Join(dir, "small"), func(o *Options) { o.MaxFile = 100_000 })
	if _, err := small.Get(t.Context(), Want{URLs: []string{base + "/gone"}, Make: func(_ context.Context, w io.Writer, _ func(Want) (string, error)) error {
		_, err := w.Write(whole)
		return err
	}}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("too large: %v", err)
	}
}
