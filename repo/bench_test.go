package repo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// benchRepo writes 200 packages of some 100 KB, and returns how many bytes they
// have together.
func benchRepo(b *testing.B) (dir string, size int64) {
	b.Helper()
	dir = b.TempDir()
	noise := make([]byte, 90<<10)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	for i := range 200 {
		s := rich()
		s.Name, s.Compressor = fmt.Sprintf("package%03d", i), "none"
		s.Files = append(s.Files, rpmtest.File{Path: "/usr/lib/noise", Data: noise})
		for j := range 60 {
			s.Files = append(s.Files, rpmtest.File{Path: fmt.Sprintf("/usr/share/%s/file%d", s.Name, j)})
			s.Requires = append(s.Requires, rpm.Dependency{Name: fmt.Sprintf("lib%d.so.%d()(64bit)", j*i%97, j)})
		}
		data := rpmtest.Build(s)
		size += int64(len(data))
		if err := os.WriteFile(filepath.Join(dir, s.Name+".rpm"), data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	settle()
	return dir, size
}

func benchCreate(b *testing.B, o repo.Options) {
	b.Helper()
	dir, size := benchRepo(b)
	if _, err := repo.Create(b.Context(), dir, o); err != nil { // the first one fills the side cache
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := repo.Create(b.Context(), dir, o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	for _, c := range []repo.Compression{repo.Gzip, repo.Zstd, repo.XZ, repo.None} {
		b.Run(string(c), func(b *testing.B) { benchCreate(b, repo.Options{Compression: c, KeepOld: -1}) })
	}
	b.Run("sha512", func(b *testing.B) {
		benchCreate(b, repo.Options{Compression: repo.None, Checksum: "sha512", KeepOld: -1})
	})
}

func BenchmarkUpdate(b *testing.B) {
	b.Run("nothing changed", func(b *testing.B) { benchCreate(b, repo.Options{Update: true, KeepOld: -1}) })
	b.Run("one touched", func(b *testing.B) {
		dir, size := benchRepo(b)
		o := repo.Options{Update: true, KeepOld: -1}
		if _, err := repo.Create(b.Context(), dir, o); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(size)
		for i := 0; b.Loop(); i++ {
			if err := os.Chtimes(filepath.Join(dir, "package100.rpm"), stamp, stamp.AddDate(0, 0, -i%1000)); err != nil {
				b.Fatal(err)
			}
			rep, err := repo.Create(b.Context(), dir, o)
			if err != nil || rep.Reused < 199 {
				b.Fatalf("%+v %v", rep, err)
			}
		}
	})
}
