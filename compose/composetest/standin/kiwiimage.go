package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing/fstest"

	"github.com/ulikunitz/xz"

	"github.com/fedora-respin/respin/compose/image/imagetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/repo/rpmdb/rpmdbtest"
)

// tree downloads the chosen packages and makes the root that they are installed
// in, as far as that is a database and the system's name.
func (j *kiwiJob) tree(w *world) (fstest.MapFS, error) {
	dir := filepath.Join(j.target, "build", "packages")
	if err := w.download(dir); err != nil {
		return nil, fmt.Errorf("KiwiCommandError: dnf5: %w", err)
	}
	var headers [][]byte
	for _, c := range w.chosen {
		data, err := os.ReadFile(filepath.Join(dir, path.Base(c.Location)))
		if err != nil {
			return nil, fmt.Errorf("KiwiCommandError: %w", err)
		}
		headers = append(headers, rpmdbtest.Installed(data, uint32(stamp().Unix())))
	}
	return fstest.MapFS{
		"usr/lib/os-release":                {Data: fmt.Appendf(nil, "ID=fedora\nPRETTY_NAME=\"Fedora Linux %s (stand-in)\"\n", j.state.release)},
		"usr/lib/sysimage/rpm/rpmdb.sqlite": {Data: rpmdbtest.SQLite(headers...)},
	}, nil
}

// image is what the builders leave in the target directory.
func (j *kiwiJob) image(w *world) error {
	j.kiwiInfo("Calling config.sh script")
	root, err := j.tree(w)
	if err != nil {
		return err
	}
	j.kiwiInfo("Creating system image")
	base := filepath.Join(j.target, j.state.Name+"."+j.state.arch+"-"+j.state.version)
	key, file, err := j.write(base, root)
	if err != nil {
		return err
	}
	j.kiwiInfo("Export rpm packages metadata")
	var list, verified []string
	for _, c := range w.chosen {
		epoch := "(none)"
		if c.EVR.Epoch != 0 {
			epoch = strconv.FormatUint(uint64(c.EVR.Epoch), 10)
		}
		list = append(list, strings.Join([]string{c.Name, epoch, c.EVR.Version, c.EVR.Release, c.Arch, "(none)", "MIT"}, "|"))
		verified = append(verified, ".......T.    /usr/share/"+c.Name)
	}
	slices.Sort(list)
	files := map[string]string{key: file, "image_packages": base + ".packages", "image_verified": base + ".verified", "image_changes": base + ".changes"}
	result, err := resultJSON(files)
	if err != nil {
		return err
	}
	j.kiwiInfo("Result files:")
	for _, name := range files {
		j.kiwiInfo("--> %s", name)
	}
	return errors.Join(
		writeFile(base+".packages", strings.Join(list, "\n")+"\n", stamp()), writeFile(base+".verified", strings.Join(verified, "\n")+"\n", stamp()),
		writeFile(base+".changes", "", stamp()), writeFile(filepath.Join(j.target, "kiwi.result"), "\x80\x04 a stand-in for a pickle", stamp()),
		writeFile(filepath.Join(j.target, "kiwi.result.json"), string(result)+"\n", stamp()),
	)
}

// write makes the image of the chosen type; key is kiwi's name for it.
func (j *kiwiJob) write(base string, root fstest.MapFS) (key, file string, err error) {
	t := j.state.build
	switch t.Image {
	case "iso":
		file = base + ".iso"
		return "live_image", file, j.writeISO(file, root)
	case "oem":
		j.kiwiInfo("Creating raw disk image %s", base+".raw")
		if err := os.WriteFile(base+".raw", disk(imagetest.Squashfs(root)), 0o644); err != nil {
			return "", "", err
		}
		if t.Format == "qcow2" {
			j.kiwiInfo("Creating qcow2 Disk Format")
			return "disk_format_image", base + ".qcow2", writeFile(base+".qcow2", string(imagetest.QCOW2()), stamp())
		}
		return "disk_image", base + ".raw", nil
	case "tbz":
		j.kiwiInfo("Creating XZ compressed tar archive")
		file = base + ".tar.xz"
		return "root_archive", file, writeTar(file, root)
	case "oci", "docker":
		j.kiwiInfo("Setting up %s container", t.Image)
		j.kiwiInfo("--> Creating container image")
		file = base + "." + t.Image + ".tar.xz"
		return "container", file, writeTar(file, fstest.MapFS{"oci-layout": {Data: []byte(`{"imageLayoutVersion": "1.0.0"}`)}, "index.json": {Data: []byte(`{"schemaVersion": 2, "manifests": []}`)}})
	}
	return "", "", fmt.Errorf("KiwiNotImplementedError: the stand-in makes no %s", t.Image)
}

func (j *kiwiJob) writeISO(file string, root fstest.MapFS) error {
	j.kiwiInfo("Using following live ISO metadata:")
	j.kiwiInfo("--> Volume id: %s", j.state.build.VolID)
	j.kiwiInfo("Creating live ISO boot image(s)")
	j.kiwiInfo("Packing system into dracut live ISO type: %s", j.state.build.Flags)
	volid := j.state.build.VolID
	if j.Fail == "volid" {
		volid = "OTHER"
	}
	data := isotest.Build(isotest.Options{VolumeID: volid, BIOS: true, UEFI: true, Pad: 32, Files: map[string]string{
		"LiveOS/squashfs.img": string(imagetest.Squashfs(root)), "boot/" + j.state.arch + "/loader/linux": "stand-in kernel", "boot/" + j.state.arch + "/loader/initrd": "stand-in initrd",
		"boot/grub2/grub.cfg": "linux /boot/" + j.state.arch + "/loader/linux root=live:CDLABEL=" + volid + " rd.live.image " + j.state.build.Args + "\n",
	}})
	j.kiwiInfo("Creating live ISO image")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		return err
	}
	if !j.state.build.MediaCheck || !j.isomd5 {
		return nil
	}
	_, err := iso.ImplantMD5(context.Background(), file, iso.ImplantOptions{})
	return err
}

// disk is a raw disk of one partition, 1 MiB in.
func disk(content []byte) []byte {
	const start = 2048
	for len(content)%512 != 0 {
		content = append(content, 0)
	}
	out := make([]byte, start*512, start*512+len(content))
	entry := out[446:462]
	entry[4] = 0x83
	binary.LittleEndian.PutUint32(entry[8:], start)
	binary.LittleEndian.PutUint32(entry[12:], uint32(len(content)/512))
	out[510], out[511] = 0x55, 0xaa
	return append(out, content...)
}

func writeTar(file string, fsys fstest.MapFS) error {
	var b bytes.Buffer
	z, err := xz.NewWriter(&b)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	err = fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data := fsys[name].Data
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = t.Write(data)
		return err
	})
	return errors.Join(err, t.Close(), z.Close(), os.WriteFile(file, b.Bytes(), 0o644))
}
