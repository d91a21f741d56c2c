package rpmdbtest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/fedora-respin/respin/repo/rpm"
)

// extra is an entry that rpm adds behind the immutable region.
type extra struct {
	tag  rpm.Tag
	typ  rpm.Type
	n    int
	data []byte
}

// Installed turns the RPM file into the header that rpm would store when it is
// installed at a time, in seconds since 1970.
func Installed(file []byte, installTime uint32) []byte {
	p, err := rpm.Read(bytes.NewReader(file))
	if err != nil {
		panic(err)
	}
	header := file[p.HeaderStart:p.HeaderEnd]
	lines := binary.BigEndian.Uint32(header[8:])
	index, data := bytes.Clone(header[16:16+16*lines]), bytes.Clone(header[16+16*lines:])
	extras := added(p, installTime)
	out := binary.BigEndian.AppendUint32(nil, lines+uint32(len(extras)))
	for _, e := range extras {
		if e.typ == rpm.TypeInt32 {
			for len(data)%4 != 0 {
				data = append(data, 0)
			}
		}
		for _, v := range []uint32{uint32(e.tag), uint32(e.typ), uint32(len(data)), uint32(e.n)} {
			index = binary.BigEndian.AppendUint32(index, v)
		}
		data = append(data, e.data...)
	}
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	return append(append(out, index...), data...)
}

func added(p *rpm.Package, installTime uint32) []extra {
	list := []extra{{1008, rpm.TypeInt32, 1, binary.BigEndian.AppendUint32(nil, installTime)}}
	text := func(tag rpm.Tag, s string) {
		if s != "" {
			list = append(list, extra{tag, rpm.TypeString, 1, append([]byte(s), 0)})
		}
	}
	text(rpm.TagSHA1Header, p.Digests.HeaderSHA1)
	text(rpm.TagSHA256Header, p.Digests.HeaderSHA256)
	text(rpm.TagSHA3Header, p.Digests.HeaderSHA3)
	if md5, err := hex.DecodeString(p.Digests.SigMD5); err == nil && len(md5) > 0 {
		list = append(list, extra{261, rpm.TypeBin, len(md5), md5})
	}
	for _, s := range p.Signatures {
		if s.Tag == rpm.TagRSAHeader || s.Tag == rpm.TagDSAHeader {
			list = append(list, extra{s.Tag, rpm.TypeBin, len(s.Raw), s.Raw})
		}
	}
	slices.SortFunc(list, func(a, b extra) int { return cmp.Compare(a.tag, b.tag) })
	return list
}
