//go:build !purego

package lanes

// accelerated is found out once and never written again.
var accelerated = hasSHA()

// hasSHA asks the processor for SHA, SSSE3 and SSE4.1.
func hasSHA() bool {
	if leaves, _, _ := cpuid(0, 0); leaves < 7 {
		return false
	}
	_, _, one := cpuid(1, 0)
	_, seven, _ := cpuid(7, 0)
	return one&(1<<9) != 0 && one&(1<<19) != 0 && seven&(1<<29) != 0
}

// blocksPair works through the given number of blocks of p and q.
func blocksPair(a, b *[8]uint32, p, q []byte, blocks int) {
	_, _ = p[blocks*BlockSize-1], q[blocks*BlockSize-1] // the assembler checks nothing
	blocksSHA(a, b, &p[0], &q[0], blocks)
}

// blocksTrio does so, and works through as many blocks of r for MD5.
func blocksTrio(a, b *[8]uint32, m *[4]uint32, p, q, r []byte, blocks int) {
	_, _, _ = p[blocks*BlockSize-1], q[blocks*BlockSize-1], r[blocks*BlockSize-1] // as above
	blocksThree(a, b, m, &p[0], &q[0], &r[0], blocks)
}

//go:noescape
func blocksSHA(a, b *[8]uint32, p, q *byte, n int)

//go:noescape
func blocksThree(a, b *[8]uint32, m *[4]uint32, p, q, r *byte, n int)

func cpuid(leaf, sub uint32) (eax, ebx, ecx uint32)
