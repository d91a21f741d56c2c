package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestDocumentIsAskedForEachTimeAndBroughtOnce(t *testing.T) {
	t.Parallel()
	var version, full atomic.Int32
	url, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		tag := fmt.Sprintf("%q", fmt.Sprint("v", version.Load()))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		full.Add(1)
		fmt.Fprintf(w, "content %d", version.Load())
	})
	dir := t.TempDir()
	f := open(t, dir, nil)
	get := func(want string, unchanged bool) {
		t.Helper()
		d, err := f.Document(t.Context(), []string{url + "/repomd.xml"}, 1<<20, nil)
		if err != nil {
			t.Fatal(err)
		}
		if string(d.Data) != want || d.Unchanged != unchanged || d.URL != url+"/repomd.xml" {
			t.Errorf("%q unchanged %v from %s, wants %q", d.Data, d.Unchanged, d.URL, want)
		}
	}
	get("content 0", false)
	get("content 0", true)
	version.Store(1)
	get("content 1", false)
	get("content 1", true)
	// A damaged copy is as good as none.
	kept, err := filepath.Glob(filepath.Join(dir, "docs", "*"))
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	data, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept[0], []byte(strings.Replace(string(data), "content 1", "content X", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	get("content 1", false)
	if full.Load() != 3 || hits.Load() != 5 {
		t.Errorf("%d requests, %d of them answered in full", hits.Load(), full.Load())
	}
	// Nobody asks for a month.
	old := time.Now().Add(-documentAge - time.Hour)
	if err := os.Chtimes(kept[0], old, old); err != nil {
		t.Fatal(err)
	}
	if err := f.sweep(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an old document stays: %v", err)
	}
}

func TestDocumentFollowsModificationTimes(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x.bin", time.Unix(1700000000, 0), strings.NewReader("text"))
	})
	f := open(t, t.TempDir(), nil)
	for i := range 2 {
		d, err := f.Document(t.Context(), []string{url + "/x"}, 100, nil)
		if err != nil || string(d.Data) != "text" || d.Unchanged != (i == 1) {
			t.Errorf("%+v %v", d, err)
		}
	}
}

func TestDocumentRefusals(t *testing.T) {
	t.Parallel()
	url, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			_, _ = w.Write(make([]byte, 101))
		case "/html":
			fmt.Fprint(w, "<!DOCTYPE html><title>Log in</title>")
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/inside":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/unasked":
			w.WriteHeader(http.StatusNotModified)
		default:
			http.NotFound(w, r)
		}
	})
	f := open(t, t.TempDir(), func(o *Options) { o.Retries = 2 })
	get := func(path string) error {
		_, err := f.Document(t.Context(), []string{url + path}, 100, nil)
		return err
	}
	var (
		refused *RefusedError
		status  *StatusError
		html    *HTMLError
	)
	if err := get("/large"); !errors.As(err, &refused) {
		t.Errorf("large: %v", err)
	}
	if err := get("/html"); !errors.As(err, &html) || html.Title != "Log in" {
		t.Errorf("html: %v", err)
	}
	if err := get("/nothing"); !errors.As(err, &status) || status.Code != http.StatusNotFound {
		t.Errorf("nothing: %v", err)
	}
	if err := get("/inside"); !errors.As(err, &refused) {
		t.Errorf("inside: %v", err)
	}
	if err := get("/unasked"); !errors.As(err, &status) {
		t.Errorf("unasked: %v", err)
	}
	before := hits.Load()
	if err := get("/busy"); !errors.Is(err, ErrUnreachable) || hits.Load()-before != 3 {
		t.Errorf("busy: %d tries, %v", hits.Load()-before, err)
	}
	if _, err := f.Document(t.Context(), []string{"file:///etc/passwd"}, 100, nil); !errors.As(err, &refused) {
		t.Errorf("file: %v", err)
	}
	if _, err := f.Document(t.Context(), []string{url}, 0, nil); err == nil {
		t.Error("no limit was accepted")
	}
}

func TestDocumentFromAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("0123456789"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := open(t, t.TempDir(), func(o *Options) { o.Policy.AllowFile = true })
	if d, err := f.Document(t.Context(), []string{"file://" + path}, 10, nil); err != nil || string(d.Data) != "0123456789" {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := f.Document(t.Context(), []string{"file://" + path}, 9, nil); err == nil {
		t.Error("longer than the limit")
	}
}

func TestDocumentTakesTheNextMirror(t *testing.T) {
	t.Parallel()
	old, oldHits := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "old") })
	gone, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	good, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "new") })
	f := open(t, t.TempDir(), nil)
	check := func(data []byte) error {
		if string(data) != "new" {
			return errors.New("an old one")
		}
		return nil
	}
	d, err := f.Document(t.Context(), []string{gone + "/a", old + "/a", good + "/a"}, 100, check)
	if err != nil || d.URL != good+"/a" || oldHits.Load() != 1 {
		t.Errorf("%+v %v", d, err)
	}
	_, err = f.Document(t.Context(), []string{gone + "/a", old + "/a"}, 100, check)
	var refused *CheckError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
}
