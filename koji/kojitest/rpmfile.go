package kojitest

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// The layout of an RPM file (rpm: docs/manual/format.md).
const (
	leadSize  = 96
	introSize = 16
	entrySize = 16
	maxHeader = 256 << 20
)

// The tags that a hub's record is made of (rpmtag.h).
const (
	tagName      = 1000
	tagVersion   = 1001
	tagRelease   = 1002
	tagEpoch     = 1003
	tagBuildTime = 1006
	tagArch      = 1022
	tagSourceRPM = 1044
)

var errNoRPM = errors.New("not an RPM file")

// rpmInfo is what a hub reads from a file when it imports it.
type rpmInfo struct {
	name, version, release, arch string
	epoch                        *int
	buildTime                    int64
	payloadHash                  string // hex md5 of all behind the signature header
	sigHeader                    []byte // signature header, padding included
}

// section is a header section at an offset of a file.
type section struct {
	entries []byte
	store   []byte
	size    int64 // without padding
}

func readSection(r io.ReaderAt, at int64) (section, error) {
	var intro [introSize]byte
	if _, err := r.ReadAt(intro[:], at); err != nil {
		return section{}, errNoRPM
	}
	if !bytes.Equal(intro[:4], []byte{0x8e, 0xad, 0xe8, 1}) {
		return section{}, errNoRPM
	}
	entries := int64(binary.BigEndian.Uint32(intro[8:])) * entrySize
	store := int64(binary.BigEndian.Uint32(intro[12:]))
	if entries+store > maxHeader {
		return section{}, errNoRPM
	}
	// Reading through a reader allocates no more than the file holds.
	raw, err := io.ReadAll(io.NewSectionReader(r, at+introSize, entries+store))
	if err != nil || int64(len(raw)) != entries+store {
		return section{}, errNoRPM
	}
	return section{entries: raw[:entries], store: raw[entries:], size: introSize + entries + store}, nil
}

// value returns the store from the tag's value on.
func (s section) value(tag uint32) ([]byte, bool) {
	for e := s.entries; len(e) >= entrySize; e = e[entrySize:] {
		if binary.BigEndian.Uint32(e) == tag {
			offset := binary.BigEndian.Uint32(e[8:])
			if int64(offset) > int64(len(s.store)) {
				return nil, false
			}
			return s.store[offset:], true
		}
	}
	return nil, false
}

func (s section) text(tag uint32) string {
	v, ok := s.value(tag)
	end := bytes.IndexByte(v, 0)
	if !ok || end < 0 {
		return ""
	}
	return string(v[:end])
}

func (s section) number(tag uint32) (int, bool) {
	v, ok := s.value(tag)
	if !ok || len(v) < 4 {
		return 0, false
	}
	return int(binary.BigEndian.Uint32(v)), true
}

// inspect reads an RPM file as koji.get_rpm_header and the hub's import do.
func inspect(r io.ReaderAt) (*rpmInfo, error) {
	var magic [4]byte
	if _, err := r.ReadAt(magic[:], 0); err != nil || !bytes.Equal(magic[:], []byte{0xed, 0xab, 0xee, 0xdb}) {
		return nil, errNoRPM
	}
	sig, err := readSection(r, leadSize)
	if err != nil {
		return nil, err
	}
	sigEnd := leadSize + (sig.size+7)/8*8
	header, err := readSection(r, sigEnd)
	if err != nil {
		return nil, err
	}
	info := &rpmInfo{
		name: header.text(tagName), version: header.text(tagVersion), release: header.text(tagRelease), arch: header.text(tagArch),
	}
	if header.text(tagSourceRPM) == "" {
		info.arch = "src"
	}
	if n, ok := header.number(tagEpoch); ok {
		info.epoch = &n
	}
	n, _ := header.number(tagBuildTime)
	info.buildTime = int64(n)
	info.sigHeader = make([]byte, sigEnd-leadSize)
	if _, err := r.ReadAt(info.sigHeader, leadSize); err != nil {
		return nil, fmt.Errorf("read signature header: %w", err)
	}
	hash := md5.New()
	if _, err := io.Copy(hash, io.NewSectionReader(r, sigEnd, 1<<62)); err != nil {
		return nil, fmt.Errorf("read payload: %w", err)
	}
	info.payloadHash = hex.EncodeToString(hash.Sum(nil))
	return info, nil
}
