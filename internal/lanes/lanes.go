// Package lanes computes SHA-256 of two streams at once, and MD5 of a third. A
// processor with the SHA extensions waits, with one stream, for each step's result
// before it can begin the next one; the steps of a second stream fill the waiting.
// Two streams together take hardly longer than one, which halves what indexing a
// repository costs: hashing is the largest part of it. MD5 needs other units, and
// the three together take no longer than MD5 alone.
//
//	var a, b lanes.Digest
//	lanes.Write(&a, &b, p, q) // as a.Write(p) and b.Write(q), but faster
//	sum := a.Sum(nil)
//
// Where the processor has no such extensions, or with the build tag purego,
// crypto/sha256 does the work. The results are the same, and tests compare them.
// crypto/sha256 cannot be told to do this: its digests know nothing of each other.
package lanes

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Size is the length of a sum in bytes, BlockSize that of the unit of work.
const (
	Size      = sha256.Size
	BlockSize = sha256.BlockSize
)

// Digest is a SHA-256 in the making. The zero value is ready for use.
type Digest struct {
	std  hash.Hash // does the work where there are no extensions
	h    [8]uint32
	tail [BlockSize]byte // what does not fill a block yet
	n    uint64          // bytes written
}

// Accelerated tells whether two streams gain from being hashed together here.
func Accelerated() bool { return accelerated }

// Reset makes d ready for another stream.
func (d *Digest) Reset() {
	d.n = 0
	if d.std != nil {
		d.std.Reset()
	}
}

func (d *Digest) start() {
	if !accelerated {
		if d.std == nil {
			d.std = sha256.New()
		}
		return
	}
	if d.n == 0 {
		d.h = [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
	}
}

// Write adds p. It never fails.
func (d *Digest) Write(p []byte) (int, error) {
	d.start()
	if d.std != nil {
		return d.std.Write(p)
	}
	p, size := d.fill(p), len(p)
	if blocks := len(p) / BlockSize; blocks > 0 {
		var idle [8]uint32 // a second stream of no interest costs nothing
		blocksPair(&d.h, &idle, p, p, blocks)
		d.n += uint64(blocks * BlockSize)
		p = p[blocks*BlockSize:]
	}
	d.keep(p)
	return size, nil
}

// fill completes a begun block with the start of p and returns the rest.
func (d *Digest) fill(p []byte) []byte {
	have := int(d.n % BlockSize)
	if have == 0 {
		return p
	}
	m := copy(d.tail[have:], p)
	d.n += uint64(m)
	if have+m == BlockSize {
		var idle [8]uint32
		blocksPair(&d.h, &idle, d.tail[:], d.tail[:], 1)
	}
	return p[m:]
}

// keep notes the bytes that do not fill a block; what is left after a begun
// block was not completed is empty.
func (d *Digest) keep(p []byte) {
	copy(d.tail[:], p)
	d.n += uint64(len(p))
}

// Sum appends the sum of what was written to b. More can be written afterwards.
func (d *Digest) Sum(b []byte) []byte {
	d.start()
	if d.std != nil {
		return d.std.Sum(b)
	}
	c := *d
	bits := c.n << 3
	var pad [BlockSize + 8]byte
	pad[0] = 0x80
	zeros := (BlockSize + 55 - int(c.n%BlockSize)) % BlockSize
	_, _ = c.Write(pad[:1+zeros])
	binary.BigEndian.PutUint64(pad[:8], bits)
	_, _ = c.Write(pad[:8])
	for _, w := range c.h {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

// Write adds p to a and q to b, the two digests being different ones. They gain
// from each other as far as p and q are of one length and whole blocks have been
// written before.
func Write(a, b *Digest, p, q []byte) {
	a.start()
	b.start()
	blocks := min(len(p), len(q)) / BlockSize
	if a.std == nil && blocks > 0 && a.n%BlockSize == 0 && b.n%BlockSize == 0 {
		n := blocks * BlockSize
		blocksPair(&a.h, &b.h, p, q, blocks)
		a.n += uint64(n)
		b.n += uint64(n)
		p, q = p[n:], q[n:]
	}
	_, _ = a.Write(p)
	_, _ = b.Write(q)
}
