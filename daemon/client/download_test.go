package client_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/daemon/client"
)

func content(n int) (data []byte, digest string) {
	data = make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(data)
	sum := sha256.Sum256(data)
	return data, hex.EncodeToString(sum[:])
}

func TestDownloadResumes(t *testing.T) {
	t.Parallel()
	data, digest := content(1 << 20)
	tests := []struct {
		name    string
		part    []byte // what an earlier attempt left
		cut     int    // bytes after which the first connection breaks; 0: never
		ignores bool   // the server knows no Range
		ranges  []string
	}{
		{name: "anew", ranges: []string{""}},
		{name: "after a break", cut: 300_000, ranges: []string{"", "resumed"}},
		{name: "from a part", part: data[:700_000], ranges: []string{"bytes=700000-"}},
		{name: "from a part that is complete", part: data, ranges: []string{"bytes=1048576-"}},
		{name: "from a part of another file", part: bytes.Repeat([]byte("x"), 1000), ranges: []string{"bytes=1000-", ""}},
		{name: "from a part that is too long", part: append(bytes.Clone(data), 1, 2), ranges: []string{"bytes=1048578-", ""}},
		{name: "without Range", part: data[:5], ignores: true, ranges: []string{"bytes=5-"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var ranges []string
			var n atomic.Int32
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				got := r.Header.Get("Range")
				if n.Add(1) > 1 && got != "" {
					got = "resumed"
				}
				ranges = append(ranges, got)
				switch {
				case tt.cut > 0 && n.Load() == 1:
					w.Header().Set("Content-Length", strconv.Itoa(len(data)))
					_, _ = w.Write(data[:tt.cut])
					_ = http.NewResponseController(w).Flush()
					panic(http.ErrAbortHandler)
				case tt.ignores:
					_, _ = w.Write(data)
				default:
					http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
				}
			}, client.Options{})
			path := filepath.Join(t.TempDir(), "sub", "image.iso")
			if tt.part != nil {
				if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path+client.PartSuffix, tt.part, 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			var done, total int64
			if err := c.Download(t.Context(), c.URL()+"/image.iso", path, digest, func(d, n int64) { done, total = d, n }); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
				t.Errorf("content differs (%v)", err)
			}
			if _, err := os.Stat(path + client.PartSuffix); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the part stays: %v", err)
			}
			if d := cmp.Diff(tt.ranges, ranges); d != "" {
				t.Errorf("ranges differ (-want +got):\n%s", d)
			}
			if len(tt.part) < len(data) && (done != int64(len(data)) || total != done && !tt.ignores) {
				t.Errorf("progress ended at %d of %d", done, total)
			}
		})
	}
}

func TestDownloadRefusesAnotherFile(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "another") }, client.Options{})
	_, digest := content(10)
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := c.Download(t.Context(), c.URL(), path, digest, nil)
	if wrong, ok := errors.AsType[*client.DigestError](err); !ok || wrong.Want != digest {
		t.Errorf("Download: %v", err)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if old, _ := os.ReadFile(path); string(old) != "old" || len(entries) != 1 {
		t.Errorf("%q stands, beside %d others", old, len(entries)-1)
	}
}

func TestDownloadLeavesWhatIsThere(t *testing.T) {
	t.Parallel()
	data, digest := content(1000)
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") }, client.Options{})
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Download(t.Context(), c.URL(), path, digest, nil); err != nil {
		t.Error(err)
	}
}

func TestDownloadOfNothing(t *testing.T) {
	t.Parallel()
	c := serve(t, http.NotFound, client.Options{})
	dir := t.TempDir()
	err := c.Download(t.Context(), c.URL()+"/x", filepath.Join(dir, "x"), "", nil)
	if p, ok := errors.AsType[*client.ProblemError](err); !ok || p.Status != http.StatusNotFound {
		t.Errorf("Download: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The token belongs to the server; a mirror that an artifact's URL leads to
// must not see it.
func TestDownloadKeepsTheTokenFromOthers(t *testing.T) {
	t.Parallel()
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("another host saw the token")
		}
		_, _ = io.WriteString(w, "x")
	}, client.Options{})
	seen := false
	own := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("Authorization") == "Bearer rsp_x"
		_, _ = io.WriteString(w, "x")
	}, client.Options{Token: "rsp_x"})
	dir := t.TempDir()
	if err := own.Download(t.Context(), other.URL()+"/a", filepath.Join(dir, "a"), "", nil); err != nil {
		t.Error(err)
	}
	if err := own.Download(t.Context(), own.URL()+"/b", filepath.Join(dir, "b"), "", nil); err != nil || !seen {
		t.Errorf("%v, own host saw the token: %v", err, seen)
	}
}
