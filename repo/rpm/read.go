package rpm

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

// Read is the package function Read with bounds of one's own.
func (o Options) Read(r io.Reader) (*Package, error) {
	p := &Package{}
	var err error
	if p.Lead, err = readLead(r); err != nil {
		return nil, err
	}
	if p.Signature, err = o.parseHeader(r, PartSignature, leadSize); err != nil {
		return nil, err
	}
	end := leadSize + p.Signature.Size()
	pad := padding(p.Signature)
	if _, err = readString(r, pad, PartSignature, end); err != nil {
		return nil, err
	}
	p.HeaderStart = end + pad
	if p.Header, err = o.parseHeader(r, PartHeader, p.HeaderStart); err != nil {
		return nil, err
	}
	p.HeaderEnd = p.HeaderStart + p.Header.Size()
	if err := o.fill(p); err != nil {
		return nil, err
	}
	return p, nil
}

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
	p, err := o.Read(bufio.NewReaderSize(f, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	p.FileSize = info.Size()
	return p, nil
}
