package rpm

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"
	"github.com/xi2/xz"

	"github.com/fedora-respin/respin/internal/limitio"
)

const (
	maxWindow         = 128 << 20 // of a decompressor; xz -9 and rpm's zstd levels need 64 MiB
	defaultMaxPayload = 64 << 30
)

// PayloadOptions bound what a Payload unpacks.
type PayloadOptions struct {
	MaxSize int64 // bytes of the unpacked archive; default 64 GiB
}

// Payload walks the files of a package in the order of its archive.
type Payload struct {
	p     *Package
	r     io.Reader // unpacked archive
	close func()
	pos   int64 // in the unpacked archive

	byPath map[string]int
	sizes  []int64 // of each file in a stripped archive
	left   int64   // data of the current entry not yet read
}

// Payload starts reading the payload from r, which stands at its first byte,
// as Read leaves it. gzip, xz, zstd, bzip2, lzma and plain archives are read,
// newc as well as the stripped form of rpm 6 and of packages over 4 GiB. Close
// it in the end. Verify, not Payload, judges whether the bytes are the right ones.
func (p *Package) Payload(r io.Reader, opts PayloadOptions) (*Payload, error) {
	if p.PayloadFormat != "cpio" {
		return nil, p.payloadError(0, fmt.Sprintf("payload format %q", p.PayloadFormat), nil)
	}
	y := &Payload{p: p, close: func() {}}
	if err := y.unpack(bufio.NewReaderSize(r, 64<<10)); err != nil {
		return nil, p.payloadError(0, "unpack "+p.PayloadCompressor, err)
	}
	limit := opts.MaxSize
	if limit <= 0 {
		limit = defaultMaxPayload
	}
	y.r = limitio.Reader(y.r, limit, "unpacked payload")
	y.byPath = make(map[string]int, len(p.Files))
	for i := range p.Files {
		y.byPath[p.Files[i].Path] = i
	}
	y.sizes = p.strippedSizes()
	return y, nil
}

func (p *Package) payloadError(offset int64, reason string, err error) error {
	return &FormatError{Part: PartPayload, Offset: p.HeaderEnd + offset, Reason: reason, Err: err}
}

// unpack chooses the decompressor by the first bytes, as rpm's own gzip layer
// does for plain data: packages without PAYLOADCOMPRESSOR carry either.
func (y *Payload) unpack(r *bufio.Reader) error {
	magic, err := r.Peek(6)
	if err != nil {
		return err
	}
	switch {
	case magic[0] == 0x1f && magic[1] == 0x8b:
		y.r, err = gzip.NewReader(r)
	case string(magic[:4]) == "\x28\xb5\x2f\xfd":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow)); err == nil {
			y.r, y.close = d, d.Close
		}
	case string(magic) == "\xfd7zXZ\x00":
		y.r, err = xz.NewReader(r, maxWindow) // refuses a larger dictionary before it is made
	case string(magic[:3]) == "BZh":
		y.r = bzip2.NewReader(r)
	case string(magic[:5]) == "07070":
		y.r = r
	case y.p.PayloadCompressor == "lzma":
		var head []byte
		// The header's second to fifth byte are the size of the dictionary, which
		// the reader would make whatever it says.
		if head, err = r.Peek(5); err == nil && binary.LittleEndian.Uint32(head[1:]) > maxWindow {
			return fmt.Errorf("lzma dictionary of %d bytes is larger than %d", binary.LittleEndian.Uint32(head[1:]), maxWindow)
		}
		if err == nil {
			y.r, err = lzma.NewReader(r)
		}
	default:
		err = fmt.Errorf("unknown magic % x", magic)
	}
	return err
}

// Close releases the decompressor; r is the caller's to close.
func (y *Payload) Close() { y.close() }

// strippedSizes tells how much data each file has in an archive that carries
// only indexes: the last of hard-linked files has it for all.
func (p *Package) strippedSizes() []int64 {
	sizes := make([]int64, len(p.Files))
	type inode struct{ dev, ino uint64 }
	last := map[inode]int{}
	for i := range p.Files {
		f := &p.Files[i]
		switch {
		case f.IsGhost():
		case f.IsSymlink():
			sizes[i] = int64(len(f.Linkto))
		case f.Mode&0o170000 == 0o100000:
			sizes[i] = int64(min(f.Size, 1<<62))
			ino, ok := p.Header.Uint(TagFileInodes, i)
			dev, _ := p.Header.Uint(TagFileDevices, i)
			if j, seen := last[inode{dev, ino}]; ok && ino != 0 {
				if seen {
					sizes[j] = 0
				}
				last[inode{dev, ino}] = i
			}
		}
	}
	return sizes
}

// Read reads the data of the entry that Next returned; io.EOF ends it. The
// data of a symbolic link is its target.
func (y *Payload) Read(b []byte) (int, error) {
	if y.left == 0 {
		return 0, io.EOF
	}
	n, err := y.r.Read(b[:min(int64(len(b)), y.left)])
	y.left -= int64(n)
	y.pos += int64(n)
	switch {
	case errors.Is(err, io.EOF) && y.left > 0:
		err = y.fail("ends in the data of a file", io.ErrUnexpectedEOF)
	case errors.Is(err, io.EOF):
		err = nil
	case err != nil:
		err = y.fail("unpack "+y.p.PayloadCompressor, err)
	}
	return n, err
}

func (y *Payload) fail(reason string, err error) error {
	return &FormatError{Part: PartPayload, Offset: y.pos, Reason: reason + " (offset in the unpacked archive)", Err: err}
}
