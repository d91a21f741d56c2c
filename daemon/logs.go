package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// logFiles are the logs that users follow, one file a compose. The record says
// how many bytes are good, so what a kill left behind is overwritten.
type logFiles struct {
	dir string
	mu  sync.Mutex
}

func (l *logFiles) path(id string) string { return filepath.Join(l.dir, id+".log") }

// append writes text at offset size of the log of id, cutting what lies beyond.
func (l *logFiles) append(id string, size int64, text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.OpenFile(l.path(id), os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	if st, statErr := f.Stat(); statErr == nil && st.Size() > size {
		err = f.Truncate(size)
	}
	if err == nil {
		_, err = f.WriteAt([]byte(text), size)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	return nil
}

// open returns the log of id for reading; an empty one when there is none yet.
func (l *logFiles) open(id string) (*os.File, error) {
	f, err := os.Open(l.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(os.DevNull)
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

// readFrom returns at most limit bytes of the log of id from offset, up to size.
func (l *logFiles) readFrom(id string, offset, size int64, limit int) (string, error) {
	n := min(size-offset, int64(limit))
	if n <= 0 {
		return "", nil
	}
	f, err := os.Open(l.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("open log: %w", err)
	}
	defer func() { _ = f.Close() }()
	buf := make([]byte, n)
	got, err := f.ReadAt(buf, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read log: %w", err)
	}
	return string(buf[:got]), nil
}
