package rpm

import "testing"

func TestDecodeSignatureSurvivesDamage(t *testing.T) {
	t.Parallel()
	good := []byte{0xc2, 23, 4, 0, 22, 10, 0, 6, 5, 2, 0x69, 0x55, 0xb9, 0, 0, 0, 9, 16, 1, 2, 3, 4, 5}
	for i := range good {
		for _, v := range []byte{0, 0x7f, 0xff} {
			b := append([]byte(nil), good...)
			b[i] = v
			decodeSignature(TagOpenPGP, b)
			decodeSignature(TagOpenPGP, b[:i])
		}
	}
	for _, raw := range [][]byte{nil, {0xc2}, {0x89, 0xff, 0xff, 3}, []byte("no packet at all")} {
		if s := decodeSignature(TagSigPGP, raw); s.Version != 0 || s.HeaderOnly() {
			t.Errorf("%q: %+v", raw, s)
		}
	}
}
