package dvd

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/compose/productmd"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/repo/rpm"
)

// metadataDir is where productmd looks for the files of a compose.
const metadataDir = "metadata"

// ChecksumName is the name of the checksum file of an image, as Fedora's.
func ChecksumName(image string) string { return strings.TrimSuffix(image, ".iso") + "-CHECKSUM" }

// metadata writes what stands beside the medium.
func (b *builder) metadata(ctx context.Context) error {
	b.Progress(percentImage, "describing the medium")
	release := productmd.Release{Name: b.Product.Name, Short: b.Product.Short, Version: b.Product.Version, Type: productmd.ReleaseGA}
	c := productmd.Compose{Date: b.Time.UTC().Format("20060102"), Type: productmd.TypeTest}
	c.ComposeID(&release)
	image := filepath.Base(b.Output)
	info := &productmd.ComposeInfo{Compose: c, Release: release, Variants: map[string]productmd.Variant{b.Variant: {
		ID: b.Variant, UID: b.Variant, Name: b.Variant, Type: productmd.VariantPlain, Arches: []string{b.Arch},
		Paths: map[string]map[string]string{"isos": {b.Arch: "."}},
	}}}
	rpms, err := b.rpms(ctx, c)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{metadataDir + "/composeinfo.json", info.Write},
		{metadataDir + "/images.json", b.images(c, image).Write},
		{metadataDir + "/rpms.json", rpms.Write},
		{ChecksumName(image), func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "# %s: %d bytes\nSHA256 (%s) = %s\n", image, b.res.Size, image, b.res.SHA256)
			return err //nolint:wrapcheck // the file is named by whoever writes it
		}},
	} {
		to := filepath.Join(b.MetadataDir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("write metadata: %w", err)
		}
		if err := writeFile(to, b.Time, f.write); err != nil {
			return err
		}
		b.res.Metadata = append(b.res.Metadata, f.name)
	}
	return nil
}

func (b *builder) images(c productmd.Compose, name string) *productmd.Images {
	volid := b.res.Info.VolumeID
	one := productmd.Image{
		Arch: b.Arch, Bootable: b.res.Info.Bootable(), Checksums: map[string]string{"sha256": b.res.SHA256},
		DiscCount: 1, DiscNumber: 1, Format: "iso", MTime: b.Time.Unix(), Path: name, Size: b.res.Size, Subvariant: b.Variant, Type: "dvd", VolumeID: &volid,
	}
	if b.res.Checksum != nil {
		one.ImplantMD5 = &b.res.Checksum.MD5
	}
	return &productmd.Images{Compose: c, Images: map[string]map[string][]productmd.Image{b.Variant: {b.Arch: {one}}}}
}

// rpms lists the packages by their source packages. The epoch of a source package
// is not written in those that come of it; it is theirs in all but odd ones.
func (b *builder) rpms(ctx context.Context, c productmd.Compose) (*productmd.RPMs, error) {
	m := &productmd.RPMs{Compose: c}
	for _, placed := range b.res.Packages {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("list packages: %w", err)
		}
		file := b.placed[placed.Path]
		p, err := rpm.Open(file)
		if err != nil {
			return nil, &PackageError{Path: file, Err: err}
		}
		r := productmd.RPM{Category: productmd.CategoryBinary, Path: path.Clean(placed.Path)}
		source := p.NEVRA()
		switch {
		case p.Source:
			r.Category = productmd.CategorySource
		case koji.IsDebuginfo(p.Name):
			r.Category = productmd.CategoryDebug
		}
		if n, err := rpm.ParseNEVRA(p.SourceRPM); err == nil {
			source = rpm.NEVRA{Name: n.Name, EVR: rpm.EVR{Epoch: p.EVR.Epoch, Version: n.EVR.Version, Release: n.EVR.Release}, Arch: n.Arch}
		}
		for i := range p.Signatures {
			if id := strings.ToLower(p.Signatures[i].KeyID); len(id) == 16 {
				short := id[8:] // as Koji and Pungi name keys
				r.SigKey = &short
				break
			}
		}
		m.Add(b.Variant, b.Arch, source, p.NEVRA(), r)
	}
	return m, nil
}
