//go:build interop

package interop_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/dvd"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/productmd"
	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/internal/shareddata"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// archBase is a boot.iso in the layout of an architecture, written by the real
// xorriso with the options of lorax's template (share/templates.d/99-generic) for
// it. Kernels and boot loaders are a few words each: nothing here is booted.
type archBase struct {
	arch   string
	files  map[string]string
	args   []string // of xorrisofs
	grafts []string
	config string   // where the boot arguments are
	images []string // what .treeinfo must name, as "name = path"
	esp    bool     // images/efiboot.img is a FAT image with the configuration
}

// shellScript is what the firmware's own shell runs from the EFI boot image of a
// medium when no loader on it starts: the one here is no program.
const shellScript = "@echo -off\r\nfs0:\r\necho RESPIN-UEFI begin\r\ntype EFI\\BOOT\\grub.cfg\r\necho RESPIN-UEFI end\r\nreset -s\r\n"

// forth stands where GRUB is. Open Firmware takes a file that begins so for a
// program in its own language.
const forth = "\\ stand-in for GRUB\n.( RESPIN-FORTH ) cr power-off\n"

const archVolID = "Fedora-44-boot-iso"

func grubFor(kernel, initrd string) string {
	return "set default=\"1\"\nsearch --no-floppy --set=root -l '" + archVolID + "'\nmenuentry 'Install Fedora 44' {\n" +
		"\tlinux " + kernel + " inst.stage2=hd:LABEL=" + archVolID + " ro\n\tinitrd " + initrd + "\n}\n"
}

// cdboot is what mk-s390image writes: a kernel with the initrd behind it, its
// command line at the place where the kernel looks for it.
func cdboot(args string) string {
	image := bytes.Repeat([]byte{0xfe}, 0x12000)
	clear(image[0x10400:0x11480])
	binary.BigEndian.PutUint64(image[0x10430:], 4096)
	copy(image[0x10480:], args)
	return string(image) + "initrd"
}

func archBases() []archBase {
	grub := grubFor("/images/pxeboot/vmlinuz", "/images/pxeboot/initrd.img")
	root := "ro inst.stage2=hd:LABEL=" + archVolID
	return []archBase{
		{
			arch: "aarch64", config: "/EFI/BOOT/grub.cfg", esp: true,
			files:  map[string]string{"images/pxeboot/vmlinuz": "kernel", "images/pxeboot/initrd.img": "initrd", "EFI/BOOT/BOOTAA64.EFI": "shim", "EFI/BOOT/grub.cfg": grub},
			args:   []string{"-eltorito-alt-boot", "-e", "images/efiboot.img", "-no-emul-boot", "-R", "-J"},
			grafts: []string{"images/pxeboot", "EFI/BOOT", "images/efiboot.img"},
			images: []string{"kernel = images/pxeboot/vmlinuz", "initrd = images/pxeboot/initrd.img", "efiboot.img = images/efiboot.img"},
		},
		{
			arch: "ppc64le", config: "/boot/grub/grub.cfg",
			files: map[string]string{
				"ppc/bootinfo.txt":  "<chrp-boot>\n<boot-script>boot &device;:\\boot\\grub\\powerpc-ieee1275\\core.elf</boot-script>\n</chrp-boot>\n",
				"ppc/ppc64/vmlinuz": "kernel", "ppc/ppc64/initrd.img": "initrd", "boot/grub/powerpc-ieee1275/core.elf": forth, "boot/grub/powerpc-ieee1275/normal.mod": "module",
				"boot/grub/grub.cfg": grubFor("/ppc/ppc64/vmlinuz", "/ppc/ppc64/initrd.img"),
			},
			args:   []string{"-U", "-J", "-R", "-r", "-l", "-sysid", "PPC", "-A", "Fedora 44", "-volset", "44", "-volset-size", "1", "-volset-seqno", "1", "-chrp-boot"},
			grafts: []string{"ppc", "boot/grub"},
			images: []string{"kernel = ppc/ppc64/vmlinuz", "initrd = ppc/ppc64/initrd.img"},
		},
		{
			arch: "s390x", config: "/images/cdboot.prm",
			files: map[string]string{
				"generic.ins":       "images/kernel.img 0x00000000\nimages/initrd.img 0x02000000\nimages/genericdvd.prm 0x00010480\nimages/initrd.addrsize 0x00010408\n",
				"images/kernel.img": "kernel", "images/initrd.img": "initrd", "images/initrd.addrsize": "0123456789abcdef", "images/redhat.exec": "rexx",
				"images/generic.prm": "ro ramdisk_size=40000 cio_ignore=all,!condev\n", "images/genericdvd.prm": "ro ramdisk_size=40000 cio_ignore=all,!condev\n",
				"images/cdboot.prm": root + "\n", "images/cdboot.img": cdboot(root),
			},
			args:   []string{"-b", "images/cdboot.img", "-c", "images/boot.cat", "-boot-load-size", "4", "-no-emul-boot", "-R", "-J"},
			grafts: []string{"generic.ins", "images"},
			images: []string{
				"kernel = images/kernel.img", "initrd = images/initrd.img", "initrd.addrsize = images/initrd.addrsize", "generic.prm = images/generic.prm",
				"genericdvd.prm = images/genericdvd.prm", "generic.ins = generic.ins", "redhat.exec = images/redhat.exec",
			},
		},
	}
}

// build writes the boot.iso and returns its path.
func (b *archBase) build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range b.files {
		put(t, filepath.Join(dir, "tree", name), []byte(text))
	}
	put(t, filepath.Join(dir, "tree/.discinfo"), []byte("1767225600.000000\n44\n"+b.arch+"\n"))
	put(t, filepath.Join(dir, "tree/images/install.img"), bytes.Repeat([]byte("stage2"), 100_000))
	run := func(name string, args ...string) {
		if out, err := tool(t, name, args...); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	if b.esp {
		esp := filepath.Join(dir, "tree/images/efiboot.img")
		run("mformat", "-C", "-i", esp, "-T", "5760", "-h", "2", "-s", "36", "-v", "ANACONDA", "::")
		run("mmd", "-i", esp, "::/EFI", "::/EFI/BOOT")
		run("mcopy", "-i", esp, filepath.Join(dir, "tree/EFI/BOOT/BOOTAA64.EFI"), filepath.Join(dir, "tree/EFI/BOOT/grub.cfg"), "::/EFI/BOOT/")
		put(t, filepath.Join(dir, "startup.nsh"), []byte(shellScript))
		run("mcopy", "-i", esp, filepath.Join(dir, "startup.nsh"), "::/")
	}
	image := filepath.Join(dir, "boot.iso")
	args := append([]string{"-no_rc", "-as", "mkisofs", "-o", image}, b.args...)
	args = append(args, "-V", archVolID, "-graft-points")
	for _, g := range append([]string{".discinfo", "images/install.img"}, b.grafts...) {
		if b.arch != "s390x" || g != "images/install.img" { // there all of images/ is taken
			args = append(args, g+"="+filepath.Join(dir, "tree", g))
		}
	}
	run("xorriso", args...)
	if _, err := iso.ImplantMD5(t.Context(), image, iso.ImplantOptions{}); err != nil {
		t.Fatal(err)
	}
	return image
}

// bootReport is what xorriso says of the ways to boot an image, without what
// differs between a boot.iso and the medium of it: places and sizes.
func bootReport(t *testing.T, image string) string {
	t.Helper()
	out, err := tool(t, "xorriso", "-no_rc", "-indev", "stdio:"+image, "-report_el_torito", "plain", "-report_system_area", "plain")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var lines []string
	for line := range strings.Lines(out) {
		key, _, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "El Torito images", "El Torito boot img", "El Torito img path", "El Torito img opts", "El Torito hdsiz/512", "System area options", "System area summary", "MBR partition table", "Partition offset", "El Torito cat path":
			lines = append(lines, strings.TrimSpace(line))
		case "MBR partition": // N Status Type Start Blocks
			f := strings.Fields(line)
			lines = append(lines, strings.Join(f[:len(f)-1], " "))
		}
	}
	// The LBA is the last column.
	number := regexp.MustCompile(`(?m)^(El Torito boot img .*?)\s+\d+$`)
	return number.ReplaceAllString(strings.Join(lines, "\n"), "$1")
}

func TestDVDKeepsTheLayoutOfEveryArchitecture(t *testing.T) {
	t.Parallel()
	for _, b := range archBases() {
		t.Run(b.arch, func(t *testing.T) {
			t.Parallel()
			base := b.build(t)
			dir := t.TempDir()
			job := dvd.Job{
				BaseISO: base, Output: filepath.Join(dir, "dvd.iso"), Arch: b.arch, VolID: "Fedora-44-dvd-" + b.arch, Variant: "Server", Kickstart: []byte("text\n"),
				Product: productmd.Product{Name: "Fedora", Short: "Fedora", Version: "44"}, BootArgs: []string{"inst.text"}, Time: time.Unix(1767225600, 0),
			}
			for _, name := range []string{"bash", "a-package-with-a-name-of-many-words-that-iso9660-would-cut"} {
				s := rpmtest.Spec{Name: name, Version: "5.3", Release: "1.fc44", Arch: b.arch}
				put(t, filepath.Join(dir, s.NEVRA().FileName()), rpmtest.Build(s))
				job.Packages = append(job.Packages, dvd.Package{Path: filepath.Join(dir, s.NEVRA().FileName())})
			}
			res, err := dvd.Make(t.Context(), job)
			if err != nil {
				t.Fatal(err)
			}
			if !res.Info.Bootable() || len(res.Warnings) > 0 {
				t.Errorf("%+v", res)
			}
			want := dvd.Want{VolID: job.VolID, Arch: b.arch, Product: job.Product, SHA256: map[string]string{}}
			for _, p := range res.Packages {
				want.SHA256[filepath.Base(p.Path)] = p.SHA256
			}
			if err := dvd.Check(t.Context(), res.Path, want); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(bootReport(t, base), bootReport(t, res.Path)); diff != "" {
				t.Errorf("xorriso finds other ways to boot: %s", diff)
			}
			if out, err := tool(t, "checkisomd5", res.Path); err != nil || !strings.Contains(out, "PASS") {
				t.Errorf("checkisomd5: %v %s", err, out)
			}
			b.judge(t, res, &job)
		})
	}
}

// judge reads the medium with isoinfo and productmd, and what boots from it.
func (b *archBase) judge(t *testing.T, res *dvd.Result, job *dvd.Job) {
	t.Helper()
	head, err := tool(t, "isoinfo", "-d", "-i", res.Path)
	if err != nil || !strings.Contains(head, "Volume id: "+job.VolID+"\n") || !strings.Contains(head, "Rock Ridge signatures version 1 found") || !strings.Contains(head, "Joliet with UCS level 3 found") {
		t.Errorf("isoinfo: %v\n%s", err, head)
	}
	names, err := tool(t, "isoinfo", "-f", "-R", "-i", res.Path)
	if err != nil {
		t.Fatalf("isoinfo: %v\n%s", err, names)
	}
	list := strings.Split(names, "\n")
	files := []string{"/.discinfo", "/.treeinfo", "/media.repo", "/respin.ks", "/repodata/repomd.xml", "/images/install.img", b.config}
	for name := range b.files {
		files = append(files, "/"+name)
	}
	for _, p := range res.Packages {
		files = append(files, "/"+p.Path)
	}
	for _, name := range files {
		if !slices.Contains(list, name) {
			t.Errorf("isoinfo does not find %s", name)
		}
	}
	tree := t.TempDir()
	if out, err := tool(t, "xorriso", "-no_rc", "-osirrox", "on", "-indev", "stdio:"+res.Path, "-extract", "/", tree); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	productmdLoads(t, res, tree, b)
	config := read(t, filepath.Join(tree, b.config))
	args := "inst.stage2=hd:LABEL=" + job.VolID
	if !strings.Contains(config, args) || !strings.Contains(config, "inst.text") || !strings.Contains(config, "inst.ks=hd:LABEL="+job.VolID+":/respin.ks") || strings.Contains(config, archVolID) {
		t.Errorf("%s: %s", b.config, config)
	}
	boot := b.bootImage(t, res.Path)
	switch b.arch {
	case "aarch64":
		// Where the firmware begins to read is the image that the configuration is in.
		put(t, filepath.Join(tree, "efi"), boot)
		text, err := tool(t, "mtype", "-i", filepath.Join(tree, "efi"), "::/EFI/BOOT/grub.cfg")
		if err != nil || text != config {
			t.Errorf("grub.cfg in the EFI boot image: %v\n%s", err, text)
		}
		console := bootAarch64(t, res.Path)
		_, console, ok := strings.Cut(console, "RESPIN-UEFI begin")
		if !ok || !strings.Contains(console, args+" ") || !strings.Contains(console, "inst.text") || !strings.Contains(console, "RESPIN-UEFI end") {
			t.Errorf("the firmware does not read the medium:\n%s", console)
		}
	case "s390x":
		line, _, _ := bytes.Cut(boot[0x10480:0x11480], []byte{0})
		if config != string(line) || !bytes.HasSuffix(boot[:len(cdboot(""))], []byte("initrd")) {
			t.Errorf("the kernel's arguments are %q, those of cdboot.prm %q", line, config)
		}
	case "ppc64le":
		// Open Firmware does not know Rock Ridge.
		plain, err := tool(t, "isoinfo", "-f", "-i", res.Path)
		if err != nil || !strings.Contains(plain, "/ppc/bootinfo.txt\n") || !strings.Contains(plain, "/boot/grub/powerpc-ieee1275/core.elf\n") {
			t.Errorf("without Rock Ridge: %v\n%s", err, plain)
		}
		if console := machine(t, "qemu-system-ppc64", "-M", "pseries", "-cdrom", res.Path); !strings.Contains(console, "RESPIN-FORTH") {
			t.Errorf("Open Firmware does not start the medium:\n%s", console)
		}
	}
}

// bootImage reads what firmware would from the place that El Torito names,
// according to isoinfo; nil for Open Firmware, which reads files.
func (b *archBase) bootImage(t *testing.T, image string) []byte {
	t.Helper()
	if b.arch == "ppc64le" {
		return nil
	}
	head, err := tool(t, "isoinfo", "-d", "-i", image)
	m := regexp.MustCompile(`Bootoff [0-9A-F]+ (\d+)`).FindStringSubmatch(head)
	if err != nil || m == nil {
		t.Fatalf("isoinfo finds no boot image: %v\n%s", err, head)
	}
	at, _ := strconv.ParseInt(m[1], 10, 64)
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	data := make([]byte, 5760*512)
	n, _ := f.ReadAt(data, at*2048)
	return data[:n]
}

// bootAarch64 starts the UEFI firmware of a machine for aarch64 with the medium in
// its drive, and returns what it writes.
func bootAarch64(t *testing.T, image string) string {
	t.Helper()
	firmware := ""
	for _, path := range []string{"/usr/share/qemu-efi-aarch64/QEMU_EFI.fd", "/usr/share/edk2/aarch64/QEMU_EFI.fd"} {
		if _, err := os.Stat(path); err == nil {
			firmware = path
		}
	}
	if firmware == "" {
		shareddata.Missing(t, "the UEFI firmware of aarch64 (qemu-efi-aarch64)")
	}
	return machine(t, "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-bios", firmware,
		"-drive", "if=none,id=cd,media=cdrom,readonly=on,file="+image, "-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=cd")
}

// machine runs a machine until it turns itself off and returns what it writes.
func machine(t *testing.T, qemu string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var out bytes.Buffer
	args = append([]string{"-m", "512", "-nographic", "-no-reboot", "-net", "none"}, args...)
	err := (&proc.Runner{}).Run(ctx, proc.Cmd{Name: qemu, Log: &out, Args: args})
	if _, ok := errors.AsType[*proc.NotFoundError](err); ok {
		shareddata.Missing(t, err.Error())
	}
	if err != nil {
		t.Errorf("%s: %v", qemu, err)
	}
	return out.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// productmdLoads has productmd read the medium and the metadata beside it.
func productmdLoads(t *testing.T, res *dvd.Result, tree string, b *archBase) {
	t.Helper()
	const script = `
import sys, hashlib, productmd.compose, productmd.treeinfo, productmd.discinfo
c = productmd.compose.Compose(sys.argv[1])
arch = sys.argv[3]
image, = c.images["Server"][arch]
print(image.bootable, image.arch, image.volume_id)
t = productmd.treeinfo.TreeInfo()
t.load(sys.argv[2] + "/.treeinfo")
print(t.tree.arch, sorted(t.tree.platforms), t.stage2.mainimage)
for name, path in sorted(t.images.images[arch].items()):
    print(name, "=", path)
for path, (kind, value) in sorted(t.checksums.checksums.items()):
    assert hashlib.new(kind, open(sys.argv[2] + "/" + path, "rb").read()).hexdigest() == value, path
d = productmd.discinfo.DiscInfo()
d.load(sys.argv[2] + "/.discinfo")
print(d.arch, d.disc_numbers)
`
	python := filepath.Join(shareddata.Root(t), ".cache", "venv", "bin", "python")
	text, err := exec.CommandContext(t.Context(), python, "-c", script, filepath.Dir(res.Path), tree, b.arch).CombinedOutput()
	out := string(text)
	images := append(slices.Clone(b.images), map[string][]string{"s390x": {"cdboot.img = images/cdboot.img"}}[b.arch]...)
	slices.Sort(images)
	want := fmt.Sprintf("True %s %s\n%[1]s ['%[1]s'] images/install.img\n%[3]s\n%[1]s [1]\n", b.arch, res.Info.VolumeID, strings.Join(images, "\n"))
	if err != nil || out != want {
		t.Errorf("productmd: %v\n%s", err, cmp.Diff(want, out))
	}
}
