package remaster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/internal/proc"
)

// editConfigs edits the configurations that are files of the medium.
func (r *run) editConfigs() error {
	if len(r.Kickstart) > 0 {
		if err := os.WriteFile(filepath.Join(r.dir, r.KickstartName), r.Kickstart, 0o644); err != nil {
			return fmt.Errorf("write kickstart: %w", err)
		}
	}
	r.edited, r.found, r.changed = map[string][]byte{}, map[string]bool{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r.base.configs)) {
		data := r.base.configs[name]
		changed := r.edit(name, data)
		if bytes.Equal(data, changed) {
			continue
		}
		r.edited[name] = changed
		if err := r.update(name, changed); err != nil {
			return err
		}
	}
	return nil
}

// edit changes a configuration and remembers which replacements it was for.
func (r *run) edit(name string, data []byte) []byte {
	for _, x := range r.Replace {
		if bytes.Contains(data, []byte(x.From)) {
			r.found[x.From] = true
		}
	}
	e := r.edits()
	r.labels = r.labels || bytes.Contains(data, []byte("LABEL="))
	r.renamed = r.renamed || e.renameVolume(string(data)) != string(data)
	return editConfig(name, data, e)
}

// warnNotFound tells of replacements that changed nothing, and of menus that look
// for another volume than the base is.
func (r *run) warnNotFound() {
	if r.labels && !r.renamed && r.volID() != r.base.info.VolumeID {
		r.res.Warnings = append(r.res.Warnings, fmt.Sprintf("The boot configurations look for another volume than %q, and still do.", r.base.info.VolumeID))
	}
	for _, x := range r.Replace {
		if !r.found[x.From] {
			r.res.Warnings = append(r.res.Warnings, fmt.Sprintf("The text %q, which was to be replaced, stands in no boot configuration.", x.From))
		}
	}
}

// update has xorriso replace a file of the medium.
func (r *run) update(name string, data []byte) error {
	local, err := r.temp(data)
	if err != nil {
		return err
	}
	r.updateFrom(name, local)
	return nil
}

func (r *run) updateFrom(name, local string) {
	r.changed[name] = local
	r.res.Edited = append(r.res.Edited, name)
	r.args = append(r.args, "-update", local, name)
	r.args = append(r.args, "-chown", "0", name, "--", "-chgrp", "0", name, "--", "-chmod", "0644", name, "--")
	r.args = append(r.args, "-alter_date", "b", stamp(r.Time), name, "--")
}

// editFAT edits the copies of the configurations in the FAT images.
func (r *run) editFAT(ctx context.Context) error {
	for _, f := range r.base.fat {
		local := filepath.Join(r.dir, fmt.Sprintf("efiboot-%d.img", f.offset))
		if err := extract(r.BaseISO, local, f.offset, f.size); err != nil {
			return err
		}
		name := f.path
		if name == "" {
			name = fmt.Sprintf("partition %d", f.partition.Number)
		}
		m := mtools{run: r, image: local}
		edited, err := m.edit(ctx)
		if err != nil {
			return fmt.Errorf("edit EFI boot image %s: %w", name, err)
		}
		if len(edited) == 0 {
			continue
		}
		if f.path != "" {
			r.updateFrom(f.path, local)
		} else {
			kind := f.partition.Type
			r.args = append(r.args, "-append_partition", fmt.Sprint(f.partition.Number), kind, local)
		}
		for _, e := range edited {
			r.res.Edited = append(r.res.Edited, name+"::"+e)
		}
	}
	return nil
}

// extract copies a range of the image. It needs no tool, and no mount.
func extract(image, local string, offset, size int64) error {
	in, err := os.Open(image)
	if err != nil {
		return fmt.Errorf("open image: %w", err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(local)
	if err != nil {
		return fmt.Errorf("make work file: %w", err)
	}
	_, err = io.Copy(out, io.NewSectionReader(in, offset, size))
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copy from image: %w", err)
	}
	return nil
}

// mtools reads and writes a FAT image without mounting it.
type mtools struct {
	run   *run
	image string
}

// exec runs one tool of mtools with the time of the job: what it writes into the
// image must not depend on the day.
func (m mtools) exec(ctx context.Context, stdout io.Writer, name string, args ...string) error {
	return m.run.Runner.Run(ctx, proc.Cmd{
		Name: name, Args: append([]string{"-i", m.image}, args...), Dir: m.run.dir,
		Log: m.log(stdout), Stdout: stdout, Package: "mtools",
		Env: append(timeEnv(m.run.Time), "MTOOLSRC=/dev/null", "MTOOLS_SKIP_CHECK=1"),
	})
}

// edit changes all GRUB configurations and returns their paths.
func (m mtools) edit(ctx context.Context) ([]string, error) {
	names, err := m.configs(ctx)
	if err != nil {
		return nil, err
	}
	var edited []string
	for _, name := range names {
		local, err := m.run.temp(nil)
		if err != nil {
			return nil, err
		}
		if err := m.exec(ctx, nil, "mcopy", "-n", "-o", "::"+name, local); err != nil {
			return nil, err
		}
		data, err := os.ReadFile(local)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		changed := m.run.edit(name, data)
		if bytes.Equal(changed, data) {
			continue
		}
		if local, err = m.run.temp(changed); err != nil {
			return nil, err
		}
		if err := m.exec(ctx, nil, "mcopy", "-o", "-m", local, "::"+name); err != nil {
			return nil, fatFull(err)
		}
		edited = append(edited, name)
	}
	return edited, nil
}

// configs lists the files of the image that are boot configurations.
func (m mtools) configs(ctx context.Context) ([]string, error) {
	var out bytes.Buffer
	if err := m.exec(ctx, &out, "mdir", "-/", "-b", "::"); err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(out.String()) {
		name := strings.TrimPrefix(strings.TrimSpace(line), "::")
		switch strings.ToLower(filepath.Base(name)) {
		case "grub.cfg", "boot.conf":
			list = append(list, name)
		}
	}
	return list, nil
}

func fatFull(err error) error {
	if e, ok := errors.AsType[*proc.Error](err); ok && strings.Contains(strings.ToLower(strings.Join(e.Tail, " ")), "disk full") {
		return errors.Join(ErrFATFull, err)
	}
	return err
}

// The kernel of s390x carries its arguments inside of the image: Linux,
// arch/s390/include/asm/setup.h, PARMAREA.
const (
	cdbootImage    = "/images/cdboot.img"
	cmdlineAt      = 0x10480
	cmdlineSizeAt  = 0x10430 // 64 bits, big-endian; 0 before Linux 5.17
	cmdlineSizeOld = 896
	cmdlineSizeMax = 4096
)

// editS390 writes the arguments of images/cdboot.prm into images/cdboot.img,
// from which the medium boots, where mk-s390image has put them.
func (r *run) editS390(context.Context) error {
	prm, ok := r.edited["/images/cdboot.prm"]
	if !ok || !r.base.cdboot {
		return nil
	}
	img, err := iso.Open(r.BaseISO)
	if err != nil {
		return err
	}
	defer func() { _ = img.Close() }()
	e, err := img.Stat(cdbootImage)
	if err != nil {
		return err
	}
	local := filepath.Join(r.dir, "cdboot.img")
	off, _ := e.Offset()
	if err := extract(r.BaseISO, local, off, e.Size); err != nil {
		return err
	}
	err = patchCmdline(local, r.base.configs["/images/cdboot.prm"], prm)
	if err != nil {
		return fmt.Errorf("edit %s: %w", cdbootImage, err)
	}
	r.updateFrom(cdbootImage, local)
	return nil
}

// patchCmdline replaces the command line of an s390 kernel image by the file's
// content as it is, lines and all, as mk-s390image of s390-tools does; the kernel
// takes a line's end for a blank. It refuses an image whose command line is not
// the old one.
func patchCmdline(name string, was, is []byte) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open image: %w", err)
	}
	defer func() { _ = f.Close() }()
	var size [8]byte
	if _, err := f.ReadAt(size[:], cmdlineSizeAt); err != nil {
		return fmt.Errorf("read image: %w", err)
	}
	limit := binary.BigEndian.Uint64(size[:])
	if limit == 0 || limit > cmdlineSizeMax {
		limit = cmdlineSizeOld
	}
	area := make([]byte, limit)
	if _, err := f.ReadAt(area, cmdlineAt); err != nil {
		return fmt.Errorf("read image: %w", err)
	}
	have, _, _ := bytes.Cut(area, []byte{0})
	if oneLine(have) != oneLine(was) {
		return fmt.Errorf("its kernel arguments %q are not those of cdboot.prm", oneLine(have))
	}
	if len(is) >= len(area) {
		return fmt.Errorf("the kernel takes %d bytes of arguments, these have %d", len(area)-1, len(is))
	}
	clear(area)
	copy(area, is)
	if _, err := f.WriteAt(area, cmdlineAt); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	return f.Close()
}

func oneLine(b []byte) string { return strings.Join(strings.Fields(string(b)), " ") }

// log keeps what is captured out of the log.
func (m mtools) log(stdout io.Writer) io.Writer {
	if stdout != nil {
		return nil
	}
	return m.run.Log
}
