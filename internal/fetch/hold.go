package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/internal/limitio"
)

// recent is how long a file is kept after it was last handed out.
const recent = time.Hour

// maxHold bounds the record of one Session, in bytes: a million files.
const maxHold = 65 << 20

// errGone says that a file was removed again and again right after it came.
var errGone = errors.New("the file keeps vanishing from the cache")

// useLock is taken shared while a file is marked as used or held, and
// exclusively while files are removed. Its file is never removed.
func (f *Fetcher) useLock(ctx context.Context, how int) (release func(), err error) {
	path := filepath.Join(f.dir, "use.lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", f.diskError(err, 0))
	}
	for {
		err = unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = file.Close() }, nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			err = sleep(ctx, 5*time.Millisecond)
		default:
			err = fmt.Errorf("lock %s: %w", path, err)
		}
		if err != nil {
			_ = file.Close()
			return nil, err
		}
	}
}

// touch notes that the file is used now, in its access time; the time of its
// content belongs to whoever links it.
func (f *Fetcher) touch(sum string) error {
	if err := os.Chtimes(f.casPath(sum), time.Now(), time.Time{}); err != nil {
		return fmt.Errorf("note the use of a cached file: %w", f.diskError(err, 0))
	}
	return nil
}

// use marks the file as used now and held by s (which may be nil), and reports
// whether it is there at all. From then on nobody removes it for as long as
// recent, or as long as s is open.
func (f *Fetcher) use(ctx context.Context, sum string, s *Session) (bool, error) {
	release, err := f.useLock(ctx, unix.LOCK_SH)
	if err != nil {
		return false, err
	}
	defer release()
	if _, err := os.Lstat(f.casPath(sum)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("look up cached file: %w", err)
	}
	if err := s.note(sum); err != nil {
		return false, err
	}
	return true, f.touch(sum)
}

// claim marks what of wants is in the cache already, so that making room for
// one of them never costs another.
func (f *Fetcher) claim(ctx context.Context, wants []Want, s *Session) error {
	for i := range wants {
		if sum := f.digest(&wants[i]); isHex256(sum) {
			if _, err := f.use(ctx, sum, s); err != nil {
				return fmt.Errorf("claim %s: %w", wants[i].name(), err)
			}
		}
	}
	return nil
}

// Session holds files: what its methods returned stays in the cache until it
// is closed, however long that takes and whichever process prunes. The hold is
// a lock of the operating system, so that it ends with its process, killed or
// not. It is safe for concurrent use.
type Session struct {
	f *Fetcher

	mu   sync.Mutex
	file *os.File // locked; nil when closed
	sums map[string]bool
	size int64
}

// Session begins to hold files. The caller closes it; it may outlive the
// Fetcher's Close.
func (f *Fetcher) Session(ctx context.Context) (*Session, error) {
	// No pruning now: it would take a record without lock for a dead one.
	release, err := f.useLock(ctx, unix.LOCK_SH)
	if err != nil {
		return nil, fmt.Errorf("hold cached files: %w", err)
	}
	defer release()
	file, err := os.CreateTemp(filepath.Join(f.dir, "holds"), "*.hold")
	if err != nil {
		return nil, fmt.Errorf("hold cached files: %w", f.diskError(err, 0))
	}
	if err := errors.Join(file.Chmod(0o644), flock(file)); err != nil {
		_ = os.Remove(file.Name())
		return nil, fmt.Errorf("hold cached files: %w", errors.Join(err, file.Close()))
	}
	return &Session{f: f, file: file, sums: map[string]bool{}}, nil
}

func flock(file *os.File) error {
	for {
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Get is Fetcher.Get, and holds the file.
func (s *Session) Get(ctx context.Context, w Want) (string, error) {
	return s.f.get(ctx, w, nil, s)
}

// All is Fetcher.All, and holds each file from the moment it is there.
func (s *Session) All(ctx context.Context, wants []Want, progress func(Progress)) ([]string, error) {
	return s.f.all(ctx, wants, progress, s)
}

// Claim holds those of wants that are in the cache already. Nothing is
// downloaded or verified.
func (s *Session) Claim(ctx context.Context, wants []Want) error {
	return s.f.claim(ctx, wants, s)
}

// Close lets go of all files. It may be called more than once.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := os.Remove(s.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	err = errors.Join(err, s.file.Close())
	s.file = nil
	if err != nil {
		return fmt.Errorf("let go of cached files: %w", err)
	}
	return nil
}

// note adds a file to the record.
func (s *Session) note(sum string) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.file == nil:
		return fmt.Errorf("hold cached file: session: %w", ErrClosed)
	case s.sums[sum]:
		return nil
	case s.size > maxHold-65:
		return fmt.Errorf("hold cached file: %w", &limitio.TooLargeError{What: "the session's record", Limit: maxHold})
	}
	// At an offset of its own: a write that broke off is overwritten.
	if _, err := s.file.WriteAt([]byte(sum+"\n"), s.size); err != nil {
		return fmt.Errorf("hold cached file: %w", s.f.diskError(err, 0))
	}
	s.size += 65
	s.sums[sum] = true
	return nil
}

// holds reads what all sessions of all processes hold and removes the records
// of dead ones. The use lock is held exclusively.
func (f *Fetcher) holds() (map[string]bool, error) {
	dir := filepath.Join(f.dir, "holds")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read holds: %w", err)
	}
	held := map[string]bool{}
	for _, e := range entries {
		if err := readHold(filepath.Join(dir, e.Name()), held); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read holds: %w", err)
		}
	}
	return held, nil
}

func readHold(path string, held map[string]bool) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	switch err := flock(file); {
	case err == nil:
		return os.Remove(path) // its owner is gone
	case !errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("lock %s: %w", path, err)
	}
	lines := bufio.NewScanner(limitio.Reader(file, maxHold, "hold record"))
	for lines.Scan() {
		held[lines.Text()] = true
	}
	return lines.Err()
}
