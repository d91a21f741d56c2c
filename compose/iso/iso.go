// Package iso looks into ISO 9660 images and keeps the medium checksum that
// Fedora's installer verifies (isomd5sum's implantisomd5 and checkisomd5), all
// without an external tool and without mounting anything.
//
//	info, err := iso.Inspect("boot.iso")
//	fmt.Println(info.VolumeID, info.Arch, info.BIOS, info.UEFI)
//
//	ks, err := iso.ReadFile("boot.iso", "/EFI/BOOT/grub.cfg", 1<<20)
//
//	sum, err := iso.ImplantMD5(ctx, "out.iso", iso.ImplantOptions{})
//	err = iso.CheckMD5(ctx, "out.iso", func(done, total int64) { ... })
//
// Images come from outside: every structure is bounded, and one that breaks the
// rules is answered with a *NotISOError. Names are Rock Ridge's where the image
// has them. Facts: ECMA-119 (ISO 9660), SUSP 1.12 and RRIP 1.12 (Rock Ridge),
// El Torito 1.0, UEFI 2.10 section 5 (GPT).
package iso

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/fedora-respin/respin/internal/limitio"
)

// SectorSize is the size of a logical sector in bytes. Images with another
// logical block size are not made by anyone.
const SectorSize = 2048

// MaxVolumeID is the longest volume id that ISO 9660 can hold.
const MaxVolumeID = 32

// smallFile bounds the metadata files that Inspect reads.
const smallFile = 256 << 10

// NotISOError says that a file is no ISO 9660 image, or one that breaks its own
// structure.
type NotISOError struct {
	Path   string
	Reason string // a clause without a full stop
}

// Error names the file and what is wrong with it.
func (e *NotISOError) Error() string {
	return fmt.Sprintf("%s is not a usable ISO 9660 image: %s", e.Path, e.Reason)
}

// VolumeIDError says why a volume id is refused.
type VolumeIDError struct {
	VolumeID string
	Reason   string
}

// Error quotes the volume id.
func (e *VolumeIDError) Error() string {
	return fmt.Sprintf("volume id %q: %s", e.VolumeID, e.Reason)
}

// ValidVolumeID checks that s can be a volume id that needs no escaping in boot
// configurations: 1 to 32 of [A-Za-z0-9_-]. lorax makes its ids from the same
// characters. The error is a *VolumeIDError.
func ValidVolumeID(s string) error {
	if s == "" {
		return &VolumeIDError{s, "it is empty"}
	}
	if len(s) > MaxVolumeID {
		return &VolumeIDError{s, fmt.Sprintf("it has %d characters, ISO 9660 allows %d", len(s), MaxVolumeID)}
	}
	for _, r := range s {
		if r > 127 || !strings.ContainsRune(volumeIDChars, r) {
			return &VolumeIDError{s, fmt.Sprintf("character %q is not one of A-Z a-z 0-9 _ -", r)}
		}
	}
	return nil
}

const volumeIDChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

// Info is what Inspect finds.
type Info struct {
	VolumeID  string
	System    string // system id; "LINUX" from most tools
	Publisher string
	App       string // application id
	// VolumeSize is what the primary volume descriptor claims, in bytes; FileSize
	// is the file's. Appended partitions make the file the larger one.
	VolumeSize, FileSize int64
	RockRidge, Joliet    bool
	// Arch is .discinfo's third line, else .treeinfo's arch; "" when neither says.
	Arch     string
	DiscInfo *DiscInfo // nil when the image has no .discinfo
	TreeInfo *TreeInfo // nil when the image has no .treeinfo
	// BIOS and UEFI say that the El Torito catalog has a bootable entry for that
	// firmware (booting from a CD); the Disk forms that the image carries a boot
	// sector or an EFI system partition (booting from a USB stick).
	BIOS, UEFI, BIOSDisk, UEFIDisk bool
	Boot                           []BootEntry
	Partitions                     []Partition
	Checksum                       *Checksum // nil when none is implanted
}

// Inspect reads what the image at path says about itself.
func Inspect(path string) (*Info, error) {
	img, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = img.Close() }()
	return img.Info()
}

// ReadFile returns the content of one file of the image at path. Its errors are
// *NotISOError, fs.ErrNotExist (wrapped), and *limitio.TooLargeError when the
// file has more than limit bytes.
func ReadFile(path, name string, limit int64) ([]byte, error) {
	img, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = img.Close() }()
	return img.ReadFile(name, limit)
}

// Image is an open image. Its methods may be called by many goroutines.
type Image struct {
	r      io.ReaderAt
	size   int64
	path   string
	closer io.Closer
	pvd    [SectorSize]byte
	pvdAt  int64 // bytes
	boot   int64 // sector of the El Torito catalog, 0 when there is none
	root   Entry
	rr     bool
	joliet bool
	skip   int // SUSP bytes to skip in each system use area
}

// Open opens the image at path.
func Open(path string) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &NotISOError{Path: path, Reason: "it is not a regular file"}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	img, err := NewImage(f, st.Size(), path)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	img.closer = f
	return img, nil
}

// NewImage reads an image of size bytes from r; name is used in errors.
func NewImage(r io.ReaderAt, size int64, name string) (*Image, error) {
	img := &Image{r: r, size: size, path: name}
	if err := img.readDescriptors(); err != nil {
		return nil, err
	}
	if err := img.readRoot(); err != nil {
		return nil, err
	}
	return img, nil
}

// Close closes the file that Open opened.
func (m *Image) Close() error {
	if m.closer == nil {
		return nil
	}
	return m.closer.Close()
}

// VolumeID returns the volume id without its padding.
func (m *Image) VolumeID() string { return m.text(40, 32) }

func (m *Image) text(off, n int) string {
	return strings.TrimRight(string(m.pvd[off:off+n]), " \x00")
}

// Info gathers everything that the image says about itself.
func (m *Image) Info() (*Info, error) {
	info := &Info{
		VolumeID: m.VolumeID(), System: m.text(8, 32), Publisher: m.text(318, 128), App: m.text(574, 128),
		VolumeSize: m.volumeSize(), FileSize: m.size, RockRidge: m.rr, Joliet: m.joliet,
	}
	var err error
	if info.Boot, err = m.bootEntries(); err != nil {
		return nil, err
	}
	for _, b := range info.Boot {
		info.BIOS = info.BIOS || b.Bootable && b.Platform == PlatformX86
		info.UEFI = info.UEFI || b.Bootable && b.Platform == PlatformEFI
	}
	if err := m.readPartitions(info); err != nil {
		return nil, err
	}
	if sum, err := parseAppData(m.appData()); err == nil {
		info.Checksum = sum
	}
	return info, m.readTreeFiles(info)
}

func (m *Image) readTreeFiles(info *Info) error {
	disc, err := m.ReadFile(".discinfo", smallFile)
	switch {
	case err == nil:
		info.DiscInfo = ParseDiscInfo(disc)
		info.Arch = info.DiscInfo.Arch
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	tree, err := m.ReadFile(".treeinfo", smallFile)
	switch {
	case err == nil:
		info.TreeInfo = ParseTreeInfo(tree)
		if info.Arch == "" {
			info.Arch = info.TreeInfo.Arch
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// ReadFile returns the content of the file name, at most limit bytes.
func (m *Image) ReadFile(name string, limit int64) ([]byte, error) {
	r, err := m.OpenFile(name)
	if err != nil {
		return nil, err
	}
	if r.Size > limit {
		return nil, fmt.Errorf("read %s: %w", m.path, &limitio.TooLargeError{What: "file " + name, Limit: limit})
	}
	data, err := limitio.ReadAll(r, limit, "file "+name)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, m.path, err)
	}
	return data, nil
}

func (m *Image) bad(format string, args ...any) error {
	return &NotISOError{Path: m.path, Reason: fmt.Sprintf(format, args...)}
}
