package rpm

import "strings"

// cursor walks the strings of one entry; the zero cursor gives "" for ever.
type cursor struct{ rest string }

func (c *cursor) next() string {
	i := strings.IndexByte(c.rest, 0)
	if i < 0 {
		return ""
	}
	s := c.rest[:i]
	c.rest = c.rest[i+1:]
	return s
}

// texts returns a cursor over a string entry, the zero cursor over any other.
func (h *Header) texts(e Entry) cursor {
	if !e.Type.isString() {
		return cursor{}
	}
	return cursor{h.raw(e)}
}

// intColumn is the data of an integer entry; the zero one is 0 everywhere.
type intColumn struct {
	data  string
	width int
}

// ints returns the numbers of an integer entry, the zero column of any other.
func (h *Header) ints(e Entry) intColumn {
	if !e.Type.isInt() {
		return intColumn{}
	}
	return intColumn{h.raw(e), int(e.Type.size())}
}

// at returns element i, which must be below the count of the entry.
func (c intColumn) at(i int) uint64 {
	switch c.width {
	case 1:
		return uint64(c.data[i])
	case 2:
		return uint64(be16(c.data[2*i:]))
	case 4:
		return uint64(be32(c.data[4*i:]))
	case 8:
		return uint64(be32(c.data[8*i:]))<<32 | uint64(be32(c.data[8*i+4:]))
	}
	return 0
}

// stringEnds returns where each string of an entry ends, its NUL included.
func (h *Header) stringEnds(e Entry) []uint32 {
	ends := make([]uint32, e.Count)
	rest, pos := h.raw(e), 0
	for i := range ends {
		n := strings.IndexByte(rest[pos:], 0) + 1
		pos += n
		ends[i] = uint32(pos)
	}
	return ends
}

// nth returns string i of the data that stringEnds was made of.
func nth(data string, ends []uint32, i int) string {
	start := uint32(0)
	if i > 0 {
		start = ends[i-1]
	}
	return data[start : ends[i]-1]
}
