package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/fedora-respin/respin/compose/image/vfs"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpmdb"
)

// Tar is a system packed as a tar archive, as livemedia-creator's --make-tar and
// --make-oci do. Of it only what tells about packages is there: the folders of
// rpm's database, and os-release.
const Tar Format = "tar"

// Bounds of a tar archive.
const (
	maxTarBytes = 64 << 30 // unpacked
	maxTarFiles = 8 << 20  // headers
	maxTarKept  = 4 << 30  // bytes of the files that are kept
	maxTarNodes = 1000     // files that are kept, and their folders
)

// ociRoot is where livemedia-creator puts the system of an OCI bundle.
const ociRoot = "rootfs"

// packings are the magic numbers of compressions and the names that
// repo.Decompress knows them by.
func packings() map[string]string {
	return map[string]string{"\xfd7zXZ\x00": "tar.xz", "\x1f\x8b": "tar.gz", "\x28\xb5\x2f\xfd": "tar.zst", "BZh": "tar.bz2"}
}

const tarHeader = 512

func isTar(header []byte) bool { return len(header) == tarHeader && string(header[257:262]) == "ustar" }

// tarStream returns the unpacked archive; nil when r holds none.
func tarStream(r io.Reader) io.Reader {
	var head [tarHeader]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil // an empty file is no archive
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), r)
	if isTar(head[:n]) {
		return whole
	}
	for magic, name := range packings() {
		if !strings.HasPrefix(string(head[:n]), magic) {
			continue
		}
		z, err := repo.Decompress(name, whole)
		if err == nil {
			n, err = io.ReadFull(z, head[:])
		}
		if err != nil || !isTar(head[:n]) {
			return nil // something else is packed, such as a disk
		}
		return io.MultiReader(bytes.NewReader(head[:n]), z)
	}
	return nil
}

// tarball reads the archive once, keeps the files of interest in a nameless
// temporary file and adds the system as a layer. It tells whether f is one.
func (m *Image) tarball(f io.Reader) (bool, error) {
	stream := tarStream(f)
	if stream == nil {
		return false, nil
	}
	kept, err := os.CreateTemp("", "respin-tar-*")
	if err != nil {
		return true, fmt.Errorf("keep files of the archive: %w", err)
	}
	m.closers = append(m.closers, kept)
	if err := os.Remove(kept.Name()); err != nil {
		return true, fmt.Errorf("keep files of the archive: %w", err)
	}
	d := &tarDriver{kept: kept, nodes: []tarNode{{mode: fs.ModeDir | 0o755}}}
	limited := &io.LimitedReader{R: stream, N: maxTarBytes}
	err = d.read(tar.NewReader(limited))
	switch {
	case limited.N == 0:
		return true, &vfs.FormatError{System: "tar", Reason: fmt.Sprintf("it unpacks to more than %d GiB", maxTarBytes>>30)}
	case err != nil:
		return true, err
	}
	l := Layer{Format: Tar, FS: vfs.New(d)}
	if sub, err := fs.Sub(l.FS, ociRoot); err == nil {
		if info, err := fs.Stat(l.FS, ociRoot); err == nil && info.IsDir() {
			l = Layer{Path: ociRoot, Format: Tar, FS: sub}
		}
	}
	m.Layers = append(m.Layers, l)
	return true, nil
}

// tarNode is a kept file, or a folder that leads to one.
type tarNode struct {
	name     string
	mode     fs.FileMode
	off      int64 // in kept
	size     int64
	target   string
	children []uint64
}

// tarDriver is a vfs.Driver.
type tarDriver struct {
	kept  *os.File
	size  int64
	nodes []tarNode // the root first
}

// wanted tells whether a path, without a leading "./", is kept.
func wanted(name string) bool {
	name = strings.TrimPrefix(name, ociRoot+"/")
	if name == "usr/lib/os-release" || name == "etc/os-release" {
		return true
	}
	for _, dir := range rpmdb.Folders() {
		if name == dir || path.Dir(name) == dir {
			return true
		}
	}
	return false
}

func (d *tarDriver) read(r *tar.Reader) error {
	for range maxTarFiles {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &vfs.FormatError{System: "tar", Reason: "it is damaged", Err: err}
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if !wanted(name) {
			continue
		}
		n := tarNode{mode: h.FileInfo().Mode(), target: h.Linkname}
		switch {
		case n.mode.IsRegular() && h.Typeflag != tar.TypeLink:
			if n.size = h.Size; h.Size > maxTarKept-d.size {
				return &vfs.FormatError{System: "tar", Reason: fmt.Sprintf("its database of rpm has more than %d GiB", maxTarKept>>30)}
			}
			n.off = d.size
			if _, err := io.Copy(d.kept, r); err != nil {
				return &vfs.FormatError{System: "tar", Reason: "it is damaged at " + name, Err: err}
			}
			d.size += h.Size
		case n.mode.Type() == fs.ModeSymlink && len(n.target) <= vfs.MaxTarget:
		default:
			continue // a folder comes with what is in it
		}
		if err := d.place(name, n); err != nil {
			return err
		}
	}
	return &vfs.FormatError{System: "tar", Reason: fmt.Sprintf("it has more than %d files", maxTarFiles)}
}

// place adds a file at its path; a later one of the same name replaces it, as
// when tar unpacks.
func (d *tarDriver) place(name string, n tarNode) error {
	at := uint64(0)
	parts := strings.Split(name, "/")
	for i, part := range parts {
		last := i == len(parts)-1
		found := uint64(0)
		for _, c := range d.nodes[at].children {
			if d.nodes[c].name == part {
				found = c
			}
		}
		if found == 0 {
			if len(d.nodes) == maxTarNodes {
				return &vfs.FormatError{System: "tar", Reason: fmt.Sprintf("its database of rpm has more than %d files", maxTarNodes)}
			}
			found = uint64(len(d.nodes))
			d.nodes = append(d.nodes, tarNode{name: part, mode: fs.ModeDir | 0o755})
			d.nodes[at].children = append(d.nodes[at].children, found)
		}
		if last {
			n.name = part
			d.nodes[found] = n
		} else if !d.nodes[found].mode.IsDir() {
			d.nodes[found] = tarNode{name: part, mode: fs.ModeDir | 0o755}
		}
		at = found
	}
	return nil
}

// Root is part of vfs.Driver.
func (d *tarDriver) Root() (vfs.Node, error) { return d.Node(0) }

// Node is part of vfs.Driver.
func (d *tarDriver) Node(ref uint64) (vfs.Node, error) {
	n := d.nodes[ref] // the driver gave it out itself
	return vfs.Node{Ref: ref, Mode: n.mode, Size: n.size}, nil
}

// ReadDir is part of vfs.Driver.
func (d *tarDriver) ReadDir(n vfs.Node) ([]vfs.Dirent, error) {
	children := d.nodes[n.Ref].children
	list := make([]vfs.Dirent, len(children))
	for i, c := range children {
		list[i] = vfs.Dirent{Name: d.nodes[c].name, Type: d.nodes[c].mode.Type(), Ref: c}
	}
	return list, nil
}

// Content is part of vfs.Driver.
func (d *tarDriver) Content(n vfs.Node) (io.ReaderAt, error) {
	f := d.nodes[n.Ref]
	return io.NewSectionReader(d.kept, f.off, f.size), nil
}

// ReadLink is part of vfs.Driver.
func (d *tarDriver) ReadLink(n vfs.Node) (string, error) { return d.nodes[n.Ref].target, nil }
