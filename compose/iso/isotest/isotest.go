// Package isotest builds tiny ISO 9660 images in memory, for tests that need an
// image and no tool. They are right in structure and boot nothing.
//
//	data := isotest.Build(isotest.Options{
//		VolumeID: "TEST",
//		Files:    map[string]string{".discinfo": "1.0\n44\nx86_64\n"},
//	})
package isotest

import (
	"encoding/binary"
	"maps"
	"path"
	"slices"
	"strings"
)

const sector = 2048

// Options say what the image holds.
type Options struct {
	VolumeID string
	Files    map[string]string // by path without a leading slash
	Pad      int               // sectors of zeros inside the volume, after the files
	Plain    bool              // no Rock Ridge: upper-case names with ";1"
	BIOS     bool              // an El Torito entry for BIOS, and boot code in the MBR
	UEFI     bool              // an El Torito entry for EFI, and an EFI partition after the volume
}

type node struct {
	name     string
	data     string
	dir      bool
	children []*node
	parent   *node
	sector   int
	size     int
}

type builder struct {
	opts Options
	out  []byte
	root *node
	all  []*node
}

// Build returns the image.
func Build(opts Options) []byte {
	b := &builder{opts: opts, root: &node{dir: true}}
	b.root.parent = b.root
	for _, name := range slices.Sorted(maps.Keys(opts.Files)) {
		b.add(name, opts.Files[name])
	}
	b.layout()
	b.descriptors()
	b.catalog()
	for _, n := range b.all {
		if n.dir {
			copy(b.out[n.sector*sector:], b.dirData(n))
		} else {
			copy(b.out[n.sector*sector:], n.data)
		}
	}
	b.systemArea()
	return b.out
}

// Base returns the image of a Fedora-shaped installation medium for arch.
func Base(volumeID, arch string) []byte {
	grub := "search --no-floppy --set=root -l '" + volumeID + "'\nmenuentry 'Install' {\n" +
		"\tlinux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=" + volumeID + " quiet\n\tinitrd /images/pxeboot/initrd.img\n}\n"
	return Build(Options{VolumeID: volumeID, BIOS: true, UEFI: true, Pad: 64, Files: map[string]string{
		".discinfo":                 "1700000000.000000\n44\n" + arch + "\n",
		".treeinfo":                 "[general]\nfamily = Fedora\nversion = 44\narch = " + arch + "\n",
		"EFI/BOOT/grub.cfg":         grub,
		"boot/grub2/grub.cfg":       grub,
		"images/pxeboot/vmlinuz":    "kernel",
		"images/pxeboot/initrd.img": "initrd",
		"images/install.img":        "stage2",
	}})
}

func (b *builder) add(name, data string) {
	cur := b.root
	parts := strings.Split(path.Clean(name), "/")
	for _, p := range parts[:len(parts)-1] {
		i := slices.IndexFunc(cur.children, func(n *node) bool { return n.name == p })
		if i < 0 {
			cur.children = append(cur.children, &node{name: p, dir: true, parent: cur})
			i = len(cur.children) - 1
		}
		cur = cur.children[i]
	}
	cur.children = append(cur.children, &node{name: parts[len(parts)-1], data: data, parent: cur})
}

const (
	catalogSector = 19
	imageSector   = 20 // of the boot images, which are empty
	firstSector   = 21
)

func (b *builder) layout() {
	next := firstSector
	var visit func(*node)
	visit = func(n *node) {
		b.all = append(b.all, n)
		n.sector, n.size = next, len(n.data)
		if n.dir {
			n.size = sector * 16 // room for some hundred records
		}
		next += (n.size + sector - 1) / sector
		for _, c := range n.children {
			visit(c)
		}
	}
	visit(b.root)
	b.out = make([]byte, (next+b.opts.Pad)*sector)
}

func both32(b []byte, v int) {
	binary.LittleEndian.PutUint32(b, uint32(v))
	binary.BigEndian.PutUint32(b[4:], uint32(v))
}

func both16(b []byte, v int) {
	binary.LittleEndian.PutUint16(b, uint16(v))
	binary.BigEndian.PutUint16(b[2:], uint16(v))
}

func (b *builder) descriptors() {
	pvd := b.out[16*sector : 17*sector]
	copy(pvd, "\x01CD001\x01")
	copy(pvd[8:72], strings.Repeat(" ", 64))
	copy(pvd[190:813], strings.Repeat(" ", 623))
	copy(pvd[883:1395], strings.Repeat(" ", 512))
	copy(pvd[40:], b.opts.VolumeID)
	both32(pvd[80:], len(b.out)/sector)
	both16(pvd[120:], 1)
	both16(pvd[124:], 1)
	both16(pvd[128:], sector)
	copy(pvd[156:190], b.record(b.root, "\x00", nil))
	boot := b.out[17*sector : 18*sector]
	if b.opts.BIOS || b.opts.UEFI {
		copy(boot, "\x00CD001\x01EL TORITO SPECIFICATION")
		binary.LittleEndian.PutUint32(boot[0x47:], catalogSector)
	} else {
		copy(boot, "\xFFCD001\x01")
	}
	copy(b.out[18*sector:], "\xFFCD001\x01")
}

// catalog writes a BIOS default entry (not bootable when only UEFI is wanted)
// and a section with one EFI entry.
func (b *builder) catalog() {
	cat := b.out[catalogSector*sector:]
	cat[0], cat[30], cat[31] = 1, 0x55, 0xAA
	binary.LittleEndian.PutUint32(cat[32+8:], imageSector)
	if b.opts.BIOS {
		cat[32] = 0x88
	}
	if b.opts.UEFI {
		cat[64], cat[65], cat[66] = 0x91, 0xEF, 1
		cat[96] = 0x88
		binary.LittleEndian.PutUint32(cat[96+8:], imageSector)
	}
}

func (b *builder) systemArea() {
	if b.opts.BIOS {
		b.out[0] = 0xEB
	}
	if b.opts.BIOS || b.opts.UEFI {
		b.out[510], b.out[511] = 0x55, 0xAA
	}
	if b.opts.UEFI {
		e := b.out[446+16:]
		e[4] = 0xEF
		binary.LittleEndian.PutUint32(e[8:], uint32(len(b.out)/512))
		binary.LittleEndian.PutUint32(e[12:], 8)
		b.out = append(b.out, make([]byte, 8*512)...)
	}
}

func (b *builder) record(n *node, name string, su []byte) []byte {
	size := 33 + len(name)
	size += size % 2
	rec := make([]byte, size, size+len(su))
	both32(rec[2:], n.sector)
	both32(rec[10:], n.size)
	if n.dir {
		rec[25] = 2
	}
	both16(rec[28:], 1)
	rec[32] = byte(len(name))
	copy(rec[33:], name)
	rec = append(rec, su...)
	rec[0] = byte(len(rec))
	return rec
}

func (b *builder) dirData(n *node) []byte {
	var first []byte
	if n == b.root && !b.opts.Plain {
		first = []byte("SP\x07\x01\xBE\xEF\x00\x00")
	}
	out := b.record(n, "\x00", first)
	out = append(out, b.record(n.parent, "\x01", nil)...)
	for _, c := range n.children {
		name := strings.ToUpper(c.name)
		if !c.dir {
			name += ";1"
		}
		var su []byte
		if !b.opts.Plain {
			su = rockRidge(c)
		}
		rec := b.record(c, name, su)
		if len(out)%sector+len(rec) > sector {
			out = append(out, make([]byte, sector-len(out)%sector)...)
		}
		out = append(out, rec...)
	}
	return out
}

func rockRidge(n *node) []byte {
	mode := 0o100444
	if n.dir {
		mode = 0o040555
	}
	su := make([]byte, 36, 80)
	copy(su, "PX\x24\x01")
	both32(su[4:], mode)
	both32(su[12:], 1)
	su = append(su, "NM"...)
	su = append(su, byte(5+len(n.name)), 1, 0)
	su = append(su, n.name...)
	if len(su)%2 == 1 {
		su = append(su, 0)
	}
	return su
}
