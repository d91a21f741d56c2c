// Package dvd makes installation media: a boot.iso with a repository of packages
// on it, from which the installer works without a network.
//
//	res, err := dvd.Make(ctx, dvd.Job{
//		BaseISO: "boot.iso", Output: "Fedora-44-dvd-x86_64.iso", Arch: "x86_64", VolID: "Fedora-44-dvd-x86_64",
//		Product: productmd.Product{Name: "Fedora", Short: "Fedora", Version: "44"}, Variant: "Server",
//		Packages: []dvd.Package{{Path: "cache/bash-5.2.37-1.fc44.x86_64.rpm"}},
//		Comps: groups, Time: planTime,
//	})
//	if err != nil { ... } // *TooLargeError names the sizes, *BaseError, *PackageError, *remaster.JobError
//	fmt.Println(res.Path, res.SHA256)
//
//	err = dvd.Check(ctx, res.Path, want) // reads it back
//
// The base gives the boot loaders and the installer; package remaster adds to it
// as xorriso replays them, so that every architecture - x86_64, aarch64, ppc64le,
// s390x - keeps its own layout and ways to boot, and the volume id is right
// wherever it stands. That is Pungi's way since 4.3.4 (createiso_use_xorrisofs).
//
// On the medium are Packages/<letter>/, repodata with the groups that these
// packages can serve, .treeinfo, .discinfo and media.repo. Beside it are
// composeinfo.json, images.json and rpms.json below metadata/, which productmd
// loads as those of a compose, and the checksum file that Fedora's mirrors have.
//
// A set that is larger than the medium is refused before anything is written;
// nothing is split over several. The same Job gives the same bytes.
package dvd
