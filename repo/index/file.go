package index

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"strings"
)

// The file of a saved index: the magic, the version of the format, the key,
// then arrays, each with its length in front, then the CRC-32C of all that.
// Numbers are little-endian. It is a cache: another version, another key or a
// wrong sum means that it is built anew.
const fileVersion = 1

// ErrStale says that a saved index is not of this repository or not of this
// version of the format, or that it was damaged.
var ErrStale = errors.New("saved index cannot be used")

func stale(reason string) error { return fmt.Errorf("%w: %s", ErrStale, reason) }

// fileWriter writes arrays and keeps the first error.
type fileWriter struct {
	w   *bufio.Writer
	sum hash.Hash32
	buf []byte
	err error
}

func newFileWriter(w io.Writer, magic, key string) *fileWriter {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	f := &fileWriter{w: bufio.NewWriterSize(io.MultiWriter(w, sum), 256<<10), sum: sum, buf: make([]byte, 0, 64<<10)}
	f.bytes(magic)
	f.uint32s([]uint32{fileVersion})
	f.bytes(key)
	return f
}

func (f *fileWriter) write(p []byte) {
	if f.err == nil {
		_, f.err = f.w.Write(p)
	}
}

func (f *fileWriter) length(n int) { f.write(binary.LittleEndian.AppendUint64(f.buf[:0], uint64(n))) }

func (f *fileWriter) bytes(s string) {
	f.length(len(s))
	if f.err == nil {
		_, f.err = f.w.WriteString(s)
	}
}

func (f *fileWriter) uint32s(a []uint32) {
	f.length(len(a))
	for len(a) > 0 {
		n := min(len(a), cap(f.buf)/4)
		b := f.buf[:4*n]
		for i, v := range a[:n] {
			binary.LittleEndian.PutUint32(b[4*i:], v)
		}
		f.write(b)
		a = a[n:]
	}
}

func (f *fileWriter) uint64s(a []uint64) {
	f.length(len(a))
	for len(a) > 0 {
		n := min(len(a), cap(f.buf)/8)
		b := f.buf[:8*n]
		for i, v := range a[:n] {
			binary.LittleEndian.PutUint64(b[8*i:], v)
		}
		f.write(b)
		a = a[n:]
	}
}

// finish writes the sum.
func (f *fileWriter) finish() error {
	if f.err == nil {
		f.err = f.w.Flush()
	}
	f.write(binary.LittleEndian.AppendUint32(f.buf[:0], f.sum.Sum32()))
	if f.err == nil {
		f.err = f.w.Flush()
	}
	return f.err
}

// fileReader reads arrays and keeps the first error.
type fileReader struct {
	r    io.Reader
	left int64 // bytes of the file
	sum  uint32
	tab  *crc32.Table
	buf  []byte
	err  error
}

func newFileReader(r io.Reader, size int64, magic, key string) *fileReader {
	f := &fileReader{r: r, left: size - crc32.Size, tab: crc32.MakeTable(crc32.Castagnoli), buf: make([]byte, 48<<10)}
	switch {
	case f.bytes(64) != magic:
		f.fail(stale("it is no saved index"))
	case !equal(f.uint32s(), fileVersion):
		f.fail(stale("it has another version"))
	case f.bytes(1<<12) != key:
		f.fail(stale("it is of another repository"))
	}
	return f
}

func equal(a []uint32, v uint32) bool { return len(a) == 1 && a[0] == v }

func (f *fileReader) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// read fills p.
func (f *fileReader) read(p []byte) {
	if f.err != nil {
		return
	}
	if int64(len(p)) > f.left {
		f.fail(stale("it was cut"))
		return
	}
	if _, err := io.ReadFull(f.r, p); err != nil {
		f.fail(fmt.Errorf("read saved index: %w", err))
		return
	}
	f.left -= int64(len(p))
	f.sum = crc32.Update(f.sum, f.tab, p)
}

// length reads the length of an array of elements of a size, which must fit
// into the rest of the file.
func (f *fileReader) length(size int64) int {
	f.read(f.buf[:8])
	if f.err != nil {
		return 0
	}
	n := binary.LittleEndian.Uint64(f.buf)
	if n > uint64(f.left/size) {
		f.fail(stale("it was cut"))
		return 0
	}
	return int(n)
}

func (f *fileReader) bytes(limit int) string {
	n := f.length(1)
	if n > limit {
		f.fail(stale("a text is too long"))
		return ""
	}
	var text strings.Builder // a []byte would have to be copied whole
	text.Grow(n)
	for text.Len() < n && f.err == nil {
		b := f.buf[:min(n-text.Len(), len(f.buf))]
		f.read(b)
		text.Write(b)
	}
	return text.String()
}

func (f *fileReader) uint32s() []uint32 {
	a := make([]uint32, f.length(4))
	for at := 0; at < len(a) && f.err == nil; {
		n := min(len(a)-at, len(f.buf)/4)
		b := f.buf[:4*n]
		f.read(b)
		for i := range a[at : at+n] {
			a[at+i] = binary.LittleEndian.Uint32(b[4*i:])
		}
		at += n
	}
	return a
}

func (f *fileReader) uint64s() []uint64 {
	a := make([]uint64, f.length(8))
	for at := 0; at < len(a) && f.err == nil; {
		n := min(len(a)-at, len(f.buf)/8)
		b := f.buf[:8*n]
		f.read(b)
		for i := range a[at : at+n] {
			a[at+i] = binary.LittleEndian.Uint64(b[8*i:])
		}
		at += n
	}
	return a
}

// finish compares the sum.
func (f *fileReader) finish() error {
	want := f.sum
	if f.err == nil && f.left != 0 {
		f.fail(stale("it is longer than it says"))
	}
	f.left = crc32.Size
	f.read(f.buf[:crc32.Size])
	if f.err == nil && binary.LittleEndian.Uint32(f.buf) != want {
		f.fail(stale("it was damaged"))
	}
	return f.err
}
