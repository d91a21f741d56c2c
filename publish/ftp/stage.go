package ftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/publish"
)

const (
	digestSuffix = ".digest"
	tailBytes    = 64 << 10 // compared before an upload is gone on with
)

// Stage implements publish.Publisher.
func (p *Publisher) Stage(ctx context.Context, set publish.Set, progress publish.Progress) (publish.Staged, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	err := errors.Join(set.Validate(), p.ready(ctx))
	if err == nil {
		st := &staging{p: p, set: set, top: p.staging(set.ID, set.Attempt), progress: progress, done: map[string]bool{}}
		err = p.with(ctx, func(s *session) (bool, error) {
			moved := st.moved
			err := st.run(ctx, s)
			return st.moved > moved, err
		})
	}
	if err != nil {
		return publish.Staged{}, fmt.Errorf("stage %s: %w", set.ID, err)
	}
	return set.Staged(), nil
}

// staging is one Stage call over as many connections as it takes.
type staging struct {
	p        *Publisher
	set      publish.Set
	top      string // the attempt's directory
	progress publish.Progress
	src      *publish.Source
	done     map[string]bool // files checked in this call
	moved    int64           // bytes sent in this call
}

func (st *staging) run(ctx context.Context, s *session) error {
	same, err := st.p.published(s, st.set.Staged())
	if err != nil {
		return err
	}
	if same {
		for _, f := range st.set.Files {
			st.progress(f.Path, f.Size, f.Size)
		}
		return nil
	}
	if st.src, err = st.set.Open(); err != nil {
		return err
	}
	defer st.src.Close() //nolint:errcheck // only read
	sizes, err := st.begin(s)
	if err != nil {
		return err
	}
	for _, f := range st.set.UploadOrder() {
		if st.done[f.Path] {
			continue
		}
		have, listed := sizes[f.Path]
		if !listed {
			have = s.size(path.Join(st.top, f.Path))
		}
		if err := st.upload(ctx, s, f, have); err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
		st.done[f.Path] = true
	}
	return st.compare(s)
}

// begin makes the attempt's directory, empties it when it holds files of
// another set, and removes from it what the set does not have.
func (st *staging) begin(s *session) (map[string]int64, error) {
	marker := st.top + digestSuffix
	want := []byte(st.set.Staged().Digest + "\n")
	have, err := s.readAll(marker, 4096)
	if err != nil && !errors.Is(err, errNone) {
		return nil, err
	}
	if !bytes.Equal(have, want) {
		if err := s.removeTree(st.top); err != nil {
			return nil, err
		}
		s.mkdirs(st.p.stagingRoot())
		if err := s.c.Stor(marker, bytes.NewReader(want)); err != nil {
			return nil, fmt.Errorf("write %s: %w", marker, err)
		}
	}
	s.mkdirs(st.top)
	sizes, err := s.tree(st.top)
	if err != nil {
		return nil, err
	}
	dirs := map[string]bool{}
	for _, f := range st.set.Files {
		for d := path.Dir(f.Path); d != "."; d = path.Dir(d) {
			dirs[d] = true
		}
	}
	files := map[string]bool{}
	for _, f := range st.set.Files {
		files[f.Path] = true
	}
	for name, size := range sizes {
		stray := !files[name] && !dirs[name] || files[name] && size < 0 || dirs[name] && size >= 0
		if !stray {
			continue
		}
		delete(sizes, name)
		if size < 0 {
			err = s.removeTree(path.Join(st.top, name))
		} else if err = s.c.Delete(path.Join(st.top, name)); missing(err) {
			err = nil
		}
		if err != nil {
			return nil, err
		}
	}
	made := slices.Sorted(func(yield func(string) bool) {
		for d := range dirs {
			if _, there := sizes[d]; !there && !yield(d) {
				return
			}
		}
	})
	for _, d := range made { // parents sort before their children
		_ = s.c.MakeDir(path.Join(st.top, d)) // a missing directory fails its first file
	}
	return sizes, nil
}

// mkdirs makes a directory and those above it. Servers tell "exists" in many
// ways; what is really missing fails the first file.
func (s *session) mkdirs(dir string) {
	made := ""
	if strings.HasPrefix(dir, "/") {
		made = "/"
	}
	for part := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		made = path.Join(made, part)
		_ = s.c.MakeDir(made)
	}
}

// size is a file's size on the server, -1 when there is none.
func (s *session) size(name string) int64 {
	n, err := s.c.FileSize(name)
	if err != nil {
		return -1
	}
	return n
}

// upload sends a file, from where an earlier try ended.
func (st *staging) upload(ctx context.Context, s *session, f publish.File, have int64) error {
	name := path.Join(st.top, f.Path)
	if have > f.Size || have < 0 {
		have = 0
	}
	r, err := st.resume(ctx, s, f, name, have)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read
	if have = r.Offset(); have == f.Size && have > 0 {
		st.progress(f.Path, f.Size, f.Size)
		return st.readBack(s, f, name)
	}
	body := &countingReader{r, func(n int64) {
		st.moved += n - have
		have = n
		st.progress(f.Path, n, f.Size)
	}}
	if have > 0 {
		err = s.c.StorFrom(name, body, uint64(have))
	} else {
		err = s.c.Stor(name, body)
	}
	if _, changed := errors.AsType[*publish.MismatchError](err); changed {
		// What is there now looks like this file and is not.
		return errors.Join(err, st.drop(s, name))
	}
	if err != nil {
		return err
	}
	if f.Size == 0 {
		st.progress(f.Path, 0, 0)
	}
	return st.readBack(s, f, name)
}

func (st *staging) drop(s *session, name string) error {
	if err := s.c.Delete(name); err != nil && !missing(err) {
		return err
	}
	return nil
}

// resume opens the file at the place to go on from: have when the server's
// last bytes agree with the file's, else the start.
func (st *staging) resume(ctx context.Context, s *session, f publish.File, name string, have int64) (*publish.Reader, error) {
	tail := min(have, tailBytes)
	if tail == 0 {
		return st.src.Open(ctx, f, 0)
	}
	remote, err := s.c.RetrFrom(name, uint64(have-tail))
	if err != nil {
		if missing(err) {
			return st.src.Open(ctx, f, 0)
		}
		return nil, err
	}
	there, err := io.ReadAll(io.LimitReader(remote, tail+1))
	if err = errors.Join(err, remote.Close()); err != nil {
		return nil, err
	}
	r, err := st.src.Open(ctx, f, have-tail)
	if err != nil {
		return nil, err
	}
	here := make([]byte, tail)
	if _, err := io.ReadFull(r, here); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if bytes.Equal(here, there) {
		return r, nil
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	return st.src.Open(ctx, f, 0)
}

// readBack compares the digest of what the server holds, where configured.
func (st *staging) readBack(s *session, f publish.File, name string) error {
	if !st.p.cfg.ReadBack {
		return nil
	}
	got, err := s.digest(name)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if got != f.SHA256 {
		err := &publish.MismatchError{Path: f.Path, What: "sha256", Want: f.SHA256, Got: got + " on the server"}
		return errors.Join(err, st.drop(s, name))
	}
	return nil
}

// compare looks at all sizes once more.
func (st *staging) compare(s *session) error {
	sizes, err := s.tree(st.top)
	if err != nil {
		return err
	}
	for _, f := range st.set.Files {
		got, listed := sizes[f.Path]
		if !listed { // some servers hide some names
			got = s.size(path.Join(st.top, f.Path))
		}
		if got == f.Size {
			continue
		}
		st.done[f.Path] = false
		err := &publish.MismatchError{Path: f.Path, What: "size", Want: fmt.Sprint(f.Size), Got: fmt.Sprint(got) + " on the server"}
		return errors.Join(err, st.drop(s, path.Join(st.top, f.Path)))
	}
	return nil
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
