// Package codec decompresses single blocks of file systems into memory of known
// size. What would not fit is an error, so that no block is a bomb.
package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"
	"github.com/xi2/xz"
)

// maxDict bounds the dictionary of one block: the largest that mksquashfs and
// mkfs.erofs write.
const maxDict = 32 << 20

// errFull says that a block has more data than it may.
var errFull = errors.New("it holds more than a block may")

// Func decompresses src into dst and returns how much there was. When part is
// true what follows a full dst does not matter.
type Func func(dst, src []byte, part bool) (int, error)

// fill reads r into dst.
func fill(dst []byte, r io.Reader, part bool) (int, error) {
	n, err := io.ReadFull(r, dst)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, nil
	}
	if err != nil || part {
		return n, err //nolint:wrapcheck // the caller says which block
	}
	var more [1]byte
	if k, err := io.ReadFull(r, more[:]); k > 0 {
		return n, errFull
	} else if err != nil && !errors.Is(err, io.EOF) {
		return n, err //nolint:wrapcheck // the caller says which block
	}
	return n, nil
}

// Zlib decompresses zlib, which squashfs calls gzip.
func Zlib(dst, src []byte, part bool) (int, error) {
	r, err := zlib.NewReader(bytes.NewReader(src))
	if err != nil {
		return 0, fmt.Errorf("open zlib: %w", err)
	}
	return fill(dst, r, part)
}

// Deflate decompresses raw DEFLATE data.
func Deflate(dst, src []byte, part bool) (int, error) {
	return fill(dst, flate.NewReader(bytes.NewReader(src)), part)
}

// XZ decompresses a stream of xz, filters for machine code included.
func XZ(dst, src []byte, part bool) (int, error) {
	r, err := xz.NewReader(bytes.NewReader(src), maxDict)
	if err != nil {
		return 0, fmt.Errorf("open xz: %w", err)
	}
	return fill(dst, r, part)
}

// Zstd returns a decompressor of zstd.
func Zstd() (Func, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDict), zstd.WithDecoderMaxMemory(maxDict))
	if err != nil {
		return nil, fmt.Errorf("open zstd: %w", err)
	}
	return func(dst, src []byte, part bool) (int, error) {
		if part {
			r, err := zstd.NewReader(bytes.NewReader(src), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDict), zstd.WithDecoderLowmem(true))
			if err != nil {
				return 0, fmt.Errorf("open zstd: %w", err)
			}
			defer r.Close()
			return fill(dst, r, true)
		}
		// Appending to what has no room left would grow beyond dst.
		out, err := d.DecodeAll(src, dst[:0:len(dst)])
		switch {
		case err != nil:
			return 0, err //nolint:wrapcheck // the caller says which block
		case len(out) > len(dst):
			return 0, errFull
		}
		return copy(dst, out), nil
	}, nil
}

// MicroLZMA decompresses erofs' LZMA: a raw stream whose first byte holds the
// inverted properties (xz's lzma_microlzma_decoder), of which size bytes are
// known to come out; dictionary is that of the file system.
func MicroLZMA(dst, src []byte, dictionary uint32) (int, error) {
	if len(src) < 1 || dictionary > maxDict {
		return 0, fmt.Errorf("dictionary of %d bytes", dictionary)
	}
	// The header of a .lzma file, which erofs leaves out. The first byte of
	// every LZMA stream is zero; erofs keeps the properties in its place.
	head := make([]byte, 13, 14)
	head[0] = ^src[0]
	binary.LittleEndian.PutUint32(head[1:], max(dictionary, 4096))
	binary.LittleEndian.PutUint64(head[5:], uint64(len(dst)))
	head = append(head, 0)
	r, err := lzma.NewReader(io.MultiReader(bytes.NewReader(head), bytes.NewReader(src[1:])))
	if err != nil {
		return 0, fmt.Errorf("open lzma: %w", err)
	}
	n, err := io.ReadFull(r, dst)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("read lzma: %w", err)
	}
	return n, nil
}
