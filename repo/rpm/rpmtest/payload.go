package rpmtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/fedora-respin/respin/repo/rpm"
)

// archive writes the newc cpio archive of the files; ghosts are not in it.
func archive(files []File, prefix string) []byte {
	var b bytes.Buffer
	for i := range files {
		f := &files[i]
		if f.Flags&rpm.FileGhost != 0 {
			continue
		}
		cpioEntry(&b, i+1, prefix+f.Path, f.Mode, f.MTime, f.content())
	}
	cpioEntry(&b, 0, "TRAILER!!!", 0, 0, nil)
	return b.Bytes()
}

func cpioEntry(b *bytes.Buffer, inode int, name string, mode uint16, mtime uint32, data []byte) {
	nlink := 1
	if mode&0o170000 == 0o040000 {
		nlink = 2
	}
	fmt.Fprintf(b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		inode, mode, 0, 0, nlink, mtime, len(data), 0, 1, 0, 0, len(name)+1, 0, name)
	pad4(b)
	b.Write(data)
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
