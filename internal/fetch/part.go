package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/limitio"
)

// part is the unfinished bytes of one file, owned by whoever has locked it.
type part struct {
	file  *os.File // locked
	path  string   // without extension
	size  int64
	meta  partMeta
	noted bool      // the meta is on disk
	since time.Time // when the transfer that meta is of began

	reserved int64 // of Options.MaxCache; guarded by Fetcher.mu

	want   *Want
	seen   *witness
	behind bool // the witness has not seen the bytes of an earlier process yet
}

// partMeta is where the bytes came from, to ask for the rest of the same file.
type partMeta struct {
	Origin    string `json:"origin"`    // SHA-256 of the URL, which may hold a password
	Validator string `json:"validator"` // strong ETag or Last-Modified, for If-Range
	Boot      string `json:"boot"`      // of the machine that wrote the bytes
}

// openPart opens or creates the part file of w, waiting for its lock.
func (f *Fetcher) openPart(ctx context.Context, w *Want) (*part, error) {
	base := filepath.Join(f.dir, "part", hexSum(w.id()))
	lock, err := waitLock(ctx, base+".part")
	if err != nil {
		return nil, err
	}
	p := &part{file: lock.file, path: base, want: w, seen: newWitness(w)}
	if p.size, err = p.file.Seek(0, io.SeekEnd); err != nil {
		_ = p.file.Close()
		return nil, fmt.Errorf("open part file: %w", err)
	}
	p.behind = p.size > 0
	p.readMeta()
	return p, nil
}

func (p *part) readMeta() {
	file, err := os.Open(p.path + ".json")
	if err != nil {
		return
	}
	defer file.Close() //nolint:errcheck // only read
	p.noted = true
	// Unreadable means unknown origin, which only costs the resume.
	_ = json.NewDecoder(limitio.Reader(file, 64<<10, "part record")).Decode(&p.meta)
}

// noteAfter is how long a transfer has to take until another process could gain
// anything from its beginning.
const noteAfter = 200 * time.Millisecond

// setMeta begins a transfer.
func (p *part) setMeta(m partMeta) { p.meta, p.noted, p.since = m, false, time.Now() }

// note puts the meta of a transfer that takes long on the disk.
func (p *part) note() error {
	if p.noted || p.since.IsZero() || time.Since(p.since) < noteAfter {
		return nil
	}
	return p.noteNow()
}

func (p *part) noteNow() error {
	data, err := json.Marshal(p.meta)
	if err != nil {
		return fmt.Errorf("encode part record: %w", err)
	}
	p.noted = true
	return writeNote(p.path+".json", data)
}

// reset drops all bytes.
func (p *part) reset() error {
	p.size, p.behind, p.meta, p.seen, p.since = 0, false, partMeta{}, newWitness(p.want), time.Time{}
	p.forget()
	_, err := p.file.Seek(0, io.SeekStart)
	if err = errors.Join(err, p.file.Truncate(0)); err != nil {
		return fmt.Errorf("empty part file: %w", err)
	}
	return nil
}

// catchUp shows the bytes of an earlier process to the witness. What the Judge
// turns down is dropped.
func (p *part) catchUp(ctx context.Context, u *url.URL) error {
	if !p.behind {
		return nil
	}
	p.seen = newWitness(p.want)
	src := ctxReader{ctx, io.NewSectionReader(p.file, 0, p.size)}
	if _, err := io.CopyBuffer(struct{ io.Writer }{p.seen}, src, make([]byte, copyBuffer)); err != nil {
		if _, against := errors.AsType[*judgedError](err); against {
			return errors.Join(&restartError{checkError(u.Redacted(), err)}, p.reset())
		}
		return fmt.Errorf("read part file: %w", err)
	}
	p.behind = false
	return nil
}

func (p *part) append(b []byte) error {
	n, err := p.file.WriteAt(b, p.size)
	p.size += int64(n)
	return err
}

// commit gives the bytes their final name. Nothing is synced: a file whose name
// survived a power cut and whose bytes did not lacks its digest, which every
// process looks at before it uses the file (see intact).
func (p *part) commit(path string) error {
	if err := p.file.Chmod(0o444); err != nil {
		return err
	}
	if err := os.Rename(p.path+".part", path); err != nil {
		return err
	}
	p.forget()
	return nil
}

// forget removes the meta from the disk.
func (p *part) forget() {
	if p.noted {
		_ = os.Remove(p.path + ".json")
		p.noted = false
	}
}

// bootID changes whenever the machine starts; "" where the system does not say.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}

// writeNote puts a record of the cache's own at path, whole or not at all unless
// the power fails: then it is unreadable, which costs a download.
func writeNote(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), atomicfile.TempPrefix+"*")
	if err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write record: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// close gives the part up; its bytes stay for a resume, an empty one goes.
func (p *part) close(stored bool) {
	switch {
	case stored:
	case p.size == 0:
		p.forget()
		_ = os.Remove(p.path + ".part")
	case !p.noted && p.meta != partMeta{}:
		_ = p.noteNow() // without it the next one starts from nothing, and no worse
	}
	_ = p.file.Close()
}

// lockFile is an advisory lock that dies with its process (flock(2)). It is on
// the file and not on its name: a rename takes it along.
type lockFile struct {
	file *os.File
	path string
}

// tryLock returns nil when another holds the lock.
func tryLock(path string) (*lockFile, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("open lock file: %w", err)
		}
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != nil {
			_ = file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, nil
			}
			if errors.Is(err, unix.EINTR) {
				continue
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		// The former owner removes the name before it lets go: a lock on a
		// nameless file keeps nobody out.
		held, err1 := file.Stat()
		named, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(held, named) {
			return &lockFile{file: file, path: path}, nil
		}
		_ = file.Close()
	}
}

func waitLock(ctx context.Context, path string) (*lockFile, error) {
	for {
		l, err := tryLock(path)
		if l != nil || err != nil {
			return l, err
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func (l *lockFile) release() {
	_ = os.Remove(l.path)
	_ = l.file.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
