package smoke

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose/iso"
)

// Step is one machine of a proof.
type Step struct {
	How        string // bios or uefi; kernel: the image's kernel, started directly
	OK         bool
	Reason     string // why not
	Line       string // of the console, that decided
	Screenshot string // file; "" for none
	Duration   time.Duration
}

// Prove boots the image as a user does and reads on its console that Until is
// reached. Where the boot menu does not use the serial console, as none of
// Fedora's does, one machine cannot show both, and there are two: the first is
// good once firmware and boot loader have brought the kernel to run; the second
// starts the kernel and initrd of that menu directly, with its arguments and the
// serial console, and the image as CD, and is good once Until is seen. The
// Report is that of the last machine that ran, with the console and the time of
// both; the screenshot of the first has the firmware's name behind its own.
func Prove(ctx context.Context, opts Options) (*Report, error) {
	if err := opts.defaults(); err != nil {
		return nil, err
	}
	serial, err := opts.menuIsSerial()
	if err != nil {
		return nil, err
	}
	how := string(opts.Firmware)
	if serial || opts.Until == nil {
		rep, err := Boot(ctx, opts)
		return rep.step(how), err
	}
	first := opts
	first.Kernel = true
	if opts.Screenshot != "" {
		ext := filepath.Ext(opts.Screenshot)
		first.Screenshot = strings.TrimSuffix(opts.Screenshot, ext) + "-" + how + ext
	}
	loaded, err := Boot(ctx, first)
	if err != nil || !loaded.OK {
		return loaded.step(how), err
	}
	opts.Direct, opts.As = true, CDROM
	rep, err := Boot(ctx, opts)
	if err != nil {
		return nil, err
	}
	rep.Steps = slices.Concat(loaded.step(how).Steps, rep.step("kernel").Steps)
	rep.Serial = slices.Concat([]byte("--- "+how+", until the kernel runs ---\n"), loaded.Serial, []byte("--- the kernel, started directly ---\n"), rep.Serial)
	rep.Duration += loaded.Duration
	return rep, nil
}

// step makes the Report that of its one machine.
func (r *Report) step(how string) *Report {
	if r != nil {
		r.Steps = []Step{{How: how, OK: r.OK, Reason: r.Reason, Line: r.Line, Screenshot: r.Screenshot, Duration: r.Duration}}
	}
	return r
}

// menuIsSerial tells whether the boot menu sends the console to the serial line.
// Of an image whose menu cannot be read it is assumed: only it can tell then.
func (o *Options) menuIsSerial() (bool, error) {
	m, err := iso.Open(o.ISO)
	if _, not := errors.AsType[*iso.NotISOError](err); not {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("smoke boot: %w", err)
	}
	defer func() { _ = m.Close() }()
	e, err := ReadEntry(m, o.Firmware)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("smoke boot: %w", err)
	}
	return e.Serial(), nil
}
