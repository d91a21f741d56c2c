package index_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/index"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// makeRepo writes the packages and indexes them.
func makeRepo(tb testing.TB, specs ...rpmtest.Spec) *repo.Repo {
	tb.Helper()
	dir := tb.TempDir()
	for i, s := range specs {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.rpm", i)), rpmtest.Build(s), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	if _, err := repo.Create(tb.Context(), dir, repo.Options{}); err != nil {
		tb.Fatal(err)
	}
	return openRepo(tb, dir)
}

func openRepo(tb testing.TB, dir string) *repo.Repo {
	tb.Helper()
	r, err := repo.OpenDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func sharedRepo(tb testing.TB, name string) *repo.Repo {
	tb.Helper()
	return openRepo(tb, filepath.Join(shareddata.Dir(tb, "repodata"), name))
}

func indexOf(tb testing.TB, r *repo.Repo) *index.Index {
	tb.Helper()
	ix, err := index.FromRepo(tb.Context(), r)
	if err != nil {
		tb.Fatal(err)
	}
	return ix
}

const key = "sha256:00"

func saved(tb testing.TB, ix *index.Index) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := ix.Save(&b, key); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func load(data []byte) (*index.Index, error) {
	return index.Load(bytes.NewReader(data), int64(len(data)), key)
}

// reseal makes the sum at the end of a saved index right again.
func reseal(data []byte) {
	if len(data) < 4 {
		return
	}
	body := data[:len(data)-4]
	binary.LittleEndian.PutUint32(data[len(body):], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

func names(seq func(func(index.Package) bool)) []string {
	var out []string
	for p := range seq {
		out = append(out, p.String())
	}
	return out
}
