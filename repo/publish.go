package repo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// sweepTemporaries removes what a killed writer left. The lock is held: nobody
// else writes here.
func (c *creator) sweepTemporaries() error {
	repodata := c.repodata
	if err := os.RemoveAll(c.sidePath()); err != nil {
		return fmt.Errorf("sweep repodata: %w", err)
	}
	names, err := os.ReadDir(repodata)
	if err != nil {
		return fmt.Errorf("sweep repodata: %w", err)
	}
	for _, e := range names {
		if !strings.HasPrefix(e.Name(), atomicfile.TempPrefix) {
			continue
		}
		if err := os.Remove(filepath.Join(repodata, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sweep repodata: %w", err)
		}
	}
	return nil
}

// publish moves the finished files into place, repomd.xml last, unless all of
// it is there already.
func (c *creator) publish(ctx context.Context, outs []output) error {
	c.keepStanding(ctx, outs)
	kept, err := c.carried(ctx, outs)
	if err != nil {
		return err
	}
	outs = append(outs, kept...)
	if err := checkNames(outs); err != nil {
		return err
	}
	md, stamp, err := c.newRepomd(outs)
	if err != nil {
		return err
	}
	if c.isPublished(md, outs) {
		c.report.Unchanged = true
		c.report.Repomd = md
		c.report.RepomdChecksum = sha256Of(c.old.text)
	} else if err := c.replace(md, stamp, outs); err != nil {
		return err
	}
	c.commitCache(outs)
	c.removeOld(md)
	return nil
}

// newRepomd makes the new repomd.xml. stamp is the time of new files.
func (c *creator) newRepomd(outs []output) (md *Repomd, stamp time.Time, err error) {
	o := c.opts
	stamp = o.Now()
	md = &Repomd{Revision: o.Revision, ContentTags: o.ContentTags, RepoTags: o.RepoTags, DistroTags: o.DistroTags}
	if md.Revision == "" {
		md.Revision = strconv.FormatInt(stamp.Unix(), 10)
	}
	if o.TimestampToRevision {
		n, err := strconv.ParseInt(md.Revision, 10, 64)
		if err != nil {
			return nil, stamp, fmt.Errorf("revision as time: %w", err)
		}
		stamp = time.Unix(n, 0)
	}
	for i := range outs {
		d := &outs[i].data
		if outs[i].file != nil || o.TimestampToRevision {
			d.Timestamp = stamp.Unix()
		}
		md.Data = append(md.Data, *d)
	}
	return md, stamp, nil
}

// isPublished tells whether repomd.xml says, to the byte, what md says. A
// revision that is only the time of the run does not count; md then gets the old one.
func (c *creator) isPublished(md *Repomd, outs []output) bool {
	if !c.opts.Update || c.old == nil {
		return false
	}
	for _, o := range outs {
		if o.file != nil {
			return false
		}
	}
	now := md.Revision
	if c.opts.Revision == "" {
		md.Revision = c.old.Revision
	}
	if !bytes.Equal(md.appendXML(nil), c.old.text) {
		md.Revision = now
		return false
	}
	return true
}

// replace publishes what is new.
func (c *creator) replace(md *Repomd, stamp time.Time, outs []output) error {
	if c.opts.TimestampToRevision {
		for _, o := range outs {
			if err := c.setTime(&o, stamp); err != nil {
				return err
			}
		}
	}
	var g errgroup.Group
	for _, o := range outs {
		if o.file != nil {
			g.Go(o.file.sync)
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if c.opts.SimpleFilenames {
		err := c.replaceAtOnce(md, stamp, outs)
		if !errors.Is(err, errNoExchange) {
			return err
		}
		if err := os.RemoveAll(c.sidePath()); err != nil {
			return fmt.Errorf("publish metadata: %w", err)
		}
	}
	for _, o := range outs {
		if o.file == nil {
			continue
		}
		if err := o.file.publish(c.repodata, filepath.Base(o.data.Href)); err != nil {
			return err
		}
	}
	if err := atomicfile.SyncDir(c.repodata); err != nil {
		return fmt.Errorf("publish metadata: %w", err)
	}
	c.markSuperseded(md)
	return c.publishRepomd(c.repodata, md, stamp)
}

// setTime gives a metadata file the time of the revision.
func (c *creator) setTime(o *output, stamp time.Time) error {
	if o.data.Base != "" {
		return nil
	}
	path := filepath.Join(c.opts.OutputDir, filepath.FromSlash(o.data.Href))
	if o.file != nil {
		path = o.file.f.Name()
	}
	if err := os.Chtimes(path, stamp, stamp); err != nil {
		return fmt.Errorf("set time of %s: %w", o.data.Href, err)
	}
	return nil
}

func (c *creator) publishRepomd(dir string, md *Repomd, stamp time.Time) error {
	data := md.appendXML(nil)
	f, err := atomicfile.Create(filepath.Join(dir, "repomd.xml"), 0o644)
	if err != nil {
		return fmt.Errorf("publish repomd.xml: %w", err)
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("publish repomd.xml: %w", err)
	}
	if c.opts.TimestampToRevision {
		if err := os.Chtimes(f.Name(), stamp, stamp); err != nil {
			return fmt.Errorf("publish repomd.xml: %w", err)
		}
	}
	if err := f.Commit(); err != nil {
		return fmt.Errorf("publish repomd.xml: %w", err)
	}
	c.report.Repomd = md
	c.report.RepomdChecksum = sha256Of(data)
	return nil
}

func sha256Of(data []byte) Checksum {
	sum := sha256.Sum256(data)
	return Checksum{Type: "sha256", Value: hex.EncodeToString(sum[:])}
}

// commitCache puts the new side cache in place, after what it points to.
func (c *creator) commitCache(outs []output) {
	if c.cache == nil {
		return
	}
	if err := c.cache.commit(c.trailer(outs)); err != nil {
		c.dropCache(err)
	}
}

// baseNames returns the files in repodata that a repomd.xml names.
func (m *Repomd) baseNames() map[string]bool {
	names := map[string]bool{}
	for _, d := range m.Data {
		if rest, ok := strings.CutPrefix(d.Href, hrefPrefix); ok {
			names[rest] = true
		}
	}
	return names
}

// markSuperseded stamps the files that the new repomd.xml does not name. The
// stamp is the inode's change time, which a chmod to the same mode renews: the
// modification time, which web servers derive ETags from, stays as it is.
func (c *creator) markSuperseded(md *Repomd) {
	if c.old == nil {
		return
	}
	named := md.baseNames()
	for name := range c.old.baseNames() {
		if named[name] || !generated(name) {
			continue
		}
		path := filepath.Join(c.repodata, name)
		if st, err := os.Lstat(path); err == nil && st.Mode().IsRegular() {
			if err := os.Chmod(path, st.Mode().Perm()); err != nil {
				c.opts.Logger.Warn("old metadata file not stamped", "path", path, "error", err)
			}
		}
	}
}

// removeOld removes the files of generations that have been superseded for
// longer than KeepOld. What was not made by a repodata writer, judged by its
// name, is never touched; where nothing is to be kept, what the old repomd.xml
// named goes too. Trouble here is no failure: the repository is new.
func (c *creator) removeOld(md *Repomd) {
	names, err := os.ReadDir(c.repodata)
	if c.old == nil || err != nil {
		return
	}
	named, before := md.baseNames(), c.old.baseNames()
	for _, e := range names {
		ours := generated(e.Name()) || c.opts.KeepOld < 0 && before[e.Name()]
		if named[e.Name()] || !ours || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(c.repodata, e.Name())
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			continue
		}
		if c.opts.KeepOld > 0 && time.Since(time.Unix(st.Ctim.Unix())) < c.opts.KeepOld {
			continue
		}
		if err := os.Remove(path); err != nil {
			c.opts.Logger.Warn("old metadata file not removed", "path", path, "error", err)
		}
	}
}

// generated tells whether a name is one that a repodata writer makes: the
// checksum, a hyphen, then what it is.
func generated(name string) bool {
	sum, rest, ok := strings.Cut(name, "-")
	if !ok || rest == "" || (len(sum) != 64 && len(sum) != 128) {
		return false
	}
	return strings.Trim(sum, "0123456789abcdef") == ""
}
