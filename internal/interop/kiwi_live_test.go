//go:build interop

package interop_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/kiwi"
	"github.com/fedora-respin/respin/compose/kiwidesc"
	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// liveDescription is that of a live image: the volume id, and the arguments of the
// kernel besides its own, are the Plan's.
func liveDescription(repository string) map[string]string {
	files := kiwiDescription(repository)
	files["Test.kiwi"] = `<?xml version="1.0" encoding="utf-8"?>
<image schemaversion="7.5" name="Test">
	<description type="system"><author>A</author><contact>a@example.org</contact><specification>test</specification></description>
	<profiles><profile name="Live" description="l"/></profiles>
	<preferences><version>44</version><packagemanager>dnf4</packagemanager><release-version>44</release-version></preferences>
	<preferences profiles="Live">
		<type image="iso" flags="dmsquash" volid="Other" firmware="efi" mediacheck="true" filesystem="squashfs" squashfscompression="gzip" kernelcmdline="quiet">
			<bootloader name="grub2" console="serial" timeout="1"/>
		</type>
	</preferences>
	<include from="this://./repositories/core.xml"/>
	<packages type="bootstrap"><package name="filesystem"/><package name="hello"/><package name="boot"/></packages>
</image>
`
	return files
}

// bootPackage has what kiwi looks for in a root to make a medium of it: a kernel,
// the boot loaders, and a dracut, which here hands the stand-in's initrd out.
func bootPackage(t *testing.T) []byte {
	t.Helper()
	base := baseISO(t)
	read := func(path string) []byte {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	medium := func(name string) []byte {
		data, err := iso.ReadFile(base, name, 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	core := filepath.Join(t.TempDir(), "core.img")
	out, err := exec.CommandContext(t.Context(), repoTool(t, "grub-mkimage"), "-O", "i386-pc", "-d", "/usr/lib/grub/i386-pc", "-o", core, "-p", "/boot/grub",
		"iso9660", "biosdisk", "part_msdos", "part_gpt", "linux", "normal", "configfile", "search", "search_fs_file", "serial", "test", "echo").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files := []rpmtest.File{
		{Path: "/lib", Linkto: "usr/lib"},
		{Path: "/boot/vmlinuz-6.17.0", Data: medium("/images/pxeboot/vmlinuz")},
		{Path: "/usr/lib/modules/6.17.0/modules.dep", Data: []byte("\n")},
		{Path: "/usr/share/stand-in/initrd.img", Data: medium("/images/pxeboot/initrd.img")},
		{Path: "/etc/dracut.conf.d/01-stand-in.conf", Data: []byte("\n")},
		{Path: "/usr/bin/dracut", Mode: 0o755, Data: []byte("#!/bin/sh\n# a stand-in\ncase \"$*\" in *--list-modules*) echo dmsquash-live; echo livenet; echo pollcdrom; exit 0;; esac\n" +
			"while [ $# -gt 2 ]; do shift; done\ncp /usr/share/stand-in/initrd.img \"/$1\"\n")},
		{Path: "/usr/share/grub2/unicode.pf2", Data: read("/usr/share/grub/unicode.pf2")},
		{Path: "/boot/efi/EFI/fedora/gcdx64.efi", Data: read("/usr/lib/grub/x86_64-efi/monolithic/gcdx64.efi")},
		{Path: "/usr/lib/grub/i386-pc/core.img", Data: read(core)},
	}
	for _, dir := range []string{"/usr/lib/grub/i386-pc", "/usr/lib/grub/x86_64-efi"} {
		found, err := filepath.Glob(dir + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && filepath.Base(path) != "core.img" {
				files = append(files, rpmtest.File{Path: path, Data: read(path)})
			}
		}
	}
	return rpmtest.Build(rpmtest.Spec{Name: "boot", Version: "1", Release: "1.fc44", Arch: "noarch", Files: files})
}

// The real kiwi makes a live ISO of the side repo's package: volume id, medium
// checksum and database are read back, and it boots with the Plan's arguments.
func TestRealKiwiMakesALiveImageThatBoots(t *testing.T) {
	t.Parallel()
	if compose.HostArch() != "x86_64" {
		t.Skip("the stand-in's kernel is for x86_64")
	}
	for version, firmware := range map[string]smoke.Firmware{"10.3.11": smoke.BIOS, "11.1.6": smoke.UEFI} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			runner := kiwiTools(t, realKiwi(t, version))
			release, side := kiwiRepos(t, bootPackage(t))
			src := t.TempDir()
			putDescription(t, src, liveDescription("dir://"+release))
			var archive bytes.Buffer
			if err := kiwidesc.Pack(&archive, src); err != nil {
				t.Fatal(err)
			}
			p, j := kiwiPlan(t, archive.Bytes(), runner, compose.KindLive, "Live")
			p.VolID, p.Request.BootArgs, j.SideRepo = "Respin-Live", []string{"console=ttyS0,115200"}, side
			made, proof := kiwiMakes(t, p, j)
			for _, s := range proof.Shipped {
				if s.From != "rpmdb" || s.SigMD5 == "" {
					t.Errorf("%+v: the image's own database was not read", s)
				}
			}
			if e := proof.Packages[0]; e.Verdict != compose.VerdictIncluded {
				t.Errorf("packages %+v", proof.Packages)
			}
			if proof.Image.VolID != "Respin-Live" || proof.Image.ImplantedMD5 == "" || !proof.Image.Bootable {
				t.Errorf("image %+v", proof.Image)
			}
			image := filepath.Join(j.OutDir, made.Artifacts[0].Path)
			if out, err := tool(t, "checkisomd5", image); err != nil || !strings.Contains(out, "PASS") {
				t.Errorf("checkisomd5: %v %s", err, out)
			}
			console := boot(t, image, firmware, smoke.CDROM, composetest.MarkOK)
			if !slices.ContainsFunc(console, func(l string) bool {
				return strings.HasPrefix(l, "cmdline: ") && strings.Contains(l, "root=live:CDLABEL=Respin-Live") && strings.Contains(l, "quiet") && strings.Contains(l, "console=ttyS0,115200")
			}) || !slices.Contains(console, "medium: /dev/sr0 label=Respin-Live") {
				t.Errorf("it started with\n%s", strings.Join(console, "\n"))
			}
		})
	}
}

// kiwiMakes builds and verifies.
func kiwiMakes(t *testing.T, p *compose.Plan, j *compose.BackendJob) (*compose.Made, *compose.Proof) {
	t.Helper()
	b := &kiwi.Backend{}
	if err := b.Describe(p); err != nil {
		t.Fatal(err)
	}
	var err error
	if j.Tools, err = b.Probe(t.Context(), j.Runner); err != nil {
		t.Fatal(err)
	}
	made, err := b.Build(t.Context(), p, j)
	if err != nil {
		t.Fatalf("%v\n%s", err, j.Log)
	}
	proof, err := b.Verify(t.Context(), p, j, made)
	if err != nil {
		t.Fatal(err)
	}
	return made, proof
}
