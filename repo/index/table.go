package index

import "math/bits"

// triple is a version (epoch, version, release) or a dependency (name, number
// of its version, flags) in numbers.
type triple [3]uint32

// table numbers triples: each gets the number of its place in rows.
type table struct {
	rows  []triple
	slots []uint32 // hash table of numbers + 1
	seed  uint64
}

func newTable(seed uint64) *table {
	t := &table{slots: make([]uint32, 1<<10), seed: seed}
	t.number(triple{}) // the empty one is number 0
	return t
}

// makeRoom is called before the first triple comes.
func (t *table) makeRoom(n int) {
	if n > len(t.slots) {
		t.rows = append(make([]triple, 0, n), t.rows...)
		t.slots = make([]uint32, slotsFor(n)/2)
		t.grow()
	}
}

// slotsFor is the size of a hash table for n entries: a power of two with a
// quarter of it free.
func slotsFor(n int) int { return 1 << bits.Len(uint(n*4/3)) }

func (t *table) hash(k triple) uint64 {
	return mix(uint64(k[0])<<32|uint64(k[1])^t.seed, uint64(k[2])^t.seed>>7^0xe7037ed1a0b428db)
}

// number returns the number of k, a new one when it was not there.
func (t *table) number(k triple) uint32 {
	mask := uint64(len(t.slots) - 1)
	i := t.hash(k) & mask
	for ; t.slots[i] != 0; i = (i + 1) & mask {
		if n := t.slots[i] - 1; t.rows[n] == k {
			return n
		}
	}
	t.rows = push(t.rows, k)
	t.slots[i] = uint32(len(t.rows))
	if len(t.rows) > len(t.slots)*3/4 {
		t.grow()
	}
	return uint32(len(t.rows) - 1)
}

func (t *table) grow() {
	t.slots = make([]uint32, 2*len(t.slots))
	mask := uint64(len(t.slots) - 1)
	for n, k := range t.rows {
		i := t.hash(k) & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = uint32(n + 1)
	}
}
