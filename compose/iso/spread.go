package iso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// A piece is large enough for a disk to read or write it at its full speed; all of
// them are the memory that a spread takes, 32 MiB.
const (
	pieceSize    = 4 << 20
	spreadPieces = 8
)

// piece is a part of the image, on its way to those who take it.
type piece struct {
	buf   []byte
	data  []byte // what of buf is filled
	off   int64
	users atomic.Int32
}

// taker takes the pieces of an image in their order. It hands every piece back
// with done once it needs it no more, and ends when in is closed or it fails.
type taker func(ctx context.Context, in <-chan *piece, done func(*piece)) error

// spread reads src once and gives it to several takers at the same time. It
// returns how many bytes there were. The error is the first of all; when ctx ends,
// src must end too, as a pipe does whose writer is killed.
func spread(ctx context.Context, src io.Reader, takers ...taker) (size int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bufs, free, err := arena(spreadPieces, pieceSize)
	if err != nil {
		return 0, err
	}
	defer free() // after all takers have ended
	// Every channel has room for all pieces: nobody waits to hand one on.
	idle := make(chan *piece, spreadPieces)
	for _, buf := range bufs {
		idle <- &piece{buf: buf}
	}
	done := func(p *piece) {
		if p.users.Add(-1) == 0 {
			idle <- p
		}
	}
	var wg sync.WaitGroup
	to := make([]chan *piece, len(takers))
	for i, take := range takers {
		in := make(chan *piece, spreadPieces)
		to[i] = in
		wg.Go(func() {
			if err := take(ctx, in, done); err != nil {
				cancel(err)
			}
		})
	}
	size, err = readPieces(ctx, src, idle, to)
	if err != nil {
		cancel(err)
	}
	for _, in := range to {
		close(in)
	}
	wg.Wait()
	return size, context.Cause(ctx)
}

// readPieces hands src on in pieces, all of them full but the last.
func readPieces(ctx context.Context, src io.Reader, idle <-chan *piece, to []chan *piece) (size int64, err error) {
	for {
		var p *piece
		select {
		case p = <-idle:
		case <-ctx.Done():
			return size, ctx.Err()
		}
		n, err := io.ReadFull(src, p.buf)
		if n > 0 {
			p.data, p.off = p.buf[:n], size
			p.users.Store(int32(len(to)))
			size += int64(n)
			for _, in := range to {
				in <- p
			}
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return size, nil
		case err != nil:
			return size, fmt.Errorf("read image: %w", err)
		}
	}
}

// pieces is an image read in the order in which it comes. Going back is possible
// within one piece, as the summer does after it has read the descriptors.
type pieces struct {
	in   <-chan *piece
	done func(*piece)
	path string
	at   *piece
}

func (r *pieces) next() bool {
	if r.at != nil {
		r.done(r.at)
	}
	var ok bool
	r.at, ok = <-r.in
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
				return n, &NotISOError{r.path, "it is truncated"}
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
