package rpm

// Paths are built from directory and base name. A hostile header could name
// one long directory for a million files, so their sum is bounded in terms of
// the header: pathFactor bytes for each byte of data. Real packages stay
// below 2, because each file also brings a digest, user, group and numbers.
const (
	pathFactor = 8
	pathSpare  = 1 << 20
)

// files reads the file table, in either of its two shapes.
func (x *extractor) files() []File {
	base := x.list(TagBaseNames, x.maxFiles())
	if base == nil {
		return x.oldFiles()
	}
	dirs := x.list(TagDirNames, x.maxFiles())
	index := x.column(TagDirIndexes, base.Count, false)
	if x.err == nil && (dirs == nil || index == nil) {
		x.fail(x.h.bad(TagBaseNames, base.offset, "base names without directories"))
	}
	if x.err != nil {
		return nil
	}
	dirNames := make([]string, dirs.Count)
	c := x.cursor(dirs)
	for i := range dirNames {
		dirNames[i] = c.next()
	}
	total := base.length
	for i := range base.Count {
		d := x.h.uint(index, i)
		if d >= uint64(len(dirNames)) {
			x.fail(x.h.bad(TagDirIndexes, index.offset, "file %d is in directory %d of %d", i, d, len(dirNames)))
			return nil
		}
		total += len(dirNames[d])
	}
	if total > pathFactor*len(x.h.data)+pathSpare {
		x.fail(x.h.bad(TagDirNames, dirs.offset, "paths of %d bytes in a header of %d", total, len(x.h.data)))
		return nil
	}
	files := make([]File, base.Count)
	names := x.cursor(base)
	for i := range files {
		files[i].Path = dirNames[x.h.uint(index, i)] + names.next()
	}
	x.fileColumns(files)
	return files
}

// oldFiles reads OLDFILENAMES, whole paths, as rpm 2 and 3 wrote them.
func (x *extractor) oldFiles() []File {
	e := x.list(TagOldFileNames, x.maxFiles())
	if e == nil {
		return nil
	}
	files := make([]File, e.Count)
	c := x.cursor(e)
	for i := range files {
		files[i].Path = c.next()
	}
	x.fileColumns(files)
	return files
}

// fileColumns fills in what stands beside the names. Each column may be absent.
func (x *extractor) fileColumns(files []File) {
	n := len(files)
	sizes := x.column(TagLongFileSizes, n, false)
	if sizes == nil {
		sizes = x.column(TagFileSizes, n, false)
	}
	modes := x.column(TagFileModes, n, false)
	flags := x.column(TagFileFlags, n, false)
	mtimes := x.column(TagFileMTimes, n, false)
	digests := x.cursor(x.column(TagFileDigests, n, true))
	links := x.cursor(x.column(TagFileLinkTos, n, true))
	users := x.cursor(x.column(TagFileUserName, n, true))
	groups := x.cursor(x.column(TagFileGroupName, n, true))
	for i := range files {
		f := &files[i]
		f.Size = x.uint(sizes, i)
		f.Mode = uint16(x.uint(modes, i))
		f.Flags = FileFlags(x.uint(flags, i))
		f.MTime = uint32(x.uint(mtimes, i))
		f.Digest = digests.next()
		f.Linkto = links.next()
		f.User = users.next()
		f.Group = groups.next()
	}
}
