package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/internal/proc"
)

// remaster compares remastering an image of the size of a DVD with copying it
// twice, and the medium checksum with isomd5sum's. The image is the bootable
// stand-in with a file that does not compress.
func (o options) remaster(ctx context.Context, stdout, stderr io.Writer) (err error) {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	work, err := filepath.Abs(filepath.Join(o.cache, "remaster"))
	if err != nil {
		return fmt.Errorf("find work folder: %w", err)
	}
	if err := fresh(work); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	base := filepath.Join(work, "base.iso")
	if err := o.bigBase(ctx, work, base, stderr); err != nil {
		return err
	}
	st, err := os.Stat(base)
	if err != nil {
		return fmt.Errorf("look at base image: %w", err)
	}
	out := func(name string) string { return filepath.Join(work, "out", name) }
	argv := [][]string{
		{self, "child", "remaster", base, out("remastered.iso")},
		// Both programs leave their data on the disk, cp alone would leave them to the kernel.
		{"sh", "-c", `cp "$1" "$2" && cp "$1" "$3" && sync "$2" "$3"`, "cp", base, out("1.iso"), out("2.iso")},
		{self, "child", "implant", base},
		{"implantisomd5", "--force", base},
		{self, "child", "check", base},
		{"checkisomd5", base},
	}
	contests := []contest{
		{Title: "remaster: kickstart and boot argument onto the image", Column: "image", Targets: []target{{"cp, twice", "wall", 0.7}}},
		{Title: "implanting the medium checksum", Column: "image", Targets: []target{{"implantisomd5", "wall", 1.2}}},
		{Title: "checking the medium checksum", Column: "image", Targets: []target{{"checkisomd5", "wall", 1.2}}},
	}
	for i, c := range slices.Backward(contests) {
		if !strings.Contains(c.Title, o.only) {
			contests, argv = slices.Delete(contests, i, i+1), slices.Delete(argv, 2*i, 2*i+2)
		}
	}
	costs, err := race(ctx, o.runs, len(argv), func(i int) ([]string, error) {
		if err := fresh(filepath.Join(work, "out")); err != nil {
			return nil, err
		}
		_, err := run(ctx, []string{"sync"})
		return argv[i], err
	})
	if err != nil {
		return err
	}
	for i, c := range contests {
		results := []outcome{{"respin", costs[2*i], st.Size()}, {c.Targets[0].Against, costs[2*i+1], st.Size()}}
		if err := c.print(stdout, results); err != nil {
			return err
		}
	}
	return nil
}

// bigBase makes the image.
func (o options) bigBase(ctx context.Context, work, base string, stderr io.Writer) error {
	small, err := composetest.BaseISO(ctx, composetest.Options{Dir: filepath.Join(o.cache, "standin"), Log: stderr})
	if err != nil {
		return err
	}
	filler := filepath.Join(work, "filler")
	if err := writeFiller(filler, o.corpus.Seed, o.corpus.Bytes); err != nil {
		return err
	}
	var r proc.Runner
	err = r.Run(ctx, proc.Cmd{Name: "xorriso", Log: stderr, Args: []string{
		"-no_rc", "-abort_on", "FAILURE", "-indev", small, "-outdev", "stdio:" + base, "-boot_image", "any", "replay", "-map", filler, "/images/filler",
	}})
	return errors.Join(err, os.Remove(filler))
}

func writeFiller(path string, seed uint64, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make filler: %w", err)
	}
	var key [32]byte
	copy(key[:], strconv.FormatUint(seed, 10))
	_, err = io.CopyN(f, rand.NewChaCha8(key), size)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write filler: %w", err)
	}
	return nil
}

// remasterChild is one measured run of ours.
func remasterChild(ctx context.Context, args []string) error {
	var err error
	switch args[0] {
	case "remaster":
		_, err = remaster.Run(ctx, remaster.Job{
			BaseISO: args[1], Output: args[2], VolID: "F44-remastered", Kickstart: []byte("text\n"), BootArgs: []string{"inst.text"},
		})
	case "implant":
		_, err = iso.ImplantMD5(ctx, args[1], iso.ImplantOptions{Force: true})
	case "check":
		err = iso.CheckMD5(ctx, args[1], nil)
	}
	return err
}
