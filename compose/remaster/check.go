package remaster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/fedora-respin/respin/compose/iso"
)

// maxConfig bounds a boot configuration; real ones have some kilobytes.
const maxConfig = 1 << 20

// base is what a job needs to know of its base image.
type base struct {
	info    *iso.Info
	configs map[string][]byte // boot configurations by path
	fat     []fatImage
	extra   []extra // the kickstart and the updates image
	cdboot  bool    // s390x: the kernel arguments are also in images/cdboot.img
	places  map[string]place
	// treeInfo is .treeinfo, nil when there is none.
	treeInfo []byte
}

type extra struct{ name, local string } // local "" means: in the work folder

// fatImage is a FAT file system with EFI/BOOT, as a file or as a partition.
type fatImage struct {
	path      string         // on the medium; "" for a partition behind the volume
	partition *iso.Partition // of which this is the content, or nil
	offset    int64
	size      int64
}

// check looks at everything that can be known before the work.
func check(job *Job) (*base, error) {
	var p problems
	p.add(checkOutput(job.Output))
	if job.VolID != "" {
		p.add(iso.ValidVolumeID(job.VolID))
	}
	p.add(checkArgs(job))
	b, err := readBase(job)
	p.add(err)
	grafts := job.Add
	if len(job.Kickstart) > 0 {
		b.extra = append(b.extra, extra{name: job.KickstartName})
	}
	if job.UpdatesImg != "" {
		b.extra = append(b.extra, extra{name: job.UpdatesName, local: job.UpdatesImg})
	}
	for _, x := range b.extra {
		if err := checkName(x.name); err != nil {
			p.add(err)
			continue
		}
		local := x.local
		if local == "" {
			local = os.DevNull // it is written during the work
		}
		grafts = append(slices.Clip(grafts), Graft{Local: local, ISOPath: "/" + x.name})
	}
	added, err := checkGrafts(grafts, b.places)
	p.add(err)
	if b.info != nil {
		if job.wantsConfig(b) && !b.hasKernelLine() {
			p.add(&NoBootConfigError{job.BaseISO})
		}
		p.add(checkSpace(filepath.Dir(job.Output), b.info.FileSize+added+spaceSlack))
	}
	p.add(checkTools(job.Runner, len(b.fat) > 0))
	return b, p.err()
}

// spaceSlack covers the work files: configurations and EFI boot images.
const spaceSlack = 64 << 20

func (j *Job) wantsConfig(b *base) bool {
	return len(j.Kickstart) > 0 || j.UpdatesImg != "" || len(j.BootArgs) > 0 || len(j.RemoveArgs) > 0 || len(j.Replace) > 0 || j.VolID != "" && j.VolID != b.info.VolumeID
}

func checkOutput(out string) error {
	if out == "" {
		return errors.New("no output path is given")
	}
	if _, err := os.Lstat(out); err == nil {
		return &OutputExistsError{out}
	}
	if st, err := os.Stat(filepath.Dir(out)); err != nil {
		return fmt.Errorf("find output folder: %w", err)
	} else if !st.IsDir() {
		return fmt.Errorf("find output folder: %s is not a folder", filepath.Dir(out))
	}
	return nil
}

func checkArgs(job *Job) error {
	for _, a := range job.BootArgs {
		if strings.Trim(a, " ") == "" {
			return &ArgError{a, "it is empty"}
		}
		if strings.ContainsFunc(a, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return &ArgError{a, "it has a control character"}
		}
		if strings.ContainsAny(a, `"'`) {
			return &ArgError{a, "it has a quotation mark, which boot loaders treat in different ways"}
		}
	}
	for _, a := range job.RemoveArgs {
		if a == "" || strings.ContainsAny(a, "= \t\n") {
			return &ArgError{a, "to remove an argument its name alone is given"}
		}
	}
	for _, x := range job.Replace {
		switch {
		case x.From == "":
			return &ReplaceError{x.From, "there is nothing to look for"}
		case strings.ContainsFunc(x.From+x.To, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return &ReplaceError{x.From, "text is replaced within lines; it has a control character"}
		}
	}
	return nil
}

func checkName(name string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	if name == "" || name[0] == '.' || strings.Trim(name, allowed) != "" {
		return &GraftError{name, errors.New("a file that a boot argument names may have only A-Z a-z 0-9 . _ - in its name")}
	}
	return nil
}

// checkGrafts returns the number of bytes that are added. places are those of the
// base that nothing may be put on, with the reason.
func checkGrafts(grafts []Graft, places map[string]place) (int64, error) {
	var p problems
	var total int64
	seen := map[string]bool{}
	for _, g := range grafts {
		clean := path.Clean(g.ISOPath)
		switch {
		case !strings.HasPrefix(g.ISOPath, "/") || clean == "/":
			p.add(&GraftError{g.ISOPath, errors.New("the place on the medium must be a path below its root")})
			continue
		case slices.Contains(strings.Split(g.ISOPath, "/"), "..") || strings.ContainsAny(g.ISOPath, "*?[]\\\x00\n"):
			p.add(&GraftError{g.ISOPath, errors.New("the place on the medium has forbidden characters")})
			continue
		case seen[clean]:
			p.add(&GraftError{g.ISOPath, errors.New("two files have this place")})
			continue
		}
		seen[clean] = true
		n, err := graftSize(g.Local)
		if err == nil {
			err = checkPlaces(g.Local, clean, places)
		}
		if err != nil {
			p.add(&GraftError{g.ISOPath, err})
		}
		total += n
	}
	return total, errors.Join(p...)
}

// place is what stands at a path of the base.
type place struct {
	dir    bool
	reason string // why it must stay; "" for what may be replaced
}

// checkPlaces refuses a graft that would take the place of what the image boots
// by, or of a folder. Files of a folder go in beside what is there.
func checkPlaces(local, at string, places map[string]place) error {
	if local == os.DevNull {
		local = ""
	}
	for dir := path.Dir(at); dir != "/"; dir = path.Dir(dir) {
		if was, ok := places[dir]; ok && !was.dir {
			return fmt.Errorf("%s is a file of the base image", dir)
		}
	}
	if local == "" {
		return fits(at, false, places)
	}
	return filepath.WalkDir(local, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(local, name)
		if err != nil {
			return fmt.Errorf("find place: %w", err)
		}
		return fits(path.Join(at, filepath.ToSlash(rel)), d.IsDir(), places)
	})
}

func fits(at string, dir bool, places map[string]place) error {
	switch was, ok := places[at]; {
	case !ok:
		return nil
	case was.reason != "":
		return fmt.Errorf("%s of the base image %s", at, was.reason)
	case was.dir && !dir:
		return fmt.Errorf("%s is a folder of the base image", at)
	case !was.dir && dir:
		return fmt.Errorf("%s is a file of the base image", at)
	}
	return nil
}

func graftSize(local string) (int64, error) {
	if local == os.DevNull {
		return 0, nil
	}
	var total int64
	err := filepath.WalkDir(local, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case d.Type().IsRegular():
			info, err := d.Info()
			if err != nil {
				return err
			}
			total += info.Size() + iso.SectorSize
		case !d.IsDir():
			return fmt.Errorf("%s is neither a file nor a folder", name)
		}
		return nil
	})
	return total, err
}

func checkSpace(dir string, need int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return nil //nolint:nilerr // a file system that does not tell is tried
	}
	if free := int64(st.Bavail) * int64(st.Bsize); free < need { //nolint:unconvert // the types differ by system
		return &NoSpaceError{Dir: dir, Need: need, Free: free}
	}
	return nil
}

// configPaths are the boot configurations of all architectures, as mkksiso
// knows them, and Debian-style and old places besides.
var configPaths = []string{ //nolint:gochecknoglobals // a constant list
	"isolinux/isolinux.cfg", "isolinux/grub.conf",
	"boot/grub2/grub.cfg", "boot/grub/grub.cfg", "boot/grub2/loopback.cfg", "boot/grub/loopback.cfg",
	"EFI/BOOT/grub.cfg", "EFI/BOOT/BOOT.conf",
	"images/generic.prm", "images/genericdvd.prm", "images/cdboot.prm",
}

// readBase always returns a base; its info is nil when the image is none.
func readBase(job *Job) (*base, error) {
	b := &base{configs: map[string][]byte{}, places: map[string]place{}}
	img, err := iso.Open(job.BaseISO)
	if err != nil {
		return b, err
	}
	defer func() { _ = img.Close() }()
	info, err := img.Info()
	if err != nil {
		return b, err
	}
	for _, name := range configPaths {
		data, err := img.ReadFile(name, maxConfig)
		switch {
		case err == nil:
			b.configs["/"+name] = data
		case !errors.Is(err, fs.ErrNotExist):
			return b, err
		}
	}
	if b.treeInfo, err = img.ReadFile(treeInfoName, maxConfig); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	_, err = img.Stat(cdbootImage)
	b.cdboot = err == nil && b.configs["/images/cdboot.prm"] != nil
	if err := b.findFAT(img, info); err != nil {
		return b, err
	}
	if err := b.findPlaces(img, info); err != nil {
		return b, err
	}
	b.info = info
	if job.Arch != "" && job.Arch != info.Arch {
		return b, &ArchError{Path: job.BaseISO, Want: job.Arch, Got: info.Arch}
	}
	return b, nil
}

// findFAT finds every FAT image with which UEFI can boot: files to which the boot
// catalog or the partition table points, images/efiboot.img in any case, and a
// partition of its own behind the volume.
func (b *base) findFAT(img *iso.Image, info *iso.Info) error {
	esp := info.ESP()
	boots := map[int64]bool{}
	for _, e := range info.Boot {
		if e.Platform == iso.PlatformEFI && e.Bootable {
			boots[e.Offset] = true
		}
	}
	espIsFile := false
	err := img.Walk(func(name string, e iso.Entry) error {
		off, whole := e.Offset()
		isESP := esp != nil && off == esp.Offset
		if !e.Mode.IsRegular() || !whole || e.Size == 0 || !isESP && !boots[off] && name != "/images/efiboot.img" {
			return nil
		}
		f := fatImage{path: name, offset: off, size: e.Size}
		if isESP {
			espIsFile = true
		}
		b.fat = append(b.fat, f)
		return nil
	})
	if esp != nil && !espIsFile {
		b.fat = append(b.fat, fatImage{partition: esp, offset: esp.Offset, size: esp.Size})
	}
	return err
}

// findPlaces notes every file and folder, and what must stay as it is made here.
func (b *base) findPlaces(img *iso.Image, info *iso.Info) error {
	boots := map[int64]bool{}
	for _, e := range info.Boot {
		boots[e.Offset] = true
	}
	err := img.Walk(func(name string, e iso.Entry) error {
		p := place{dir: e.Mode.IsDir()}
		if !p.dir {
			if off, _ := e.Offset(); boots[off] && e.Size > 0 {
				p.reason = "is what firmware boots"
			}
		}
		b.places[name] = p
		return nil
	})
	keep := func(name, reason string) {
		if p, ok := b.places[name]; ok && !p.dir {
			b.places[name] = place{reason: reason}
		}
	}
	for name := range b.configs {
		keep(name, "is a boot configuration, which is edited")
	}
	for _, f := range b.fat {
		keep(f.path, "is an EFI boot image, which is edited")
	}
	if b.cdboot {
		for _, name := range []string{cdbootImage, "/images/kernel.img", "/images/initrd.img"} {
			keep(name, "is what the medium boots, as a whole in "+cdbootImage)
		}
	}
	return err
}

func (b *base) hasKernelLine() bool {
	for name, data := range b.configs {
		if hasKernelLine(name, data) {
			return true
		}
	}
	return false
}
