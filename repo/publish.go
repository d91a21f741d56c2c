package repo

import (
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

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// sweepTemporaries removes what a killed writer left. The lock is held: nobody
// else writes here.
func sweepTemporaries(repodata string) error {
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

// publish moves the finished files into place, repomd.xml last.
func (c *creator) publish() error {
	o := c.opts
	now := o.Now()
	stamp, revision := now, o.Revision
	if revision == "" {
		revision = strconv.FormatInt(now.Unix(), 10)
	}
	if o.TimestampToRevision {
		n, err := strconv.ParseInt(revision, 10, 64)
		if err != nil {
			return fmt.Errorf("revision as time: %w", err)
		}
		stamp = time.Unix(n, 0)
	}
	old := c.readOld()
	md := &Repomd{Revision: revision, ContentTags: o.ContentTags, RepoTags: o.RepoTags, DistroTags: o.DistroTags}
	for _, m := range c.files {
		d, err := m.publish(c.repodata, o.SimpleFilenames, stamp, o.TimestampToRevision)
		if err != nil {
			return err
		}
		md.Data = append(md.Data, d)
	}
	if err := atomicfile.SyncDir(c.repodata); err != nil {
		return fmt.Errorf("publish metadata: %w", err)
	}
	c.markSuperseded(old, md)
	if err := c.publishRepomd(md, stamp); err != nil {
		return err
	}
	c.removeOld(old, md)
	return nil
}

func (c *creator) publishRepomd(md *Repomd, stamp time.Time) error {
	data := md.appendXML(nil)
	f, err := atomicfile.Create(filepath.Join(c.repodata, "repomd.xml"), 0o644)
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
	sum := sha256.Sum256(data)
	c.report.Repomd = md
	c.report.RepomdChecksum = Checksum{Type: "sha256", Value: hex.EncodeToString(sum[:])}
	return nil
}

// readOld returns the repomd.xml that is about to be replaced; nil when there
// is none that can be read, and then no old file is ever removed.
func (c *creator) readOld() *Repomd {
	f, err := os.Open(filepath.Join(c.repodata, "repomd.xml"))
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // opened for reading
	md, err := ReadRepomd(f)
	if err != nil {
		c.opts.Logger.Warn("old repomd.xml is not readable; its files stay", "error", err)
		return nil
	}
	return md
}

// baseNames returns the files in repodata that a repomd.xml names.
func (m *Repomd) baseNames() map[string]bool {
	names := map[string]bool{}
	if m == nil {
		return names
	}
	for _, d := range m.Data {
		if rest, ok := strings.CutPrefix(d.Href, "repodata/"); ok {
			names[rest] = true
		}
	}
	return names
}

// markSuperseded stamps the files that the new repomd.xml does not name. The
// stamp is the inode's change time, which a chmod to the same mode renews: the
// modification time, which web servers derive ETags from, stays as it is.
func (c *creator) markSuperseded(old, md *Repomd) {
	named := md.baseNames()
	for name := range old.baseNames() {
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
// name, is never touched. Trouble here is no failure: the repository is new.
func (c *creator) removeOld(old, md *Repomd) {
	names, err := os.ReadDir(c.repodata)
	if old == nil || err != nil {
		return
	}
	named := md.baseNames()
	for _, e := range names {
		if named[e.Name()] || !generated(e.Name()) || !e.Type().IsRegular() {
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
