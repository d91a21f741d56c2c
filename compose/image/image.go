// Package image opens what respin makes and what others made - ISO images,
// install.img, live images, raw file systems, tar archives, unpacked trees - and
// finds the systems in them, without root, without mounting, without external tools.
//
//	img, err := image.Open("Fedora-Workstation-Live.iso")
//	if err != nil { ... } // *UnknownError, *vfs.FormatError, *vfs.UnsupportedError, fs errors
//	defer img.Close()
//	for _, s := range img.Systems() {
//		fmt.Println(s.Path, s.Format)   // "LiveOS/squashfs.img:LiveOS/rootfs.img", "ext4"
//		db, err := rpmdb.Open(s.FS, "") // what is installed there
//	}
//	for _, note := range img.Notes { ... }
//
// An image may hold another: an ISO the squashfs of the installer, that an ext4
// with the system. The usual places are looked at, at most four deep. ISO 9660,
// squashfs, ext2 to ext4 and EROFS are read (see the packages below this one),
// also in the partitions (GPT, MBR) of a disk, raw or qcow2, and of a tar archive,
// packed with xz, gzip, zstd or bzip2 or plain, what tells about packages; xfs,
// btrfs, a packed disk and others are refused by name (*vfs.UnsupportedError). Everything is an fs.FS with bounds;
// a hostile image can name its folders in a circle, so that walking one wants a
// limit of its own.
package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/fedora-respin/respin/compose/image/erofs"
	"github.com/fedora-respin/respin/compose/image/ext4"
	"github.com/fedora-respin/respin/compose/image/qcow2"
	"github.com/fedora-respin/respin/compose/image/squashfs"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/repo/rpmdb"
)

// Format is how a layer of an image is stored.
type Format string

// The formats.
const (
	ISO9660  Format = "iso9660"
	Squashfs Format = "squashfs"
	Ext4     Format = "ext4" // and ext2, ext3
	EROFS    Format = "erofs"
	Tree     Format = "tree" // a folder of the host
)

// maxNesting bounds images in images.
const maxNesting = 4

// places are where images hold another: lorax' installer (boot.iso and DVD),
// live images and their root, livemedia-creator's pxe-live.
func places() []string {
	return []string{"images/install.img", "LiveOS/squashfs.img", "LiveOS/rootfs.img", "LiveOS/ext3fs.img", "live-rootfs.squashfs.img"}
}

// UnknownError says that a file is none of the formats that are read.
type UnknownError struct{ Path string }

func (e *UnknownError) Error() string {
	return e.Path + " is no ISO 9660, squashfs, ext4 or EROFS image and no tar archive"
}

// Layer is one file system of an image.
type Layer struct {
	// Path names the files that lead to the layer, "" for the image itself,
	// with a colon between the layers: "LiveOS/squashfs.img:LiveOS/rootfs.img".
	// A layer on a disk begins with "partition 2".
	Path   string
	Format Format
	FS     fs.FS
}

// Image is an open image with all its layers. Its file systems may be used by
// many goroutines until it is closed.
type Image struct {
	Path   string
	Layers []Layer  // the image itself first, of a disk its partitions
	Notes  []string // what could not be read, as sentences

	closers []io.Closer
}

// Open opens the image or the folder at path.
func Open(path string) (*Image, error) {
	m := &Image{Path: path}
	if err := m.open(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Image) open() error {
	info, err := os.Stat(m.Path)
	if err != nil {
		return fmt.Errorf("open image: %w", err)
	}
	if info.IsDir() {
		root, err := os.OpenRoot(m.Path) // links do not lead out of it
		if err != nil {
			return fmt.Errorf("open image: %w", err)
		}
		m.closers = append(m.closers, root)
		m.add(Layer{Format: Tree, FS: root.FS()}, 0)
		return nil
	}
	f, err := os.Open(m.Path)
	if err != nil {
		return fmt.Errorf("open image: %w", err)
	}
	m.closers = append(m.closers, f)
	is, err := m.tarball(io.NewSectionReader(f, 0, info.Size()))
	if err != nil {
		return fmt.Errorf("open image: %w", err)
	}
	if is {
		return nil
	}
	r, size, err := inside(f, info.Size())
	if err != nil {
		return fmt.Errorf("open image: %w", err)
	}
	l, notes, err := detect(r, size, filepath.Base(m.Path))
	if _, unknown := errors.AsType[*UnknownError](err); unknown {
		if parts := partitions(r, size); len(parts) > 0 {
			return m.disk(r, parts, err)
		}
	}
	if err != nil {
		return fmt.Errorf("open image: %w", err)
	}
	m.Notes = append(m.Notes, notes...)
	m.add(l, 0)
	return nil
}

// inside returns the disk that a qcow2 file holds, or the file itself.
func inside(f io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	var head [4]byte
	if n, _ := f.ReadAt(head[:], 0); n < len(head) || string(head[:]) != qcow2.Magic {
		return f, size, nil
	}
	d, err := qcow2.New(f, size)
	if err != nil {
		return nil, 0, err //nolint:wrapcheck // it says what was read
	}
	return d, d.Size(), nil
}

// detect finds out what r holds and opens it.
func detect(r io.ReaderAt, size int64, name string) (l Layer, notes []string, err error) {
	var head [4]byte
	if n, _ := r.ReadAt(head[:], 0); n == len(head) && string(head[:]) == squashfs.Magic {
		f, err := squashfs.New(r, size)
		return Layer{Format: Squashfs, FS: f}, nil, err //nolint:wrapcheck // it says what was read
	}
	if erofs.Is(r) {
		f, err := erofs.New(r, size)
		return Layer{Format: EROFS, FS: f}, nil, err //nolint:wrapcheck // it says what was read
	}
	if ext4.Is(r) {
		f, err := ext4.New(r, size)
		if err != nil {
			return Layer{}, nil, err //nolint:wrapcheck // it says what was read
		}
		return Layer{Format: Ext4, FS: f}, f.Notes, nil
	}
	var volume [5]byte
	if n, _ := r.ReadAt(volume[:], 16*iso.SectorSize+1); n == len(volume) && string(volume[:]) == "CD001" {
		image, err := iso.NewImage(r, size, name)
		if err != nil {
			return Layer{}, nil, err //nolint:wrapcheck // it says what was read
		}
		return Layer{Format: ISO9660, FS: isoFS(image)}, nil, nil
	}
	if err := refused(r); err != nil {
		return Layer{}, nil, err
	}
	return Layer{}, nil, &UnknownError{name}
}

// add takes a layer and what is inside it.
func (m *Image) add(l Layer, depth int) {
	m.Layers = append(m.Layers, l)
	for _, place := range places() {
		f, err := l.FS.Open(place)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				m.note(l.Path, place, err)
			}
			continue
		}
		inner, err := m.nested(f, place, depth)
		if err != nil {
			m.note(l.Path, place, err)
			_ = f.Close()
			continue
		}
		m.closers = append(m.closers, f)
		inner.Path = join(l.Path, place)
		m.add(inner, depth+1)
	}
}

func (m *Image) nested(f fs.File, name string, depth int) (Layer, error) {
	info, err := f.Stat()
	if err != nil {
		return Layer{}, err //nolint:wrapcheck // a path error
	}
	r, ok := f.(io.ReaderAt)
	if !ok || !info.Mode().IsRegular() {
		return Layer{}, fmt.Errorf("%s is not a regular file", name)
	}
	if depth >= maxNesting {
		return Layer{}, fmt.Errorf("images are nested more than %d deep", maxNesting)
	}
	l, notes, err := detect(r, info.Size(), name)
	m.Notes = append(m.Notes, notes...)
	return l, err
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + ":" + name
}

func (m *Image) note(path, place string, err error) {
	m.Notes = append(m.Notes, fmt.Sprintf("%s was not looked into: %s.", join(path, place), err))
}

// Systems returns the layers that hold an operating system: a database of rpm,
// or an os-release file where lorax has removed the database.
func (m *Image) Systems() []Layer {
	var list []Layer
	for _, l := range m.Layers {
		_, _, err := rpmdb.Find(l.FS)
		for _, name := range []string{"usr/lib/os-release", "etc/os-release"} {
			if err != nil {
				_, err = fs.Stat(l.FS, name)
			}
		}
		if err == nil {
			list = append(list, l)
		}
	}
	return list
}

// Close closes what Open opened.
func (m *Image) Close() error {
	var err error
	for _, c := range slices.Backward(m.closers) {
		err = errors.Join(err, c.Close())
	}
	m.closers = nil
	return err
}
