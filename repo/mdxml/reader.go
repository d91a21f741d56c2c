package mdxml

import (
	"bytes"
	"io"
	"strconv"

	"github.com/fedora-respin/respin/internal/xmlscan"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Namespaces of repodata.
const (
	NamespaceCommon    = "http://linux.duke.edu/metadata/common"
	NamespaceFilelists = "http://linux.duke.edu/metadata/filelists"
	NamespaceOther     = "http://linux.duke.edu/metadata/other"
	NamespaceRPM       = "http://linux.duke.edu/metadata/rpm"
	NamespaceRepo      = "http://linux.duke.edu/metadata/repo"
)

// Bounds of one package. The largest there are (firmware, kernels with all
// their files) stay below 10 MiB.
const (
	maxRecord     = 64 << 20 // bytes of text and lists
	maxPerPackage = 1 << 20  // dependencies of one kind, files, changelog entries
)

// reader is what the readers of the three files have in common.
type reader struct {
	*xmlscan.Scanner

	mem  []byte // the text of the current package
	used int    // bytes of it, those in earlier buffers and in lists included
}

func newReader(r io.Reader) *reader {
	return &reader{Scanner: xmlscan.New(r, xmlscan.Limits{Depth: 32})}
}

// packages calls read, which must read it to its end, and then each for every
// package element of the document. An error of each comes back as it is.
func (r *reader) packages(file, space, root string, read, each func() error) error {
	announced, held := -1, 0
	if err := r.Root(space, root); err != nil {
		return Located(file, err)
	}
	if text, ok := r.Attr("packages"); ok {
		var err error
		if announced, err = strconv.Atoi(string(bytes.TrimSpace(text))); err != nil || announced < 0 {
			return Located(file, r.Fail("bad package count "+strconv.Quote(string(text))))
		}
	}
	var own error
	err := r.children(func() error {
		if string(r.Local()) != "package" {
			return r.Skip()
		}
		r.mem, r.used = r.mem[:0], 0
		if err := read(); err != nil {
			return err
		}
		held++
		own = each()
		return own
	})
	if own != nil {
		return own
	}
	if err == nil {
		err = r.Finish()
	}
	if err != nil {
		return Located(file, err)
	}
	if announced >= 0 && announced != held {
		return &CountError{File: file, Announced: announced, Held: held}
	}
	return nil
}

// children calls each for every child of the current element, which each must
// read to its end.
func (r *reader) children(each func() error) error {
	for {
		more, err := r.Child()
		if err != nil || !more {
			return err
		}
		if err := each(); err != nil {
			return err
		}
	}
}

// keep copies b to where it stays until the next package.
func (r *reader) keep(b []byte) ([]byte, error) {
	if err := r.reserve(len(b)); err != nil {
		return nil, err
	}
	from := len(r.mem)
	r.mem = append(r.mem, b...)
	return r.mem[from:len(r.mem):len(r.mem)], nil
}

// What an element of a list takes besides its text, in bytes: without that a
// few kilobytes of compressed "<file/>" would become lists of gigabytes.
const (
	relationCost  = 96
	fileCost      = 40
	changelogCost = 56
)

// charge counts memory of the current package.
func (r *reader) charge(n int) error {
	if r.used += n; r.used > maxRecord {
		return r.Fail("package of more than " + strconv.Itoa(maxRecord) + " bytes")
	}
	return nil
}

// reserve makes room for n bytes. A new buffer leaves the slices into the old
// one as they are.
func (r *reader) reserve(n int) error {
	if err := r.charge(n); err != nil {
		return err
	}
	if len(r.mem)+n > cap(r.mem) {
		r.mem = make([]byte, 0, max(64<<10, min(2*cap(r.mem), 1<<20), n))
	}
	return nil
}

// keepText keeps the text of the current element, and reads to its end.
func (r *reader) keepText() ([]byte, error) {
	from := len(r.mem)
	mem, err := r.AppendText(r.mem)
	if err != nil {
		return nil, err
	}
	r.mem = mem
	if err := r.charge(len(mem) - from); err != nil {
		return nil, err
	}
	return mem[from:len(mem):len(mem)], nil
}

// keepTo keeps the text of the current element in dst.
func (r *reader) keepTo(dst *[]byte) (err error) {
	*dst, err = r.keepText()
	return err
}

// keepAttr keeps an attribute; nil when it is absent.
func (r *reader) keepAttr(name string) ([]byte, error) {
	v, _ := r.Attr(name)
	if len(v) == 0 {
		return nil, nil
	}
	return r.keep(v)
}

// number reads an attribute as an integer; 0 when it is absent.
func (r *reader) number(name string) (int64, error) {
	v, _ := r.Attr(name)
	n, ok := xmlscan.ParseNumber(v)
	if !ok {
		return 0, r.Fail("attribute " + name + ": bad number " + strconv.Quote(string(v)))
	}
	return n, nil
}

// EVR is an epoch, version and release.
type EVR struct {
	Epoch            uint32
	Version, Release []byte
}

// EVR returns a copy.
func (v *EVR) EVR() rpm.EVR {
	return rpm.EVR{Epoch: v.Epoch, HasEpoch: v.Epoch != 0, Version: string(v.Version), Release: string(v.Release)}
}

// readEVR reads a version element.
func (r *reader) readEVR(dst *EVR) (err error) {
	if *dst, err = r.evr(); err != nil {
		return err
	}
	return r.Skip()
}

// evr reads the attributes epoch, ver and rel of the current start tag.
func (r *reader) evr() (v EVR, err error) {
	text, _ := r.Attr("epoch")
	n, ok := xmlscan.ParseNumber(text)
	if !ok || n < 0 || n > 1<<32-1 || bytes.IndexByte(text, '.') >= 0 {
		return v, r.Fail("bad epoch " + strconv.Quote(string(text)))
	}
	v.Epoch = uint32(n)
	if v.Version, err = r.keepAttr("ver"); err == nil {
		v.Release, err = r.keepAttr("rel")
	}
	return v, err
}
