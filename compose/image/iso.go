package image

import (
	"io"
	"io/fs"
	"sync"

	"github.com/fedora-respin/respin/compose/image/vfs"
	"github.com/fedora-respin/respin/compose/iso"
)

// isoFS makes an fs.FS of an ISO 9660 image.
func isoFS(m *iso.Image) fs.FS {
	return vfs.New(&isoDriver{m: m, entries: []iso.Entry{m.Root()}})
}

// isoDriver is a vfs.Driver. A directory record has no number of its own, so
// that each one that was read gets the next.
type isoDriver struct {
	m *iso.Image

	mu      sync.Mutex
	entries []iso.Entry
}

func (d *isoDriver) entry(ref uint64) iso.Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.entries[ref] // the driver gave it out itself
}

// Root is part of vfs.Driver.
func (d *isoDriver) Root() (vfs.Node, error) { return d.Node(0) }

// Node is part of vfs.Driver.
func (d *isoDriver) Node(ref uint64) (vfs.Node, error) {
	e := d.entry(ref)
	return vfs.Node{Ref: ref, Mode: e.Mode, Size: e.Size}, nil
}

// ReadDir is part of vfs.Driver.
func (d *isoDriver) ReadDir(n vfs.Node) ([]vfs.Dirent, error) {
	entries, err := d.m.ReadDir(d.entry(n.Ref))
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the image
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.entries)+len(entries) > maxISOEntries {
		return nil, &vfs.FormatError{System: "iso9660", Reason: "too many files"}
	}
	list := make([]vfs.Dirent, len(entries))
	for i, e := range entries {
		list[i] = vfs.Dirent{Name: e.Name, Type: e.Mode.Type(), Ref: uint64(len(d.entries))}
		d.entries = append(d.entries, e)
	}
	return list, nil
}

// Content is part of vfs.Driver.
func (d *isoDriver) Content(n vfs.Node) (io.ReaderAt, error) {
	return isoContent{d.m, d.entry(n.Ref)}, nil
}

// ReadLink is part of vfs.Driver. The reader of Rock Ridge tells that a file is
// a link, not where it leads: media are made without.
func (*isoDriver) ReadLink(vfs.Node) (string, error) {
	return "", &vfs.UnsupportedError{System: "iso9660", Feature: "a symbolic link"}
}

// maxISOEntries bounds what is remembered of an image that lies.
const maxISOEntries = 4 << 20

type isoContent struct {
	m *iso.Image
	e iso.Entry
}

// ReadAt is that of io.ReaderAt.
func (c isoContent) ReadAt(p []byte, off int64) (int, error) {
	return c.m.ReadAt(c.e, p, off) //nolint:wrapcheck // it names the image
}
