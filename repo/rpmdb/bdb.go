package rpmdb

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Layout of Berkeley DB's hash files (db_page.h), as rpm's
// lib/backend/bdb_ro.cc reads them.
const (
	bdbHashMagic = 0x00061561

	bdbPageHeader = 26
	bdbMetaSize   = 72

	bdbTypeHashOld  = 2 // unsorted
	bdbTypeOverflow = 7
	bdbTypeHashMeta = 8
	bdbTypeHash     = 13

	bdbItemData    = 1 // the bytes themselves
	bdbItemOffPage = 3 // page and length of a chain of overflow pages
)

// bdbDB is a Packages file: pages of pairs of number and header, the headers
// mostly in chains of overflow pages.
type bdbDB struct {
	f     *file
	order binary.ByteOrder
	size  int64 // of a page
	last  uint32
	refs  []bdbRef
}

// bdbRef is where a header stands.
type bdbRef struct {
	number uint32
	page   uint32 // where its chain starts; 0 for one on a hash page
	offset int64  // in the file, of one on a hash page
	length int64
}

func openBDB(f *file) (*bdbDB, error) {
	var meta [bdbMetaSize]byte
	if err := f.read(meta[:], 0); err != nil {
		return nil, err
	}
	db := &bdbDB{f: f, order: binary.LittleEndian}
	if binary.BigEndian.Uint32(meta[12:]) == bdbHashMagic {
		db.order = binary.BigEndian
	}
	switch {
	case db.order.Uint32(meta[12:]) != bdbHashMagic || meta[25] != bdbTypeHashMeta:
		return nil, f.bad(12, "no hash file of Berkeley DB")
	case meta[24] != 0:
		return nil, f.bad(24, "it is encrypted")
	case meta[26]&1 != 0:
		return nil, f.bad(26, "its pages carry checksums, which rpm never asks for")
	}
	db.size = int64(db.order.Uint32(meta[20:]))
	if db.size < 512 || db.size > 65536 || db.size&(db.size-1) != 0 {
		return nil, f.bad(20, "pages of %d bytes", db.size)
	}
	db.last = db.order.Uint32(meta[32:])
	if have := f.size / db.size; int64(db.last) >= have {
		return nil, f.bad(32, "it is truncated: %d pages of %d are there", have, int64(db.last)+1)
	}
	return db, db.index()
}

// index collects where the headers stand.
func (db *bdbDB) index() error {
	page := make([]byte, db.size)
	for n := uint32(1); n <= db.last && n != 0; n++ {
		at := int64(n) * db.size
		if err := db.f.read(page[:bdbPageHeader], at); err != nil {
			return err
		}
		if t := page[25]; t != bdbTypeHash && t != bdbTypeHashOld {
			continue
		}
		if err := db.f.read(page, at); err != nil {
			return err
		}
		if err := db.hashPage(page, at); err != nil {
			return err
		}
		if len(db.refs) > maxPackages {
			return db.f.bad(at, "more than %d headers", maxPackages)
		}
	}
	slices.SortFunc(db.refs, func(a, b bdbRef) int { return cmp.Compare(a.number, b.number) })
	return nil
}

// hashPage takes the pairs of a page. Items grow down from its end, each ends
// where the one before starts.
func (db *bdbDB) hashPage(page []byte, at int64) error {
	n := int(db.order.Uint16(page[20:]))
	if n%2 != 0 || bdbPageHeader+2*n > len(page) {
		return db.f.bad(at+20, "%d items on a page", n)
	}
	end := len(page)
	items := make([][2]int, n)
	for i := range items {
		start := int(db.order.Uint16(page[bdbPageHeader+2*i:]))
		if start < bdbPageHeader+2*n || start >= end {
			return db.f.bad(at+bdbPageHeader+int64(2*i), "item from %d to %d", start, end)
		}
		items[i] = [2]int{start, end}
		end = start
	}
	for i := 0; i < n; i += 2 {
		key, data := page[items[i][0]:items[i][1]], page[items[i+1][0]:items[i+1][1]]
		if key[0] != bdbItemData || len(key) != 5 {
			return db.f.bad(at+int64(items[i][0]), "a key that is no number")
		}
		ref := bdbRef{number: db.order.Uint32(key[1:]), offset: at + int64(items[i+1][0]) + 1, length: int64(len(data) - 1)}
		if ref.number == 0 {
			continue // rpm counts its headers there
		}
		switch {
		case data[0] == bdbItemOffPage && len(data) == 12:
			ref.page, ref.length = db.order.Uint32(data[4:]), int64(db.order.Uint32(data[8:]))
		case data[0] != bdbItemData:
			return db.f.bad(ref.offset-1, "a value of type %d", data[0])
		}
		db.refs = append(db.refs, ref)
	}
	return nil
}

func (db *bdbDB) each(yield func(uint32, []byte) error) error {
	seen := pageSet{}
	for i, ref := range db.refs {
		if i > 0 && db.refs[i-1].number == ref.number {
			return db.f.bad(ref.offset, "header %d is there twice", ref.number)
		}
		blob, err := db.blob(ref, seen)
		if err != nil {
			return err
		}
		if err := yield(ref.number, blob); err != nil {
			return err
		}
	}
	return nil
}

func (db *bdbDB) blob(ref bdbRef, seen pageSet) ([]byte, error) {
	if ref.length > min(maxBlob, db.f.size) {
		return nil, db.f.bad(ref.offset, "header %d has %d bytes", ref.number, ref.length)
	}
	if ref.page == 0 {
		b := make([]byte, ref.length)
		return b, db.f.read(b, ref.offset)
	}
	blob := make([]byte, 0, ref.length)
	page := make([]byte, db.size)
	for n := ref.page; int64(len(blob)) < ref.length; n = db.order.Uint32(page[16:]) {
		at := int64(n) * db.size
		if n == 0 || n > db.last || !seen.add(n) {
			return nil, db.f.bad(at, "header %d ends after %d bytes of %d", ref.number, len(blob), ref.length)
		}
		if err := db.f.read(page, at); err != nil {
			return nil, err
		}
		used := int64(db.order.Uint16(page[22:]))
		if page[25] != bdbTypeOverflow || used == 0 || used > db.size-bdbPageHeader || used > ref.length-int64(len(blob)) {
			return nil, db.f.bad(at, "page of type %d with %d bytes in the chain of header %d", page[25], used, ref.number)
		}
		blob = append(blob, page[bdbPageHeader:bdbPageHeader+used]...)
	}
	return blob, nil
}
