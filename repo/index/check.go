package index

import "math/bits"

// check makes sure that no number in a loaded index leads out of it: its sum
// was right, but the sum is no secret and the file may be anybody's.
func (ix *Index) check() error {
	t := &ix.texts
	n, pkgs := len(t.starts), len(ix.pkgs.name)
	ok := n > 0 && len(t.slots) >= 2 && bits.OnesCount(uint(len(t.slots))) == 1 && t.valid() &&
		len(ix.evrs) > 0 && len(ix.rels) > 0 &&
		len(ix.depStart) == pkgs*kinds+1 && len(ix.fileStart) == pkgs+1 && len(ix.providedBy) == len(ix.provided.items)
	for _, r := range ix.evrs {
		ok = ok && int(r[1]) < n && int(r[2]) < n
	}
	for _, r := range ix.rels {
		ok = ok && int(r[0]) < n && int(r[1]) < len(ix.evrs)
	}
	c := &ix.pkgs
	for _, a := range []struct {
		numbers []uint32
		below   int
	}{
		{c.name, n},
		{c.arch, n},
		{c.location, n},
		{c.base, n},
		{c.summary, n},
		{c.source, n},
		{c.sumType, n},
		{c.sum, n},
		{c.evr, len(ix.evrs)},
	} {
		ok = ok && len(a.numbers) == pkgs && allBelow(a.numbers, a.below)
	}
	for _, a := range [][]uint64{c.size, c.installed, c.built} {
		ok = ok && len(a) == pkgs
	}
	ok = ok && allBelow(ix.files, n) && allBelow(ix.deps, len(ix.rels)) && allBelow(ix.providedBy, len(ix.rels)) &&
		rising(ix.depStart, len(ix.deps)) && rising(ix.fileStart, len(ix.files))
	for _, g := range []*group{&ix.byName, &ix.byFile, &ix.provided} {
		ok = ok && len(g.start) == n+1 && rising(g.start, len(g.items)) && allBelow(g.items, pkgs)
	}
	if !ok {
		return stale("it does not fit together")
	}
	return nil
}

// valid tells whether every text lies in its piece and the hash table has an
// end to every search.
func (t *texts) valid() bool {
	for _, at := range t.starts {
		if int(at>>pieceBits) >= len(t.pieces) {
			return false
		}
		piece := t.pieces[at>>pieceBits]
		off := int(at & (pieceSize - 1))
		if off >= len(piece) {
			return false
		}
		if size, width := uvarint(piece[off:]); width == 0 || size < 0 || size > len(piece)-off-width {
			return false
		}
	}
	free := false
	for _, slot := range t.slots {
		if slot == 0 {
			free = true
		} else if uint32(slot) == 0 || int(uint32(slot))-1 >= len(t.starts) {
			return false
		}
	}
	return free && t.get(0) == ""
}

func allBelow(a []uint32, n int) bool {
	var most uint32
	for _, v := range a {
		most = max(most, v)
	}
	return len(a) == 0 || int(most) < n
}

// rising tells whether the starts go from 0 to n without a step back.
func rising(start []uint32, n int) bool {
	var last uint32
	for _, v := range start {
		if v < last {
			return false
		}
		last = v
	}
	return len(start) > 0 && start[0] == 0 && int(last) == n
}
