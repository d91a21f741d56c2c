package rpmtest

import (
	"bytes"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Truncate returns the package without its last n bytes.
func Truncate(data []byte, n int) []byte {
	return bytes.Clone(data[:max(0, len(data)-n)])
}

// FlipPayload returns the package with one byte of the payload changed, so
// that the payload digest and SIGMD5 no longer match. It panics when data is
// no RPM or has no payload.
func FlipPayload(data []byte) []byte {
	p := parse(data)
	out := bytes.Clone(data)
	out[(int(p.HeaderEnd)+len(out))/2] ^= 0x20
	return out
}

// FlipHeader returns the package with one letter of its license changed: the
// header stays readable, its digests no longer match. It panics when data is no RPM.
func FlipHeader(data []byte) []byte {
	p := parse(data)
	out := bytes.Clone(data)
	header := out[p.HeaderStart:p.HeaderEnd]
	header[bytes.Index(header, append([]byte(p.License), 0))] ^= 0x20
	return out
}

func parse(data []byte) *rpm.Package {
	p, err := rpm.Read(bytes.NewReader(data))
	if err != nil {
		panic(err)
	}
	return p
}
