package composetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

// BuildTree writes the tree of the stand-in medium into out, a directory that
// may be empty, as lorax leaves it: images/boot.iso boots, BIOS and UEFI. Files
// by path replace those of the stand-in, or come on top.
func BuildTree(ctx context.Context, opts Options, out string, files map[string]string) error {
	if err := opts.defaults(); err != nil {
		return err
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return fmt.Errorf("find cache folder: %w", err)
	}
	b := &builder{Options: opts, files: files}
	if b.busybox, err = findBusybox(); err != nil {
		return err
	}
	if b.kernel, err = Kernel(ctx, dir, opts.Runner, opts.Log); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(filepath.Dir(out), atomicfile.TempPrefix); err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	err = b.buildTree(ctx, out)
	if err := errors.Join(err, os.RemoveAll(b.dir)); err != nil {
		return fmt.Errorf("build stand-in tree: %w", err)
	}
	return nil
}

func (b *builder) buildTree(ctx context.Context, out string) error {
	tmp, err := b.medium(ctx)
	if err != nil {
		return err
	}
	// Remove takes only an empty directory.
	if err := os.Remove(out); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("place tree: %w", err)
	}
	return errors.Join(os.Rename(filepath.Join(b.dir, "tree"), out), os.Rename(tmp, filepath.Join(out, "images", "boot.iso")))
}
