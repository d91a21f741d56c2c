package kickstart

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	body, err := f.fsys.Open(file)
	if err != nil {
		return "", nil, fmt.Errorf("include %s: %w", name, err)
	}
	return file, body, nil
}
