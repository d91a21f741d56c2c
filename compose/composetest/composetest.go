// Package composetest makes the stand-ins that tests and the demo compose from
// where the real thing is not at hand. Nothing of it is part of the product, and
// everything it makes says that it is a stand-in.
//
// BaseISO builds a small bootable installation medium in the shape of Fedora's
// boot.iso: lorax's layout, BIOS and UEFI, CD and disk, an implanted checksum,
// and GRUB with its output on the serial line. Its kernel, GRUB and busybox are
// the distribution's; there is no installer inside.
//
//	path, err := composetest.BaseISO(ctx, composetest.Options{Dir: cache})
//
// Its init mounts the medium and reports on the first serial line (115200 baud),
// one fact a line:
//
//	RESPIN-STANDIN begin
//	cmdline: BOOT_IMAGE=... inst.ks=hd:LABEL=F44:/respin.ks
//	medium: /dev/sr0 label=F44
//	stage2: /images/install.img sha256=<hex>
//	ks: /respin.ks sha256=<hex>
//	ks-repo: repo --name=side --baseurl=file:///run/install/repo/respin-repo
//	updates: /updates.img sha256=<hex>
//	repo: /respin-repo packages=2 primary=ok
//	rpm: /respin-repo/a-1-1.noarch.rpm sha256=<hex> primary=ok
//	Starting installer, one moment... (not really: there is none)
//	RESPIN-STANDIN end ok
//
// and then powers off. A live medium (root=live:CDLABEL=...) reports its
// /LiveOS/squashfs.img as "live:" and ends with a login prompt. Each repository on the medium (a folder with repodata) is
// held against its own primary.xml, which must be gzip, xz or uncompressed:
// busybox has no zstd. "primary=" says ok, MISMATCH, UNLISTED or MISSING for a
// package; "end failed: <reason>" sums up.
package composetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/proc"
)

// Marks on the serial console, for the smoke boot: one of MarkOK and MarkFailed
// begins the last line.
const (
	MarkBegin  = "RESPIN-STANDIN begin"
	MarkOK     = "RESPIN-STANDIN end ok"
	MarkFailed = "RESPIN-STANDIN end failed"
)

// recipe changes when what is built changes without one of its inputs doing so.
const recipe = "1"

// epoch is the time of all files of the stand-in: 2025-01-01.
const epoch = 1735689600

// Options say what BaseISO builds.
type Options struct {
	Dir     string       // where the image and the kernel are kept; required
	Arch    string       // default and only one: x86_64
	Release string       // default "44"
	VolID   string       // default "Fedora-standin-<arch>-<release>"
	Log     io.Writer    // output of the tools; default none
	Runner  *proc.Runner // default the zero Runner
}

// UnsupportedArchError says that there is no stand-in for an architecture.
type UnsupportedArchError struct{ Arch string }

// Error names the architecture.
func (e *UnsupportedArchError) Error() string {
	return fmt.Sprintf("no stand-in base image for architecture %q, only for x86_64", e.Arch)
}

func (o *Options) defaults() error {
	if o.Dir == "" {
		return errors.New("composetest: Options.Dir is empty")
	}
	if o.Arch == "" {
		o.Arch = "x86_64"
	}
	if o.Arch != "x86_64" {
		return &UnsupportedArchError{o.Arch}
	}
	if o.Release == "" {
		o.Release = "44"
	}
	if o.VolID == "" {
		o.VolID = "Fedora-standin-" + o.Arch + "-" + o.Release
	}
	return iso.ValidVolumeID(o.VolID)
}

// BaseISO returns the path of the stand-in image, which it builds once for each
// set of inputs. It needs xorriso, mtools, GRUB's modules for i386-pc and
// x86_64-efi, a static busybox, and a kernel (see Kernel).
func BaseISO(ctx context.Context, opts Options) (string, error) {
	if err := opts.defaults(); err != nil {
		return "", err
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return "", fmt.Errorf("find cache folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make cache folder: %w", err)
	}
	b := &builder{Options: opts}
	if b.busybox, err = findBusybox(); err != nil {
		return "", err
	}
	if b.kernel, err = Kernel(ctx, dir, opts.Runner, opts.Log); err != nil {
		return "", err
	}
	key, err := b.key()
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, fmt.Sprintf("standin-%s-%s-%s.iso", opts.Release, opts.Arch, key))
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	b.dir, err = os.MkdirTemp(dir, atomicfile.TempPrefix)
	if err != nil {
		return "", fmt.Errorf("make work folder: %w", err)
	}
	err = b.build(ctx, out)
	if err := errors.Join(err, os.RemoveAll(b.dir)); err != nil {
		return "", fmt.Errorf("build stand-in base image: %w", err)
	}
	return out, nil
}

type builder struct {
	Options
	kernel  *KernelFiles
	busybox string
	dir     string            // work folder; the tree is in dir/tree
	files   map[string]string // replace the stand-in's own, by path
}

// key names the inputs: the same inputs find the image that stands.
func (b *builder) key() (string, error) {
	h := sha256.New()
	for _, s := range []string{recipe, b.Arch, b.Release, b.VolID, b.kernel.Version, initScript, grubConfig, diskInfo} {
		_, _ = io.WriteString(h, s+"\n") // a hash takes everything
	}
	for _, path := range []string{b.kernel.Image, b.busybox} {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("read input: %w", err)
		}
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return "", fmt.Errorf("read %s: %w", path, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

// medium makes the tree and the boot.iso of it, and returns the image's path.
func (b *builder) medium(ctx context.Context) (string, error) {
	for _, step := range []func(context.Context) error{b.writeTree, b.makeGRUB, b.makeESP} {
		if err := step(ctx); err != nil {
			return "", err
		}
	}
	if err := b.settle(); err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, "boot.iso")
	if err := b.makeISO(ctx, path); err != nil {
		return "", err
	}
	_, err := iso.ImplantMD5(ctx, path, iso.ImplantOptions{})
	return path, err
}

func (b *builder) build(ctx context.Context, out string) error {
	tmp, err := b.medium(ctx)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, out); err != nil {
		return fmt.Errorf("rename image: %w", err)
	}
	return atomicfile.SyncDir(filepath.Dir(out))
}

// settle gives every file of the tree the same time.
func (b *builder) settle() error {
	root, err := os.OpenRoot(filepath.Join(b.dir, "tree"))
	if err != nil {
		return fmt.Errorf("open tree: %w", err)
	}
	at := time.Unix(epoch, 0)
	err = fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Chtimes(path, at, at)
	})
	return errors.Join(err, root.Close())
}

func (b *builder) run(ctx context.Context, pkg, name string, args ...string) error {
	return b.Runner.Run(ctx, proc.Cmd{
		Name: name, Args: args, Dir: b.dir, Log: b.Log, Package: pkg,
		Env: []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", epoch), "TZ=UTC", "MTOOLSRC=/dev/null"},
	})
}
