package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// evictBatch is how many files are removed under one lock.
const evictBatch = 64

// cachedFile is one file of the cache.
type cachedFile struct {
	sum  string
	size int64
	used time.Time
	// linked says that the file has other names. Their owners pay for its
	// bytes: removing it would free nothing and cost a download.
	linked bool
}

func (c *cachedFile) recent(now time.Time) bool { return now.Sub(c.used).Abs() < recent }

// Prune removes the least recently used files until the cache holds no more
// than Options.MaxCache bytes. Never removed are files that a Session holds, in
// whichever process, and files handed out during the last hour; the cache may
// stay larger for their sake. A file that is hard-linked elsewhere does not
// count and stays. What is left of removed files, of dead processes and of
// given-up downloads goes too. freed is in bytes.
//
// Downloads prune by themselves when they would exceed MaxCache or would not
// leave Options.MinFree.
func (f *Fetcher) Prune(ctx context.Context) (removed int, freed int64, err error) {
	lock, err := f.pruneLock(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer lock.release()
	removed, freed, err = f.prune(ctx, false, func(total int64) (int64, error) {
		if f.opt.MaxCache <= 0 {
			return 0, nil
		}
		return total - f.opt.MaxCache, nil
	})
	if err == nil && removed == 0 {
		err = f.sweepIndex(ctx)
	}
	return removed, freed, err
}

// pruneLock lets one process prune at a time, else two would remove twice as
// much as needed.
func (f *Fetcher) pruneLock(ctx context.Context) (*lockFile, error) {
	lock, err := waitLock(ctx, filepath.Join(f.dir, "prune.lock"))
	if err != nil {
		return nil, fmt.Errorf("prune cache: %w", err)
	}
	return lock, nil
}

// prune frees at least as many bytes as excess says of the cache's size, or as
// many as it can; with strict it removes nothing unless all can be freed. The
// prune lock is held.
func (f *Fetcher) prune(ctx context.Context, strict bool, excess func(total int64) (int64, error)) (removed int, freed int64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("prune cache %s: %w", f.dir, err)
		}
	}()
	if err := f.sweep(time.Now()); err != nil {
		return 0, 0, err
	}
	files, total, err := f.scan(ctx)
	if err != nil {
		return 0, 0, err
	}
	want, err := excess(total)
	if err == nil && want > 0 {
		removed, freed, err = f.evict(ctx, files, want, strict)
	}
	f.mu.Lock()
	f.usage.total, f.usage.at, f.usage.short = total-freed, time.Now(), false
	f.mu.Unlock()
	if removed > 0 {
		f.log.Info("pruned the cache", "dir", f.dir, "files", removed, "bytes", freed)
		err = errors.Join(err, f.sweepIndex(ctx))
	}
	return removed, freed, err
}

// scan lists the files of the cache, least recently used first, and sums up
// those that only the cache has.
func (f *Fetcher) scan(ctx context.Context) (files []cachedFile, total int64, err error) {
	err = f.walk(ctx, "cas/sha256", func(name string) error {
		c, err := f.look(name)
		if err != nil || c == nil {
			return err
		}
		files = append(files, *c)
		if !c.linked {
			total += c.size
		}
		return nil
	})
	slices.SortFunc(files, func(a, b cachedFile) int {
		return cmp.Or(a.used.Compare(b.used), strings.Compare(a.sum, b.sum))
	})
	return files, total, err
}

// walk calls fn with the name of everything in the directories below sub.
func (f *Fetcher) walk(ctx context.Context, sub string, fn func(name string) error) error {
	dirs, err := os.ReadDir(filepath.Join(f.dir, sub))
	if err != nil {
		return err
	}
	for _, d := range dirs {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if !d.IsDir() {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(f.dir, sub, d.Name()))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := fn(e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// look describes the file, nil when it is not (any more) one of the cache.
func (f *Fetcher) look(sum string) (*cachedFile, error) {
	if !isHex256(sum) {
		return nil, nil
	}
	var st unix.Stat_t
	switch err := unix.Lstat(f.casPath(sum), &st); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look up %s: %w", f.casPath(sum), err)
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, nil
	}
	return &cachedFile{sum: sum, size: st.Size, linked: st.Nlink > 1, used: time.Unix(st.Atim.Unix())}, nil
}

// evict removes files in the given order until want bytes are free.
func (f *Fetcher) evict(ctx context.Context, files []cachedFile, want int64, strict bool) (removed int, freed int64, err error) {
	release, err := f.useLock(ctx, unix.LOCK_EX)
	if err != nil {
		return 0, 0, err
	}
	held, err := f.holds()
	release()
	if err != nil {
		return 0, 0, err
	}
	now, can := time.Now(), int64(0)
	files = slices.DeleteFunc(files, func(c cachedFile) bool {
		return c.linked || held[c.sum] || c.recent(now)
	})
	for i := range files {
		can += files[i].size
	}
	if strict && can < want {
		return 0, 0, nil
	}
	for batch := range slices.Chunk(files, evictBatch) {
		if freed >= want {
			break
		}
		n, size, err := f.evictBatch(ctx, batch, want-freed)
		removed, freed = removed+n, freed+size
		if err != nil {
			return removed, freed, err
		}
	}
	return removed, freed, nil
}

// evictBatch looks at each file once more, now that nobody can take it up.
func (f *Fetcher) evictBatch(ctx context.Context, batch []cachedFile, want int64) (removed int, freed int64, err error) {
	release, err := f.useLock(ctx, unix.LOCK_EX)
	if err != nil {
		return 0, 0, err
	}
	defer release()
	held, err := f.holds()
	if err != nil {
		return 0, 0, err
	}
	for i := range batch {
		if freed >= want {
			break
		}
		c, err := f.look(batch[i].sum)
		if err != nil {
			return removed, freed, err
		}
		if c == nil || c.linked || held[c.sum] || c.recent(time.Now()) {
			continue
		}
		if err := os.Remove(f.casPath(c.sum)); err != nil {
			return removed, freed, err
		}
		f.mu.Lock()
		delete(f.hashed, c.sum)
		f.mu.Unlock()
		removed, freed = removed+1, freed+c.size
	}
	return removed, freed, nil
}

// sweepIndex removes keys whose file is not there. A download
// that stores the file at this very moment loses its key, which costs another
// download and nothing else.
func (f *Fetcher) sweepIndex(ctx context.Context) error {
	missing := func(sum string) bool {
		_, err := os.Lstat(f.casPath(sum))
		return errors.Is(err, fs.ErrNotExist)
	}
	err := f.walk(ctx, "keys", func(name string) error {
		if hash, ok := strings.CutSuffix(name, ".json"); ok && isHex256(hash) {
			path := filepath.Join(f.dir, "keys", hash[:2], name)
			if rec, err := readKeyRecord(path); err == nil && missing(rec.SHA256) {
				_ = os.Remove(path)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sweep keys: %w", err)
	}
	return nil
}
