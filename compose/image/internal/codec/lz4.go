package codec

import "errors"

var errLZ4 = errors.New("broken lz4 data")

// LZ4 decompresses one block (lz4_Block_format.md).
func LZ4(dst, src []byte, part bool) (int, error) {
	d := 0
	for len(src) > 0 {
		token := src[0]
		literals, rest, ok := lz4Length(int(token>>4), src[1:])
		if !ok || literals > len(rest) {
			return d, errLZ4
		}
		if literals > len(dst)-d {
			if !part {
				return d, errFull
			}
			return d + copy(dst[d:], rest[:literals]), nil
		}
		d += copy(dst[d:], rest[:literals])
		if src = rest[literals:]; len(src) == 0 || part && d == len(dst) {
			return d, nil // the last sequence has literals only
		}
		if len(src) < 2 {
			return d, errLZ4
		}
		offset := int(src[0]) | int(src[1])<<8
		n, rest, ok := lz4Length(int(token&15), src[2:])
		if !ok || offset == 0 || offset > d {
			return d, errLZ4
		}
		n += 4
		if n > len(dst)-d {
			if !part {
				return d, errFull
			}
			n = len(dst) - d
		}
		for ; n > 0; n-- { // the ranges may overlap
			dst[d] = dst[d-offset]
			d++
		}
		if src = rest; part && d == len(dst) {
			return d, nil
		}
	}
	return d, nil
}

// lz4Length reads a length that may go on in further bytes.
func lz4Length(n int, src []byte) (int, []byte, bool) {
	if n < 15 {
		return n, src, true
	}
	for i, b := range src {
		if n += int(b); b < 255 {
			return n, src[i+1:], true
		}
	}
	return 0, nil, false
}
