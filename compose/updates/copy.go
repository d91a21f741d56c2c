package updates

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fedora-respin/respin/repo/rpm"
)

// write writes the whole layout.
func (l *layout) write(ctx context.Context, w *writer) error {
	for _, n := range l.folders {
		if err := w.entry(n, w.inode(), 2, 0); err != nil {
			return err
		}
	}
	for i, s := range l.sources {
		l.o.Progress(percentVerified+i*(100-percentVerified)/len(l.sources), "unpacking "+s.in.name())
		if s.report.Files == 0 {
			continue
		}
		c := &copier{layout: l, s: s, w: w, sets: map[inode]*linkSet{}}
		if err := c.all(ctx); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("unpack %s: %w", s.in.name(), ctx.Err())
			}
			return err
		}
	}
	return nil
}

// copier copies the files of one package.
type copier struct {
	*layout
	s    *source
	w    *writer
	sets map[inode]*linkSet
}

type inode struct{ device, number uint32 }

// linkSet is a set of hard links on their way. Unpackers want the data with the
// last of them that comes, so all of them are written when the data are there.
type linkSet struct {
	nodes   []*node // that this package writes
	left    int     // members of the payload that are still to come
	written bool
}

// all copies every file. Payload has its own bounds: what the header says, and
// layout has added that up.
func (c *copier) all(ctx context.Context) error {
	y, done, closer, err := c.s.payload(ctx, 2*c.o.MaxSize)
	if err != nil {
		return err
	}
	defer closer()
	c.linkSets()
	for {
		e, err := y.Next()
		if errors.Is(err, io.EOF) {
			return done()
		}
		if err == nil {
			err = c.entry(y, &e)
		}
		if _, ok := errors.AsType[*rpm.FormatError](err); ok {
			return &InputError{Name: c.s.in.name(), Reason: "cannot be unpacked", Err: err}
		}
		if err != nil {
			return err
		}
	}
}

// linkSets finds the hard links among the files that are written.
func (c *copier) linkSets() {
	i := -1
	for f := range c.s.verdict.Package.Files() {
		i++
		if !f.IsRegular() || f.IsGhost() || f.Inode == 0 {
			continue
		}
		k := inode{f.Device, f.Inode}
		set := c.sets[k]
		if set == nil {
			set = &linkSet{}
			c.sets[k] = set
		}
		set.left++
		if n := c.s.nodes[i]; n != nil {
			set.nodes = append(set.nodes, n)
		}
	}
}

func (c *copier) entry(y *rpm.Payload, e *rpm.PayloadEntry) error {
	n := c.s.nodes[e.Index]
	if e.Links > 1 {
		return c.linked(y, e)
	}
	switch {
	case n == nil || n.is(modeDir):
		return nil
	case n.is(modeSymlink):
		// The target that was judged, which is the header's; the archive has it too.
		if err := c.w.entry(n, c.w.inode(), 1, n.size); err != nil {
			return err
		}
		if _, err := io.WriteString(c.w, n.linkto); err != nil {
			return fmt.Errorf("write updates image: %w", err)
		}
		return c.w.pad(4)
	}
	return c.data(y, n, c.w.inode(), 1, e.Size)
}

func (c *copier) data(y *rpm.Payload, n *node, ino uint32, links int, size int64) error {
	if size != n.size {
		return &InputError{Name: c.s.in.name(), Reason: fmt.Sprintf("has %d bytes of /%s where its header says %d", size, n.name, n.size)}
	}
	if err := c.w.entry(n, ino, links, size); err != nil {
		return err
	}
	if _, err := io.Copy(c.w, struct{ io.Reader }{y}); err != nil {
		return err
	}
	return c.w.pad(4)
}

// linked handles one of several hard links.
func (c *copier) linked(y *rpm.Payload, e *rpm.PayloadEntry) error {
	set := c.sets[inode{e.File.Device, e.File.Inode}]
	set.left--
	if set.written || e.Size == 0 && set.left > 0 {
		return nil
	}
	set.written = true
	if len(set.nodes) == 0 {
		return nil
	}
	ino, last := c.w.inode(), len(set.nodes)-1
	for _, n := range set.nodes[:last] {
		if l := set.nodes[last]; n.size != l.size || n.mode != l.mode || n.uid != l.uid || n.gid != l.gid {
			return &InputError{Name: c.s.in.name(), Reason: fmt.Sprintf("has /%s and /%s as one file with two sizes, modes or owners", n.name, l.name)}
		}
		if err := c.w.entry(n, ino, len(set.nodes), 0); err != nil {
			return err
		}
	}
	return c.data(y, set.nodes[last], ino, len(set.nodes), e.Size)
}
