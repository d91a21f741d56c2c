package rpmtest_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// rich uses every field of Spec.
func rich() rpmtest.Spec {
	return rpmtest.Spec{
		Name: "rich", Epoch: 2, Version: "1.0^git1", Release: "1.fc44", Arch: "x86_64",
		Summary: "S", Description: "D\nE", License: "MIT", Vendor: "V", URL: "https://example.org", Group: "G",
		Packager: "P", BuildTime: 1700000000, BuildHost: "b.example.org", SourceRPM: "src-1-1.src.rpm",
		Requires: rpmtest.Deps("glibc >= 2.38", "(a if b)"), Provides: rpmtest.Deps("cap = 1~rc"),
		Conflicts: rpmtest.Deps("c < 1"), Obsoletes: rpmtest.Deps("o <= 2:3"),
		Recommends: rpmtest.Deps("r"), Suggests: rpmtest.Deps("s > 1"), Supplements: rpmtest.Deps("(x and y)"), Enhances: rpmtest.Deps("e"),
		Files: []rpmtest.File{
			{Path: "/usr/bin/rich", Mode: 0o755, Data: []byte("#!/bin/sh\n"), User: "u", Group: "g", MTime: 1600000000},
			{Path: "/etc/rich.conf", Flags: rpm.FileConfig | rpm.FileNoReplace, Data: []byte("a=b\n")},
			{Path: "/usr/share/rich", Mode: 0o40755},
			{Path: "/usr/bin/link", Linkto: "rich"},
			{Path: "/var/log/rich", Flags: rpm.FileGhost},
		},
		Scripts:    rpmtest.Scripts{Pre: "true", Post: "true", Preun: "true", Postun: "true"},
		Changelogs: []rpm.Changelog{{Time: 1700000000, Author: "QA <qa@example.org> - 1.0-1", Text: "- two"}, {Time: 1600000000, Author: "QA <qa@example.org>", Text: "- one"}},
	}
}

func read(t *testing.T, data []byte) *rpm.Package {
	t.Helper()
	v, err := rpm.Verify(bytes.NewReader(data), rpm.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Err(); err != nil {
		t.Fatal(err)
	}
	return v.Package
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	lib := func(name, evr string) rpm.Dependency {
		return rpm.Dependency{Name: "rpmlib(" + name + ")", Flags: 0x0100000a, EVR: evr}
	}
	sh := func(f rpm.DepFlags) rpm.Dependency {
		return rpm.Dependency{Name: "/bin/sh", Flags: rpm.DepInterp | f}
	}
	own := func(name string) rpm.Dependency {
		return rpm.Dependency{Name: name, Flags: rpm.DepEqual, EVR: "2:1.0^git1-1.fc44"}
	}
	file := func(path string, mode uint16, flags rpm.FileFlags, data string) rpm.File {
		f := rpm.File{Dir: path[:strings.LastIndexByte(path, '/')+1], Name: path[strings.LastIndexByte(path, '/')+1:], Mode: mode, Flags: flags, Size: uint64(len(data)), MTime: 1700000000, User: "root", Group: "root"}
		if mode&0o100000 != 0 && mode&0o20000 == 0 {
			f.Digest = fmt.Sprintf("%x", sha256.Sum256([]byte(data)))
		}
		return f
	}
	s := rich()
	bin := file("/usr/bin/rich", 0o100755, 0, "#!/bin/sh\n")
	bin.MTime, bin.User, bin.Group = 1600000000, "u", "g"
	link := file("/usr/bin/link", 0o120777, 0, "rich")
	link.Linkto = "rich"
	want := &rpm.Package{
		Name: "rich", EVR: rpm.EVR{Epoch: 2, HasEpoch: true, Version: "1.0^git1", Release: "1.fc44"},
		Arch: "x86_64", HeaderArch: "x86_64", Summary: "S", Description: "D\nE", Packager: "P", URL: s.URL, License: "MIT",
		Vendor: "V", Group: "G", BuildHost: s.BuildHost, SourceRPM: s.SourceRPM, OS: "linux", Encoding: "utf-8", RPMVersion: "4.20.1",
		BuildTime: 1700000000, InstalledSize: 14, FileDigestAlgo: 8, PayloadFormat: "cpio", PayloadCompressor: "gzip", PayloadFlags: "9", Format: 4,
	}
	wantDeps := map[rpm.DepKind][]rpm.Dependency{
		rpm.Requires: {
			{Name: "(a if b)"},
			sh(rpm.DepScriptPre), sh(rpm.DepScriptPost), sh(rpm.DepScriptPreun), sh(rpm.DepScriptPostun),
			{Name: "glibc", Flags: rpm.DepGreater | rpm.DepEqual, EVR: "2.38"},
			lib("CaretInVersions", "4.15.0-1"), lib("CompressedFileNames", "3.0.4-1"), lib("FileDigests", "4.6.0-1"),
			lib("PayloadFilesHavePrefix", "4.0-1"), lib("RichDependencies", "4.12.0-1"), lib("TildeInVersions", "4.10.0-1"),
		},
		rpm.Provides:  {{Name: "cap", Flags: rpm.DepEqual, EVR: "1~rc"}, own("rich"), own("rich(x86-64)")},
		rpm.Conflicts: s.Conflicts, rpm.Obsoletes: s.Obsoletes, rpm.Recommends: s.Recommends,
		rpm.Suggests: s.Suggests, rpm.Supplements: s.Supplements, rpm.Enhances: s.Enhances,
	}
	wantFiles := []rpm.File{
		file("/etc/rich.conf", 0o100644, rpm.FileConfig|rpm.FileNoReplace, "a=b\n"),
		link, bin, file("/usr/share/rich", 0o40755, 0, ""),
		file("/var/log/rich", 0o100644, rpm.FileGhost, ""),
	}
	for i := range wantFiles {
		wantFiles[i].Device, wantFiles[i].Inode = 1, uint32(i+1)
	}
	got := read(t, rpmtest.Build(s))
	ignore := cmpopts.IgnoreFields(rpm.Package{}, "Header", "Signature", "Lead", "Digests", "ArchiveSize", "FileSize", "HeaderStart", "HeaderEnd")
	if d := cmp.Diff(want, got, ignore, cmpopts.IgnoreUnexported(rpm.Package{})); d != "" {
		t.Error(d)
	}
	for kind := range rpm.DepKinds() {
		if d := cmp.Diff(wantDeps[kind], slices.Collect(got.Dependencies(kind)), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s: %s", kind, d)
		}
	}
	if d := cmp.Diff(wantFiles, slices.Collect(got.Files())); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(s.Changelogs, slices.Collect(got.Changelogs())); d != "" {
		t.Error(d)
	}
	if n := s.NEVRA(); n != got.NEVRA() {
		t.Errorf("Spec says %s, the package %s", n, got.NEVRA())
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	p := read(t, rpmtest.Build(rpmtest.Spec{Name: "a", Version: "1", Release: "2"}))
	if p.NEVRA().String() != "a-1-2.noarch" || p.License != "MIT" || p.SourceRPM != "a-1-2.src.rpm" || p.Source || p.FileCount() != 0 {
		t.Errorf("%+v", p)
	}
	if provides := slices.Collect(p.Dependencies(rpm.Provides)); len(provides) != 1 {
		t.Errorf("a noarch package provides %v", provides)
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	p := read(t, rpmtest.Source(rpmtest.Spec{
		Name: "a", Version: "1", Release: "2", Arch: "aarch64", Requires: rpmtest.Deps("gcc"),
		Files: []rpmtest.File{{Path: "a.spec", Data: []byte("Name: a\n")}},
	}))
	if !p.Source || p.Arch != "src" || p.HeaderArch != "aarch64" || p.SourceRPM != "" || p.Header.Has(rpm.TagProvideName) {
		t.Errorf("%+v", p)
	}
	for f := range p.Files() {
		if f.Path() != "a.spec" || f.Flags != rpm.FileSpec {
			t.Errorf("%+v", f)
		}
	}
}

func TestSameSpecSameBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"gzip", "zstd", "xz", "none"} {
		s := rich()
		s.Compressor = c
		s.Files[0].Data = bytes.Repeat([]byte("0123456789"), 200000)
		if !bytes.Equal(rpmtest.Build(s), rpmtest.Build(s)) {
			t.Errorf("%s: two builds differ", c)
		}
	}
}

func TestWriteRefusesBadSpecs(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]rpmtest.Spec{
		"no name":       {Version: "1", Release: "1"},
		"no version":    {Name: "a", Release: "1"},
		"compressor":    {Name: "a", Version: "1", Release: "1", Compressor: "lzip"},
		"relative path": {Name: "a", Version: "1", Release: "1", Files: []rpmtest.File{{Path: "x"}}},
	} {
		if err := rpmtest.Write(&bytes.Buffer{}, s); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestDamage(t *testing.T) {
	t.Parallel()
	good := rpmtest.Build(rich())
	for name, bad := range map[string][]byte{
		"payload": rpmtest.FlipPayload(good), "header": rpmtest.FlipHeader(good), "end": rpmtest.Truncate(good, 1),
	} {
		v, err := rpm.Verify(bytes.NewReader(bad), rpm.VerifyOptions{})
		if err != nil || v.Err() == nil {
			t.Errorf("%s: %v, %v", name, err, v)
		}
	}
	read(t, good) // the original is left alone
}

func Example() {
	data := rpmtest.Build(rpmtest.Spec{
		Name: "hello", Version: "1.0", Release: "1.fc44", Arch: "x86_64",
		Requires:  rpmtest.Deps("glibc >= 2.38"),
		BuildTime: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix(),
		Files:     []rpmtest.File{{Path: "/usr/bin/hello", Mode: 0o755, Data: []byte("#!/bin/sh\n")}},
	})
	v, err := rpm.Verify(bytes.NewReader(data), rpm.VerifyOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.Package.NEVRA(), v.Err(), v.Check(rpm.CheckPayload).Status)
	bad, err := rpm.Verify(bytes.NewReader(rpmtest.FlipPayload(data)), rpm.VerifyOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bad.Check(rpm.CheckPayload).Status)
	// Output:
	// hello-1.0-1.fc44.x86_64 <nil> ok
	// bad
}
