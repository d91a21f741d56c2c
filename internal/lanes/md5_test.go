package lanes_test

import (
	"bytes"
	"crypto/md5"
	"math/rand/v2"
	"testing"

	"github.com/fedora-respin/respin/internal/lanes"
)

func checkMD5(t *testing.T, what string, m *lanes.MD5, data []byte) {
	t.Helper()
	want := md5.Sum(data)
	if got := m.Sum([]byte("x")); !bytes.Equal(got[1:], want[:]) || got[0] != 'x' {
		t.Fatalf("%s: %x of %d bytes, crypto/md5 says %x", what, got, len(data), want)
	}
}

func TestTrioOfEveryLength(t *testing.T) {
	t.Parallel()
	p, q, r := noise(1, 700), noise(2, 700), noise(3, 700)
	for n := range 300 {
		var a, b lanes.Digest
		m := lanes.NewMD5()
		i, j := (n*7)%700, (n*3)%700
		lanes.Trio(&a, &b, m, p[:n], q[:i], r[:j])
		check(t, "first", &a, p[:n])
		check(t, "second", &b, q[:i])
		checkMD5(t, "third", m, r[:j])
		m.Reset()
		checkMD5(t, "after a reset", m, nil)
	}
}

// TestTrioOfAnySequence has the three at different places within their blocks,
// and a state that comes and goes between here and crypto/md5.
func TestTrioOfAnySequence(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var a, b lanes.Digest
		m := lanes.NewMD5()
		var all [3][]byte
		for range rnd.IntN(12) {
			piece := func(seed uint64) []byte {
				if rnd.IntN(3) == 0 {
					return noise(seed, rnd.IntN(400))
				}
				return noise(seed, 64*rnd.IntN(9))
			}
			p, q, r := piece(1), piece(2), piece(3)
			if rnd.IntN(4) == 0 {
				p, q = nil, nil
				_, _ = m.Write(r)
			} else {
				lanes.Trio(&a, &b, m, p, q, r)
			}
			all[0], all[1], all[2] = append(all[0], p...), append(all[1], q...), append(all[2], r...)
			check(t, "first", &a, all[0])
			check(t, "second", &b, all[1])
			checkMD5(t, "third", m, all[2])
		}
	}
}

// FuzzTrio compares with the standard library, whatever is written in whatever pieces.
func FuzzTrio(f *testing.F) {
	f.Add([]byte("abc"), []byte(""), []byte("d"), 1)
	f.Add(bytes.Repeat([]byte{0}, 200), bytes.Repeat([]byte{255}, 128), bytes.Repeat([]byte{1}, 300), 64)
	f.Fuzz(func(t *testing.T, p, q, r []byte, cut int) {
		var a, b lanes.Digest
		m := lanes.NewMD5()
		i, j, k := min(max(cut, 0), len(p)), min(max(cut, 0), len(q)), min(max(cut, 0), len(r))
		lanes.Trio(&a, &b, m, p[:i], q[:j], r[:k])
		lanes.Trio(&a, &b, m, p[i:], q[j:], r[k:])
		check(t, "first", &a, p)
		check(t, "second", &b, q)
		checkMD5(t, "third", m, r)
	})
}

func BenchmarkTrio(b *testing.B) {
	p, q := noise(1, 128<<10), noise(2, 128<<10)
	var x, y lanes.Digest
	m := lanes.NewMD5()
	b.SetBytes(128 << 10)
	for b.Loop() {
		lanes.Trio(&x, &y, m, p, q, p)
	}
}

func BenchmarkOneByOne(b *testing.B) {
	p, q := noise(1, 128<<10), noise(2, 128<<10)
	var x, y lanes.Digest
	m := lanes.NewMD5()
	b.SetBytes(128 << 10)
	for b.Loop() {
		lanes.Write(&x, &y, p, q)
		_, _ = m.Write(p)
	}
}
