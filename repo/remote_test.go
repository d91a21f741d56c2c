package repo_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fedora-respin/respin/repo"
)

// mirror serves a directory and remembers what it was asked for.
type mirror struct {
	*httptest.Server
	mu   sync.Mutex
	hits map[string]int // by path and status
}

func serveDir(t *testing.T, dir string, down func(path string) bool) *mirror {
	t.Helper()
	m := &mirror{hits: map[string]int{}}
	files := http.FileServer(http.Dir(dir))
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		if down != nil && down(r.URL.Path) {
			http.NotFound(rec, r)
		} else {
			files.ServeHTTP(rec, r)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.hits[fmt.Sprintf("%d %s", rec.status, filepath.Base(r.URL.Path))]++
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mirror) count(key string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hits[key]
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func remote(t *testing.T, dir string) *repo.Remote {
	t.Helper()
	r, err := repo.NewRemote(dir, repo.RemoteOptions{AllowLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// made writes a repository of one package.
func made(t *testing.T, name string, opts repo.Options) (dir, repomd string) {
	t.Helper()
	dir = t.TempDir()
	writeRPM(t, filepath.Join(dir, name+".rpm"), simple(name))
	if _, err := repo.Create(t.Context(), dir, opts); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "repodata/repomd.xml"))
	if err != nil {
		t.Fatal(err)
	}
	return dir, string(data)
}

func packagesOf(t *testing.T, r *repo.Repo) string {
	t.Helper()
	var out []string
	for e, err := range r.Primary(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Name)
	}
	return strings.Join(out, " ")
}

func metalinkOf(t *testing.T, repomd string, alternates []string, urls ...string) string {
	t.Helper()
	var b strings.Builder
	hash := func(s string) string {
		return fmt.Sprintf(`<verification><hash type="sha256">%x</hash></verification>`, sha256.Sum256([]byte(s)))
	}
	b.WriteString(`<metalink xmlns="http://www.metalinker.org/" xmlns:mm0="m"><files><file name="repomd.xml">` + hash(repomd) + `<mm0:alternates>`)
	for _, a := range alternates {
		b.WriteString(`<mm0:alternate>` + hash(a) + `</mm0:alternate>`)
	}
	b.WriteString(`</mm0:alternates><resources>`)
	for i, u := range urls {
		fmt.Fprintf(&b, `<url protocol="http" preference="%d">%s/repodata/repomd.xml</url>`, 100-i, u)
	}
	b.WriteString(`</resources></file></files></metalink>`)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, b.String()) }))
	t.Cleanup(srv.Close)
	return srv.URL + "/metalink?repo=fedora-44&arch=x86_64"
}

func TestRemoteBringsThingsOnce(t *testing.T) {
	t.Parallel()
	dir, _ := made(t, "a", repo.Options{})
	m := serveDir(t, dir, nil)
	cache := t.TempDir()
	for range 3 { // each with a process's own Remote
		rm := remote(t, cache)
		r, err := rm.Open(t.Context(), repo.Location{BaseURLs: []string{m.URL + "/"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := packagesOf(t, r); got != "a" || r.URL != m.URL {
			t.Errorf("%s from %s", got, r.URL)
		}
	}
	r, err := repo.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	primary := filepath.Base(r.Repomd.Find("primary").Href)
	if m.count("200 repomd.xml") != 1 || m.count("304 repomd.xml") != 2 || m.count("200 "+primary) != 1 {
		t.Errorf("%v", m.hits)
	}
}

func TestRemoteTakesTheRightMirror(t *testing.T) {
	t.Parallel()
	oldDir, oldMD := made(t, "old", repo.Options{Revision: "1"})
	newDir, newMD := made(t, "new", repo.Options{Revision: "2", Checksum: "sha512"})
	_, otherMD := made(t, "other", repo.Options{Revision: "3"})
	stale := serveDir(t, oldDir, nil)
	// The third has repomd.xml and lacks the rest, as while it is being synced.
	partial := serveDir(t, newDir, func(path string) bool { return !strings.HasSuffix(path, "repomd.xml") })
	good := serveDir(t, newDir, nil)
	gone := serveDir(t, t.TempDir(), nil)
	rm := remote(t, t.TempDir())
	for name, tc := range map[string]struct {
		location repo.Location
		want     string
	}{
		"metalink":        {repo.Location{Metalink: metalinkOf(t, newMD, nil, gone.URL, stale.URL, partial.URL, good.URL)}, "new"},
		"alternate":       {repo.Location{Metalink: metalinkOf(t, newMD, []string{oldMD}, stale.URL, good.URL)}, "old"},
		"base URLs":       {repo.Location{BaseURLs: []string{gone.URL, good.URL}}, "new"},
		"base URL broken": {repo.Location{BaseURLs: []string{"http://127.0.0.1:1/", good.URL}}, "new"},
	} {
		r, err := rm.Open(t.Context(), tc.location)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := packagesOf(t, r); got != tc.want {
			t.Errorf("%s: %s, wants %s", name, got, tc.want)
		}
	}
	list := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("repo") == "" {
			fmt.Fprint(w, "# bad repo\n")
			return
		}
		fmt.Fprintf(w, "# repo\n%s/\n%s/\n", gone.URL, good.URL)
	}))
	t.Cleanup(list.Close)
	r, err := rm.Open(t.Context(), repo.Location{Mirrorlist: list.URL + "/mirrorlist?repo=x"})
	if err != nil || packagesOf(t, r) != "new" {
		t.Errorf("mirrorlist: %v", err)
	}
	_, err = rm.Open(t.Context(), repo.Location{BaseURLs: []string{gone.URL}})
	if status, ok := errors.AsType[*repo.StatusError](err); !ok || status.Status != http.StatusNotFound {
		t.Errorf("gone: %v", err)
	}
	for name, l := range map[string]repo.Location{
		"no mirror is right":    {Metalink: metalinkOf(t, otherMD, nil, stale.URL, good.URL)},
		"nothing in the list":   {Mirrorlist: list.URL + "/mirrorlist"},
		"nowhere":               {},
		"metalink is something": {Metalink: good.URL + "/repodata/repomd.xml"},
	} {
		if _, err := rm.Open(t.Context(), l); err == nil {
			t.Errorf("%s: accepted", name)
		} else if name == "no mirror is right" && !errors.Is(err, repo.ErrUntrusted) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRemoteStaysOutside(t *testing.T) {
	t.Parallel()
	dir, _ := made(t, "a", repo.Options{})
	m := serveDir(t, dir, nil)
	r, err := repo.NewRemote(t.TempDir(), repo.RemoteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, u := range []string{m.URL, "http://10.0.0.1/", "file://" + dir, "ftp://example.org/"} {
		if _, err := r.Open(t.Context(), repo.Location{BaseURLs: []string{u}}); err == nil {
			t.Errorf("%s: accepted", u)
		}
	}
	if len(m.hits) > 0 {
		t.Errorf("the server was asked: %v", m.hits)
	}
}

func TestRemoteNoticesAnAlteredFile(t *testing.T) {
	t.Parallel()
	for _, sum := range []string{"sha256", "sha512"} {
		dir, _ := made(t, "a", repo.Options{Checksum: sum, Compression: repo.None})
		r, err := repo.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, r.Repomd.Find("primary").Href)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, []byte(strings.Replace(string(data), "<name>a", "<name>b", 1)))
		rm, err := remote(t, t.TempDir()).Open(t.Context(), repo.Location{BaseURLs: []string{serveDir(t, dir, nil).URL}})
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range rm.Primary(t.Context()) {
			if err == nil {
				t.Errorf("%s: %s was taken", sum, e.Name)
			}
		}
	}
}
