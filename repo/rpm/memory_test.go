package rpm_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// allocated is what f allocates in all, garbage included: never less than the
// peak. Nothing else may run meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// kernelLike is a package with as many files as the largest of Fedora.
func kernelLike(files int) []byte {
	list := make([]rpmtest.File, files)
	for i := range list {
		list[i] = rpmtest.File{Path: fmt.Sprintf("/usr/lib/modules/6.17.1-300.fc44.x86_64/kernel/drivers/net/vendor%d/module-%05d.ko.xz", i/200, i)}
	}
	return rpmtest.Build(rpmtest.Spec{Name: "kernel-modules", Version: "6.17.1", Release: "300.fc44", Arch: "x86_64", Compressor: "none", Files: list})
}

// manyDirs has directories only: nothing of a file that costs header bytes but
// its name.
func manyDirs(files int) []byte {
	list := make([]rpmtest.File, files)
	for i := range list {
		list[i] = rpmtest.File{Path: fmt.Sprintf("/srv/%d", i), Mode: 0o40755}
	}
	return rpmtest.Build(rpmtest.Spec{Name: "dirs", Version: "1", Release: "1", Compressor: "none", Files: list})
}

// large has 30 MiB of header, most of it changelog.
func large() []byte {
	logs := make([]rpm.Changelog, 100_000)
	for i := range logs {
		logs[i] = rpm.Changelog{Time: int64(1<<30 - i), Author: "QA <qa@example.org> - 1-1", Text: strings.Repeat("- rebuilt for the mass rebuild\n", 9)}
	}
	return rpmtest.Build(rpmtest.Spec{Name: "large", Version: "1", Release: "1", Changelogs: logs})
}

// bare has as many names as are accepted, of one letter each, without flags
// and versions: what costs most as a list.
func bare() []byte {
	names := rpmtest.Strings(rpm.TagRequireName, strings.Split(strings.Repeat("a,", 1<<18), ",")[:1<<18]...)
	r := rpmtest.TakeApart(small())
	r.Header = rpmtest.Drop(r.Header, rpm.TagRequireFlags, rpm.TagRequireVersion)
	r.Header = rpmtest.Set(r.Header, names)
	return r.Digested()
}

// manyTags has an index and next to no data.
func manyTags() []byte {
	r := rpmtest.TakeApart(small())
	for i := range 65000 - len(r.Header) {
		r.Header = append(r.Header, rpmtest.Entry{Tag: rpm.Tag(100_000 + i), Type: rpm.TypeInt8, Count: 1, Data: []byte{1}})
	}
	return r.Digested()
}

// TestMemoryOfHeaders is the promise: reading a package and walking all its
// tables takes at most three times the bytes of its headers, on every package
// of shared data and on the worst that we can think of. It runs alone.
func TestMemoryOfHeaders(t *testing.T) {
	set := map[string][]byte{
		"60,000 files": kernelLike(60_000), "60,000 directories": manyDirs(60_000), "30 MiB": large(),
		"262,144 bare names": bare(), "65,000 tags": manyTags(), "small": small(), "format 3": ofFormat(3), "format 6": ofFormat(6),
	}
	made := len(set)
	if !testing.Short() {
		for _, s := range samples(t) {
			set[filepath.Base(s.path)] = readFile(t, s.path)
		}
	}
	worst := map[bool]float64{}
	for name, data := range set {
		var p *rpm.Package
		var err error
		got := uint64(math.MaxUint64)
		for range 3 { // the runtime allocates now and then too
			got = min(got, allocated(func() {
				p, err = rpm.Read(bytes.NewReader(data))
				if err == nil {
					walkTables(p)
				}
			}))
		}
		if err != nil {
			continue
		}
		size := uint64(p.Signature.Size() + p.Header.Size())
		if got > 3*size {
			t.Errorf("%s: %d bytes allocated for headers of %d", name, got, size)
		}
		big := size > 100<<10
		worst[big] = max(worst[big], float64(got)/float64(size))
	}
	t.Logf("%d packages of ours, %d in all: at most %.2f times the headers, %.2f where they have more than 100 KiB", made, len(set), max(worst[true], worst[false]), worst[true])
}

// walkTables visits every entry of every table.
func walkTables(p *rpm.Package) (n int) {
	for f := range p.Files() {
		n += len(f.Name) + len(f.Dir)
	}
	for kind := range rpm.DepKinds() {
		for d := range p.Dependencies(kind) {
			n += len(d.Name)
		}
	}
	for c := range p.Changelogs() {
		n += len(c.Text)
	}
	return n
}

// endless is a reader of zeros, after which a length field may lie for ever.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// TestMemoryFollowsTheData gives short files that claim to be long, and a long
// one that claims to be as long as rpm's limit allows. It runs alone.
func TestMemoryFollowsTheData(t *testing.T) {
	claim := append(bytes.Clone(small()[:96]), "\x8e\xad\xe8\x01\x00\x00\x00\x00\x00\x00\x00\x01\x04\x00\x00\x00"...)
	for name, c := range map[string]struct {
		r     io.Reader
		limit uint64
	}{
		"short":   {bytes.NewReader(claim), 1 << 20},
		"300 KiB": {io.MultiReader(bytes.NewReader(claim), io.LimitReader(endless{}, 300<<10)), 6 << 20},
		"long":    {io.MultiReader(bytes.NewReader(claim), endless{}), 80 << 20},
	} {
		var err error
		if got := allocated(func() { _, err = rpm.Read(c.r) }); got > c.limit {
			t.Errorf("%s: allocated %d bytes", name, got)
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestNEVRADoesNotKeepTheHeader: what an index keeps of many packages must not
// hold all of their headers.
func TestNEVRADoesNotKeepTheHeader(t *testing.T) {
	data := large()
	var heap [2]runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&heap[0])
	kept := make([]rpm.NEVRA, 3)
	for i := range kept {
		p, err := rpm.Read(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		kept[i] = p.NEVRA()
	}
	runtime.GC()
	runtime.ReadMemStats(&heap[1])
	if grown := int64(heap[1].HeapAlloc) - int64(heap[0].HeapAlloc); grown > 1<<20 {
		t.Errorf("%d bytes stay for three NEVRAs", grown)
	}
	if kept[2].String() != "large-1-1.noarch" {
		t.Error(kept)
	}
	runtime.KeepAlive(data)
}
