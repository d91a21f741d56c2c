package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
)

// Source opens the files of a set for an adapter, confined to the set's
// directory.
type Source struct{ root *os.Root }

// Open returns the set's Source; the caller closes it.
func (s Set) Open() (*Source, error) {
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil, fmt.Errorf("open set %s: %w", s.ID, err)
	}
	return &Source{root: root}, nil
}

// Close releases the directory.
func (s *Source) Close() error { return s.root.Close() }

// Root is the confined directory, for adapters that link instead of copying.
func (s *Source) Root() *os.Root { return s.root }

// Open opens a file to be sent from offset on. The bytes before it are read
// for the digest. Where the file is not the one that was scanned, this or the
// last Read returns a *MismatchError, in place of io.EOF.
func (s *Source) Open(ctx context.Context, f File, offset int64) (*Reader, error) {
	file, info, err := openRegular(s.root, f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &MismatchError{Path: f.Path, What: "size", Want: fmt.Sprint(f.Size), Got: "none: the file is gone"}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", f.Path, err)
	}
	r := &Reader{ctx: ctx, f: f, file: file, hash: sha256.New()}
	if info.Size() != f.Size {
		err = &MismatchError{Path: f.Path, What: "size", Want: fmt.Sprint(f.Size), Got: fmt.Sprint(info.Size())}
	} else {
		_, err = io.CopyN(r.hash, ctxReader{ctx, file}, offset)
		r.pos = offset
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// Reader reads one file of a set and checks it on the way.
type Reader struct {
	ctx  context.Context //nolint:containedctx // a reader has no other way to be called off
	f    File
	file *os.File
	hash hash.Hash
	pos  int64
}

// Read ends with *MismatchError instead of io.EOF when the file changed.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := ctxReader{r.ctx, r.file}.Read(p)
	r.hash.Write(p[:n])
	r.pos += int64(n)
	switch {
	case r.pos > r.f.Size, errors.Is(err, io.EOF) && r.pos < r.f.Size:
		return 0, &MismatchError{Path: r.f.Path, What: "size", Want: fmt.Sprint(r.f.Size), Got: fmt.Sprint(r.pos)}
	case r.pos == r.f.Size && (n > 0 || errors.Is(err, io.EOF)):
		// Judged with the last bytes in hand, so that a receiver that counts
		// never gets a complete but wrong file.
		if got := hex.EncodeToString(r.hash.Sum(nil)); got != r.f.SHA256 {
			return 0, &MismatchError{Path: r.f.Path, What: "sha256", Want: r.f.SHA256, Got: got}
		}
	}
	return n, err
}

// Offset is how far the Reader is in the file.
func (r *Reader) Offset() int64 { return r.pos }

// Info describes the open file.
func (r *Reader) Info() (fs.FileInfo, error) { return r.file.Stat() }

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }
