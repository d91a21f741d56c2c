package iso

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// Bounds for images that lie. Real installation media have some thousand files
// in directories of some hundred kilobytes.
const (
	maxDescriptors = 64
	maxDirSize     = 16 << 20 // bytes of one directory
	maxEntries     = 1 << 20  // of one directory, and of one Walk
	maxDepth       = 64
	maxExtents     = 1024 // of one file; an extent holds up to 4 GiB
)

// Entry is one directory record.
type Entry struct {
	Name    string // without folders
	Size    int64  // bytes
	Mode    fs.FileMode
	extents []extent
}

// Offset returns where the content of the file begins in the image, in bytes,
// and whether it is in one piece.
func (e Entry) Offset() (int64, bool) {
	return int64(e.extents[0].sector) * SectorSize, len(e.extents) == 1
}

type extent struct {
	sector uint32
	size   uint32
}

// File is the content of a file of the image.
type File struct {
	io.Reader
	Size int64
}

// readDescriptors finds the primary volume descriptor and the boot record.
func (m *Image) readDescriptors() error {
	found := false
	for i := range int64(maxDescriptors) {
		var d [SectorSize]byte
		at := (16 + i) * SectorSize
		if _, err := m.r.ReadAt(d[:], at); err != nil {
			if errors.Is(err, io.EOF) {
				return m.bad("it ends before the volume descriptors do")
			}
			return fmt.Errorf("read %s: %w", m.path, err)
		}
		if string(d[1:6]) != "CD001" {
			return m.bad("there is no volume descriptor in sector %d", 16+i)
		}
		switch d[0] {
		case 0:
			if strings.HasPrefix(string(d[7:39]), "EL TORITO SPECIFICATION") && m.boot == 0 {
				m.boot = int64(binary.LittleEndian.Uint32(d[0x47:]))
			}
		case 1:
			if !found {
				m.pvd, m.pvdAt, found = d, at, true
			}
		case 2:
			m.joliet = m.joliet || string(d[88:90]) == "%/" && strings.ContainsRune("@CE", rune(d[90]))
		case 255:
			if !found {
				return m.bad("there is no primary volume descriptor")
			}
			return m.checkPrimary()
		}
	}
	return m.bad("the volume descriptors do not end")
}

func (m *Image) checkPrimary() error {
	if bs := binary.LittleEndian.Uint16(m.pvd[128:]); bs != SectorSize {
		return m.bad("its logical block size is %d, not %d", bs, SectorSize)
	}
	if v := m.volumeSize(); v > m.size {
		return m.bad("it is truncated: the volume has %d bytes, the file %d", v, m.size)
	}
	if v := m.volumeSize(); v <= m.pvdAt {
		return m.bad("its volume size of %d bytes is impossible", v)
	}
	return nil
}

// volumeSize reads the big-endian copy, as isomd5sum does.
func (m *Image) volumeSize() int64 {
	return int64(binary.BigEndian.Uint32(m.pvd[84:])) * SectorSize
}

func (m *Image) readRoot() error {
	rec := m.pvd[156:190]
	m.root = Entry{Name: "/", Mode: fs.ModeDir | 0o755, extents: []extent{{
		sector: binary.LittleEndian.Uint32(rec[2:]), size: binary.LittleEndian.Uint32(rec[10:]),
	}}}
	if rec[25]&2 == 0 {
		return m.bad("its root is not a directory")
	}
	data, err := m.dirData(m.root)
	if err != nil {
		return err
	}
	if len(data) < 34 || int(data[0]) > len(data) || int(data[0]) < 34 {
		return m.bad("its root directory is empty")
	}
	m.detectRockRidge(data[:data[0]])
	return nil
}

func (m *Image) dirData(e Entry) ([]byte, error) {
	ext := e.extents[0]
	if ext.size > maxDirSize {
		return nil, m.bad("directory %s has %d bytes, the limit is %d", e.Name, ext.size, maxDirSize)
	}
	if err := m.inFile(ext); err != nil {
		return nil, err
	}
	data := make([]byte, ext.size)
	if _, err := m.r.ReadAt(data, int64(ext.sector)*SectorSize); err != nil {
		return nil, fmt.Errorf("read directory %s of %s: %w", e.Name, m.path, err)
	}
	return data, nil
}

func (m *Image) inFile(x extent) error {
	if end := int64(x.sector)*SectorSize + int64(x.size); end > m.size {
		return m.bad("sector %d with %d bytes is past the end", x.sector, x.size)
	}
	return nil
}

// readDir returns the records of a directory without "." and "..".
func (m *Image) readDir(dir Entry) ([]Entry, error) {
	data, err := m.dirData(dir)
	if err != nil {
		return nil, err
	}
	var list []Entry
	more := false // the last record said that the file has another extent
	for off := 0; off < len(data); {
		n := int(data[off])
		if n == 0 { // the rest of the sector is padding
			off = (off/SectorSize + 1) * SectorSize
			continue
		}
		if n < 34 || off+n > len(data) || off%SectorSize+n > SectorSize {
			return nil, m.bad("directory %s has a broken record at byte %d", dir.Name, off)
		}
		rec := data[off : off+n]
		off += n
		if int(rec[32])+33 > n {
			return nil, m.bad("directory %s has a name that is longer than its record", dir.Name)
		}
		if rec[32] == 1 && rec[33] <= 1 {
			continue // "." and ".."
		}
		e, err := m.entry(rec)
		if err != nil {
			return nil, err
		}
		if more && len(list) > 0 && list[len(list)-1].Name == e.Name {
			last := &list[len(list)-1]
			last.extents, last.Size = append(last.extents, e.extents...), last.Size+e.Size
			if len(last.extents) > maxExtents {
				return nil, m.bad("file %s has too many extents", e.Name)
			}
		} else {
			list = append(list, e)
		}
		more = rec[25]&0x80 != 0
		if len(list) > maxEntries {
			return nil, m.bad("directory %s has more than %d files", dir.Name, maxEntries)
		}
	}
	return list, nil
}

func (m *Image) entry(rec []byte) (Entry, error) {
	x := extent{
		// An extended attribute record stands before the content.
		sector: binary.LittleEndian.Uint32(rec[2:]) + uint32(rec[1]),
		size:   binary.LittleEndian.Uint32(rec[10:]),
	}
	nameEnd := 33 + int(rec[32])
	e := Entry{Name: plainName(string(rec[33:nameEnd])), Size: int64(x.size), Mode: 0o444, extents: []extent{x}}
	if rec[25]&2 != 0 {
		e.Mode = fs.ModeDir | 0o555
	}
	if m.rr {
		if nameEnd%2 == 1 { // a pad byte keeps the next field even
			nameEnd++
		}
		if err := m.rockRidge(rec[min(nameEnd+m.skip, len(rec)):], &e); err != nil {
			return e, err
		}
	}
	if e.Name == "" || e.Name == "." || e.Name == ".." || strings.ContainsAny(e.Name, "/\x00") {
		return e, m.bad("it has a file called %q", e.Name)
	}
	return e, nil
}

// plainName takes the version number and an empty extension off.
func plainName(s string) string {
	s, _, _ = strings.Cut(s, ";")
	return strings.TrimSuffix(s, ".")
}

// Stat returns the entry of a path such as "/EFI/BOOT/grub.cfg". Without Rock
// Ridge names are compared without regard to case. The error wraps
// fs.ErrNotExist when there is no such file.
func (m *Image) Stat(name string) (Entry, error) {
	cur := m.root
	parts := strings.Split(strings.Trim(path.Clean("/"+name), "/"), "/")
	if parts[0] == "" {
		return cur, nil
	}
	if len(parts) > maxDepth {
		return cur, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	for _, part := range parts {
		if !cur.Mode.IsDir() {
			return cur, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
		}
		list, err := m.readDir(cur)
		if err != nil {
			return cur, err
		}
		found := false
		for _, e := range list {
			if e.Name == part || !m.rr && strings.EqualFold(e.Name, part) {
				cur, found = e, true
				break
			}
		}
		if !found {
			return cur, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
		}
	}
	return cur, nil
}

// OpenFile opens a regular file of the image. Symbolic links are not followed.
func (m *Image) OpenFile(name string) (*File, error) {
	e, err := m.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("open file of %s: %w", m.path, err)
	}
	if !e.Mode.IsRegular() {
		return nil, fmt.Errorf("open file of %s: %w", m.path, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")})
	}
	var parts []io.Reader
	for _, x := range e.extents {
		if x.size == 0 {
			continue // the sector number of an empty file may be anything
		}
		if err := m.inFile(x); err != nil {
			return nil, err
		}
		parts = append(parts, io.NewSectionReader(m.r, int64(x.sector)*SectorSize, int64(x.size)))
	}
	return &File{Reader: io.MultiReader(parts...), Size: e.Size}, nil
}

// ReadDir lists the folder that e stands for, without "." and "..".
func (m *Image) ReadDir(e Entry) ([]Entry, error) {
	if !e.Mode.IsDir() {
		return nil, fmt.Errorf("read %s: %s is no folder", m.path, e.Name)
	}
	return m.readDir(e)
}

// Root is the entry of the root folder.
func (m *Image) Root() Entry { return m.root }

// ReadAt reads the content of the regular file e at an offset, as io.ReaderAt
// does.
func (m *Image) ReadAt(e Entry, p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	start := int64(0) // of the extent in the file
	for _, x := range e.extents {
		end := start + int64(x.size)
		if off < end && n < len(p) {
			if err := m.inFile(x); err != nil {
				return n, err
			}
			k := int(min(int64(len(p)-n), end-off))
			if _, err := m.r.ReadAt(p[n:n+k], int64(x.sector)*SectorSize+off-start); err != nil {
				return n, fmt.Errorf("read %s of %s: %w", e.Name, m.path, err)
			}
			n, off = n+k, off+int64(k)
		}
		start = end
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Walk calls fn for every file and folder, folders before what is in them, with
// names from the root ("/EFI/BOOT"), in the order of the image.
func (m *Image) Walk(fn func(name string, e Entry) error) error {
	w := walker{m: m, fn: fn, seen: map[uint32]bool{m.root.extents[0].sector: true}}
	return w.dir("", m.root, 0)
}

type walker struct {
	m    *Image
	fn   func(string, Entry) error
	seen map[uint32]bool // directories by sector: each is visited once
	n    int
}

func (w *walker) dir(name string, dir Entry, depth int) error {
	if depth > maxDepth {
		return w.m.bad("its folders are nested more than %d deep", maxDepth)
	}
	list, err := w.m.readDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if w.n++; w.n > maxEntries {
			return w.m.bad("it has more than %d files", maxEntries)
		}
		full := name + "/" + e.Name
		if err := w.fn(full, e); err != nil {
			return err
		}
		if !e.Mode.IsDir() {
			continue
		}
		if w.seen[e.extents[0].sector] {
			return w.m.bad("folder %s contains itself", full)
		}
		w.seen[e.extents[0].sector] = true
		if err := w.dir(full, e, depth+1); err != nil {
			return err
		}
	}
	return nil
}
