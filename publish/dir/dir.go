// Package dir publishes sets as directories below one base directory, for
// example the one that a web server or the daemon itself serves.
//
//	p, err := dir.New(dir.Config{Base: "/srv/images", URL: "https://host/images/"})
//	defer p.Close()
//	staged, err := p.Stage(ctx, set, nil)
//	loc, err := p.Finalize(ctx, staged)     // /srv/images/<id>/ is there, whole
//
// On disk:
//
//	<base>/<id>/...                        published, readable by everybody
//	<base>/.staging/<id>.<attempt>/set/    complete files of an attempt
//	<base>/.staging/<id>.<attempt>/parts/  files on their way
//
// Files are hard-linked where base and set are on one file system (the set's
// files must not be written to afterwards) and copied elsewhere.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/publish"
)

const (
	stagingDir = ".staging"
	goneName   = ".gone-" // a removed set whose files are being deleted
)

// Config of a directory Publisher. Base is required.
type Config struct {
	Base string // directory; made if it is not there
	URL  string // under which Base is served; "" gives relative URLs
	// MinFree is the room in bytes that stays free on Base's file system; 0
	// means 256 MiB, negative means none.
	MinFree int64
	// NoLinks copies files even where they could be hard-linked.
	NoLinks bool
	// Free tells the free bytes at a path; nil asks the system.
	Free func(path string) (int64, error)
}

// Publisher publishes into a directory. It implements publish.Publisher.
type Publisher struct {
	cfg  Config
	root *os.Root

	mu     sync.Mutex
	closed bool
	busy   map[string]bool // uploads under way
}

var _ publish.Publisher = (*Publisher)(nil)

// New opens the base directory.
func New(cfg Config) (*Publisher, error) {
	if cfg.Base == "" {
		return nil, errors.New("open publishing directory: Base is missing")
	}
	if cfg.MinFree == 0 {
		cfg.MinFree = 256 << 20
	}
	cfg.MinFree = max(cfg.MinFree, 0)
	if cfg.Free == nil {
		cfg.Free = statFree
	}
	if err := os.MkdirAll(cfg.Base, 0o755); err != nil {
		return nil, fmt.Errorf("open publishing directory: %w", err)
	}
	root, err := os.OpenRoot(cfg.Base)
	if err != nil {
		return nil, fmt.Errorf("open publishing directory: %w", err)
	}
	p := &Publisher{cfg: cfg, root: root, busy: map[string]bool{}}
	// Nobody looks into what is not published yet.
	if err := p.root.MkdirAll(stagingDir, 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("open publishing directory: %w", err), root.Close())
	}
	return p, nil
}

// Close releases the base directory.
func (p *Publisher) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	return p.root.Close()
}

func (p *Publisher) ready(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return publish.ErrClosed
	}
	return nil
}

func statFree(name string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(name, &st); err != nil {
		return 0, fmt.Errorf("read free space of %s: %w", name, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // the field types differ between systems
}

// room returns ErrNoSpace unless need bytes and the floor are free.
func (p *Publisher) room(need int64) error {
	need += p.cfg.MinFree
	if need <= 0 {
		return nil
	}
	free, err := p.cfg.Free(p.cfg.Base)
	if err != nil {
		return err
	}
	if free < need {
		return fmt.Errorf("%w: %d bytes needed, %d free", publish.ErrNoSpace, need, free)
	}
	return nil
}

// spaceError makes the system's "no space" and "quota" an ErrNoSpace.
func spaceError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", publish.ErrNoSpace, err)
	}
	return err
}

func stagingPath(id string, attempt int) string {
	return path.Join(stagingDir, publish.StagingName(id, attempt))
}

// Remove implements publish.Publisher. A published set disappears at once.
func (p *Publisher) Remove(ctx context.Context, id string, attempt int) error {
	if err := errors.Join(publish.CheckID(id), p.ready(ctx)); err != nil {
		return fmt.Errorf("remove %s: %w", id, err)
	}
	if attempt > 0 {
		if err := p.root.RemoveAll(stagingPath(id, attempt)); err != nil {
			return fmt.Errorf("remove %s: %w", id, err)
		}
		return nil
	}
	gone := path.Join(stagingDir, fmt.Sprintf("%s%s-%d", goneName, id, time.Now().UnixNano()))
	if err := p.root.Rename(id, gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", id, err)
	}
	err := p.eachStaging(ctx, func(name string) error {
		owner, _, perr := publish.ParseStagingName(name)
		if strings.HasPrefix(name, goneName+id+"-") || (perr == nil && owner == id) {
			return p.root.RemoveAll(path.Join(stagingDir, name))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove %s: %w", id, err)
	}
	return nil
}

// Sweep deletes what was staged and not touched for age, and the rests of
// removed sets. It returns how many it deleted.
func (p *Publisher) Sweep(ctx context.Context, age time.Duration) (int, error) {
	if err := p.ready(ctx); err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	n := 0
	err := p.eachStaging(ctx, func(name string) error {
		full := path.Join(stagingDir, name)
		if !strings.HasPrefix(name, goneName) {
			changed, err := p.lastChange(full)
			if err != nil || time.Since(changed) < age {
				return err
			}
		}
		n++
		return p.root.RemoveAll(full)
	})
	if err != nil {
		return n, fmt.Errorf("sweep: %w", err)
	}
	return n, nil
}

func (p *Publisher) eachStaging(ctx context.Context, do func(name string) error) error {
	entries, err := fs.ReadDir(p.root.FS(), stagingDir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		errs = append(errs, do(e.Name()))
	}
	return errors.Join(errs...)
}

// lastChange is the newest modification of a directory below top; files that
// were linked keep their own times, but adding one changes its directory.
func (p *Publisher) lastChange(top string) (time.Time, error) {
	var newest time.Time
	err := fs.WalkDir(p.root.FS(), top, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if d.IsDir() || path.Base(path.Dir(name)) == partsDir {
			if info, err := d.Info(); err == nil && info.ModTime().After(newest) {
				newest = info.ModTime()
			}
		}
		return nil
	})
	return newest, err
}
