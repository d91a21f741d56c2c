package rpm

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// PayloadEntry is one file of the archive.
type PayloadEntry struct {
	File  *File // the entry of the header that it belongs to, never nil
	Index int   // of File in Package.Files
	Size  int64 // bytes that Read gives
	// Links is how many files of the package are this one by hard links (equal
	// File.Device and File.Inode), 1 for most. Their data comes once, with the
	// last of them that has some; the Size of the others is 0.
	Links int
}

// Next moves to the next file and returns it; io.EOF after the last one. What
// was left unread of the current file is skipped. As in rpm, the header says
// what a file is, and an archive that does not fit it is refused: a file that
// the header does not have or that comes twice, another size than the
// header's, and in the end a file that is missing.
func (y *Payload) Next() (PayloadEntry, error) {
	for {
		if _, err := io.Copy(io.Discard, y); err != nil {
			return PayloadEntry{}, err
		}
		m, err := y.in.next()
		switch {
		case errors.Is(err, io.EOF):
			return PayloadEntry{}, y.atEnd()
		case errors.Is(err, io.ErrUnexpectedEOF):
			return PayloadEntry{}, y.fail("ends before the trailer", err)
		case err != nil:
			return PayloadEntry{}, y.fail("no entry of an archive", err)
		}
		e, err := y.entry(m)
		if err != nil {
			return PayloadEntry{}, err
		}
		y.left = e.Size
		if !e.File.IsGhost() { // rpm before 4.11 packed some
			return e, nil
		}
	}
}

// entry finds the file of an archive member and holds the one against the other.
func (y *Payload) entry(m member) (PayloadEntry, error) {
	e := PayloadEntry{Index: m.index}
	if m.index < 0 {
		e.Index, e.File = y.finder.byName(m.name)
	} else {
		e.File = y.finder.byIndex(m.index)
	}
	if e.File == nil {
		if m.index >= 0 {
			return e, y.fail(fmt.Sprintf("file %d of %d", m.index, y.p.FileCount()), nil)
		}
		return e, y.fail(fmt.Sprintf("%q is in the payload and not in the header", m.name), nil)
	}
	if !y.finder.found(e.Index) {
		return e, y.fail(fmt.Sprintf("%q comes twice", e.File.Path()), nil)
	}
	size, links := y.finder.dataOf(e.Index, e.File)
	e.Links = links
	switch {
	case m.index >= 0:
		e.Size = size
	case e.File.IsGhost(), m.size == size, links > 1 && (m.size == 0 || m.size == sizeOf(e.File)):
		e.Size = m.size
	default:
		return e, y.fail(fmt.Sprintf("%d bytes of %q, the header has %d", m.size, e.File.Path(), size), nil)
	}
	return e, nil
}

// sizeOf is the size of a file's own data.
func sizeOf(f *File) int64 {
	switch {
	case f.IsSymlink():
		return int64(len(f.Linkto))
	case f.IsRegular():
		return int64(min(f.Size, 1<<62))
	}
	return 0
}

// atEnd answers io.EOF when every file of the header was there.
func (y *Payload) atEnd() error {
	i := 0
	for f := range y.p.Files() {
		if !f.IsGhost() && !y.finder.has(i) {
			return y.fail(fmt.Sprintf("%q is in the header and not in the payload", f.Path()), nil)
		}
		i++
	}
	return io.EOF
}

// finder finds the files of the header in the order of an archive. That is
// the order of the header, in which it walks along, except around hard links
// and in old packages: the first file out of order makes it read the table.
type finder struct {
	p      *Package
	table  fileTable
	ahead  File     // the next file in header order that can be in an archive
	at     int      // its number, -1 after the last
	seen   []uint64 // a bit for each file
	links  map[inode]linkSet
	linked bool // links is filled in

	all    []File
	byPath map[string]int
}

type inode struct{ device, number uint32 }

// linkSet is a set of hard links.
type linkSet struct{ count, last int }

func newFinder(p *Package) finder {
	x := finder{p: p, table: p.fileTable(), seen: make([]uint64, (p.FileCount()+63)/64)}
	x.step()
	return x
}

// step looks at the next file that can be in an archive.
func (x *finder) step() {
	for x.table.next(&x.ahead) {
		if !x.ahead.IsGhost() {
			x.at = x.table.i - 1
			return
		}
	}
	x.at = -1
}

// byName finds the file of an archive name: "./usr/bin/x" stands for
// "/usr/bin/x", and rpm 3 wrote no prefix.
func (x *finder) byName(name string) (int, *File) {
	names := [...]string{strings.TrimPrefix(name, "."), name, strings.TrimPrefix(name, "./"), "/" + name}
	if x.all == nil && x.at >= 0 {
		for _, s := range names {
			if rest, ok := strings.CutPrefix(s, x.ahead.Dir); ok && rest == x.ahead.Name {
				return x.take()
			}
		}
	}
	x.readAll()
	for _, s := range names {
		if i, ok := x.byPath[s]; ok {
			return i, &x.all[i]
		}
	}
	return 0, nil
}

func (x *finder) byIndex(i int) *File {
	if i < 0 || i >= x.table.n {
		return nil
	}
	if x.all == nil && i == x.at {
		_, f := x.take()
		return f
	}
	x.readAll()
	return &x.all[i]
}

// take hands out the file that was looked at.
func (x *finder) take() (int, *File) {
	i, f := x.at, x.ahead
	x.step()
	return i, &f
}

func (x *finder) readAll() {
	if x.all != nil {
		return
	}
	x.all = make([]File, 0, x.table.n)
	x.byPath = make(map[string]int, x.table.n)
	for f := range x.p.Files() {
		x.byPath[f.Path()] = len(x.all)
		x.all = append(x.all, f)
	}
}

func (x *finder) has(i int) bool { return x.seen[i/64]>>(i%64)&1 != 0 }

// found notes a file; false when it was noted before.
func (x *finder) found(i int) bool {
	if x.has(i) {
		return false
	}
	x.seen[i/64] |= 1 << (i % 64)
	return true
}

// dataOf tells how much data a file has in the archive, where the last of
// hard-linked files has it for all, and how many links it has.
func (x *finder) dataOf(i int, f *File) (size int64, links int) {
	if f.IsGhost() {
		return 0, 1
	}
	if f.IsRegular() && f.Inode != 0 {
		if !x.linked {
			x.linked, x.links = true, x.p.hardLinks()
		}
		if s := x.links[inode{f.Device, f.Inode}]; s.count > 1 {
			if s.last != i {
				return 0, s.count
			}
			return sizeOf(f), s.count
		}
	}
	return sizeOf(f), 1
}

// hardLinks finds the sets of hard-linked files as rpm does
// (rpmfilesBuildNLink in lib/rpmfi.c). Today's rpm numbers inodes in a row, so
// that there is mostly nothing to remember.
func (p *Package) hardLinks() map[inode]linkSet {
	linkable := func(f *File) bool { return f.IsRegular() && !f.IsGhost() && f.Inode != 0 }
	rising, before := true, uint32(0)
	for f := range p.Files() {
		if linkable(&f) {
			rising = rising && f.Inode > before
			before = f.Inode
		}
	}
	if rising {
		return nil
	}
	sets := map[inode]linkSet{}
	i := 0
	for f := range p.Files() {
		if linkable(&f) {
			k := inode{f.Device, f.Inode}
			sets[k] = linkSet{sets[k].count + 1, i}
		}
		i++
	}
	return sets
}
