package repo_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"testing"

	"github.com/ulikunitz/xz"
	xzread "github.com/xi2/xz"

	"github.com/fedora-respin/respin/repo"
)

func TestDecompressBySuffix(t *testing.T) {
	t.Parallel()
	// "respin\n", packed by bzip2.
	bz, err := hex.DecodeString("425a68393141592653596792eed8000002c1800010022158002000310c01069b47810945dc914e142419e4bbb600")
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w, err := xz.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "respin\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"a.xml.bz2": bz, "a.xml.xz": packed.Bytes(), "a.xml": []byte("respin\n")} {
		r, err := repo.Decompress(name, bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != "respin\n" {
			t.Errorf("%s: %q %v", name, got, err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
	}
	for _, name := range []string{"a.gz", "a.zst", "a.xz", "a.bz2"} {
		r, err := repo.Decompress(name, bytes.NewReader([]byte("this is not packed at all")))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if err == nil {
			t.Errorf("%s: garbage was accepted", name)
		}
	}
}

// TestXZDictionaryIsBounded gives a stream whose header asks for 4 GiB.
func TestXZDictionaryIsBounded(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w, err := xz.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "x"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := packed.Bytes()
	header := data[12 : 12+(int(data[12])+1)*4] // of the first block
	if header[2] != 0x21 || header[3] != 1 {
		t.Fatalf("block header % x", header)
	}
	header[4] = 40 // the code of the largest dictionary
	n := len(header) - 4
	binary.LittleEndian.PutUint32(header[n:], crc32.ChecksumIEEE(header[:n]))
	r, err := repo.Decompress("a.xz", bytes.NewReader(data))
	if err == nil {
		_, err = io.ReadAll(r)
	}
	if !errors.Is(err, xzread.ErrMemlimit) {
		t.Errorf("got %v", err)
	}
}
