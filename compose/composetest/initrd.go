package composetest

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	_ "embed" // for the init script
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"sort"

	"github.com/fedora-respin/respin/internal/proc"
)

//go:embed init.sh
var initScript string

// findBusybox returns a busybox that runs without shared libraries.
func findBusybox() (string, error) {
	for _, path := range []string{"/bin/busybox", "/usr/bin/busybox", "/usr/sbin/busybox", "/sbin/busybox"} {
		if isStatic(path) {
			return path, nil
		}
	}
	return "", &proc.NotFoundError{Tool: "busybox (static)", Package: "busybox-static (Debian, Ubuntu) or busybox (Fedora)"}
}

func isStatic(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}

// initrd returns the gzip-compressed cpio archive.
func (b *builder) initrd() ([]byte, error) {
	modules, err := b.kernel.Modules(wantedModules, optionalModules)
	if err != nil {
		return nil, err
	}
	busybox, err := os.ReadFile(b.busybox)
	if err != nil {
		return nil, fmt.Errorf("read busybox: %w", err)
	}
	files := map[string]cpioFile{
		"init":        {mode: 0o100755, data: []byte(initScript)},
		"bin/busybox": {mode: 0o100755, data: busybox},
		"dev/console": {mode: 0o020600, major: 5, minor: 1},
	}
	for _, dir := range []string{"proc", "sys", "tmp", "run", "bin", "dev", "modules"} {
		files[dir] = cpioFile{mode: 0o040755}
	}
	var order bytes.Buffer
	for _, m := range modules {
		files["modules/"+m.Name+".ko"] = cpioFile{mode: 0o100644, data: m.Data}
		order.WriteString(m.Name + ".ko\n")
	}
	files["modules/order"] = cpioFile{mode: 0o100644, data: order.Bytes()}
	var out bytes.Buffer
	gz := gzip.NewWriter(&out)
	if err := errors.Join(writeCpio(gz, files), gz.Close()); err != nil {
		return nil, fmt.Errorf("write initrd: %w", err)
	}
	return out.Bytes(), nil
}

type cpioFile struct {
	mode         uint32
	major, minor uint32
	data         []byte
}

// writeCpio writes the "new ASCII" format that the kernel reads, with all times
// and owners 0, folders before their content.
func writeCpio(w io.Writer, files map[string]cpioFile) error {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := path.Dir(names[i]), path.Dir(names[j])
		if a != b {
			return a < b
		}
		return names[i] < names[j]
	})
	for i, name := range names {
		if err := writeCpioEntry(w, uint32(i+1), name, files[name]); err != nil {
			return err
		}
	}
	return writeCpioEntry(w, 0, "TRAILER!!!", cpioFile{})
}

func writeCpioEntry(w io.Writer, ino uint32, name string, f cpioFile) error {
	const links = 1
	head := []byte("070701")
	for _, v := range []uint32{ino, f.mode, 0, 0, links, 0, uint32(len(f.data)), 0, 0, f.major, f.minor, uint32(len(name) + 1), 0} {
		head = fmt.Appendf(head, "%08x", v)
	}
	for _, part := range [][]byte{append(append(head, name...), 0), f.data} {
		pad := make([]byte, (4-len(part)%4)%4)
		if _, err := w.Write(append(slices.Clip(part), pad...)); err != nil {
			return err
		}
	}
	return nil
}
