package repo

import (
	"bytes"
	"testing"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// BenchmarkFragment is what a package costs besides reading and hashing its file.
func BenchmarkFragment(b *testing.B) {
	s := rpmtest.Spec{Name: "p", Version: "1", Release: "1", Arch: "x86_64", Description: "some text\nin lines"}
	for i := range 80 {
		name := string(rune('a'+i%26)) + "file"
		s.Files = append(s.Files, rpmtest.File{Path: "/usr/share/p/" + name + string(rune('a'+i/26))})
		s.Requires = append(s.Requires, rpm.Dependency{Name: "lib" + name + ".so." + string(rune('0'+i%10)) + "()(64bit)"})
		s.Changelogs = append(s.Changelogs, rpm.Changelog{Time: int64(1000 - i), Author: "QA <qa@example.org> - 1-1", Text: "- rebuilt for something"})
	}
	pkg, err := rpm.Read(bytes.NewReader(rpmtest.Build(s)))
	if err != nil {
		b.Fatal(err)
	}
	src := &source{pkg: pkg, pkgID: "00", sumType: "sha256", href: "p.rpm"}
	f := &fragment{}
	e := encoder{changelogMax: defaultChangelogs}
	b.ReportAllocs()
	for b.Loop() {
		if err := e.fragment(src, f); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(f.primary) + len(f.filelists) + len(f.other)))
}
