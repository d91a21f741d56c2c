package repo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo/rpm"
)

func sampleRecords() []*record {
	full := &record{
		task: newTask("Packages/a/a-1-1.noarch.rpm"), usable: true, pkgID: strings.Repeat("0f", 32),
		key: fileKey{size: 1 << 40, mtime: stamp{-5, 7}, ctime: stamp{1 << 40, 999999999}, ino: 1<<64 - 1, dev: 3},
		nevra: rpm.NEVRA{
			Name: "a", Arch: "noarch", EVR: rpm.EVR{Epoch: 1<<32 - 1, HasEpoch: true, Version: "1^é", Release: "1"},
		},
		parts: [coreCount]span{{size: 10, crc: 1}, {size: 1 << 33, crc: 1<<32 - 1}, {size: 0, crc: 0}},
	}
	young := &record{task: newTask("b.rpm"), parts: full.parts}
	return []*record{full, young}
}

func writeCache(tb testing.TB, path string, records []*record, tr *trailer) {
	tb.Helper()
	w, err := newCacheWriter(path)
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range records {
		if err := w.add(r); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.commit(tr); err != nil {
		tb.Fatal(err)
	}
}

func readCache(data []byte) (records []*record, tr *trailer, err error) {
	r, err := readCacheFrom(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, err
	}
	for {
		rec, err := r.next()
		if errors.Is(err, io.EOF) {
			return records, &r.trailer, nil
		}
		if err != nil {
			return nil, nil, err
		}
		records = append(records, rec)
	}
}

func TestCacheRoundTrip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cache")
	tr := &trailer{fingerprint: sha256.Sum256([]byte("x")), recipe: "r"}
	for i := range tr.files {
		tr.files[i] = publishedFile{name: fmt.Sprint("n", i), sum: "s", openSum: "o", size: 1, openSize: 1 << 50}
	}
	writeCache(t, path, sampleRecords(), tr)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, gotTrailer, err := readCache(data)
	if err != nil {
		t.Fatal(err)
	}
	opt := cmp.AllowUnexported(record{}, task{}, fileKey{}, stamp{}, span{}, trailer{}, publishedFile{})
	if diff := cmp.Diff(sampleRecords(), got, opt); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(tr, gotTrailer, opt); diff != "" || tr.packages != 2 {
		t.Error(diff)
	}
}

func TestEveryFlippedBitAndEveryCutOfACacheIsNoticed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cache")
	writeCache(t, path, sampleRecords(), &trailer{})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(data []byte) {
		t.Helper()
		if _, err := readCacheFrom(bytes.NewReader(data), int64(len(data))); err == nil {
			t.Fatalf("%d bytes of %d were accepted", len(data), len(whole))
		}
	}
	for i := range whole {
		expect(whole[:i])
		data := append([]byte(nil), whole...)
		data[i] ^= 1 << (i % 8)
		expect(data)
	}
}

func TestRecordTooLongIsKeptOnlyAsALength(t *testing.T) {
	t.Parallel()
	r := sampleRecords()[0]
	r.nevra.Name = strings.Repeat("n", maxCacheRecord)
	got, err := parseRecord(r.append(nil))
	if err != nil || got.usable || got.rel != r.rel || got.parts != r.parts {
		t.Errorf("%+v %v", got, err)
	}
}

func TestSettled(t *testing.T) {
	t.Parallel()
	local, remote := uint64(1), uint64(2)
	c := fsClock{now: stamp{1000, 500e6}, dev: local, mounts: &mounts{network: map[uint64]bool{local: false, remote: true}}}
	for name, tc := range map[string]struct {
		ctime stamp
		dev   uint64
		want  bool
	}{
		"long ago":                            {stamp{10, 1}, local, true},
		"just now":                            {stamp{1000, 499e6}, local, false},
		"a tenth of a second ago":             {stamp{1000, 399e6}, local, true},
		"in the future":                       {stamp{2000, 1}, local, false},
		"whole seconds, young":                {stamp{998, 0}, local, false},
		"whole seconds, old":                  {stamp{997, 0}, local, true},
		"elsewhere, minutes ago":              {stamp{900, 1}, remote, false},
		"elsewhere, long ago":                 {stamp{50, 1}, remote, true},
		"beyond the nanoseconds of 64 bits":   {stamp{1 << 40, 1}, local, false},
		"before the nanoseconds of 64 bits":   {stamp{-1 << 40, 1}, local, true},
		"elsewhere, in what we call the past": {stamp{time.Now().Unix(), 1}, remote, false},
	} {
		if got := c.settled(fileKey{ctime: tc.ctime, dev: tc.dev}, ""); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFingerprintKnowsEveryOptionThatShapesAPart(t *testing.T) {
	t.Parallel()
	base, err := Options{}.withDefaults("d")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[sha256.Size]byte]string{base.fingerprint(): "default"}
	for name, o := range map[string]Options{
		"checksum": {Checksum: "sha512"}, "changelogs": {ChangelogLimit: 3}, "no changelogs": {ChangelogLimit: NoChangelogs},
		"pre": {Pre: Pre017}, "base": {BaseURL: "http://x/"}, "prefix": {LocationPrefix: "x"}, "cut": {CutDirs: 1},
		"time": {FileTime: time.Unix(5, 0)}, "limit": {RPM: rpm.Options{MaxFiles: 5}},
	} {
		o, err := o.withDefaults("d")
		if err != nil {
			t.Fatal(err)
		}
		if same, ok := seen[o.fingerprint()]; ok {
			t.Errorf("%s has the fingerprint of %s", name, same)
		}
		seen[o.fingerprint()] = name
	}
	for name, o := range map[string]Options{
		"compression": {Compression: Gzip}, "workers": {Workers: 3}, "excludes": {Excludes: []string{"x"}}, "revision": {Revision: "3"},
	} {
		o, err := o.withDefaults("d")
		if err != nil {
			t.Fatal(err)
		}
		if o.fingerprint() != base.fingerprint() {
			t.Errorf("%s needs no reading of RPMs", name)
		}
	}
}

// TestSampleShowsTheWriter: a change of what the writer makes of a package is a
// change of the sample, unless it is one of what the sample does not hold.
func TestSampleShowsTheWriter(t *testing.T) {
	t.Parallel()
	s := string(sample())
	for _, want := range []string{
		`pre="1"`, `type="ghost"`, `type="dir"`, "&#xE9;", "&#13;", "<rpm:suggests>", "<rpm:supplements>", "GLIBC_2.34", `epoch="2"`, "<changelog ", "xml:base=",
	} {
		if !strings.Contains(s, want) {
			t.Errorf("the sample has no %s", want)
		}
	}
	for _, dropped := range []string{"rpmlib(", "GLIBC_2.9", `name="bad"`} {
		if strings.Contains(s, dropped) {
			t.Errorf("the sample has %s", dropped)
		}
	}
}

// seal makes a cache of a body and a trailer of which nothing else is right.
func seal(body, tail []byte) []byte {
	data := append([]byte(cacheMagic), body...)
	data = append(data, tail...)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(tail)))
	sum := sha256.Sum256(data)
	return append(data, sum[:]...)
}

// FuzzCache reads caches whose checksums are right and whose content is
// anything: nothing panics, and no record is larger than what was read.
func FuzzCache(f *testing.F) {
	dir := f.TempDir()
	whole := filepath.Join(dir, "whole")
	writeCache(f, whole, sampleRecords(), &trailer{})
	data, err := os.ReadFile(whole)
	if err != nil {
		f.Fatal(err)
	}
	n := int(binary.LittleEndian.Uint32(data[len(data)-36:]))
	f.Add(data[len(cacheMagic):len(data)-36-n], data[len(data)-36-n:len(data)-36])
	f.Add([]byte{0}, []byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, []byte{})
	f.Fuzz(func(t *testing.T, body, tail []byte) {
		records, _, err := readCache(seal(body, tail))
		if err != nil {
			return
		}
		size := 0
		for i, r := range records {
			size += len(r.rel) + len(r.pkgID) + len(r.nevra.Name) + len(r.nevra.Arch) + len(r.nevra.EVR.Version) + len(r.nevra.EVR.Release)
			if i > 0 && records[i-1].compare(&r.task) > 0 {
				t.Error("records out of order")
			}
			if again, err := parseRecord(r.append(nil)); err != nil || again.parts != r.parts || again.key != r.key {
				t.Errorf("written again: %+v %v, was %+v", again, err, r)
			}
		}
		if size > len(body) {
			t.Errorf("%d bytes of names in %d", size, len(body))
		}
	})
}
