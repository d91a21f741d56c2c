// Package remaster makes a new image out of an existing installation image: it
// adds a kickstart, a side repository, an updates.img or other files, edits the
// kernel arguments of all boot configurations, and renames the volume, while the
// image stays bootable in every way that it was. It is the mechanism of lorax's
// mkksiso, without root and for images of every architecture.
//
//	res, err := remaster.Run(ctx, remaster.Job{
//		BaseISO:   "boot.iso",
//		Output:    "F44-with-update.iso",
//		VolID:     "F44-with-update",
//		Kickstart: ks, // repo --baseurl=file:///run/install/repo/respin-repo
//		Add:       []remaster.Graft{{Local: "side", ISOPath: "/respin-repo"}},
//		BootArgs:  []string{"inst.text"},
//		Time:      planTime,
//	})
//
// The same Job gives the same bytes, on any day and for any user, with the same
// version of xorriso. The image is written under a temporary name beside Output;
// on an error or when ctx ends nothing is left. MakeRepoISO makes a plain image
// of a folder in the same way.
//
// It drives xorriso (the tool that lorax and Pungi use) and, for the FAT image
// with which UEFI boots, mtools.
package remaster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/proc"
)

// DefaultKickstartName is where the kickstart is put on the medium.
const DefaultKickstartName = "respin.ks"

// Graft puts a file or a folder onto the medium.
type Graft struct {
	Local   string // a regular file, or a folder whose content is taken
	ISOPath string // where it goes, from the root: "/respin-repo"
	// Executable makes a file executable. Local files that somebody may execute
	// stay so; owner and other modes are the same for all.
	Executable bool
}

// Replacement replaces text in every boot configuration, in all lines, as often as
// it stands there. What is nowhere is a warning.
type Replacement struct {
	From string // at least one character, in one line
	To   string // "" removes From
}

// Job says what to make of what.
type Job struct {
	BaseISO string // required
	Output  string // required; must not exist
	Arch    string // the architecture that the base must have; default any
	VolID   string // default: the base's

	Kickstart     []byte // default: none; inst.ks then stays as it is
	KickstartName string // a file name; default DefaultKickstartName
	UpdatesImg    string // path of an updates.img that inst.updates will name; default none
	UpdatesName   string // its name on the medium; default that of the path
	Add           []Graft
	BootArgs      []string      // added to every kernel line, one argument each: "inst.text", "console=ttyS0"
	RemoveArgs    []string      // names of arguments to remove, without "="
	Replace       []Replacement // in every boot configuration, in this order, before anything else

	// NoChecksum leaves the medium checksum out: the installer's medium check then
	// has nothing to go by. Default: one is implanted.
	NoChecksum bool

	// Time becomes the time of the added files and of the volume. Default: 1980-01-01,
	// the earliest that FAT can hold, so that the default is reproducible.
	Time     time.Time
	WorkDir  string                        // for temporary files; default: a folder beside Output
	Runner   compose.Runner                // default: this host
	Log      io.Writer                     // output of the tools; default none
	Progress func(percent int, msg string) // called from one goroutine at a time; default none
}

// Result says what was made.
type Result struct {
	Path     string
	Info     *iso.Info     // of the new image
	Checksum *iso.Checksum // as implanted; nil with NoChecksum
	Edited   []string      // boot configurations that were changed, by path on the medium; those in a FAT image follow its path after "::"
	Warnings []string      // what a person should know, one sentence each
}

// Run makes the image. Before any work it answers with *JobError, which wraps
// every problem found: *iso.NotISOError, *iso.VolumeIDError, *ArchError,
// *OutputExistsError, *GraftError, *ReplaceError, *NoBootConfigError, *NoSpaceError,
// *proc.NotFoundError. Later errors are *proc.Error and those of the file system.
func Run(ctx context.Context, job Job) (*Result, error) {
	job.defaults()
	base, err := check(&job)
	if err != nil {
		return nil, err
	}
	r := &run{Job: job, base: base, res: &Result{}}
	err = inTemp(job.Output, job.WorkDir, func(dir, out string) error {
		r.dir = dir
		return r.do(ctx, out)
	}, func() { r.res.Path = job.Output })
	if err != nil {
		return nil, err
	}
	job.Progress(100, "image is complete")
	return r.res, nil
}

// Check finds what Run would refuse before any work. The error is a *JobError.
func Check(job Job) error {
	job.defaults()
	_, err := check(&job)
	return err
}

func (j *Job) defaults() {
	if j.KickstartName == "" {
		j.KickstartName = DefaultKickstartName
	}
	if j.UpdatesName == "" && j.UpdatesImg != "" {
		j.UpdatesName = filepath.Base(j.UpdatesImg)
	}
	if j.Time.Unix() <= 0 {
		j.Time = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if j.Progress == nil {
		j.Progress = func(int, string) {}
	}
	j.Runner = onHost(j.Runner)
}

func onHost(r compose.Runner) compose.Runner {
	if r == nil {
		return &proc.Runner{}
	}
	return r
}

// inTemp runs do with a folder for its work and the name that the image gets
// until it is whole, then renames the image to output and calls done.
func inTemp(output, workDir string, do func(dir, out string) error, done func()) error {
	output, err := filepath.Abs(output)
	if err != nil {
		return fmt.Errorf("find output folder: %w", err)
	}
	outDir, err := os.MkdirTemp(filepath.Dir(output), atomicfile.TempPrefix)
	if err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	dirs := []string{outDir}
	dir := outDir
	if workDir != "" {
		dir, err = os.MkdirTemp(workDir, atomicfile.TempPrefix)
		if err != nil {
			return fmt.Errorf("make work folder: %w", errors.Join(err, os.Remove(outDir)))
		}
		dirs = append(dirs, dir)
	}
	tmp := filepath.Join(outDir, "image.iso")
	err = do(dir, tmp)
	if err == nil {
		err = publish(tmp, output)
	}
	for _, d := range dirs {
		err = errors.Join(err, os.RemoveAll(d))
	}
	if err == nil {
		done()
	}
	return err
}

// publish gives the finished image its name, and never to the loss of another.
func publish(tmp, output string) error {
	if err := os.Chmod(tmp, 0o644); err != nil {
		return fmt.Errorf("set mode of image: %w", err)
	}
	// Unlike rename, link refuses a name that has appeared meanwhile.
	err := os.Link(tmp, output)
	switch {
	case errors.Is(err, os.ErrExist):
		return &OutputExistsError{output}
	case err != nil: // a file system without hard links
		if err = os.Rename(tmp, output); err != nil {
			return fmt.Errorf("rename image: %w", err)
		}
	}
	return atomicfile.SyncDir(filepath.Dir(output))
}

// run is one Run at work.
type run struct {
	Job
	base            *base
	dir             string // work folder
	res             *Result
	args            []string // of xorriso
	edited          map[string][]byte
	changed         map[string]string // local files by the paths that they replace
	found           map[string]bool   // what Replace found
	labels, renamed bool              // boot configurations name a volume; the base's was renamed there
	n               int               // numbers work files
}

func (r *run) do(ctx context.Context, out string) error {
	r.Progress(0, "editing boot configurations")
	if err := r.editConfigs(); err != nil {
		return err
	}
	if err := r.editFAT(ctx); err != nil {
		return err
	}
	if err := r.editS390(ctx); err != nil {
		return err
	}
	if err := r.editTreeInfo(); err != nil {
		return err
	}
	r.warnNotFound()
	r.graft()
	r.Progress(percentWrite, "writing image")
	x := xorriso{runner: r.Runner, log: r.Log, time: r.Time, progress: r.Progress, dir: r.dir, noChecksum: r.NoChecksum}
	info, sum, err := x.write(ctx, out, r.command()...)
	if err != nil {
		return err
	}
	if err := sameBoot(r.base.info, info); err != nil {
		return err
	}
	r.res.Info, r.res.Checksum = info, sum
	return nil
}

// percentWrite is where the writing of the image begins, which takes far longer
// than the editing before it.
const percentWrite = 3

// sameBoot is the last guard: whatever the tools said, an image that has lost a
// way to boot is not handed out.
func sameBoot(was, is *iso.Info) error {
	for _, b := range []struct {
		name    string
		was, is bool
	}{
		{"BIOS from CD", was.BIOS, is.BIOS},
		{"UEFI from CD", was.UEFI, is.UEFI},
		{"BIOS from disk", was.BIOSDisk, is.BIOSDisk},
		{"UEFI from disk", was.UEFIDisk, is.UEFIDisk},
		{"Open Firmware", was.CHRP(), is.CHRP()},
	} {
		if b.was && !b.is {
			return &LostBootError{How: b.name}
		}
	}
	return nil
}

// graft adds the new files, and gives them the owner, modes and times that make
// the image the same for every user.
func (r *run) graft() {
	list := append([]Graft(nil), r.Add...)
	for _, g := range r.base.extra {
		list = append(list, Graft{Local: filepath.Join(r.dir, g.name), ISOPath: "/" + g.name})
		if g.local != "" {
			list[len(list)-1].Local = g.local
		}
	}
	for _, g := range list {
		r.args = append(r.args, mapGraft(g, r.Time)...)
	}
	for _, dir := range r.newFolders(list) {
		r.args = append(r.args, "-chown", "0", dir, "--", "-chgrp", "0", dir, "--", "-chmod", "0755", dir, "--")
	}
	for _, dir := range r.touched(list) {
		r.args = append(r.args, "-alter_date", "b", stamp(r.Time), dir, "--")
	}
}

// touched are the folders above the grafts whose time xorriso sets to now: those
// that it makes, and those into which something is put.
func (r *run) touched(list []Graft) []string {
	var dirs []string
	for _, g := range list {
		for dir := path.Dir(path.Clean(g.ISOPath)); ; dir = path.Dir(dir) {
			dirs = append(dirs, dir)
			if r.base.places[dir].dir || dir == "/" {
				break
			}
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// newFolders are those that xorriso makes above the grafts, with the owner and the
// mode of whoever runs it.
func (r *run) newFolders(list []Graft) []string {
	return slices.DeleteFunc(r.touched(list), func(dir string) bool { return dir == "/" || r.base.places[dir].dir })
}

func (r *run) command() []string {
	args := []string{"-indev", "stdio:" + r.BaseISO, "-boot_image", "any", "replay"}
	if r.base.info.Joliet {
		args = append(args, "-joliet", "on")
	}
	if r.VolID != "" {
		args = append(args, "-volid", r.VolID)
	}
	args = append(args, r.args...)
	if strings.HasPrefix(r.base.info.Arch, "ppc64") {
		// Open Firmware reads the names as they are, as mkksiso and Pungi do it.
		args = append(args, "-as", "mkisofs", "-U", "--")
	}
	return args
}

// volID is the volume id of the new image.
func (r *run) volID() string {
	if r.VolID != "" {
		return r.VolID
	}
	return r.base.info.VolumeID
}

// temp writes data to a new work file and returns its name.
func (r *run) temp(data []byte) (string, error) {
	r.n++
	name := filepath.Join(r.dir, fmt.Sprintf("file-%d", r.n))
	if err := os.WriteFile(name, data, 0o644); err != nil {
		return "", fmt.Errorf("write work file: %w", err)
	}
	return name, os.Chtimes(name, r.Time, r.Time)
}
