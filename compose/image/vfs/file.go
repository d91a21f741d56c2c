package vfs

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"time"
)

type file struct {
	*io.SectionReader
	info info
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (*file) Close() error                 { return nil }

// dir is an open folder.
type dir struct {
	f    *FS
	info info
	list []fs.DirEntry
	read bool
}

func (d *dir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (*dir) Close() error                 { return nil }
func (d *dir) Read([]byte) (int, error) {
	return 0, pathError("read", d.info.name, errors.New("is a folder"))
}

// ReadDir is that of fs.ReadDirFile.
func (d *dir) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.read {
		list, err := d.f.list(d.info.n)
		if err != nil {
			return nil, pathError("readdir", d.info.name, err)
		}
		d.list, d.read = list, true
	}
	if n <= 0 {
		n = len(d.list)
	} else if len(d.list) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.list))
	out := d.list[:n]
	d.list = d.list[n:]
	return out, nil
}

type info struct {
	name string
	n    Node
}

func (i info) Name() string       { return cmp.Or(i.name, ".") }
func (i info) Size() int64        { return i.n.Size }
func (i info) Mode() fs.FileMode  { return i.n.Mode }
func (i info) ModTime() time.Time { return i.n.MTime }
func (i info) IsDir() bool        { return i.n.Mode.IsDir() }
func (info) Sys() any             { return nil }

type entry struct {
	f *FS
	d Dirent
}

func (e entry) Name() string      { return e.d.Name }
func (e entry) IsDir() bool       { return e.d.Type.IsDir() }
func (e entry) Type() fs.FileMode { return e.d.Type.Type() }
func (e entry) Info() (fs.FileInfo, error) {
	n, err := e.f.driver.Node(e.d.Ref)
	if err != nil {
		return nil, pathError("lstat", e.d.Name, err)
	}
	return info{e.d.Name, n}, nil
}
