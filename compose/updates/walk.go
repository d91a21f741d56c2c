package updates

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/fedora-respin/respin/internal/limitio"
)

// Entry is one entry of an image.
type Entry struct {
	Name     string // without "./" or "/" in front; "." for the root
	Mode     uint32 // st_mode with the type bits
	UID, GID uint32
	Inode    uint32 // entries that share it and have Links over 1 are one file
	Links    uint32
	MTime    uint32 // seconds since 1970
	Size     int64  // bytes of data; of hard links most often the last has them
	Linkto   string // target of a symbolic link
}

// Walk reads an image, compressed with gzip or not, and calls visit for each of
// its entries, with the data of a regular file to read. What visit leaves unread
// is skipped, and its error ends the walk. The bounds are those of Options. What
// is no image is an *ImageError; *limitio.TooLargeError and *TooLargeError tell
// of a too large one.
func Walk(r io.Reader, o Options, visit func(e *Entry, data io.Reader) error) error {
	o.defaults()
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(2)
	if err != nil {
		return &ImageError{Reason: "is empty", Err: noEOF(err)}
	}
	w := &walker{r: b}
	if magic[0] == 0x1f && magic[1] == 0x8b {
		zip, err := gzip.NewReader(b)
		if err != nil {
			return &ImageError{Reason: "no gzip", Err: err}
		}
		w.r = zip
	}
	w.r = limitio.Reader(w.r, o.MaxSize, "unpacked updates image")
	for n := 0; ; n++ {
		if n > o.MaxFiles {
			return &TooLargeError{What: "files", Limit: int64(o.MaxFiles)}
		}
		e, err := w.next()
		if err != nil || e == nil {
			return err
		}
		data := io.LimitReader(w, e.Size)
		if e.Mode&modeType == modeSymlink {
			data = strings.NewReader("")
		}
		if err := visit(e, data); err != nil {
			return err
		}
		if err := w.skip(e); err != nil {
			return err
		}
	}
}

// walker reads newc.
type walker struct {
	r   io.Reader
	n   int64 // read so far
	end int64 // of the current entry's data
}

func (w *walker) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.n += int64(n)
	return n, err //nolint:wrapcheck // io.EOF is what io.Reader means
}

func (w *walker) fail(reason string, err error) error {
	return &ImageError{Offset: w.n, Reason: reason, Err: noEOF(err)}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next reads the header of the next entry, nil at the trailer.
func (w *walker) next() (*Entry, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(w, head[:]); err != nil {
		return nil, w.fail("ends before its trailer", err)
	}
	if m := string(head[:6]); m != magicNewc && m != magicCRC {
		return nil, w.fail(fmt.Sprintf("has no entry where one should be: %q", m), nil)
	}
	var f [13]uint32
	for i := range f {
		var b [4]byte
		if _, err := hex.Decode(b[:], head[6+8*i:14+8*i]); err != nil {
			return nil, w.fail("has a number that is none", err)
		}
		f[i] = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	e := &Entry{Inode: f[0], Mode: f[1], UID: f[2], GID: f[3], Links: f[4], MTime: f[5], Size: int64(f[6])}
	name, err := w.text(int64(f[11]))
	if err != nil {
		return nil, err
	}
	if name == trailer {
		return nil, nil //nolint:nilnil // the end
	}
	if e.Name = strings.TrimPrefix(strings.TrimPrefix(name, "."), "/"); e.Name == "" {
		e.Name = "."
	}
	w.end = w.n + e.Size
	if e.Mode&modeType == modeSymlink {
		if e.Size > maxPath {
			return nil, w.fail("has a symbolic link with too long a target", nil)
		}
		target := make([]byte, e.Size)
		if _, err := io.ReadFull(w, target); err != nil {
			return nil, w.fail("ends in a symbolic link", err)
		}
		e.Linkto = string(target)
	}
	return e, nil
}

// text reads a name of size bytes with its NUL and its padding.
func (w *walker) text(size int64) (string, error) {
	if size < 2 || size > maxPath+1 {
		return "", w.fail(fmt.Sprintf("has a name of %d bytes", size), nil)
	}
	padded := size + (4-(w.n+size)%4)%4
	name := make([]byte, padded)
	if _, err := io.ReadFull(w, name); err != nil {
		return "", w.fail("ends in a name", err)
	}
	name = name[:size]
	if i := strings.IndexByte(string(name), 0); i != len(name)-1 {
		return "", w.fail("has a name without its end, or with two", nil)
	}
	return string(name[:size-1]), nil
}

// skip goes to the next entry.
func (w *walker) skip(e *Entry) error {
	rest := w.end - w.n + (4-w.end%4)%4
	if _, err := io.CopyN(io.Discard, w, rest); err != nil {
		return w.fail(fmt.Sprintf("ends in the data of /%s", e.Name), err)
	}
	return nil
}
