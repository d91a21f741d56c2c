package rpmdb

import (
	"encoding/binary"
	"math"
)

// Numbers of sqlite.org/fileformat2.html.
const (
	sqliteMagic    = "SQLite format 3\x00"
	sqliteHeader   = 100
	sqliteInterior = 5  // page of a table's tree with pages below it
	sqliteLeaf     = 13 // page of a table's tree with rows
	sqliteDepth    = 32 // a tree of 2^31 pages has fewer levels
	maxSchemaRow   = 1 << 20
	packagesTable  = "Packages"
)

// sqliteDB is an rpmdb.sqlite, of which only the table Packages is read:
// hnum INTEGER PRIMARY KEY, blob BLOB.
type sqliteDB struct {
	f      *file
	size   int64 // of a page
	usable int64 // of a page, without what an extension reserves
	pages  uint32
	wal    *walIndex // pages that are newer than those in the file; nil without
	root   uint32    // of the table Packages
}

// newSQLite reads the header and finds the table.
func newSQLite(f *file, wal *walIndex) (*sqliteDB, error) {
	db := &sqliteDB{f: f, wal: wal}
	head := make([]byte, sqliteHeader)
	var err error
	if at, ok := wal.page(1); ok { // the log may hold the only good header
		err = wal.f.read(head, at)
	} else {
		err = f.read(head, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := db.header(head); err != nil {
		return nil, err
	}
	return db, db.findTable()
}

func (db *sqliteDB) header(head []byte) error {
	if string(head[:16]) != sqliteMagic {
		return db.f.bad(0, "no database of SQLite 3")
	}
	db.size = int64(binary.BigEndian.Uint16(head[16:]))
	if db.size == 1 {
		db.size = 65536
	}
	if db.size < 512 || db.size&(db.size-1) != 0 {
		return db.f.bad(16, "pages of %d bytes", db.size)
	}
	if head[19] > 2 {
		return db.f.bad(19, "read version %d, at most 2 is known", head[19])
	}
	if db.usable = db.size - int64(head[20]); db.usable < 480 {
		return db.f.bad(20, "%d reserved bytes on a page", head[20])
	}
	if enc := binary.BigEndian.Uint32(head[56:]); enc > 1 {
		return db.f.bad(56, "text encoding %d, rpm uses UTF-8", enc)
	}
	pages := db.f.size / db.size
	if db.wal != nil && db.wal.pageCount > 0 {
		if db.wal.pageSize != db.size {
			return db.f.bad(16, "pages of %d bytes, those of the write-ahead log have %d", db.size, db.wal.pageSize)
		}
		pages = int64(db.wal.pageCount)
	}
	db.pages = uint32(min(pages, math.MaxInt32))
	return nil
}

// page reads a page, from the log where that has a newer one.
func (db *sqliteDB) page(buf []byte, n uint32) error {
	if n == 0 || n > db.pages {
		return db.f.bad(int64(n)*db.size, "page %d of %d", n, db.pages)
	}
	if at, ok := db.wal.page(n); ok {
		return db.wal.f.read(buf, at)
	}
	return db.f.read(buf, int64(n-1)*db.size)
}

// findTable looks the table up in the schema, whose tree starts at page 1.
func (db *sqliteDB) findTable() error {
	err := db.walk(1, maxSchemaRow, pageSet{}, func(_ int64, row []byte) error {
		cols, ok := record(row)
		if !ok || len(cols) < 5 {
			return db.f.bad(0, "a broken row in the schema")
		}
		if string(cols[0].data) == "table" && string(cols[1].data) == packagesTable {
			db.root = uint32(cols[3].integer())
		}
		return nil
	})
	if err == nil && db.root == 0 {
		err = db.f.bad(0, "it has no table %s", packagesTable)
	}
	return err
}

func (db *sqliteDB) each(yield func(uint32, []byte) error) error {
	return db.walk(db.root, maxBlob, pageSet{}, func(id int64, row []byte) error {
		cols, ok := record(row)
		if !ok || len(cols) < 2 || cols[1].kind < 12 {
			return db.f.bad(0, "row %d of the table %s is no header", id, packagesTable)
		}
		if id < 0 || id > math.MaxUint32 {
			return db.f.bad(0, "header number %d", id)
		}
		return yield(uint32(id), cols[1].data)
	})
}

// walk visits every row of the table whose tree starts at page root, in the
// order of their ids. No page is visited twice.
func (db *sqliteDB) walk(root uint32, limit int64, seen pageSet, row func(int64, []byte) error) error {
	w := &sqliteWalk{db: db, limit: limit, seen: seen, row: row}
	return w.tree(root, 0)
}

type sqliteWalk struct {
	db    *sqliteDB
	limit int64 // bytes of one row
	seen  pageSet
	row   func(id int64, row []byte) error
}

func (w *sqliteWalk) tree(n uint32, depth int) error {
	db := w.db
	at := int64(n-1) * db.size
	if depth > sqliteDepth || !w.seen.add(n) {
		return db.f.bad(at, "page %d is in its tree twice", n)
	}
	page := make([]byte, db.size)
	if err := db.page(page, n); err != nil {
		return err
	}
	head := int64(0)
	if n == 1 {
		head = sqliteHeader
	}
	kind := page[head]
	cells := int64(binary.BigEndian.Uint16(page[head+3:]))
	list := head + 8
	if kind == sqliteInterior {
		list = head + 12
	}
	if kind != sqliteInterior && kind != sqliteLeaf || list+2*cells > db.usable {
		return db.f.bad(at, "page %d of type %d with %d cells", n, kind, cells)
	}
	for i := range cells {
		o := int64(binary.BigEndian.Uint16(page[list+2*i:]))
		if o < list+2*cells || o+4 > db.usable {
			return db.f.bad(at+list+2*i, "a cell at byte %d", o)
		}
		var err error
		if kind == sqliteInterior {
			err = w.tree(binary.BigEndian.Uint32(page[o:]), depth+1)
		} else {
			err = w.cell(page[o:db.usable], at+o)
		}
		if err != nil {
			return err
		}
	}
	if kind == sqliteInterior {
		return w.tree(binary.BigEndian.Uint32(page[head+8:]), depth+1)
	}
	return nil
}

// cell reads one row. What does not fit on its page goes on in a chain of
// overflow pages.
func (w *sqliteWalk) cell(cell []byte, at int64) error {
	db := w.db
	size, cell, ok := varint(cell)
	if !ok {
		return db.f.bad(at, "a broken cell")
	}
	id, cell, ok := varint(cell)
	if !ok {
		return db.f.bad(at, "a broken cell")
	}
	if size < 0 || size > w.limit || size > int64(db.pages)*db.size {
		return db.f.bad(at, "row %d has %d bytes", id, size)
	}
	local := db.local(size)
	if int64(len(cell)) < local || local < size && int64(len(cell)) < local+4 {
		return db.f.bad(at, "row %d leaves its page", id)
	}
	if local == size {
		return w.row(id, cell[:size])
	}
	row := make([]byte, 0, size)
	row = append(row, cell[:local]...)
	page := make([]byte, db.size)
	for next := binary.BigEndian.Uint32(cell[local:]); int64(len(row)) < size; next = binary.BigEndian.Uint32(page) {
		if next == 0 || !w.seen.add(next) {
			return db.f.bad(at, "row %d ends after %d bytes of %d", id, len(row), size)
		}
		if err := db.page(page, next); err != nil {
			return err
		}
		row = append(row, page[4:4+min(db.usable-4, size-int64(len(row)))]...)
	}
	return w.row(id, row)
}

// local is how many bytes of a row of that size stand on the leaf itself.
func (db *sqliteDB) local(size int64) int64 {
	u := db.usable
	if size <= u-35 {
		return size
	}
	least := (u-12)*32/255 - 23
	if k := least + (size-least)%(u-4); k <= u-35 {
		return k
	}
	return least
}
