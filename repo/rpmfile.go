package repo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"github.com/fedora-respin/respin/internal/lanes"
	"github.com/fedora-respin/respin/repo/rpm"
)

// ErrChanged is the reason for skipping an RPM that grew, shrank or was
// written to while it was read.
var ErrChanged = errors.New("file changed while it was read")

// errNotRegular is the reason for skipping a path of PkgList that is no file.
var errNotRegular = errors.New("not a regular file")

// chunk is how much of a package is read at a time: whole blocks of the hash,
// and two of them fit into a processor's second-level cache, where parser and
// hash find what was just read.
const chunk = 256 << 10

// lane reads one RPM after the other: it parses the header and hashes the file
// in one pass. A worker has two of them, because two files are hashed together
// in hardly more time than one (see lanes).
type lane struct {
	c   *creator
	enc encoder
	buf []byte

	job    *job // nil while idle
	file   *os.File
	key    fileKey
	left   int64           // bytes of the file that were not read yet
	lo, hi int             // buf[lo:hi] was read and not hashed yet
	parsed int             // buf[:parsed] was handed to the parser
	ctx    context.Context //nolint:containedctx // lives for one file
	pair   lanes.Digest
	long   hash.Hash // instead of pair when it is not SHA-256
	pkg    *rpm.Package
}

func newLane(c *creator) *lane {
	l := &lane{c: c, enc: encoder{pre: c.opts.Pre, changelogMax: c.opts.ChangelogLimit}}
	if c.opts.Checksum != "sha256" {
		l.long = newHash(c.opts.Checksum)
	}
	return l
}

// start takes a job up to where only hashing is left. An error is the job's,
// which is then done.
func (l *lane) start(ctx context.Context, j *job) {
	l.job, l.ctx = j, ctx
	if l.buf == nil {
		l.buf = make([]byte, chunk)
	}
	if err := l.open(); err != nil {
		l.done(err)
	}
}

func (l *lane) open() error {
	path := l.c.path(l.job.rel)
	// Opening what is no file could wait for ever, or do something.
	if st, err := os.Stat(path); err != nil {
		return fmt.Errorf("open package: %w", err)
	} else if !st.Mode().IsRegular() {
		return fmt.Errorf("open package: %w", errNotRegular)
	}
	var err error
	if l.file, err = os.Open(path); err != nil {
		return fmt.Errorf("open package: %w", err)
	}
	if l.key, err = keyOf(l.file); err != nil {
		return err
	}
	l.left, l.lo, l.hi, l.parsed = l.key.size, 0, 0, 0
	l.pair.Reset()
	if l.long != nil {
		l.long.Reset()
	}
	if l.pkg, err = l.c.opts.RPM.Read(l); err != nil {
		return fmt.Errorf("read package: %w", err)
	}
	return nil
}

// Read hands the file to the parser. What it has passed is hashed when its
// place in the buffer is needed.
func (l *lane) Read(p []byte) (int, error) {
	if l.parsed == l.hi {
		if l.left == 0 {
			return 0, io.EOF
		}
		l.hash(l.take(l.hi - l.lo))
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.buf[l.parsed:l.hi])
	l.parsed += n
	return n, nil
}

// fill reads the next chunk.
func (l *lane) fill() error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	want := int(min(int64(len(l.buf)), l.left))
	n, err := io.ReadFull(l.file, l.buf[:want])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrChanged // it has become shorter
	}
	if err != nil {
		return fmt.Errorf("read package: %w", err)
	}
	l.left -= int64(n)
	l.lo, l.hi, l.parsed = 0, n, 0
	return nil
}

// take removes n bytes from what is to be hashed.
func (l *lane) take(n int) []byte {
	l.lo += n
	return l.buf[l.lo-n : l.lo]
}

func (l *lane) hash(p []byte) {
	if l.long != nil {
		l.long.Write(p)
		return
	}
	_, _ = l.pair.Write(p)
}

// refill makes sure that there is something to hash; at the end of the file it
// ends the job.
func (l *lane) refill() {
	if l.job == nil || l.lo < l.hi {
		return
	}
	if l.left == 0 {
		l.done(l.finish())
		return
	}
	if err := l.fill(); err != nil {
		l.done(err)
	}
}

// step hashes what both lanes have, as much as is to be had in pairs, or what
// the one has that is at work.
func step(a, b *lane) {
	switch {
	case a.job == nil:
		b.hash(b.take(b.hi - b.lo))
	case b.job == nil:
		a.hash(a.take(a.hi - a.lo))
	default:
		n := min(a.hi-a.lo, b.hi-b.lo) / lanes.BlockSize * lanes.BlockSize
		p, q := a.take(n), b.take(n)
		if a.long != nil {
			a.hash(p)
			b.hash(q)
		} else {
			lanes.Write(&a.pair, &b.pair, p, q)
		}
		for _, l := range []*lane{a, b} {
			// Only the end of a file is no whole block.
			if l.hi-l.lo < lanes.BlockSize {
				l.hash(l.take(l.hi - l.lo))
			}
		}
	}
	a.refill()
	b.refill()
}

// finish writes the fragments of a package that was read to its end.
func (l *lane) finish() error {
	now, err := keyOf(l.file)
	if err != nil {
		return err
	}
	if now.size != l.key.size || now.mtime != l.key.mtime {
		return ErrChanged
	}
	// A mere link or chmod changes no byte, but whoever wrote and set the time
	// back would look the same.
	l.job.stable = now == l.key
	l.job.key = now
	var sum []byte
	if l.long != nil {
		sum = l.long.Sum(nil)
	} else {
		sum = l.pair.Sum(nil)
	}
	j := l.job
	s := source{
		pkg: l.pkg, pkgID: hex.EncodeToString(sum), sumType: l.c.opts.Checksum,
		href: l.c.opts.href(j.rel), base: l.c.opts.BaseURL, size: l.key.size, fileTime: l.key.mtime.sec,
	}
	if !l.c.opts.FileTime.IsZero() {
		s.fileTime = l.c.opts.FileTime.Unix()
	}
	j.frag = l.c.newFragment()
	if err := l.enc.fragment(&s, j.frag); err != nil {
		return err
	}
	l.c.feed.hold(j.frag.size())
	j.info = Indexed{
		NEVRA: detached(l.pkg.NEVRA()), Location: s.href, Path: j.rel, Size: s.size,
		Checksum: Checksum{Type: s.sumType, Value: s.pkgID},
	}
	return nil
}

// detached copies the strings: those of a parsed package keep its whole header
// in memory.
func detached(n rpm.NEVRA) rpm.NEVRA {
	n.Name, n.Arch = strings.Clone(n.Name), strings.Clone(n.Arch)
	n.EVR.Version, n.EVR.Release = strings.Clone(n.EVR.Version), strings.Clone(n.EVR.Release)
	return n
}

// done ends the job.
func (l *lane) done(err error) {
	l.job.err = err
	close(l.job.done)
	l.stop()
}

// stop leaves the lane idle.
func (l *lane) stop() {
	if l.file != nil {
		_ = l.file.Close()
	}
	l.job, l.file, l.pkg, l.ctx = nil, nil, nil, nil
	l.lo, l.hi = 0, 0
}
