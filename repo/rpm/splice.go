package rpm

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Splice writes to w the package rpm with its signature header replaced by
// sig: what Koji does to make a signed copy out of an unsigned package and a
// file of its data/sigcache (koji.write_signed_rpm). Nothing is verified here;
// run Verify with a keyring on the result.
func Splice(w io.Writer, rpm, sig io.Reader) error {
	lead, err := skipSignature(rpm)
	if err != nil {
		return err
	}
	signed, pad, err := readSignatureHeader(sig)
	if err != nil {
		return fmt.Errorf("splice signature: %w", err)
	}
	out := &firstError{w: w}
	_, _ = io.WriteString(out, lead)
	signed.writeAll(out)
	_, _ = io.WriteString(out, pad)
	if out.err != nil {
		return fmt.Errorf("splice signature: %w", out.err)
	}
	if _, err := io.Copy(w, rpm); err != nil {
		return fmt.Errorf("splice signature: %w", err)
	}
	return nil
}

// skipSignature reads up to the header and returns the lead.
func skipSignature(rpm io.Reader) (lead string, err error) {
	in := &input{r: rpm}
	start, err := in.take(piece{PartLead, leadSize}, piece{PartSignature, introSize})
	if _, err = parseLead(start, err); err != nil {
		return "", err
	}
	l, err := Options{}.checkIntro(start[leadSize:], PartSignature, leadSize)
	if err != nil {
		return "", err
	}
	block, err := in.take(piece{PartSignature, l.size() + padding(in.pos+l.size())})
	if err != nil {
		return "", err
	}
	_, err = newHeader(PartSignature, leadSize, l, block)
	return start[:leadSize], err
}

// readSignatureHeader reads a signature header that stands alone, and what
// pads it: Koji caches the padding too.
func readSignatureHeader(r io.Reader) (h *Header, pad string, err error) {
	in := &input{r: r}
	intro, err := in.take(piece{PartSignature, introSize})
	if err != nil {
		return nil, "", err
	}
	l, err := Options{}.checkIntro(intro, PartSignature, 0)
	if err != nil {
		return nil, "", err
	}
	block, err := in.take(piece{PartSignature, l.size()})
	if err != nil {
		return nil, "", err
	}
	n := padding(leadSize + in.pos)
	pad, err = in.take(piece{PartSignature, n})
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, "", err
	}
	pad += strings.Repeat("\x00", int(n)-len(pad))
	h, err = newHeader(PartSignature, 0, l, block)
	return h, pad, err
}

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
