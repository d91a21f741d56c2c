package erofs_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz/lzma"

	"github.com/fedora-respin/respin/compose/image/erofs"
	"github.com/fedora-respin/respin/compose/image/vfs"
)

// What mkfs.erofs of Debian 12 cannot make is made here, by the description of
// the format: Zstandard, DEFLATE, LZMA, and fragments. The interop tests and
// testdata of compose/image have images of mkfs.erofs itself.

const block = 4096

// maker lays out an image: superblock, inodes from block 1, data from block 8.
type maker struct {
	meta, data []byte
	names      []string
	nids       []uint64
	fragments  []byte
}

const dataBlock = 8

// inode appends a compact inode and what follows it, and returns its number.
func (m *maker) inode(mode uint16, layout uint16, size int, union uint32, rest []byte) uint64 {
	for len(m.meta)%32 != 0 {
		m.meta = append(m.meta, 0)
	}
	nid := uint64(len(m.meta) / 32)
	le := binary.LittleEndian
	b := make([]byte, 32)
	le.PutUint16(b, layout<<1)
	le.PutUint16(b[4:], mode)
	le.PutUint16(b[6:], 1)
	le.PutUint32(b[8:], uint32(size))
	le.PutUint32(b[16:], union)
	m.meta = append(append(m.meta, b...), rest...)
	return nid
}

// blocks appends data that ends with its last block, as zero padding has it,
// and returns where it starts and how many blocks there are.
func (m *maker) blocks(data []byte) (at uint32, n int) {
	at = uint32(dataBlock + len(m.data)/block)
	n = (len(data) + block - 1) / block
	m.data = append(append(m.data, make([]byte, n*block-len(data))...), data...)
	return at, n
}

func (m *maker) add(name string, nid uint64) {
	m.names, m.nids = append(m.names, name), append(m.nids, nid)
}

// compressed adds a file of one compressed extent; tail, where not empty, goes
// on in the inode of fragments.
func (m *maker) compressed(name string, alg byte, size int, packed []byte, tail string) {
	le := binary.LittleEndian
	at, n := m.blocks(packed)
	header := make([]byte, 16)
	advise := uint16(0x2) // big clusters
	if tail != "" {
		advise |= 0x20
		le.PutUint32(header, uint32(len(m.fragments)))
		m.fragments = append(m.fragments, tail...)
	}
	le.PutUint16(header[4:], advise)
	header[6] = alg
	total := size + len(tail)
	for i := range (total-1)/block + 1 {
		entry := make([]byte, 8)
		switch {
		case i == 0:
			le.PutUint16(entry, 1)
			le.PutUint32(entry[4:], at)
		case tail != "" && i == size/block:
			le.PutUint16(entry, 0)
			le.PutUint16(entry[2:], uint16(size%block))
		case i == 1:
			le.PutUint16(entry, 2)
			le.PutUint16(entry[4:], 1<<11|uint16(n))
		default:
			le.PutUint16(entry, 2)
			le.PutUint16(entry[4:], uint16(i))
		}
		header = append(header, entry...)
	}
	m.add(name, m.inode(0o100644, 1, total, uint32(n), header))
}

// whole adds a file that is nothing but a fragment.
func (m *maker) whole(name, text string) {
	header := binary.LittleEndian.AppendUint64(nil, uint64(len(m.fragments))|1<<63)
	m.fragments = append(m.fragments, text...)
	m.add(name, m.inode(0o100644, 1, len(text), 0, header))
}

// image finishes the image. All names must be in order.
func (m *maker) image() []byte {
	le := binary.LittleEndian
	at, _ := m.plain(m.fragments)
	packed := m.inode(0o100644, 0, len(m.fragments), at, nil)
	head, names := []byte{}, []byte{}
	for i, name := range m.names {
		rec := make([]byte, 12)
		le.PutUint64(rec, m.nids[i])
		le.PutUint16(rec[8:], uint16(12*len(m.names)+len(names)))
		rec[10] = 1
		head, names = append(head, rec...), append(names, name...)
	}
	at, size := m.plain(append(head, names...))
	root := m.inode(0o040755, 0, size, at, nil)
	out := make([]byte, dataBlock*block)
	copy(out[block:], m.meta)
	out = append(out, m.data...)
	s := out[1024:]
	le.PutUint32(s, 0xE0F5E1E2)
	s[12] = 12
	le.PutUint16(s[14:], uint16(root))
	le.PutUint32(s[36:], uint32(len(out)/block))
	le.PutUint32(s[40:], 1)
	le.PutUint32(s[80:], 0x1|0x2|0x20)
	le.PutUint16(s[84:], 0xf) // every algorithm
	le.PutUint64(s[96:], packed)
	configs := s[128:]
	for alg, size := range []int{14, 14, 6, 6} {
		le.PutUint16(configs, uint16(size))
		if alg == 1 {
			le.PutUint32(configs[2:], 1<<16)
		}
		configs = configs[2+size:]
	}
	return out
}

// plain appends data that starts with its first block.
func (m *maker) plain(data []byte) (at uint32, size int) {
	at = uint32(dataBlock + len(m.data)/block)
	m.data = append(m.data, data...)
	for len(m.data)%block != 0 {
		m.data = append(m.data, 0)
	}
	return at, len(data)
}

func text(n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%d bottles of %x\n", b.Len(), b.Len()*2654435761)
	}
	return b.String()[:n]
}

// made is an image of every kind of compression, and what is in it.
func made(tb testing.TB) (image []byte, files map[string]string) {
	tb.Helper()
	files = map[string]string{"deflate": text(20000), "lzma": text(30000), "tail": text(10500), "whole": text(700), "zstd": text(50000)}
	m := &maker{}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 6)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write([]byte(files["deflate"])); err != nil {
		tb.Fatal(err)
	}
	w.Close()
	m.compressed("deflate", 2, 20000, bytes.Clone(b.Bytes()), "")
	b.Reset()
	l, err := lzma.WriterConfig{DictCap: 1 << 16, SizeInHeader: true, Size: 30000}.NewWriter(&b)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := l.Write([]byte(files["lzma"])); err != nil {
		tb.Fatal(err)
	}
	l.Close()
	raw := b.Bytes() // 13 bytes of header, then a stream whose first byte is zero
	m.compressed("lzma", 1, 30000, append([]byte{^raw[0]}, raw[14:]...), "")
	z, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	m.compressed("tail", 3, 10000, z.EncodeAll([]byte(files["tail"][:10000]), nil), files["tail"][10000:])
	m.whole("whole", files["whole"])
	m.compressed("zstd", 3, 50000, z.EncodeAll([]byte(files["zstd"]), nil), "")
	return m.image(), files
}

func TestEveryCompressionAndFragmentsAreRead(t *testing.T) {
	t.Parallel()
	image, files := made(t)
	fsys, err := erofs.New(bytes.NewReader(image), int64(len(image)))
	if err != nil {
		t.Fatal(err)
	}
	list, err := fsys.ReadDir(".")
	if err != nil || len(list) != len(files) {
		t.Errorf("%d files, %v", len(list), err)
	}
	for name, want := range files {
		if got, err := fs.ReadFile(fsys, name); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
		}
	}
}

func TestWhatIsNotReadIsRefusedByName(t *testing.T) {
	t.Parallel()
	for feature, change := range map[string]func([]byte){
		"48-bit addresses":     func(b []byte) { b[1024+80] |= 0x80 },
		"metadata in a file":   func(b []byte) { b[1024+81] |= 0x01 },
		"feature 0x20000":      func(b []byte) { b[1024+82] |= 0x02 },
		"more than one device": func(b []byte) { b[1024+86] = 1 },
		"compression 4":        func(b []byte) { b[1024+84] |= 0x10 },
	} {
		image, _ := made(t)
		change(image)
		_, err := erofs.New(bytes.NewReader(image), int64(len(image)))
		if no, ok := errors.AsType[*vfs.UnsupportedError](err); !ok || no.Feature != feature {
			t.Errorf("%s: %v", feature, err)
		}
	}
}

// readAll reads every file. Errors are those of the package.
func readAll(t *testing.T, image []byte) {
	t.Helper()
	fsys, err := erofs.New(bytes.NewReader(image), int64(len(image)))
	if err == nil {
		for _, name := range []string{".", "deflate", "lzma", "tail", "whole", "zstd"} {
			if name == "." {
				_, err = fsys.ReadDir(name)
			} else if f, e := fsys.Open(name); e == nil {
				info, _ := f.Stat()
				if info.Size() < 1<<20 {
					_, err = fs.ReadFile(fsys, name)
				}
			}
			if _, ok := errors.AsType[*fs.PathError](err); ok {
				err = nil
			}
			if err != nil {
				break
			}
		}
	}
	_, broken := errors.AsType[*vfs.FormatError](err)
	_, unread := errors.AsType[*vfs.UnsupportedError](err)
	if err != nil && !broken && !unread {
		t.Fatalf("%T %v", err, err)
	}
}

func TestDamageIsNamedAndNeverPanics(t *testing.T) {
	t.Parallel()
	image, _ := made(t)
	for at := 1024; at < len(image); at++ {
		if image[at] == 0 || at > 6000 && at%97 != 0 {
			continue
		}
		for _, v := range []byte{0, 0x7f, 0xff} {
			old := image[at]
			image[at] = v
			readAll(t, image)
			image[at] = old
		}
	}
}

func FuzzErofs(f *testing.F) {
	image, _ := made(f)
	f.Add(image)
	f.Fuzz(readAll)
}

func Example() {
	image, _ := made(&testing.B{})
	fsys, err := erofs.New(bytes.NewReader(image), int64(len(image)))
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := fs.ReadFile(fsys, "whole")
	fmt.Printf("%.12s %v\n", data, err)
	// Output: 0 bottles of <nil>
}
