package kiwidesc

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
)

// Archive is a description's archive that was read: of its files those that may
// be XML, in memory.
type Archive struct {
	nodes map[string]*node
	kept  int64
	top   string // the one directory that everything lies in, as forges pack it, or "."
}

// node is a file, link or directory.
type node struct {
	text   []byte // nil for what is not kept
	target string // of a symbolic link
	dir    bool
}

// Open reads an archive: tar, plain or packed by gzip, xz, zstd or bzip2. It
// takes at most MaxArchive bytes, and memory for the files that may be XML.
func Open(r io.Reader) (*Archive, error) {
	a := &Archive{nodes: map[string]*node{}}
	if err := walk(r, a); err != nil {
		return nil, fmt.Errorf("read description: %w", err)
	}
	a.top = a.single()
	return a, nil
}

// single is the one directory at the top, if there is nothing beside it.
func (a *Archive) single() string {
	top := "."
	for name := range a.nodes {
		first, _, below := strings.Cut(name, "/")
		if !below && !a.nodes[name].dir || top != "." && top != first {
			return "."
		}
		top = first
	}
	return top
}

func (a *Archive) add(name string, n *node) error {
	if old, twice := a.nodes[name]; twice {
		if old.dir && n.dir {
			return nil
		}
		return &ArchiveError{Entry: name, Reason: "stands twice in the archive"}
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		above, known := a.nodes[dir]
		switch {
		case !known:
			a.nodes[dir] = &node{dir: true}
		case !above.dir:
			return &ArchiveError{Entry: name, Reason: "lies below something that is no directory"}
		}
		if len(a.nodes) > MaxEntries {
			return &ArchiveError{Reason: fmt.Sprintf("the archive has more than %d entries", MaxEntries)}
		}
	}
	a.nodes[name] = n
	return nil
}

func (a *Archive) dir(name string) error { return a.add(name, &node{dir: true}) }

func (a *Archive) file(name string, _ fs.FileMode, size int64, r io.Reader) error {
	if size > maxKept {
		return a.add(name, &node{})
	}
	text, err := limitio.ReadAll(r, maxKept, name)
	if err != nil {
		return err //nolint:wrapcheck // the caller names the entry
	}
	start := bytes.TrimPrefix(text[:min(len(text), 256)], []byte("\xef\xbb\xbf"))
	if !bytes.HasPrefix(bytes.TrimSpace(start), []byte("<")) {
		return a.add(name, &node{})
	}
	if a.kept += int64(len(text)); a.kept > maxKeptAll {
		return &ArchiveError{Reason: fmt.Sprintf("the archive has more than %d bytes of XML", maxKeptAll)}
	}
	return a.add(name, &node{text: text})
}

func (a *Archive) symlink(name, target string) error { return a.add(name, &node{target: target}) }

func (a *Archive) link(name, target string) error {
	n, ok := a.nodes[target]
	if !ok || n.dir || n.target != "" {
		return &ArchiveError{Entry: name, Reason: "is a link to no file that came before it"}
	}
	return a.add(name, &node{text: n.text})
}

// maxLinks bounds links that lead to links.
const maxLinks = 20

// find follows links. Those that lead out of the archive end nowhere.
func (a *Archive) find(name string) (string, *node) {
	for range maxLinks {
		parts := strings.Split(name, "/")
		through := false
		for i := range parts {
			at := path.Join(parts[:i+1]...)
			n := a.nodes[at]
			if n == nil {
				return "", nil
			}
			if n.target == "" {
				continue
			}
			next := path.Join(path.Dir(at), n.target, path.Join(parts[i+1:]...))
			if path.IsAbs(n.target) || !fs.ValidPath(next) {
				return "", nil
			}
			name, through = next, true
			break
		}
		if !through {
			return name, a.nodes[name]
		}
	}
	return "", nil
}

// kiwiFiles are the names of the .kiwi files in a directory, sorted.
func (a *Archive) kiwiFiles(dir string) []string {
	var list []string
	for name, n := range a.nodes {
		if path.Dir(name) == dir && !n.dir && path.Ext(name) == ".kiwi" {
			list = append(list, path.Base(name))
		}
	}
	slices.Sort(list)
	return list
}
