package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/smoke"
	"github.com/fedora-respin/respin/internal/atomicfile"
)

type isoCmd struct {
	Show       isoShowCmd    `cmd:"" help:"Show what an image says about itself and how it boots."`
	ImplantMD5 isoImplantCmd `cmd:"" name:"implant-md5" help:"Write the medium checksum that the installer verifies."`
	CheckMD5   isoCheckCmd   `cmd:"" name:"check-md5" help:"Verify the medium checksum."`
	Boot       isoBootCmd    `cmd:"" help:"Boot an image in a virtual machine and read its serial console."`
}

type isoShowCmd struct {
	File  string `arg:"" help:"An ISO image."`
	Files bool   `short:"l" help:"List its files."`
}

func (*isoShowCmd) about() string { return "" }

func (*isoShowCmd) examples() []example {
	return []example{
		{"respin iso show boot.iso", "Volume id, architecture, checksum, and whether BIOS and UEFI boot it as CD and as USB stick."},
		{"respin iso show -l boot.iso", "With its files."},
	}
}

// isoInfo is what iso show prints with --json.
type isoInfo struct {
	VolumeID  string        `json:"volume_id"`
	Arch      string        `json:"arch,omitempty"`
	Release   string        `json:"release,omitempty"`
	Size      int64         `json:"size"`
	RockRidge bool          `json:"rock_ridge"`
	Joliet    bool          `json:"joliet"`
	Boots     []string      `json:"boots"` // bios-cd, uefi-cd, bios-disk, uefi-disk
	Checksum  *isoSum       `json:"checksum,omitempty"`
	Files     []isoFileInfo `json:"files,omitempty"`
}

type isoSum struct {
	MD5       string `json:"md5"`
	Fragments int    `json:"fragments"`
}

type isoFileInfo struct {
	Path string `json:"path"`
	Mode string `json:"mode"`
	Size int64  `json:"size"`
}

func describeISO(i *iso.Info) isoInfo {
	v := isoInfo{VolumeID: i.VolumeID, Arch: i.Arch, Size: i.FileSize, RockRidge: i.RockRidge, Joliet: i.Joliet, Boots: []string{}}
	for _, b := range []struct {
		on   bool
		name string
	}{{i.BIOS, "bios-cd"}, {i.UEFI, "uefi-cd"}, {i.BIOSDisk, "bios-disk"}, {i.UEFIDisk, "uefi-disk"}} {
		if b.on {
			v.Boots = append(v.Boots, b.name)
		}
	}
	if i.TreeInfo != nil {
		v.Release = strings.TrimSpace(i.TreeInfo.Family + " " + i.TreeInfo.Version)
	}
	if i.Checksum != nil {
		v.Checksum = &isoSum{i.Checksum.MD5, i.Checksum.FragmentCount}
	}
	return v
}

// Run is the verb.
func (s *isoShowCmd) Run(a *app) error {
	image, err := iso.Open(s.File)
	if err != nil {
		return err
	}
	defer func() { _ = image.Close() }()
	info, err := image.Info()
	if err != nil {
		return err
	}
	v := describeISO(info)
	if s.Files || a.global.JSON {
		err = image.Walk(func(name string, e iso.Entry) error {
			v.Files = append(v.Files, isoFileInfo{name, e.Mode.String(), e.Size})
			return nil
		})
		if err != nil {
			return err
		}
	}
	if a.global.JSON {
		a.printJSON(v)
		return nil
	}
	extensions := "none"
	switch {
	case v.RockRidge && v.Joliet:
		extensions = "Rock Ridge, Joliet"
	case v.RockRidge:
		extensions = "Rock Ridge"
	case v.Joliet:
		extensions = "Joliet"
	}
	boots, sum := "nothing", "none"
	if len(v.Boots) > 0 {
		boots = strings.Join(v.Boots, ", ")
	}
	if v.Checksum != nil {
		sum = "md5 " + v.Checksum.MD5
	}
	a.pairs("volume id", v.VolumeID, "release", v.Release, "arch", v.Arch, "size", bytesText(v.Size), "names", extensions, "boots as", boots, "checksum", sum)
	for _, f := range v.Files {
		a.printf("%s %12d %s\n", f.Mode, f.Size, clean(f.Path))
	}
	return nil
}

type isoImplantCmd struct {
	File      string `arg:"" help:"An ISO image; it is changed."`
	Force     bool   `help:"Replace a checksum that is there."`
	Supported bool   `help:"Let the installer call the medium supported, as implantisomd5 --supported-iso."`
}

func (*isoImplantCmd) about() string { return "" }

func (*isoImplantCmd) examples() []example {
	return []example{{"respin iso implant-md5 --force edited.iso", "After an image was edited."}}
}

// Run is the verb.
func (i *isoImplantCmd) Run(ctx context.Context, a *app) error {
	bar := a.transfer("summing", transferFloor)
	sum, err := iso.ImplantMD5(ctx, i.File, iso.ImplantOptions{Supported: i.Supported, Force: i.Force, Progress: bar.set})
	bar.close()
	if errors.Is(err, iso.ErrAppDataUsed) {
		return fmt.Errorf("%s: %w; --force replaces it", i.File, err)
	}
	if err != nil {
		return err
	}
	if a.global.JSON {
		a.printJSON(isoSum{sum.MD5, sum.FragmentCount})
	} else {
		a.printf("%s: md5 %s\n", i.File, sum.MD5)
	}
	return nil
}

type isoCheckCmd struct {
	File string `arg:"" help:"An ISO image."`
}

func (*isoCheckCmd) about() string {
	return "Exit code 1 when the medium is damaged, or has no checksum."
}

func (*isoCheckCmd) examples() []example {
	return []example{{"respin iso check-md5 Fedora-44-remaster-x86_64.iso", "What checkisomd5 and the installer's medium check do."}}
}

// Run is the verb.
func (i *isoCheckCmd) Run(ctx context.Context, a *app) error {
	bar := a.transfer("checking", transferFloor)
	err := iso.CheckMD5(ctx, i.File, bar.set)
	bar.close()
	if errors.Is(err, iso.ErrNoChecksum) {
		err = fmt.Errorf("%s: %w; respin iso implant-md5 writes one", i.File, err)
	}
	if a.global.JSON && ctx.Err() == nil {
		out := struct {
			OK     bool   `json:"ok"`
			Reason string `json:"reason,omitempty"`
		}{OK: err == nil}
		if err != nil {
			out.Reason = err.Error()
		}
		a.printJSON(out)
	}
	if err == nil && !a.global.JSON {
		a.printf("%s: ok\n", i.File)
	}
	return err
}

type isoBootCmd struct {
	File       string        `arg:"" help:"An ISO image."`
	Firmware   string        `enum:"bios,uefi" default:"bios" help:"What starts the boot loader: bios or uefi (default bios)."`
	UEFI       bool          `name:"uefi" help:"The same as --firmware uefi."`
	Disk       bool          `help:"Attach it as a disk, as a USB stick, instead of as a CD."`
	Memory     int           `default:"2048" placeholder:"MIB" help:"Memory of the machine (default 2048)."`
	Timeout    time.Duration `default:"5m" placeholder:"TIME" help:"Give up after this (default 5m)."`
	Until      string        `placeholder:"REGEX" help:"The boot is good once a line of the console matches. Default: once the machine powers off."`
	Expect     string        `enum:",installer,login,live,system" default:"" help:"The boot is good once this is reached: installer (anaconda runs), login (a prompt), live (the live session), system (any of them)."`
	Serial     string        `placeholder:"FILE" help:"Write the serial console here."`
	Screenshot string        `placeholder:"FILE" help:"Write the screen at the end here, as PNG."`
	Fail       string        `placeholder:"REGEX" help:"The boot is bad once a line matches. Default: a kernel panic, an emergency shell, a failed medium check, nothing that boots."`
	Accel      string        `enum:"auto,kvm,tcg" default:"auto" help:"How the machine's code is run."`
}

func (*isoBootCmd) about() string {
	return `The machine has no network and cannot change the image. The console goes to standard error. Exit code 1 when it did not boot.

What is expected is read on the serial console (console=ttyS0). An image whose boot menu does not use it, as Fedora's do not, is booted twice: first until firmware and boot loader have brought its kernel to run, then its kernel and initrd directly, with the arguments of the menu and the serial console.`
}

func (*isoBootCmd) examples() []example {
	return []example{
		{"respin iso boot Fedora-44-remaster-x86_64.iso --until 'Starting installer'", "As a CD with BIOS."},
		{"respin iso boot boot.iso --expect installer --serial boot.log --screenshot boot.png --json", "With the console and the screen kept."},
		{"respin iso boot --uefi --disk Fedora-44-remaster-x86_64.iso", "As a USB stick with UEFI, until it powers off."},
	}
}

func (b *isoBootCmd) options(a *app) (smoke.Options, error) {
	o := smoke.Options{ISO: b.File, Memory: b.Memory, Timeout: b.Timeout, Accel: smoke.Accel(b.Accel), Screenshot: b.Screenshot, Firmware: smoke.Firmware(b.Firmware)}
	if b.Accel == "auto" {
		o.Accel = smoke.Auto
	}
	if b.UEFI {
		o.Firmware = smoke.UEFI
	}
	if b.Disk {
		o.As = smoke.Disk
	}
	if !a.global.Quiet {
		o.Log = &console{a.env.Stderr}
	}
	var err error
	if b.Expect != "" {
		if b.Until != "" {
			return o, usagef("--expect and --until exclude each other")
		}
		if o.Until, err = smoke.Marker(b.Expect).Pattern(); err != nil {
			return o, usagef("--expect: %v", err)
		}
	}
	if b.Until != "" {
		if o.Until, err = regexp.Compile(b.Until); err != nil {
			return o, usagef("--until: %v", err)
		}
	}
	o.Fail = smoke.BadLines()
	if b.Fail != "" {
		if o.Fail, err = regexp.Compile(b.Fail); err != nil {
			return o, usagef("--fail: %v", err)
		}
	}
	return o, nil
}

// console lets no control sequence of the machine reach the terminal.
type console struct{ w io.Writer }

func (c *console) Write(p []byte) (int, error) {
	text := strings.ReplaceAll(string(p), "\r", "")
	if _, err := io.WriteString(c.w, clean(text)); err != nil {
		return 0, err //nolint:wrapcheck // a Writer passes errors on as they are
	}
	return len(p), nil
}

// bootReport is what iso boot prints with --json.
type bootReport struct {
	OK              bool                `json:"ok"`
	Reason          string              `json:"reason,omitempty"`
	Line            string              `json:"line,omitempty"`
	Seconds         float64             `json:"seconds"`
	Firmware        string              `json:"firmware"`
	Accel           string              `json:"accel"`
	Serial          string              `json:"serial"`
	SerialLog       string              `json:"serial_log,omitempty"`
	Screenshot      string              `json:"screenshot,omitempty"`
	ScreenshotError string              `json:"screenshot_error,omitempty"`
	Boots           []compose.SmokeBoot `json:"boots"`
}

func boots(rep *smoke.Report) []compose.SmokeBoot {
	list := []compose.SmokeBoot{}
	for _, step := range rep.Steps {
		list = append(list, compose.SmokeBoot{How: step.How, OK: step.OK, Screenshot: step.Screenshot, Seconds: step.Duration.Seconds()})
	}
	return list
}

// Run is the verb.
func (b *isoBootCmd) Run(ctx context.Context, a *app) error {
	o, err := b.options(a)
	if err != nil {
		return err
	}
	rep, err := smoke.Prove(ctx, o)
	if wrong, ok := errors.AsType[*smoke.OptionError](err); ok {
		return usagef("%v", wrong)
	}
	if err != nil {
		return err
	}
	if b.Serial != "" {
		if err := atomicfile.Write(b.Serial, rep.Serial, 0o644); err != nil {
			return fmt.Errorf("write serial console: %w", err)
		}
	}
	if rep.ScreenshotError != "" {
		a.say("respin: no screenshot: %s\n", clean(rep.ScreenshotError))
	}
	if a.global.JSON {
		a.printJSON(bootReport{
			OK: rep.OK, Reason: rep.Reason, Line: rep.Line, Seconds: rep.Duration.Seconds(), Firmware: string(o.Firmware), Accel: string(rep.Accel),
			Serial: string(rep.Serial), SerialLog: b.Serial, Screenshot: rep.Screenshot, ScreenshotError: rep.ScreenshotError, Boots: boots(rep),
		})
	} else if rep.OK {
		how := []string{string(rep.Accel)}
		for _, step := range rep.Steps {
			how = append(how, step.How)
		}
		a.printf("%s: booted in %.1f s (%s)\n", b.File, rep.Duration.Seconds(), strings.Join(how, ", "))
	}
	if !rep.OK {
		a.say("respin: %s did not boot: %s\n", b.File, clean(rep.Reason))
		return &saidError{ExitOther}
	}
	return nil
}
