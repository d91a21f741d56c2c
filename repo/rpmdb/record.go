package rpmdb

// maxColumns bounds the columns of a row that are looked at. Neither the schema
// nor the table Packages has more.
const maxColumns = 16

// column is one value of a row.
type column struct {
	kind int64 // serial type
	data []byte
}

// integer is the value of an integer column, 0 of any other.
func (c column) integer() int64 {
	switch c.kind {
	case 1, 2, 3, 4, 5, 6:
		v := int64(int8(c.data[0]))
		for _, b := range c.data[1:] {
			v = v<<8 | int64(b)
		}
		return v
	case 9:
		return 1
	}
	return 0
}

// record takes a row apart (sqlite.org/fileformat2.html, section 2.1).
func record(row []byte) (cols []column, ok bool) {
	size, rest, ok := varint(row)
	if !ok || size < 1 || size > int64(len(row)) || int64(len(row)-len(rest)) > size {
		return nil, false
	}
	kinds, data := row[len(row)-len(rest):size], row[size:]
	for len(kinds) > 0 && len(cols) < maxColumns {
		var kind int64
		if kind, kinds, ok = varint(kinds); !ok {
			return nil, false
		}
		n := columnSize(kind)
		if n < 0 || n > int64(len(data)) {
			return nil, false
		}
		cols = append(cols, column{kind, data[:n]})
		data = data[n:]
	}
	return cols, true
}

// columnSize is the length of a value by its serial type, -1 for one that is
// reserved.
func columnSize(kind int64) int64 {
	switch {
	case kind >= 12:
		return (kind - 12) / 2
	case kind >= 0 && kind <= 4:
		return kind
	case kind == 5:
		return 6
	case kind == 6, kind == 7:
		return 8
	case kind == 8, kind == 9:
		return 0
	}
	return -1
}

// varint reads up to nine bytes, of which the last gives eight bits.
func varint(b []byte) (v int64, rest []byte, ok bool) {
	for i := 0; i < len(b) && i < 9; i++ {
		if i == 8 {
			return v<<8 | int64(b[i]), b[9:], true
		}
		v = v<<7 | int64(b[i]&0x7f)
		if b[i]&0x80 == 0 {
			return v, b[i+1:], true
		}
	}
	return 0, nil, false
}
