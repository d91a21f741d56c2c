package iso

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Follower sums an image while another program still writes it from its start to
// its end, out of the page cache, so that the image need not be read once more.
//
//	f := iso.Follow(ctx, "out.iso")
//	err := write("out.iso")
//	sum, err := f.Implant(ctx, iso.ImplantOptions{Force: true})
//
// It is for programs that write without going back, as xorriso does to a new
// file. What they may go back to, the first MiB, Implant reads again, and starts
// over when it is not what was summed; CheckMD5 is the proof of the whole.
type Follower struct {
	path   string
	cancel context.CancelFunc
	ended  chan struct{} // closed by the writer's end
	done   chan struct{}
	res    followed
	err    error
}

// followed is what the follower knows at the writer's end.
type followed struct {
	head   []byte // as it was summed
	size   int64  // of the volume
	sum    string
	digits [fragmentSumsLen]byte
}

const (
	// headSize is how much a tool may write again at its end: system area, volume
	// descriptors, path tables, the boot catalog. xorriso does not, but could.
	headSize = 1 << 20
	// followPause is how long the follower waits for more to be written.
	followPause = 5 * time.Millisecond
)

// Follow begins to sum the image at path, which need not exist yet. The Follower
// must be ended by Implant or Close.
func Follow(ctx context.Context, path string) *Follower {
	ctx, cancel := context.WithCancel(ctx)
	f := &Follower{path: path, cancel: cancel, ended: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(f.done)
		f.err = f.follow(ctx)
	}()
	return f
}

// Close gives up.
func (f *Follower) Close() {
	f.cancel()
	<-f.done
}

// Implant is called once the image is whole. It answers as ImplantMD5 does, which
// it calls when the image was not written from its start to its end.
func (f *Follower) Implant(ctx context.Context, opts ImplantOptions) (*Checksum, error) {
	defer f.Close()
	close(f.ended)
	<-f.done
	if f.err != nil {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("sum %s: %w", f.path, err)
		}
		return ImplantMD5(ctx, f.path, opts)
	}
	out, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	sum, err := f.implant(ctx, out, opts)
	if err := errors.Join(err, out.Close()); err != nil {
		return nil, err
	}
	return sum, nil
}

func (f *Follower) implant(ctx context.Context, out *os.File, opts ImplantOptions) (*Checksum, error) {
	st, err := out.Stat()
	if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	head := make([]byte, len(f.res.head))
	if _, err := out.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	img, err := NewImage(out, st.Size(), f.path)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(head, f.res.head) || img.volumeSize() != f.res.size {
		return implant(ctx, out, f.path, opts)
	}
	if !opts.Force && len(bytes.Trim(img.appData(), " ")) > 0 {
		return nil, fmt.Errorf("implant checksum into %s: %w", f.path, ErrAppDataUsed)
	}
	sum := &Checksum{MD5: f.res.sum, FragmentSums: string(f.res.digits[:]), FragmentCount: fragmentCount, SkipSectors: skipSectors, Supported: opts.Supported}
	return sum, img.write(out, sum)
}

// follow sums what is there, and what comes.
func (f *Follower) follow(ctx context.Context) error {
	file, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	src := &growing{ctx: ctx, file: file, ended: f.ended}
	img := &Image{r: src, size: 1 << 62, path: f.path}
	if err := img.readDescriptors(); err != nil {
		return err
	}
	f.res.size = img.volumeSize()
	src.head = make([]byte, min(headSize, f.res.size))
	s := summer{img: img, skip: skipSectors, count: fragmentCount}
	f.res.sum, f.res.digits, err = s.implanted(ctx)
	f.res.head = src.head[:min(src.read, int64(len(src.head)))]
	return err
}

func (f *Follower) open(ctx context.Context) (*os.File, error) {
	for {
		file, err := os.Open(f.path)
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			return file, err //nolint:wrapcheck // nobody sees it: the image is summed in the usual way
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.ended:
			return os.Open(f.path) //nolint:wrapcheck // as above
		case <-time.After(followPause):
		}
	}
}

// growing is a file whose reader waits for what is not there yet.
type growing struct {
	ctx   context.Context //nolint:containedctx // io.ReaderAt has none
	file  *os.File
	ended <-chan struct{}
	size  int64  // known to be written
	head  []byte // gets a copy of what was read of the start; nil before that
	read  int64  // how far it was read
}

// ReadAt reads len(p) bytes, or what there is when the writer has ended.
func (g *growing) ReadAt(p []byte, off int64) (int, error) {
	for ended := false; off+int64(len(p)) > g.size && !ended; {
		select {
		case <-g.ended:
			ended = true // what is written now is all there will be
		default:
		}
		st, err := g.file.Stat()
		if err != nil {
			return 0, fmt.Errorf("read image: %w", err)
		}
		if g.size = st.Size(); off+int64(len(p)) <= g.size || ended {
			break
		}
		select {
		case <-g.ctx.Done():
			return 0, g.ctx.Err()
		case <-g.ended:
		case <-time.After(followPause):
		}
	}
	n, err := g.file.ReadAt(p, off)
	if off < int64(len(g.head)) {
		copy(g.head[off:], p[:n])
		g.read = max(g.read, off+int64(n))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("read image: %w", err)
	}
	return n, err //nolint:wrapcheck // io.EOF is part of the contract of io.ReaderAt
}
