package rpm_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"path/filepath"
	"testing"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// walk reads a whole payload and checks the digest of every file.
func walk(t *testing.T, data []byte) (files int, err error) {
	t.Helper()
	r := bytes.NewReader(data)
	p, err := rpm.Read(r)
	if err != nil {
		return 0, err
	}
	y, err := p.Payload(r, rpm.PayloadOptions{MaxSize: 256 << 20})
	if err != nil {
		return 0, err
	}
	defer y.Close()
	for {
		e, err := y.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, err
		}
		files++
		var h hash.Hash
		switch p.FileDigestAlgo {
		case 1:
			h = md5.New()
		case 8:
			h = sha256.New()
		}
		n, err := io.Copy(h, y)
		if err != nil {
			return files, err
		}
		if n != e.Size {
			t.Errorf("%s: %d bytes of %d", e.File.Path(), n, e.Size)
		}
		if e.File.IsRegular() && e.Size > 0 && hex.EncodeToString(h.Sum(nil)) != e.File.Digest {
			t.Errorf("%s: digest differs", e.File.Path())
		}
	}
}

// TestPayloadOfRealPackages walks every payload whose digests rpm finds good:
// the data of each file must have the digest of the header.
func TestPayloadOfRealPackages(t *testing.T) {
	t.Parallel()
	for _, s := range samples(t) {
		name := filepath.Base(s.path)
		// A sparse file of 4.5 GiB takes minutes; a delta RPM is no cpio archive.
		if !s.readable() || s.facts["digests"] != "ok" || name == "big64-1.0-1.noarch.rpm" || name == "drpm-new.rpm" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := readFile(t, s.path)
			n, err := walk(t, data)
			p, _ := rpm.Read(bytes.NewReader(data))
			want := 0
			for f := range p.Files() {
				if !f.IsGhost() {
					want++
				}
			}
			if err != nil || n != want {
				t.Errorf("%d files of %d: %v", n, want, err)
			}
		})
	}
}

func TestPayloadOfEveryCompressor(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"gzip", "zstd", "xz", "none"} {
		data := rpmtest.Build(rpmtest.Spec{
			Name: "p", Version: "1", Release: "1", Compressor: c,
			Files: []rpmtest.File{
				{Path: "/usr/share/p", Mode: 0o40755},
				{Path: "/usr/share/p/a", Data: bytes.Repeat([]byte("abc"), 100000)},
				{Path: "/usr/share/p/l", Linkto: "a"},
				{Path: "/var/log/p", Flags: rpm.FileGhost},
			},
		})
		if n, err := walk(t, data); n != 3 || err != nil {
			t.Errorf("%s: %d files, %v", c, n, err)
		}
		var fe *rpm.FormatError
		if _, err := walk(t, rpmtest.Truncate(data, 40)); !errors.As(err, &fe) || fe.Part != rpm.PartPayload {
			t.Errorf("%s: truncated: %v", c, err)
		}
	}
}

func TestPayloadLimit(t *testing.T) {
	t.Parallel()
	r := bytes.NewReader(rpmtest.Build(rpmtest.Spec{
		Name: "p", Version: "1", Release: "1", Files: []rpmtest.File{{Path: "/a", Data: make([]byte, 1<<20)}},
	}))
	p, err := rpm.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	y, err := p.Payload(r, rpm.PayloadOptions{MaxSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer y.Close()
	if _, err = y.Next(); err == nil {
		_, err = io.Copy(io.Discard, y)
	}
	if err == nil {
		t.Error("1 MiB passes a limit of 1000 bytes")
	}
}
