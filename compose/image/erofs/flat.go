package erofs

import (
	"encoding/binary"
	"io"

	"github.com/fedora-respin/respin/compose/image/vfs"
)

// run is a stretch of a file that stands in the image as it is.
type run struct {
	end int64 // in the file; it starts where the one before ends
	at  int64 // in the image; -1 for zeros
}

// flat is a file in one piece, or in two when its tail stands behind the inode.
func (m *image) flat(n inode) (io.ReaderAt, error) {
	at := int64(n.union) << m.bits
	f := &runs{m: m, size: n.Size}
	body := n.Size
	if n.layout == layoutInline && n.Size > 0 {
		body = (n.Size - 1) >> m.bits << m.bits
	}
	if body > 0 {
		f.list = append(f.list, run{body, at})
	}
	if body < n.Size {
		f.list = append(f.list, run{n.Size, n.end})
	}
	return f, nil
}

// chunks is a file in pieces of one size, some of which may be missing.
func (m *image) chunks(n inode) (io.ReaderAt, error) {
	const indexes, wide = 0x20, 0x40
	if n.union&wide != 0 {
		return nil, bad("a file in chunks with 48-bit addresses")
	}
	bits := m.bits + uint(n.union&0x1f)
	size := int64(4)
	if n.union&indexes != 0 {
		size = 8
	}
	count := int64(0)
	if n.Size > 0 {
		count = (n.Size-1)>>bits + 1
	}
	start := (n.end + size - 1) / size * size
	if start > m.src.Size || count > (m.src.Size-start)/size {
		return nil, bad("%d chunks lie outside of the image", count)
	}
	table := make([]byte, count*size)
	if err := m.src.Read(table, start, "chunks"); err != nil {
		return nil, err
	}
	f := &runs{m: m, size: n.Size}
	for i := range count {
		r := run{min((i+1)<<bits, n.Size), -1}
		if block := binary.LittleEndian.Uint32(table[i*size+size-4:]); block != 0xffffffff {
			r.at = int64(block) << m.bits
		}
		f.list = append(f.list, r)
	}
	return f, nil
}

// runs reads a file that is not compressed.
type runs struct {
	m    *image
	size int64
	list []run
}

// ReadAt is that of io.ReaderAt.
func (f *runs) ReadAt(p []byte, off int64) (int, error) {
	return vfs.ReadPieces(p, off, f.size, func(p []byte, off int64) (int, error) {
		i, _ := search(len(f.list), func(i int) bool { return f.list[i].end > off })
		if i == len(f.list) {
			return 0, bad("a file that ends before its size")
		}
		start := int64(0)
		if i > 0 {
			start = f.list[i-1].end
		}
		n := int(min(int64(len(p)), f.list[i].end-off))
		if f.list[i].at < 0 {
			clear(p[:n])
			return n, nil
		}
		return n, f.m.src.Read(p[:n], f.list[i].at+off-start, "file")
	})
}

// search returns the first index for which ok holds, n without any.
func search(n int, ok func(int) bool) (int, bool) {
	lo, hi := 0, n
	for lo < hi {
		if mid := (lo + hi) / 2; ok(mid) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo, lo < n
}
