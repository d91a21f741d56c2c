package rpm

import (
	"fmt"
	"io"
	"strings"
)

// Splice writes to w the package rpm with its signature header replaced by
// sig: what Koji does to make a signed copy out of an unsigned package and a
// file of its data/sigcache (koji.write_signed_rpm). Nothing is verified here;
// run Verify with a keyring on the result.
func Splice(w io.Writer, rpm, sig io.Reader) error {
	var lead strings.Builder
	if _, err := readLead(io.TeeReader(rpm, &lead)); err != nil {
		return err
	}
	old, err := Options{}.parseHeader(rpm, PartSignature, leadSize)
	if err != nil {
		return err
	}
	if _, err = readString(rpm, padding(old), PartSignature, leadSize+old.Size()); err != nil {
		return err
	}
	signed, err := Options{}.parseHeader(sig, PartSignature, 0)
	if err != nil {
		return fmt.Errorf("splice signature: %w", err)
	}
	out := &firstError{w: w}
	_, _ = io.WriteString(out, lead.String())
	signed.writeAll(out)
	_, _ = out.Write(make([]byte, padding(signed)))
	if out.err != nil {
		return fmt.Errorf("splice signature: %w", out.err)
	}
	if _, err := io.Copy(w, rpm); err != nil {
		return fmt.Errorf("splice signature: %w", err)
	}
	return nil
}

// padding is what follows a signature header, so that the header starts at a
// multiple of 8.
func padding(h *Header) int64 { return (8 - (leadSize+h.Size())%8) % 8 }

// firstError remembers the first failure of a series of writes.
type firstError struct {
	w   io.Writer
	err error
}

func (f *firstError) Write(b []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.w.Write(b)
	f.err = err
	return n, err
}
