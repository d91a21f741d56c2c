package kiwidesc

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
)

// Pack writes the description in dir as an archive that Open takes: the same
// bytes for the same files, whoever packs them and when. The repository of git
// and of other version control is left out. What an archive of a description
// cannot hold is an *ArchiveError.
func Pack(w io.Writer, dir string) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("pack description: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	z := gzip.NewWriter(w)
	p := &packer{root: root, tar: tar.NewWriter(z), left: MaxUnpacked}
	// WalkDir goes in lexical order.
	if err := fs.WalkDir(root.FS(), ".", p.add); err != nil {
		return fmt.Errorf("pack description: %w", err)
	}
	if err := errors.Join(p.tar.Close(), z.Close()); err != nil {
		return fmt.Errorf("pack description: %w", err)
	}
	return nil
}

type packer struct {
	root *os.Root
	tar  *tar.Writer
	left int64
	n    int
}

func (p *packer) add(name string, e fs.DirEntry, err error) error {
	if err != nil || name == "." {
		return err
	}
	if e.IsDir() && (e.Name() == ".git" || e.Name() == ".hg" || e.Name() == ".svn") {
		return fs.SkipDir
	}
	if p.n++; p.n > MaxEntries {
		return &ArchiveError{Reason: fmt.Sprintf("the directory has more than %d entries", MaxEntries)}
	}
	info, err := e.Info()
	if err != nil {
		return err //nolint:wrapcheck // a path error
	}
	h := &tar.Header{Name: filepath.ToSlash(name), Mode: int64(info.Mode().Perm()), Format: tar.FormatPAX}
	switch {
	case e.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		return p.tar.WriteHeader(h) //nolint:wrapcheck // the caller says what it was for
	case e.Type() == fs.ModeSymlink:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = p.root.Readlink(name); err != nil {
			return err //nolint:wrapcheck // a path error
		}
		if !stays(h.Name, h.Linkname) {
			return &ArchiveError{Entry: name, Reason: "is a link that leads out of the description"}
		}
		return p.tar.WriteHeader(h) //nolint:wrapcheck // the caller says what it was for
	case !e.Type().IsRegular():
		return &ArchiveError{Entry: name, Reason: "is no file, directory or link"}
	}
	if p.left -= info.Size(); p.left < 0 {
		return &ArchiveError{Reason: fmt.Sprintf("the directory holds more than %d bytes", MaxUnpacked)}
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	return p.content(name, h)
}

func (p *packer) content(name string, h *tar.Header) error {
	f, err := p.root.Open(name)
	if err != nil {
		return err //nolint:wrapcheck // a path error
	}
	err = p.tar.WriteHeader(h)
	if err == nil {
		_, err = io.Copy(p.tar, f)
	}
	return errors.Join(err, f.Close())
}
