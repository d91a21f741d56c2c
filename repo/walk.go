package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// task is one RPM to index. There is one for each package of the repository in
// memory, so it is kept small.
type task struct {
	rel    string // slash-separated path below the directory
	slash  int32  // of the last slash in rel, -1 without one
	reused bool   // its parts come from the metadata of the last run
}

func newTask(rel string) task { return task{rel: rel, slash: int32(strings.LastIndexByte(rel, '/'))} }

// base is the file's name, dir what stands before it.
func (t *task) base() string { return t.rel[t.slash+1:] }
func (t *task) dir() string  { return t.rel[:max(t.slash, 0)] }

// compare is createrepo_c's order: by base name, then by directory, both as bytes.
func (t *task) compare(o *task) int {
	if c := strings.Compare(t.base(), o.base()); c != 0 {
		return c
	}
	return strings.Compare(t.dir(), o.dir())
}

// maxDepth bounds the walk: symbolic links can make a tree endless.
const maxDepth = 256

// findings are what a directory holds for us.
type findings struct {
	tasks   []task   // RPMs, in createrepo_c's order
	modules []string // paths of module metadata below the directory, sorted
	unread  []string // directories that were left out, and why, as sentences
}

// findTasks walks the directory, or takes the list.
func findTasks(ctx context.Context, dir string, o *Options) (*findings, error) {
	w := walker{ctx: ctx, root: dir, opts: o}
	if o.PkgList != nil {
		for _, p := range o.PkgList {
			w.add(filepath.ToSlash(p))
		}
	} else if err := w.walk("", nil); err != nil {
		return nil, err
	}
	slices.SortStableFunc(w.tasks, func(a, b task) int { return a.compare(&b) })
	slices.Sort(w.modules)
	return &w.findings, nil
}

// add takes in a file that is an RPM or module metadata.
func (w *walker) add(rel string) {
	t := newTask(rel)
	switch {
	case excluded(rel, w.opts.Excludes):
	case isModules(t.base()):
		w.modules = append(w.modules, rel)
	default:
		w.tasks = append(w.tasks, t)
	}
}

// isModules tells whether createrepo_c would take a file of that name for
// module metadata. It looks at the whole path; a folder's name says nothing here.
func isModules(base string) bool {
	return slices.ContainsFunc([]string{"modules.yaml", ".modulemd.yaml", ".modulemd-defaults.yaml"}, func(part string) bool {
		return strings.Contains(base, part)
	})
}

// href is where the metadata say that the package at rel is.
func (o *Options) href(rel string) string {
	for range o.CutDirs {
		_, after, ok := strings.Cut(rel, "/")
		if !ok {
			break
		}
		rel = after
	}
	if o.LocationPrefix != "" {
		rel = strings.TrimRight(o.LocationPrefix, "/") + "/" + strings.TrimLeft(rel, "/")
	}
	return rel
}

type walker struct {
	ctx  context.Context //nolint:containedctx // lives for one walk
	root string
	opts *Options
	findings
}

// walk reads the directory rel; parents are the directories above, so that a
// symbolic link to one of them is not followed again.
func (w *walker) walk(rel string, parents []fs.FileInfo) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	full := filepath.Join(w.root, filepath.FromSlash(rel))
	self, err := os.Stat(full)
	if err != nil {
		return fmt.Errorf("walk repository: %w", err)
	}
	if len(parents) > maxDepth || slices.ContainsFunc(parents, func(p fs.FileInfo) bool { return os.SameFile(p, self) }) {
		w.opts.Logger.Warn("directory loop not followed", "path", full)
		return nil
	}
	names, err := os.ReadDir(full)
	if err != nil {
		if rel == "" || !errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("walk repository: %w", err)
		}
		w.unread = append(w.unread, "what is in "+rel+" is left out: permission denied")
		return nil
	}
	parents = append(slices.Clip(parents), self)
	for _, e := range names {
		if err := w.visit(full, rel, e, parents); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) visit(full, rel string, e fs.DirEntry, parents []fs.FileInfo) error {
	name := e.Name()
	if excluded(name, w.opts.Excludes) {
		return nil
	}
	if rel != "" {
		rel += "/"
	}
	mode := e.Type()
	if mode&fs.ModeSymlink != 0 {
		st, err := os.Stat(filepath.Join(full, name))
		if err != nil {
			return nil //nolint:nilerr // a dangling link is no RPM, as for createrepo_c
		}
		mode = st.Mode().Type()
		if mode.IsRegular() && w.opts.SkipSymlinks {
			return nil
		}
	}
	switch {
	case mode.IsDir():
		return w.walk(rel+name, parents)
	case mode.IsRegular() && isModules(name) && rel == hrefPrefix:
		// The output of an earlier run is no input.
	case mode.IsRegular() && (strings.HasSuffix(name, ".rpm") || isModules(name)):
		w.add(rel + name)
	}
	return nil
}

func excluded(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return globMatch(p, name) })
}

// globMatch matches as GLib's GPatternSpec does: * any run of characters
// including the slash, ? one character, nothing else is special.
func globMatch(pattern, name string) bool {
	star, mark := -1, 0 // last * seen, and where its run ends in name
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
			continue
		case p < len(pattern) && pattern[p] == '?':
			_, size := utf8.DecodeRuneInString(name[n:])
			p, n = p+1, n+size
			continue
		case p < len(pattern) && pattern[p] == name[n]:
			p, n = p+1, n+1
			continue
		case star < 0:
			return false
		}
		mark++
		p, n = star+1, mark
	}
	return strings.Trim(pattern[p:], "*") == ""
}
