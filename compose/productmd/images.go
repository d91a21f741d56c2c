package productmd

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

const imagesFile = "images.json"

// Image is one image of a compose.
type Image struct {
	AdditionalVariants []string          `json:"additional_variants,omitempty"` // of a unified image
	Arch               string            `json:"arch"`
	Bootable           bool              `json:"bootable"`
	Checksums          map[string]string `json:"checksums"` // by algorithm: "sha256"
	DiscCount          int               `json:"disc_count"`
	DiscNumber         int               `json:"disc_number"`
	Format             string            `json:"format"`      // "iso", "qcow2", "raw.xz" ...
	ImplantMD5         *string           `json:"implant_md5"` // nil: none
	MTime              int64             `json:"mtime"`       // seconds since 1970
	Path               string            `json:"path"`        // relative to the compose
	Size               int64             `json:"size"`        // bytes
	Subvariant         string            `json:"subvariant"`  // what is in it: "Server", "KDE"
	Type               string            `json:"type"`        // "boot", "dvd", "live", "netinst" ...
	Unified            bool              `json:"unified,omitempty"`
	VolumeID           *string           `json:"volume_id"` // nil: none
}

// Images is images.json: the images by variant and arch.
type Images struct {
	Compose Compose                       `json:"compose"`
	Images  map[string]map[string][]Image `json:"images"`
}

// formats lists which formats the types of images come in, nil for any
// (IMAGE_TYPE_FORMAT_MAPPING of productmd/images.py).
func formats() map[string][]string {
	iso := []string{"iso"}
	return map[string][]string{
		"appx": {"appx"}, "boot": iso, "bootable-container": {"ociarchive"}, "cd": iso, "container": {"tar.xz", "oci", "ociarchive"},
		"docker": {"tar.gz", "tar.xz"}, "dvd": iso, "dvd-debuginfo": iso, "dvd-ostree": iso, "dvd-ostree-osbuild": iso, "ec2": nil,
		"fex": {"erofs.xz", "erofs.gz", "erofs", "squashfs.xz", "squashfs.gz", "squashfs"}, "kvm": nil, "live": nil, "live-osbuild": iso,
		"liveimg-squashfs": {"liveimg.squashfs"}, "netinst": iso, "ociarchive": {"ociarchive"}, "p2v": nil, "qcow": {"qcow"}, "qcow2": {"qcow2"},
		"raw": {"raw"}, "raw-xz": {"raw.xz"}, "rescue": nil, "rhevm-ova": {"rhevm.ova"}, "tar-gz": {"tar.gz"},
		"vagrant-hyperv": {"vagrant-hyperv.box"}, "vagrant-libvirt": {"vagrant-libvirt.box"}, "vagrant-virtualbox": {"vagrant-virtualbox.box"},
		"vagrant-vmware-fusion": {"vagrant-vmware-fusion.box"}, "vdi": {"vdi"}, "vmdk": {"vmdk"}, "vpc": {"vhd"},
		"vhd-compressed": {"vhd.gz", "vhd.xz", "vhdfixed.xz"}, "vsphere-ova": {"vsphere.ova"}, "wsl2": {"tar", "tar.gz", "wsl"},
	}
}

var md5Pattern = regexp.MustCompile(`^[a-z0-9]{32}$`)

func (i *Image) validate(types map[string][]string, all []string) string {
	_, known := types[i.Type]
	switch {
	case strings.TrimSpace(i.Path) == "":
		return "has no path"
	case i.Size <= 0:
		return fmt.Sprintf("has the size %d", i.Size)
	case !known:
		return fmt.Sprintf("has the unknown type %q", clip(i.Type))
	case !slices.Contains(all, i.Format):
		return fmt.Sprintf("has the unknown format %q", clip(i.Format))
	case i.Arch == "":
		return "has no arch"
	case len(i.Checksums) == 0:
		return "has no checksum"
	case i.ImplantMD5 != nil && !md5Pattern.MatchString(*i.ImplantMD5):
		return fmt.Sprintf("has the implanted sum %q", clip(*i.ImplantMD5))
	case i.VolumeID != nil && *i.VolumeID == "":
		return "has an empty volume id"
	case len(i.AdditionalVariants) > 0 && !i.Unified:
		return "has additional variants and is not unified"
	}
	return ""
}

// unique are the attributes that no two images with other content may share.
func (i *Image) unique() string {
	return fmt.Sprintf("%q %q %q %q %d %t %q", i.Subvariant, i.Type, i.Format, i.Arch, i.DiscNumber, i.Unified, i.AdditionalVariants)
}

// Validate returns the *FieldError of a rule that is broken.
func (m *Images) Validate() error {
	if err := m.Compose.validate(imagesFile); err != nil {
		return err
	}
	types := formats()
	var all []string
	for _, list := range types {
		all = append(all, list...)
	}
	seen := map[string]*Image{}
	for _, variant := range slices.Sorted(maps.Keys(m.Images)) {
		for _, arch := range slices.Sorted(maps.Keys(m.Images[variant])) {
			if !binaryArch(arch) {
				return &FieldError{File: imagesFile, Field: variant + "." + clip(arch), Reason: "is no arch for images"}
			}
			for i := range m.Images[variant][arch] {
				image := &m.Images[variant][arch][i]
				reason := image.validate(types, all)
				if other := seen[image.unique()]; reason == "" && other != nil && !maps.Equal(other.Checksums, image.Checksums) {
					reason = "has subvariant, type, format, arch and disc number in common with " + clip(other.Path)
				}
				if reason != "" {
					return &FieldError{File: imagesFile, Field: variant + "." + arch + " " + clip(image.Path), Reason: reason}
				}
				seen[image.unique()] = image
			}
		}
	}
	return nil
}

// Write writes images.json.
func (m *Images) Write(w io.Writer) error {
	if err := m.Validate(); err != nil {
		return err
	}
	out := Images{Compose: m.Compose, Images: map[string]map[string][]Image{}}
	for variant, arches := range m.Images {
		out.Images[variant] = map[string][]Image{}
		for arch, list := range arches {
			out.Images[variant][arch] = slices.SortedFunc(slices.Values(list), func(a, b Image) int { return cmp.Compare(a.Path, b.Path) })
		}
	}
	return writeJSON(w, imagesFile, "productmd.images", &out)
}

// ReadImages reads images.json of version 1.0 to 1.2.
func ReadImages(r io.Reader) (*Images, error) {
	m, err := readJSON[*Images](r, imagesFile, "productmd.images")
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, &SyntaxError{File: imagesFile, Reason: "has no payload"}
	}
	return m, m.Validate()
}

// binaryArch tells whether RPMs for an arch exist that are no sources. The list
// of all is that of productmd/common.py; what matters is that source is none.
func binaryArch(arch string) bool {
	return arch != "" && arch != "src" && arch != "nosrc" && !strings.ContainsAny(arch, "/ .")
}
