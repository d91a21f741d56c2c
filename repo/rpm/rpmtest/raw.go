package rpmtest

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/fedora-respin/respin/repo/rpm"
)

// Entry is one tag of a header as it stands in the file: Data in network byte
// order, strings with their NUL.
type Entry struct {
	Tag   rpm.Tag
	Type  rpm.Type
	Count int
	Data  []byte
}

// Raw is a package taken apart, for tests that need what no builder makes:
// entries may be added, changed, dropped and put in any order.
type Raw struct {
	Lead              []byte
	Signature, Header []Entry
	Payload           []byte
	// NoRegions leaves out the regions of both headers, as rpm 3 did.
	NoRegions bool
}

// TakeApart reads a package. It panics when data is no RPM.
func TakeApart(data []byte) *Raw {
	p := parse(data)
	return &Raw{
		Lead: bytes.Clone(data[:96]), Signature: entriesOf(p.Signature), Header: entriesOf(p.Header),
		Payload: bytes.Clone(data[p.HeaderEnd:]), NoRegions: p.Format == 3,
	}
}

// Bytes puts the package together. Digests and signatures stay as they are.
func (r *Raw) Bytes() []byte {
	sigRegion, region := rpm.TagHeaderSignatures, rpm.TagHeaderImmutable
	if r.NoRegions {
		sigRegion, region = 0, 0
	}
	return join(r.Lead, (&headerWriter{r.Signature}).bytes(sigRegion), (&headerWriter{r.Header}).bytes(region), r.Payload)
}

// Digested puts the package together with the signature header of an unsigned
// package of format 4 that fits the rest.
func (r *Raw) Digested() []byte {
	region := rpm.TagHeaderImmutable
	if r.NoRegions {
		region = 0
	}
	s := Spec{Format: 4}
	r.Signature = s.digests((&headerWriter{r.Header}).bytes(region), r.Payload, 0).entries
	return r.Bytes()
}

// Set replaces the entry of a tag in a list, or adds it in the order of tags.
func Set(list []Entry, e Entry) []Entry {
	i := slices.IndexFunc(list, func(o Entry) bool { return o.Tag >= e.Tag })
	switch {
	case i < 0:
		return append(list, e)
	case list[i].Tag == e.Tag:
		list[i] = e
		return list
	}
	return slices.Insert(list, i, e)
}

// Drop removes the entries of the tags from a list.
func Drop(list []Entry, tags ...rpm.Tag) []Entry {
	return slices.DeleteFunc(list, func(e Entry) bool { return slices.Contains(tags, e.Tag) })
}

// Strings makes an entry of an array of strings.
func Strings(tag rpm.Tag, ss ...string) Entry {
	var b []byte
	for _, s := range ss {
		b = append(append(b, s...), 0)
	}
	return Entry{tag, rpm.TypeStringArray, len(ss), b}
}

// Ints makes an entry of 32-bit numbers.
func Ints(tag rpm.Tag, vs ...uint32) Entry {
	var b []byte
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return Entry{tag, rpm.TypeInt32, len(vs), b}
}

// entriesOf copies a header without its region and the given tags.
func entriesOf(h *rpm.Header, without ...rpm.Tag) []Entry {
	var list []Entry
	for e := range h.Entries() {
		if e.Tag < rpm.TagI18NTable || slices.Contains(without, e.Tag) {
			continue
		}
		o := Entry{Tag: e.Tag, Type: e.Type, Count: e.Count}
		switch e.Type {
		case rpm.TypeBin:
			o.Data = h.Bytes(e.Tag)
		case rpm.TypeString, rpm.TypeStringArray, rpm.TypeI18NString:
			for s := range h.Strings(e.Tag) {
				o.Data = append(append(o.Data, s...), 0)
			}
		default:
			for i := range e.Count {
				v, _ := h.Uint(e.Tag, i)
				o.Data = append(o.Data, binary.BigEndian.AppendUint64(nil, v)[8-alignment(e.Type):]...)
			}
		}
		list = append(list, o)
	}
	return list
}
