package dir

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/fedora-respin/respin/publish"
)

// roomStep is how many bytes are written between two looks at the free space.
const roomStep = 16 << 20

// ErrBusy says that another upload of the same file is under way.
var ErrBusy = errors.New("this file is being uploaded already")

// OffsetError says that an upload does not go on where the last one ended.
type OffsetError struct{ Have int64 } // bytes that are there

func (e *OffsetError) Error() string {
	return fmt.Sprintf("the upload has to go on at byte %d", e.Have)
}

func partPath(id string, attempt int, name string) string {
	return path.Join(stagingPath(id, attempt), partsDir, digestOf([]byte(name)))
}

// Uploaded tells how many bytes of a file the attempt's staging holds, and
// whether it is complete and was checked.
func (p *Publisher) Uploaded(ctx context.Context, id string, attempt int, name string) (size int64, complete bool, err error) {
	if err := errors.Join(publish.CheckID(id), publish.CheckPath(name), p.ready(ctx)); err != nil {
		return 0, false, fmt.Errorf("look up %s: %w", name, err)
	}
	if info, err := p.root.Lstat(stagedFile(id, attempt, name)); err == nil && info.Mode().IsRegular() {
		return info.Size(), true, nil
	}
	info, err := p.root.Lstat(partPath(id, attempt, name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look up %s: %w", name, err)
	}
	return info.Size(), false, nil
}

// Sum reads a complete file of the attempt's staging and returns its SHA-256.
func (p *Publisher) Sum(ctx context.Context, id string, attempt int, name string) (string, error) {
	if err := errors.Join(publish.CheckID(id), publish.CheckPath(name), p.ready(ctx)); err != nil {
		return "", fmt.Errorf("hash %s: %w", name, err)
	}
	sum, err := p.hashFile(ctx, stagedFile(id, attempt, name))
	if err != nil {
		return "", fmt.Errorf("hash %s: %w", name, err)
	}
	return sum, nil
}

// Usage counts the files of the attempt's staging, complete or not, and their
// bytes.
func (p *Publisher) Usage(ctx context.Context, id string, attempt int) (files int, bytes int64, err error) {
	if err := errors.Join(publish.CheckID(id), p.ready(ctx)); err != nil {
		return 0, 0, fmt.Errorf("count %s: %w", id, err)
	}
	err = fs.WalkDir(p.root.FS(), stagingPath(id, attempt), func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err == nil {
			files++
			bytes += info.Size()
		}
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("count %s: %w", id, err)
	}
	return files, bytes, nil
}

func stagedFile(id string, attempt int, name string) string {
	return path.Join(stagingPath(id, attempt), setDir, name)
}

// Upload appends what r gives to a file of the attempt's staging, from offset
// on (0 begins anew). When it is complete its digest is checked, and only then
// the file is part of the staged set. It returns how much is there. Errors:
// *OffsetError, ErrBusy, publish.ErrNoSpace, *publish.MismatchError,
// *publish.RefusedError, or that of r, in which case the bytes stay for the
// next call.
func (p *Publisher) Upload(ctx context.Context, id string, attempt int, f publish.File, offset int64, r io.Reader) (int64, error) {
	if err := errors.Join(publish.CheckID(id), publish.CheckPath(f.Path), p.ready(ctx)); err != nil {
		return 0, fmt.Errorf("upload: %w", err)
	}
	key := partPath(id, attempt, f.Path)
	p.mu.Lock()
	busy := p.busy[key]
	p.busy[key] = true
	p.mu.Unlock()
	if busy {
		return 0, fmt.Errorf("upload %s: %w", f.Path, ErrBusy)
	}
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.busy, key)
	}()
	n, err := p.upload(ctx, id, attempt, f, offset, r)
	if err != nil {
		return n, fmt.Errorf("upload %s: %w", f.Path, spaceError(err))
	}
	return n, nil
}

func (p *Publisher) upload(ctx context.Context, id string, attempt int, f publish.File, offset int64, r io.Reader) (int64, error) {
	part := partPath(id, attempt, f.Path)
	if err := p.root.MkdirAll(path.Dir(part), 0o700); err != nil {
		return 0, err
	}
	out, err := p.root.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return 0, err
	}
	defer out.Close() //nolint:errcheck // synced before it counts
	h := sha256.New()
	if err := seekPart(ctx, out, offset, h); err != nil {
		return 0, err
	}
	have, err := p.append(ctx, out, h, f, offset, r)
	if err != nil || have < f.Size {
		return have, err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		err := &publish.MismatchError{Path: f.Path, What: "sha256", Want: f.SHA256, Got: got}
		return 0, errors.Join(err, p.root.Remove(part))
	}
	if err := errors.Join(out.Chmod(0o644), out.Sync()); err != nil {
		return have, err
	}
	if !f.ModTime.IsZero() {
		if err := p.root.Chtimes(part, f.ModTime, f.ModTime); err != nil {
			return have, err
		}
	}
	full := stagedFile(id, attempt, f.Path)
	if err := p.makeWay(full, path.Join(stagingPath(id, attempt), setDir)); err != nil {
		return have, err
	}
	return have, p.root.Rename(part, full)
}

// makeWay makes the directories above full, below top, and removes what stands
// in the way there from an earlier try: a directory for a file or the reverse.
func (p *Publisher) makeWay(full, top string) error {
	for d := path.Dir(full); d != top; d = path.Dir(d) {
		if info, err := p.root.Lstat(d); err == nil && !info.IsDir() {
			if err := p.root.Remove(d); err != nil {
				return err
			}
		}
	}
	if info, err := p.root.Lstat(full); err == nil && info.IsDir() {
		if err := p.root.RemoveAll(full); err != nil {
			return err
		}
	}
	return p.root.MkdirAll(path.Dir(full), 0o755)
}

// seekPart goes to offset, which must be the end unless it is 0.
func seekPart(ctx context.Context, out *os.File, offset int64, h hash.Hash) error {
	if offset == 0 {
		return out.Truncate(0)
	}
	info, err := out.Stat()
	if err != nil {
		return err
	}
	if info.Size() != offset {
		return &OffsetError{Have: info.Size()}
	}
	return copyCtx(ctx, h, out, func(int64) error { return nil })
}

// append copies r to the end of the part, within the file's size and the room
// on the disk.
func (p *Publisher) append(ctx context.Context, out *os.File, h hash.Hash, f publish.File, have int64, r io.Reader) (int64, error) {
	if err := p.room(f.Size - have); err != nil {
		return have, err
	}
	next := have + roomStep
	start := have
	err := copyCtx(ctx, io.MultiWriter(out, h), io.LimitReader(r, f.Size-have), func(n int64) error {
		have = start + n
		if have < next {
			return nil
		}
		next = have + roomStep
		return p.room(f.Size - have)
	})
	if err != nil {
		return have, err
	}
	if n, _ := io.ReadFull(r, make([]byte, 1)); n > 0 {
		return have, &publish.MismatchError{Path: f.Path, What: "size", Want: fmt.Sprint(f.Size), Got: "more"}
	}
	return have, nil
}
