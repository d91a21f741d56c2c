package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/limitio"
)

// fileID changes when a file is written to.
type fileID struct {
	size  int64
	mtime time.Time
}

func hexSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func (f *Fetcher) casPath(sum string) string {
	return filepath.Join(f.dir, "cas", "sha256", sum[:2], sum)
}

func (f *Fetcher) keyPath(key string) string {
	sum := hexSum(key)
	return filepath.Join(f.dir, "keys", sum[:2], sum+".json")
}

// keyRecord says which file a Key stands for.
type keyRecord struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"`
}

// readKey returns the digest that key stands for, "" when not known.
func (f *Fetcher) readKey(key string) string {
	rec, err := readKeyRecord(f.keyPath(key))
	if err != nil || rec.Key != key {
		return ""
	}
	return rec.SHA256
}

func readKeyRecord(path string) (rec keyRecord, err error) {
	file, err := os.Open(path)
	if err != nil {
		return rec, err
	}
	defer file.Close() //nolint:errcheck // only read
	if err := json.NewDecoder(limitio.Reader(file, 64<<10, "key record")).Decode(&rec); err != nil {
		return rec, fmt.Errorf("read key record: %w", err)
	}
	if !isHex256(rec.SHA256) {
		return rec, fmt.Errorf("read key record: %q is no SHA-256 in hex", rec.SHA256)
	}
	return rec, nil
}

func (f *Fetcher) writeKey(key, sum string) error {
	path := f.keyPath(key)
	data, err := json.Marshal(keyRecord{Key: key, SHA256: sum})
	if err != nil {
		return fmt.Errorf("encode key record: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write key record: %w", err)
	}
	return writeNote(path, data)
}

// digest is what w.SHA256 or the key of an earlier Get says, "" when neither.
func (f *Fetcher) digest(w *Want) string {
	if w.SHA256 == "" && w.Key != "" {
		return f.readKey(w.Key)
	}
	return strings.ToLower(w.SHA256)
}

// cached returns the path of the wanted file, "" when it has to be fetched. A
// file whose bytes no longer have their digest is removed.
func (f *Fetcher) cached(ctx context.Context, w Want) (string, int64, error) {
	sum := f.digest(&w)
	if sum == "" {
		return "", 0, nil
	}
	// Marked before it is read, so that it is not removed meanwhile.
	if there, err := f.use(ctx, sum, nil); !there || err != nil {
		return "", 0, err
	}
	path := f.casPath(sum)
	size, ok, judged, err := f.intact(ctx, &w, path, sum)
	if !ok || err != nil {
		return "", 0, err
	}
	if w.Size > 0 && size != w.Size {
		judged = &MismatchError{URL: w.name(), What: "size", Want: fmt.Sprint(w.Size), Got: fmt.Sprint(size)}
	}
	switch {
	case judged == nil:
		return path, size, nil
	case w.SHA256 != "":
		// The bytes are those asked for; fetching them again would not help.
		return "", 0, judged
	}
	f.log.Warn("cached file does not fit its key any more, fetching it again", "key", w.Key, "error", judged)
	return "", 0, nil
}

// intact reports whether the cache file at path has its digest, and what the
// Judge says of it. Each file is read once per process and key, and again only
// when it changed.
func (f *Fetcher) intact(ctx context.Context, w *Want, path, sum string) (size int64, ok bool, judged, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil, nil
	}
	if err != nil {
		return 0, false, nil, fmt.Errorf("look up cached file: %w", err)
	}
	id := fileID{size: info.Size(), mtime: info.ModTime()}
	f.mu.Lock()
	known := f.hashed[sum] == id
	f.mu.Unlock()
	if known {
		err := f.judgeFile(ctx, w, path, sum)
		if _, against := errors.AsType[*CheckError](err); against {
			return id.size, true, err, nil
		}
		return id.size, err == nil, nil, err
	}
	if info.Mode().IsRegular() {
		ok, judged, err = f.examine(ctx, w, path, sum)
		if err != nil {
			return 0, false, nil, err
		}
	}
	if !ok {
		f.log.Warn("removing damaged file from the cache", "path", path)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, false, nil, fmt.Errorf("remove damaged file: %w", err)
		}
		return 0, false, nil, nil
	}
	f.mu.Lock()
	f.hashed[sum] = id
	f.mu.Unlock()
	return id.size, true, judged, nil
}

// ctxReader ends with the context.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // a reader has no other way to be called off
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// store gives the complete, verified part its name.
func (f *Fetcher) store(w Want, p *part, sum string) (string, error) {
	path := f.casPath(sum)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("store %s: %w", w.name(), err)
	}
	size := p.size
	if err := p.commit(path); err != nil {
		return "", fmt.Errorf("store %s: %w", w.name(), f.diskError(err, 0))
	}
	f.settle(p, size)
	f.pass(sum, &w)
	if info, err := os.Lstat(path); err == nil {
		f.mu.Lock()
		f.hashed[sum] = fileID{size: info.Size(), mtime: info.ModTime()}
		f.mu.Unlock()
	}
	if w.Key != "" && w.SHA256 == "" {
		if err := f.writeKey(w.Key, sum); err != nil {
			return "", fmt.Errorf("store %s: %w", w.name(), f.diskError(err, 0))
		}
	}
	return path, nil
}

// sweep removes what killed processes left: unfinished bytes that nobody works
// on and that are too old for a resume, and temporary names.
func (f *Fetcher) sweep(now time.Time) error {
	entries, err := os.ReadDir(filepath.Join(f.dir, "part"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) <= f.opt.PartAge {
			continue // gone meanwhile, or young
		}
		path := filepath.Join(f.dir, "part", e.Name())
		stem := strings.TrimSuffix(path, filepath.Ext(path))
		if filepath.Ext(path) != ".part" {
			if _, err := os.Lstat(stem + ".part"); errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(e.Name(), atomicfile.TempPrefix) {
				_ = os.Remove(path)
			}
			continue
		}
		lock, err := tryLock(path)
		if err != nil {
			return err
		}
		if lock != nil { // else its owner lives
			_ = os.Remove(stem + ".json")
			lock.release()
		}
	}
	if err := f.sweepTemps(now); err != nil {
		return err
	}
	return f.sweepDocuments(now)
}

func (f *Fetcher) sweepTemps(now time.Time) error {
	for _, dir := range []string{"part", "keys/*", "docs"} {
		temps, err := filepath.Glob(filepath.Join(f.dir, dir, atomicfile.TempPrefix+"*"))
		if err != nil {
			return err
		}
		for _, path := range temps {
			if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()) > f.opt.PartAge {
				_ = os.Remove(path)
			}
		}
	}
	return nil
}
