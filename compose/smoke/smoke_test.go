package smoke_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/internal/proc"
)

// machine returns options whose qemu is a script: what is done with a console
// is tested without a machine.
func machine(t *testing.T, script string) smoke.Options {
	t.Helper()
	dir := t.TempDir()
	image := filepath.Join(dir, "an,image.iso")
	for name, data := range map[string]string{image: "x", filepath.Join(dir, "qemu-system-x86_64"): "#!/bin/sh\n" + script} {
		if err := os.WriteFile(name, []byte(data), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return smoke.Options{
		ISO: image, Accel: smoke.TCG, WorkDir: t.TempDir(), Timeout: time.Minute,
		Until:  regexp.MustCompile(`^login:`),
		Fail:   regexp.MustCompile(`Kernel panic`),
		Runner: &proc.Runner{Env: []string{"PATH=" + dir + ":/usr/bin:/bin"}, Grace: time.Second},
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script string
		change func(*smoke.Options)
		ok     bool
		reason string
	}{
		"expected line":     {script: `echo booting; echo 'login: '; exec sleep 60`, ok: true},
		"behind menus":      {script: `printf '\033[2J\033[1;1H\033[?25hlogin:\r\n'; exec sleep 60`, ok: true},
		"bad line":          {script: `echo 'Kernel panic - not syncing'; exec sleep 60`, reason: "Kernel panic - not syncing"},
		"powered off early": {script: `echo 'reboot: Power down'`, reason: "powered off before the expected line; the last one is: reboot: Power down"},
		"machine broke":     {script: `echo 'qemu: could not open image' >&2; exit 1`, reason: "could not open image"},
		"hangs":             {script: `echo stuck; exec sleep 60`, reason: "last line is: stuck", change: func(o *smoke.Options) { o.Timeout = 2 * time.Second }},
		"silent":            {script: `exec sleep 60`, reason: "stayed silent for 2s", change: func(o *smoke.Options) { o.Timeout = 2 * time.Second }},
		"power off is good": {script: `echo bye`, ok: true, change: func(o *smoke.Options) { o.Until = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := machine(t, tc.script)
			var log bytes.Buffer
			opts.Log = &log
			if tc.change != nil {
				tc.change(&opts)
			}
			rep, err := smoke.Boot(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			if rep.OK != tc.ok || !strings.Contains(rep.Reason, tc.reason) || tc.ok && rep.Reason != "" {
				t.Errorf("got %v, %q", rep.OK, rep.Reason)
			}
			if bytes.Contains(rep.Serial, []byte("\x1b")) || (len(rep.Serial) == 0) != (name == "silent") || rep.Duration <= 0 {
				t.Errorf("serial %q, duration %v", rep.Serial, rep.Duration)
			}
			if left, _ := os.ReadDir(opts.WorkDir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	opts := machine(t, `for a; do echo "arg:$a"; done; echo login:; exec sleep 60`)
	opts.As, opts.Memory = smoke.Disk, 768
	rep, err := smoke.Boot(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	serial := string(rep.Serial)
	image := strings.ReplaceAll(opts.ISO, ",", ",,") // qemu's way to write a comma in a value
	for _, want := range []string{"arg:768\n", "arg:file=" + image + ",format=raw,readonly=on,if=virtio\n", "arg:-accel\narg:tcg\n", "arg:-net\narg:none\n"} {
		if !strings.Contains(serial, want) {
			t.Errorf("no %q in\n%s", want, serial)
		}
	}
}

func TestCancelEndsTheMachine(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	opts := machine(t, `echo up; exec sleep 600`)
	opts.Log = writerFunc(func(p []byte) { cancel() })
	if _, err := smoke.Boot(ctx, opts); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestConsoleIsBounded(t *testing.T) {
	t.Parallel()
	opts := machine(t, `i=0; while [ $i -lt 300 ]; do head -c 10000 /dev/zero | tr '\0' x; echo; i=$((i+1)); done; echo login:; exec sleep 60`)
	rep, err := smoke.Boot(t.Context(), opts)
	if err != nil || !rep.OK || len(rep.Serial) > 2<<20 || !bytes.HasSuffix(rep.Serial, []byte("login:\n")) {
		t.Fatalf("got %v, %d bytes", err, len(rep.Serial))
	}
}

func TestBadOptionsAndMissingTools(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*smoke.Options){
		"firmware": func(o *smoke.Options) { o.Firmware = "coreboot" },
		"medium":   func(o *smoke.Options) { o.As = "tape" },
		"accel":    func(o *smoke.Options) { o.Accel = "warp" },
		"memory":   func(o *smoke.Options) { o.Memory = -1 },
		"folder":   func(o *smoke.Options) { o.ISO = filepath.Dir(o.ISO) },
	} {
		opts := machine(t, "echo login:")
		change(&opts)
		var e *smoke.OptionError
		if _, err := smoke.Boot(t.Context(), opts); !errors.As(err, &e) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	opts := machine(t, "")
	opts.ISO = "/nonexistent"
	if _, err := smoke.Boot(t.Context(), opts); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing image: %v", err)
	}
	opts = machine(t, "")
	opts.Runner.Env = []string{"PATH=/nonexistent"}
	var missing *proc.NotFoundError
	if _, err := smoke.Boot(t.Context(), opts); !errors.As(err, &missing) || missing.Package == "" {
		t.Errorf("missing qemu: %v", err)
	}
	if err := (&smoke.QEMU{Runner: opts.Runner}).Find(); !errors.As(err, &missing) || missing.Tool != smoke.Tool {
		t.Errorf("missing qemu, asked before: %v", err)
	}
	opts = machine(t, "echo login:")
	q := &smoke.QEMU{Runner: opts.Runner}
	opts.Runner = nil
	if err := q.Find(); err != nil {
		t.Errorf("present qemu: %v", err)
	}
	if rep, err := q.Prove(t.Context(), opts); err != nil || !rep.OK {
		t.Errorf("with the Runner of QEMU: %+v, %v", rep, err)
	}
}

func ExampleBoot() {
	_, err := smoke.Boot(context.Background(), smoke.Options{ISO: "boot.iso", As: "floppy"})
	fmt.Println(err)
	// Output:
	// smoke boot: As: "floppy" is neither cdrom nor disk
}

// TestAPanicOfTheTimerIsTriedAgain has a machine whose kernel counts no ticks the
// first time, or ever.
func TestAPanicOfTheTimerIsTriedAgain(t *testing.T) {
	t.Parallel()
	const panicked = "Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug"
	flag := filepath.Join(t.TempDir(), "booted")
	for script, ok := range map[string]bool{
		"if [ -e " + flag + " ]; then echo login:; else : >" + flag + "; echo \"" + panicked + "\"; fi; exec sleep 60": true,
		"echo \"" + panicked + "\"; exec sleep 60": false,
	} {
		rep, err := smoke.Boot(t.Context(), machine(t, script))
		if err != nil || rep.OK != ok || !ok && !strings.Contains(rep.Reason, "timer") {
			t.Errorf("%v: %+v", err, rep)
		}
	}
}
