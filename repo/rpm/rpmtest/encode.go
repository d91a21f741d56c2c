package rpmtest

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/fedora-respin/respin/repo/rpm"
)

// headerWriter collects entries and lays them out as rpm does: data in the order
// of the index, aligned, wrapped into an immutable region.
type headerWriter struct{ entries []Entry }

func (w *headerWriter) add(tag rpm.Tag, typ rpm.Type, count int, data []byte) {
	w.entries = append(w.entries, Entry{tag, typ, count, data})
}

func (w *headerWriter) text(tag rpm.Tag, s string) {
	w.add(tag, rpm.TypeString, 1, append([]byte(s), 0))
}

// optional writes nothing for an empty string.
func (w *headerWriter) optional(tag rpm.Tag, s string) {
	if s != "" {
		w.text(tag, s)
	}
}

func (w *headerWriter) i18n(tag rpm.Tag, s string) {
	w.add(tag, rpm.TypeI18NString, 1, append([]byte(s), 0))
}

func (w *headerWriter) texts(tag rpm.Tag, ss []string) {
	w.entries = append(w.entries, Strings(tag, ss...))
}

func (w *headerWriter) ints(tag rpm.Tag, vs ...uint32) {
	w.entries = append(w.entries, Ints(tag, vs...))
}

func (w *headerWriter) longs(tag rpm.Tag, vs ...uint64) {
	var b []byte
	for _, v := range vs {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	w.add(tag, rpm.TypeInt64, len(vs), b)
}

func (w *headerWriter) shorts(tag rpm.Tag, vs []uint16) {
	var b []byte
	for _, v := range vs {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	w.add(tag, rpm.TypeInt16, len(vs), b)
}

func (w *headerWriter) bin(tag rpm.Tag, b []byte) { w.add(tag, rpm.TypeBin, len(b), b) }

// sort puts the entries in the order of their tags, as rpm writes them.
func (w *headerWriter) sort() *headerWriter {
	slices.SortStableFunc(w.entries, func(a, b Entry) int { return int(a.Tag) - int(b.Tag) })
	return w
}

// bytes lays the header out with region as its first tag; 0 for none.
func (w *headerWriter) bytes(region rpm.Tag) []byte {
	var index, data bytes.Buffer
	line := func(b *bytes.Buffer, tag rpm.Tag, typ rpm.Type, offset int32, count int) {
		_ = binary.Write(b, binary.BigEndian, []uint32{uint32(tag), uint32(typ), uint32(offset), uint32(count)})
	}
	for _, e := range w.entries {
		for data.Len()%alignment(e.Type) != 0 {
			data.WriteByte(0)
		}
		line(&index, e.Tag, e.Type, int32(data.Len()), e.Count)
		data.Write(e.Data)
	}
	var out, first bytes.Buffer
	n := len(w.entries)
	if region != 0 {
		n++
		line(&first, region, rpm.TypeBin, int32(data.Len()), 16)
		line(&data, region, rpm.TypeBin, int32(-16*n), 16)
	}
	out.WriteString("\x8e\xad\xe8\x01\x00\x00\x00\x00")
	_ = binary.Write(&out, binary.BigEndian, []uint32{uint32(n), uint32(data.Len())})
	out.Write(first.Bytes())
	out.Write(index.Bytes())
	out.Write(data.Bytes())
	return out.Bytes()
}

func alignment(t rpm.Type) int {
	switch t {
	case rpm.TypeInt16:
		return 2
	case rpm.TypeInt32:
		return 4
	case rpm.TypeInt64:
		return 8
	default:
		return 1
	}
}
