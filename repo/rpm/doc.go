// Package rpm reads RPM packages: what a repository index needs of them, what
// a downloader must check, what unpacking needs, and how their versions compare.
// It needs no rpm on the machine and trusts nothing in the file: every count,
// offset, type and region is checked against the data and against rpm's own
// limits before memory is spent, and damage is answered with a *FormatError.
//
//	p, err := rpm.Open("bash-5.2.37-1.fc44.x86_64.rpm")
//	if err != nil { ... }
//	fmt.Println(p.NEVRA(), p.InstalledSize, p.FileCount())
//	for d := range p.Dependencies(rpm.Requires) {
//		fmt.Println(d) // "glibc >= 2.38", "(a if b)"
//	}
//	for f := range p.Files() {
//		fmt.Println(f.Path(), f.Size)
//	}
//
//	v, err := rpm.Verify(download, rpm.VerifyOptions{Keyring: keys}) // one read
//	if err == nil {
//		err = v.Err() // *VerifyError when a digest or signature is bad
//	}
//	fmt.Println(v.SHA256, v.Size, v.SignatureStatus()) // ok, unsigned, unknown-key, bad or unsupported
//
//	y, err := p.Payload(rest, rpm.PayloadOptions{})
//	for e, err := y.Next(); err == nil; e, err = y.Next() {
//		local, ok := e.File.Local() // "usr/bin/bash"; false for a path that leads elsewhere
//		...
//	}
//
//	rpm.Vercmp("1.0~rc1", "1.0") // -1
//
// Formats 3, 4 and 6 are read, source packages included. What rpm 4.18 refuses
// is refused. What it accepts is accepted but for packages that mean different
// things to different readers, and that nobody makes: a tag that comes twice,
// lists whose columns have different lengths, files without a directory or in
// one that is not there, more directories than files, paths that sum up to more
// than eight times the header, and no name, version or release. The facts are
// those of rpm's lib/header.cc, lib/package.cc, lib/rpmvs.cc,
// include/rpm/rpmtag.h and docs/manual/format_v6.md.
//
// Memory: reading a package takes at most three times the size of its headers,
// 1.5 times above 100 KiB; Payload adds the window of a decompressor.
package rpm
