package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
)

// Layout of a write-ahead log (sqlite.org/fileformat2.html, section 4).
const (
	walMagic   = 0x377f0682 // with the lowest bit: sums over big-endian words
	walVersion = 3007000
	walHeader  = 32
	walFrame   = 24
	maxWAL     = 1 << 30
)

// walIndex is where the log of a database has its committed pages. A nil index
// has none.
type walIndex struct {
	f         *file
	pageSize  int64
	pageCount uint32           // of the database after the last commit; 0 without one
	pages     map[uint32]int64 // where the newest of each page stands
}

func (w *walIndex) page(n uint32) (int64, bool) {
	if w == nil {
		return 0, false
	}
	at, ok := w.pages[n]
	return at, ok
}

// openSQLite opens the database with the log that stands beside it, if any.
func (db *DB) openSQLite(fsys fs.FS, f *file) (*sqliteDB, error) {
	switch info, err := fs.Stat(fsys, db.Path+"-journal"); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("open database of rpm: %w", err)
	case info.Size() > 512:
		db.Notes = append(db.Notes, "A rollback journal stands beside the database and was not read: a transaction may be half done.")
	}
	var wal *walIndex
	switch info, err := fs.Stat(fsys, db.Path+"-wal"); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("open database of rpm: %w", err)
	case info.Size() > walHeader:
		log, err := db.file(fsys, db.Path+"-wal")
		if err != nil {
			return nil, err
		}
		if wal, err = readWAL(log); err != nil {
			return nil, err
		}
		db.Notes = append(db.Notes, fmt.Sprintf("%d pages were taken from the write-ahead log beside the database.", len(wal.pages)))
	}
	return newSQLite(f, wal)
}

// readWAL indexes the committed frames. A log ends where a frame does not carry
// the log's salt or its sum: what follows is left from an earlier use.
func readWAL(f *file) (*walIndex, error) {
	w := &walIndex{f: f, pages: map[uint32]int64{}}
	if f.size > maxWAL {
		return nil, f.bad(0, "the write-ahead log has %d bytes", f.size)
	}
	var head [walHeader]byte
	if err := f.read(head[:], 0); err != nil {
		return nil, err
	}
	magic := binary.BigEndian.Uint32(head[0:])
	w.pageSize = int64(binary.BigEndian.Uint32(head[8:]))
	switch {
	case magic&^1 != walMagic || binary.BigEndian.Uint32(head[4:]) != walVersion:
		return nil, f.bad(0, "no write-ahead log of SQLite 3")
	case w.pageSize < 512 || w.pageSize > 65536 || w.pageSize&(w.pageSize-1) != 0:
		return nil, f.bad(8, "pages of %d bytes", w.pageSize)
	}
	sum := walSum{order: binary.LittleEndian}
	if magic&1 != 0 {
		sum.order = binary.BigEndian
	}
	if sum.add(head[:24]); !sum.is(head[24:]) {
		return w, nil // SQLite takes such a log for an empty one
	}
	frame := make([]byte, walFrame+w.pageSize)
	pending := map[uint32]int64{}
	for at := int64(walHeader); at+int64(len(frame)) <= f.size; at += int64(len(frame)) {
		if err := f.read(frame, at); err != nil {
			return nil, err
		}
		sum.add(frame[:8])
		sum.add(frame[walFrame:])
		if string(frame[8:16]) != string(head[16:24]) || !sum.is(frame[16:]) {
			break
		}
		n := binary.BigEndian.Uint32(frame)
		pending[n] = at + walFrame
		if count := binary.BigEndian.Uint32(frame[4:]); count > 0 { // a commit
			w.pageCount = count
			maps.Copy(w.pages, pending)
			clear(pending)
		}
	}
	return w, nil
}

// walSum is the running checksum of a log.
type walSum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (s *walSum) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		s.s0 += s.order.Uint32(b) + s.s1
		s.s1 += s.order.Uint32(b[4:]) + s.s0
	}
}

func (s *walSum) is(b []byte) bool {
	return binary.BigEndian.Uint32(b) == s.s0 && binary.BigEndian.Uint32(b[4:]) == s.s1
}
