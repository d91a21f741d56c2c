package repo

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// stamp is a file time as the kernel gives it: seconds since 1970 and nanoseconds.
type stamp struct{ sec, nsec int64 }

func (s stamp) time() time.Time { return time.Unix(s.sec, s.nsec) }

// fileKey is what tells one state of a file from another without reading it.
// Keys are compared for equality only, so that no clock that was set back can
// make a changed file look like an old one.
type fileKey struct {
	size     int64
	mtime    stamp // anybody may set it
	ctime    stamp // the kernel's own: a write, rename, link, chmod or touch renews it
	ino, dev uint64
}

func keyFrom(st *unix.Stat_t) fileKey {
	return fileKey{
		size: st.Size, ino: st.Ino,
		mtime: stamp{int64(st.Mtim.Sec), int64(st.Mtim.Nsec)}, //nolint:unconvert // 32 bits on some systems
		ctime: stamp{int64(st.Ctim.Sec), int64(st.Ctim.Nsec)}, //nolint:unconvert // 32 bits on some systems
		dev:   uint64(st.Dev),                                 //nolint:unconvert // signed on some systems
	}
}

// keyOf returns the key of an open file.
func keyOf(f *os.File) (fileKey, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstat(int(f.Fd()), &st) })
	if err != nil {
		return fileKey{}, fmt.Errorf("look at %s: %w", f.Name(), err)
	}
	return keyFrom(&st), nil
}

// retry repeats a system call that a signal has interrupted.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// mounts remembers which devices are mounted over a network.
type mounts struct {
	mu      sync.Mutex
	network map[uint64]bool
}

// isNetwork tells whether the device, on which path is, belongs to a network
// file system, or to one of which we cannot say.
func (m *mounts) isNetwork(dev uint64, path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.network[dev]
	if !ok {
		known = onNetwork(path)
		if m.network == nil {
			m.network = map[uint64]bool{}
		}
		m.network[dev] = known
	}
	return known
}

// keyAt returns the key of the regular file at path without reading it. ok is
// false when there is none.
func (m *mounts) keyAt(path string) (key fileKey, ok bool) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Stat(path, &st) }); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fileKey{}, false
	}
	key = keyFrom(&st)
	if !m.isNetwork(key.dev, path) {
		return key, true
	}
	// A client of a network file system may answer from its own memory. Opening
	// a file makes it ask the server (close-to-open consistency of NFS).
	f, err := os.Open(path)
	if err != nil {
		return fileKey{}, false
	}
	defer f.Close() //nolint:errcheck // opened for reading
	key, err = keyOf(f)
	return key, err == nil
}

// How old a file's change time must be before its key is trusted. The kernel
// stamps files with a clock of some milliseconds, some file systems with one of
// 1 or 2 seconds; a write in the same tick as the one before leaves no trace.
const (
	fineGrain   = 100 * time.Millisecond
	coarseGrain = 3 * time.Second
	// foreignGrain is for file systems with a clock that we cannot ask.
	foreignGrain = 15 * time.Minute
)

// fsClock is the time of the file system at the start of a run.
type fsClock struct {
	mounts *mounts
	now    stamp
	dev    uint64
}

// askClock makes a file in dir and looks at the time it got: the only clock that
// may be compared with the times of other files there.
func askClock(dir string, m *mounts) (fsClock, error) {
	f, err := os.CreateTemp(dir, atomicfile.TempPrefix+"*")
	if err != nil {
		return fsClock{}, fmt.Errorf("ask for the time of the file system: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // a sweep follows with the next run
	defer f.Close()           //nolint:errcheck // nothing was written
	key, err := keyOf(f)
	return fsClock{mounts: m, now: key.ctime, dev: key.dev}, err
}

// settled tells whether a file that was read after the clock was asked, and had
// the key before and after, cannot change any more without getting another key.
func (c fsClock) settled(k fileKey, path string) bool {
	grain := fineGrain
	if k.ctime.nsec == 0 {
		grain = coarseGrain // this file system may count in seconds
	}
	now := c.now.time()
	if k.dev != c.dev && c.mounts.isNetwork(k.dev, path) {
		grain, now = foreignGrain, earlier(now, time.Now())
	}
	return k.ctime.time().Add(grain).Before(now)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
