package repo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
)

// reuse is what one run takes from the one before: records of the side cache,
// and the XML that they point to.
type reuse struct {
	cache *cacheReader
	olds  [coreCount]*oldFile
	skip  [coreCount]int64 // bytes of records since the last reused one
	// all says that every task is in the old files and nothing else is.
	all bool
}

// errStale says that what was checked at the start of a run is not there any
// more: somebody changes repodata in spite of the lock.
var errStale = errors.New("metadata of the last run changed while they were read; run again")

// path returns where the RPM is.
func (c *creator) path(rel string) string {
	return c.dir + string(filepath.Separator) + filepath.FromSlash(rel)
}

// planReuse finds out which tasks need no reading, and marks them. It returns
// nil when there is nothing to go by; that is never an error, only slower.
func (c *creator) planReuse(ctx context.Context, tasks []task) (*reuse, error) {
	u, err := c.openReuse(ctx)
	if err == nil {
		if err = c.match(ctx, u, tasks); err == nil {
			return u, nil
		}
		u.close()
	}
	for i := range tasks {
		tasks[i].reused = false
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.warn("every package is read: %v", err)
	}
	return nil, nil
}

// openReuse opens the side cache and the files it points to, all of them checked.
func (c *creator) openReuse(ctx context.Context) (_ *reuse, err error) {
	cache, err := openCache(c.opts.Cache)
	if err != nil {
		return nil, fmt.Errorf("open side cache: %w", err)
	}
	u := &reuse{cache: cache}
	defer func() {
		if err != nil {
			u.close()
		}
	}()
	if cache.fingerprint != c.opts.fingerprint() {
		return nil, errors.New("open side cache: it was made with other options or by another version")
	}
	g, _ := errgroup.WithContext(ctx)
	for i := range u.olds {
		g.Go(func() (err error) {
			u.olds[i], err = c.openOld(ctx, coreFiles()[i], &cache.trailer, i)
			return err
		})
	}
	return u, g.Wait()
}

// match compares records and tasks, both of them sorted, and looks at the files
// that are in both.
func (c *creator) match(ctx context.Context, u *reuse, tasks []task) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.opts.Workers)
	look := func(batch []candidate) {
		g.Go(func() error {
			for _, k := range batch {
				k.task.reused = c.unchanged(k.task, k.key)
			}
			return ctx.Err()
		})
	}
	var batch []candidate
	var sizes [coreCount]int64
	i, err := 0, error(nil)
	for err == nil && ctx.Err() == nil {
		var rec *record
		if rec, err = u.cache.next(); err != nil {
			break
		}
		for f := range sizes {
			sizes[f] += rec.parts[f].size
			if sizes[f] > u.cache.files[f].openSize {
				err = fmt.Errorf("%w: parts are longer than their file", errCacheDamaged)
			}
		}
		for i < len(tasks) && tasks[i].compare(&rec.task) < 0 {
			i++
		}
		if i == len(tasks) || tasks[i].rel != rec.rel {
			continue
		}
		if rec.usable {
			batch = append(batch, candidate{&tasks[i], rec.key})
		}
		if len(batch) == 256 {
			look(batch)
			batch = nil
		}
		i++
	}
	look(batch)
	if waited := g.Wait(); waited != nil {
		return waited
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("read side cache: %w", err)
	}
	if err := u.checkSizes(sizes); err != nil {
		return err
	}
	u.all = u.cache.packages == int64(len(tasks))
	for i := range tasks {
		u.all = u.all && tasks[i].reused
	}
	u.cache.rewind()
	return nil
}

// candidate is a task that may not need reading.
type candidate struct {
	task *task
	key  fileKey
}

// unchanged tells whether the task's file is still the one with the key.
func (c *creator) unchanged(t *task, key fileKey) bool {
	now, ok := c.mounts.keyAt(c.path(t.rel))
	if c.opts.TrustMTime {
		return ok && now.size == key.size && now.mtime == key.mtime
	}
	return ok && now == key
}

// checkSizes compares the sum of the parts with what the files hold.
func (u *reuse) checkSizes(sizes [coreCount]int64) error {
	for i, f := range coreFiles() {
		frame := int64(len(f.head(int(u.cache.packages))) + len(f.foot()))
		if sizes[i]+frame != u.cache.files[i].openSize {
			return fmt.Errorf("%w: parts of %s do not make up the file", errCacheDamaged, f.name)
		}
	}
	return nil
}

// find returns the record of a reused task; tasks come in order. The spans say
// how much of the old files is to be left out before each part.
func (u *reuse) find(t *task) (*record, error) {
	for {
		rec, err := u.cache.next()
		if err != nil {
			return nil, fmt.Errorf("read side cache: %w: %w", errStale, err)
		}
		if rec.rel == t.rel {
			for i := range rec.parts {
				rec.parts[i].skip, u.skip[i] = u.skip[i], 0
			}
			return rec, nil
		}
		for i := range rec.parts {
			u.skip[i] += rec.parts[i].size
		}
	}
}

// copy appends a part of the old file to the new one.
func (u *reuse) copy(m *mdFile, file int, s span) error { return u.olds[file].copy(m, s) }

func (u *reuse) close() {
	u.cache.close()
	for _, o := range u.olds {
		o.close()
	}
}

// oldFile is a core file of the last run.
type oldFile struct {
	f     *os.File
	name  string
	head  int64 // bytes before the first part
	plain io.ReadCloser
	buf   []byte
}

// openOld opens a core file that the trailer names, and makes sure that it is
// that one, to the last byte.
func (c *creator) openOld(ctx context.Context, core coreFile, t *trailer, i int) (*oldFile, error) {
	want := t.files[i]
	if want.name == "" || strings.ContainsAny(want.name, `/\`) {
		return nil, fmt.Errorf("%w: file name %q", errCacheDamaged, want.name)
	}
	o := &oldFile{name: want.name, head: int64(len(core.head(int(t.packages))))}
	var err error
	if o.f, err = os.OpenInRoot(c.repodata, want.name); err != nil {
		return nil, fmt.Errorf("open metadata of the last run: %w", err)
	}
	if err := verifyFile(ctx, o.f, want.size, Checksum{Type: c.opts.Checksum, Value: want.sum}); err != nil {
		o.close()
		return nil, fmt.Errorf("open metadata of the last run: %w", err)
	}
	return o, nil
}

// verifyFile compares an open file with its size and checksum, and leaves it at
// its start.
func verifyFile(ctx context.Context, f *os.File, size int64, want Checksum) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() || st.Size() != size {
		return &ChecksumError{File: f.Name(), What: "size", Want: fmt.Sprint(size), Got: fmt.Sprint(st.Size())}
	}
	sum := readHash(want.Type)
	if sum == nil {
		return fmt.Errorf("checksum type %q is not known", want.Type)
	}
	if _, err := io.Copy(sum, ctxReader{ctx, f}); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.Value {
		return &ChecksumError{File: f.Name(), What: "checksum", Want: want.Value, Got: got}
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

func (o *oldFile) copy(m *mdFile, s span) error {
	if o.plain == nil {
		var err error
		if o.plain, err = Decompress(o.name, o.f); err != nil {
			return fmt.Errorf("%w: %w", errStale, err)
		}
		o.buf = make([]byte, 64<<10)
		s.skip += o.head
	}
	if err := o.discard(s.skip); err != nil {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	crc, left := uint32(0), s.size
	for left > 0 {
		b := o.buf[:min(int64(len(o.buf)), left)]
		if _, err := io.ReadFull(o.plain, b); err != nil {
			return fmt.Errorf("%w: %w", errStale, err)
		}
		crc = crc32.Update(crc, crc32.MakeTable(crc32.Castagnoli), b)
		if _, err := m.Write(b); err != nil {
			return fmt.Errorf("write %s: %w", m.name, err)
		}
		left -= int64(len(b))
	}
	if crc != s.crc {
		return fmt.Errorf("%w: checksum of a package's part of %s", errStale, o.name)
	}
	return nil
}

func (o *oldFile) discard(n int64) error {
	for n > 0 {
		b := o.buf[:min(int64(len(o.buf)), n)]
		if _, err := io.ReadFull(o.plain, b); err != nil {
			return err
		}
		n -= int64(len(b))
	}
	return nil
}

func (o *oldFile) close() {
	if o == nil {
		return
	}
	if o.plain != nil {
		_ = o.plain.Close()
	}
	_ = o.f.Close()
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
