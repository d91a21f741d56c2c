package composetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/proc"
)

// KernelFiles is a kernel with its modules.
type KernelFiles struct {
	Version   string
	Image     string // the bootable image
	ModuleDir string // .../lib/modules/<Version>
}

// NoKernelError says that no kernel could be had.
type NoKernelError struct{ Tried []string }

// Error lists what was tried.
func (e *NoKernelError) Error() string {
	return "no kernel for the stand-in base image: " + strings.Join(e.Tried, "; ")
}

// Kernel returns the distribution's kernel: the newest installed one when it is
// readable and complete; else a package that is downloaded with the
// distribution's own tool (apt-get or dnf) and unpacked below cacheDir, never
// installed. The error is a *NoKernelError when there is none.
func Kernel(ctx context.Context, cacheDir string, runner *proc.Runner, log io.Writer) (*KernelFiles, error) {
	if k := newestKernel("/"); k != nil {
		return k, nil
	}
	root := filepath.Join(cacheDir, "kernel")
	if k := newestKernel(root); k != nil {
		return k, nil
	}
	work, err := os.MkdirTemp(cacheDir, atomicfile.TempPrefix)
	if err != nil {
		return nil, fmt.Errorf("make work folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	f := fetcher{runner: runner, log: log, dir: work, root: filepath.Join(work, "root")}
	if err := f.fetch(ctx); err != nil {
		return nil, err
	}
	if newestKernel(f.root) == nil {
		return nil, &NoKernelError{Tried: []string{"the downloaded packages hold no complete kernel"}}
	}
	if err := os.Rename(f.root, root); err != nil && newestKernel(root) == nil {
		return nil, fmt.Errorf("keep kernel: %w", err)
	}
	return newestKernel(root), nil
}

// newestKernel looks for kernels below root, where Debian (boot/vmlinuz-V) and
// Fedora (lib/modules/V/vmlinuz) put them.
func newestKernel(root string) *KernelFiles {
	var found []*KernelFiles
	for _, lib := range []string{"lib/modules", "usr/lib/modules"} {
		dirs, _ := filepath.Glob(filepath.Join(root, lib, "*"))
		for _, dir := range dirs {
			k := &KernelFiles{Version: filepath.Base(dir), ModuleDir: dir}
			for _, image := range []string{filepath.Join(dir, "vmlinuz"), filepath.Join(root, "boot", "vmlinuz-"+k.Version)} {
				if readable(image) && k.Image == "" {
					k.Image = image
				}
			}
			if k.complete() {
				found = append(found, k)
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return slices.MaxFunc(found, func(a, b *KernelFiles) int { return compareVersions(a.Version, b.Version) })
}

// complete says that everything the stand-in needs is readable.
func (k *KernelFiles) complete() bool {
	if k.Image == "" {
		return false
	}
	_, err := k.Modules(wantedModules, optionalModules)
	return err == nil
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// compareVersions compares runs of digits as numbers.
func compareVersions(a, b string) int {
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	}
	return slices.CompareFunc(split(a), split(b), func(x, y string) int {
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		return strings.Compare(x, y)
	})
}

type fetcher struct {
	runner *proc.Runner
	log    io.Writer
	dir    string // of the downloads
	root   string // where they are unpacked
	tried  []string
}

func (f *fetcher) fetch(ctx context.Context) error {
	if err := os.MkdirAll(f.root, 0o755); err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	for _, try := range []func(context.Context) error{f.fetchDeb, f.fetchRPM} {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		f.tried = append(f.tried, err.Error())
	}
	return &NoKernelError{Tried: append([]string{"no installed kernel is readable and complete"}, f.tried...)}
}

func (f *fetcher) run(ctx context.Context, stdout io.Writer, name string, args ...string) error {
	return f.runner.Run(ctx, proc.Cmd{Name: name, Args: args, Dir: f.dir, Log: f.logFor(stdout), Stdout: stdout})
}

// logFor keeps what is captured out of the log, where an archive has no place.
func (f *fetcher) logFor(stdout io.Writer) io.Writer {
	if stdout != nil {
		return nil
	}
	return f.log
}

// fetchDeb takes the smallest kernel that Debian or Ubuntu has: the meta package
// names the concrete one, which on Ubuntu has its modules beside it.
func (f *fetcher) fetchDeb(ctx context.Context) error {
	if _, err := f.runner.Look("apt-get", ""); err != nil {
		return err
	}
	var last error
	for _, meta := range []string{"linux-image-cloud-amd64", "linux-image-virtual", "linux-image-amd64", "linux-image-generic"} {
		image, err := f.debDepends(ctx, meta, "linux-image-")
		if err != nil {
			last = err
			continue
		}
		names := []string{image}
		if modules, err := f.debDepends(ctx, image, "linux-modules-"); err == nil {
			names = append(names, modules)
		}
		if err := f.run(ctx, nil, "apt-get", append([]string{"download"}, names...)...); err != nil {
			last = err
			continue
		}
		return f.unpackDebs(ctx)
	}
	return fmt.Errorf("%w (is the package list there? apt-get update)", last)
}

// debDepends returns the first dependency of pkg that starts with prefix.
func (f *fetcher) debDepends(ctx context.Context, pkg, prefix string) (string, error) {
	var out bytes.Buffer
	if err := f.run(ctx, &out, "apt-cache", "depends", "--important", pkg); err != nil {
		return "", err
	}
	for line := range strings.Lines(out.String()) {
		name, ok := strings.CutPrefix(strings.TrimLeft(strings.TrimSpace(line), "|"), "Depends: ")
		if ok && strings.HasPrefix(name, prefix) {
			return name, nil
		}
	}
	return "", fmt.Errorf("package %s depends on no %s*", pkg, prefix)
}

func (f *fetcher) unpackDebs(ctx context.Context) error {
	debs, err := filepath.Glob(filepath.Join(f.dir, "*.deb"))
	if err != nil {
		return err
	}
	for _, deb := range debs {
		if err := f.run(ctx, nil, "dpkg-deb", "-x", deb, f.root); err != nil {
			return err
		}
	}
	return nil
}

func (f *fetcher) fetchRPM(ctx context.Context) error {
	if err := f.run(ctx, nil, "dnf", "-y", "download", "--destdir", f.dir, "kernel-core", "kernel-modules-core"); err != nil {
		return err
	}
	rpms, err := filepath.Glob(filepath.Join(f.dir, "*.rpm"))
	if err != nil {
		return err
	}
	for _, rpm := range rpms {
		if err := f.unpackRPM(ctx, rpm); err != nil {
			return err
		}
	}
	if len(rpms) == 0 {
		return fs.ErrNotExist
	}
	return nil
}

func (f *fetcher) unpackRPM(ctx context.Context, rpm string) error {
	archive, err := os.Create(filepath.Join(f.dir, "payload.cpio"))
	if err != nil {
		return fmt.Errorf("unpack kernel: %w", err)
	}
	err = f.run(ctx, archive, "rpm2cpio", rpm)
	if err == nil {
		_, err = archive.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = f.runner.Run(ctx, proc.Cmd{
			Name: "cpio", Args: []string{"-idm", "--quiet", "--no-absolute-filenames"},
			Dir: f.root, Stdin: archive, Log: f.log, Package: "cpio",
		})
	}
	return errors.Join(err, archive.Close())
}
