package remaster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/internal/proc"
)

// xorriso runs the tool with everything pinned that would otherwise come from
// the day, the user or the host.
type xorriso struct {
	runner   compose.Runner
	log      io.Writer
	time     time.Time
	progress func(int, string)
	dir      string // for the pipe

	noChecksum bool
}

// progressLine matches xorriso's "UPDATE : Writing:  1234s  45.6%  fifo ...".
var progressLine = regexp.MustCompile(`UPDATE : .*?([0-9]{1,3})\.[0-9]%`)

// write has xorriso write the image into a pipe and saves what comes out of it:
// the data pass through this process once, on their way to the disk and into the
// medium checksum. Then it looks at the image.
func (x xorriso) write(ctx context.Context, out string, args ...string) (*iso.Info, *iso.Checksum, error) {
	name := filepath.Join(x.dir, "image.pipe")
	pipe, err := openPipe(name)
	if err != nil {
		return nil, nil, err
	}
	var sum *iso.Checksum
	var saveErr error
	var wg sync.WaitGroup
	wg.Go(func() {
		sum, saveErr = iso.Save(ctx, pipe.out, out, iso.SaveOptions{NoChecksum: x.noChecksum})
		// xorriso must not wait for a reader that has given up.
		saveErr = errors.Join(saveErr, pipe.out.Close())
	})
	// What is written to a pipe is one session from its start; nothing can be
	// written again at the end.
	runErr := x.run(ctx, append([]string{"-outdev", "stdio:" + name}, args...)...)
	runErr = errors.Join(runErr, pipe.in.Close())
	wg.Wait()
	if err := firstCause(ctx, runErr, saveErr); err != nil {
		return nil, nil, err
	}
	info, err := iso.Inspect(out)
	return info, sum, err
}

// firstCause tells the cause of two errors from its consequence: a tool that dies
// leaves a truncated image, a full disk has the tool die of a closed pipe.
func firstCause(ctx context.Context, run, save error) error {
	_, truncated := errors.AsType[*iso.NotISOError](save)
	if save == nil || run != nil && (truncated || ctx.Err() != nil) {
		return run
	}
	return save
}

// pipe is a named pipe with both ends open.
type pipe struct{ out, in *os.File }

// pipeSize is the most that a user may ask for.
const pipeSize = 1 << 20

// openPipe makes a named pipe. The end for writing, which this process holds
// besides the tool, keeps the reader from seeing the end before the tool has begun.
func openPipe(name string) (pipe, error) {
	if err := unix.Mkfifo(name, 0o600); err != nil {
		return pipe{}, fmt.Errorf("make pipe for the image: %w", err)
	}
	out, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return pipe{}, fmt.Errorf("open pipe for the image: %w", err)
	}
	in, err := os.OpenFile(name, os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return pipe{}, errors.Join(fmt.Errorf("open pipe for the image: %w", err), out.Close())
	}
	if raw, err := out.SyscallConn(); err == nil {
		// A small pipe works, too.
		_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
	}
	return pipe{out: out, in: in}, nil
}

func (x xorriso) run(ctx context.Context, args ...string) error {
	last := -1
	// -no_rc keeps start-up files of the user out, the patterns keep * and ? in
	// names from being expanded.
	args = append([]string{"-no_rc", "-abort_on", "FAILURE", "-disk_pattern", "off", "-iso_rr_pattern", "off"}, args...)
	return x.runner.Run(ctx, proc.Cmd{
		Name: "xorriso", Args: args, Log: x.log, Package: "xorriso", Env: timeEnv(x.time),
		OnLine: func(_ proc.Stream, line string) {
			m := progressLine.FindStringSubmatch(line)
			if m == nil {
				return
			}
			n, _ := strconv.Atoi(m[1])
			if p := percentWrite + min(n, 100)*(99-percentWrite)/100; p > last {
				last = p
				x.progress(p, "writing image")
			}
		},
	})
}

func timeEnv(t time.Time) []string {
	return []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", t.Unix()), "TZ=UTC"}
}

// stamp is a time in xorriso's notation.
func stamp(t time.Time) string { return fmt.Sprintf("=%d", t.Unix()) }

// mapGraft puts a file or folder in, owned by root, readable by all.
func mapGraft(g Graft, at time.Time) []string {
	local, err := filepath.Abs(g.Local)
	if err != nil {
		local = g.Local
	}
	to := path.Clean(g.ISOPath)
	args := []string{
		"-map", local, to,
		"-chown_r", "0", to, "--", "-chgrp_r", "0", to, "--",
		"-find", to, "-type", "d", "-exec", "chmod", "0755", "--",
		"-find", to, "-type", "f", "-exec", "chmod", "0644", "--",
	}
	if run := executables(g, local, to); len(run) > 0 {
		args = append(append(append(args, "-chmod", "0755"), run...), "--")
	}
	// Last: a change of mode changes a time.
	return append(args, "-alter_date_r", "b", stamp(at), to, "--")
}

// executables are the places of the files that may be executed.
func executables(g Graft, local, to string) []string {
	var list []string
	// What cannot be read is told by xorriso, and was by Check.
	_ = filepath.WalkDir(local, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // as above
		}
		info, err := d.Info()
		rel, relErr := filepath.Rel(local, name)
		if err == nil && relErr == nil && (info.Mode()&0o111 != 0 || g.Executable && rel == ".") {
			list = append(list, path.Join(to, filepath.ToSlash(rel)))
		}
		return nil
	})
	return list
}

// RepoJob says what image MakeRepoISO makes.
type RepoJob struct {
	Dir      string // its content becomes the root of the image
	Output   string // must not exist
	VolID    string // required
	Time     time.Time
	WorkDir  string
	Runner   compose.Runner
	Log      io.Writer
	Progress func(percent int, msg string)
}

// MakeRepoISO makes an image (Rock Ridge and Joliet, not bootable) of a folder,
// with a medium checksum: an extra medium for a virtual machine. The same folder
// gives the same bytes. Errors are those of Run.
func MakeRepoISO(ctx context.Context, job RepoJob) (*Result, error) {
	j := Job{Output: job.Output, VolID: job.VolID, Time: job.Time, Progress: job.Progress, Runner: job.Runner}
	j.defaults()
	var p problems
	p.add(checkOutput(job.Output))
	p.add(iso.ValidVolumeID(job.VolID))
	added, err := graftSize(job.Dir)
	if err != nil {
		p.add(&GraftError{"/", err})
	}
	if job.Output != "" {
		p.add(checkSpace(filepath.Dir(job.Output), added+spaceSlack))
	}
	p.add(checkTools(j.Runner, false))
	if err := p.err(); err != nil {
		return nil, err
	}
	res := &Result{}
	err = inTemp(job.Output, job.WorkDir, func(dir, out string) error {
		x := xorriso{runner: j.Runner, log: job.Log, time: j.Time, progress: j.Progress, dir: dir}
		args := append([]string{"-volid", job.VolID, "-joliet", "on"},
			mapGraft(Graft{Local: job.Dir, ISOPath: "/"}, j.Time)...)
		var err error
		res.Info, res.Checksum, err = x.write(ctx, out, args...)
		return err
	}, func() { res.Path = job.Output })
	if err != nil {
		return nil, err
	}
	j.Progress(100, "image is complete")
	return res, nil
}

// Tool is an external tool that this package uses.
type Tool struct {
	Name    string
	Path    string
	Version string // as the tool says it, "" when it does not
	Package string // what to install
	Err     error  // a *proc.NotFoundError when it is missing
}

// Tools probes the tools. The error joins those of the missing ones.
func Tools(ctx context.Context, runner compose.Runner) ([]Tool, error) {
	runner = onHost(runner)
	var errs []error
	list := []Tool{{Name: "xorriso", Package: "xorriso"}, {Name: "mcopy", Package: "mtools"}, {Name: "mdir", Package: "mtools"}}
	for i := range list {
		t := &list[i]
		if t.Path, t.Err = runner.Look(t.Name, t.Package); t.Err != nil {
			errs = append(errs, t.Err)
			continue
		}
		var out bytes.Buffer
		// mtools print their version and end with a code of their own choosing.
		if err := runner.Run(ctx, proc.Cmd{Name: t.Path, Args: []string{"-version"}, Stdout: &out}); err != nil && out.Len() == 0 {
			out.Reset()
			_ = runner.Run(ctx, proc.Cmd{Name: t.Path, Args: []string{"--version"}, Log: &out})
		}
		t.Version = version(out.String())
	}
	return list, errors.Join(errs...)
}

var versionNumber = regexp.MustCompile(`[0-9]+\.[0-9]+(\.[0-9]+)*`)

func version(out string) string {
	return versionNumber.FindString(strings.TrimSpace(out))
}

func checkTools(runner compose.Runner, fat bool) error {
	names := [][2]string{{"xorriso", "xorriso"}}
	if fat {
		names = append(names, [2]string{"mcopy", "mtools"}, [2]string{"mdir", "mtools"})
	}
	var errs []error
	for _, n := range names {
		if _, err := runner.Look(n[0], n[1]); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
