// Package rpmtest makes real RPM packages (format 4) without rpmbuild, for
// tests and demonstrations: rpm -K, rpm -i, createrepo_c and dnf accept them.
// It is not part of the product: what it writes comes from a [Spec] in a
// program, never from outside.
//
//	data := rpmtest.Build(rpmtest.Spec{
//		Name: "hello", Version: "1.0", Release: "1.fc44", Arch: "x86_64",
//		Requires: rpmtest.Deps("glibc >= 2.38", "/bin/sh"),
//		Files: []rpmtest.File{{Path: "/usr/bin/hello", Mode: 0o755, Data: []byte("#!/bin/sh\n")}},
//	})
//	src := rpmtest.Source(rpmtest.Spec{
//		Name: "hello", Version: "1.0", Release: "1.fc44", Arch: "x86_64",
//		Files: []rpmtest.File{{Path: "hello.spec", Data: []byte("Name: hello\n")}},
//	})
//	bad := rpmtest.FlipPayload(data) // digests no longer match
package rpmtest
