package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/publish"
)

// Stage implements publish.Publisher.
func (p *Publisher) Stage(ctx context.Context, set publish.Set, progress publish.Progress) (publish.Staged, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	if err := p.stage(ctx, set, progress); err != nil {
		return publish.Staged{}, fmt.Errorf("stage %s: %w", set.ID, err)
	}
	return set.Staged(), nil
}

func (p *Publisher) stage(ctx context.Context, set publish.Set, progress publish.Progress) error {
	if err := errors.Join(set.Validate(), p.ready(ctx)); err != nil {
		return err
	}
	same, err := p.published(ctx, set.Staged())
	if err != nil {
		return err
	}
	if same {
		for _, f := range set.Files {
			progress(f.Path, f.Size, f.Size)
		}
		return nil
	}
	src, err := set.Open()
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // only read
	for _, f := range set.UploadOrder() {
		if err := p.upload(ctx, src, set, f, progress); err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
	}
	return nil
}

// published asks whether the set stands under its final name.
func (p *Publisher) published(ctx context.Context, s publish.Staged) (bool, error) {
	a, err := p.ask(ctx, request{method: nethttp.MethodGet, id: s.ID, path: []string{s.ID}})
	if err != nil || a.status == nethttp.StatusNotFound {
		return false, err
	}
	var v struct{ Digest string }
	if err := decodeJSON(bytes.NewReader(a.body), &v); err != nil {
		return false, err
	}
	if v.Digest != s.Digest {
		return false, &publish.ExistsError{ID: s.ID}
	}
	return true, nil
}

// upload brings one file to the server, going on where an earlier try ended.
func (p *Publisher) upload(ctx context.Context, src *publish.Source, set publish.Set, f publish.File, progress publish.Progress) error {
	path := append([]string{publish.StagingName(set.ID, set.Attempt)}, strings.Split(f.Path, "/")...)
	last := int64(-1)
	anew := false // the bytes that are there are not this file's
	return p.retry(ctx, func() (bool, error) {
		have, complete, err := p.uploaded(ctx, set.ID, path, f)
		if err != nil {
			return false, err
		}
		if complete {
			progress(f.Path, f.Size, f.Size)
			return true, nil
		}
		if anew || have > f.Size {
			have = 0
		}
		moved := have > last
		last = have
		err = p.put(ctx, src, set.ID, path, f, have, progress)
		if _, damaged := errors.AsType[*publish.MismatchError](err); damaged && have > 0 && !anew {
			// Either the start was another file's, or this file changed; one
			// upload from the start tells.
			anew = true
			err = &retryError{err}
		}
		return moved, err
	})
}

func (p *Publisher) uploaded(ctx context.Context, id string, path []string, f publish.File) (have int64, complete bool, err error) {
	a, err := p.send(ctx, request{method: nethttp.MethodHead, id: id, path: path})
	if err != nil {
		return 0, false, err
	}
	if a.header.Get(headerComplete) == "?1" {
		return 0, parseDigest(a.header.Get(headerDigest)) == f.SHA256, nil
	}
	have, err = strconv.ParseInt(a.header.Get(headerOffset), 10, 64)
	if err != nil || have < 0 {
		return 0, false, fmt.Errorf("the server's answer has no %s; it is no upload server", headerOffset)
	}
	return have, false, nil
}

func (p *Publisher) put(ctx context.Context, src *publish.Source, id string, path []string, f publish.File, have int64, progress publish.Progress) error {
	if have == f.Size && have > 0 {
		have = 0 // complete but never confirmed: a range cannot be empty
	}
	r, err := src.Open(ctx, f, have)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read
	header := nethttp.Header{headerDigest: {formatDigest(f.SHA256)}}
	if !f.ModTime.IsZero() {
		header.Set("Last-Modified", f.ModTime.UTC().Format(nethttp.TimeFormat))
	}
	if have > 0 {
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", have, f.Size-1, f.Size))
	}
	var body io.Reader
	if f.Size > 0 {
		// The server refuses before the bytes are sent.
		header.Set("Expect", "100-continue")
		body = &countingReader{r, func(n int64) { progress(f.Path, n, f.Size) }}
	} else if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return err
	}
	_, err = p.send(ctx, request{method: nethttp.MethodPut, id: id, path: path, header: header, body: body, length: f.Size - have})
	if err == nil && f.Size == 0 {
		progress(f.Path, 0, 0)
	}
	return err
}

// countingReader reports how far the file behind it is.
type countingReader struct {
	r    *publish.Reader
	tell func(n int64)
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if n > 0 {
		c.tell(c.r.Offset())
	}
	return n, err
}
