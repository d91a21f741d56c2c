package rpm

// checker reads typed values out of a header, checks its tables and keeps the
// first complaint.
type checker struct {
	h   *Header
	o   Options
	err error
}

func (x *checker) fail(err error) {
	if x.err == nil {
		x.err = err
	}
}

// text returns the first string of tag, "" when absent.
func (x *checker) text(tag Tag) string {
	e := x.h.find(tag)
	if e.Type != 0 && !e.Type.isString() {
		x.fail(x.h.bad(tag, e.offset, "%s, wants a string", e.Type))
	}
	c := x.h.texts(e)
	return c.next()
}

// number returns element 0 of an integer tag.
func (x *checker) number(tag Tag) (uint64, bool) {
	e := x.h.find(tag)
	if e.Type == 0 {
		return 0, false
	}
	if !e.Type.isInt() {
		x.fail(x.h.bad(tag, e.offset, "%s, wants an integer", e.Type))
		return 0, false
	}
	return x.h.ints(e).at(0), true
}

// firstNumber returns the first of the tags that is there, 0 without any.
func (x *checker) firstNumber(tags ...Tag) uint64 {
	for _, t := range tags {
		if v, ok := x.number(t); ok {
			return v
		}
	}
	return 0
}

// column checks that a tag is absent or has n elements of a class.
func (x *checker) column(tag Tag, n int, text bool) Entry {
	e := x.h.find(tag)
	switch {
	case e.Type == 0:
	case text != e.Type.isString() || !text && !e.Type.isInt():
		x.fail(x.h.bad(tag, e.offset, "unexpected %s", e.Type))
	case e.Count != n:
		x.fail(x.h.bad(tag, e.offset, "%d elements where the list has %d", e.Count, n))
	}
	return e
}

// list returns the entry of a string array that starts a table. It fails when
// the table has more than limit rows.
func (x *checker) list(tag Tag, limit int) Entry {
	e := x.h.find(tag)
	switch {
	case e.Type == 0:
	case !e.Type.isString():
		x.fail(x.h.bad(tag, e.offset, "%s, wants strings", e.Type))
	case e.Count > limit:
		x.fail(x.h.bad(tag, e.offset, "%d elements, at most %d are accepted", e.Count, limit))
	}
	return e
}

// maxEntries and maxFiles are the bounds in force.
func (x *checker) maxEntries() int {
	if x.o.MaxEntries > 0 {
		return x.o.MaxEntries
	}
	return defaultDeps
}

func (x *checker) maxFiles() int {
	if x.o.MaxFiles > 0 {
		return x.o.MaxFiles
	}
	return maxArray + 1
}

// dependencies checks the lists of every kind. Headers of rpm 2 and 3 carry
// names without flags and versions.
func (x *checker) dependencies() {
	for k := range depKinds {
		name, flags, version := k.tags()
		n := x.list(name, x.maxEntries()).Count
		if n == 0 {
			continue
		}
		x.column(flags, n, false)
		x.column(version, n, true)
	}
}

func (x *checker) changelogs() {
	if n := x.list(TagChangelogName, x.maxEntries()).Count; n > 0 {
		x.column(TagChangelogTime, n, false)
		x.column(TagChangelogText, n, true)
	}
}

// Paths are built from directory and base name. A hostile header could name
// one long directory for a million files, so their sum is bounded in terms of
// the header: pathFactor bytes for each byte of data. Real packages stay
// below 2, because each file also brings a digest, user, group and numbers.
const (
	pathFactor = 8
	pathSpare  = 1 << 20
)

// files checks the file table, in either of its two shapes, and returns where
// each directory name ends.
func (x *checker) files() (dirEnds []uint32) {
	base := x.list(TagBaseNames, x.maxFiles())
	if base.Count == 0 {
		if n := x.list(TagOldFileNames, x.maxFiles()).Count; n > 0 {
			x.fileColumns(n)
		}
		return nil
	}
	dirs := x.list(TagDirNames, x.maxFiles())
	index := x.column(TagDirIndexes, base.Count, false)
	x.fileColumns(base.Count)
	if x.err != nil {
		return nil
	}
	switch {
	case dirs.Count == 0 || index.Count == 0:
		x.fail(x.h.bad(TagBaseNames, base.offset, "base names without directories"))
		return nil
	case dirs.Count > base.Count:
		// rpm has no such rule, and makes no such package.
		x.fail(x.h.bad(TagDirNames, dirs.offset, "%d directories for %d files", dirs.Count, base.Count))
		return nil
	}
	dirEnds = x.h.stringEnds(dirs)
	x.paths(base, dirs, index, dirEnds)
	return dirEnds
}

// paths checks that every file is in a directory that there is, and the sum of
// the paths.
func (x *checker) paths(base, dirs, index Entry, dirEnds []uint32) {
	total := base.length
	column := x.h.ints(index)
	for i := range base.Count {
		d := column.at(i)
		if d >= uint64(len(dirEnds)) {
			x.fail(x.h.bad(TagDirIndexes, index.offset, "file %d is in directory %d of %d", i, d, len(dirEnds)))
			return
		}
		total += len(nth(x.h.raw(dirs), dirEnds, int(d)))
	}
	if total > pathFactor*len(x.h.data)+pathSpare {
		x.fail(x.h.bad(TagDirNames, dirs.offset, "paths of %d bytes in a header of %d", total, len(x.h.data)))
	}
}

// fileColumns checks what stands beside the names. Each column may be absent.
func (x *checker) fileColumns(n int) {
	for _, tag := range []Tag{
		TagLongFileSizes, TagFileSizes, TagFileModes, TagFileFlags, TagFileMTimes, TagFileRdevs, TagFileDevices, TagFileInodes,
	} {
		x.column(tag, n, false)
	}
	for _, tag := range []Tag{TagFileDigests, TagFileLinkTos, TagFileUserName, TagFileGroupName, TagFileCaps} {
		x.column(tag, n, true)
	}
}
