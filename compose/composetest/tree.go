package composetest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/internal/proc"
)

// What to install for the tools.
const (
	pkgGRUBBIOS = "grub-pc-bin (Debian, Ubuntu) or grub2-pc-modules (Fedora)"
	pkgGRUBEFI  = "grub-efi-amd64-bin (Debian, Ubuntu) or grub2-efi-x64-modules (Fedora)"
	pkgGRUB     = "grub-common (Debian, Ubuntu) or grub2-tools-minimal (Fedora)"
	grubBIOSDir = "/usr/lib/grub/i386-pc"
	grubEFIDir  = "/usr/lib/grub/x86_64-efi"
)

// grubConfig has lorax's lines, and in addition the serial terminal that the
// smoke boot reads. The menu entry is the third line of the boot's evidence.
const grubConfig = `set default="0"
set timeout=1
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
echo 'respin stand-in base image, for tests only'

search --no-floppy --set=root -l '@VOLID@'

menuentry 'Stand-in for: Install Fedora @RELEASE@' --class fedora --class gnu-linux --class gnu --class os {
	linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=@VOLID@ quiet console=ttyS0,115200
	initrd /images/pxeboot/initrd.img
}
menuentry 'Stand-in for: Test this media & install Fedora @RELEASE@' --class fedora --class gnu-linux --class gnu --class os {
	linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=@VOLID@ rd.live.check quiet console=ttyS0,115200
	initrd /images/pxeboot/initrd.img
}
`

// diskInfo is .discinfo and .treeinfo as lorax writes them.
const diskInfo = `@EPOCH@.000000
@RELEASE@ (respin stand-in, for tests only)
@ARCH@
---
[general]
timestamp = @EPOCH@
family = Fedora
version = @RELEASE@
name = Fedora-@RELEASE@
variant =
arch = @ARCH@
packagedir =

[stage2]
mainimage = images/install.img

[images-@ARCH@]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
eltorito.img = images/eltorito.img

[images-xen]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
`

func (b *builder) fill(text string) string {
	return strings.NewReplacer("@VOLID@", b.VolID, "@RELEASE@", b.Release, "@ARCH@", b.Arch, "@EPOCH@", fmt.Sprint(epoch)).Replace(text)
}

// writeTree writes everything that needs no tool.
func (b *builder) writeTree(context.Context) error {
	initrd, err := b.initrd()
	if err != nil {
		return err
	}
	kernel, err := os.ReadFile(b.kernel.Image)
	if err != nil {
		return fmt.Errorf("read kernel: %w", err)
	}
	disc, tree, _ := strings.Cut(b.fill(diskInfo), "---\n")
	cfg := b.fill(grubConfig)
	files := map[string]string{
		".discinfo":                 disc,
		".treeinfo":                 tree,
		"EFI/BOOT/grub.cfg":         cfg,
		"boot/grub2/grub.cfg":       cfg,
		"images/install.img":        "This is where the installer's root file system is on a real medium.\n",
		"images/pxeboot/vmlinuz":    string(kernel),
		"images/pxeboot/initrd.img": string(initrd),
	}
	maps.Copy(files, b.files)
	for name, data := range files {
		path := filepath.Join(b.dir, "tree", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			return fmt.Errorf("write tree: %w", err)
		}
	}
	return nil
}

func (b *builder) makeGRUB(ctx context.Context) error {
	tool := "grub2-mkimage"
	if _, err := b.Runner.Look(tool, pkgGRUB); err != nil {
		tool = "grub-mkimage"
	}
	for dir, pkg := range map[string]string{grubBIOSDir: pkgGRUBBIOS, grubEFIDir: pkgGRUBEFI} {
		if _, err := os.Stat(filepath.Join(dir, "iso9660.mod")); err != nil {
			return &proc.NotFoundError{Tool: "GRUB in " + dir, Package: pkg}
		}
	}
	if err := b.run(ctx, pkgGRUB, tool, "-O", "i386-pc-eltorito", "-d", grubBIOSDir, "-o", "tree/images/eltorito.img",
		"-p", "/boot/grub2", "iso9660", "biosdisk"); err != nil {
		return err
	}
	return b.run(ctx, pkgGRUB, tool, "-O", "x86_64-efi", "-d", grubEFIDir, "-o", "tree/EFI/BOOT/BOOTX64.EFI", "-p", "/EFI/BOOT",
		"part_gpt", "part_msdos", "fat", "iso9660", "normal", "configfile", "search", "search_label", "search_fs_file",
		"linux", "all_video", "serial", "terminal", "echo", "test", "ls")
}

// makeESP makes images/efiboot.img, a FAT image with EFI/BOOT, without mounting.
func (b *builder) makeESP(ctx context.Context) error {
	const img, pkg, sectors = "tree/images/efiboot.img", "mtools", "5760" // 2.8 MB
	for _, args := range [][]string{
		{"mformat", "-C", "-i", img, "-T", sectors, "-h", "2", "-s", "36", "-N", "44525350", "-v", "ANACONDA", "::"},
		{"mmd", "-i", img, "::/EFI", "::/EFI/BOOT"},
		{"mcopy", "-i", img, "tree/EFI/BOOT/BOOTX64.EFI", "tree/EFI/BOOT/grub.cfg", "::/EFI/BOOT/"},
	} {
		if err := b.run(ctx, pkg, args[0], args[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// makeISO is the command of lorax's x86.tmpl.
func (b *builder) makeISO(ctx context.Context, out string) error {
	return b.run(ctx, "xorriso", "xorriso", "-no_rc", "-as", "mkisofs", "-quiet", "-o", out, "-R", "-J", "-V", b.VolID, "--set_all_file_dates", "2025010100000000",
		"--grub2-mbr", filepath.Join(grubBIOSDir, "boot_hybrid.img"), "-partition_offset", "16",
		"-appended_part_as_gpt", "-append_partition", "2", iso.TypeESP, "tree/images/efiboot.img",
		"-iso_mbr_part_type", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
		"-c", "boot.cat", "--boot-catalog-hide",
		"-b", "images/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info",
		"-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot",
		"-graft-points", "boot/grub2/i386-pc="+grubBIOSDir, "tree")
}
