package repo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/fedora-respin/respin/repo/internal/dirlock"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Report is what Create did.
type Report struct {
	Packages   int         // in the metadata
	Reused     int         // of these, taken from the last run without reading their RPM
	Unchanged  bool        // repodata was right already and was left alone
	Skipped    []SkipError // RPMs that could not be indexed, in order
	Duplicates []Duplicate // packages that share a NEVRA; both are written
	Warnings   []string    // what else deserves a look, as sentences
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

// Create indexes the RPMs below dir and publishes repodata, in the way of
// createrepo_c: same selection, same order, same bytes of XML. RPMs that cannot
// be read are skipped and named in the report; the rest is written.
//
// A reader at any moment, and after a kill at any moment, finds the old
// repository or the new one: metadata files come first, repomd.xml follows by
// rename, and the files of the old one stay for Options.KeepOld. A second
// writer is refused with ErrLocked.
//
// With Options.Update only RPMs that are new or changed are read; the result is
// the same. See Options.Update for what counts as changed.
func Create(ctx context.Context, dir string, opts Options) (*Report, error) {
	o, err := opts.withDefaults(dir)
	if err != nil {
		return nil, err
	}
	repodata := filepath.Join(o.OutputDir, "repodata")
	if err := makeRepodata(dir, repodata); err != nil {
		return nil, err
	}
	unlock, err := dirlock.Lock(filepath.Join(repodata, lockName))
	if err != nil {
		return nil, fmt.Errorf("lock repository: %w", err)
	}
	defer unlock()
	c := &creator{
		dir: dir, repodata: repodata, opts: &o, report: &Report{}, mounts: &mounts{},
	}
	defer c.cleanUp()
	if err := c.sweepTemporaries(); err != nil {
		return nil, err
	}
	if err := c.run(ctx); err != nil {
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
	mounts        *mounts
	old           *oldRepomd        // what is published now, nil when there is nothing readable
	seen          map[string]string // NEVRA -> path of its first package
	feed          *feed
	reuse         *reuse       // nil: every package is read
	cache         *cacheWriter // nil: none is written
	clock         fsClock
	files         []*mdFile // the core files in the making
	extras        []*mdFile
	pool          sync.Pool // of *fragment
}

func (c *creator) run(ctx context.Context) (err error) {
	c.old = c.readOld()
	found, err := findTasks(ctx, c.dir, c.opts)
	if err != nil {
		return err
	}
	for _, text := range found.unread {
		c.warn("%s", text)
	}
	c.seen = make(map[string]string, len(found.tasks))
	if c.opts.Update {
		if c.reuse, err = c.planReuse(ctx, found.tasks); err != nil {
			return err
		}
	}
	var outs []output
	if core, ok := c.standing(); ok {
		outs = core
		err = c.reportReused(found.tasks)
	} else {
		outs, err = c.makeCore(ctx, found.tasks)
	}
	if err != nil {
		return err
	}
	more, err := c.makeExtras(ctx, found.modules)
	if err != nil {
		return err
	}
	return c.publish(ctx, append(outs, more...))
}

// makeCore writes the core files, and the side cache along with them.
func (c *creator) makeCore(ctx context.Context, tasks []task) ([]output, error) {
	c.startCache()
	if err := c.index(ctx, tasks); err != nil {
		return nil, err
	}
	outs := make([]output, len(c.files))
	for i, m := range c.files {
		outs[i] = output{data: m.data(c.opts.SimpleFilenames), file: m}
	}
	return outs, nil
}

// startCache begins a new side cache. A run without one is only slower next
// time, so trouble is no failure.
func (c *creator) startCache() {
	if c.opts.Cache == "" {
		return
	}
	var err error
	if c.clock, err = askClock(c.repodata, c.mounts); err == nil {
		c.cache, err = newCacheWriter(c.opts.Cache)
	}
	if err != nil {
		c.dropCache(err)
	}
}

// remember adds a package to the new side cache.
func (c *creator) remember(r *record) {
	if err := c.cache.add(r); err != nil {
		c.dropCache(err)
	}
}

func (c *creator) dropCache(err error) {
	if c.opts.Update {
		c.warn("the next update will read every package: the side cache cannot be written: %v", err)
	} else {
		c.opts.Logger.Warn("side cache not written", "path", c.opts.Cache, "error", err)
	}
	c.cache.abort()
	c.cache = nil
}

// reportReused reports the packages of core files that stay as they are.
func (c *creator) reportReused(tasks []task) error {
	for i := range tasks {
		t := &tasks[i]
		rec, err := c.reuse.find(t)
		if err != nil {
			return err
		}
		c.report.Reused++
		c.indexed(rec.indexed(c.opts), t.rel)
		if c.opts.Progress != nil {
			c.opts.Progress(i+1, len(tasks), t.base())
		}
	}
	return nil
}

// cleanUp removes what was begun and not published.
func (c *creator) cleanUp() {
	for _, m := range c.files {
		m.abort()
	}
	for _, m := range c.extras {
		m.abort()
	}
	c.cache.abort()
	if c.reuse != nil {
		c.reuse.close()
	}
}
