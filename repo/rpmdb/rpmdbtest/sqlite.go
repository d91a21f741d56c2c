package rpmdbtest

import "encoding/binary"

const sqlitePage = 4096

// sqliteSchema is what rpm's lib/backend/sqlite.cc creates.
const sqliteSchema = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)"

// sqliteFile is a database under construction; page 1 comes last.
type sqliteFile struct{ pages [][]byte }

// SQLite returns an rpmdb.sqlite with the table Packages.
func SQLite(blobs ...[]byte) []byte {
	f := &sqliteFile{pages: [][]byte{make([]byte, sqlitePage)}}
	var cells [][]byte
	var ids []int64
	for i, b := range blobs {
		row := record(nil, b)
		cells, ids = append(cells, f.cell(int64(i+1), row)), append(ids, int64(i+1))
	}
	root := f.tree(cells, ids)
	sequence := f.tree(nil, nil)
	schema := [][]byte{
		f.cell(1, record("table", "Packages", "Packages", root, sqliteSchema)),
		f.cell(2, record("table", "sqlite_sequence", "sqlite_sequence", sequence, "CREATE TABLE sqlite_sequence(name,seq)")),
	}
	fill(f.pages[0], 100, 13, schema, 0)
	head := f.pages[0]
	copy(head, "SQLite format 3\x00")
	binary.BigEndian.PutUint16(head[16:], sqlitePage)
	copy(head[18:], []byte{1, 1, 0, 64, 32, 32})
	binary.BigEndian.PutUint32(head[24:], 1)
	binary.BigEndian.PutUint32(head[28:], uint32(len(f.pages)))
	binary.BigEndian.PutUint32(head[40:], 1) // schema cookie
	binary.BigEndian.PutUint32(head[44:], 4) // schema format
	binary.BigEndian.PutUint32(head[56:], 1) // UTF-8
	binary.BigEndian.PutUint32(head[92:], 1)
	binary.BigEndian.PutUint32(head[96:], 3040001)
	var out []byte
	for _, p := range f.pages {
		out = append(out, p...)
	}
	return out
}

// add appends a page and returns its number.
func (f *sqliteFile) add(page []byte) uint32 {
	f.pages = append(f.pages, page)
	return uint32(len(f.pages))
}

// cell makes a leaf cell; what is too long goes to overflow pages.
func (f *sqliteFile) cell(id int64, row []byte) []byte {
	local := len(row)
	if most := sqlitePage - 35; local > most {
		least := (sqlitePage-12)*32/255 - 23
		if local = least + (len(row)-least)%(sqlitePage-4); local > most {
			local = least
		}
	}
	cell := putVarint(putVarint(nil, int64(len(row))), id)
	cell = append(cell, row[:local]...)
	if local == len(row) {
		return cell
	}
	rest := row[local:]
	cell = binary.BigEndian.AppendUint32(cell, uint32(len(f.pages)+1))
	for len(rest) > 0 {
		page := make([]byte, sqlitePage)
		n := copy(page[4:], rest)
		if rest = rest[n:]; len(rest) > 0 {
			binary.BigEndian.PutUint32(page, uint32(len(f.pages)+2))
		}
		f.add(page)
	}
	return cell
}

// tree packs cells into leaves, and those under as many levels as it takes.
func (f *sqliteFile) tree(cells [][]byte, ids []int64) uint32 {
	type node struct {
		page uint32
		last int64
	}
	var level []node
	for start := 0; start < len(cells) || len(level) == 0; {
		end, used := start, 8
		for end < len(cells) && used+2+len(cells[end]) <= sqlitePage {
			used += 2 + len(cells[end])
			end++
		}
		page := make([]byte, sqlitePage)
		fill(page, 0, 13, cells[start:end], 0)
		last := int64(0)
		if end > 0 {
			last = ids[end-1]
		}
		level = append(level, node{f.add(page), last})
		start = end
	}
	const fan = 100
	for len(level) > 1 {
		var up []node
		for len(level) > 0 {
			n := min(fan, len(level))
			if len(level)-n == 1 {
				n-- // an interior page has at least one cell and a right child
			}
			var cells [][]byte
			for _, c := range level[:n-1] {
				cells = append(cells, putVarint(binary.BigEndian.AppendUint32(nil, c.page), c.last))
			}
			page := make([]byte, sqlitePage)
			fill(page, 0, 5, cells, level[n-1].page)
			up = append(up, node{f.add(page), level[n-1].last})
			level = level[n:]
		}
		level = up
	}
	return level[0].page
}

// fill writes the header, the cell pointers and the cells of a page.
func fill(page []byte, head int, kind byte, cells [][]byte, right uint32) {
	page[head] = kind
	binary.BigEndian.PutUint16(page[head+3:], uint16(len(cells)))
	list := head + 8
	if kind == 5 {
		binary.BigEndian.PutUint32(page[head+8:], right)
		list += 4
	}
	end := len(page)
	for i, c := range cells {
		end -= len(c)
		if end < list+2*len(cells) {
			panic("rpmdbtest: page overfull")
		}
		copy(page[end:], c)
		binary.BigEndian.PutUint16(page[list+2*i:], uint16(end))
	}
	binary.BigEndian.PutUint16(page[head+5:], uint16(end))
}

// record encodes a row of nil, bytes, strings and page numbers.
func record(values ...any) []byte {
	var kinds, data []byte
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			kinds = putVarint(kinds, 0)
		case []byte:
			kinds, data = putVarint(kinds, int64(12+2*len(v))), append(data, v...)
		case string:
			kinds, data = putVarint(kinds, int64(13+2*len(v))), append(data, v...)
		case uint32:
			kinds, data = putVarint(kinds, 4), binary.BigEndian.AppendUint32(data, v)
		}
	}
	size := len(kinds) + 1 // rows of tests have short headers
	if size > 127 {
		panic("rpmdbtest: long record header")
	}
	return append(append([]byte{byte(size)}, kinds...), data...)
}

func putVarint(b []byte, v int64) []byte {
	var tmp [9]byte
	i := len(tmp) - 1
	tmp[i] = byte(v & 0x7f)
	for v >>= 7; v > 0; v >>= 7 {
		i--
		tmp[i] = byte(v&0x7f) | 0x80
	}
	return append(b, tmp[i:]...)
}
