package smoke

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose/iso"
)

const (
	maxConfig = 1 << 20 // bytes of a boot menu
	maxKernel = 1 << 30 // of a kernel or an initrd; Fedora's are below 300 MiB
)

// Entry is what one entry of a boot menu starts.
type Entry struct {
	Config string // path of the menu on the medium
	Kernel string
	Initrd []string // initrds, in their order
	Args   []string
}

// Serial tells whether the entry sends the console to where a smoke boot reads it.
func (e *Entry) Serial() bool { return SerialConsole(e.Args) }

// SerialConsole tells whether kernel arguments send the console to the first
// serial line.
func SerialConsole(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool { return a == "console=ttyS0" || strings.HasPrefix(a, "console=ttyS0,") })
}

// configs are where the media of lorax and livemedia-creator have their menus, by
// firmware.
func configs(f Firmware) []string {
	if f == UEFI {
		return []string{"/EFI/BOOT/grub.cfg"}
	}
	return []string{"/boot/grub2/grub.cfg", "/boot/grub/grub.cfg", "/isolinux/isolinux.cfg"}
}

// ReadEntry reads the first entry of the image's boot menu that verifies no
// medium checksum, which takes long and proves something else. The error wraps
// fs.ErrNotExist when there is no menu that can be read.
func ReadEntry(m *iso.Image, f Firmware) (*Entry, error) {
	for _, name := range configs(f) {
		data, err := m.ReadFile(name, maxConfig)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read boot menu: %w", err)
		}
		list := ParseMenu(string(data))
		i := max(slices.IndexFunc(list, func(e Entry) bool { return !slices.Contains(e.Args, "rd.live.check") }), 0)
		if len(list) > 0 {
			list[i].Config = name
			return &list[i], nil
		}
	}
	return nil, fmt.Errorf("read boot menu: no entry with a kernel and an initrd in any of %s: %w", strings.Join(configs(f), ", "), fs.ErrNotExist)
}

// ParseMenu lists the entries of a menu of GRUB 2 or isolinux that start a kernel
// with an initrd by plain paths: what needs GRUB's variables is left out.
func ParseMenu(text string) (list []Entry) {
	var e Entry
	done := func() {
		if e.Kernel != "" && len(e.Initrd) > 0 && !strings.Contains(e.Kernel+strings.Join(e.Initrd, ""), "$") {
			list = append(list, e)
		}
		e = Entry{}
	}
	for line := range strings.Lines(text) {
		words := splitWords(strings.TrimSpace(line))
		if len(words) == 0 {
			continue
		}
		switch rest := words[1:]; strings.ToLower(words[0]) {
		case "menuentry", "label":
			done()
		case "linux", "linuxefi", "linux16", "kernel":
			if len(rest) > 0 {
				e.Kernel, e.Args = rest[0], append(e.Args, rest[1:]...)
			}
		case "initrd", "initrdefi", "initrd16":
			e.Initrd = append(e.Initrd, rest...)
		case "append": // isolinux, which names the initrd among the arguments
			for _, arg := range rest {
				if files, ok := strings.CutPrefix(arg, "initrd="); ok {
					e.Initrd = append(e.Initrd, strings.Split(files, ",")...)
				} else {
					e.Args = append(e.Args, arg)
				}
			}
		}
	}
	done()
	return list
}

// splitWords splits at blanks outside of quotes, which it takes off. A backslash
// is kept: Fedora's GRUB hands the \x20 of a label on.
func splitWords(line string) (words []string) {
	var word strings.Builder
	var quote rune
	open := false
	for _, r := range line {
		switch {
		case r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, open = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}

// extract copies the entry's kernel and initrds out of the image, the latter into
// one file, as boot loaders put them together, and returns qemu's arguments.
func (e *Entry) extract(m *iso.Image, dir string) ([]string, error) {
	kernel, initrd := filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "initrd.img")
	if err := errors.Join(copyOut(m, kernel, e.Kernel), copyOut(m, initrd, e.Initrd...)); err != nil {
		return nil, fmt.Errorf("take the kernel of the menu's entry from the image: %w", err)
	}
	args := e.Args
	if !e.Serial() {
		args = append(slices.Clone(args), "console=ttyS0,115200")
	}
	return []string{"-kernel", kernel, "-initrd", initrd, "-append", strings.Join(args, " ")}, nil
}

func copyOut(m *iso.Image, to string, names ...string) (err error) {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // the caller says what it was doing
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	left := int64(maxKernel)
	for _, name := range names {
		f, err := m.OpenFile(name)
		if err != nil {
			return err //nolint:wrapcheck // it names the file
		}
		if left -= f.Size; left < 0 {
			return fmt.Errorf("%s: more than %d bytes", name, int64(maxKernel))
		}
		if _, err := io.Copy(out, f); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	return nil
}
