package repo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/fedora-respin/respin/repo/internal/dirlock"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Report is what Create did.
type Report struct {
	Packages   int         // written
	Skipped    []SkipError // RPMs that could not be indexed, in order
	Duplicates []Duplicate // packages that share a NEVRA; both are written
	Repomd     *Repomd
	// RepomdChecksum is that of repomd.xml itself: it identifies the repository.
	RepomdChecksum Checksum
}

// SkipError is an RPM that was left out, and why.
type SkipError struct {
	Path string // below the directory
	Err  error
}

func (s SkipError) Error() string { return "index " + s.Path + ": " + s.Err.Error() }

// Unwrap returns the reason.
func (s SkipError) Unwrap() error { return s.Err }

// Duplicate names two RPMs with one NEVRA.
type Duplicate struct {
	NEVRA         rpm.NEVRA
	First, Second string // paths below the directory
}

// Create indexes the RPMs below dir and publishes dir/repodata, in the way of
// createrepo_c: same selection, same order, same bytes of XML. RPMs that cannot
// be read are skipped and named in the report; the rest is written.
//
// A reader at any moment, and after a kill at any moment, finds the old
// repository or the new one: metadata files come first, repomd.xml follows by
// rename, and the files of the old one stay for Options.KeepOld. A second
// writer is refused with ErrLocked.
func Create(ctx context.Context, dir string, opts Options) (*Report, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	repodata := filepath.Join(dir, "repodata")
	if err := makeRepodata(dir, repodata); err != nil {
		return nil, err
	}
	unlock, err := dirlock.Lock(filepath.Join(repodata, lockName))
	if err != nil {
		return nil, fmt.Errorf("lock repository: %w", err)
	}
	defer unlock()
	if err := sweepTemporaries(repodata); err != nil {
		return nil, err
	}
	tasks, err := findTasks(ctx, dir, &o)
	if err != nil {
		return nil, err
	}
	c := &creator{dir: dir, repodata: repodata, opts: &o, report: &Report{}, seen: make(map[rpm.NEVRA]string, len(tasks))}
	defer c.abort()
	if err := c.index(ctx, tasks); err != nil {
		return nil, err
	}
	if err := c.extras(ctx); err != nil {
		return nil, err
	}
	if err := c.publish(); err != nil {
		return nil, err
	}
	return c.report, nil
}

func makeRepodata(dir, repodata string) error {
	if st, err := os.Stat(dir); err != nil {
		return fmt.Errorf("open repository: %w", err)
	} else if !st.IsDir() {
		return fmt.Errorf("open repository: %s is not a directory", dir)
	}
	if err := os.MkdirAll(repodata, 0o755); err != nil {
		return fmt.Errorf("make repodata: %w", err)
	}
	return nil
}

// creator is one run of Create.
type creator struct {
	dir, repodata string
	opts          *Options
	report        *Report
	seen          map[rpm.NEVRA]string
	files         []*mdFile
	pool          sync.Pool // of *fragment
}

// The three files that every repository has, with their root elements.
func coreFiles() [3]struct{ kind, name, root, attrs string } {
	return [3]struct{ kind, name, root, attrs string }{
		{"primary", "primary.xml", "metadata", `xmlns="` + nsCommon + `" xmlns:rpm="` + nsRPM + `"`},
		{"filelists", "filelists.xml", "filelists", `xmlns="` + nsFiles + `"`},
		{"other", "other.xml", "otherdata", `xmlns="` + nsOther + `"`},
	}
}

func head(root, attrs string, packages int) string {
	return xmlDecl + "<" + root + " " + attrs + ` packages="` + strconv.Itoa(packages) + "\">\n"
}

func (c *creator) abort() {
	for _, m := range c.files {
		m.abort()
	}
}

// job is a task on its way through the pipeline: a worker fills it, then
// closes done.
type job struct {
	task
	done chan struct{}
	frag *fragment
	info Indexed
	err  error
}

// index writes the three core files. The pipeline keeps the order: jobs go to
// the workers and, in the same order, to the sequencer, which waits for each.
// The room of the order channel bounds how many packages are in memory.
func (c *creator) index(ctx context.Context, tasks []task) error {
	core := coreFiles()
	for _, f := range core {
		m, err := newMDFile(c.repodata, f.kind, f.name, c.opts)
		if err != nil {
			return err
		}
		c.files = append(c.files, m)
		if _, err := io.WriteString(m, head(f.root, f.attrs, len(tasks))); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	if err := c.pipeline(ctx, tasks); err != nil {
		return err
	}
	for i, f := range core {
		if _, err := io.WriteString(c.files[i], "</"+f.root+">"); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
		if err := c.files[i].finish(); err != nil {
			return err
		}
		if c.report.Packages == len(tasks) {
			continue
		}
		// Some were skipped: the count in the first line is wrong.
		was := head(f.root, f.attrs, len(tasks))
		m, err := c.files[i].replaceHead(c.repodata, int64(len(was)), head(f.root, f.attrs, c.report.Packages), c.opts)
		if err != nil {
			return err
		}
		c.files[i] = m
	}
	return nil
}

func (c *creator) pipeline(ctx context.Context, tasks []task) error {
	g, ctx := errgroup.WithContext(ctx)
	work := make(chan *job)
	order := make(chan *job, 4*c.opts.Workers)
	g.Go(func() error {
		defer close(work)
		defer close(order)
		for _, t := range tasks {
			j := &job{task: t, done: make(chan struct{})}
			for _, ch := range []chan<- *job{order, work} {
				select {
				case ch <- j:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	})
	for range c.opts.Workers {
		g.Go(func() error { return c.worker(ctx, work) })
	}
	var outs [3]chan *fragment
	for i := range outs {
		outs[i] = make(chan *fragment, 4)
		g.Go(func() error { return c.writer(ctx, i, outs[i]) })
	}
	g.Go(func() error {
		for _, ch := range outs {
			defer close(ch)
		}
		return c.sequence(ctx, order, outs, len(tasks))
	})
	return g.Wait()
}

func (c *creator) worker(ctx context.Context, work <-chan *job) error {
	r := newRPMReader(c)
	for j := range work {
		if err := ctx.Err(); err != nil {
			return err
		}
		j.frag, _ = c.pool.Get().(*fragment)
		if j.frag == nil {
			j.frag = &fragment{}
		}
		j.info, j.err = r.read(ctx, &j.task, j.frag)
		close(j.done)
	}
	return nil
}

// sequence hands the finished jobs on in order.
func (c *creator) sequence(ctx context.Context, order <-chan *job, outs [3]chan *fragment, total int) error {
	done := 0
	for j := range order {
		select {
		case <-j.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := ctx.Err(); err != nil {
			return err // the job may have failed because of it
		}
		if j.err == nil {
			j.frag.users.Store(int32(len(outs)))
			for _, ch := range outs {
				select {
				case ch <- j.frag:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			c.indexed(j)
		} else {
			c.report.Skipped = append(c.report.Skipped, SkipError{Path: j.rel, Err: j.err})
			c.opts.Logger.Warn("package skipped", "path", j.rel, "error", j.err)
		}
		done++
		if c.opts.Progress != nil {
			c.opts.Progress(done, total, j.base)
		}
	}
	return nil
}

func (c *creator) indexed(j *job) {
	c.report.Packages++
	key := j.info.NEVRA
	key.EVR.HasEpoch = false // absent and zero are one epoch
	if first, ok := c.seen[key]; ok {
		c.report.Duplicates = append(c.report.Duplicates, Duplicate{NEVRA: j.info.NEVRA, First: first, Second: j.rel})
		c.opts.Logger.Warn("two packages with one NEVRA", "first", first, "second", j.rel)
	} else {
		c.seen[key] = j.rel
	}
	if c.opts.Indexed != nil {
		c.opts.Indexed(j.info)
	}
}

// writer compresses one of the three files.
func (c *creator) writer(ctx context.Context, file int, in <-chan *fragment) error {
	for f := range in {
		if _, err := c.files[file].Write([3][]byte{f.primary, f.filelists, f.other}[file]); err != nil {
			return fmt.Errorf("write %s: %w", c.files[file].name, err)
		}
		if f.users.Add(-1) == 0 {
			c.recycle(f)
		}
	}
	return ctx.Err()
}

// recycle keeps a fragment's buffers for the next package, unless they are
// those of a giant.
func (c *creator) recycle(f *fragment) {
	if cap(f.primary)+cap(f.filelists)+cap(f.other) <= 4<<20 {
		c.pool.Put(f)
	}
}

// extras takes in the further metadata files.
func (c *creator) extras(ctx context.Context) error {
	for _, e := range c.opts.Extra {
		if err := ctx.Err(); err != nil {
			return err
		}
		in, err := os.Open(e.Path)
		if err != nil {
			return fmt.Errorf("open %s metadata: %w", e.Type, err)
		}
		m, err := newMDFile(c.repodata, e.Type, filepath.Base(e.Path), c.opts)
		if err == nil {
			c.files = append(c.files, m)
			_, err = io.Copy(m, in)
		}
		_ = in.Close()
		if err != nil {
			return fmt.Errorf("copy %s metadata: %w", e.Type, err)
		}
		if err := m.finish(); err != nil {
			return err
		}
	}
	return nil
}
