package rpmdb

import (
	"cmp"
	"encoding/binary"
	"hash/adler32"
	"slices"
)

// Sizes and magic numbers of rpm's lib/backend/ndb/rpmpkg.c.
const (
	ndbHeader   = 32
	ndbPage     = 4096
	ndbSlot     = 16
	ndbBlock    = 16
	ndbBlobHead = 16
	ndbBlobTail = 12

	ndbMagic     = "RpmP"
	ndbSlotMagic = "Slot"
	ndbHeadMagic = "BlbS"
	ndbTailMagic = "BlbE"
)

// ndbDB is a Packages.db: pages of slots, then one run of blocks per header.
type ndbDB struct {
	f     *file
	slots []ndbEntry
}

type ndbEntry struct {
	number, block, count uint32
}

func openNDB(f *file) (*ndbDB, error) {
	var head [ndbHeader]byte
	if err := f.read(head[:], 0); err != nil {
		return nil, err
	}
	if string(head[:4]) != ndbMagic {
		return nil, f.bad(0, "no magic %q", ndbMagic)
	}
	if v := binary.LittleEndian.Uint32(head[4:]); v != 0 {
		return nil, f.bad(4, "version %d, only 0 is known", v)
	}
	pages := int64(binary.LittleEndian.Uint32(head[12:]))
	if pages < 1 || pages*ndbPage > f.size {
		return nil, f.bad(12, "%d pages of slots do not fit into %d bytes", pages, f.size)
	}
	db := &ndbDB{f: f}
	for p := range pages {
		if err := db.slotPage(p, pages); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(db.slots, func(a, b ndbEntry) int { return cmp.Compare(a.number, b.number) })
	return db, nil
}

// slotPage reads one page of slots; pages is how many there are.
func (db *ndbDB) slotPage(page, pages int64) error {
	var buf [ndbPage]byte
	at := page * ndbPage
	if err := db.f.read(buf[:], at); err != nil {
		return err
	}
	first := 0
	if page == 0 {
		first = ndbHeader
	}
	for o := first; o < ndbPage; o += ndbSlot {
		slot := buf[o : o+ndbSlot]
		if string(slot[:4]) != ndbSlotMagic {
			return db.f.bad(at+int64(o), "no magic %q", ndbSlotMagic)
		}
		e := ndbEntry{
			number: binary.LittleEndian.Uint32(slot[4:]), block: binary.LittleEndian.Uint32(slot[8:]), count: binary.LittleEndian.Uint32(slot[12:]),
		}
		if e.block == 0 {
			continue // free
		}
		end := (int64(e.block) + int64(e.count)) * ndbBlock
		if e.number == 0 || e.count == 0 || int64(e.block)*ndbBlock < pages*ndbPage || end > db.f.size {
			return db.f.bad(at+int64(o), "slot of header %d has blocks %d to %d", e.number, e.block, int64(e.block)+int64(e.count))
		}
		db.slots = append(db.slots, e)
	}
	return nil
}

func (db *ndbDB) each(yield func(uint32, []byte) error) error {
	left := db.f.size // runs do not overlap: together they are no longer than the file
	for i, e := range db.slots {
		at := int64(e.block) * ndbBlock
		if i > 0 && db.slots[i-1].number == e.number {
			return db.f.bad(at, "header %d has two slots", e.number)
		}
		if left -= int64(e.count) * ndbBlock; left < 0 {
			return db.f.bad(at, "headers overlap")
		}
		blob, err := db.blob(e, at)
		if err != nil {
			return err
		}
		if err := yield(e.number, blob); err != nil {
			return err
		}
	}
	return nil
}

// blob reads the header of a slot and verifies its checksum.
func (db *ndbDB) blob(e ndbEntry, at int64) ([]byte, error) {
	size := int64(e.count) * ndbBlock
	if size < ndbBlobHead+ndbBlobTail || size > maxBlob {
		return nil, db.f.bad(at, "header %d has %d bytes", e.number, size)
	}
	buf := make([]byte, size)
	if err := db.f.read(buf, at); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(buf[12:]))
	tail := buf[size-ndbBlobTail:]
	switch {
	case string(buf[:4]) != ndbHeadMagic || string(tail[8:]) != ndbTailMagic:
		return nil, db.f.bad(at, "header %d has no magic", e.number)
	case binary.LittleEndian.Uint32(buf[4:]) != e.number:
		return nil, db.f.bad(at, "header %d stands where %d should", binary.LittleEndian.Uint32(buf[4:]), e.number)
	case (ndbBlobHead+length+ndbBlobTail+ndbBlock-1)/ndbBlock != int64(e.count), int64(binary.LittleEndian.Uint32(tail[4:])) != length:
		return nil, db.f.bad(at, "header %d has two lengths", e.number)
	case adler32.Checksum(buf[:size-ndbBlobTail]) != binary.LittleEndian.Uint32(tail):
		return nil, db.f.bad(at, "header %d does not match its checksum", e.number)
	}
	return buf[ndbBlobHead : ndbBlobHead+length], nil
}
