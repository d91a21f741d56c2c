package rpm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/sassoftware/go-rpmutils/cpio"
)

const (
	newcHeader     = 110 // magic and 13 fields of 8 hexadecimal digits
	strippedHeader = 14  // magic and one field
	maxCpioName    = 4096
	strippedEnd    = 0xffffffff // the index that ends a stripped archive
)

// archive is a cpio archive as rpm writes it. go-rpmutils/cpio decodes entries
// of the newc form, each by a reader of its own and only after the guard has
// seen it: the library makes buffers of whatever length an entry claims, also
// to skip data, panics on an empty name or a negative number, and takes an
// archive that just ends for a complete one. The stripped form, whose header it
// does not pad, is decoded here.
type archive struct {
	in  *bufio.Reader
	pos int64
}

func newArchive(r io.Reader) *archive { return &archive{in: bufio.NewReaderSize(r, 64<<10)} }

// Read reads the archive on.
func (a *archive) Read(b []byte) (int, error) {
	n, err := a.in.Read(b)
	a.pos += int64(n)
	return n, err
}

// discard skips bytes that peek has shown.
func (a *archive) discard(n int) {
	n, _ = a.in.Discard(n)
	a.pos += int64(n)
}

// member is one entry of the archive: with a name and a size, or with the
// index of a file of the header.
type member struct {
	name  string
	size  int64
	index int // -1 in the newc form
}

// next reads the next entry; the data of the one before must have been read.
// io.EOF stands for the trailer, io.ErrUnexpectedEOF for an archive without.
func (a *archive) next() (member, error) {
	pad := int((4 - a.pos%4) % 4)
	head, err := a.peek(pad + strippedHeader)
	if err != nil {
		return member{}, err
	}
	a.discard(pad)
	switch magic := string(head[pad : pad+6]); magic {
	case "07070X":
		return a.stripped()
	case "070701":
		return a.newc()
	default:
		return member{}, fmt.Errorf("no cpio magic but %q", magic)
	}
}

// newc checks the next entry down to its last digit and has it decoded.
func (a *archive) newc() (member, error) {
	head, err := a.peek(newcHeader)
	if err != nil {
		return member{}, err
	}
	for _, c := range head[6:] {
		if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return member{}, fmt.Errorf("cpio header %q", head)
		}
	}
	nameSize, err := strconv.ParseUint(string(head[newcHeader-16:newcHeader-8]), 16, 32)
	if err != nil || nameSize < 1 || nameSize > maxCpioName {
		return member{}, fmt.Errorf("cpio header %q: a name of %d bytes", head, nameSize)
	}
	end := newcHeader + int(nameSize)
	if head, err = a.peek((end + 3) / 4 * 4); err != nil {
		return member{}, err
	}
	if head[end-1] != 0 {
		return member{}, fmt.Errorf("cpio name %q without an end", head[newcHeader:end])
	}
	h, err := cpio.NewReader(a).Next()
	if err != nil {
		return member{}, err // io.EOF at the trailer
	}
	name, _, _ := strings.Cut(h.Filename(), "\x00")
	return member{name: name, size: h.Filesize64(), index: -1}, nil
}

// stripped reads an entry that refers to the header by index.
func (a *archive) stripped() (member, error) {
	const padded = (strippedHeader + 3) / 4 * 4
	head, err := a.peek(padded)
	if err != nil {
		return member{}, err
	}
	i, err := strconv.ParseUint(string(head[6:strippedHeader]), 16, 32)
	if err != nil {
		return member{}, fmt.Errorf("cpio header %q", head)
	}
	a.discard(padded)
	if i == strippedEnd {
		return member{}, io.EOF
	}
	return member{index: int(i)}, nil
}

// peek looks at the next n bytes. They must be there.
func (a *archive) peek(n int) ([]byte, error) {
	b, err := a.in.Peek(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}
