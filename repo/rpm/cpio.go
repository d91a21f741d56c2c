package rpm

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// PayloadEntry is one file of the archive.
type PayloadEntry struct {
	File *File // the entry of the header that it belongs to, never nil
	Size int64 // bytes that Read gives; 0 for all but the last of hard-linked files
}

const (
	newcHeader     = 110 // magic and 13 fields of 8 hexadecimal digits
	strippedHeader = 14  // magic and one field
	maxCpioName    = 64 << 10
	cpioTrailer    = "TRAILER!!!"
)

// Next moves to the next file and returns it; io.EOF after the last one. What
// was left unread of the current file is skipped.
func (y *Payload) Next() (PayloadEntry, error) {
	if _, err := io.Copy(io.Discard, y); err != nil {
		return PayloadEntry{}, err
	}
	if err := y.align(); err != nil {
		return PayloadEntry{}, err
	}
	head, err := y.take(strippedHeader)
	if err != nil {
		return PayloadEntry{}, err
	}
	switch head[:6] {
	case "07070X":
		return y.nextStripped(head)
	case "070701", "070702":
		return y.nextNewc(head)
	}
	return PayloadEntry{}, y.fail(fmt.Sprintf("no cpio magic but %q", head[:6]), nil)
}

// nextStripped reads the form that refers to the header by index.
func (y *Payload) nextStripped(head string) (PayloadEntry, error) {
	i, err := strconv.ParseUint(head[6:14], 16, 32)
	if err != nil || i >= uint64(len(y.p.Files)) {
		return PayloadEntry{}, y.fail(fmt.Sprintf("file %q of %d", head[6:14], len(y.p.Files)), nil)
	}
	if err := y.align(); err != nil {
		return PayloadEntry{}, err
	}
	y.left = y.sizes[i]
	return PayloadEntry{File: &y.p.Files[i], Size: y.left}, nil
}

// nextNewc reads the form with a full header.
func (y *Payload) nextNewc(head string) (PayloadEntry, error) {
	rest, err := y.take(newcHeader - strippedHeader)
	if err != nil {
		return PayloadEntry{}, err
	}
	head += rest
	field := func(i int) int64 {
		v, perr := strconv.ParseUint(head[6+8*i:14+8*i], 16, 32)
		err = errors.Join(err, perr)
		return int64(v)
	}
	size, nameSize := field(6), field(11)
	if err != nil || nameSize < 1 || nameSize > maxCpioName {
		return PayloadEntry{}, y.fail(fmt.Sprintf("cpio header %q", head), nil)
	}
	name, err := y.take(nameSize)
	if err != nil {
		return PayloadEntry{}, err
	}
	name = strings.TrimRight(name, "\x00")
	if name == cpioTrailer {
		return PayloadEntry{}, io.EOF
	}
	if err := y.align(); err != nil {
		return PayloadEntry{}, err
	}
	file := y.lookup(name)
	if file == nil {
		return PayloadEntry{}, y.fail(fmt.Sprintf("%q is in the payload and not in the header", name), nil)
	}
	y.left = size
	return PayloadEntry{File: file, Size: size}, nil
}

// lookup finds the header's entry of an archive name: "./usr/bin/x" stands for
// "/usr/bin/x", and rpm 3 wrote no prefix.
func (y *Payload) lookup(name string) *File {
	for _, path := range []string{name, strings.TrimPrefix(name, "."), "/" + name, strings.TrimPrefix(name, "./")} {
		if i, ok := y.byPath[path]; ok {
			return &y.p.Files[i]
		}
	}
	return nil
}

// take reads n bytes of the archive.
func (y *Payload) take(n int64) (string, error) {
	b := make([]byte, n)
	m, err := io.ReadFull(y.r, b)
	y.pos += int64(m)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "", y.fail("ends before the trailer", io.ErrUnexpectedEOF)
	}
	if err != nil {
		return "", y.fail("unpack "+y.p.PayloadCompressor, err)
	}
	return string(b), nil
}

// align skips to a multiple of 4.
func (y *Payload) align() error {
	_, err := y.take((4 - y.pos%4) % 4)
	return err
}
