package rpm_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	peer "github.com/cavaliergopher/rpm"
	rpmutils "github.com/sassoftware/go-rpmutils"

	"github.com/fedora-respin/respin/repo/rpm"
)

// contest is a package reader in a benchmark.
type contest struct {
	name string
	read func([]byte) error
}

func race(b *testing.B, set [][]byte, contests []contest) {
	b.Helper()
	var size int64
	for _, d := range set {
		size += int64(len(d))
	}
	for _, c := range contests {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for _, d := range set {
					if err := c.read(d); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// headersOf are the first bytes, down to the payload, of every package of
// shared data that all readers accept.
func headersOf(b *testing.B, accept ...contest) (set [][]byte) {
	b.Helper()
next:
	for _, s := range samples(b) {
		data := readFile(b, s.path)
		p, err := rpm.Read(bytes.NewReader(data))
		if err != nil {
			continue
		}
		for _, c := range accept {
			if c.read(data[:p.HeaderEnd]) != nil {
				continue next
			}
		}
		set = append(set, data[:p.HeaderEnd])
	}
	b.Logf("%d packages", len(set))
	return set
}

// BenchmarkRead reads the headers of shared data with each reader. One
// operation is the whole set.
func BenchmarkRead(b *testing.B) {
	contests := []contest{
		{"respin", func(d []byte) error { _, err := rpm.Read(bytes.NewReader(d)); return err }},
		{"cavaliergopher", func(d []byte) error { _, err := peer.Read(bytes.NewReader(d)); return err }},
		{"go-rpmutils", func(d []byte) error { _, err := rpmutils.ReadRpm(bytes.NewReader(d)); return err }},
	}
	race(b, headersOf(b, contests...), contests)
}

// BenchmarkTables reads the headers and visits every file, requirement and
// provide: what indexing a package takes. cavaliergopher panics where it has no
// FILESIZES; such packages are left out for all.
func BenchmarkTables(b *testing.B) {
	contests := []contest{
		{"respin", func(d []byte) error {
			p, err := rpm.Read(bytes.NewReader(d))
			if err == nil {
				walkTables(p)
			}
			return err
		}},
		{"cavaliergopher", func(d []byte) (err error) {
			p, err := peer.Read(bytes.NewReader(d))
			if err != nil {
				return err
			}
			defer func() {
				if recover() != nil {
					err = io.ErrUnexpectedEOF
				}
			}()
			p.Files()
			p.Requires()
			p.Provides()
			return nil
		}},
		{"go-rpmutils", func(d []byte) error {
			p, err := rpmutils.ReadRpm(bytes.NewReader(d))
			if err != nil {
				return err
			}
			_, err = p.Header.GetFiles()
			return err
		}},
	}
	race(b, headersOf(b, contests...), contests)
}

// BenchmarkPayload walks an archive of 20,000 small files that is not
// compressed, so that what is measured is the reading of its entries.
func BenchmarkPayload(b *testing.B) {
	data := kernelLike(20_000)
	race(b, [][]byte{data}, []contest{
		{"respin", func(d []byte) error {
			r := bytes.NewReader(d)
			p, err := rpm.Read(r)
			if err == nil {
				_, err = walkUpTo(p, r, 1<<30)
			}
			return err
		}},
		{"go-rpmutils", func(d []byte) error {
			p, err := rpmutils.ReadRpm(bytes.NewReader(d))
			if err != nil {
				return err
			}
			y, err := p.PayloadReaderExtended()
			for err == nil {
				if _, err = y.Next(); err == nil {
					_, err = io.Copy(io.Discard, y)
				}
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}},
	})
}

// BenchmarkVerify hashes a package.
func BenchmarkVerify(b *testing.B) {
	race(b, [][]byte{kernelLike(20_000)}, []contest{{"respin", func(d []byte) error {
		_, err := rpm.Verify(bytes.NewReader(d), rpm.VerifyOptions{})
		return err
	}}})
}
