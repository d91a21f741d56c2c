package dir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/publish"
)

const (
	setDir      = "set"
	partsDir    = "parts"
	maxChecksum = 256 << 20
	copyBuffer  = 256 << 10
)

// Stage implements publish.Publisher.
func (p *Publisher) Stage(ctx context.Context, set publish.Set, progress publish.Progress) (publish.Staged, error) {
	staged, err := p.stage(ctx, set, progress)
	if err != nil {
		return publish.Staged{}, fmt.Errorf("stage %s: %w", set.ID, spaceError(err))
	}
	return staged, nil
}

func (p *Publisher) stage(ctx context.Context, set publish.Set, progress publish.Progress) (publish.Staged, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	if err := errors.Join(set.Validate(), p.ready(ctx)); err != nil {
		return publish.Staged{}, err
	}
	staged := set.Staged()
	same, err := p.published(staged)
	if err != nil {
		return publish.Staged{}, err
	}
	if same {
		for _, f := range set.Files {
			progress(f.Path, f.Size, f.Size)
		}
		return staged, nil
	}
	src, err := set.Open()
	if err != nil {
		return publish.Staged{}, err
	}
	defer src.Close() //nolint:errcheck // only read
	top := path.Join(stagingPath(set.ID, set.Attempt), setDir)
	if err := errors.Join(p.root.MkdirAll(top, 0o755), p.prune(top, set.Files)); err != nil {
		return publish.Staged{}, err
	}
	for _, f := range set.UploadOrder() {
		if err := p.place(ctx, src, set, f, progress); err != nil {
			return publish.Staged{}, fmt.Errorf("file %s: %w", f.Path, err)
		}
	}
	return staged, nil
}

// Digest returns the identity of the set that is published as id, "" when
// there is none. A directory that no Publisher made gives "unknown".
func (p *Publisher) Digest(id string) (string, error) {
	if err := publish.CheckID(id); err != nil {
		return "", err
	}
	if _, err := p.root.Lstat(id); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	list, err := p.readChecksum(id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "unknown", nil
	case err != nil:
		return "", err
	}
	return digestOf(list), nil
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (p *Publisher) readChecksum(top string) ([]byte, error) {
	f, err := p.root.Open(path.Join(top, publish.ChecksumName))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return limitio.ReadAll(f, maxChecksum, publish.ChecksumName)
}

// published reports whether the set stands under its final name, with an
// *ExistsError when another one does.
func (p *Publisher) published(s publish.Staged) (bool, error) {
	digest, err := p.Digest(s.ID)
	switch {
	case err != nil:
		return false, err
	case digest == "":
		return false, nil
	case digest != s.Digest:
		return false, &publish.ExistsError{ID: s.ID}
	}
	return true, nil
}

// prune deletes from the staging what an earlier call left and the list does
// not have.
func (p *Publisher) prune(top string, files []publish.File) error {
	listed := map[string]bool{".": true, publish.ChecksumName: true}
	for _, f := range files {
		for name := f.Path; name != "."; name = path.Dir(name) {
			listed[name] = true
		}
	}
	sub, err := p.root.OpenRoot(top)
	if err != nil {
		return err
	}
	defer sub.Close() //nolint:errcheck // only read
	return fs.WalkDir(sub.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || listed[name] {
			return err
		}
		if err := sub.RemoveAll(name); err != nil {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// place brings one file into the staging, unless it is there.
func (p *Publisher) place(ctx context.Context, src *publish.Source, set publish.Set, f publish.File, progress publish.Progress) error {
	if err := p.ready(ctx); err != nil {
		return err
	}
	dst := stagedFile(set.ID, set.Attempt, f.Path)
	ok, err := p.holds(ctx, dst, f)
	if err != nil {
		return err
	}
	if ok {
		progress(f.Path, f.Size, f.Size)
		return nil
	}
	if err := p.root.RemoveAll(dst); err != nil {
		return err
	}
	if err := p.root.MkdirAll(path.Dir(dst), 0o755); err != nil {
		return err
	}
	r, err := src.Open(ctx, f, 0)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read
	if !p.cfg.NoLinks {
		switch done, err := p.link(ctx, src, r, f, dst); {
		case err != nil:
			return err
		case done:
			progress(f.Path, f.Size, f.Size)
			return nil
		}
	}
	return p.copy(r, set, f, dst, progress)
}

// holds reports whether the file at dst is f, by reading it.
func (p *Publisher) holds(ctx context.Context, dst string, f publish.File) (bool, error) {
	info, err := p.root.Lstat(dst)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
		return false, err
	}
	sum, err := p.hashFile(ctx, dst)
	return sum == f.SHA256, err
}

func (p *Publisher) hashFile(ctx context.Context, name string) (string, error) {
	file, err := p.root.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // only read
	h := sha256.New()
	if err := copyCtx(ctx, h, file, func(int64) error { return nil }); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// link makes a hard link to the set's file and reads it for its digest. done
// is false where the file system or the file's mode calls for a copy.
func (p *Publisher) link(ctx context.Context, src *publish.Source, r *publish.Reader, f publish.File, dst string) (done bool, err error) {
	info, err := r.Info()
	// A mode change would change the set's own file, perhaps shared further.
	if err != nil || info.Mode().Perm()&0o444 != 0o444 {
		return false, err
	}
	if err := p.room(0); err != nil {
		return false, err
	}
	from, err := src.Root().Open(path.Dir(f.Path))
	if err != nil {
		return false, err
	}
	defer from.Close() //nolint:errcheck // only read
	to, err := p.root.Open(path.Dir(dst))
	if err != nil {
		return false, err
	}
	defer to.Close() //nolint:errcheck // only read
	if err := unix.Linkat(int(from.Fd()), path.Base(f.Path), int(to.Fd()), path.Base(dst), 0); err != nil {
		return false, nil // a copy will do, and will tell what is wrong
	}
	linked, err := p.root.Lstat(dst)
	if err == nil && !os.SameFile(linked, info) {
		err = &publish.MismatchError{Path: f.Path, What: "size", Want: fmt.Sprint(f.Size), Got: "that of another file: it was replaced"}
	}
	if err == nil {
		err = copyCtx(ctx, io.Discard, r, func(int64) error { return nil })
	}
	if err == nil {
		err = p.syncFile(dst)
	}
	if err != nil {
		return false, errors.Join(err, p.root.Remove(dst))
	}
	return true, nil
}

func (p *Publisher) syncFile(name string) error {
	f, err := p.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// copy writes the file beside and renames it into its place.
func (p *Publisher) copy(r *publish.Reader, set publish.Set, f publish.File, dst string, progress publish.Progress) error {
	if err := p.room(f.Size); err != nil {
		return err
	}
	parts := path.Join(stagingPath(set.ID, set.Attempt), partsDir)
	if err := p.root.MkdirAll(parts, 0o700); err != nil {
		return err
	}
	// A name of its own: nobody else writes to it.
	tmp := path.Join(parts, "copy-"+digestOf([]byte(f.Path))[:32]+fmt.Sprintf("-%p", r))
	out, err := p.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	err = copyCtx(context.Background(), out, r, func(n int64) error { // r ends with the caller's context
		progress(f.Path, n, f.Size)
		return nil
	})
	err = errors.Join(err, out.Chmod(0o644), out.Sync(), out.Close())
	if err == nil && !f.ModTime.IsZero() {
		err = p.root.Chtimes(tmp, f.ModTime, f.ModTime)
	}
	if err == nil {
		err = p.root.Rename(tmp, dst)
	}
	if err != nil {
		return errors.Join(err, p.root.Remove(tmp))
	}
	if f.Size == 0 {
		progress(f.Path, 0, 0)
	}
	return nil
}

// copyCtx copies until io.EOF, telling step how much there is so far.
func copyCtx(ctx context.Context, w io.Writer, r io.Reader, step func(n int64) error) error {
	buf := make([]byte, copyBuffer)
	var sum int64
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := r.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
			sum += int64(n)
			if serr := step(sum); serr != nil {
				return serr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
