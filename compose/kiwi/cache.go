package kiwi

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// maxCaches bounds the cache directories of one release.
const maxCaches = 64

// cache is a shared cache directory that no other build uses.
type cache struct {
	dir  string
	lock *os.File
}

// takeCache locks the first free directory below base. The kernel lets go of the
// lock when the file is closed, however this process ends.
func takeCache(base string) (*cache, error) {
	if err := os.MkdirAll(base, 0o755); err != nil {
		return nil, fmt.Errorf("make cache: %w", err)
	}
	for n := range maxCaches {
		dir := filepath.Join(base, strconv.Itoa(n))
		f, err := os.OpenFile(dir+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock cache: %w", err)
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			if err := f.Close(); err != nil {
				return nil, fmt.Errorf("lock cache: %w", err)
			}
			continue
		}
		if err == nil {
			err = os.MkdirAll(dir, 0o755)
		}
		if err != nil {
			return nil, fmt.Errorf("lock cache: %w", errors.Join(err, f.Close()))
		}
		return &cache{dir: dir, lock: f}, nil
	}
	return nil, fmt.Errorf("lock cache: %d builds have one each already", maxCaches)
}

func (c *cache) release() { _ = c.lock.Close() }
