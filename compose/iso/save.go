package iso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// SaveOptions are the options of Save.
type SaveOptions struct {
	NoChecksum bool // only write; the Checksum is then nil
}

// Save writes the image that comes from src to a new file at path, sums it on the
// way and implants the medium checksum, as ImplantMD5 with Force would in a second
// pass. The data go to the disk past the page cache where the file system allows
// it, and are on the disk when Save returns.
//
//	sum, err := iso.Save(ctx, pipe, "out.iso", iso.SaveOptions{})
//
// The errors are those of ImplantMD5, of src and of the file system; the file may
// then be there in part. When ctx ends, src must end too, as a pipe does whose
// writer is killed.
func Save(ctx context.Context, src io.Reader, path string, opts SaveOptions) (*Checksum, error) {
	out, err := createDirect(path)
	if err != nil {
		return nil, err
	}
	s := saver{opts: opts, out: out, path: path}
	err = s.run(ctx, src)
	if err := errors.Join(err, out.Close()); err != nil {
		return nil, err
	}
	return s.sum, nil
}

type saver struct {
	opts SaveOptions
	out  *directFile
	path string
	img  *Image
	sum  *Checksum
}

func (s *saver) run(ctx context.Context, src io.Reader) error {
	size, err := spread(ctx, src, s.write, s.take)
	if err != nil {
		return fmt.Errorf("save %s: %w", s.path, err)
	}
	if v := s.img.volumeSize(); v > size {
		return s.img.bad("it is truncated: the volume has %d bytes, the file %d", v, size)
	}
	out := s.out.buffered()
	if s.sum != nil {
		return s.img.write(out, s.sum)
	}
	if err := out.Sync(); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	return nil
}

func (s *saver) write(ctx context.Context, in <-chan *piece, done func(*piece)) error {
	for p := range in {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.out.write(p.data, p.off); err != nil {
			return err
		}
		done(p)
	}
	return nil
}

// take sums the volume. What follows it, an appended partition, is only let pass.
func (s *saver) take(ctx context.Context, in <-chan *piece, done func(*piece)) error {
	src := &pieces{in: in, done: done, path: s.path}
	s.img = &Image{r: src, size: 1 << 62, path: s.path}
	if err := s.img.readDescriptors(); err != nil {
		return err
	}
	if !s.opts.NoChecksum {
		sums := summer{img: s.img, skip: skipSectors, count: fragmentCount}
		total, fragments, err := sums.implanted(ctx)
		if err != nil {
			return err
		}
		s.sum = &Checksum{MD5: total, FragmentSums: string(fragments[:]), FragmentCount: fragmentCount, SkipSectors: skipSectors}
	}
	for src.next() {
	}
	return nil
}

// CheckInto is CheckMD5 that gives the whole file to w as well, piece by piece, in
// the same pass: who needs another digest of an image reads it once. An image
// without a checksum is ErrNoChecksum once w has got all of it. The file is read
// past the page cache where the file system allows it.
func CheckInto(ctx context.Context, path string, w io.Writer) error {
	file, err := openDirect(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	img, err := Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = img.Close() }()
	want, missing := parseAppData(img.appData())
	if missing == nil {
		missing = want.fits(img)
	}
	_, err = spread(ctx, file, func(ctx context.Context, in <-chan *piece, done func(*piece)) error {
		for p := range in {
			if err := ctx.Err(); err != nil {
				return err
			}
			if _, err := w.Write(p.data); err != nil {
				return err //nolint:wrapcheck // it is the caller's writer
			}
			done(p)
		}
		return nil
	}, func(ctx context.Context, in <-chan *piece, done func(*piece)) error {
		src := &pieces{in: in, done: done, path: path}
		if missing == nil {
			s := summer{img: &Image{r: src, size: img.size, path: path, pvd: img.pvd, pvdAt: img.pvdAt}, skip: want.SkipSectors, count: want.FragmentCount}
			if err := s.compare(ctx, want); err != nil {
				return err
			}
		}
		for src.next() {
		}
		return nil
	})
	if err == nil && missing != nil {
		err = fmt.Errorf("check %s: %w", path, missing)
	}
	return err
}

// directFile is written past the page cache as long as it can be: what is written
// once and is larger than the cache would only push other files out of it, and the
// kernel's copying is most of what writing a large file costs.
type directFile struct {
	*os.File
	direct bool
}

// directAlign suits every disk and file system: 4096 is the largest logical block
// of disks in use, and the page size of the architectures that this runs on but
// for some with 64 KiB, which do not ask for it.
const directAlign = 4096

// write writes p at off.
func (f *directFile) write(p []byte, off int64) error {
	if f.direct && len(p)%directAlign == 0 && off%directAlign == 0 {
		_, err := f.WriteAt(p, off)
		if err == nil {
			return nil
		}
		if !refusesDirect(err) {
			return fmt.Errorf("write image: %w", err)
		}
	}
	b := f.buffered()
	if _, err := b.WriteAt(p, off); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	startWriteback(b, off, int64(len(p)))
	return nil
}

// Read reads as os.File does, and through the page cache once the end of the file
// is no whole block, or the file system refuses.
func (f *directFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if err != nil && f.direct && refusesDirect(err) {
		return f.buffered().Read(p) //nolint:wrapcheck // the caller says what is read
	}
	return n, err //nolint:wrapcheck // as above
}
