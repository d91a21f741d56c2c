package rpm

import (
	"fmt"
	"io"
	"os"
)

// Read reads lead, signature header and header from r and nothing after them,
// so that r stands at the payload afterwards. It asks r for three pieces, the
// largest as long as the header: buffering r gains nothing. Damage is answered
// with a *FormatError.
func Read(r io.Reader) (*Package, error) { return Options{}.Read(r) }

// Read is the package function Read with bounds of one's own.
func (o Options) Read(r io.Reader) (*Package, error) {
	in := &input{r: r}
	p := &Package{}
	start, err := in.take(piece{PartLead, leadSize}, piece{PartSignature, introSize})
	if p.Lead, err = parseLead(start, err); err != nil {
		return nil, err
	}
	p.lead = start[:leadSize]
	intro, err := p.readSignature(in, start[leadSize:])
	if err != nil {
		return nil, err
	}
	l, err := o.checkIntro(intro, PartHeader, p.HeaderStart)
	if err != nil {
		return nil, err
	}
	block, err := in.take(piece{PartHeader, l.size()})
	if err != nil {
		return nil, err
	}
	if p.Header, err = newHeader(PartHeader, p.HeaderStart, l, block); err != nil {
		return nil, err
	}
	p.HeaderEnd = in.pos
	if err := p.checkSignatureTags(); err != nil {
		return nil, err
	}
	if err := o.fill(p); err != nil {
		return nil, err
	}
	return p, nil
}

// readSignature reads the signature header after its intro, and the intro of
// the header that follows.
func (p *Package) readSignature(in *input, intro string) (next string, err error) {
	l, err := Options{}.checkIntro(intro, PartSignature, leadSize)
	if err != nil {
		return "", err
	}
	size := l.size() + padding(leadSize+introSize+l.size())
	block, err := in.take(piece{PartSignature, size}, piece{PartHeader, introSize})
	if err != nil {
		return "", err
	}
	p.HeaderStart = in.pos - introSize
	p.Signature, err = newHeader(PartSignature, leadSize, l, block)
	return block[size:], err
}

// padding is what follows a signature header that ends at byte n, so that the
// header starts at a multiple of 8.
func padding(n int64) int64 { return (8 - n%8) % 8 }

// Open reads the RPM at path and sets FileSize.
func Open(path string) (*Package, error) { return Options{}.Open(path) }

// Open is the package function Open with bounds of one's own.
func (o Options) Open(path string) (*Package, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open rpm: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open rpm: %w", err)
	}
	p, err := o.Read(f)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	p.FileSize = info.Size()
	return p, nil
}
