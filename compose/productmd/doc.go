// Package productmd reads and writes the files in which Fedora's composes and
// media describe themselves, in version 1.2 of productmd's formats: .treeinfo,
// .discinfo and media.repo of a tree or medium, composeinfo.json, images.json and
// rpms.json of a compose. Installers, Pungi, openQA and fedfind read them.
//
//	tree := &productmd.TreeInfo{
//		Release: productmd.Product{Name: "Fedora", Short: "Fedora", Version: "44"},
//		Arch: "x86_64", BuildTime: epoch,
//		Variants: []productmd.TreeVariant{{ID: "Server", Packages: "Packages", Repository: "."}},
//		Images: map[string]map[string]string{"x86_64": {"kernel": "images/pxeboot/vmlinuz"}},
//		MainImage: "images/install.img", Disc: 1, Discs: 1,
//	}
//	err := tree.Write(w) // a *FieldError for what no reader would take
//
//	tree, err := productmd.ReadTreeInfo(r) // lorax's own too
//
// What is written is what productmd 1.2 writes of the same facts, byte for byte;
// the interop suite has productmd read and write it again. The rules are those of
// productmd/*.py and doc/*.rst of release-engineering/productmd, and of
// configparser of Python, whose dialect .treeinfo is.
//
// Everything read is bounded: 4 MiB of .treeinfo, 64 KiB of .discinfo and
// media.repo, 256 MiB of JSON.
package productmd
