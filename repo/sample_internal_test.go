package repo

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// makeSample makes a package of format 3, which the reader has most to do with,
// with all that the rules of createrepo_c know of.
func makeSample() []byte {
	const odd = "a<b>&\"'\r\n\t é \xe9 "
	dep := func(name string, flags rpm.DepFlags, evr string) rpm.Dependency {
		return rpm.Dependency{Name: name, Flags: flags, EVR: evr}
	}
	provides := []rpm.Dependency{dep("p", rpm.DepEqual, "1"), dep(odd, rpm.DepGreater|rpm.DepEqual, ":1-2-3")}
	s := rpmtest.Spec{
		Name: "sample", Arch: "x86_64", Epoch: 2, Version: "1^2", Release: "3", Format: 3,
		Summary: odd, Description: odd, Packager: odd, URL: odd, License: odd, Vendor: odd, Group: odd, BuildHost: odd, SourceRPM: odd, BuildTime: 4,
		Files: []rpmtest.File{
			{Path: "/usr/bin/own", Data: []byte("own")},
			{Path: "/etc/" + odd, Mode: 0o40755, Flags: rpm.FileGhost},
			{Path: "/etc/g", Flags: rpm.FileGhost},
			{Path: "/usr/lib/sendmail"},
			{Path: "/usr/share/x"},
		},
		Requires: []rpm.Dependency{
			dep("rpmlib(X)", 0, ""), dep("/usr/bin/own", 0, ""), dep("/usr/share/x", 0, ""), dep("libc.so.6(GLIBC_2.9)", 0, ""),
			dep("libc.so.6(GLIBC_2.34)", 0, ""), dep("p", rpm.DepEqual, "1"), dep("d", 0, ""), dep("d", 0, ""), dep("d", rpm.DepPosttrans, ""),
			dep("pre", rpm.DepPrereq, ""), dep("pp", rpm.DepScriptPre, ""), dep("pt", rpm.DepPretrans, ""), dep("pn", rpm.DepScriptPreun, ""),
			dep("m", rpm.DepMissingOK, ""), dep("bad", rpm.DepLess, "x:1"), dep("e", rpm.DepLess|rpm.DepEqual, "1:2-3"), dep("", 0, ""),
		},
		Provides: provides, Conflicts: provides, Obsoletes: provides, Suggests: provides, Enhances: provides, Recommends: provides,
		Supplements: []rpm.Dependency{dep("", 0, "")},
	}
	for _, when := range []int64{9, 9, 9, 5} {
		s.Changelogs = append(s.Changelogs, rpm.Changelog{Time: when, Author: odd, Text: odd + "   "})
	}
	r := rpmtest.TakeApart(rpmtest.Build(s))
	for _, e := range []rpmtest.Entry{
		rpmtest.Strings(rpm.TagOldSuggestsName, "s", "w"), rpmtest.Ints(rpm.TagOldSuggestsFlags, uint32(rpm.DepStrong), 0), rpmtest.Strings(rpm.TagOldSuggestsVer, "", ""),
		rpmtest.Strings(rpm.TagOldEnhancesName, "s", "w"), rpmtest.Ints(rpm.TagOldEnhancesFlags, uint32(rpm.DepStrong), 0), rpmtest.Strings(rpm.TagOldEnhancesVer, "", ""),
	} {
		r.Header = rpmtest.Set(r.Header, e)
	}
	r.Payload = nil
	return r.Bytes()
}

// TestSampleRPM keeps the embedded package to what makeSample makes; -update
// writes it. Another package is another fingerprint: side caches are made anew.
func TestSampleRPM(t *testing.T) {
	t.Parallel()
	want := makeSample()
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile("sample.rpm", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal([]byte(sampleRPM), want) {
		t.Error("sample.rpm is not what makeSample makes; go test ./repo -run TestSampleRPM -update")
	}
	if _, err := rpm.Read(bytes.NewReader(want)); err != nil {
		t.Error(err)
	}
}
