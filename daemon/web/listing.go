package web

import (
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

type listingPage struct {
	Path    string
	ID      string // of the compose that the files are of
	Parent  bool
	Entries []listingEntry
}

type listingEntry struct {
	Name, Href string
	Dir        bool
	Size       int64
	Modified   time.Time
}

// Listing writes the page of one directory below /images/ID/ or /repos/ID/. The
// request's path must end in a slash, as links are relative to it. Names with a
// leading dot are left out, but for the two that installers look for.
func (p *Pages) Listing(w http.ResponseWriter, r *http.Request, entries []fs.DirEntry) {
	secure(w.Header())
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	page := listingPage{Path: r.URL.Path, Parent: len(parts) > 2}
	if len(parts) > 1 {
		page.ID = parts[1]
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") && name != ".treeinfo" && name != ".discinfo" {
			continue
		}
		entry := listingEntry{Name: name, Dir: e.IsDir(), Href: "./" + url.PathEscape(name)}
		if entry.Dir {
			entry.Name, entry.Href = name+"/", entry.Href+"/"
		}
		// A file that goes away meanwhile is listed without its facts.
		if info, err := e.Info(); err == nil {
			entry.Size, entry.Modified = info.Size(), info.ModTime()
		}
		page.Entries = append(page.Entries, entry)
	}
	slices.SortFunc(page.Entries, func(a, b listingEntry) int {
		if a.Dir != b.Dir {
			if a.Dir {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	p.render(w, http.StatusOK, "listing", view{Title: page.Path, Page: page})
}
