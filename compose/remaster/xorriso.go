package remaster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

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
}

// progressLine matches xorriso's "UPDATE : Writing:  1234s  45.6%  fifo ...".
var progressLine = regexp.MustCompile(`UPDATE : .*?([0-9]{1,3})\.[0-9]%`)

func (x xorriso) run(ctx context.Context, args ...string) error {
	last := -1
	// -no_rc keeps start-up files of the user out, the patterns keep * and ? in
	// names from being expanded. xorriso would wait for the disk every 16 MiB; the
	// image is synced once, with its checksum.
	args = append([]string{"-no_rc", "-stdio_sync", "off", "-abort_on", "FAILURE", "-disk_pattern", "off", "-iso_rr_pattern", "off"}, args...)
	return x.runner.Run(ctx, proc.Cmd{
		Name: "xorriso", Args: args, Log: x.log, Package: "xorriso", Env: timeEnv(x.time),
		OnLine: func(_ proc.Stream, line string) {
			m := progressLine.FindStringSubmatch(line)
			if m == nil {
				return
			}
			n, _ := strconv.Atoi(m[1])
			if p := percentWrite + min(n, 100)*(percentChecksum-percentWrite)/100; p > last {
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
	return []string{
		"-map", local, to,
		"-chown_r", "0", to, "--", "-chgrp_r", "0", to, "--",
		"-find", to, "-type", "d", "-exec", "chmod", "0755", "--",
		"-find", to, "-type", "f", "-exec", "chmod", "0644", "--",
		"-alter_date_r", "b", stamp(at), to, "--",
	}
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
	err = inTemp(job.Output, job.WorkDir, func(_, out string) error {
		x := xorriso{runner: j.Runner, log: job.Log, time: j.Time, progress: j.Progress}
		args := append([]string{"-outdev", "stdio:" + out, "-volid", job.VolID, "-joliet", "on"},
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
