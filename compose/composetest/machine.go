package composetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fedora-respin/respin/internal/proc"
)

// MachineOptions say what RunInMachine runs.
type MachineOptions struct {
	Dir     string       // where the kernel is kept; required
	Program string       // a static program, /program in the machine; required
	Script  string       // lines of shell that run it, as root, with busybox in PATH; required
	Runner  *proc.Runner // default the zero Runner
	Log     io.Writer    // of the tools that fetch the kernel; default none
}

const machineInit = `#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
`

// RunInMachine runs a program under the distribution's kernel in a virtual
// machine of qemu, in software (TCG), with nothing but busybox beside it, and
// returns what the serial console said. It takes about 10 s, and is for what the
// kernel of a test's host does not let a test do.
func RunInMachine(ctx context.Context, o MachineOptions) (string, error) {
	kernel, err := Kernel(ctx, o.Dir, o.Runner, o.Log)
	if err != nil {
		return "", err
	}
	initrd, err := machineInitrd(&o)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "respin-machine-")
	if err != nil {
		return "", fmt.Errorf("make machine: %w", err)
	}
	image := filepath.Join(dir, "initrd")
	if err := os.WriteFile(image, initrd, 0o600); err != nil {
		return "", errors.Join(fmt.Errorf("make machine: %w", err), os.RemoveAll(dir))
	}
	var serial bytes.Buffer
	err = o.Runner.Run(ctx, proc.Cmd{Name: "qemu-system-x86_64", Package: "qemu-system-x86", Stdout: &serial, Args: []string{
		"-accel", "tcg", "-m", "1024", "-smp", "2", "-nographic", "-no-reboot", "-net", "none", "-kernel", kernel.Image, "-initrd", image, "-append", "console=ttyS0 quiet panic=-1",
	}})
	return serial.String(), errors.Join(err, os.RemoveAll(dir))
}

func machineInitrd(o *MachineOptions) ([]byte, error) {
	busybox, err := findBusybox()
	if err != nil {
		return nil, err
	}
	files := map[string]cpioFile{
		"init":        {mode: 0o100755, data: []byte(machineInit + o.Script + "\npoweroff -f\n")},
		"dev/console": {mode: 0o020600, major: 5, minor: 1},
	}
	for _, dir := range []string{"proc", "sys", "tmp", "bin", "dev"} {
		files[dir] = cpioFile{mode: 0o040755}
	}
	for name, from := range map[string]string{"bin/busybox": busybox, "program": o.Program} {
		data, err := os.ReadFile(from)
		if err != nil {
			return nil, fmt.Errorf("fill machine: %w", err)
		}
		files[name] = cpioFile{mode: 0o100755, data: data}
	}
	var out bytes.Buffer
	gz, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("write initrd: %w", err)
	}
	if err := errors.Join(writeCpio(gz, files), gz.Close()); err != nil {
		return nil, fmt.Errorf("write initrd: %w", err)
	}
	return out.Bytes(), nil
}
