package kickstart_test

import (
	"path/filepath"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/kickstart"
)

// BenchmarkParse parses and validates a kickstart of usual size; make
// bench-kickstart compares with pykickstart.
func BenchmarkParse(b *testing.B) {
	file := filepath.Join(shareddata.Dir(b, "kickstart"), "ks", "fedora-f43", "fedora-live-base.ks")
	src := readFile(b, file)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kickstart.Parse("base.ks", src, kickstart.Options{Version: kickstart.F44}); err != nil {
			b.Fatal(err)
		}
	}
}
