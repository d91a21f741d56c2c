package lanes_test

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"github.com/fedora-respin/respin/internal/lanes"
)

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func check(t *testing.T, what string, d *lanes.Digest, data []byte) {
	t.Helper()
	want := sha256.Sum256(data)
	if got := d.Sum([]byte("x")); !bytes.Equal(got[1:], want[:]) || got[0] != 'x' {
		t.Fatalf("%s: %x of %d bytes, crypto/sha256 says %x", what, got, len(data), want)
	}
}

func TestEveryLengthAloneAndInPairs(t *testing.T) {
	t.Parallel()
	p, q := noise(1, 700), noise(2, 700)
	for n := range 300 {
		var a, b, c lanes.Digest
		_, _ = a.Write(p[:n])
		check(t, "alone", &a, p[:n])
		a.Reset()
		m := (n * 7) % 700
		lanes.Write(&a, &b, p[:n], q[:m])
		check(t, "first", &a, p[:n])
		check(t, "second", &b, q[:m])
		check(t, "empty", &c, nil)
	}
}

func TestAnySequenceOfWrites(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var d [2]lanes.Digest
		var all [2][]byte
		for range r.IntN(12) {
			p, q := noise(r.Uint64(), r.IntN(400)), noise(r.Uint64(), r.IntN(400))
			if r.IntN(3) == 0 {
				p, q = noise(3, 64*r.IntN(9)), noise(4, 64*r.IntN(9))
			}
			switch r.IntN(4) {
			case 0:
				_, _ = d[0].Write(p)
				q = nil
			case 1:
				_, _ = d[1].Write(q)
				p = nil
			default:
				lanes.Write(&d[0], &d[1], p, q)
			}
			all[0], all[1] = append(all[0], p...), append(all[1], q...)
			check(t, "first, in between", &d[0], all[0])
			check(t, "second, in between", &d[1], all[1])
		}
	}
}

// TestOnThisProcessor says in the log which code was tested.
func TestOnThisProcessor(t *testing.T) {
	t.Parallel()
	t.Logf("SHA extensions are used: %v", lanes.Accelerated())
}

// FuzzPair compares with crypto/sha256, whatever is written in whatever pieces.
func FuzzPair(f *testing.F) {
	f.Add([]byte("abc"), []byte(""), 1)
	f.Add(bytes.Repeat([]byte{0}, 200), bytes.Repeat([]byte{255}, 128), 64)
	f.Fuzz(func(t *testing.T, p, q []byte, cut int) {
		var a, b lanes.Digest
		i, j := min(max(cut, 0), len(p)), min(max(cut, 0), len(q))
		lanes.Write(&a, &b, p[:i], q[:j])
		lanes.Write(&a, &b, p[i:], q[j:])
		check(t, "first", &a, p)
		check(t, "second", &b, q)
	})
}

func BenchmarkPair(b *testing.B) {
	p, q := noise(1, 128<<10), noise(2, 128<<10)
	var x, y lanes.Digest
	b.SetBytes(256 << 10)
	for b.Loop() {
		lanes.Write(&x, &y, p, q)
	}
}

func BenchmarkAlone(b *testing.B) {
	p := noise(1, 128<<10)
	var x lanes.Digest
	b.SetBytes(128 << 10)
	for b.Loop() {
		_, _ = x.Write(p)
	}
}

func BenchmarkStandardLibrary(b *testing.B) {
	p := noise(1, 128<<10)
	x := sha256.New()
	b.SetBytes(128 << 10)
	for b.Loop() {
		_, _ = x.Write(p)
	}
}
