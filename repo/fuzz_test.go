package repo_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/repo"
)

// wellFormed tells whether encoding/xml reads the document to its end.
func wellFormed(doc []byte) bool {
	for dec := xml.NewDecoder(bytes.NewReader(doc)); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return true
		} else if err != nil {
			return false
		}
	}
}

func FuzzReadRepomd(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>1</revision><tags><content>c</content><distro cpeid="x">d</distro></tags>
  <data type="primary"><checksum type="sha256">aa</checksum><open-checksum type="sha256">bb</open-checksum>
  <location href="repodata/p.xml.gz" xml:base="https://example.org/"/><timestamp>1.5</timestamp><size>2</size><open-size>3</open-size></data>
</repomd>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		md, err := repo.ReadRepomd(bytes.NewReader(doc))
		if err != nil {
			return
		}
		if !wellFormed(doc) {
			t.Fatalf("accepted, but encoding/xml refuses %q", doc)
		}
		var out bytes.Buffer
		if _, err := md.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		again, err := repo.ReadRepomd(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, out.Bytes())
		}
		if again.Revision != md.Revision || len(again.Data) != len(md.Data) || !cmp.Equal(again.DistroTags, md.DistroTags) {
			t.Fatalf("read %+v, then %+v", md, again)
		}
	})
}

func FuzzPrimary(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
<package type="rpm"><name>a</name><arch>x86_64</arch><version epoch="0" ver="1" rel="1"/>
<checksum type="sha256" pkgid="YES">aa</checksum><summary>s &amp; t</summary><time file="1" build="2"/>
<size package="1" installed="2" archive="3"/><location xml:base="b" href="a.rpm"/><format><rpm:license>MIT</rpm:license>
<rpm:header-range start="1" end="2"/><rpm:provides><rpm:entry name="a" flags="EQ" epoch="0" ver="1" rel="1"/></rpm:provides>
<rpm:requires><rpm:entry name="/bin/sh" pre="1"/></rpm:requires><file type="dir">/etc/a</file></format></package></metadata>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		n := 0
		for e, err := range repo.Primary(bytes.NewReader(doc)) {
			if err != nil {
				if e != nil {
					t.Fatal("an entry and an error")
				}
				return
			}
			if e.Name == "" || e.Location == "" {
				t.Fatalf("incomplete entry %+v", e)
			}
			n++
		}
		if !wellFormed(doc) {
			t.Fatalf("%d packages accepted, but encoding/xml refuses %q", n, doc)
		}
	})
}

func FuzzFilelists(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="UTF-8"?>
<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="1">
<package pkgid="aa" name="a" arch="noarch"><version epoch="0" ver="1" rel="1"/><file>/a</file><file type="dir">/b &lt;</file></package></filelists>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		for p, err := range repo.Filelists(bytes.NewReader(doc)) {
			if err != nil {
				return
			}
			if p.PkgID == "" {
				t.Fatal("a package without pkgid")
			}
		}
		if !wellFormed(doc) {
			t.Fatalf("accepted, but encoding/xml refuses %q", doc)
		}
	})
}

func FuzzOther(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="UTF-8"?>
<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="1">
<package pkgid="aa" name="a" arch="noarch"><version epoch="0" ver="1" rel="1"/><changelog author="Zo&#xEB;" date="1">- x</changelog></package></otherdata>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		for p, err := range repo.Other(bytes.NewReader(doc)) {
			if err != nil {
				return
			}
			if p.PkgID == "" {
				t.Fatal("a package without pkgid")
			}
		}
		if !wellFormed(doc) {
			t.Fatalf("accepted, but encoding/xml refuses %q", doc)
		}
	})
}
