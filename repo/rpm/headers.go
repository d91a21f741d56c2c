package rpm

import (
	"errors"
	"io"
	"strings"
)

// Headers returns lead, signature header and header as they stand in the file,
// out of memory. It is for libraries that read headers by themselves: what
// they are given here, Read has checked against rpm's limits, and it cannot
// change any more as a file could. Each Read of it fills its buffer as far as
// there is anything left, because some libraries rely on that.
func (p *Package) Headers() io.Reader {
	pad := strings.Repeat("\x00", int(padding(leadSize+p.Signature.Size())))
	parts := []io.Reader{strings.NewReader(p.lead)}
	for _, s := range []string{p.Signature.intro(), p.Signature.index, p.Signature.data, pad, p.Header.intro(), p.Header.index, p.Header.data} {
		parts = append(parts, strings.NewReader(s))
	}
	return filling{io.MultiReader(parts...)}
}

type filling struct{ r io.Reader }

func (f filling) Read(b []byte) (int, error) {
	n, err := io.ReadFull(f.r, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// intro is the 16 bytes before the index.
func (h *Header) intro() string { return introOf(len(h.index)/entrySize, len(h.data)) }

func introOf(entries, data int) string {
	b := append([]byte(headerMagic), 0, 0, 0, 0, 0, 0, 0, 0)
	putUint32(b[8:], uint32(entries))
	putUint32(b[12:], uint32(data))
	return string(b)
}
