package smoke

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fedora-respin/respin/internal/proc"
)

// ovmf is a UEFI firmware: code, and the variables that it wants to write. A
// firmware in one file has no variables.
type ovmf struct{ code, vars string }

// ovmfPlaces are Debian's and Fedora's, newest first. The builds with Secure Boot
// enforced are left out: they would refuse a boot loader without signature.
var ovmfPlaces = []ovmf{ //nolint:gochecknoglobals // a constant list
	{"usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/OVMF/OVMF_VARS_4M.fd"},
	{"usr/share/edk2/ovmf/OVMF_CODE_4M.fd", "usr/share/edk2/ovmf/OVMF_VARS_4M.fd"},
	{"usr/share/edk2/ovmf/OVMF_CODE.fd", "usr/share/edk2/ovmf/OVMF_VARS.fd"},
	{"usr/share/edk2/x64/OVMF_CODE.4m.fd", "usr/share/edk2/x64/OVMF_VARS.4m.fd"},
	{"usr/share/OVMF/OVMF_CODE.fd", "usr/share/OVMF/OVMF_VARS.fd"},
	{"usr/share/ovmf/OVMF.fd", ""},
	{"usr/share/qemu/OVMF.fd", ""},
}

func findOVMF(root string) (ovmf, error) {
	for _, p := range ovmfPlaces {
		fw := ovmf{code: filepath.Join(root, p.code)}
		if p.vars != "" {
			fw.vars = filepath.Join(root, p.vars)
		}
		if isFile(fw.code) && (fw.vars == "" || isFile(fw.vars)) {
			return fw, nil
		}
	}
	return ovmf{}, &proc.NotFoundError{Tool: "OVMF", Package: pkgOVMF}
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// args gives the machine the firmware, with a copy of the variables of its own.
func (f ovmf) args(dir string) ([]string, error) {
	if f.vars == "" {
		return []string{"-bios", f.code}, nil
	}
	data, err := os.ReadFile(f.vars)
	if err != nil {
		return nil, fmt.Errorf("read firmware variables: %w", err)
	}
	vars := filepath.Join(dir, "vars.fd")
	if err := os.WriteFile(vars, data, 0o600); err != nil {
		return nil, fmt.Errorf("copy firmware variables: %w", err)
	}
	return []string{
		"-drive", "if=pflash,format=raw,readonly=on,file=" + f.code,
		"-drive", "if=pflash,format=raw,file=" + vars,
	}, nil
}

// probeTime is enough for a machine that runs natively by a factor of ten.
const probeTime = 3 * time.Second

// probeCode is a boot sector: it counts down from 20 million (10 ms on a
// processor, minutes where KVM falls back to emulating real mode), uses the
// floating-point unit, and leaves through the debug exit device.
var probeCode = []byte{ //nolint:gochecknoglobals // a constant
	0xFA,             // cli
	0xDB, 0xE3, 0x9B, // fninit; fwait
	0x66, 0xB9, 0x00, 0x2D, 0x31, 0x01, // mov ecx, 20000000
	0x66, 0x49, // dec ecx
	0x75, 0xFC, // jnz -4
	0xBA, 0xF4, 0x00, // mov dx, 0xf4
	0xB0, probeExit, // mov al, probeExit
	0xEE,             // out dx, al
	0xF4, 0xEB, 0xFD, // hlt; jmp -3
}

// probeExit makes qemu end with 2*probeExit+1, which it does for no other reason.
const probeExit = 0x2A

// probe chooses for Auto.
func probe(ctx context.Context, runner *proc.Runner, dir string) Accel {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return TCG
	}
	_ = f.Close()
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	if probeRuns(ctx, runner, dir, KVM) {
		return KVM
	}
	return TCG
}

// Probe says whether a machine of one boot sector runs to its end with an
// accelerator before ctx ends.
func Probe(ctx context.Context, runner *proc.Runner, accel Accel) (bool, error) {
	dir, err := os.MkdirTemp("", "respin-smoke-")
	if err != nil {
		return false, fmt.Errorf("probe: make work folder: %w", err)
	}
	ok := probeRuns(ctx, runner, dir, accel)
	return ok, os.RemoveAll(dir)
}

func probeRuns(ctx context.Context, runner *proc.Runner, dir string, accel Accel) bool {
	sector := make([]byte, 512)
	copy(sector, probeCode)
	sector[510], sector[511] = 0x55, 0xAA
	image := filepath.Join(dir, "probe.img")
	if os.WriteFile(image, sector, 0o600) != nil {
		return false
	}
	err := runner.Run(ctx, proc.Cmd{Name: Tool, Package: Package, Env: []string{"TMPDIR=" + dir}, Args: []string{
		"-accel", string(accel), "-m", "16", "-display", "none", "-no-reboot", "-net", "none", "-no-user-config",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
		"-drive", "file=" + image + ",format=raw,if=ide,snapshot=on",
	}})
	e, ok := errors.AsType[*proc.Error](err)
	return ok && e.Cause == nil && e.ExitCode == 2*probeExit+1
}
