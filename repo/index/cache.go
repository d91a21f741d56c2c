package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/repo"
)

// Cache keeps saved indexes in a directory. Several processes may share it.
// The zero value saves nothing.
type Cache struct {
	Dir      string       // "": nothing is saved
	MaxBytes int64        // of all saved files; the least recently used go first; 0 means 1 GiB
	Logger   hclog.Logger // told of files that could not be used or saved; nil means none
}

const (
	defaultMaxBytes = 1 << 30
	indexSuffix     = ".index"
	pathsSuffix     = ".paths"
)

// Open is Cache.Open with the other fields at their defaults.
func Open(ctx context.Context, r *repo.Repo, dir string) (*Index, error) {
	return Cache{Dir: dir}.Open(ctx, r)
}

// Open returns the index of the repository: the saved one, or a new one, which
// it saves. A cache that cannot be read or written costs time and is logged,
// but is no error.
func (c Cache) Open(ctx context.Context, r *repo.Repo) (*Index, error) {
	return cached(c, r, "primary", indexSuffix, Load,
		func() (*Index, error) { return FromRepo(ctx, r) },
		(*Index).Save)
}

// Paths returns the paths of the repository that ix is an index of: the saved
// ones, or new ones, which it saves.
func (c Cache) Paths(ctx context.Context, r *repo.Repo, ix *Index) (*Paths, error) {
	load := func(in io.Reader, size int64, key string) (*Paths, error) { return LoadPaths(in, size, ix, key) }
	return cached(c, r, "filelists", pathsSuffix, load,
		func() (*Paths, error) { return PathsFromRepo(ctx, ix, r) },
		(*Paths).Save)
}

// cached is what Open and Paths have in common.
func cached[T any](
	c Cache, r *repo.Repo, kind, suffix string,
	load func(io.Reader, int64, string) (*T, error), build func() (*T, error), save func(*T, io.Writer, string) error,
) (*T, error) {
	data := r.Repomd.Find(kind)
	if c.Dir == "" || data == nil || data.Checksum.IsZero() || strings.Trim(data.Checksum.Value, "0123456789abcdef") != "" {
		return build()
	}
	// Paths name packages by their place in primary.xml, so both must agree.
	key := data.Checksum.String()
	if primary := r.Repomd.Find("primary"); primary != nil {
		key += " " + primary.Checksum.String()
	}
	path := filepath.Join(c.Dir, data.Checksum.Value+suffix)
	out, err := loadFile(path, key, load)
	if err == nil {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // used just now; where that fails it goes a little earlier
		return out, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.warn("saved index not used", path, err)
	}
	if out, err = build(); err != nil {
		return nil, err
	}
	if err := c.store(path, func(w io.Writer) error { return save(out, w, key) }); err != nil {
		c.warn("index not saved", path, err)
	}
	return out, nil
}

func loadFile[T any](path, key string, load func(io.Reader, int64, string) (*T, error)) (*T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open saved index: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open saved index: %w", err)
	}
	return load(f, st.Size(), key)
}

func (c Cache) store(path string, fill func(io.Writer) error) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	if err := atomicfile.WriteFunc(path, 0o644, fill); err != nil {
		return fmt.Errorf("save index: %w", err)
	}
	return c.trim(path)
}

// trim removes the least recently used files, but never the one just saved,
// and what killed writers left.
func (c Cache) trim(keep string) error {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return fmt.Errorf("trim cache: %w", err)
	}
	type saved struct {
		path string
		size int64
		used time.Time
	}
	var files []saved
	var total int64
	for _, e := range entries {
		st, err := e.Info()
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		path := filepath.Join(c.Dir, e.Name())
		if strings.HasPrefix(e.Name(), atomicfile.TempPrefix) && time.Since(st.ModTime()) > time.Hour {
			_ = os.Remove(path)
		}
		if strings.HasSuffix(path, indexSuffix) || strings.HasSuffix(path, pathsSuffix) {
			files = append(files, saved{path, st.Size(), st.ModTime()})
			total += st.Size()
		}
	}
	slices.SortFunc(files, func(a, b saved) int { return cmp.Or(a.used.Compare(b.used), strings.Compare(a.path, b.path)) })
	limit := c.MaxBytes
	if limit <= 0 {
		limit = defaultMaxBytes
	}
	for _, f := range files {
		if total <= limit {
			return nil
		}
		if f.path == keep {
			continue
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("trim cache: %w", err)
		}
		total -= f.size
	}
	return nil
}

func (c Cache) warn(text, path string, err error) {
	if c.Logger != nil {
		c.Logger.Warn(text, "path", path, "error", err)
	}
}
