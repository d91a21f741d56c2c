package iso

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Platforms of El Torito entries.
const (
	PlatformX86 = 0x00
	PlatformPPC = 0x01
	PlatformMac = 0x02
	PlatformEFI = 0xEF
)

// Partition types that matter to firmware.
const (
	// TypeESP is the GPT type of an EFI system partition.
	TypeESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	// mbrESP is its MBR type.
	mbrESP = 0xEF
	// mbrCHRP marks a whole image that Open Firmware boots (xorriso's -chrp-boot).
	mbrCHRP = 0x96
	// mbrProtective marks an MBR whose partitions are in the GPT.
	mbrProtective = 0xEE
)

const (
	maxBootEntries   = 63  // what fits into one sector
	maxGPTEntries    = 256 // usual: 128; xorriso writes fewer
	diskSectorSize   = 512
	bootCodeSize     = 440
	partitionTableAt = 446
)

// BootEntry is one image of the El Torito catalog.
type BootEntry struct {
	Platform byte
	Bootable bool
	Offset   int64 // of the image, bytes
	Size     int64 // what the firmware loads, bytes; 0 and small values are usual
}

// Partition is one partition of the GPT, or of the MBR when there is no GPT.
type Partition struct {
	Number int    // from 1
	Type   string // GUID in upper case, or "0xEF" for an MBR type
	Offset int64  // bytes
	Size   int64  // bytes
}

// CHRP tells whether the image is marked for Open Firmware, which reads the boot
// loader's name from /ppc/bootinfo.txt.
func (i *Info) CHRP() bool {
	return slices.ContainsFunc(i.Partitions, func(p Partition) bool { return p.Type == fmt.Sprintf("0x%02X", mbrCHRP) })
}

// Bootable tells whether the image says of any way to boot it as a CD: an entry
// of El Torito for BIOS, UEFI or z, or the mark for Open Firmware.
func (i *Info) Bootable() bool {
	return i.CHRP() || slices.ContainsFunc(i.Boot, func(b BootEntry) bool { return b.Bootable })
}

// ESP returns the EFI system partition, or nil.
func (i *Info) ESP() *Partition {
	for k := range i.Partitions {
		if p := &i.Partitions[k]; p.Type == TypeESP || p.Type == fmt.Sprintf("0x%02X", mbrESP) {
			return p
		}
	}
	return nil
}

func (m *Image) bootEntries() ([]BootEntry, error) {
	if m.boot == 0 {
		return nil, nil
	}
	var cat [SectorSize]byte
	if (m.boot+1)*SectorSize > m.size {
		return nil, m.bad("its boot catalog is past the end")
	}
	if _, err := m.r.ReadAt(cat[:], m.boot*SectorSize); err != nil {
		return nil, fmt.Errorf("read boot catalog of %s: %w", m.path, err)
	}
	if cat[0] != 1 || cat[30] != 0x55 || cat[31] != 0xAA {
		return nil, m.bad("its boot catalog has no validation entry")
	}
	platform, left := cat[1], 1
	var list []BootEntry
	for i := 1; i <= maxBootEntries; i++ {
		e := cat[i*32 : i*32+32]
		switch {
		case left > 0:
			left--
			list = append(list, BootEntry{
				Platform: platform, Bootable: e[0] == 0x88,
				Size:   int64(binary.LittleEndian.Uint16(e[6:])) * diskSectorSize,
				Offset: int64(binary.LittleEndian.Uint32(e[8:])) * SectorSize,
			})
		case e[0] == 0x90 || e[0] == 0x91:
			platform, left = e[1], int(binary.LittleEndian.Uint16(e[2:]))
		case e[0] != 0x44: // 0x44 extends the entry before
			return list, nil
		}
	}
	return list, nil
}

func (m *Image) readPartitions(info *Info) error {
	var head [2 * diskSectorSize]byte
	if _, err := m.r.ReadAt(head[:], 0); err != nil {
		return fmt.Errorf("read system area of %s: %w", m.path, err)
	}
	mbr, gpt := head[:diskSectorSize], head[diskSectorSize:]
	if mbr[510] != 0x55 || mbr[511] != 0xAA {
		return nil
	}
	for _, b := range mbr[:bootCodeSize] {
		info.BIOSDisk = info.BIOSDisk || b != 0
	}
	if string(gpt[:8]) == "EFI PART" {
		if err := m.readGPT(gpt, info); err != nil {
			return err
		}
	}
	if len(info.Partitions) == 0 {
		m.readMBR(mbr, info)
	}
	info.UEFIDisk = info.ESP() != nil
	return nil
}

func (m *Image) readMBR(mbr []byte, info *Info) {
	for i := range 4 {
		e := mbr[partitionTableAt+i*16:][:16]
		p := Partition{
			Number: i + 1, Type: fmt.Sprintf("0x%02X", e[4]),
			Offset: int64(binary.LittleEndian.Uint32(e[8:])) * diskSectorSize,
			Size:   int64(binary.LittleEndian.Uint32(e[12:])) * diskSectorSize,
		}
		if e[4] != 0 && e[4] != mbrProtective && p.Size > 0 && p.Offset+p.Size <= m.size {
			info.Partitions = append(info.Partitions, p)
		}
	}
}

// readGPT takes the entries that lie inside the file. A table that cannot be
// right is ignored, as firmware does.
func (m *Image) readGPT(head []byte, info *Info) error {
	at := binary.LittleEndian.Uint64(head[72:])
	count := binary.LittleEndian.Uint32(head[80:])
	size := binary.LittleEndian.Uint32(head[84:])
	if count > maxGPTEntries || size != 128 || at > uint64(m.size)/diskSectorSize {
		return nil
	}
	table := make([]byte, count*size)
	if _, err := m.r.ReadAt(table, int64(at)*diskSectorSize); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return fmt.Errorf("read partition table of %s: %w", m.path, err)
	}
	for i := range int(count) {
		e := table[i*128:][:128]
		first, last := binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:])
		if [16]byte(e) == [16]byte{} || last < first || last >= uint64(m.size)/diskSectorSize {
			continue
		}
		info.Partitions = append(info.Partitions, Partition{
			Number: i + 1, Type: guid(e),
			Offset: int64(first) * diskSectorSize, Size: int64(last-first+1) * diskSectorSize,
		})
	}
	return nil
}

// guid prints a GUID, whose first three fields are little-endian.
func guid(b []byte) string {
	return fmt.Sprintf("%08X-%04X-%04X-%X-%X", binary.LittleEndian.Uint32(b),
		binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:16])
}
