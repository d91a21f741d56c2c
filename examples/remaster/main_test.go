package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/internal/shareddata"
)

const kickstart = "text\nlang en_US.UTF-8\n%packages\n@core\ngreeter\n%end\n"

// bootable makes an image in the shape of Fedora's boot.iso with xorriso. It
// boots by BIOS alone: UEFI would need a FAT file system in it.
func bootable(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"xorriso", "mcopy"} {
		if _, err := exec.LookPath(tool); err != nil {
			shareddata.Missing(t, tool)
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		".treeinfo":                 "[general]\nfamily = Fedora\nversion = 44\narch = x86_64\n",
		"boot/grub2/grub.cfg":       "menuentry 'Install' {\n\tlinux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=F44-base quiet\n\tinitrd /images/pxeboot/initrd.img\n}\n",
		"images/eltorito.img":       strings.Repeat("boot", 512),
		"images/pxeboot/vmlinuz":    "kernel",
		"images/pxeboot/initrd.img": "initrd",
		"images/install.img":        "stage2",
	} {
		path := filepath.Join(dir, "tree", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	image := filepath.Join(dir, "boot.iso")
	cmd := exec.CommandContext(t.Context(), "xorriso", "-as", "mkisofs", "-R", "-V", "F44-base", "-o", image,
		"-b", "images/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", filepath.Join(dir, "tree"))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return image
}

// unbootable makes one that no tool is needed for and that is good for refusals.
func unbootable(t *testing.T, arch string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "boot.iso")
	if err := os.WriteFile(image, isotest.Base("F44-base", arch), 0o600); err != nil {
		t.Fatal(err)
	}
	return image
}

// world starts a small Fedora and returns the flags that lead to it.
func world(t *testing.T, image, out string) (*composetest.Fedora, []string) {
	t.Helper()
	f, err := composetest.StartFedora(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	ks := filepath.Join(t.TempDir(), "test.ks")
	if err := os.WriteFile(ks, []byte(kickstart), 0o600); err != nil {
		t.Fatal(err)
	}
	return f, []string{"-koji", f.HubURL, "-topurl", f.TopURL, "-bodhi", f.BodhiURL, "-base", image, "-kickstart", ks, "-out", out}
}

func TestPutsAnUpdateOntoAnImage(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "made")
	f, args := world(t, bootable(t), out)
	var said bytes.Buffer
	if err := run(t.Context(), append(args, "-volid", "F44-respin", "-arg", "inst.text", f.Update), &said, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Fedora-44-remaster-x86_64.iso", "report.json", "clock.x86_64", "1:5.0^20261101gitabcdef-2.fc44", "included"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not in:\n%s", want, said.String())
		}
	}
	path := filepath.Join(out, "out", "Fedora-44-remaster-x86_64.iso")
	if err := iso.CheckMD5(t.Context(), path, nil); err != nil {
		t.Error(err)
	}
	info, err := iso.Inspect(path)
	if err != nil || info.VolumeID != "F44-respin" || !info.BIOS {
		t.Errorf("image %+v, %v", info, err)
	}
	menu, err := iso.ReadFile(path, "/boot/grub2/grub.cfg", 1<<20)
	if err != nil || !strings.Contains(string(menu), "inst.text") || !strings.Contains(string(menu), "inst.ks=hd:LABEL=F44-respin:/respin.ks") {
		t.Errorf("boot menu: %v\n%s", err, menu)
	}
	ks, err := iso.ReadFile(path, "/respin.ks", 1<<20)
	if err != nil || !strings.Contains(string(ks), "file:///run/install/repo/respin-repo/") {
		t.Errorf("kickstart: %v\n%s", err, ks)
	}
}

func TestRefusesABaseOfAnotherArch(t *testing.T) {
	t.Parallel()
	f, args := world(t, unbootable(t, "aarch64"), filepath.Join(t.TempDir(), "made"))
	err := run(t.Context(), append(args, f.Update), io.Discard, io.Discard)
	if refused, ok := errors.AsType[*compose.RefusedError](err); !ok || !refused.Has(compose.CodeBaseWrongArch) {
		t.Fatalf("got %v", err)
	}
}

func TestRefusesWithoutABase(t *testing.T) {
	t.Parallel()
	f, args := world(t, unbootable(t, "x86_64"), filepath.Join(t.TempDir(), "made"))
	err := run(t.Context(), append(args, "-base", "", f.Update), io.Discard, io.Discard)
	if refused, ok := errors.AsType[*compose.RefusedError](err); !ok || !refused.Has(compose.CodeBaseRequired) {
		t.Fatalf("got %v", err)
	}
}
