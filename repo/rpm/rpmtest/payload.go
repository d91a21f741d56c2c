package rpmtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/fedora-respin/respin/repo/rpm"
)

// archive writes the cpio archive of the files, stripped or newc. Ghosts are
// not in it, and hard links stand at its end, the data with the last of a set,
// as rpm writes them (iterWriteArchiveNextFile in lib/rpmfi.c).
func archive(files []File, prefix string, stripped bool) []byte {
	var b bytes.Buffer
	entry := func(i int, data []byte) {
		if stripped {
			fmt.Fprintf(&b, "07070X%08x", i)
			pad4(&b)
		} else {
			newcHeader(&b, prefix+files[i].Path, &files[i], len(data))
		}
		b.Write(data)
		pad4(&b)
	}
	sets := map[int][]int{}
	var order []int // of the sets
	for i := range files {
		f := &files[i]
		switch {
		case f.Flags&rpm.FileGhost != 0:
		case f.links > 1:
			if sets[f.inode] == nil {
				order = append(order, f.inode)
			}
			sets[f.inode] = append(sets[f.inode], i)
		default:
			entry(i, f.content())
		}
	}
	for _, inode := range order {
		set := sets[inode]
		for _, i := range set[:len(set)-1] {
			entry(i, nil)
		}
		last := set[len(set)-1]
		entry(last, files[last].content())
	}
	newcHeader(&b, "TRAILER!!!", &File{links: 1}, 0)
	return b.Bytes()
}

func newcHeader(b *bytes.Buffer, name string, f *File, size int) {
	nlink := f.links
	if f.Mode&0o170000 == 0o040000 {
		nlink = 2
	}
	fmt.Fprintf(b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		f.inode, f.Mode, 0, 0, nlink, f.MTime, size, 0, 1, f.Rdev>>8, f.Rdev&0xff, len(name)+1, 0, name)
	pad4(b)
}

func pad4(b *bytes.Buffer) {
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
}

// compress packs an archive; flags is the text of PAYLOADFLAGS.
func compress(name string, data []byte) (packed []byte, flags string, err error) {
	var b bytes.Buffer
	var w io.WriteCloser
	switch name {
	case "gzip":
		flags = "9"
		w, err = gzip.NewWriterLevel(&b, gzip.BestCompression)
	case "zstd":
		flags = "3"
		// One goroutine: the result must not depend on the number of cores.
		w, err = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	case "xz":
		flags = "2"
		w, err = xz.NewWriter(&b)
	case "lzma":
		flags = "5"
		w, err = lzma.WriterConfig{DictCap: 1 << 20}.NewWriter(&b)
	case "none":
		return data, "", nil
	default:
		return nil, "", fmt.Errorf("compress payload: unknown compressor %q", name)
	}
	if err != nil {
		return nil, "", fmt.Errorf("compress payload: %w", err)
	}
	if _, err = w.Write(data); err != nil {
		return nil, "", fmt.Errorf("compress payload: %w", err)
	}
	if err = w.Close(); err != nil {
		return nil, "", fmt.Errorf("compress payload: %w", err)
	}
	return b.Bytes(), flags, nil
}
