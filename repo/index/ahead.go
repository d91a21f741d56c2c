package index

import (
	"io"
	"sync"
)

// aheadReader reads the next blocks while the last one is being parsed: on two
// cores unpacking and hashing cost no time of their own.
type aheadReader struct {
	blocks chan block
	free   chan []byte
	stop   chan struct{}
	done   sync.WaitGroup

	rest []byte
	last block
}

type block struct {
	data []byte
	err  error
}

const (
	aheadBlocks = 4
	aheadSize   = 256 << 10
)

func readAhead(r io.Reader) *aheadReader {
	a := &aheadReader{blocks: make(chan block), free: make(chan []byte, aheadBlocks), stop: make(chan struct{})}
	for range aheadBlocks {
		a.free <- make([]byte, aheadSize)
	}
	a.done.Go(func() {
		for {
			var b block
			select {
			case b.data = <-a.free:
			case <-a.stop:
				return
			}
			var n int
			n, b.err = readBlock(r, b.data)
			b.data = b.data[:n]
			select {
			case a.blocks <- b:
			case <-a.stop:
				return
			}
			if b.err != nil {
				return
			}
		}
	})
	return a
}

// readBlock fills b as far as r gives.
func readBlock(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}

func (a *aheadReader) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.last.err != nil {
			return 0, a.last.err
		}
		if a.last.data != nil {
			a.free <- a.last.data[:cap(a.last.data)]
		}
		a.last = <-a.blocks
		a.rest = a.last.data
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Close ends the reading and waits for it.
func (a *aheadReader) Close() {
	close(a.stop)
	a.done.Wait()
}
