// Package vfs makes an fs.FS of what a driver knows about a file system in an
// image: paths, symbolic links that stay inside, folders that are read once.
// The drivers are compose/image/squashfs, ext4, erofs and the ISO 9660 of
// compose/image.
//
//	fsys := vfs.New(driver)
//	data, err := fs.ReadFile(fsys, "etc/os-release") // follows links, never out of the image
//	target, err := fsys.ReadLink("bin")              // "usr/bin"
//	f, err := fsys.Open("LiveOS/squashfs.img")
//	inner := f.(io.ReaderAt)                         // every file has random access
//
// An image comes from outside. The depth of paths, the number of links followed
// and the size of folders are bounded here; a driver bounds what it reads.
package vfs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of every file system.
const (
	MaxEntries = 1 << 20 // of one folder
	MaxLinks   = 40      // followed for one path, as Linux does
	MaxTarget  = 4096    // bytes of a link's target, as Linux does
	maxDepth   = 256     // folders of one path
	maxCached  = 1 << 20 // entries of folders that are kept
)

// Node is what a driver knows about one file.
type Node struct {
	Ref   uint64 // the driver's own name for it
	Mode  fs.FileMode
	Size  int64 // bytes
	MTime time.Time
}

// Dirent is an entry of a folder.
type Dirent struct {
	Name string
	Type fs.FileMode // type bits
	Ref  uint64
}

// Driver reads one file system. Its methods may be called by many goroutines.
// Errors say what is wrong with the image.
type Driver interface {
	// Root is the node of the root folder.
	Root() (Node, error)
	// Node finds out about a file by its reference.
	Node(ref uint64) (Node, error)
	// ReadDir lists a folder, without "." and "..", at most MaxEntries.
	ReadDir(Node) ([]Dirent, error)
	// Content is the content of a regular file, of Node.Size bytes.
	Content(Node) (io.ReaderAt, error)
	// ReadLink is the target of a symbolic link, at most MaxTarget bytes.
	ReadLink(Node) (string, error)
}

// FS is an fs.FS with links; its files are io.ReaderAt, too. It may be used by
// many goroutines.
type FS struct {
	// Notes are sentences about what was not read.
	Notes []string

	driver Driver

	mu   sync.Mutex
	dirs map[uint64]map[string]Dirent
	kept int // entries in dirs
}

var (
	_ fs.ReadDirFS  = (*FS)(nil)
	_ fs.StatFS     = (*FS)(nil)
	_ fs.ReadLinkFS = (*FS)(nil)
)

// New returns the file system of a driver.
func New(d Driver) *FS { return &FS{driver: d, dirs: map[uint64]map[string]Dirent{}} }

// errLoop says that links lead in a circle.
var errLoop = errors.New("too many levels of symbolic links")

// dir returns the entries of a folder by name.
func (f *FS) dir(n Node) (map[string]Dirent, error) {
	f.mu.Lock()
	list := f.dirs[n.Ref]
	f.mu.Unlock()
	if list != nil {
		return list, nil
	}
	entries, err := f.driver.ReadDir(n)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the path
	}
	list = make(map[string]Dirent, len(entries))
	for _, e := range entries {
		if e.Name == "" || e.Name == "." || e.Name == ".." || strings.ContainsAny(e.Name, "/\x00") {
			return nil, fmt.Errorf("it has a file called %q", e.Name)
		}
		if _, ok := list[e.Name]; ok {
			return nil, fmt.Errorf("it has the file %q twice", e.Name)
		}
		list[e.Name] = e
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.dirs[n.Ref]; ok {
		return list, nil
	}
	if f.kept += len(list); f.kept > maxCached {
		clear(f.dirs)
		f.kept = len(list)
	}
	f.dirs[n.Ref] = list
	return list, nil
}

// resolve finds the node of a path. Links are followed within the image, an
// absolute one from its root; the last one only when follow says so.
func (f *FS) resolve(name string, follow bool) (Node, error) {
	if !fs.ValidPath(name) {
		return Node{}, fs.ErrInvalid
	}
	root, err := f.driver.Root()
	if err != nil {
		return Node{}, err //nolint:wrapcheck // the caller names the path
	}
	stack := []Node{root} // the folders from the root to where we are
	rest := strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			stack = stack[:max(1, len(stack)-1)]
			continue
		}
		at := stack[len(stack)-1]
		if !at.Mode.IsDir() || len(stack) > maxDepth {
			return Node{}, fs.ErrNotExist
		}
		entries, err := f.dir(at)
		if err != nil {
			return Node{}, err
		}
		e, ok := entries[part]
		if !ok {
			return Node{}, fs.ErrNotExist
		}
		n, err := f.driver.Node(e.Ref)
		if err != nil {
			return Node{}, err //nolint:wrapcheck // the caller names the path
		}
		if n.Mode&fs.ModeSymlink == 0 || len(rest) == 0 && !follow {
			stack = append(stack, n)
			continue
		}
		if links++; links > MaxLinks {
			return Node{}, errLoop
		}
		target, err := f.driver.ReadLink(n)
		if err != nil {
			return Node{}, err //nolint:wrapcheck // the caller names the path
		}
		if strings.HasPrefix(target, "/") {
			stack = stack[:1]
		}
		rest = append(strings.Split(target, "/"), rest...)
		if len(rest) > maxDepth {
			return Node{}, errLoop
		}
	}
	return stack[len(stack)-1], nil
}

func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Stat follows links.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	n, err := f.resolve(name, true)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return info{base(name), n}, nil
}

// Lstat does not follow the last link.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	n, err := f.resolve(name, false)
	if err != nil {
		return nil, pathError("lstat", name, err)
	}
	return info{base(name), n}, nil
}

// ReadLink returns the target of a link as it stands in the image.
func (f *FS) ReadLink(name string) (string, error) {
	n, err := f.resolve(name, false)
	if err == nil && n.Mode&fs.ModeSymlink == 0 {
		err = fs.ErrInvalid
	}
	if err != nil {
		return "", pathError("readlink", name, err)
	}
	target, err := f.driver.ReadLink(n)
	if err != nil {
		return "", pathError("readlink", name, err)
	}
	return target, nil
}

// ReadDir lists a folder in the order of the names.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := f.resolve(name, true)
	if err == nil && !n.Mode.IsDir() {
		err = errors.New("not a folder")
	}
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	list, err := f.list(n)
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	return list, nil
}

func (f *FS) list(n Node) ([]fs.DirEntry, error) {
	entries, err := f.dir(n)
	if err != nil {
		return nil, err
	}
	list := make([]fs.DirEntry, 0, len(entries))
	for _, e := range entries {
		list = append(list, entry{f, e})
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Open opens a file or folder, following links. A regular file is an
// io.ReaderAt and an io.Seeker.
func (f *FS) Open(name string) (fs.File, error) {
	n, err := f.resolve(name, true)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if n.Mode.IsDir() {
		return &dir{f: f, info: info{base(name), n}}, nil
	}
	if !n.Mode.IsRegular() {
		return nil, pathError("open", name, errors.New("not a regular file"))
	}
	r, err := f.driver.Content(n)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &file{io.NewSectionReader(r, 0, n.Size), info{base(name), n}}, nil
}

// Mode turns st_mode of Unix into the mode of Go.
func Mode(unix uint32) fs.FileMode {
	m := fs.FileMode(unix & 0o777)
	switch unix & 0o170000 {
	case 0o040000:
		m |= fs.ModeDir
	case 0o120000:
		m |= fs.ModeSymlink
	case 0o020000:
		m |= fs.ModeDevice | fs.ModeCharDevice
	case 0o060000:
		m |= fs.ModeDevice
	case 0o010000:
		m |= fs.ModeNamedPipe
	case 0o140000:
		m |= fs.ModeSocket
	case 0o100000:
	default:
		m |= fs.ModeIrregular
	}
	for bit, mode := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if unix&bit != 0 {
			m |= mode
		}
	}
	return m
}

// DirentType turns the type byte that ext4 and erofs keep in a folder into type
// bits: 1 regular, 2 folder, 3 character device, 4 block device, 5 pipe,
// 6 socket, 7 link.
func DirentType(b byte) fs.FileMode {
	types := [8]fs.FileMode{
		fs.ModeIrregular, 0, fs.ModeDir, fs.ModeDevice | fs.ModeCharDevice, fs.ModeDevice, fs.ModeNamedPipe, fs.ModeSocket, fs.ModeSymlink,
	}
	return types[b&7]
}
