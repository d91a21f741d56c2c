package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/limitio"
)

// serveFiles serves published files below prefix: /images/ID/FILE, and with
// sub "repo" the side repos at /repos/ID/. Range, ETag and checksums are there;
// names are confined to the published sets.
func (d *Daemon) serveFiles(prefix, sub string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
		if id == "" || strings.HasPrefix(id, ".") {
			d.writeProblem(w, noFile())
			return
		}
		root, err := os.OpenRoot(filepath.Join(d.cfg.Data, "images"))
		if err != nil {
			d.writeProblem(w, err)
			return
		}
		defer func() { _ = root.Close() }()
		name := path.Join(id, sub, path.Clean("/"+rest))
		if hidden(name) {
			d.writeProblem(w, noFile())
			return
		}
		f, err := root.Open(name)
		if err != nil {
			d.writeProblem(w, noFile())
			return
		}
		defer func() { _ = f.Close() }()
		st, err := f.Stat()
		switch {
		case err != nil:
			d.writeProblem(w, err)
		case st.IsDir():
			d.serveListing(w, r, f, st)
		default:
			contentType(w, name)
			w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, st.ModTime().UnixNano(), st.Size()))
			http.ServeContent(w, r, path.Base(name), st.ModTime(), f)
		}
	})
}

// hidden are names that belong to publishing and not to a set.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != ".treeinfo" && part != ".discinfo" {
			return true
		}
	}
	return false
}

// contentType: what a browser would guess from an RPM's or ISO's bytes is wrong.
func contentType(w http.ResponseWriter, name string) {
	switch path.Ext(name) {
	case ".rpm":
		w.Header().Set("Content-Type", "application/x-rpm")
	case ".iso":
		w.Header().Set("Content-Type", "application/x-iso9660-image")
	case ".log", ".ks", ".repo", "":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// What others made must never run with the rights of these pages.
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
}

// serveListing shows a directory as plain links.
func (d *Daemon) serveListing(w http.ResponseWriter, r *http.Request, f *os.File, _ fs.FileInfo) {
	if !strings.HasSuffix(r.URL.Path, "/") {
		http.Redirect(w, r, "./"+path.Base(r.URL.Path)+"/", http.StatusMovedPermanently) //nolint:gosec // G710: "./" keeps it on this server
		return
	}
	entries, err := f.ReadDir(-1)
	if err != nil {
		d.writeProblem(w, err)
		return
	}
	d.pages.Listing(w, r, entries)
}

func noFile() error {
	return refuseCall(codeNotFound, http.StatusNotFound, "There is no such file.", "The artifacts of a compose list its files; those of an expired one are gone.")
}

// hostedReport reads the package report from the published set.
func (d *Daemon) hostedReport(id string) ([]compose.PackageEntry, error) {
	f, err := os.Open(filepath.Join(d.cfg.Data, "images", id, "report.json"))
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	defer func() { _ = f.Close() }()
	data, err := limitio.ReadAll(f, 64<<20, "the report")
	var r compose.Result
	if err = errors.Join(err, json.Unmarshal(data, &r)); err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	return r.Packages, nil
}
