package repo

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// partsVersion is to be raised when a package's part of the metadata changes in
// a way that sample does not show: when the reader of headers gives something else.
const partsVersion = 1

// fingerprint identifies everything besides the RPM itself that shapes a
// package's part of the metadata. Records of another fingerprint are of no use.
func (o *Options) fingerprint() [sha256.Size]byte {
	h := sha256.New()
	fileTime := "of each file"
	if !o.FileTime.IsZero() {
		fileTime = fmt.Sprint(o.FileTime.Unix())
	}
	_, _ = fmt.Fprintf(h, "%d\n%q\n%d %d\n%q %q %d\n%q\n%+v\n", partsVersion, o.Checksum, o.ChangelogLimit, o.Pre,
		o.BaseURL, o.LocationPrefix, o.CutDirs, fileTime, o.RPM)
	h.Write(sample())
	return [sha256.Size]byte(h.Sum(nil))
}

// sample is what this version makes of a package with something of everything.
// It is part of the fingerprint, so that a change of the writer cannot go
// together with parts that an older version wrote.
func sample() []byte {
	odd := "a<b>&\"'\r\n\t é \xe9 "
	dep := func(name string, flags rpm.DepFlags, evr string) rpm.Dependency {
		return rpm.Dependency{Name: name, Flags: flags, EVR: evr}
	}
	p := &rpm.Package{
		Name: "sample", Arch: "x86_64", EVR: rpm.EVR{Epoch: 2, HasEpoch: true, Version: "1^2", Release: "3"},
		Summary: odd, Description: odd, Packager: odd, URL: odd, License: odd, Vendor: odd, Group: odd, BuildHost: odd, SourceRPM: odd,
		BuildTime: 4, InstalledSize: 5, ArchiveSize: 6, HeaderStart: 7, HeaderEnd: 8, Format: 3,
		Files: []rpm.File{
			{Path: "/usr/bin/own"},
			{Path: "/etc/" + odd, Mode: 0o40755, Flags: rpm.FileGhost},
			{Path: "/etc/g", Flags: rpm.FileGhost},
			{Path: "/usr/lib/sendmail"},
			{Path: "/usr/share/x"},
		},
	}
	p.Requires = []rpm.Dependency{
		dep("rpmlib(X)", 0, ""), dep("/usr/bin/own", 0, ""), dep("/usr/share/x", 0, ""), dep("libc.so.6(GLIBC_2.9)", 0, ""),
		dep("libc.so.6(GLIBC_2.34)", 0, ""), dep("p", rpm.DepEqual, "1"), dep("d", 0, ""), dep("d", 0, ""), dep("d", rpm.DepPosttrans, ""),
		dep("pre", rpm.DepPrereq, ""), dep("pp", rpm.DepScriptPre, ""), dep("pt", rpm.DepPretrans, ""), dep("pn", rpm.DepScriptPreun, ""),
		dep("m", rpm.DepMissingOK, ""), dep("bad", rpm.DepLess, "x:1"), dep("e", rpm.DepLess|rpm.DepEqual, "1:2-3"), dep("", 0, ""),
	}
	p.Provides = []rpm.Dependency{dep("p", rpm.DepEqual, "1"), dep(odd, rpm.DepGreater|rpm.DepEqual, ":1-2-3")}
	p.Conflicts, p.Obsoletes, p.Suggests, p.Enhances = p.Provides, p.Provides, p.Provides, p.Provides
	p.Recommends, p.Supplements = p.Provides, []rpm.Dependency{dep("", 0, "")}
	p.OldSuggests = []rpm.Dependency{dep("s", rpm.DepStrong, ""), dep("w", 0, "")}
	p.OldEnhances = p.OldSuggests
	for _, when := range []int64{9, 9, 9, 5} {
		p.Changelogs = append(p.Changelogs, rpm.Changelog{Time: when, Author: odd, Text: odd + strings.Repeat(" ", 3)})
	}
	f := &fragment{}
	s := &source{pkg: p, pkgID: "00", sumType: "sha256", href: odd, base: odd, size: 10, fileTime: 11}
	var all []byte
	for _, rule := range []PreRule{Pre2x, Pre017} {
		if err := (&encoder{pre: rule, changelogMax: -1}).fragment(s, f); err != nil {
			all = append(all, err.Error()...)
		}
		for i := range coreCount {
			all = append(all, f.part(i)...)
		}
	}
	return all
}
