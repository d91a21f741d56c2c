package publish

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// Publisher puts sets at one place. All methods may be called concurrently and
// from several processes, and each may be called again after a failure or a
// kill at any point. Every error names what was being done; callers branch on
// the errors of this package with errors.Is and errors.As.
type Publisher interface {
	// Stage uploads every file of the set under a name that belongs to this
	// attempt and that nobody is told. What an earlier call for the same
	// attempt left is gone on with. Each file is checked by size and SHA-256;
	// *MismatchError when one changed since the scan. When the place already
	// holds this very set, staged or published, it returns at once;
	// *ExistsError when it holds another one under the ID.
	Stage(ctx context.Context, set Set, progress Progress) (Staged, error)
	// Finalize gives the staged set its final name by one rename. When the
	// final name already holds this set it succeeds, whoever put it there;
	// *ExistsError when it holds another, ErrNotStaged when there is nothing.
	// It needs nothing of the machine that staged.
	Finalize(ctx context.Context, staged Staged) (Location, error)
	// Remove deletes what stands under id: with attempt 0 the published set
	// and everything staged for it, else only what that attempt staged.
	// Nothing there is success.
	Remove(ctx context.Context, id string, attempt int) error
	// Close releases connections; calls after it return ErrClosed.
	Close() error
}

// Progress is told how many of a file's bytes are at the place. A file that
// was there already is reported once, as complete. Calls come one at a time
// and must be quick. A nil Progress is fine.
type Progress func(file string, done, total int64)

// Set is what one attempt at one compose made: files below one directory.
type Set struct {
	ID      string // final name; letters, digits, dot, dash and underscore
	Attempt int    // from 1
	Dir     string // local directory
	Files   []File // with the CHECKSUM file; sorted by Path
}

// File is one file of a set.
type File struct {
	Path    string    `json:"path"`   // relative to Set.Dir, with slashes
	Size    int64     `json:"size"`   // bytes
	SHA256  string    `json:"sha256"` // lower-case hex
	ModTime time.Time `json:"mod_time"`
}

// Staged is a set that is at the place but not published. It is recorded as
// JSON, so that any process can finish the work.
type Staged struct {
	ID      string `json:"id"`
	Attempt int    `json:"attempt"`
	Digest  string `json:"digest"` // SHA-256 of the CHECKSUM file, in hex
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
}

// Location is where a published set is.
type Location struct {
	ID  string `json:"id"`
	URL string `json:"url"` // of the set's directory, ends with a slash
}

// File returns the URL of one file of the set.
func (l Location) File(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return l.URL + strings.Join(parts, "/")
}

// At makes the Location of a set below the URL base; an empty base gives a
// relative URL.
func At(base, id string) Location {
	if base != "" && !strings.HasSuffix(base, "/") {
		base += "/"
	}
	return Location{ID: id, URL: base + url.PathEscape(id) + "/"}
}

// Staged returns the record of the set's staging.
func (s Set) Staged() Staged {
	st := Staged{ID: s.ID, Attempt: s.Attempt, Files: len(s.Files)}
	for _, f := range s.Files {
		st.Bytes += f.Size
		if f.Path == ChecksumName {
			st.Digest = f.SHA256
		}
	}
	return st
}

// UploadOrder returns the files in the order in which adapters send them:
// CHECKSUM last.
func (s Set) UploadOrder() []File {
	var files, last []File
	for _, f := range s.Files {
		if f.Path == ChecksumName {
			last = append(last, f)
		} else {
			files = append(files, f)
		}
	}
	return append(files, last...)
}
