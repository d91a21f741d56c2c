package repo

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// The side cache, as a file:
//
//	magic with the version of the format
//	for each package, in the order of the metadata:
//		uvarint length, record, CRC-32C of the record (little endian)
//	uvarint 0
//	trailer, uint32 length of the trailer
//	SHA-256 of everything before it
//
// The XML itself is not in it. It is where it was published, in the core files
// of the last run; the records say how long each package's part of them is, and
// the trailer names the files and their checksums.
const cacheMagic = "respin side cache of repodata, 1\n"

// Bounds for reading a cache.
const (
	maxCache   = 4 << 30 // bytes: some 20 million packages
	maxTrailer = 4 << 10
)

// trailer says what the records are good for.
type trailer struct {
	fingerprint [sha256.Size]byte // of all that shapes a package's part
	recipe      string            // of the files: how they were compressed
	packages    int64
	files       [coreCount]publishedFile
}

// publishedFile is a core file as it stands in repodata.
type publishedFile struct {
	name     string // in repodata
	sum      string // of the file, lower-case hexadecimal
	openSum  string // of its plain content, "" for one that is not compressed
	size     int64
	openSize int64 // of its plain content
}

func (t *trailer) append(b []byte) []byte {
	b = append(b, t.fingerprint[:]...)
	b = appendString(b, t.recipe)
	b = binary.AppendUvarint(b, uint64(t.packages))
	for _, f := range t.files {
		b = appendString(b, f.name)
		b = appendString(b, f.sum)
		b = appendString(b, f.openSum)
		b = binary.AppendUvarint(b, uint64(f.size))
		b = binary.AppendUvarint(b, uint64(f.openSize))
	}
	return b
}

func parseTrailer(b []byte) (*trailer, error) {
	d, t := decoder{b: b}, &trailer{}
	copy(t.fingerprint[:], d.bytes(sha256.Size))
	t.recipe = d.text()
	t.packages = d.size()
	for i := range t.files {
		t.files[i] = publishedFile{name: d.text(), sum: d.text(), openSum: d.text(), size: d.size(), openSize: d.size()}
	}
	if d.bad || len(d.b) != 0 {
		return nil, errors.New("malformed trailer")
	}
	return t, nil
}

// cacheWriter writes a new side cache. A nil one takes everything and writes
// nothing.
type cacheWriter struct {
	path  string
	f     *os.File
	w     *bufio.Writer
	sum   hash.Hash
	count int64
	buf   []byte
	done  bool
}

// newCacheWriter begins a cache for path, beside it. The temporary name is
// always the same one, so that a killed run leaves nothing that the next does
// not use up.
func newCacheWriter(path string) (*cacheWriter, error) {
	tmp := filepath.Join(filepath.Dir(path), atomicfile.TempPrefix+strings.TrimPrefix(filepath.Base(path), "."))
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("begin side cache: %w", err)
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("begin side cache: %w", err)
	}
	w := &cacheWriter{path: path, f: f, sum: sha256.New()}
	w.w = bufio.NewWriterSize(io.MultiWriter(f, w.sum), 64<<10)
	_, err = w.w.WriteString(cacheMagic)
	return w, err
}

// add writes the record of the next package.
func (w *cacheWriter) add(r *record) error {
	if w == nil {
		return nil
	}
	w.count++
	payload := r.append(w.buf[:0])
	w.buf = payload
	var length [binary.MaxVarintLen64]byte
	_, _ = w.w.Write(length[:binary.PutUvarint(length[:], uint64(len(payload)))])
	_, _ = w.w.Write(payload)
	_, err := w.w.Write(binary.LittleEndian.AppendUint32(nil, castagnoli(payload)))
	if err != nil { // a bufio.Writer repeats its first error
		return fmt.Errorf("write side cache: %w", err)
	}
	return nil
}

// commit completes the cache and puts it in place.
func (w *cacheWriter) commit(t *trailer) error {
	t.packages = w.count
	tail := t.append(nil)
	_ = w.w.WriteByte(0)
	_, _ = w.w.Write(tail)
	_, _ = w.w.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(tail))))
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("write side cache: %w", err)
	}
	if _, err := w.f.Write(w.sum.Sum(nil)); err != nil {
		return fmt.Errorf("write side cache: %w", err)
	}
	w.done = true
	if err := errors.Join(w.f.Sync(), w.f.Close()); err != nil {
		return fmt.Errorf("write side cache: %w", errors.Join(err, os.Remove(w.f.Name())))
	}
	if err := os.Rename(w.f.Name(), w.path); err != nil {
		return fmt.Errorf("put side cache in place: %w", errors.Join(err, os.Remove(w.f.Name())))
	}
	return atomicfile.SyncDir(filepath.Dir(w.path))
}

// abort removes what was written unless it was committed.
func (w *cacheWriter) abort() {
	if w == nil || w.done {
		return
	}
	w.done = true
	_ = w.f.Close()
	_ = os.Remove(w.f.Name())
}

// cacheReader reads a side cache that was found to be whole.
type cacheReader struct {
	trailer
	in    io.ReaderAt
	file  io.Closer
	br    *bufio.Reader
	left  int64 // records
	bytes int64 // of the file without trailer
	buf   []byte
	last  *task
}

var errCacheDamaged = errors.New("damaged")

// openCache opens the cache at path and checks it from its first to its last
// byte before it gives out anything.
func openCache(path string) (*cacheReader, error) {
	// Opening a pipe would wait for its other end.
	if st, err := os.Stat(path); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	var r *cacheReader
	if err == nil {
		r, err = readCacheFrom(f, st.Size())
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	r.file = f
	return r, nil
}

func readCacheFrom(in io.ReaderAt, size int64) (*cacheReader, error) {
	const least = int64(len(cacheMagic)) + 1 + 4 + sha256.Size
	if size < least || size > maxCache {
		return nil, fmt.Errorf("%w: %d bytes", errCacheDamaged, size)
	}
	body := size - sha256.Size
	magic := make([]byte, len(cacheMagic))
	if _, err := in.ReadAt(magic, 0); err != nil {
		return nil, err
	}
	if string(magic) != cacheMagic {
		return nil, errors.New("another format")
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(in, 0, body)); err != nil {
		return nil, err
	}
	var tail [sha256.Size]byte
	if _, err := in.ReadAt(tail[:], body); err != nil {
		return nil, err
	}
	if !bytes.Equal(sum.Sum(nil), tail[:]) {
		return nil, fmt.Errorf("%w: checksum", errCacheDamaged)
	}
	r := &cacheReader{in: in}
	if err := r.readTrailer(body); err != nil {
		return nil, err
	}
	r.rewind()
	return r, nil
}

func (r *cacheReader) readTrailer(body int64) error {
	var length [4]byte
	if _, err := r.in.ReadAt(length[:], body-4); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(length[:]))
	r.bytes = body - 4 - n
	if n > maxTrailer || r.bytes < int64(len(cacheMagic)) {
		return fmt.Errorf("%w: trailer of %d bytes", errCacheDamaged, n)
	}
	b := make([]byte, n)
	if _, err := r.in.ReadAt(b, r.bytes); err != nil {
		return err
	}
	t, err := parseTrailer(b)
	if err != nil {
		return err
	}
	r.trailer = *t
	return nil
}

// rewind goes back to the first record.
func (r *cacheReader) rewind() {
	r.br = bufio.NewReaderSize(io.NewSectionReader(r.in, int64(len(cacheMagic)), r.bytes-int64(len(cacheMagic))), 64<<10)
	r.left, r.last = r.packages, nil
}

// next returns the next record, or io.EOF. It is good until the call after it.
func (r *cacheReader) next() (*record, error) {
	n, err := binary.ReadUvarint(r.br)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCacheDamaged, err)
	}
	if n == 0 && r.left == 0 {
		return nil, io.EOF
	}
	if n == 0 || n > maxCacheRecord || r.left == 0 {
		return nil, fmt.Errorf("%w: record of %d bytes, %d left", errCacheDamaged, n, r.left)
	}
	r.left--
	if r.buf == nil {
		r.buf = make([]byte, maxCacheRecord+4)
	}
	b := r.buf[:n+4]
	if _, err := io.ReadFull(r.br, b); err != nil {
		return nil, fmt.Errorf("%w: %w", errCacheDamaged, err)
	}
	if castagnoli(b[:n]) != binary.LittleEndian.Uint32(b[n:]) {
		return nil, fmt.Errorf("%w: checksum of a record", errCacheDamaged)
	}
	rec, err := parseRecord(b[:n])
	if err != nil {
		return nil, err
	}
	if r.last != nil && r.last.compare(&rec.task) > 0 {
		return nil, fmt.Errorf("%w: records out of order", errCacheDamaged)
	}
	r.last = &rec.task
	return rec, nil
}

func (r *cacheReader) close() { _ = r.file.Close() }
