package composetest

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/fedora-respin/respin/internal/limitio"
)

// maxModule bounds one kernel module, uncompressed.
const maxModule = 64 << 20

// wantedModules is what a medium needs to be found as an IDE or SATA CD or as a
// disk of a virtual machine; optionalModules helps on other machines.
var (
	wantedModules   = []string{"isofs", "sr_mod", "sd_mod"}                                                                      //nolint:gochecknoglobals // a constant list
	optionalModules = []string{"ata_piix", "ahci", "virtio_pci", "virtio_blk", "virtio_scsi", "loop", "squashfs", "usb_storage"} //nolint:gochecknoglobals // a constant list
)

// Module is one kernel module, uncompressed.
type Module struct {
	Name string // with underscores, without .ko
	Data []byte
}

// MissingModuleError says that a kernel lacks a module.
type MissingModuleError struct{ Kernel, Module string }

// Error names both.
func (e *MissingModuleError) Error() string {
	return fmt.Sprintf("kernel %s has no module %s", e.Kernel, e.Module)
}

// Modules returns the named modules with all that they depend on, in the order
// of loading. Those built into the kernel are left out; an optional one that is
// absent is too.
func (k *KernelFiles) Modules(names, optional []string) ([]Module, error) {
	index, err := k.moduleIndex()
	if err != nil {
		return nil, err
	}
	l := moduleLoader{kernel: k.Version, index: index, done: map[string]bool{}}
	for _, name := range names {
		if err := l.load(name, 0); err != nil {
			return nil, err
		}
	}
	for _, name := range optional {
		if _, ok := index[name]; !ok {
			continue
		}
		if err := l.load(name, 0); err != nil {
			return nil, err
		}
	}
	return l.list, nil
}

const builtin = "(built in)"

// moduleIndex maps the names of all modules to their files.
func (k *KernelFiles) moduleIndex() (map[string]string, error) {
	index := map[string]string{}
	err := filepath.WalkDir(k.ModuleDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name, _, ok := strings.Cut(d.Name(), ".ko"); ok && d.Type().IsRegular() {
			index[strings.ReplaceAll(name, "-", "_")] = path
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	list, err := os.ReadFile(filepath.Join(k.ModuleDir, "modules.builtin"))
	if err != nil {
		return nil, fmt.Errorf("list built-in modules: %w", err)
	}
	for line := range strings.Lines(string(list)) {
		name, _, _ := strings.Cut(filepath.Base(strings.TrimSpace(line)), ".ko")
		index[strings.ReplaceAll(name, "-", "_")] = builtin
	}
	return index, nil
}

type moduleLoader struct {
	kernel string
	index  map[string]string
	done   map[string]bool
	list   []Module
}

func (l *moduleLoader) load(name string, depth int) error {
	name = strings.ReplaceAll(name, "-", "_")
	if l.done[name] || l.index[name] == builtin {
		return nil
	}
	path, ok := l.index[name]
	if !ok || depth > 32 {
		return &MissingModuleError{Kernel: l.kernel, Module: name}
	}
	l.done[name] = true
	data, err := readModule(path)
	if err != nil {
		return err
	}
	deps, err := moduleDeps(data)
	if err != nil {
		return fmt.Errorf("read module %s: %w", name, err)
	}
	for _, dep := range deps {
		if err := l.load(dep, depth+1); err != nil {
			return err
		}
	}
	l.list = append(l.list, Module{Name: name, Data: data})
	return nil
}

// readModule uncompresses what busybox's insmod could not (zstd on Ubuntu).
func readModule(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	defer func() { _ = f.Close() }()
	var r io.Reader = f
	switch filepath.Ext(path) {
	case ".gz":
		r, err = gzip.NewReader(f)
	case ".xz":
		r, err = xz.NewReader(f)
	case ".zst":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(f, zstd.WithDecoderConcurrency(1)); err == nil {
			defer d.Close()
			r = d
		}
	}
	if err != nil {
		return nil, fmt.Errorf("uncompress module %s: %w", path, err)
	}
	data, err := limitio.ReadAll(r, maxModule, "kernel module")
	if err != nil {
		return nil, fmt.Errorf("read module %s: %w", path, err)
	}
	return data, nil
}

// moduleDeps reads "depends=a,b" from the module's .modinfo section.
func moduleDeps(data []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	s := f.Section(".modinfo")
	if s == nil {
		return nil, fmt.Errorf("it has no .modinfo section")
	}
	info, err := s.Data()
	if err != nil {
		return nil, err
	}
	for field := range strings.SplitSeq(string(info), "\x00") {
		if v, ok := strings.CutPrefix(field, "depends="); ok && v != "" {
			return strings.Split(v, ","), nil
		}
	}
	return nil, nil
}
