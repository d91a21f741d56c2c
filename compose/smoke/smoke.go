// Package smoke boots an image in a virtual machine and reads its serial
// console: the last proof that what was composed starts.
//
//	rep, err := smoke.Boot(ctx, smoke.Options{
//		ISO:      "F44.iso",
//		Firmware: smoke.UEFI,
//		As:       smoke.Disk,
//		Until:    regexp.MustCompile(`Starting installer`),
//		Fail:     regexp.MustCompile(`Kernel panic`),
//		Timeout:  3 * time.Minute,
//	})
//	// err: the machine could not be run; rep.OK: whether Until was seen
//
// The machine has no network, and the image is opened read-only. It needs
// qemu-system-x86_64, and edk2's OVMF for UEFI. Boot sees what the image says on
// the serial console (console=ttyS0), which the menus of Fedora's images do not
// use; Prove boots such an image in two steps.
package smoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/internal/proc"
)

// Firmware is what starts the boot loader.
type Firmware string

// The two firmwares.
const (
	BIOS Firmware = "bios"
	UEFI Firmware = "uefi"
)

// Medium is what the image is to the machine.
type Medium string

// The two ways to attach an image.
const (
	CDROM Medium = "cdrom"
	Disk  Medium = "disk" // as an image written to a USB stick
)

// Accel is how the machine's code is run.
type Accel string

// Ways to run. Auto takes KVM when a tiny probe machine runs under it, else TCG:
// that /dev/kvm can be opened says little on a host that is a virtual machine
// itself.
const (
	Auto Accel = ""
	KVM  Accel = "kvm"
	TCG  Accel = "tcg" // software; several times slower
)

// Options of a boot.
type Options struct {
	ISO      string         // required
	Firmware Firmware       // default BIOS
	As       Medium         // default CDROM
	Memory   int            // MiB; default 512
	Accel    Accel          // default Auto
	Timeout  time.Duration  // default 5 minutes
	Log      io.Writer      // gets the console as it comes; default none
	Until    *regexp.Regexp // the boot is good once a line matches; default: once the machine powers off
	Fail     *regexp.Regexp // the boot is bad once a line matches, even if Until matches it too; default none
	// Kernel makes the boot good once the machine runs a kernel of Linux, whatever
	// it says: as far as firmware and boot loader bring it.
	Kernel bool
	// Direct starts the kernel and the initrd of the image without firmware and
	// boot loader, with the arguments of its boot menu for Firmware and the serial
	// console (see ReadEntry).
	Direct bool
	// Screenshot is where the screen goes as PNG at the moment of the decision;
	// default nowhere. A machine that has powered off has none.
	Screenshot string
	WorkDir    string       // for the copy of the firmware's variables; default the system's
	Runner     *proc.Runner // default the zero Runner
}

// Report says how a boot went.
type Report struct {
	OK       bool
	Reason   string // why not, a sentence without a full stop; "" when OK
	Line     string // the line that matched Until or Fail
	Duration time.Duration
	Accel    Accel
	// Screenshot is the file with the screen, "" when none was taken;
	// ScreenshotError says why one that was asked for was not.
	Screenshot, ScreenshotError string
	Serial                      []byte // the console without terminal control sequences, the last MiB
	Steps                       []Step // of Prove: the machines, in their order
}

// OptionError says which option is wrong.
type OptionError struct{ Field, Reason string }

// Error names the field.
func (e *OptionError) Error() string { return "smoke boot: " + e.Field + ": " + e.Reason }

// Tool is the program that every boot needs, and Package what to install for it.
const (
	Tool    = "qemu-system-x86_64"
	Package = "qemu-system-x86 (Debian, Ubuntu) or qemu-system-x86-core (Fedora)"
)

const (
	pkgOVMF = "ovmf (Debian, Ubuntu) or edk2-ovmf (Fedora)"
	// maxSerial bounds what is kept of the console.
	maxSerial = 1 << 20
)

func (o *Options) defaults() error {
	if o.Firmware == "" {
		o.Firmware = BIOS
	}
	if o.As == "" {
		o.As = CDROM
	}
	if o.Memory == 0 {
		o.Memory = 512
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Minute
	}
	switch {
	case o.Firmware != BIOS && o.Firmware != UEFI:
		return &OptionError{"Firmware", fmt.Sprintf("%q is neither bios nor uefi", o.Firmware)}
	case o.As != CDROM && o.As != Disk:
		return &OptionError{"As", fmt.Sprintf("%q is neither cdrom nor disk", o.As)}
	case o.Accel != Auto && o.Accel != KVM && o.Accel != TCG:
		return &OptionError{"Accel", fmt.Sprintf("%q is neither kvm nor tcg", o.Accel)}
	case o.Kernel && o.Direct:
		return &OptionError{"Kernel", "a kernel that is started directly always runs"}
	case o.Memory < 0 || o.Timeout < 0:
		return &OptionError{"Memory, Timeout", "a negative value"}
	}
	st, err := os.Stat(o.ISO)
	if err != nil {
		return fmt.Errorf("smoke boot: %w", err)
	}
	if !st.Mode().IsRegular() {
		return &OptionError{"ISO", o.ISO + " is not a file"}
	}
	return nil
}

// Boot starts the image and returns when Until or Fail was seen, the machine has
// powered off, or the time is over. A boot that goes wrong is a Report with a
// Reason; an error says that no boot could be tried: *OptionError,
// *proc.NotFoundError, or ctx's error.
func Boot(ctx context.Context, opts Options) (*Report, error) {
	if err := opts.defaults(); err != nil {
		return nil, err
	}
	if _, err := opts.Runner.Look(Tool, Package); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(opts.WorkDir, "respin-smoke-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("smoke boot: make work folder: %w", err)
	}
	args, err := opts.args(dir)
	if err != nil {
		return nil, err
	}
	if opts.Accel == Auto {
		opts.Accel = probe(ctx, opts.Runner, dir)
	}
	args = append(args, "-accel", string(opts.Accel))
	for tries := 1; ; tries++ {
		rep, err := opts.boot(ctx, dir, args)
		if err != nil {
			return nil, fmt.Errorf("smoke boot: %w", err)
		}
		if rep.OK || tries == timerTries || !strings.Contains(rep.Line, timerLost) {
			return rep, nil
		}
	}
}

// timerLost is how Linux panics that has counted no ticks for a moment. On a busy
// host without KVM that is the host's doing, not the image's.
const (
	timerLost  = "IO-APIC + timer doesn't work"
	timerTries = 3
)

// QEMU boots with one Runner, and is asked before whether it can.
type QEMU struct {
	Runner *proc.Runner // default the zero Runner
}

// Find says whether the tool is there: a *proc.NotFoundError when it is not.
func (q *QEMU) Find() error {
	_, err := q.Runner.Look(Tool, Package)
	return err
}

// Prove is the function Prove with the Runner of q.
func (q *QEMU) Prove(ctx context.Context, opts Options) (*Report, error) {
	opts.Runner = q.Runner
	return Prove(ctx, opts)
}

func (o *Options) boot(ctx context.Context, dir string, args []string) (*Report, error) {
	start := time.Now()
	w := &watcher{until: o.Until, fail: o.Fail, log: o.Log}
	if o.Kernel {
		w.until = nil
	}
	end, err := o.watchEnd(ctx, dir, w.loaded)
	if err != nil {
		return nil, err
	}
	w.stop = end.decided
	err = o.Runner.Run(end.ctx, proc.Cmd{
		Name: Tool, Args: append(args, end.monitor.args()...), Dir: dir, Env: []string{"TMPDIR=" + dir}, Stdout: w, OnLine: w.line, Package: Package,
	})
	end.wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	rep := &Report{Duration: time.Since(start), Accel: o.Accel, Serial: w.serial.Bytes(), Line: w.matched}
	rep.Screenshot, rep.ScreenshotError = end.screenshot(o.Screenshot)
	exit, failed := errors.AsType[*proc.Error](err)
	switch {
	case w.verdict == good:
		rep.OK = true
	case w.verdict == bad:
		rep.Reason = "the console says: " + w.matched
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case end.timedOut && w.last == "":
		rep.Reason = fmt.Sprintf("the serial console stayed silent for %v", o.Timeout)
	case end.timedOut:
		rep.Reason = fmt.Sprintf("nothing decisive on the console in %v; the last line is: %s", o.Timeout, w.last)
	case failed:
		rep.Reason = strings.TrimSpace("the machine broke off: " + strings.Join(last(exit.Tail, 3), " | "))
	case err != nil:
		return nil, err
	case o.Kernel:
		rep.Reason = "the machine powered off before it ran a kernel; the last line is: " + w.last
	case o.Until != nil:
		rep.Reason = "the machine powered off before the expected line; the last one is: " + w.last
	default:
		rep.OK = true
	}
	return rep, nil
}

func last(list []string, n int) []string { return list[max(0, len(list)-n):] }

// args is the command line without the accelerator.
func (o *Options) args(dir string) ([]string, error) {
	image, err := filepath.Abs(o.ISO)
	if err != nil {
		return nil, fmt.Errorf("find image: %w", err)
	}
	file := "file=" + strings.ReplaceAll(image, ",", ",,") + ",format=raw,readonly=on"
	args := []string{
		"-m", fmt.Sprint(o.Memory), "-nographic", "-no-reboot", "-net", "none", "-no-user-config",
	}
	if o.As == CDROM {
		args = append(args, "-drive", file+",media=cdrom,if=ide")
	} else {
		args = append(args, "-drive", file+",if=virtio")
	}
	if o.Direct {
		more, err := o.directArgs(dir)
		return append(args, more...), err
	}
	if o.Firmware == UEFI {
		fw, err := findOVMF("/")
		if err != nil {
			return nil, err
		}
		more, err := fw.args(dir)
		if err != nil {
			return nil, err
		}
		args = append(args, more...)
	}
	return args, nil
}

func (o *Options) directArgs(dir string) ([]string, error) {
	m, err := iso.Open(o.ISO)
	if err != nil {
		return nil, fmt.Errorf("smoke boot: %w", err)
	}
	defer func() { _ = m.Close() }()
	e, err := ReadEntry(m, o.Firmware)
	if err != nil {
		return nil, fmt.Errorf("smoke boot: %w", err)
	}
	more, err := e.extract(m, dir)
	if err != nil {
		return nil, fmt.Errorf("smoke boot: %w", err)
	}
	return more, nil
}

type verdict int

const (
	open verdict = iota
	good
	bad
)

// watcher reads the console and ends the machine once it knows enough.
type watcher struct {
	until, fail *regexp.Regexp
	log         io.Writer
	stop        func()

	mu      sync.Mutex
	serial  bytes.Buffer
	verdict verdict
	matched string
	last    string
}

// Write hands the raw console on.
func (w *watcher) Write(p []byte) (int, error) {
	if w.log != nil {
		_, _ = w.log.Write(p) // a log that is full must not fail the boot
	}
	return len(p), nil
}

// controls are the escape sequences with which boot loaders draw their menus,
// and what is left of control characters.
var controls = regexp.MustCompile("\x1b\\[[0-9;?=]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[a-zA-Z]|[\x00-\x08\x0b-\x1f\x7f]")

// loaded decides for a boot that is to bring a kernel.
func (w *watcher) loaded() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.verdict == open {
		w.verdict = good
	}
}

func (w *watcher) line(_ proc.Stream, raw string) {
	text := strings.TrimRight(controls.ReplaceAllString(raw, ""), " ")
	if text == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.serial.Len() > maxSerial {
		w.serial.Next(maxSerial / 4)
	}
	w.serial.WriteString(text + "\n")
	w.last = text
	if w.verdict != open {
		return
	}
	switch {
	case w.fail != nil && w.fail.MatchString(text):
		w.verdict = bad
	case w.until != nil && w.until.MatchString(text):
		w.verdict = good
	default:
		return
	}
	w.matched = text
	w.stop()
}
