package iso

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// createDirect makes a new file, which must not exist, for O_DIRECT where the
// file system knows it; tmpfs of older kernels does not.
func createDirect(path string) (*directFile, error) {
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, fmt.Errorf("make image: %w", err)
	}
	d := &directFile{File: f}
	d.direct = setFlags(f, func(flags int) int { return flags | unix.O_DIRECT }) == nil
	return d, nil
}

// openDirect opens a file for reading past the page cache.
func openDirect(path string) (*directFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	d := &directFile{File: f}
	d.direct = setFlags(f, func(flags int) int { return flags | unix.O_DIRECT }) == nil
	return d, nil
}

// buffered returns the file for reading and writing through the page cache.
func (f *directFile) buffered() *os.File {
	if f.direct && setFlags(f.File, func(flags int) int { return flags &^ unix.O_DIRECT }) == nil {
		f.direct = false
	}
	return f.File
}

func setFlags(f *os.File, change func(int) int) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err //nolint:wrapcheck // nobody sees it
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		if err == nil {
			_, err = unix.FcntlInt(fd, unix.F_SETFL, change(flags))
		}
		failed = err
	})
	return errors.Join(err, failed)
}

// refusesDirect says whether a write failed for being past the page cache.
func refusesDirect(err error) bool { return errors.Is(err, unix.EINVAL) }

// startWriteback has the kernel begin to write what is in the page cache, so that
// the disk does not wait for the end. It is a hint: errors come with the sync.
func startWriteback(f *os.File, off, n int64) {
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SyncFileRange(int(fd), off, n, unix.SYNC_FILE_RANGE_WRITE) })
	}
}

// arena returns memory for a number of buffers, at addresses that O_DIRECT takes,
// and what gives it back.
func arena(buffers, size int) ([][]byte, func(), error) {
	mem, err := unix.Mmap(-1, 0, buffers*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("allocate buffers: %w", err)
	}
	list := make([][]byte, buffers)
	for i := range list {
		list[i] = mem[i*size : (i+1)*size : (i+1)*size]
	}
	return list, func() { _ = unix.Munmap(mem) }, nil
}
