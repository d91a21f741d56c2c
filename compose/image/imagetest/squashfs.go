// Package imagetest makes small squashfs images in memory, for tests that need
// a system in an image and no tool. It is not part of the product.
//
//	data := imagetest.Squashfs(fstest.MapFS{"etc/os-release": {Data: []byte("ID=fedora\n")}})
//	os.WriteFile("install.img", data, 0o644)
//
// Nothing is compressed. unsquashfs and the kernel read them.
package imagetest

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
)

const (
	blockSize = 131072
	metaSize  = 8192
	superSize = 96
)

type builder struct {
	out    []byte // the superblock's place and the data of files
	inodes []byte
	dirs   []byte
	count  uint32
}

// Squashfs returns an image of the regular files and folders of fsys. An error
// of fsys panics: it is a test's own.
func Squashfs(fsys fs.FS) []byte {
	b := &builder{out: make([]byte, superSize)}
	total, err := countFiles(fsys)
	if err != nil {
		panic(err)
	}
	root, _ := b.dir(fsys, ".", total+1)
	le := binary.LittleEndian
	inodeAt := len(b.out)
	b.out = append(b.out, meta(b.inodes)...)
	dirAt := len(b.out)
	b.out = append(b.out, meta(b.dirs)...)
	ids := len(b.out)
	b.out = append(b.out, meta(make([]byte, 4))...)
	idAt := len(b.out)
	b.out = le.AppendUint64(b.out, uint64(ids))
	s := b.out
	copy(s, "hsqs")
	le.PutUint32(s[4:], b.count)
	le.PutUint32(s[12:], blockSize)
	le.PutUint16(s[20:], 1)
	le.PutUint16(s[22:], 17)
	le.PutUint16(s[24:], 0x0001|0x0002|0x0008|0x0010|0x0200) // nothing compressed, no fragments, no attributes
	le.PutUint16(s[26:], 1)
	le.PutUint16(s[28:], 4)
	le.PutUint64(s[32:], root)
	le.PutUint64(s[40:], uint64(len(s)))
	le.PutUint64(s[48:], uint64(idAt))
	for _, at := range []int{56, 80, 88} {
		le.PutUint64(s[at:], math.MaxUint64)
	}
	le.PutUint64(s[64:], uint64(inodeAt))
	le.PutUint64(s[72:], uint64(dirAt))
	for len(b.out)%4096 != 0 {
		b.out = append(b.out, 0)
	}
	return b.out
}

func countFiles(fsys fs.FS) (n uint32, err error) {
	err = fs.WalkDir(fsys, ".", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !d.Type().IsRegular() {
			return errors.New("imagetest: neither file nor folder")
		}
		n++
		return err
	})
	return n, err
}

// meta cuts a stream into raw metadata blocks.
func meta(b []byte) (out []byte) {
	for len(b) > 0 {
		n := min(len(b), metaSize)
		out = append(binary.LittleEndian.AppendUint16(out, uint16(n)|0x8000), b[:n]...)
		b = b[n:]
	}
	return out
}

// place is where the next byte of a stream will stand: block and offset in it.
func place(b []byte) (block uint32, offset uint16) {
	return uint32(len(b) / metaSize * (metaSize + 2)), uint16(len(b) % metaSize)
}

// inode appends the common part of an inode and returns its reference.
func (b *builder) inode(kind, mode uint16) uint64 {
	block, offset := place(b.inodes)
	b.count++
	le := binary.LittleEndian
	b.inodes = le.AppendUint16(b.inodes, kind)
	b.inodes = le.AppendUint16(b.inodes, mode)
	b.inodes = append(b.inodes, 0, 0, 0, 0, 0, 0, 0, 0) // owner, time
	b.inodes = le.AppendUint32(b.inodes, b.count)
	return uint64(block)<<16 | uint64(offset)
}

type child struct {
	name   string
	ref    uint64
	number uint32
	kind   uint16
}

// dir writes what is in a folder, then the folder itself.
func (b *builder) dir(fsys fs.FS, name string, parent uint32) (ref uint64, number uint32) {
	entries, err := fs.ReadDir(fsys, name)
	if err != nil {
		panic(err)
	}
	var list []child
	for _, e := range entries {
		path := e.Name()
		if name != "." {
			path = name + "/" + path
		}
		c := child{name: e.Name(), kind: 2}
		if e.IsDir() {
			c.kind = 1
			c.ref, c.number = b.dir(fsys, path, parent)
		} else {
			data, err := fs.ReadFile(fsys, path)
			if err != nil {
				panic(err)
			}
			c.ref = b.file(data)
			c.number = b.count
		}
		list = append(list, c)
	}
	start := len(b.dirs)
	block, offset := place(b.dirs)
	le := binary.LittleEndian
	for _, c := range list { // each below a header of its own
		b.dirs = le.AppendUint32(b.dirs, 0)
		b.dirs = le.AppendUint32(b.dirs, uint32(c.ref>>16))
		b.dirs = le.AppendUint32(b.dirs, c.number)
		b.dirs = le.AppendUint16(b.dirs, uint16(c.ref))
		b.dirs = le.AppendUint16(b.dirs, 0)
		b.dirs = le.AppendUint16(b.dirs, c.kind)
		b.dirs = le.AppendUint16(b.dirs, uint16(len(c.name)-1))
		b.dirs = append(b.dirs, c.name...)
	}
	size := len(b.dirs) - start + 3
	ref = b.inode(8, 0o755) // the wide kind: a folder may be large
	number = b.count
	b.inodes = le.AppendUint32(b.inodes, 2)
	b.inodes = le.AppendUint32(b.inodes, uint32(size))
	b.inodes = le.AppendUint32(b.inodes, block)
	b.inodes = le.AppendUint32(b.inodes, parent)
	b.inodes = le.AppendUint16(b.inodes, 0)
	b.inodes = le.AppendUint16(b.inodes, offset)
	b.inodes = le.AppendUint32(b.inodes, math.MaxUint32)
	return ref, number
}

func (b *builder) file(data []byte) uint64 {
	start := len(b.out)
	b.out = append(b.out, data...)
	ref := b.inode(2, 0o644)
	le := binary.LittleEndian
	for _, v := range []uint32{uint32(start), math.MaxUint32, 0, uint32(len(data))} {
		b.inodes = le.AppendUint32(b.inodes, v)
	}
	for len(data) > 0 {
		n := min(len(data), blockSize)
		b.inodes = le.AppendUint32(b.inodes, uint32(n)|1<<24)
		data = data[n:]
	}
	return ref
}
