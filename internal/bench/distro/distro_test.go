package distro_test

import (
	"bytes"
	"testing"

	"github.com/fedora-respin/respin/internal/bench/distro"
	"github.com/fedora-respin/respin/repo/mdxml"
)

func TestPrimaryIsReadAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	var a, b bytes.Buffer
	o := distro.Options{Packages: 300, Seed: 44}
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := distro.WritePrimary(w, o); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two runs differ")
	}
	n, relations := 0, 0
	err := mdxml.ReadPrimary(&a, func(p *mdxml.Package) error {
		n++
		for _, list := range p.Relations {
			relations += len(list)
		}
		return nil
	})
	if err != nil || n != 300 || relations < 2000 || b.Len()/n < 2000 || b.Len()/n > 2800 {
		t.Errorf("%d packages of %d bytes, %d relations, %v", n, b.Len()/300, relations, err)
	}
}
