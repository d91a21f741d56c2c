// Package updates makes anaconda's updates.img out of RPM packages: the image
// that the installer lays over itself when it is started with inst.updates=, so
// that a fixed package can be tried without building a new boot.iso. It is what
// anaconda's scripts/makeupdates does with rpm2cpio and cpio, without either,
// and with rules for what they leave to chance.
//
//	f, err := os.Create("updates.img")
//	...
//	report, err := updates.Write(ctx, f, []updates.Input{
//		{Path: "anaconda-core-44.12-1.fc44.x86_64.rpm"},
//		{Path: "python3-blivet-3.13.0-1.fc44.noarch.rpm"},
//	}, updates.Options{Time: planTime, MergeUsr: true})
//	if err != nil { ... } // *InputError, *ConflictError, *FileError, *TooLargeError
//	fmt.Println(report.Files, report.Size)
//
//	_, err = updates.Check(ctx, image, inputs, options) // reads the image back
//
// The image is a cpio archive in the newc form, compressed with gzip: what every
// installer since Fedora 17 unpacks (dracut's unpack_img), and the kernel too.
//
// Every package is verified before anything in it is believed: the digests that
// it carries about itself must cover header and payload and match. Owners are
// names in a package and numbers in an archive; the numbers are those that
// Fedora's setup package fixes, and what belongs to a user it does not know is
// root's and loses its setuid bit, as rpm does it. Scriptlets, file capabilities
// and labels have no place in an archive; the report says where there were any.
//
// A file may not lead out of the image, nor lie behind a symbolic link that
// another package brings; device nodes are refused. Two packages may share a
// path if they have the same file there, or an ELF file each of which the
// 64-bit one wins, as in rpm; otherwise the error names both.
//
// The same packages in any order give the same bytes: folders first, sorted,
// then the files package by package, sorted by NEVRA, in the order of their
// archives. No time is later than Options.Time.
//
// Memory: the paths of all files, about 300 bytes each, and a decompressor's
// window; contents are streamed.
package updates
