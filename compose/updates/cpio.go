package updates

import (
	"fmt"
	"io"
)

// The newc form of cpio, as the kernel documents it
// (Documentation/driver-api/early-userspace/buffer-format.rst): a magic, thirteen
// numbers of eight hexadecimal digits, the name with a NUL, the data, each padded
// to a multiple of four bytes.
const (
	headerSize = 110
	magicNewc  = "070701"
	magicCRC   = "070702"
	trailer    = "TRAILER!!!"
	blockSize  = 512
)

// writer writes a newc archive.
type writer struct {
	w   io.Writer
	n   int64
	ino uint32
}

func (w *writer) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.n += int64(n)
	return n, err //nolint:wrapcheck // said where it is called
}

// inode hands out the next number.
func (w *writer) inode() uint32 {
	w.ino++
	return w.ino
}

// entry writes the header of n with the data's size; the data follow by Write,
// and then pad.
func (w *writer) entry(n *node, ino uint32, links int, size int64) error {
	return w.header(n.name, ino, n.mode, n.uid, n.gid, links, n.mtime, size)
}

func (w *writer) header(name string, ino, mode, uid, gid uint32, links int, mtime uint32, size int64) error {
	_, err := fmt.Fprintf(w, "%s%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		magicNewc, ino, mode, uid, gid, links, mtime, size, 0, 0, 0, 0, len(name)+1, 0, name)
	if err != nil {
		return fmt.Errorf("write updates image: %w", err)
	}
	return w.pad(4)
}

func (w *writer) pad(size int64) error {
	var zeros [blockSize]byte
	if n := (size - w.n%size) % size; n > 0 {
		if _, err := w.Write(zeros[:n]); err != nil {
			return fmt.Errorf("write updates image: %w", err)
		}
	}
	return nil
}

// close writes the trailer and fills up the last block, as cpio does.
func (w *writer) close() error {
	if err := w.header(trailer, 0, 0, 0, 0, 1, 0, 0); err != nil {
		return err
	}
	return w.pad(blockSize)
}
