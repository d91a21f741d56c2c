//go:build !amd64 || purego

package lanes

const accelerated = false

// blocksPair is never called: a Digest is crypto/sha256's here.
func blocksPair(_, _ *[8]uint32, _, _ []byte, _ int) {}

// blocksTrio is never called either.
func blocksTrio(_, _ *[8]uint32, _ *[4]uint32, _, _, _ []byte, _ int) {}
