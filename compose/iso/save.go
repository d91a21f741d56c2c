package iso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

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
	s := saver{opts: opts, src: src, out: out, path: path, free: make(chan *piece, savePieces), written: make(chan *piece, savePieces), summed: make(chan *piece, savePieces)}
	sum, err := s.run(ctx)
	if err := errors.Join(err, out.Close()); err != nil {
		return nil, err
	}
	return sum, nil
}

// SaveOptions are the options of Save.
type SaveOptions struct {
	NoChecksum bool // only write; the Checksum is then nil
}

// A piece is large enough for a disk to write it at its full speed; all of them
// are the memory that a Save takes, 32 MiB.
const (
	pieceSize  = 4 << 20
	savePieces = 8
)

// piece is a part of the image, on its way to the disk and into the sum.
type piece struct {
	buf   []byte
	data  []byte // what of buf is filled
	off   int64
	users atomic.Int32
}

type saver struct {
	opts SaveOptions
	src  io.Reader
	out  *directFile
	path string
	// Every channel has room for all pieces: nobody waits to hand one on.
	free, written, summed chan *piece
}

func (s *saver) run(ctx context.Context) (*Checksum, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bufs, free, err := arena(savePieces, pieceSize)
	if err != nil {
		return nil, err
	}
	defer free()
	for _, buf := range bufs {
		s.free <- &piece{buf: buf}
	}
	var sum *Checksum
	var img *Image
	var wg sync.WaitGroup
	wg.Go(func() { cancelOn(cancel, s.write(ctx)) })
	wg.Go(func() {
		var err error
		img, sum, err = s.sum(ctx)
		cancelOn(cancel, err)
	})
	size, err := s.read(ctx)
	cancelOn(cancel, err)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("save %s: %w", s.path, err)
	}
	if v := img.volumeSize(); v > size {
		return nil, img.bad("it is truncated: the volume has %d bytes, the file %d", v, size)
	}
	if sum == nil {
		return nil, s.sync()
	}
	return sum, img.write(s.out.buffered(), sum)
}

func (s *saver) sync() error {
	if err := s.out.Sync(); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	return nil
}

func cancelOn(cancel context.CancelCauseFunc, err error) {
	if err != nil {
		cancel(err)
	}
}

// read hands src on in pieces, all of them full but the last.
func (s *saver) read(ctx context.Context) (size int64, err error) {
	defer close(s.written)
	defer close(s.summed)
	for {
		var p *piece
		select {
		case p = <-s.free:
		case <-ctx.Done():
			return size, ctx.Err()
		}
		n, err := io.ReadFull(s.src, p.buf)
		if n > 0 {
			p.data, p.off = p.buf[:n], size
			p.users.Store(2)
			size += int64(n)
			s.written <- p
			s.summed <- p
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return size, nil
		case err != nil:
			return size, fmt.Errorf("read image: %w", err)
		}
	}
}

func (s *saver) done(p *piece) {
	if p.users.Add(-1) == 0 {
		s.free <- p
	}
}

func (s *saver) write(ctx context.Context) error {
	for p := range s.written {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.out.write(p.data, p.off); err != nil {
			return err
		}
		s.done(p)
	}
	return nil
}

// sum sums the volume. What follows it, an appended partition, is only let pass.
func (s *saver) sum(ctx context.Context) (*Image, *Checksum, error) {
	src := &pieces{saver: s}
	img := &Image{r: src, size: 1 << 62, path: s.path}
	if err := img.readDescriptors(); err != nil {
		return nil, nil, err
	}
	var sum *Checksum
	if !s.opts.NoChecksum {
		sums := summer{img: img, skip: skipSectors, count: fragmentCount}
		total, fragments, err := sums.implanted(ctx)
		if err != nil {
			return nil, nil, err
		}
		sum = &Checksum{MD5: total, FragmentSums: string(fragments[:]), FragmentCount: fragmentCount, SkipSectors: skipSectors}
	}
	for src.next() {
	}
	return img, sum, nil
}

// pieces reads the image in the order in which it comes. Going back is possible
// within one piece, as the summer does after it has read the descriptors.
type pieces struct {
	saver *saver
	at    *piece
}

func (r *pieces) next() bool {
	if r.at != nil {
		r.saver.done(r.at)
	}
	var ok bool
	r.at, ok = <-r.saver.summed
	return ok
}

// ReadAt reads all of p. An image that has ended is a *NotISOError, not io.EOF: the
// volume is shorter than it says.
func (r *pieces) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if r.at == nil || at >= r.at.off+int64(len(r.at.data)) {
			if !r.next() {
				return n, &NotISOError{r.saver.path, "it is truncated"}
			}
			continue
		}
		if at < r.at.off {
			return n, fmt.Errorf("read image: byte %d has passed", at)
		}
		n += copy(p[n:], r.at.data[at-r.at.off:])
	}
	return n, nil
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
