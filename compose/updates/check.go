package updates

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Check reads an image back and compares it with its packages, which it verifies
// anew: every file of theirs is in it once, with its type, mode, owner, size and
// target, with the content whose digest the package's header names, and nothing
// else is. Options must be those of Write. The Report is Write's, but that Size
// is 0. What differs is a *MismatchError; other errors are those of Write and Walk.
func Check(ctx context.Context, image io.Reader, inputs []Input, o Options) (*Report, error) {
	o.defaults()
	l, err := plan(ctx, inputs, o)
	if err != nil {
		return nil, err
	}
	c := &checker{layout: l, seen: map[string]bool{}, pending: map[uint32][]*node{}}
	if err := Walk(contextReader{ctx, image}, o, c.entry); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("check updates image: %w", ctx.Err())
		}
		return nil, err
	}
	return l.report, c.finish()
}

type checker struct {
	*layout
	seen    map[string]bool
	pending map[uint32][]*node // hard links whose data have not come
}

func (c *checker) entry(e *Entry, data io.Reader) error {
	n := c.nodes[e.Name]
	differs := func(format string, args ...any) error {
		return &MismatchError{Path: e.Name, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case n == nil:
		return differs("no package brings it")
	case c.seen[e.Name]:
		return differs("it comes twice")
	case e.Mode != n.mode:
		return differs("the mode is %06o, the package has %06o", e.Mode, n.mode)
	case e.UID != n.uid || e.GID != n.gid:
		return differs("the owner is %d:%d, the package has %d:%d", e.UID, e.GID, n.uid, n.gid)
	case e.MTime != n.mtime:
		return differs("the time is %d, the package has %d", e.MTime, n.mtime)
	case e.Linkto != n.linkto:
		return differs("the target is %q, the package has %q", e.Linkto, n.linkto)
	}
	c.seen[e.Name] = true
	if !n.is(modeRegular) {
		return nil
	}
	if e.Links > 1 && e.Size == 0 {
		c.pending[e.Inode] = append(c.pending[e.Inode], n)
		return nil
	}
	return c.content(e, data, append(c.pending[e.Inode], n))
}

// content compares data with each of the nodes that they are the content of.
func (c *checker) content(e *Entry, data io.Reader, nodes []*node) error {
	delete(c.pending, e.Inode)
	sums := map[uint32]hash.Hash{}
	writers := []io.Writer{io.Discard}
	for _, n := range nodes {
		if h := rpm.NewHash(n.algo); h != nil && sums[n.algo] == nil {
			sums[n.algo] = h
			writers = append(writers, h)
		}
	}
	size, err := io.Copy(io.MultiWriter(writers...), data)
	if err != nil {
		return fmt.Errorf("read /%s in the updates image: %w", e.Name, err)
	}
	for _, n := range nodes {
		h := sums[n.algo]
		switch {
		case size != n.size:
			return &MismatchError{Path: n.name, Reason: fmt.Sprintf("it has %d bytes, the package has %d", size, n.size)}
		case h != nil && n.digest != "" && hex.EncodeToString(h.Sum(nil)) != n.digest:
			return &MismatchError{Path: n.name, Reason: "its content is not the package's"}
		}
	}
	return nil
}

func (c *checker) finish() error {
	for _, nodes := range c.pending {
		for _, n := range nodes {
			if n.size != 0 {
				return &MismatchError{Path: n.name, Reason: "its data are missing"}
			}
		}
	}
	if len(c.seen) == len(c.nodes) {
		return nil
	}
	missing := make([]string, 0, len(c.nodes)-len(c.seen))
	for name := range c.nodes {
		if !c.seen[name] {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return &MismatchError{Path: missing[0], Reason: "it is missing"}
}
