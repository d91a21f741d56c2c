package qcow2_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose/image/qcow2"
	"github.com/fedora-respin/respin/compose/image/vfs"
)

// disks are those that qemu-img made (compose/image/testdata/make.sh), all with
// the same content.
func disks(tb testing.TB) map[string][]byte {
	tb.Helper()
	list, err := filepath.Glob("../testdata/qcow2-*.img.gz")
	if err != nil || len(list) < 5 {
		tb.Fatalf("%d disks, %v", len(list), err)
	}
	out := map[string][]byte{}
	for _, path := range list {
		f, err := os.Open(path)
		if err != nil {
			tb.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			tb.Fatal(err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "qcow2-"), ".img.gz")
		if out[name], err = io.ReadAll(z); err != nil {
			tb.Fatal(err)
		}
		f.Close()
	}
	return out
}

func read(d *qcow2.Disk) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(d, 0, d.Size()))
}

func TestDisksOfEveryPackingAreTheSame(t *testing.T) {
	t.Parallel()
	var first []byte
	for name, data := range disks(t) {
		d, err := qcow2.New(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := read(d)
		if err != nil || len(got) != 512<<10 {
			t.Fatalf("%s: %d bytes, %v", name, len(got), err)
		}
		if first == nil {
			first = got
		}
		if !bytes.Equal(got, first) {
			t.Errorf("%s differs", name)
		}
		part := make([]byte, 5000)
		if n, err := d.ReadAt(part, 1000); n != len(part) || err != nil || !bytes.Equal(part, first[1000:6000]) {
			t.Errorf("%s: across clusters: %d, %v", name, n, err)
		}
		if n, err := d.ReadAt(part, d.Size()-10); n != 10 || !errors.Is(err, io.EOF) {
			t.Errorf("%s: at the end: %d, %v", name, n, err)
		}
	}
}

func TestWhatIsNotReadIsRefusedByName(t *testing.T) {
	t.Parallel()
	plain := disks(t)["plain"]
	be := binary.BigEndian
	for want, change := range map[string]func([]byte){
		"version 4":            func(b []byte) { be.PutUint32(b[4:], 4) },
		"a backing file":       func(b []byte) { be.PutUint64(b[8:], 512) },
		"encryption":           func(b []byte) { be.PutUint32(b[32:], 2) },
		"an external data":     func(b []byte) { be.PutUint64(b[72:], 4) },
		"extended L2":          func(b []byte) { be.PutUint64(b[72:], 16) },
		"feature 0x40":         func(b []byte) { be.PutUint64(b[72:], 64) },
		"compression 7":        func(b []byte) { be.PutUint64(b[72:], 8); b[104] = 7 },
		"clusters have 2^40":   func(b []byte) { be.PutUint32(b[20:], 40) },
		"for 1099511627776":    func(b []byte) { be.PutUint64(b[24:], 1<<40) },
		"it has 1152921504606": func(b []byte) { be.PutUint64(b[24:], 1<<60) },
		"ends behind the file": func(b []byte) { be.PutUint64(b[40:], 1<<50) },
	} {
		data := bytes.Clone(plain)
		change(data)
		_, err := qcow2.New(bytes.NewReader(data), int64(len(data)))
		_, format := errors.AsType[*vfs.FormatError](err)
		_, named := errors.AsType[*vfs.UnsupportedError](err)
		if err == nil || !format && !named || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func FuzzDisk(f *testing.F) {
	for _, data := range disks(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := qcow2.New(bytes.NewReader(data), int64(len(data)))
		if err != nil || d.Size() > 4<<20 {
			return
		}
		_, _ = read(d)
	})
}
