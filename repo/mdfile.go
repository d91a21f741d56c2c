package repo

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// mdFile is a metadata file in the making: what is written to it is counted,
// hashed and compressed into a temporary file beside its later place.
type mdFile struct {
	kind   string // "primary"
	name   string // "primary.xml", without checksum and suffix
	comp   Compression
	sumTyp string

	f        *os.File
	buf      *bufio.Writer
	z        io.WriteCloser
	sum      hash.Hash
	open     hash.Hash
	size     int64
	openSize int64
	done     bool
}

func newMDFile(dir, kind, name string, o *Options) (*mdFile, error) {
	f, err := os.CreateTemp(dir, atomicfile.TempPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("create metadata file: %w", err)
	}
	m := &mdFile{kind: kind, name: name, comp: o.Compression, sumTyp: o.Checksum, f: f}
	m.sum, m.open = newHash(o.Checksum), newHash(o.Checksum)
	m.buf = bufio.NewWriterSize(f, 64<<10)
	m.z, err = o.Compression.newWriter(countWriter{io.MultiWriter(m.buf, m.sum), &m.size})
	if err != nil {
		m.abort()
		return nil, fmt.Errorf("create metadata file: %w", err)
	}
	return m, nil
}

type countWriter struct {
	w io.Writer
	n *int64
}

func (c countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	*c.n += int64(n)
	return n, err
}

// Write takes plain content.
func (m *mdFile) Write(p []byte) (int, error) {
	m.open.Write(p)
	m.openSize += int64(len(p))
	return m.z.Write(p)
}

// flush brings everything into the temporary file.
func (m *mdFile) flush() error {
	if err := errors.Join(m.z.Close(), m.buf.Flush()); err != nil {
		return fmt.Errorf("write %s: %w", m.name, err)
	}
	return nil
}

// finish completes the temporary file.
func (m *mdFile) finish() error {
	if err := errors.Join(m.flush(), m.f.Chmod(0o644)); err != nil {
		return fmt.Errorf("write %s: %w", m.name, err)
	}
	return nil
}

// sync makes the finished file durable.
func (m *mdFile) sync() error {
	if err := errors.Join(m.f.Sync(), m.f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", m.name, err)
	}
	return nil
}

// abort removes the temporary file unless it was published.
func (m *mdFile) abort() {
	if m.done {
		return
	}
	m.done = true
	_ = m.f.Close()
	_ = os.Remove(m.f.Name())
}

// data is the record of the finished file, without its time.
func (m *mdFile) data(simple bool) Data {
	d := Data{Type: m.kind, Checksum: Checksum{Type: m.sumTyp, Value: hex.EncodeToString(m.sum.Sum(nil))}, Size: m.size}
	if m.comp != None {
		d.OpenChecksum = Checksum{Type: m.sumTyp, Value: hex.EncodeToString(m.open.Sum(nil))}
		d.OpenSize = m.openSize
	}
	d.Href = hrefPrefix + fileName(m.name+m.comp.suffix(), d.Checksum, simple)
	return d
}

// hrefPrefix is what the location of every file in repodata begins with.
const hrefPrefix = "repodata/"

func fileName(name string, sum Checksum, simple bool) string {
	if simple {
		return name
	}
	return sum.Value + "-" + name
}

// publish gives the finished and durable file its name in dir.
func (m *mdFile) publish(dir, name string) error {
	if err := os.Rename(m.f.Name(), filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("publish %s: %w", name, err)
	}
	m.done = true
	return nil
}

// replaceHead makes a new file, not finished yet, with head in place of the
// first n plain bytes of this one, which it removes.
func (m *mdFile) replaceHead(dir string, n int64, head string, o *Options) (*mdFile, error) {
	defer m.abort()
	if err := m.flush(); err != nil {
		return nil, err
	}
	f, err := os.Open(m.f.Name())
	if err != nil {
		return nil, fmt.Errorf("rewrite %s: %w", m.name, err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	in, err := Decompress(m.comp.suffix(), f)
	if err != nil {
		return nil, fmt.Errorf("rewrite %s: %w", m.name, err)
	}
	defer in.Close() //nolint:errcheck // opened for reading
	out, err := newMDFile(dir, m.kind, m.name, o)
	if err != nil {
		return nil, err
	}
	_, err = io.CopyN(io.Discard, in, n)
	if err == nil {
		_, err = io.WriteString(out, head)
	}
	if err == nil {
		_, err = io.Copy(out, in)
	}
	if err != nil {
		out.abort()
		return nil, fmt.Errorf("rewrite %s: %w", m.name, err)
	}
	return out, nil
}
