package erofs

import "encoding/binary"

// index is the table of logical clusters.
type index struct {
	m       *image
	size    int64 // of the file
	compact bool
	advise  uint16
	bits    uint  // of a logical cluster
	at      int64 // where the table starts
	end     int64 // and where it ends

	table     []byte
	count     int64 // of clusters
	first4    int64 // of compact ones: so many with four bytes,
	middle2   int64 // then so many with two
	lastBlock uint32
}

// prepare reads the table.
func (x *index) prepare() error {
	if x.bits > 22 {
		return bad("logical clusters of 2^%d bytes", x.bits)
	}
	x.count = (x.size-1)>>x.bits + 1
	size := x.count * 8
	if x.compact {
		x.first4 = (32 - x.at%32) / 4 & 7
		if x.advise&adviseCompact2B != 0 && x.first4 < x.count {
			x.middle2 = (x.count - x.first4) / 16 * 16
		}
		x.first4 = min(x.first4, x.count)
		// Packs are whole, even where the file needs half of one.
		size = (x.count + 1) / 2 * 8
		if x.middle2 > 0 {
			size = x.first4*4 + x.middle2*2 + (x.count-x.first4-x.middle2+1)/2*8
		}
		if x.bits > 14 || x.middle2 > 0 && x.bits > 12 {
			return bad("compact clusters of 2^%d bytes", x.bits)
		}
	} else {
		x.at += 8
	}
	x.end = x.at + size
	if x.at > x.m.src.Size || size > x.m.src.Size-x.at {
		return bad("%d clusters lie outside of the image", x.count)
	}
	x.table = make([]byte, size)
	return x.m.src.Read(x.table, x.at, "clusters")
}

// cluster returns one logical cluster.
func (x *index) cluster(n int64) (cluster, error) {
	if x.compact {
		return x.unpack(n)
	}
	le := binary.LittleEndian
	b := x.table[n*8:]
	c := cluster{kind: int(le.Uint16(b) & 3), offset: int64(le.Uint16(b[2:]))}
	if c.kind == typeNonHead {
		if d := int64(le.Uint16(b[4:])); d&countFlag != 0 {
			c.blocks = d &^ countFlag
		}
		return c, nil
	}
	c.block = uint64(le.Uint32(b[4:]))
	if n == x.count-1 {
		x.lastBlock = uint32(c.block)
	}
	return c, nil
}

// unpack reads a compact cluster. Two or sixteen of them share a pack, which
// ends with the number of a block; those of the others are counted from it.
func (x *index) unpack(n int64) (cluster, error) {
	var pos int64
	shift, vcnt := uint(2), int64(2)
	switch {
	case n < x.first4:
		pos = n * 4
	case n < x.first4+x.middle2:
		pos, shift, vcnt = x.first4*4+(n-x.first4)*2, 1, 16
	default:
		pos = x.first4*4 + x.middle2*2 + (n-x.first4-x.middle2)*4
	}
	pack := vcnt << shift
	// Packs are aligned in the image, and the table starts at the end of one.
	abs := x.at + pos
	start := abs/pack*pack - x.at
	if start < 0 || start+pack > int64(len(x.table)) {
		return cluster{}, bad("a pack of clusters leaves its table")
	}
	p := packed{b: x.table[start : start+pack], low: max(x.bits, 12), width: uint((pack - 4) * 8 / vcnt)}
	i := (abs % pack) >> shift
	low, kind := p.get(i)
	if kind == typeNonHead {
		c := cluster{kind: kind}
		if low&countFlag != 0 {
			c.blocks = low &^ countFlag
		}
		return c, nil
	}
	before, err := p.blocksBefore(i, x.advise&adviseBig1 != 0)
	if err != nil {
		return cluster{}, err
	}
	return cluster{kind: kind, offset: low, block: uint64(binary.LittleEndian.Uint32(p.b[pack-4:])) + uint64(before)}, nil
}

// packed is one pack of compact clusters.
type packed struct {
	b          []byte
	low, width uint
}

func (p packed) get(i int64) (low int64, kind int) {
	pos := uint(i) * p.width
	var v uint64
	for k, b := range p.b[pos/8 : min(int(pos/8)+5, len(p.b))] {
		v |= uint64(b) << (8 * k)
	}
	v >>= pos % 8
	return int64(v & (1<<p.low - 1)), int(v >> p.low & 3)
}

// blocksBefore counts the blocks of the extents in the pack before cluster i.
func (p packed) blocksBefore(i int64, big bool) (n int64, err error) {
	if !big {
		n = 1
	}
	for i > 0 {
		i--
		low, kind := p.get(i)
		switch {
		case kind != typeNonHead:
			n++
		case !big:
			if i -= low; i >= 0 {
				n++
			}
		case low&countFlag != 0:
			i--
			n += low &^ countFlag
		case low <= 1:
			return 0, bad("a cluster at a distance of %d", low)
		default:
			i -= low - 2
		}
	}
	return n, nil
}
