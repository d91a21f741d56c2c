package compose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/internal/atomicfile"
)

// Machine boots finished images. smoke.QEMU is the real one.
type Machine interface {
	// Find is asked before a build that is to end with a smoke boot. A missing
	// tool is a *proc.NotFoundError that says what to install.
	Find() error
	// Prove is smoke.Prove: an image that does not start is a Report with a
	// Reason, an error says that no boot could be tried or that ctx ended.
	Prove(context.Context, smoke.Options) (*smoke.Report, error)
}

const (
	serialPath = "logs/serial.log"
	screenPath = "logs/screen.png"
	// smokeTime is enough for Fedora's installer in software on a slow host.
	smokeTime = 10 * time.Minute
	// smokeMemory in MiB is what Fedora's installer needs to come up; the host
	// gives only what is touched.
	smokeMemory = 2048
	// maxSerialLog bounds the serial log in bytes while the machine runs: a
	// system that restarts its services for ten minutes must not fill the disk.
	maxSerialLog = 4 << 20
)

// boots tells whether the build ends with a smoke boot. Only images for PCs are
// booted, and only kinds that boot by themselves.
func (p *Plan) boots() bool {
	return p.Request.Options.SmokeBoot && bootable(p.Request.Kind) && p.Request.Arch == "x86_64"
}

// bootable tells which kinds boot by themselves.
func bootable(k Kind) bool { return smokeMarker(k) != "" }

// smokeMarker is what an image of a kind is to reach, "" for one that is not
// booted. A remaster may be of anything, and what a live image comes up with is
// its kickstart's choice.
func smokeMarker(k Kind) smoke.Marker {
	switch k { //nolint:exhaustive // the others do not boot by themselves
	case KindBootISO, KindDVD:
		return smoke.Installer
	case KindLive, KindRemaster:
		return smoke.System
	}
	return ""
}

// smokeBoot adds to the Plan what the smoke boot needs, and says when it will
// not happen or is likely to see nothing.
func (q *resolution) smokeBoot() {
	const field = "options.smoke_boot"
	switch {
	case !q.req.Options.SmokeBoot || !bootable(q.req.Kind): // unused warns of other kinds
	case !q.plan.boots():
		q.warn(CodeUnsupportedField, field, "Only images for x86_64 are booted after the build; this one is for %s and will not be.", q.req.Arch)
	default:
		q.plan.Tools = append(q.plan.Tools, Tool{Name: smoke.Tool, Package: smoke.Package})
	}
}

// smoke boots the finished image. The console is kept whatever comes of it.
func (r *build) smoke(ctx context.Context) error {
	path := filepath.Join(r.out, serialPath)
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make serial log: %w", err)
	}
	console := &consoleLog{file: f, run: r, started: r.now()}
	until, err := smokeMarker(r.plan.Request.Kind).Pattern()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	report, err := r.machine.Prove(ctx, smoke.Options{
		ISO: filepath.Join(r.out, r.plan.Image), Firmware: smoke.BIOS, As: smoke.CDROM, Memory: smokeMemory, Timeout: smokeTime,
		Until: until, Fail: smoke.BadLines(), Log: console, WorkDir: r.temp(), Screenshot: filepath.Join(r.out, screenPath),
	})
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("smoke boot: %w", err)
	}
	// The report's console is without the sequences that draw boot menus, and
	// holds the end where the file was full.
	if err := atomicfile.Write(path, report.Serial, 0o644); err != nil {
		return fmt.Errorf("write serial log: %w", err)
	}
	r.result.Smoke = &Smoke{OK: report.OK, Reason: clipTo(report.Reason, 300), Log: serialPath, Seconds: report.Duration.Seconds()}
	if report.Screenshot != "" {
		r.result.Smoke.Screenshot = screenPath
	}
	for _, step := range report.Steps {
		b := SmokeBoot{How: step.How, OK: step.OK, Seconds: step.Duration.Seconds()}
		if step.Screenshot != "" {
			b.Screenshot = "logs/" + filepath.Base(step.Screenshot)
		}
		r.result.Smoke.Boots = append(r.result.Smoke.Boots, b)
		r.logf("smoke boot, %s: %s, %.0f s", step.How, map[bool]string{true: "good", false: "bad"}[step.OK], b.Seconds)
	}
	if report.OK {
		r.logf("smoke boot: the image starts, %.0f s with %s: %s", report.Duration.Seconds(), report.Accel, clip(report.Line))
		return nil
	}
	return r.smokeFailed(report)
}

func (r *build) smokeFailed(report *smoke.Report) error {
	f := Failure{
		Code: CodeSmokeFailed, Stage: StageSmoke, Remedy: "Read the serial log, " + serialPath + ".",
		Sentence: "The image did not boot: " + strings.TrimRight(r.result.Smoke.Reason, ".: ") + ".",
		Evidence: evidence(untilLine(strings.Split(string(report.Serial), "\n"), report.Line)),
	}
	return &FailedError{Failure: f, Err: errors.New("smoke boot: " + report.Reason)}
}

// untilLine cuts off what came after the line that decided.
func untilLine(lines []string, decided string) []string {
	if i := slices.Index(lines, decided); decided != "" && i >= 0 {
		return lines[:i+1]
	}
	return lines
}

// consoleLog keeps the console while the machine runs, for a boot that is
// canceled, and moves the bar.
type consoleLog struct {
	file    *os.File
	run     *build
	started time.Time

	mu    sync.Mutex
	kept  int
	bytes int64
	said  time.Time
}

// Write never fails: a log that cannot be written must not end the boot.
func (c *consoleLog) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += int64(len(p))
	n, _ := c.file.Write(p[:min(len(p), maxSerialLog-c.kept)])
	c.kept += n
	now := c.run.now()
	if now.Sub(c.said) < time.Second {
		return len(p), nil
	}
	c.said = now
	// How long a boot takes nobody knows: half of the bar is a minute, and so on.
	past := now.Sub(c.started).Seconds()
	c.run.tracker.step(int(100*past/(past+60)), fmt.Sprintf("booting the image, %.0f s, %s on the serial console", past, bytesText(c.bytes)))
	return len(p), nil
}
