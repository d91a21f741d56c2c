package kickstart

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"
)

// Includer opens the file that a %include or %ksappend names.
type Includer interface {
	// Open resolves name as written in the file from, and returns the resolved
	// name, by which cycles are seen and from which further relative names
	// start. A file that does not exist is reported as fs.ErrNotExist.
	Open(from, name string) (file string, body io.ReadCloser, err error)
}

// FSIncluder follows includes inside fsys and nowhere else: names are relative
// to the including file, and a name that is absolute, a URL or leaves fsys is
// refused. For a directory of the host, pass os.OpenRoot(dir).FS(), which also
// stops symbolic links that lead outside. The name given to Parse must then be
// the path of the kickstart inside fsys.
func FSIncluder(fsys fs.FS) Includer { return fsIncluder{fsys} }

type fsIncluder struct{ fsys fs.FS }

// errOutside reports a name that leads out of the root.
var errOutside = errors.New("leads outside the kickstart's folder")

// Open implements Includer.
func (f fsIncluder) Open(from, name string) (string, io.ReadCloser, error) {
	switch {
	case strings.Contains(name, "://"):
		return "", nil, fmt.Errorf("include %s: URLs are not followed", name)
	case path.IsAbs(name):
		// Absolute names are files that a %pre script writes on the target; on
		// this side they never exist.
		return "", nil, fmt.Errorf("include %s: an absolute path: %w", name, fs.ErrNotExist)
	}
	file := path.Join(path.Dir(from), name)
	if !fs.ValidPath(file) {
		return "", nil, fmt.Errorf("include %s: %w", name, errOutside)
	}
	// A pipe would keep whoever opens it waiting for ever.
	switch info, err := fs.Stat(f.fsys, file); {
	case err != nil:
		return "", nil, fmt.Errorf("include %s: %w", name, err)
	case !info.Mode().IsRegular():
		return "", nil, fmt.Errorf("include %s: it is no regular file", name)
	}
	body, err := f.fsys.Open(file)
	if err != nil {
		return "", nil, fmt.Errorf("include %s: %w", name, err)
	}
	return file, body, nil
}

// URLIncluder follows includes of http and https addresses by fetch, and gives
// all other names to files (nil: they are refused). A relative name in a file
// that came by URL is relative to that URL, so nothing that comes over the
// network reaches local files. fetch decides what may be asked: that it does
// not reach hosts inside the own network, follows redirects only there, bounds
// time and size. It reports what does not exist as fs.ErrNotExist. The name
// given to Parse may be a URL too.
func URLIncluder(files Includer, fetch func(address string) (io.ReadCloser, error)) Includer {
	return urlIncluder{files, fetch}
}

type urlIncluder struct {
	files Includer
	fetch func(string) (io.ReadCloser, error)
}

// Open implements Includer.
func (u urlIncluder) Open(from, name string) (string, io.ReadCloser, error) {
	remote := strings.Contains(from, "://")
	switch {
	case !strings.Contains(name, "://") && !remote && u.files == nil:
		return "", nil, fmt.Errorf("include %s: only URLs are followed", name)
	case !strings.Contains(name, "://") && !remote:
		return u.files.Open(from, name) //nolint:wrapcheck // the other Includer's own message
	case remote && path.IsAbs(name):
		return "", nil, fmt.Errorf("include %s: an absolute path: %w", name, fs.ErrNotExist)
	}
	address, err := resolveURL(from, name, remote)
	if err != nil {
		return "", nil, fmt.Errorf("include %s: %w", name, err)
	}
	body, err := u.fetch(address)
	if err != nil {
		return "", nil, fmt.Errorf("include %s: %w", name, err)
	}
	return address, body, nil
}

// resolveURL makes the absolute address of an include.
func resolveURL(from, name string, relative bool) (string, error) {
	u, err := url.Parse(name)
	if err != nil {
		return "", err //nolint:wrapcheck // wrapped by the caller
	}
	if relative {
		base, err := url.Parse(from)
		if err != nil {
			return "", err //nolint:wrapcheck // wrapped by the caller
		}
		u = base.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", errors.New("only http and https are followed")
	}
	u.Fragment = ""
	return u.String(), nil
}
