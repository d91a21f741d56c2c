package rpm

import (
	"bufio"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
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

// Payload walks the files of a package in the order of its archive. Its memory
// is the decompressor's window (at most 128 MiB) and, where the archive does
// not follow the order of the header, a table of the files.
type Payload struct {
	p      *Package
	r      io.Reader // unpacked archive
	close  func()
	in     *archive
	finder finder
	left   int64 // data of the current entry not yet read
}

// Payload starts reading the payload from r, which stands at its first byte,
// as Read leaves it. gzip, xz, zstd, bzip2, lzma and plain archives are read,
// newc as well as the stripped form of rpm 6 and of packages over 4 GiB. Close
// it in the end. Verify, not Payload, judges whether the bytes are the right
// ones; Payload sees to it that archive and header speak of the same files.
func (p *Package) Payload(r io.Reader, opts PayloadOptions) (*Payload, error) {
	if p.PayloadFormat != "cpio" {
		return nil, p.payloadError(0, fmt.Sprintf("payload format %q", p.PayloadFormat), nil)
	}
	y := &Payload{p: p, close: func() {}, finder: newFinder(p)}
	if err := y.unpack(bufio.NewReaderSize(r, 64<<10)); err != nil {
		return nil, p.payloadError(0, "unpack "+p.PayloadCompressor, err)
	}
	limit := opts.MaxSize
	if limit <= 0 {
		limit = defaultMaxPayload
	}
	y.in = newArchive(limitio.Reader(y.r, limit, "unpacked payload"))
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
		if d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true)); err == nil {
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

// Read reads the data of the entry that Next returned; io.EOF ends it. The
// data of a symbolic link is its target.
func (y *Payload) Read(b []byte) (int, error) {
	if y.left == 0 {
		return 0, io.EOF
	}
	n, err := y.in.Read(b[:min(int64(len(b)), y.left)])
	y.left -= int64(n)
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
	return &FormatError{Part: PartPayload, Offset: y.in.pos, Reason: reason + " (offset in the unpacked archive)", Err: err}
}
