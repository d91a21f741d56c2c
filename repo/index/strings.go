package index

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"strings"
)

// Str is the number of a text in an Index. 0 is the empty text.
type Str = uint32

// Texts stand in pieces of one size, none crosses their bounds, so that the
// memory grows without ever being copied.
const (
	pieceBits = 20
	pieceSize = 1 << pieceBits
	maxText   = pieceSize - binary.MaxVarintLen32
	maxPieces = 1 << (32 - pieceBits)
)

var (
	errLongText = errors.New("a text of more than a megabyte")
	errTooLarge = errors.New("more than 4 GiB of texts")
)

// texts are all texts of an Index, each once.
type texts struct {
	pieces []string // length, text, length, text ...
	starts []uint32 // of each text: number of its piece, then offset in it
	slots  []uint64 // hash table: 32 bits of the hash, then number of the text + 1
	seed   uint64
}

// get returns the text of a number.
func (t *texts) get(s Str) string {
	at := t.starts[s]
	piece := t.pieces[at>>pieceBits]
	return cut(piece[at&(pieceSize-1):])
}

// cut takes a text and its length off the start of a piece.
func cut(piece string) string {
	n, width := uvarint(piece)
	return piece[width : width+n]
}

// uvarint is binary.Uvarint for a string.
func uvarint(s string) (v, width int) {
	for i := range min(len(s), binary.MaxVarintLen32) {
		v |= int(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// find returns the number of a text.
func (t *texts) find(text string) (Str, bool) {
	if text == "" {
		return 0, true
	}
	h := hashText(text, t.seed)
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if slot := t.slots[i]; slot>>32 == h>>32 && t.get(uint32(slot)-1) == text {
			return uint32(slot) - 1, true
		}
	}
	return 0, false
}

// hashText is a hash in the manner of wyhash: a stranger who writes the texts
// does not know the seed and cannot make them collide.
func hashText[T string | []byte](text T, seed uint64) uint64 {
	const k0, k1 = 0xa0761d6478bd642f, 0xe7037ed1a0b428db
	h := seed ^ k0
	n := uint64(len(text))
	for len(text) > 16 {
		h = mix(word(text)^k1, word(text[8:])^h)
		text = text[16:]
	}
	var a, b uint64
	if len(text) >= 8 {
		a, b = word(text), word(text[len(text)-8:])
	} else {
		for i := range len(text) {
			a |= uint64(text[i]) << (8 * i)
		}
	}
	return mix(k1^n, mix(a^k1, b^h))
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func word[T string | []byte](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// textBuilder collects the texts of an Index that is being built.
type textBuilder struct {
	pieces []*strings.Builder
	starts []uint32
	slots  []uint64
	used   int // of the slots
	seed   uint64
}

func newTextBuilder(seed uint64) *textBuilder {
	b := &textBuilder{slots: make([]uint64, 1<<12), seed: seed}
	_, _ = b.add(nil) // the empty text is number 0
	return b
}

// makeRoom is called before the first text comes.
func (b *textBuilder) makeRoom(n int) {
	if n > len(b.slots) {
		b.starts = append(make([]uint32, 0, n), b.starts...)
		b.slots = make([]uint64, slotsFor(n/2)) // the other half is not looked up
	}
}

// intern returns the number of a text, a new one when it was not there.
func (b *textBuilder) intern(text []byte) (Str, error) {
	if len(text) == 0 {
		return 0, nil
	}
	h := hashText(text, b.seed)
	mask := uint64(len(b.slots) - 1)
	i := h & mask
	for ; b.slots[i] != 0; i = (i + 1) & mask {
		if slot := b.slots[i]; slot>>32 == h>>32 && b.at(uint32(slot)-1) == string(text) {
			return uint32(slot) - 1, nil
		}
	}
	s, err := b.add(text)
	if err != nil {
		return 0, err
	}
	b.slots[i] = h>>32<<32 | uint64(s+1)
	if b.used++; b.used > len(b.slots)*3/4 {
		b.grow()
	}
	return s, nil
}

// at returns the text of a number.
func (b *textBuilder) at(s Str) string {
	at := b.starts[s]
	return cut(b.pieces[at>>pieceBits].String()[at&(pieceSize-1):])
}

// add appends a text without a look at those that are there.
func (b *textBuilder) add(text []byte) (Str, error) {
	if len(text) > maxText {
		return 0, errLongText
	}
	last := len(b.pieces) - 1
	if last < 0 || b.pieces[last].Len()+binary.MaxVarintLen32+len(text) > pieceSize {
		if len(b.pieces) == maxPieces {
			return 0, errTooLarge
		}
		piece := &strings.Builder{}
		piece.Grow(pieceSize)
		b.pieces = append(b.pieces, piece)
		last++
	}
	piece := b.pieces[last]
	b.starts = push(b.starts, uint32(last)<<pieceBits|uint32(piece.Len()))
	n := uint32(len(text))
	for ; n >= 0x80; n >>= 7 {
		piece.WriteByte(byte(n) | 0x80)
	}
	piece.WriteByte(byte(n))
	piece.Write(text)
	return Str(len(b.starts) - 1), nil
}

// grow doubles the hash table.
func (b *textBuilder) grow() {
	bigger := make([]uint64, 2*len(b.slots))
	mask := uint64(len(bigger) - 1)
	for _, slot := range b.slots {
		if slot == 0 {
			continue
		}
		i := hashText(b.at(uint32(slot)-1), b.seed) & mask
		for bigger[i] != 0 {
			i = (i + 1) & mask
		}
		bigger[i] = slot
	}
	b.slots = bigger
}

// finish returns the texts; the builder is spent.
func (b *textBuilder) finish() texts {
	t := texts{starts: slices.Clip(b.starts), slots: b.slots, seed: b.seed, pieces: make([]string, len(b.pieces))}
	for i, p := range b.pieces {
		t.pieces[i] = p.String()
	}
	return t
}
