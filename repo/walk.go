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

// task is one RPM to index.
type task struct {
	rel  string // slash-separated path below the directory
	base string
	dir  string // what stands before base in rel
	href string
}

// maxDepth bounds the walk: symbolic links can make a tree endless.
const maxDepth = 256

// findTasks lists the RPMs in createrepo_c's order: by base name, then by
// directory, both as bytes.
func findTasks(ctx context.Context, dir string, o *Options) ([]task, error) {
	var tasks []task
	if o.PkgList != nil {
		for _, p := range o.PkgList {
			tasks = appendTask(tasks, filepath.ToSlash(p), o)
		}
	} else {
		w := walker{ctx: ctx, root: dir, opts: o}
		if err := w.walk("", nil); err != nil {
			return nil, err
		}
		tasks = w.tasks
	}
	slices.SortStableFunc(tasks, func(a, b task) int {
		if c := strings.Compare(a.base, b.base); c != 0 {
			return c
		}
		return strings.Compare(a.dir, b.dir)
	})
	return tasks, nil
}

func appendTask(tasks []task, rel string, o *Options) []task {
	if excluded(rel, o.Excludes) {
		return tasks
	}
	t := task{rel: rel, base: rel, href: rel}
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		t.dir, t.base = rel[:i], rel[i+1:]
	}
	for range o.CutDirs {
		_, after, ok := strings.Cut(t.href, "/")
		if !ok {
			break
		}
		t.href = after
	}
	if o.LocationPrefix != "" {
		t.href = strings.TrimRight(o.LocationPrefix, "/") + "/" + strings.TrimLeft(t.href, "/")
	}
	return append(tasks, t)
}

type walker struct {
	ctx   context.Context //nolint:containedctx // lives for one walk
	root  string
	opts  *Options
	tasks []task
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
		w.opts.Logger.Warn("directory not readable", "path", full)
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
	case mode.IsRegular() && strings.HasSuffix(name, ".rpm"):
		w.tasks = appendTask(w.tasks, rel+name, w.opts)
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
