package rpm_test

import (
	"bytes"
	"testing"

	peer "github.com/cavaliergopher/rpm"
	rpmutils "github.com/sassoftware/go-rpmutils"

	"github.com/fedora-respin/respin/repo/rpm"
)

// BenchmarkRead reads the headers of every package of shared data that both
// peers read too, with each of the three. One operation is the whole set.
func BenchmarkRead(b *testing.B) {
	var set [][]byte
	var size int64
	for _, s := range samples(b) {
		data := readFile(b, s.path)
		p, err := rpm.Read(bytes.NewReader(data))
		if err != nil {
			continue
		}
		if _, err := peer.Read(bytes.NewReader(data)); err != nil {
			continue
		}
		if _, err := rpmutils.ReadRpm(bytes.NewReader(data)); err != nil {
			continue
		}
		set = append(set, data[:p.HeaderEnd])
		size += p.HeaderEnd
	}
	for _, c := range []struct {
		name string
		read func([]byte) error
	}{
		{"respin", func(d []byte) error { _, err := rpm.Read(bytes.NewReader(d)); return err }},
		{"cavaliergopher", func(d []byte) error { _, err := peer.Read(bytes.NewReader(d)); return err }},
		{"go-rpmutils", func(d []byte) error { _, err := rpmutils.ReadRpm(bytes.NewReader(d)); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			b.ReportMetric(float64(len(set)), "packages")
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
