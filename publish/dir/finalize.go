package dir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/publish"
)

// Finalize implements publish.Publisher.
func (p *Publisher) Finalize(ctx context.Context, staged publish.Staged) (publish.Location, error) {
	if err := p.finalize(ctx, staged); err != nil {
		return publish.Location{}, fmt.Errorf("finalize %s: %w", staged.ID, spaceError(err))
	}
	return publish.At(p.cfg.URL, staged.ID), nil
}

func (p *Publisher) finalize(ctx context.Context, staged publish.Staged) error {
	if err := errors.Join(staged.Validate(), p.ready(ctx)); err != nil {
		return err
	}
	same, err := p.published(staged)
	if err != nil {
		return err
	}
	if !same {
		err = p.checkStaged(ctx, staged)
		if err == nil {
			err = p.rename(staged)
		}
		if err != nil {
			// Whoever was faster may have published this very set.
			if same, perr := p.published(staged); perr != nil || !same {
				return errors.Join(err, perr)
			}
		}
	}
	if err := p.syncDirs("."); err != nil {
		return err
	}
	return p.root.RemoveAll(stagingPath(staged.ID, staged.Attempt))
}

// checkStaged looks whether the staging holds every file of the record.
func (p *Publisher) checkStaged(ctx context.Context, staged publish.Staged) error {
	top := path.Join(stagingPath(staged.ID, staged.Attempt), setDir)
	list, err := p.readChecksum(top)
	if errors.Is(err, fs.ErrNotExist) {
		return publish.ErrNotStaged
	}
	if err != nil {
		return err
	}
	if digestOf(list) != staged.Digest {
		return fmt.Errorf("%w: another set is", publish.ErrNotStaged)
	}
	files, err := publish.ReadChecksum(bytes.NewReader(list))
	if err != nil {
		return err
	}
	if err := p.prune(top, files); err != nil {
		return err
	}
	dirs := []string{top}
	for _, f := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		info, err := p.root.Lstat(path.Join(top, f.Path))
		if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
			return fmt.Errorf("%w: %s is not complete", publish.ErrNotStaged, f.Path)
		}
		for d := path.Dir(f.Path); d != "."; d = path.Dir(d) {
			dirs = append(dirs, path.Join(top, d))
		}
	}
	slices.Sort(dirs)
	for _, d := range slices.Compact(dirs) {
		if err := errors.Join(p.root.Chmod(d, 0o755), p.syncDirs(d)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Publisher) syncDirs(name string) error {
	d, err := p.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// rename gives the staged set its name, replacing nothing.
func (p *Publisher) rename(staged publish.Staged) error {
	from, err := p.root.Open(stagingPath(staged.ID, staged.Attempt))
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // only read
	to, err := p.root.Open(".")
	if err != nil {
		return err
	}
	defer to.Close() //nolint:errcheck // only read
	err = unix.Renameat2(int(from.Fd()), setDir, int(to.Fd()), staged.ID, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		// Some network file systems know no such flag. A rename still never
		// replaces a directory that has files in it.
		err = p.root.Rename(path.Join(stagingPath(staged.ID, staged.Attempt), setDir), staged.ID)
	}
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	return nil
}
