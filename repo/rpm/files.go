package rpm

import (
	"io/fs"
	"iter"
	"strings"
)

// FileFlags are the attributes that %files gives a file.
type FileFlags uint32

// Bits of FileFlags (rpm's lib/rpmfiles.h, enum rpmfileAttrs_e).
const (
	FileConfig    FileFlags = 1 << 0
	FileDoc       FileFlags = 1 << 1
	FileIcon      FileFlags = 1 << 2
	FileMissingOK FileFlags = 1 << 3
	FileNoReplace FileFlags = 1 << 4
	FileSpec      FileFlags = 1 << 5
	FileGhost     FileFlags = 1 << 6
	FileLicense   FileFlags = 1 << 7
	FileReadme    FileFlags = 1 << 8
	FilePubkey    FileFlags = 1 << 11
	FileArtifact  FileFlags = 1 << 12
)

// File is one file of the package. Absent columns of the header give zeros.
type File struct {
	Dir    string // directory with its slash, as it stands; "" in source packages
	Name   string // what follows Dir
	Mode   uint16 // st_mode with the type bits
	Flags  FileFlags
	Digest string // hexadecimal as in the header, "" for what is no regular file
	Size   uint64 // bytes
	Linkto string // target of a symbolic link
	MTime  uint32 // seconds since 1970
	User   string
	Group  string
	Caps   string // file capabilities in the words of cap_from_text, such as "cap_net_raw=ep"; "" without any
	Rdev   uint16 // number of a device node
	// Device and Inode are those of the build; regular files that share them
	// (and an Inode other than 0) are hard links of each other.
	Device, Inode uint32
}

// Path is Dir and Name joined, not cleaned.
func (f *File) Path() string { return f.Dir + f.Name }

// Local returns the path below the root of wherever the file is unpacked,
// "usr/bin/x", or "." for "/" itself. It is false for a path that could lead
// elsewhere or has a second spelling: with "..", ".", empty elements or nothing.
func (f *File) Local() (string, bool) {
	s := f.Path()
	if s == "/" {
		return ".", true
	}
	s = strings.TrimPrefix(s, "/")
	return s, fs.ValidPath(s) && s != "."
}

// Types of files in File.Mode (S_IFMT of stat).
const (
	modeType    = 0o170000
	modeDir     = 0o040000
	modeRegular = 0o100000
	modeSymlink = 0o120000
	modeChar    = 0o020000
	modeBlock   = 0o060000
)

// IsDir tells whether the mode is that of a directory.
func (f *File) IsDir() bool { return f.Mode&modeType == modeDir }

// IsRegular tells whether the mode is that of a regular file.
func (f *File) IsRegular() bool { return f.Mode&modeType == modeRegular }

// IsSymlink tells whether the mode is that of a symbolic link.
func (f *File) IsSymlink() bool { return f.Mode&modeType == modeSymlink }

// IsDevice tells whether the mode is that of a character or block device.
func (f *File) IsDevice() bool {
	return f.Mode&modeType == modeChar || f.Mode&modeType == modeBlock
}

// IsGhost tells whether the file is %ghost: owned, and not in the payload.
func (f *File) IsGhost() bool { return f.Flags&FileGhost != 0 }

// Files yields the files in header order. Each pass reads them out of the
// header again: nothing is kept, and no path is put together.
func (p *Package) Files() iter.Seq[File] {
	return func(yield func(File) bool) {
		t := p.fileTable()
		t.each(yield)
	}
}

// Paths yields the files as Files does, but of each no more than Dir, Name,
// Mode and Flags: what an index lists, at a third of the cost.
func (p *Package) Paths() iter.Seq[File] {
	return func(yield func(File) bool) {
		t := p.pathTable()
		t.each(yield)
	}
}

// FileCount is the number of files, %ghost ones included.
func (p *Package) FileCount() int {
	if n := p.Header.Count(TagBaseNames); n > 0 {
		return n
	}
	return p.Header.Count(TagOldFileNames)
}

// fileTable walks the columns of the file table, which Read has checked.
type fileTable struct {
	n, i    int // files, and the next one
	old     bool
	whole   bool // all columns, not only those of Paths
	dirs    string
	dirEnds []uint32

	names, digests, links, users, groups, caps                       cursor
	dirIndex, sizes, modes, flags, mtimes, rdevs, devices, inodeNums intColumn
}

// pathTable leaves out what Paths does.
func (p *Package) pathTable() fileTable {
	h := p.Header
	base := h.find(TagBaseNames)
	t := fileTable{n: base.Count, dirs: h.raw(h.find(TagDirNames)), dirEnds: p.dirEnds, dirIndex: h.ints(h.find(TagDirIndexes))}
	if t.n == 0 { // whole paths, as rpm 2 and 3 wrote them
		base = h.find(TagOldFileNames)
		t.n, t.old = base.Count, true
	}
	t.names = h.texts(base)
	t.modes = h.ints(h.find(TagFileModes))
	t.flags = h.ints(h.find(TagFileFlags))
	return t
}

func (p *Package) fileTable() fileTable {
	h := p.Header
	t := p.pathTable()
	t.whole = true
	sizes := h.find(TagLongFileSizes)
	if sizes.Type == 0 {
		sizes = h.find(TagFileSizes)
	}
	t.sizes = h.ints(sizes)
	t.digests = h.texts(h.find(TagFileDigests))
	t.links = h.texts(h.find(TagFileLinkTos))
	t.users = h.texts(h.find(TagFileUserName))
	t.groups = h.texts(h.find(TagFileGroupName))
	t.caps = h.texts(h.find(TagFileCaps))
	t.mtimes = h.ints(h.find(TagFileMTimes))
	t.rdevs = h.ints(h.find(TagFileRdevs))
	t.devices = h.ints(h.find(TagFileDevices))
	t.inodeNums = h.ints(h.find(TagFileInodes))
	return t
}

// each yields the files to the last.
func (t *fileTable) each(yield func(File) bool) {
	var f File
	for t.next(&f) {
		if !yield(f) {
			return
		}
	}
}

// next reads the next file; false after the last.
func (t *fileTable) next(f *File) bool {
	i := t.i
	if i >= t.n {
		return false
	}
	t.i++
	f.Name = t.names.next()
	if t.old {
		n := strings.LastIndexByte(f.Name, '/') + 1
		f.Dir, f.Name = f.Name[:n], f.Name[n:]
	} else {
		f.Dir = nth(t.dirs, t.dirEnds, int(t.dirIndex.at(i)))
	}
	f.Mode = uint16(t.modes.at(i))
	f.Flags = FileFlags(t.flags.at(i))
	if !t.whole {
		return true
	}
	f.Digest = t.digests.next()
	f.Size = t.sizes.at(i)
	f.Linkto = t.links.next()
	f.MTime = uint32(t.mtimes.at(i))
	f.User = t.users.next()
	f.Group = t.groups.next()
	f.Caps = t.caps.next()
	f.Rdev = uint16(t.rdevs.at(i))
	f.Device, f.Inode = uint32(t.devices.at(i)), uint32(t.inodeNums.at(i))
	return true
}
