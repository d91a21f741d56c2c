package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/image/imagetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
)

// tree is the output tree of lorax for x86_64 and aarch64.
type tree struct {
	*session
	out, temp, arch, volid             string
	product, version, release, variant string
	final                              bool
	at                                 time.Time
	packages                           []*candidate
}

// finish does what comes after the packages: logs, runtime image, boot images,
// tree, boot.iso.
func (t *tree) finish(p *parser) int {
	t.log.info("writing .buildstamp file")
	t.log.info("writing debug data to pkglists and original-pkgsizes.txt")
	if err := t.lists(); err != nil {
		return traceback("OSError: " + err.Error())
	}
	for _, step := range []string{
		"doing post-install configuration", "running runtime-postinstall.tmpl", "writing .discinfo file", "backing up installroot",
		"generating kernel module metadata", "cleaning unneeded files", "running runtime-cleanup.tmpl",
	} {
		t.log.info("%s", step)
	}
	if p.has("--noverify") {
		t.log.info("Skipping verify")
	} else {
		t.log.info("verifying the installroot")
	}
	t.log.info("creating the runtime image")
	if t.Fail == "disk" {
		t.log.error("The rootfs ran out of space with size=2")
		return traceback("subprocess.CalledProcessError: Command '['mksquashfs']' returned non-zero exit status 1: No space left on device")
	}
	files, err := t.files()
	if err != nil {
		return traceback("OSError: " + err.Error())
	}
	t.log.info("preparing to build output tree and boot images")
	t.log.info("rebuilding initramfs images")
	t.log.info("rebuilding boot/initramfs-6.17.0-1.fc%s.%s.img", t.version, t.arch)
	t.log.info("populating output tree and building boot images")
	tmpl := map[string]string{"x86_64": "x86"}[t.arch]
	if tmpl == "" {
		tmpl = t.arch
	}
	t.log.info("running %s.tmpl", tmpl)
	if t.Fail == "template" {
		t.log.error("template command error in %s.tmpl:", tmpl)
		t.log.error("  runcmd xorrisofs -o %s/images/boot.iso", t.out)
		t.log.error("  subprocess.CalledProcessError: Command '['xorrisofs']' returned non-zero exit status 32.")
		return traceback("subprocess.CalledProcessError: Command '['xorrisofs']' returned non-zero exit status 32.")
	}
	if err := t.write(files); err != nil {
		return traceback("OSError: " + err.Error())
	}
	t.log.info("writing .treeinfo file")
	return 0
}

// lists writes what lorax leaves beside its log.
func (t *tree) lists() error {
	dir := filepath.Join(t.log.dir, "pkglists")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var sizes strings.Builder
	for _, c := range t.packages {
		var text strings.Builder
		for _, f := range c.Files {
			text.WriteString(f.Path + "\n")
		}
		if err := os.WriteFile(filepath.Join(dir, c.Name), []byte(text.String()), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sizes, "%s.%s: %d\n", c.Name, c.Arch, c.InstalledSize)
	}
	for name, text := range map[string]string{
		"original-pkgsizes.txt": sizes.String(), "final-pkgsizes.txt": sizes.String(), "dnf5.log": "", "lorax.conf": "[lorax]\nsharedir = /usr/share/lorax\n", "pylorax.log": "",
	} {
		if err := os.WriteFile(filepath.Join(t.log.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) nevras() string {
	var b strings.Builder
	for _, c := range t.packages {
		b.WriteString(c.NEVRA().String() + "\n")
	}
	return b.String()
}

// menu is the grub.cfg of lorax and livemedia-creator: no serial console, a minute
// to choose, and the check of the medium as default.
func menu(volid, title, args string) string {
	entry := func(title, args string) string {
		return "menuentry '" + title + " (stand-in)' --class fedora --class gnu-linux --class gnu --class os {\n" +
			"\tlinux /images/pxeboot/vmlinuz " + args + " quiet\n\tinitrd /images/pxeboot/initrd.img\n}\n"
	}
	return "set default=\"1\"\nset timeout=60\nsearch --no-floppy --set=root -l '" + volid + "'\n" + entry(title, args) + entry("Test this media & "+title, args+" rd.live.check")
}

// files are those of the tree but boot.iso, by path.
func (t *tree) files() (map[string]string, error) {
	install, err := t.runtime()
	if err != nil {
		return nil, err
	}
	grub := menu(t.volid, "Install "+t.product+" "+t.version, "inst.stage2=hd:LABEL="+t.volid)
	stamp := fmt.Sprintf("%d.000000", t.at.Unix())
	info := fmt.Sprintf("[general]\ntimestamp = %s\nfamily = %s\nversion = %s\nname = %s-%[3]s\nvariant = %[5]s\narch = %[6]s\npackagedir = \n\n"+
		"[stage2]\nmainimage = images/install.img\n\n[images-%[6]s]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\n"+
		"boot.iso = images/boot.iso\n", stamp, t.product, t.version, t.product, t.variant, t.arch)
	files := map[string]string{
		".discinfo": stamp + "\n" + t.release + "\n" + t.arch + "\n", ".treeinfo": info, "LICENSE": "A stand-in.\n",
		"EFI/BOOT/grub.cfg": grub, "EFI/BOOT/BOOT" + map[string]string{"x86_64": "X64", "aarch64": "AA64"}[t.arch] + ".EFI": "stand-in boot loader\n",
		"images/efiboot.img": "stand-in FAT image\n", "images/pxeboot/vmlinuz": "stand-in kernel\n", "images/pxeboot/initrd.img": "stand-in initrd\n",
		"images/install.img": install,
	}
	if t.arch == "x86_64" {
		files["boot/grub2/grub.cfg"], files["images/eltorito.img"] = grub, "stand-in boot image\n"
	}
	return files, nil
}

// runtime is install.img: a squashfs with the installed packages' files and, as
// lorax removes the database, its list of them.
func (t *tree) runtime() (string, error) {
	root := filepath.Join(t.temp, "installroot")
	for name, text := range map[string]string{
		".buildstamp":             fmt.Sprintf("[Main]\nProduct=%s\nVersion=%s\nBugURL=\nIsFinal=%t\nUUID=%s.%s\n[Compose]\nLorax=%s\n", t.product, t.version, t.final, t.at.Format("200601021504"), t.arch, t.Version),
		"root/lorax-packages.log": t.nevras(),
		"usr/lib/os-release":      "NAME=\"A stand-in\"\nPRETTY_NAME=\"A stand-in for the installer\"\n",
	} {
		if err := writeFile(filepath.Join(root, name), text, t.at); err != nil {
			return "", err
		}
	}
	for _, c := range t.packages {
		if err := unpack(filepath.Join(t.temp, "rpms", filepath.Base(c.Location)), root, t.at); err != nil {
			return "", err
		}
	}
	return string(imagetest.Squashfs(os.DirFS(root))), nil
}

// unpack copies the regular files of an RPM into root.
func unpack(file, root string, at time.Time) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return unpackPayload(f, root, at)
}

func writeFile(path, text string, at time.Time) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Chtimes(path, at, at)
}

// write writes the tree and its boot.iso: one made of BaseISO, which boots, or a
// small one that has everything but boot code.
func (t *tree) write(files map[string]string) error {
	if t.Bootable != "" {
		// The boot loaders, kernel and initrd are the recipe's.
		keep := map[string]string{}
		for _, name := range []string{".discinfo", ".treeinfo", "LICENSE", "images/install.img", "EFI/BOOT/grub.cfg", "boot/grub2/grub.cfg"} {
			keep[name] = files[name]
		}
		return composetest.BuildTree(context.Background(), composetest.Options{
			Dir: t.Bootable, Arch: t.arch, Release: t.version, VolID: t.volid, Log: t.log.files["program"],
		}, t.out, keep)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeFile(filepath.Join(t.out, name), files[name], t.at); err != nil {
			return err
		}
	}
	boot := filepath.Join(t.out, "images/boot.iso")
	volid := t.volid
	if t.Fail == "volid" {
		volid = "SOMETHING-ELSE"
	}
	image := isotest.Build(isotest.Options{VolumeID: volid, Files: files, BIOS: t.arch == "x86_64", UEFI: true, Pad: 32})
	if err := writeFile(boot, string(image), t.at); err != nil {
		return err
	}
	_, err := iso.ImplantMD5(context.Background(), boot, iso.ImplantOptions{})
	return err
}
