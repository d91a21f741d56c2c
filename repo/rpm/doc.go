// Package rpm reads RPM packages: what a repository index needs of them, what
// a downloader must check, and how their versions compare. It needs no rpm on
// the machine and trusts nothing in the file: every count, offset, type and
// region is checked against the data and against rpm's own limits before
// memory is spent, and damage is answered with a *FormatError.
//
//	p, err := rpm.Open("bash-5.2.37-1.fc44.x86_64.rpm")
//	if err != nil { ... }
//	fmt.Println(p.NEVRA(), p.InstalledSize, len(p.Files))
//	for _, d := range p.Requires {
//		fmt.Println(d.Name, d.EVR)
//	}
//
//	v, err := rpm.Verify(download, rpm.VerifyOptions{Keyring: keys}) // one read
//	if err == nil {
//		err = v.Err() // *VerifyError when a digest or signature is bad
//	}
//	fmt.Println(v.SHA256, v.Size, v.SignatureStatus())
//
//	rpm.Vercmp("1.0~rc1", "1.0") // -1
//
// Formats 3, 4 and 6 are read, source packages included; what is accepted is
// what rpm 4.18 accepts. The facts are those of rpm's lib/header.cc,
// include/rpm/rpmtag.h and docs/manual/format_v6.md.
package rpm
