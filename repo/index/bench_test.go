package index_test

import (
	"bytes"
	"testing"

	"github.com/fedora-respin/respin/repo/index"
)

func BenchmarkBuild(b *testing.B) {
	r := sharedRepo(b, "cs9-appstream")
	b.SetBytes(r.Repomd.Find("primary").OpenSize)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := index.FromRepo(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	data := saved(b, indexOf(b, sharedRepo(b, "cs9-appstream")))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := index.Load(bytes.NewReader(data), int64(len(data)), key); err != nil {
			b.Fatal(err)
		}
	}
}
