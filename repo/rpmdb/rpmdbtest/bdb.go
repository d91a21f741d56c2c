package rpmdbtest

import "encoding/binary"

// BDB returns a Packages file of Berkeley DB 5.3: a hash with one bucket, whose
// pages are chained, and each header in a chain of overflow pages.
func BDB(blobs ...[]byte) []byte {
	const size, head, perPage = 4096, 26, 100
	le := binary.LittleEndian
	var pages [][]byte
	add := func(kind byte) (uint32, []byte) {
		n, p := uint32(len(pages)), make([]byte, size)
		le.PutUint32(p[8:], n)
		p[25] = kind
		pages = append(pages, p)
		return n, p
	}
	_, meta := add(8)
	hashes := (2*len(blobs)+2+perPage-1)/perPage + 1
	for range hashes {
		add(13)
	}
	// A small value on a page itself: rpm counts its headers there.
	items := [][]byte{{1, 0, 0, 0, 0}, append([]byte{1}, le.AppendUint32(nil, uint32(len(blobs)))...)}
	for i, b := range blobs {
		off := le.AppendUint32([]byte{3, 0, 0, 0}, uint32(len(pages)))
		items = append(items, append([]byte{1}, le.AppendUint32(nil, uint32(i+1))...), le.AppendUint32(off, uint32(len(b))))
		first := uint32(len(pages))
		for rest := b; len(rest) > 0; {
			n, p := add(7)
			k := copy(p[head:], rest)
			le.PutUint16(p[20:], 1) // a reference count
			le.PutUint16(p[22:], uint16(k))
			if n > first {
				le.PutUint32(p[12:], n-1)
			}
			if rest = rest[k:]; len(rest) > 0 {
				le.PutUint32(p[16:], n+1)
			}
		}
	}
	for h := 1; h <= hashes; h++ {
		p := pages[h]
		n := min(perPage, len(items))
		end := size
		for i, it := range items[:n] {
			end -= len(it)
			copy(p[end:], it)
			le.PutUint16(p[head+2*i:], uint16(end))
		}
		le.PutUint16(p[20:], uint16(n))
		le.PutUint16(p[22:], uint16(end))
		if h > 1 {
			le.PutUint32(p[12:], uint32(h-1))
		}
		if h < hashes {
			le.PutUint32(p[16:], uint32(h+1))
		}
		items = items[n:]
	}
	le.PutUint32(meta[12:], 0x061561)
	le.PutUint32(meta[16:], 9)
	le.PutUint32(meta[20:], size)
	le.PutUint32(meta[32:], uint32(len(pages)-1))
	le.PutUint32(meta[96:], 1) // bucket 0 starts at page 1
	var out []byte
	for _, p := range pages {
		out = append(out, p...)
	}
	return out
}
