package repo

import (
	"crypto/sha256"
	_ "embed" // the sample
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// partsVersion is to be raised when a package's part of the metadata changes in
// a way that sample does not show.
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

// sampleRPM is the headers of a package with something of everything.
// TestSampleRPM makes it.
//
//go:embed sample.rpm
var sampleRPM string

// sample is what this version makes of the package of sampleRPM. It is part of
// the fingerprint, so that a change of the reader or the writer cannot go
// together with parts that an older version wrote.
func sample() []byte {
	p, err := rpm.Read(strings.NewReader(sampleRPM))
	if err != nil { // TestSampleRPM excludes it
		return []byte(err.Error())
	}
	odd := p.Summary
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
