//go:build interop

package interop_test

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/remaster"
)

// layout is a medium as lorax makes it for one architecture, with small files in
// place of kernel and installer. The expected texts are what mkksiso of lorax
// 46.0 writes for the same options, but where a comment says otherwise.
type layout struct {
	volid string
	files map[string]string
	cdrom func(t *testing.T, dir string) // makes what the boot loader needs
	sums  []string                       // of which .treeinfo has digests
	args  []string                       // of xorrisofs, from lorax's template of the architecture
	want  map[string]string              // boot configurations afterwards
	boot  string                         // what -report_el_torito and -report_system_area say, without addresses
}

const added = ` inst.text console=ttyS0 x="a b" inst.ks=hd:LABEL=F44-new_x:/test.ks inst.updates=hd:LABEL=F44-new_x:/my-updates.img`

const efiMenu = "set timeout=60\nsearch --no-floppy --set=root -l 'LABEL'\nmenuentry 'Install' --class fedora {\n" +
	"\tlinux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=LABEL quiet\n\tinitrd /images/pxeboot/initrd.img\n}\n" +
	"submenu 'Troubleshooting -->' {\n\tmenuentry 'Rescue' {\n\t\tlinux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=LABEL inst.rescue quiet\n\t}\n}\n"

func menu(text, label string) string { return strings.ReplaceAll(text, "LABEL=LABEL", "LABEL="+label) }

// edited is what the job of these tests makes of a menu.
func edited(text string) string {
	text = strings.NewReplacer("'LABEL'", "'F44-new_x'", "LABEL=LABEL", "LABEL=F44-new_x", "timeout=60", "timeout=5", " quiet\n", added+"\n").Replace(text)
	return text
}

func layouts() map[string]layout {
	efi := menu(strings.ReplaceAll(efiMenu, "'LABEL'", "'F44-base'"), "F44-base")
	ppc := "set timeout=60\nmenuentry \"Install Fedora 44  (64-bit kernel)\" --class fedora {\n      linux /ppc/ppc64/vmlinuz inst.stage2=hd:LABEL=F44-base ro quiet\n      initrd /ppc/ppc64/initrd.img\n}\n"
	return map[string]layout{
		"s390x": {
			volid: "F44-base",
			files: map[string]string{
				"images/kernel.img": s390Kernel(), "images/initrd.img": strings.Repeat("initrd", 1000), "images/initrd.addrsize": strings.Repeat("\x00", 16),
				"images/cdboot.prm":     "ro inst.stage2=hd:LABEL=F44-base quiet\n",
				"images/generic.prm":    "ro ramdisk_size=40000 cio_ignore=all,!condev\n",
				"images/genericdvd.prm": "ro ramdisk_size=40000 cio_ignore=all,!condev rd.cmdline=ask\n",
				"generic.ins":           "* minimal lpar ins file\nimages/kernel.img 0x00000000\nimages/initrd.img 0x02000000\nimages/genericdvd.prm 0x00010480\n",
			},
			cdrom: func(t *testing.T, dir string) {
				t.Helper()
				put(t, filepath.Join(dir, "images/cdboot.img"), s390Image(t, dir))
			},
			args: []string{"-b", "images/cdboot.img", "-c", "images/boot.cat", "-boot-load-size", "4", "-no-emul-boot", "-R", "-J"},
			want: map[string]string{
				"images/cdboot.prm":  "ro inst.stage2=hd:LABEL=F44-new_x inst.text console=ttyS0 x=\"a b\"\ninst.ks=hd:LABEL=F44-new_x:/test.ks\ninst.updates=hd:LABEL=F44-new_x:/my-updates.img\n",
				"images/generic.prm": "ro ramdisk_size=40000 cio_ignore=all,!condev inst.text console=ttyS0 x=\"a b\"\ninst.ks=hd:LABEL=F44-new_x:/test.ks\ninst.updates=hd:LABEL=F44-new_x:/my-updates.img\n",
				// mkksiso leaves this one, which generic.ins boots, as it is.
				"images/genericdvd.prm": "ro ramdisk_size=40000 cio_ignore=all,!condev rd.cmdline=ask inst.text\nconsole=ttyS0 x=\"a b\" inst.ks=hd:LABEL=F44-new_x:/test.ks\ninst.updates=hd:LABEL=F44-new_x:/my-updates.img\n",
			},
			boot: "El Torito boot img :   1  BIOS  y   none  0x0000  0x00      4\nEl Torito cat path : /images/boot.cat\nEl Torito img path :   1  /images/cdboot.img\n",
		},
		"ppc64le": {
			volid: "F44-base",
			files: map[string]string{
				"ppc/bootinfo.txt": "<chrp-boot>\n", "ppc/ppc64/vmlinuz": "kernel", "ppc/ppc64/initrd.img": "initrd", "boot/grub/powerpc-ieee1275/core.elf": "grub",
				"boot/grub/powerpc-ieee1275/iso9660.mod": "module", "images/install.img": "stage2", "boot/grub/grub.cfg": ppc,
			},
			args: []string{"-U", "-J", "-R", "-r", "-l", "-sysid", "PPC", "-A", "Fedora 44", "-volset", "44", "-volset-size", "1", "-volset-seqno", "1", "-chrp-boot"},
			want: map[string]string{"boot/grub/grub.cfg": edited(strings.ReplaceAll(ppc, "LABEL=F44-base", "LABEL=LABEL"))},
			boot: "MBR partition      :   1   0x80  0x96            0\nSystem area summary: MBR CHRP\n",
		},
		"aarch64": {
			volid: "F44-base",
			files: map[string]string{"EFI/BOOT/grub.cfg": efi, "EFI/BOOT/BOOTAA64.EFI": "efi", "images/pxeboot/vmlinuz": "kernel", "images/install.img": "stage2"},
			sums:  []string{"images/efiboot.img", "images/install.img", "EFI/BOOT/grub.cfg"},
			cdrom: makeESP,
			args:  []string{"-eltorito-alt-boot", "-e", "images/efiboot.img", "-no-emul-boot", "-R", "-J"},
			// mkksiso appends a second EFI image that nothing on a CD points to, and
			// leaves the menu in this one as it is.
			want: map[string]string{"EFI/BOOT/grub.cfg": edited(efiMenu), "images/efiboot.img::EFI/BOOT/grub.cfg": edited(efiMenu)},
			boot: "El Torito boot img :   1  UEFI  y   none  0x0000  0x00   5760\nEl Torito cat path : /boot.catalog\nEl Torito img path :   1  /images/efiboot.img\n",
		},
		// isolinux and grub as before Fedora 37, without an EFI image.
		"x86_64": {
			volid: "F44-base",
			files: map[string]string{
				"isolinux/isolinux.bin": strings.Repeat("\x00", 4096), "isolinux/vmlinuz": "kernel", "images/install.img": "stage2",
				"isolinux/isolinux.cfg": "timeout=60\nlabel linux\n  kernel vmlinuz\n  append initrd=initrd.img inst.stage2=hd:LABEL=F44-base quiet\n",
			},
			args: []string{"-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-R", "-J"},
			want: map[string]string{
				"isolinux/isolinux.cfg": "timeout=5\nlabel linux\n  kernel vmlinuz\n  append initrd=initrd.img inst.stage2=hd:LABEL=F44-new_x" + added + "\n",
			},
			boot: "El Torito boot img :   1  BIOS  y   none  0x0000  0x00      4\nEl Torito cat path : /isolinux/boot.cat\nEl Torito img path :   1  /isolinux/isolinux.bin\n",
		},
		// An id with a blank is written in two ways: as it is, which mkksiso leaves, and
		// as udev escapes it.
		"blank": {
			volid: "Fedora 44",
			files: map[string]string{
				"boot/grub2/grub.cfg": menu(strings.ReplaceAll(efiMenu, "'LABEL'", "'Fedora 44'"), `Fedora\x2044`), "images/install.img": "stage2",
			},
			args: []string{"-R", "-J"},
			want: map[string]string{"boot/grub2/grub.cfg": edited(efiMenu)},
		},
	}
}

// s390Kernel is a kernel image as far as boot tools look at it: Linux,
// arch/s390/include/asm/setup.h.
func s390Kernel() string {
	k := make([]byte, 0x11fff)
	copy(k[0x10008:], "S390EP")
	binary.BigEndian.PutUint64(k[0x10430:], 4096)
	copy(k[0x10480:], "root=/dev/ram0")
	return string(k)
}

// s390Image puts kernel, initrd and arguments into one image, as mk-s390image of
// s390-tools does: the initrd behind the kernel on a page's boundary, its place
// and size at 0x10408 and 0x10410, the arguments at 0x10480.
func s390Image(t *testing.T, dir string) []byte {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, "images", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	kernel, initrd := read("kernel.img"), read("initrd.img")
	img := slices.Concat(kernel, make([]byte, -len(kernel)&4095))
	binary.BigEndian.PutUint64(img[0x10408:], uint64(len(img)))
	binary.BigEndian.PutUint64(img[0x10410:], uint64(len(initrd)))
	clear(img[0x10480 : 0x10480+4096])
	copy(img[0x10480:], read("cdboot.prm"))
	return append(img, initrd...)
}

func makeESP(t *testing.T, dir string) {
	t.Helper()
	img := filepath.Join(dir, "images/efiboot.img")
	for _, args := range [][]string{
		{"mformat", "-C", "-i", img, "-T", "5760", "-h", "2", "-s", "36", "-v", "ANACONDA", "::"},
		{"mmd", "-i", img, "::/EFI", "::/EFI/BOOT"},
		{"mcopy", "-i", img, filepath.Join(dir, "EFI/BOOT/grub.cfg"), filepath.Join(dir, "EFI/BOOT/BOOTAA64.EFI"), "::/EFI/BOOT/"},
	} {
		if out, err := tool(t, args[0], args[1:]...); err != nil {
			t.Fatal(out, err)
		}
	}
}

// medium makes the base image of a layout.
func (l *layout) medium(t *testing.T, name string) string {
	t.Helper()
	dir, out := filepath.Join(t.TempDir(), "tree"), filepath.Join(t.TempDir(), "base.iso")
	for path, data := range l.files {
		put(t, filepath.Join(dir, path), []byte(data))
	}
	put(t, filepath.Join(dir, ".discinfo"), []byte("1700000000.0\n44\n"+strings.ReplaceAll(name, "blank", "x86_64")+"\n"))
	if l.cdrom != nil {
		l.cdrom(t, dir)
	}
	if len(l.sums) > 0 {
		put(t, filepath.Join(dir, ".treeinfo"), []byte(l.treeInfo(t, dir)))
	}
	args := append([]string{"-no_rc", "-as", "mkisofs", "-quiet", "-o", out, "-V", l.volid}, l.args...)
	if text, err := tool(t, "xorriso", append(args, dir)...); err != nil {
		t.Fatal(text, err)
	}
	return out
}

func TestRemasterOfEveryLayout(t *testing.T) {
	t.Parallel()
	for name, l := range layouts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, work := l.medium(t, name), t.TempDir()
			put(t, filepath.Join(work, "my-updates.img"), []byte("updates"))
			put(t, filepath.Join(work, "add/Größe/a b.txt"), []byte("deep"))
			put(t, filepath.Join(work, "add/run.sh"), []byte("#!/bin/sh\n"))
			if err := os.Chmod(filepath.Join(work, "add/run.sh"), 0o700); err != nil {
				t.Fatal(err)
			}
			job := remaster.Job{
				BaseISO: base, Output: filepath.Join(work, "out.iso"), VolID: "F44-new_x", Kickstart: kickstart, KickstartName: "test.ks",
				UpdatesImg: filepath.Join(work, "my-updates.img"), BootArgs: []string{"inst.text", "console=ttyS0", "x=a b"}, RemoveArgs: []string{"quiet"},
				Add:     []remaster.Graft{{Local: filepath.Join(work, "add"), ISOPath: "/1/2/3/4/5..6/7/8/9/add"}},
				Replace: []remaster.Replacement{{From: "timeout=60", To: "timeout=5"}}, Time: time.Unix(1_700_000_000, 0),
			}
			res, err := remaster.Run(t.Context(), job)
			if err != nil {
				t.Fatal(err)
			}
			tree := extractAll(t, res.Path)
			for path, want := range l.want {
				if diff := cmp.Diff(want, fromMedium(t, tree, path)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", path, diff)
				}
			}
			l.sameFiles(t, base, tree)
			if len(l.sums) > 0 {
				if diff := cmp.Diff(l.treeInfo(t, tree), fromMedium(t, tree, ".treeinfo")); diff != "" {
					t.Errorf(".treeinfo (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff([]string{l.boot, l.boot}, []string{bootFacts(t, base), bootFacts(t, res.Path)}); diff != "" {
				t.Errorf("what the base and the new image boot by (-want +got):\n%s", diff)
			}
			if out, err := tool(t, "checkisomd5", res.Path); err != nil {
				t.Error(out, err)
			}
			if got := executablesOf(t, res.Path); len(got) != 1 || !strings.HasSuffix(got[0], "/add/run.sh") {
				t.Errorf("these can be executed: %q", got)
			}
			if i := res.Info; i.VolumeID != "F44-new_x" || !i.RockRidge || !i.Joliet {
				t.Errorf("got %+v", i)
			}
			for path, want := range map[string]string{"1/2/3/4/5..6/7/8/9/add/Größe/a b.txt": "deep", "test.ks": string(kickstart), "my-updates.img": "updates"} {
				if got := fromMedium(t, tree, path); got != want {
					t.Errorf("%s is %q", path, got)
				}
			}
			job.Output = filepath.Join(work, "again.iso")
			if _, err := remaster.Run(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			sameFile(t, res.Path, job.Output)
		})
	}
}

// treeInfo is a .treeinfo with the digests of the files in dir.
func (l *layout) treeInfo(t *testing.T, dir string) string {
	t.Helper()
	text := "[general]\nfamily = Fedora\nversion = 44\n\n[checksums]\n"
	for _, name := range l.sums {
		text += name + " = sha256:" + sha([]byte(fromMedium(t, dir, name))) + "\n"
	}
	return text + "\n[images-aarch64]\nkernel = images/pxeboot/vmlinuz\n"
}

// sameFiles says that every other file of the base is still there, and that an
// s390x medium boots what a new mk-s390image would make.
func (l *layout) sameFiles(t *testing.T, base, tree string) {
	t.Helper()
	was := extractAll(t, base)
	for path := range l.files {
		if _, changed := l.want[path]; changed || path == "isolinux/isolinux.bin" { // which holds its own address
			continue
		}
		if fromMedium(t, was, path) != fromMedium(t, tree, path) {
			t.Errorf("%s has changed", path)
		}
	}
	if l.want["images/cdboot.prm"] != "" && string(s390Image(t, tree)) != fromMedium(t, tree, "images/cdboot.img") {
		t.Error("images/cdboot.img is not what mk-s390image makes of the medium's kernel.img, initrd.img and cdboot.prm")
	}
}

// extractAll is the tree of an image as the tool reads it.
func extractAll(t *testing.T, image string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	if out, err := tool(t, "xorriso", "-no_rc", "-osirrox", "on", "-indev", image, "-extract", "/", dir, "-rollback_end"); err != nil {
		t.Fatal(out, err)
	}
	if out, err := tool(t, "chmod", "-R", "u+rwX", dir); err != nil {
		t.Fatal(out, err)
	}
	return dir
}

// fromMedium reads a file; what follows "::" is inside of a FAT image.
func fromMedium(t *testing.T, tree, path string) string {
	t.Helper()
	path, inner, fat := strings.Cut(path, "::")
	name := filepath.Join(tree, path)
	if fat {
		to := filepath.Join(t.TempDir(), "inner")
		if out, err := tool(t, "mcopy", "-n", "-o", "-i", name, "::/"+inner, to); err != nil {
			t.Fatal(out, err)
		}
		name = to
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

var (
	bootLine    = regexp.MustCompile(`^(El Torito boot img|El Torito cat path|El Torito img path|MBR partition  |GPT type GUID|System area summary)`)
	lastAddress = regexp.MustCompile(`(El Torito boot img|MBR partition  )(.*?) +[0-9]+$`)
)

// bootFacts is what firmware finds, without the addresses, and without what
// xorriso guesses from the size.
func bootFacts(t *testing.T, image string) string {
	t.Helper()
	out, err := tool(t, "xorriso", "-no_rc", "-indev", image, "-report_el_torito", "plain", "-report_system_area", "plain")
	if err != nil {
		t.Fatal(out, err)
	}
	var facts []string
	for line := range strings.Lines(out) {
		if line = strings.TrimRight(line, "\n"); bootLine.MatchString(line) {
			line, _, _ = strings.Cut(line, " cyl-align")
			facts = append(facts, lastAddress.ReplaceAllString(line, "$1$2")+"\n")
		}
	}
	slices.Sort(facts)
	return strings.Join(facts, "")
}

// What an EFI entry of the catalog points to is the file that was edited.
func TestRemasteredCatalogPointsToTheEditedImage(t *testing.T) {
	t.Parallel()
	l := layouts()["aarch64"]
	res, err := remaster.Run(t.Context(), remaster.Job{BaseISO: l.medium(t, "aarch64"), Output: filepath.Join(t.TempDir(), "out.iso"), BootArgs: []string{"respin.marker"}})
	if err != nil {
		t.Fatal(err)
	}
	img, err := os.Open(res.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	for _, e := range res.Info.Boot {
		if e.Platform != iso.PlatformEFI {
			continue
		}
		data, err := io.ReadAll(io.NewSectionReader(img, e.Offset, 3<<20))
		if err != nil || !strings.Contains(string(data), "respin.marker") {
			t.Errorf("the EFI image at %d has no marker: %v", e.Offset, err)
		}
		return
	}
	t.Error("there is no EFI entry")
}
