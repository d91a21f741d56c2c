package kiwi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/image"
	"github.com/fedora-respin/respin/compose/image/vfs"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/proof"
)

// Verify implements compose.Backend. Two witnesses say what is installed: kiwi's
// list, made by rpm in the tree that the image was packed from, and the database
// inside the image, where its file system can be read. They must agree.
func (*Backend) Verify(ctx context.Context, p *compose.Plan, j *compose.BackendJob, made *compose.Made) (*compose.Proof, error) {
	file := filepath.Join(j.OutDir, filepath.FromSlash(made.Artifacts[0].Path))
	facts, err := verifyImage(ctx, p, file)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(made.Artifacts, func(a compose.Artifact) bool { return filepath.Ext(a.Path) == ".packages" })
	if i < 0 {
		return nil, failed("kiwi made an image and no list of its packages.")
	}
	shipped, err := listed(filepath.Join(j.OutDir, filepath.FromSlash(made.Artifacts[i].Path)))
	if err != nil {
		return nil, err
	}
	if len(shipped) == 0 {
		return nil, failed("kiwi's list names no package that is installed in the image.")
	}
	found, err := installed(ctx, file)
	if err != nil {
		return nil, err
	}
	if found != nil {
		if err := agree(shipped, found); err != nil {
			return nil, err
		}
		shipped = found
	} else {
		j.Say("the packages are those of kiwi's own list: the image cannot be looked into")
	}
	entries, err := compose.InstalledEntries(p, shipped)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the package
	}
	return &compose.Proof{Packages: entries, Image: *facts, Shipped: shipped}, nil
}

func failed(format string, args ...any) error {
	return &compose.FailedError{
		Err:     errors.New("read the image back"),
		Failure: compose.Failure{Code: compose.CodeVerifyFailed, Stage: compose.StageVerify, Sentence: fmt.Sprintf(format, args...)},
	}
}

// installed reads the database inside the image; nil for an image of a kind that
// is not looked into.
func installed(ctx context.Context, file string) ([]compose.Shipped, error) {
	contents, err := proof.Read(ctx, file, proof.Options{})
	_, unknown := errors.AsType[*image.UnknownError](err)
	_, unread := errors.AsType[*vfs.UnsupportedError](err)
	if unknown || unread || errors.Is(err, proof.ErrNoSystem) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read packages of the image: %w", err)
	}
	var list []compose.Shipped
	for i := range contents.Systems {
		for k := range contents.Systems[i].Packages {
			one := &contents.Systems[i].Packages[k]
			list = append(list, compose.Shipped{NEVRA: one.String(), SigMD5: one.SigMD5, HeaderSHA256: one.HeaderSHA256, From: "rpmdb"})
		}
	}
	slices.SortFunc(list, func(a, b compose.Shipped) int { return strings.Compare(a.NEVRA, b.NEVRA) })
	return list, nil
}

// agree compares kiwi's list with the image's own database. An image that has
// something else is an image of something else.
func agree(said, found []compose.Shipped) error {
	names := func(list []compose.Shipped) map[string]bool {
		set := make(map[string]bool, len(list))
		for _, s := range list {
			set[s.NEVRA] = true
		}
		return set
	}
	has, listed := names(found), names(said)
	for _, s := range said {
		if !has[s.NEVRA] {
			return failed("kiwi says that it installed %s, and the image's own database does not have it.", s.NEVRA)
		}
	}
	for _, s := range found {
		if !listed[s.NEVRA] {
			return failed("The image's own database has %s, of which kiwi says nothing.", s.NEVRA)
		}
	}
	return nil
}

func verifyImage(ctx context.Context, p *compose.Plan, file string) (*compose.ImageFacts, error) {
	switch t := &p.Description.Type; t.Image {
	case "iso":
		return verifyISO(ctx, p, file)
	case "oem":
		if t.Format == "qcow2" {
			return &compose.ImageFacts{Bootable: true}, checkMagic(file, 0, "QFI\xfb")
		}
		return &compose.ImageFacts{Bootable: true}, checkMagic(file, 510, "\x55\xaa")
	}
	return &compose.ImageFacts{}, checkMagic(file, 0, "\xfd7zXZ\x00")
}

func verifyISO(ctx context.Context, p *compose.Plan, file string) (*compose.ImageFacts, error) {
	info, err := iso.Inspect(file)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the image
	}
	if info.VolumeSize > info.FileSize {
		return nil, failed("The image has %d bytes where its volume has %d.", info.FileSize, info.VolumeSize)
	}
	facts := &compose.ImageFacts{VolID: info.VolumeID, Bootable: info.BIOS || info.UEFI || p.Request.Arch == "ppc64le" || p.Request.Arch == "s390x"}
	if info.Checksum != nil { // mediacheck of the description
		facts.ImplantedMD5 = info.Checksum.MD5
		if err := iso.CheckMD5(ctx, file, nil); err != nil {
			return nil, fmt.Errorf("check the medium checksum: %w", err)
		}
	}
	if info.VolumeID != p.VolID {
		return nil, failed("The image has the volume id %s where %s was asked for.", info.VolumeID, p.VolID)
	}
	if !facts.Bootable {
		return nil, failed("The image has no boot entry for BIOS or UEFI.")
	}
	return facts, nil
}

func checkMagic(file string, at int64, magic string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read image: %w", err)
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, len(magic))
	if _, err := f.ReadAt(head, at); err != nil && !errors.Is(err, io.EOF) || string(head) != magic {
		return failed("The image has % x at byte %d, not what one of its kind has.", head, at)
	}
	return nil
}
