package repo

import (
	"bufio"
	"compress/bzip2"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	xzread "github.com/xi2/xz"
)

// Compression is how metadata files are compressed.
type Compression string

// The compressions that Create writes. Readers of RHEL before 8.4 and yum know
// no zstd: choose gzip for them.
const (
	Zstd Compression = "zstd"
	Gzip Compression = "gz"
	XZ   Compression = "xz"
	None Compression = "none"
)

// suffix is what the file name ends in.
func (c Compression) suffix() string {
	switch c {
	case Zstd:
		return ".zst"
	case Gzip:
		return ".gz"
	case XZ:
		return ".xz"
	case None:
	}
	return ""
}

func (c Compression) valid() bool {
	return c == Zstd || c == Gzip || c == XZ || c == None
}

// recipe names everything that the compressed bytes depend on besides the plain
// ones. A file of another recipe is compressed anew.
func (c Compression) recipe() string {
	switch c {
	case Zstd:
		return fmt.Sprintf("zstd better window %d", zstdWindow)
	case Gzip:
		return "gz 6"
	case XZ:
		return fmt.Sprintf("xz dictionary %d", xzDictionary)
	case None:
	}
	return string(c)
}

// What the compressors remember of the past, in bytes. The XML repeats itself
// within a package and from one to the next; more costs memory for little.
const (
	zstdWindow   = 1 << 20
	xzDictionary = 4 << 20
)

// newWriter returns a compressor whose output depends on its input alone: no
// times, no names, no concurrency that shows.
func (c Compression) newWriter(w io.Writer) (io.WriteCloser, error) {
	switch c {
	case Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBetterCompression),
			zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
	case Gzip:
		return gzip.NewWriterLevel(w, 6)
	case XZ:
		return xz.WriterConfig{DictCap: xzDictionary}.NewWriter(w)
	case None:
		return nopWriteCloser{w}, nil
	}
	return nil, fmt.Errorf("compression %q is not known", string(c))
}

type nopWriteCloser struct{ io.Writer }

func (nopWriteCloser) Close() error { return nil }

// maxWindow bounds what a zstd or xz stream may ask of memory: 128 MiB is what
// zstd --ultra -22 and xz -9 need at most.
const maxWindow = 128 << 20

// Decompress returns the plain content of r, judged by the suffix of name:
// .gz, .zst, .xz, .bz2, anything else as it stands. The caller closes it, and
// closes r. It does not bound
// the size of the content.
func Decompress(name string, r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	switch {
	case strings.HasSuffix(name, ".gz"):
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("open %s as gzip: %w", name, err)
		}
		return z, nil
	case strings.HasSuffix(name, ".zst"):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("open %s as zstd: %w", name, err)
		}
		return z.IOReadCloser(), nil
	case strings.HasSuffix(name, ".xz"):
		// This decoder, unlike the one we write with, has a limit for the
		// dictionary that the stream asks for.
		z, err := xzread.NewReader(br, maxWindow)
		if err != nil {
			return nil, fmt.Errorf("open %s as xz: %w", name, err)
		}
		return io.NopCloser(z), nil
	case strings.HasSuffix(name, ".bz2"):
		return io.NopCloser(bzip2.NewReader(br)), nil
	}
	return io.NopCloser(br), nil
}
