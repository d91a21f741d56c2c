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

// part is the unfinished bytes of one file, owned by whoever holds its lock.
type part struct {
	file *os.File
	path string // without extension
	lock *lockFile
	size int64
	meta partMeta

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
	lock, err := waitLock(ctx, base+".lock")
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(base+".part", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		lock.release()
		return nil, fmt.Errorf("open part file: %w", err)
	}
	p := &part{file: file, path: base, lock: lock, want: w, seen: newWitness(w)}
	if p.size, err = file.Seek(0, io.SeekEnd); err != nil {
		p.close()
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
	// Unreadable means unknown origin, which only costs the resume.
	_ = json.NewDecoder(limitio.Reader(file, 64<<10, "part record")).Decode(&p.meta)
}

func (p *part) setMeta(m partMeta) error {
	p.meta = m
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode part record: %w", err)
	}
	return writeNote(p.path+".json", data)
}

// reset drops all bytes.
func (p *part) reset() error {
	p.size, p.behind, p.meta, p.seen = 0, false, partMeta{}, newWitness(p.want)
	_ = os.Remove(p.path + ".json")
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
	_ = os.Remove(p.path + ".json")
	return nil
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
func (p *part) close() {
	if p.size == 0 {
		_ = os.Remove(p.path + ".part")
		_ = os.Remove(p.path + ".json")
	}
	_ = p.file.Close()
	p.lock.release()
}

// lockFile is an advisory lock that dies with its process (flock(2)).
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
