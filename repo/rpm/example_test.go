package rpm_test

import (
	"bytes"
	"fmt"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

func ExampleRead() {
	file := bytes.NewReader(rpmtest.Build(rpmtest.Spec{
		Name: "hello", Epoch: 1, Version: "2.0^git1", Release: "1.fc44", Arch: "x86_64",
		Recommends: rpmtest.Deps("hello-doc"),
		Files:      []rpmtest.File{{Path: "/usr/bin/hello", Mode: 0o755, Data: []byte("#!/bin/sh\n")}},
	}))
	p, err := rpm.Read(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.NEVRA(), p.InstalledSize, "bytes")
	for f := range p.Files() {
		fmt.Println(f.Path(), f.Size)
	}
	for d := range p.Dependencies(rpm.Recommends) {
		fmt.Println("recommends", d)
	}
	// Output:
	// hello-1:2.0^git1-1.fc44.x86_64 10 bytes
	// /usr/bin/hello 10
	// recommends hello-doc
}

func ExamplePackage_Payload() {
	file := bytes.NewReader(rpmtest.Build(rpmtest.Spec{
		Name: "hello", Version: "1.0", Release: "1.fc44", Compressor: "zstd",
		Files: []rpmtest.File{
			{Path: "/usr/bin/hello", Mode: 0o755, Data: []byte("#!/bin/sh\n")},
			{Path: "/usr/bin/hi", Hardlink: "/usr/bin/hello"},
			{Path: "/dev/hello", Mode: 0o20600, Rdev: 0x0103},
		},
	}))
	p, err := rpm.Read(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	y, err := p.Payload(file, rpm.PayloadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer y.Close()
	for e, err := y.Next(); err == nil; e, err = y.Next() {
		local, ok := e.File.Local()
		fmt.Println(local, ok, e.File.IsDevice(), e.Links, e.Size)
	}
	// Output:
	// dev/hello true true 1 0
	// usr/bin/hello true false 2 0
	// usr/bin/hi true false 2 10
}

func ExampleVerify() {
	download := rpmtest.Truncate(rpmtest.Build(rpmtest.Spec{Name: "hello", Version: "1.0", Release: "1.fc44"}), 10)
	v, err := rpm.Verify(bytes.NewReader(download), rpm.VerifyOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range v.Checks {
		fmt.Println(c.Name, c.Status)
	}
	fmt.Println("signature", v.SignatureStatus())
	// Output:
	// size bad
	// md5 bad
	// header-sha1 ok
	// header-sha256 ok
	// header-sha3-256 absent
	// payload bad
	// payload-sha512 absent
	// payload-sha3-256 absent
	// signature unsigned
}

func ExampleVercmp() {
	fmt.Println(rpm.Vercmp("1.0~rc1", "1.0"), rpm.Vercmp("1.0^git1", "1.0"), rpm.Vercmp("1.0^git1", "1.0.1"))
	// Output: -1 1 -1
}

func ExampleParseNEVRA() {
	n, err := rpm.ParseNEVRA("anaconda-1:44.12-1.fc44.x86_64.rpm")
	fmt.Println(n.Name, n.EVR.Epoch, n.EVR.Version, n.Arch, n.FileName(), err)
	// Output: anaconda 1 44.12 x86_64 anaconda-44.12-1.fc44.x86_64.rpm <nil>
}
