package dvd

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/productmd"
)

// baseFacts is what .treeinfo says of the base's files.
type baseFacts struct {
	size   int64
	images map[string]string // by the name that .treeinfo gives them
	stage2 string
	sums   map[string]productmd.Checksum
}

// image is a file of a tree that .treeinfo names.
type image struct {
	name, path string
	edited     bool // the remaster may change it, so that its digest here says nothing
}

// layouts are the files that lorax's templates (share/templates.d/99-generic)
// list in .treeinfo, by architecture. A boot.iso has no .treeinfo itself: lorax
// writes that after it.
func layouts(arch string) []image {
	pxeboot := []image{
		{"kernel", "images/pxeboot/vmlinuz", false}, {"initrd", "images/pxeboot/initrd.img", false}, {"efiboot.img", "images/efiboot.img", true},
	}
	switch arch {
	case "x86_64":
		return append(pxeboot, image{"eltorito.img", "images/eltorito.img", true})
	case "ppc64le":
		return []image{{"kernel", "ppc/ppc64/vmlinuz", false}, {"initrd", "ppc/ppc64/initrd.img", false}}
	case "s390x":
		return []image{
			{"kernel", "images/kernel.img", false},
			{"initrd", "images/initrd.img", false},
			{"initrd.addrsize", "images/initrd.addrsize", false},
			{"generic.prm", "images/generic.prm", true},
			{"genericdvd.prm", "images/genericdvd.prm", true},
			{"generic.ins", "generic.ins", false},
			{"redhat.exec", "images/redhat.exec", false},
			{"cdboot.img", "images/cdboot.img", true},
		}
	}
	return pxeboot
}

// stages2 are where the installer's root is, newest first.
func stages2() []string { return []string{"images/install.img", "LiveOS/squashfs.img"} }

// readBase looks at a base image.
func readBase(path, arch string) (*baseFacts, error) {
	m, err := iso.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = m.Close() }()
	info, err := m.Info()
	if err != nil {
		return nil, err
	}
	if info.Arch != "" && info.Arch != arch {
		return nil, &BaseError{fmt.Sprintf("it is for %s, and the medium is for %s", info.Arch, arch)}
	}
	b := &baseFacts{size: info.FileSize, images: map[string]string{}, sums: map[string]productmd.Checksum{}}
	for _, name := range []string{"repodata/repomd.xml", "Packages"} {
		if _, err := m.Stat(name); err == nil {
			return nil, &BaseError{"it has a repository already (" + name + "); give a boot.iso"}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, f := range layouts(arch) {
		ok, err := b.take(m, f.path, f.edited)
		if err != nil {
			return nil, err
		}
		if ok {
			b.images[f.name] = f.path
		}
	}
	for _, name := range stages2() {
		ok, err := b.take(m, name, false)
		if err != nil {
			return nil, err
		}
		if ok {
			b.stage2 = name
			break
		}
	}
	if b.images["kernel"] == "" || b.images["initrd"] == "" {
		return nil, &BaseError{fmt.Sprintf("it has no kernel and initrd where those of %s are (%s)", arch, layouts(arch)[0].path)}
	}
	return b, nil
}

// take notes a file if it is there, with its digest unless it may change.
func (b *baseFacts) take(m *iso.Image, name string, edited bool) (bool, error) {
	f, err := m.OpenFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || edited {
		return err == nil, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false, fmt.Errorf("read %s of the base image: %w", name, err)
	}
	b.sums[name] = productmd.Checksum{Type: "sha256", Value: hex.EncodeToString(h.Sum(nil))}
	return true, nil
}
