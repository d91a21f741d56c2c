package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
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

	hash   hash.Hash
	behind bool // the bytes of an earlier process are not in hash yet
}

// partMeta is where the bytes came from, to ask for the rest of the same file.
type partMeta struct {
	Origin    string `json:"origin"`    // SHA-256 of the URL, which may hold a password
	Validator string `json:"validator"` // strong ETag or Last-Modified, for If-Range
}

// openPart opens or creates the part file of id, waiting for its lock.
func (f *Fetcher) openPart(ctx context.Context, id string) (*part, error) {
	base := filepath.Join(f.dir, "part", hexSum(id))
	lock, err := waitLock(ctx, base+".lock")
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(base+".part", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		lock.release()
		return nil, fmt.Errorf("open part file: %w", err)
	}
	p := &part{file: file, path: base, lock: lock, hash: sha256.New()}
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
	return atomicfile.Write(p.path+".json", data, 0o644)
}

// reset drops all bytes.
func (p *part) reset() error {
	p.size, p.behind, p.meta = 0, false, partMeta{}
	p.hash.Reset()
	_ = os.Remove(p.path + ".json")
	_, err := p.file.Seek(0, io.SeekStart)
	if err = errors.Join(err, p.file.Truncate(0)); err != nil {
		return fmt.Errorf("empty part file: %w", err)
	}
	return nil
}

// catchUp brings bytes of an earlier process into the digest.
func (p *part) catchUp(ctx context.Context) error {
	if !p.behind {
		return nil
	}
	p.hash.Reset()
	src := ctxReader{ctx, io.NewSectionReader(p.file, 0, p.size)}
	if _, err := io.CopyBuffer(p.hash, src, make([]byte, 256<<10)); err != nil {
		return fmt.Errorf("read part file: %w", err)
	}
	p.behind = false
	return nil
}

func (p *part) Write(b []byte) (int, error) {
	n, err := p.file.WriteAt(b, p.size)
	p.size += int64(n)
	p.hash.Write(b[:n])
	return n, err
}

func (p *part) sum() string { return hex.EncodeToString(p.hash.Sum(nil)) }

// commit syncs the bytes and gives them their final name.
func (p *part) commit(path string) error {
	if err := errors.Join(p.file.Chmod(0o444), p.file.Sync()); err != nil {
		return err
	}
	if err := os.Rename(p.path+".part", path); err != nil {
		return err
	}
	_ = os.Remove(p.path + ".json")
	return atomicfile.SyncDir(filepath.Dir(path))
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
