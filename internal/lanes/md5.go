package lanes

import (
	"crypto/md5"
	"encoding"
	"encoding/binary"
	"hash"
)

// MD5 is an MD5 in the making, which Trio computes beside two SHA-256. MD5 lets
// no processor do two of its steps at once, and two streams of SHA-256 leave the
// units idle that MD5 needs: the three take hardly longer than MD5 alone. What
// Trio has no part in, crypto/md5 does. The zero value is not ready: see NewMD5.
type MD5 struct {
	hash.Hash
	n uint64 // bytes written
}

// NewMD5 begins an MD5.
func NewMD5() *MD5 { return &MD5{Hash: md5.New()} }

// Write adds p. It never fails.
func (m *MD5) Write(p []byte) (int, error) {
	m.n += uint64(len(p))
	return m.Hash.Write(p) //nolint:wrapcheck // never fails
}

// Reset makes m ready for another stream.
func (m *MD5) Reset() {
	m.n = 0
	m.Hash.Reset()
}

// The state of crypto/md5 as it marshals it: a name, four words in big-endian
// order, a block with what does not fill one yet, and the length. Its tests hold
// it to this form, and those of this package would see another one.
const (
	md5Magic   = 4
	md5Marshal = md5Magic + md5.Size + md5.BlockSize + 8
)

// blocks lets work do whole blocks of n bytes together, at the start of a block.
func (m *MD5) blocks(n int, work func(state *[4]uint32)) {
	var buf [md5Marshal]byte
	saved, err := m.Hash.(encoding.BinaryAppender).AppendBinary(buf[:0])
	if err != nil || len(saved) != md5Marshal {
		panic("crypto/md5 marshals itself in another form")
	}
	var state [4]uint32
	for i := range state {
		state[i] = binary.BigEndian.Uint32(saved[md5Magic+4*i:])
	}
	work(&state)
	for i, w := range state {
		binary.BigEndian.PutUint32(saved[md5Magic+4*i:], w)
	}
	m.n += uint64(n)
	binary.BigEndian.PutUint64(saved[md5Marshal-8:], m.n)
	if err := m.Hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(saved); err != nil {
		panic("crypto/md5 does not read what it wrote: " + err.Error())
	}
}

// Trio adds p to a, q to b and r to m. They gain from each other as far as the
// three are of one length and whole blocks have been written before.
func Trio(a, b *Digest, m *MD5, p, q, r []byte) {
	a.start()
	b.start()
	blocks := min(len(p), len(q), len(r)) / BlockSize
	if a.std == nil && blocks > 0 && a.n%BlockSize == 0 && b.n%BlockSize == 0 && m.n%BlockSize == 0 {
		n := blocks * BlockSize
		m.blocks(n, func(state *[4]uint32) { blocksTrio(&a.h, &b.h, state, p, q, r, blocks) })
		a.n += uint64(n)
		b.n += uint64(n)
		p, q, r = p[n:], q[n:], r[n:]
	}
	Write(a, b, p, q)
	_, _ = m.Write(r)
}
