package repo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Extra is a further metadata file, taken in as it stands: compressed like the
// others and listed in repomd.xml.
type Extra struct {
	Type string // "group", "modules", "updateinfo" ...
	Path string // file to read; one that ends in .gz, .xz, .zst or .bz2 is unpacked first
	// Name is the file's name in repodata, without what compression adds;
	// default: the base name of Path.
	Name string
	// Write gives the content instead of a file. It is called when every package
	// has been indexed (see Options.Indexed), with Name given.
	Write func(io.Writer) error
}

// name is the name in repodata without checksum and suffix.
func (e *Extra) name() string {
	if e.Name != "" {
		return e.Name
	}
	base := filepath.Base(e.Path)
	for _, suffix := range []string{".gz", ".xz", ".zst", ".bz2"} {
		base = strings.TrimSuffix(base, suffix)
	}
	return base
}

// open returns the plain content of the file.
func (e *Extra) open() (io.ReadCloser, error) {
	f, err := os.Open(e.Path)
	if err != nil {
		return nil, err
	}
	z, err := Decompress(e.Path, f)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{z, closeBoth{z, f}}, nil
}

type closeBoth [2]io.Closer

func (c closeBoth) Close() error {
	_ = c[0].Close()
	return c[1].Close()
}

// makeExtras takes in the further metadata files.
func (c *creator) makeExtras(ctx context.Context, modules []string) ([]output, error) {
	extras, err := c.withModules(ctx, modules)
	if err != nil {
		return nil, err
	}
	var outs []output
	for i := range extras {
		e := &extras[i]
		m, err := c.makeExtra(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("take in %s metadata: %w", e.Type, err)
		}
		outs = append(outs, output{data: m.data(c.opts.SimpleFilenames), file: m})
	}
	return outs, nil
}

func (c *creator) makeExtra(ctx context.Context, e *Extra) (*mdFile, error) {
	m, err := newMDFile(c.repodata, e.Type, e.name(), c.opts)
	if err != nil {
		return nil, err
	}
	c.extras = append(c.extras, m)
	if e.Write != nil {
		err = e.Write(m)
	} else {
		err = copyExtra(ctx, m, e)
	}
	if err != nil {
		return nil, err
	}
	return m, m.finish()
}

func copyExtra(ctx context.Context, w io.Writer, e *Extra) error {
	in, err := e.open()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // opened for reading
	_, err = io.Copy(w, ctxReader{ctx, in})
	return err
}
