package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// errNoExchange says that this file system cannot exchange two directories.
var errNoExchange = errors.New("directories cannot be exchanged here")

// sidePath is where repodata is built anew before it is exchanged.
func (c *creator) sidePath() string {
	return filepath.Join(c.opts.OutputDir, atomicfile.TempPrefix+"repodata")
}

// replaceAtOnce publishes by exchanging the whole directory. Files without a
// checksum in their names cannot be replaced one by one: a kill in between would
// leave new files under an old repomd.xml. On errNoExchange nothing was changed.
func (c *creator) replaceAtOnce(md *Repomd, stamp time.Time, outs []output) error {
	side := c.sidePath()
	if err := c.linkRepodata(side, outs); err != nil {
		return err
	}
	for _, o := range outs {
		if o.file == nil {
			continue
		}
		// A link: the temporary file is still where it was if the exchange fails.
		if err := os.Link(o.file.f.Name(), filepath.Join(side, filepath.Base(o.data.Href))); err != nil {
			return fmt.Errorf("publish %s: %w", o.data.Type, err)
		}
	}
	if err := c.publishRepomd(side, md, stamp); err != nil {
		return err
	}
	if err := exchange(side, c.repodata); err != nil {
		return err
	}
	for _, o := range outs {
		if o.file != nil {
			o.file.done = true // its temporary name goes with the old directory
		}
	}
	if err := atomicfile.SyncDir(c.opts.OutputDir); err != nil {
		return fmt.Errorf("publish metadata: %w", err)
	}
	if err := os.RemoveAll(side); err != nil {
		c.opts.Logger.Warn("replaced repodata not removed", "path", side, "error", err)
	}
	return nil
}

// linkRepodata makes a directory with links to everything in repodata that
// stays: files of others, the lock, and metadata that are not replaced.
func (c *creator) linkRepodata(side string, outs []output) error {
	st, err := os.Lstat(c.repodata)
	if err != nil {
		return fmt.Errorf("publish metadata: %w", err)
	}
	if !st.IsDir() {
		return errNoExchange // a link to elsewhere
	}
	if err := errors.Join(os.RemoveAll(side), os.Mkdir(side, st.Mode().Perm())); err != nil {
		return fmt.Errorf("publish metadata: %w", err)
	}
	if err := os.Chmod(side, st.Mode().Perm()); err != nil { // whatever the umask says
		return fmt.Errorf("publish metadata: %w", err)
	}
	gone := map[string]bool{"repomd.xml": true}
	for _, o := range outs {
		if o.file != nil {
			gone[filepath.Base(o.data.Href)] = true
		}
	}
	names, err := os.ReadDir(c.repodata)
	if err != nil {
		return fmt.Errorf("publish metadata: %w", err)
	}
	for _, e := range names {
		switch {
		case gone[e.Name()] || strings.HasPrefix(e.Name(), atomicfile.TempPrefix):
			continue
		case e.Type()&^fs.ModeSymlink != 0:
			return errNoExchange // a folder cannot be linked
		}
		if err := os.Link(filepath.Join(c.repodata, e.Name()), filepath.Join(side, e.Name())); err != nil {
			return errNoExchange
		}
	}
	return nil
}
