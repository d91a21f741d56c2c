package repo

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrChanged is the reason for skipping an RPM that grew, shrank or was
// written to while it was read.
var ErrChanged = errors.New("file changed while it was read")

// errNotRegular is the reason for skipping a path of PkgList that is no file.
var errNotRegular = errors.New("not a regular file")

// rpmReader reads RPMs one after the other with the same buffers.
type rpmReader struct {
	c   *creator
	buf []byte
	br  *bufio.Reader
	enc encoder
}

func newRPMReader(c *creator) *rpmReader {
	return &rpmReader{
		c:   c,
		buf: make([]byte, 256<<10),
		br:  bufio.NewReaderSize(nil, 64<<10),
		enc: encoder{pre: c.opts.Pre, changelogMax: c.opts.ChangelogLimit},
	}
}

// read parses and hashes the file in one pass and writes its fragments.
func (r *rpmReader) read(ctx context.Context, t *task, out *fragment) (Indexed, error) {
	path := filepath.Join(r.c.dir, filepath.FromSlash(t.rel))
	if st, err := os.Stat(path); err != nil {
		return Indexed{}, fmt.Errorf("open package: %w", err)
	} else if !st.Mode().IsRegular() {
		return Indexed{}, fmt.Errorf("open package: %w", errNotRegular)
	}
	f, err := os.Open(path)
	if err != nil {
		return Indexed{}, fmt.Errorf("open package: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	st, err := f.Stat()
	if err != nil {
		return Indexed{}, fmt.Errorf("open package: %w", err)
	}
	sum := newHash(r.c.opts.Checksum)
	var size int64
	tee := io.TeeReader(ctxReader{ctx, f}, countWriter{sum, &size})
	r.br.Reset(tee)
	pkg, err := r.c.opts.RPM.Read(r.br)
	if err != nil {
		return Indexed{}, fmt.Errorf("read package: %w", err)
	}
	// The rest need not pass the buffer of the parser. The struct hides
	// *os.File's WriteTo, which would not use ours.
	n, err := io.CopyBuffer(sum, struct{ io.Reader }{ctxReader{ctx, f}}, r.buf)
	if err != nil {
		return Indexed{}, fmt.Errorf("hash package: %w", err)
	}
	if now, err := f.Stat(); err != nil || size+n != st.Size() || !now.ModTime().Equal(st.ModTime()) {
		return Indexed{}, errors.Join(ErrChanged, err)
	}
	s := source{
		pkg: pkg, pkgID: hex.EncodeToString(sum.Sum(nil)), sumType: r.c.opts.Checksum,
		href: t.href, base: r.c.opts.BaseURL, size: st.Size(), fileTime: st.ModTime().Unix(),
	}
	if !r.c.opts.FileTime.IsZero() {
		s.fileTime = r.c.opts.FileTime.Unix()
	}
	if err := r.enc.fragment(&s, out); err != nil {
		return Indexed{}, err
	}
	return Indexed{
		NEVRA: pkg.NEVRA(), Location: t.href, Path: t.rel, Size: s.size,
		Checksum: Checksum{Type: s.sumType, Value: s.pkgID},
	}, nil
}

// ctxReader ends a long read when the context does.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // lives for one read
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
