package repo

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

// index writes the three core files. Lanes read packages in any order; the
// sequencer waits for each in its turn and hands its parts to three writers,
// one for each file.
func (c *creator) index(ctx context.Context, tasks []task) error {
	core := coreFiles()
	for _, f := range core {
		m, err := newMDFile(c.repodata, f.kind, f.name, c.opts)
		if err != nil {
			return err
		}
		c.files = append(c.files, m)
	}
	c.feed = newFeed(tasks)
	g, ctx := errgroup.WithContext(ctx)
	defer c.feed.stopWith(ctx)()
	for range min(c.opts.Workers, len(tasks)+1) { // also without tasks somebody must say that there are none
		g.Go(func() error { return c.worker(ctx) })
	}
	var outs [coreCount]chan piece
	for i := range outs {
		outs[i] = make(chan piece, 16)
		g.Go(func() error { return c.writer(ctx, i, outs[i], len(tasks)) })
	}
	g.Go(func() error {
		for _, ch := range outs {
			defer close(ch)
		}
		return c.sequence(ctx, outs, len(tasks))
	})
	return g.Wait()
}

// piece is one package's part of one file: fresh, or to be taken from the file
// of the last run.
type piece struct {
	frag *fragment
	old  span
}

// worker reads RPMs, two at a time, until there are no more.
func (c *creator) worker(ctx context.Context) error {
	a, b := newLane(c), newLane(c)
	defer a.stop()
	defer b.stop()
	more := true
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, l := range []*lane{a, b} {
			for more && l.job == nil {
				var j *job
				// With the other lane at work there is something better to do than wait.
				if j, more = c.feed.next(a.job == nil && b.job == nil); j == nil {
					break
				}
				l.start(ctx, j)
				l.refill()
			}
		}
		if a.job == nil && b.job == nil {
			return ctx.Err()
		}
		step(a, b)
	}
}

// sequence hands the finished jobs on in order.
func (c *creator) sequence(ctx context.Context, outs [coreCount]chan piece, total int) error {
	done := 0
	for {
		var j *job
		select {
		case next, ok := <-c.feed.order:
			if !ok {
				return ctx.Err()
			}
			j = next
		case <-ctx.Done():
			return ctx.Err()
		}
		c.feed.sequenced()
		pieces, err := c.collect(ctx, j)
		if err != nil {
			return err
		}
		for i, ch := range outs {
			if j.err != nil {
				break
			}
			select {
			case ch <- pieces[i]:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		done++
		if c.opts.Progress != nil {
			c.opts.Progress(done, total, j.base())
		}
	}
}

// collect waits for a job, notes what came of it, and returns the package's
// parts of the three files.
func (c *creator) collect(ctx context.Context, j *job) (pieces [coreCount]piece, err error) {
	if j.reused {
		rec, err := c.reuse.find(j.task)
		if err != nil {
			return pieces, err
		}
		for i := range pieces {
			pieces[i].old = rec.parts[i]
		}
		c.report.Reused++
		c.indexed(rec.indexed(c.opts), j.rel)
		c.remember(rec)
		return pieces, nil
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		return pieces, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return pieces, err // the job may have failed because of it
	}
	if j.err != nil {
		c.report.Skipped = append(c.report.Skipped, SkipError{Path: j.rel, Err: j.err})
		c.opts.Logger.Warn("package skipped", "path", j.rel, "error", j.err)
		return pieces, nil //nolint:nilerr // a package's trouble is not the run's
	}
	for i := range pieces {
		pieces[i].frag = j.frag
	}
	c.indexed(j.info, j.rel)
	if c.cache != nil {
		c.remember(c.newRecord(j))
	}
	return pieces, nil
}

// indexed notes a package that is written.
func (c *creator) indexed(info Indexed, rel string) {
	c.report.Packages++
	n := info.NEVRA
	n.EVR.HasEpoch = false // absent and zero are one epoch
	key := fmt.Sprintf("%s\x00%d\x00%s\x00%s\x00%s", n.Name, n.EVR.Epoch, n.EVR.Version, n.EVR.Release, n.Arch)
	if first, ok := c.seen[key]; ok {
		c.report.Duplicates = append(c.report.Duplicates, Duplicate{NEVRA: info.NEVRA, First: first, Second: rel})
		c.opts.Logger.Warn("two packages with one NEVRA", "first", first, "second", rel)
	} else {
		c.seen[key] = rel
	}
	if c.opts.Indexed != nil {
		c.opts.Indexed(info)
	}
}

// writer makes one of the three files: compresses its pieces, and makes it durable.
func (c *creator) writer(ctx context.Context, file int, in <-chan piece, total int) error {
	core, m := coreFiles()[file], c.files[file]
	if _, err := io.WriteString(m, core.head(total)); err != nil {
		return fmt.Errorf("write %s: %w", core.name, err)
	}
	for p := range in {
		if p.frag == nil {
			if err := c.reuse.copy(m, file, p.old); err != nil {
				return err
			}
			continue
		}
		if _, err := m.Write(p.frag.part(file)); err != nil {
			return fmt.Errorf("write %s: %w", core.name, err)
		}
		if p.frag.users.Add(-1) == 0 {
			c.recycle(p.frag)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := io.WriteString(m, core.foot()); err != nil {
		return fmt.Errorf("write %s: %w", core.name, err)
	}
	if c.report.Packages != total {
		// Some were skipped: the count in the first line is wrong.
		var err error
		if m, err = m.replaceHead(c.repodata, int64(len(core.head(total))), core.head(c.report.Packages), c.opts); err != nil {
			return err
		}
		c.files[file] = m
	}
	return m.finish()
}

// newFragment returns an empty one, with buffers if some are free.
func (c *creator) newFragment() *fragment {
	f, ok := c.pool.Get().(*fragment)
	if !ok {
		f = &fragment{}
	}
	f.users.Store(coreCount)
	return f
}

// recycle keeps a fragment's buffers for the next package, unless they are
// those of a giant.
func (c *creator) recycle(f *fragment) {
	c.feed.release(f.size())
	if f.size() <= 1<<20 {
		c.pool.Put(f)
	}
}

// coreCount is how many files every repository has: primary, filelists, other.
const coreCount = 3

// coreFile is one of them.
type coreFile struct{ kind, name, root, attrs string }

func coreFiles() [coreCount]coreFile {
	return [coreCount]coreFile{
		{"primary", "primary.xml", "metadata", `xmlns="` + nsCommon + `" xmlns:rpm="` + nsRPM + `"`},
		{"filelists", "filelists.xml", "filelists", `xmlns="` + nsFiles + `"`},
		{"other", "other.xml", "otherdata", `xmlns="` + nsOther + `"`},
	}
}

func (f coreFile) head(packages int) string {
	return fmt.Sprintf("%s<%s %s packages=\"%d\">\n", xmlDecl, f.root, f.attrs, packages)
}

// foot has no line end, as createrepo_c's has none.
func (f coreFile) foot() string { return "</" + f.root + ">" }
