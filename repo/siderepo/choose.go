package siderepo

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo/rpm"
)

// choice is an item that will be in the repository.
type choice struct {
	path     string // links resolved
	location string // slash-separated, below the repository
	built    int64
	build    string // NVR
}

var errName = errors.New("file name must be a plain name that ends in .rpm")

// choose reads the headers, drops copies and refuses clashes.
func choose(ctx context.Context, items []Item) ([]choice, error) {
	var out []choice
	byNEVRA := make(map[string]string, len(items))
	byName := make(map[string]string, len(items))
	for _, it := range items {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		path, err := filepath.EvalSymlinks(it.Path)
		if err != nil {
			return nil, &ItemError{Path: it.Path, Err: err}
		}
		name := it.Name
		if name == "" {
			name = filepath.Base(it.Path)
		}
		if name != filepath.Base(name) || strings.HasPrefix(name, ".") || !strings.HasSuffix(name, ".rpm") {
			return nil, &ItemError{Path: it.Path, Err: fmt.Errorf("%w: %q", errName, name)}
		}
		pkg, err := rpm.Open(path)
		if err != nil {
			return nil, &ItemError{Path: it.Path, Err: err}
		}
		nevra := pkg.NEVRA().String() // the text leaves out epoch 0, as it must to compare
		for _, known := range []struct {
			what, value string
			seen        map[string]string
		}{{"NEVRA", nevra, byNEVRA}, {"file name", name, byName}} {
			first, ok := known.seen[known.value]
			if !ok {
				continue
			}
			same, err := sameContent(first, path)
			if err != nil {
				return nil, &ItemError{Path: it.Path, Err: err}
			}
			if !same {
				return nil, &ClashError{What: known.what, Value: known.value, First: first, Second: it.Path}
			}
		}
		if _, ok := byNEVRA[nevra]; ok {
			continue // a copy
		}
		byNEVRA[nevra], byName[name] = path, path
		out = append(out, choice{path: path, location: location(name), built: pkg.BuildTime, build: buildOf(pkg)})
	}
	return out, nil
}

// location sorts by the first letter, as Fedora's trees do.
func location(name string) string {
	return "Packages/" + strings.ToLower(name[:1]) + "/" + name
}

func sameContent(a, b string) (bool, error) {
	x, err := sum(a)
	if err != nil {
		return false, err
	}
	y, err := sum(b)
	return x == y, err
}

func sum(path string) ([sha256.Size]byte, error) {
	var out [sha256.Size]byte
	f, err := os.Open(path)
	if err != nil {
		return out, fmt.Errorf("hash package: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return out, fmt.Errorf("hash package: %w", err)
	}
	h.Sum(out[:0])
	return out, nil
}

// place links src to dst, with the time built. Where that cannot be (another
// file system, one that knows no links, a file of another time or one that a web
// server of another user may not read) it copies.
func place(src, dst string, built time.Time) error {
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return fmt.Errorf("place package: %w", err)
	}
	st, err := os.Stat(src)
	if err != nil {
		return fmt.Errorf("place package: %w", err)
	}
	if !st.Mode().IsRegular() {
		return errors.New("place package: not a regular file")
	}
	// A link shares the file's time with everybody who has it: it is only taken
	// where the time is right already.
	if st.Mode().Perm()&0o444 == 0o444 && st.ModTime().Equal(built) {
		err = os.Link(src, dst)
		if err == nil {
			return nil
		}
		if !linkImpossible(err) {
			return fmt.Errorf("place package: %w", err)
		}
	}
	in, err := os.Open(src)
	if err != nil {
		return fmt.Errorf("place package: %w", err)
	}
	defer in.Close() //nolint:errcheck // opened for reading
	if err := atomicfile.WriteFunc(dst, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	}); err != nil {
		return fmt.Errorf("place package: %w", err)
	}
	if err := os.Chtimes(dst, built, built); err != nil {
		return fmt.Errorf("place package: %w", err)
	}
	return nil
}

func linkImpossible(err error) bool {
	for _, e := range []error{unix.EXDEV, unix.EPERM, unix.EMLINK, unix.EOPNOTSUPP, unix.ENOSYS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
