package smoke

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
)

// As lorax writes it, with what is hard: quotes, an entry with variables, the
// medium check as default.
const grubMenu = `set default="1"
search --no-floppy --set=root -l 'F44'
menuentry 'Test this media & install' --class fedora {
	linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=F44 rd.live.check quiet
	initrd /images/pxeboot/initrd.img
}
menuentry "Install Fedora 44" {
	linuxefi /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=F\x2044 "kernel arg=a b" quiet
	initrdefi /images/pxeboot/initrd.img /images/more.img
}
submenu 'Troubleshooting -->' {
	menuentry 'Boot first drive' {
		chainloader +1
	}
	menuentry 'By variable' {
		linux $kernel quiet
		initrd $initrd
	}
}
`

const isolinuxMenu = "default vesamenu.c32\nlabel linux\n  menu label ^Install\n  kernel vmlinuz\n  append initrd=initrd.img,more.img inst.stage2=hd:LABEL=F44 quiet\nlabel local\n  localboot 0xffff\n"

func TestMenusAreRead(t *testing.T) {
	t.Parallel()
	want := []Entry{
		{Kernel: "/images/pxeboot/vmlinuz", Initrd: []string{"/images/pxeboot/initrd.img"}, Args: []string{"inst.stage2=hd:LABEL=F44", "rd.live.check", "quiet"}},
		{Kernel: "/images/pxeboot/vmlinuz", Initrd: []string{"/images/pxeboot/initrd.img", "/images/more.img"}, Args: []string{`inst.stage2=hd:LABEL=F\x2044`, "kernel arg=a b", "quiet"}},
	}
	if diff := cmp.Diff(want, ParseMenu(grubMenu)); diff != "" {
		t.Error(diff)
	}
	want = []Entry{{Kernel: "vmlinuz", Initrd: []string{"initrd.img", "more.img"}, Args: []string{"inst.stage2=hd:LABEL=F44", "quiet"}}}
	if diff := cmp.Diff(want, ParseMenu(isolinuxMenu)); diff != "" {
		t.Error(diff)
	}
	if got := ParseMenu("menuentry 'x' {\n"); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func medium(t *testing.T, files map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.iso")
	if err := os.WriteFile(path, isotest.Build(isotest.Options{VolumeID: "F44", Files: files}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheEntryWithoutMediumCheckIsStartedWithASerialConsole(t *testing.T) {
	t.Parallel()
	path := medium(t, map[string]string{
		"boot/grub2/grub.cfg": grubMenu, "images/pxeboot/vmlinuz": "kernel", "images/pxeboot/initrd.img": "one ", "images/more.img": "two",
	})
	m, err := iso.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	e, err := ReadEntry(m, BIOS)
	if err != nil || e.Config != "/boot/grub2/grub.cfg" || len(e.Initrd) != 2 || e.Serial() {
		t.Fatalf("%+v, %v", e, err)
	}
	dir := t.TempDir()
	args, err := e.extract(m, dir)
	want := []string{
		"-kernel", filepath.Join(dir, "vmlinuz"), "-initrd", filepath.Join(dir, "initrd.img"),
		"-append", `inst.stage2=hd:LABEL=F\x2044 kernel arg=a b quiet console=ttyS0,115200`,
	}
	if diff := cmp.Diff(want, args); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for name, text := range map[string]string{"vmlinuz": "kernel", "initrd.img": "one two"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != text {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if _, err := ReadEntry(m, UEFI); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a menu for UEFI: %v", err)
	}
	e.Kernel = "/gone"
	if _, err := e.extract(m, dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a kernel: %v", err)
	}
}

func FuzzParseMenu(f *testing.F) {
	f.Add(grubMenu)
	f.Add(isolinuxMenu)
	f.Add("linux '\ninitrd \"")
	f.Add("menuentry\nkernel a\nappend initrd=,,\nlabel")
	f.Fuzz(func(t *testing.T, text string) {
		for _, e := range ParseMenu(text) {
			if e.Kernel == "" || len(e.Initrd) == 0 || strings.Contains(e.Kernel, "$") {
				t.Errorf("an entry that starts nothing: %+v", e)
			}
			for _, word := range e.Args {
				if strings.ContainsAny(word, "\n") || len(word) > len(text) {
					t.Errorf("argument %q", word)
				}
			}
		}
	})
}
