package diagnose

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"
)

// maxDepth is how deep a folder of logs is looked through.
const maxDepth = 8

// windowBytes bounds what a compressed log may make its reader remember.
const windowBytes = 64 << 20

// Stdin is the path that stands for standard input.
const Stdin = "-"

// ReadFiles reads the logs of one run: files, folders of them, or Stdin, which
// is read from in. Logs that are compressed with gzip, xz, zstd or bzip2 are
// recognized by their content. Of a folder those files are read, in the order of
// their names, that are called as logs are (LooksLikeLog); links are not
// followed. Evidence names a file by the path it was reached by. The errors are those of Read, the file system's for a path that
// cannot be read, and a *NoLogsError.
func (c *Classifier) ReadFiles(ctx context.Context, paths []string, in io.Reader, facts Facts) (*Verdict, error) {
	var logs []Log
	var opened []*lazyLog
	defer func() {
		for _, l := range opened {
			l.close()
		}
	}()
	add := func(name string, open func() (io.ReadCloser, error)) error {
		if len(logs) >= c.maxLogs {
			return &TooManyError{len(logs) + 1, c.maxLogs}
		}
		l := &lazyLog{open: open}
		opened = append(opened, l)
		logs = append(logs, Log{Name: name, Reader: l})
		return nil
	}
	for _, p := range paths {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read logs: %w", err)
		}
		if p == Stdin {
			if err := add("stdin", func() (io.ReadCloser, error) { return io.NopCloser(in), nil }); err != nil {
				return nil, err
			}
			continue
		}
		if err := addPath(ctx, p, add); err != nil {
			return nil, err
		}
	}
	return c.Read(ctx, logs, facts)
}

// addPath adds a file, or the logs of a folder.
func addPath(ctx context.Context, p string, add func(string, func() (io.ReadCloser, error)) error) error {
	info, err := os.Stat(p)
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	if !info.IsDir() {
		return add(p, func() (io.ReadCloser, error) { return os.Open(p) })
	}
	root, err := os.OpenRoot(p)
	if err != nil {
		return fmt.Errorf("read folder of logs: %w", err)
	}
	defer func() { _ = root.Close() }()
	names, err := logsBelow(ctx, root.FS())
	if err != nil {
		return fmt.Errorf("read folder of logs: %w", err)
	}
	if len(names) == 0 {
		return &NoLogsError{p}
	}
	for _, name := range names {
		full := filepath.Join(p, filepath.FromSlash(name))
		if err := add(full, func() (io.ReadCloser, error) { return os.Open(full) }); err != nil {
			return err
		}
	}
	return nil
}

// NoLogsError says that a folder has no file that is called as logs are.
type NoLogsError struct{ Dir string }

// Error names the folder.
func (e *NoLogsError) Error() string { return "no logs in " + e.Dir }

// logsBelow lists the logs of a folder, in the order of their paths.
func logsBelow(ctx context.Context, dir fs.FS) ([]string, error) {
	var names []string
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && name == ".":
			return err
		case err != nil: // a folder below that may not be read hides its logs only
			return fs.SkipDir
		case d.IsDir() && strings.Count(name, "/") >= maxDepth:
			return fs.SkipDir
		case d.Type().IsRegular() && LooksLikeLog(name):
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// LooksLikeLog says whether a file is called as logs are: with log, dmesg,
// stdout, stderr or anaconda-tb in its name, or ending in .txt, .out or .err,
// before the ending of a compression or the number of a rotation.
func LooksLikeLog(name string) bool {
	name = strings.ToLower(path.Base(name))
	for _, end := range []string{".gz", ".xz", ".zst", ".bz2"} {
		name = strings.TrimSuffix(name, end)
	}
	name = strings.TrimRight(name, "0123456789")
	name = strings.TrimSuffix(name, ".")
	switch path.Ext(name) {
	case ".txt", ".out", ".err", ".log":
		return true
	case ".iso", ".img", ".rpm", ".qcow2", ".raw", ".json", ".xml", ".conf", ".cfg", ".ks", ".py", ".go", ".tmpl", ".html", ".png", ".tar":
		return false
	}
	return slices.ContainsFunc([]string{"log", "dmesg", "stdout", "stderr", "anaconda-tb"}, func(w string) bool { return strings.Contains(name, w) })
}

// lazyLog opens a log when it is first read, and closes it at its end, so that a
// folder of many costs one descriptor at a time.
type lazyLog struct {
	open func() (io.ReadCloser, error)
	file io.Closer
	in   io.Reader
	err  error
}

func (l *lazyLog) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.in == nil {
		file, err := l.open()
		if err != nil {
			l.err = err
			return 0, err
		}
		l.file = file
		if l.in, l.err = plain(file); l.err != nil {
			l.close()
			return 0, l.err
		}
	}
	n, err := l.in.Read(p)
	if err != nil {
		l.err = err
		l.close()
	}
	return n, err //nolint:wrapcheck // io.Reader: io.EOF as it is
}

func (l *lazyLog) close() {
	if z, ok := l.in.(*zstd.Decoder); ok {
		z.Close()
	}
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
	if l.err == nil {
		l.err = io.EOF
	}
}

// plain undoes the compression that a log begins as.
func plain(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	magic, err := in.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err //nolint:wrapcheck // the path error says all
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		return gzip.NewReader(in)
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		return xz.NewReader(in, windowBytes)
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(windowBytes), zstd.WithDecoderMaxWindow(windowBytes))
	case bytes.HasPrefix(magic, []byte("BZh")):
		return bzip2.NewReader(in), nil
	}
	return in, nil
}
