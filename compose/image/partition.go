package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/fedora-respin/respin/compose/image/vfs"
)

const (
	diskSector    = 512
	maxPartitions = 128
	gptProtective = 0xEE
)

// partition is a stretch of a disk.
type partition struct {
	number       int // from 1, as Linux counts
	offset, size int64
}

// partitions reads the GPT of a disk, or its MBR when there is no GPT (UEFI
// 2.10, section 5). Logical partitions are not read. None is no error: most
// files are no disks.
func partitions(r io.ReaderAt, size int64) []partition {
	var mbr [diskSector]byte
	if n, _ := r.ReadAt(mbr[:], 0); n < len(mbr) || mbr[510] != 0x55 || mbr[511] != 0xAA {
		return nil
	}
	var list []partition
	for i := range 4 {
		e := mbr[446+16*i:]
		if e[4] == gptProtective {
			return gpt(r, size)
		}
		start, count := int64(binary.LittleEndian.Uint32(e[8:])), int64(binary.LittleEndian.Uint32(e[12:]))
		list = add(list, size, i+1, start, count)
	}
	return list
}

func gpt(r io.ReaderAt, size int64) (list []partition) {
	var head [92]byte
	if n, _ := r.ReadAt(head[:], diskSector); n < len(head) || string(head[:8]) != "EFI PART" {
		return nil
	}
	le := binary.LittleEndian
	table, count, width := le.Uint64(head[72:]), le.Uint32(head[80:]), int64(le.Uint32(head[84:]))
	if table > uint64(size)/diskSector || width < 128 || width > diskSector {
		return nil
	}
	for i := range int64(min(count, maxPartitions)) {
		var e [48]byte
		if n, _ := r.ReadAt(e[:], int64(table)*diskSector+i*width); n < len(e) {
			return list
		}
		first, last := le.Uint64(e[32:]), le.Uint64(e[40:])
		if string(e[:16]) == string(make([]byte, 16)) || last < first || last >= uint64(size)/diskSector {
			continue
		}
		list = add(list, size, int(i)+1, int64(first), int64(last-first)+1)
	}
	return list
}

// add appends a partition that lies inside of the disk.
func add(list []partition, size int64, number int, start, count int64) []partition {
	if start < 1 || count < 1 || start+count > size/diskSector {
		return list
	}
	return append(list, partition{number, start * diskSector, count * diskSector})
}

// disk opens the partitions of a disk. Where none is read it says why the last
// one is not, or returns unknown.
func (m *Image) disk(r io.ReaderAt, parts []partition, unknown error) error {
	for _, p := range parts {
		name := fmt.Sprintf("partition %d", p.number)
		l, notes, err := detect(io.NewSectionReader(r, p.offset, p.size), p.size, name)
		if err != nil {
			if m.noteUnless(name, err) {
				unknown = err
			}
			continue
		}
		l.Path = name
		m.Notes = append(m.Notes, notes...)
		m.add(l, 0)
	}
	if len(m.Layers) > 0 {
		return nil
	}
	return fmt.Errorf("open image: %w", unknown)
}

// noteUnless notes a partition that was not read, unless no system is there
// anyway: firmware's and boot loaders' own.
func (m *Image) noteUnless(name string, err error) (noted bool) {
	if no, ok := errors.AsType[*vfs.UnsupportedError](err); ok && no.System == "fat" {
		return false
	}
	if _, ok := errors.AsType[*UnknownError](err); ok {
		return false // a BIOS boot partition, swap, nothing yet
	}
	m.note("", name, err)
	return true
}

// refused names a format that is known and not read; nil for any other.
func refused(r io.ReaderAt) error {
	for _, f := range []struct {
		at     int64
		magic  string
		system string
	}{
		{0, "XFSB", "xfs"},
		{0x10040, "_BHRfS_M", "btrfs"},
		{0, "QFI\xfb", "qcow2"},
		{0, "\xfd7zXZ\x00", "xz"},
		{0, "\x28\xb5\x2f\xfd", "zstd"},
		{0, "\x1f\x8b", "gzip"},
		{82, "FAT32   ", "fat"},
		{54, "FAT16   ", "fat"},
		{54, "FAT12   ", "fat"},
		{257, "ustar", "tar"},
		{512, "LABELONE", "lvm"},
		{0, "LUKS\xba\xbe", "luks"},
	} {
		b := make([]byte, len(f.magic))
		if n, _ := r.ReadAt(b, f.at); n == len(b) && string(b) == f.magic {
			return &vfs.UnsupportedError{System: f.system, Feature: "the format"}
		}
	}
	return nil
}
